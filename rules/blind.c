/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/blind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void blind_init(struct blind *b, const struct metrics *metrics)
{
	*b = (struct blind){.metrics = metrics};
	b->failed = metrics_find(metrics, "whyd.collector.failed");
	b->stalled = metrics_find(metrics, "whyd.collector.stalled");
	b->recovered = metrics_find(metrics, "whyd.collector.recovered");
	b->lost = metrics_find(metrics, "kernlog.lost");
	b->suppressed = metrics_find(metrics, "kernlog.suppressed");
}

const struct blind_spot *blind_of(const struct blind *b, const char *collector)
{
	for (size_t i = 0; collector && i < b->n_spots; i++)
		if (strcmp(b->spots[i].collector, collector) == 0)
			return &b->spots[i];
	return NULL;
}

static struct blind_spot *spot_for(struct blind *b, const char *collector, mono_ns_t at)
{
	struct blind_spot *spot = (struct blind_spot *)blind_of(b, collector);

	if (spot || b->n_spots == BLIND_MAX)
		return spot;
	spot = &b->spots[b->n_spots++];
	*spot = (struct blind_spot){.since = at};
	text_copy(spot->collector, sizeof(spot->collector), collector);
	return spot;
}

static void mark_metrics(struct blind *b)
{
	for (uint32_t i = 0; i < metrics_count(b->metrics) && i < METRIC_MAX; i++) {
		const struct blind_spot *spot = blind_of(b, metrics_source(b->metrics, i));

		b->by_metric[i] = spot && spot->until == 0;
	}
}

static const char *text_field(const struct blind *b, const struct event *e, const char *field)
{
	int i = metric_field_index(metrics_at(b->metrics, e->metric), field);

	return i >= 0 && (uint32_t)i < e->n_values ? e->values[i].text : NULL;
}

static double number_field(const struct blind *b, const struct event *e, const char *field)
{
	int i = metric_field_index(metrics_at(b->metrics, e->metric), field);

	return i >= 0 && (uint32_t)i < e->n_values && !e->values[i].text ? e->values[i].number : NAN;
}

static void take_loss(struct blind *b, const struct event *e)
{
	struct blind_spot *spot = spot_for(b, metrics_source(b->metrics, e->metric), e->at);
	double n = number_field(b, e, e->metric == b->lost ? "lost" : "count");

	if (!spot || (spot->until == 0 && spot->why[0] != 0))
		return;
	spot->until = e->at + BLIND_LOST_NS;
	if (isnan(n))
		snprintf(spot->why, sizeof(spot->why), "it missed records");
	else
		snprintf(spot->why, sizeof(spot->why), "it missed %.0f records", n);
}

static bool take_event(struct blind *b, const struct graph *g, const struct event *e)
{
	const char *collector = graph_key(g, e->entity), *reason;
	struct blind_spot *spot;

	if (e->metric == b->lost || e->metric == b->suppressed) {
		take_loss(b, e);
		return true;
	}
	if (!collector || (e->metric != b->failed && e->metric != b->stalled && e->metric != b->recovered))
		return false;
	spot = spot_for(b, collector, e->at);
	if (spot && e->metric == b->recovered) {
		*spot = b->spots[--b->n_spots];
	} else if (spot) {
		reason = e->metric == b->failed ? text_field(b, e, "reason") : "it does not answer";
		spot->until = 0;
		text_copy(spot->why, sizeof(spot->why), reason ? reason : e->message ? e->message : "it failed");
	}
	return true;
}

void blind_take(struct blind *b, const struct graph *g, const struct batch *in, mono_ns_t now)
{
	bool changed = false;

	for (size_t i = 0; i < in->n_events; i++)
		changed |= take_event(b, g, &in->events[i]);
	for (size_t i = 0; i < b->n_spots;) {
		if (b->spots[i].until != 0 && now >= b->spots[i].until) {
			b->spots[i] = b->spots[--b->n_spots];
			changed = true;
		} else {
			i++;
		}
	}
	if (changed)
		mark_metrics(b);
}

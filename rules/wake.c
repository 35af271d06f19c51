/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/gate.h"
#include "rules/relative.h"
#include "rules/seen.h"
#include "rules/wake_index.h"

struct slot {
	uint64_t pair;
	uint32_t epoch; /* of the tick it was written in: nothing has to be cleared */
	uint32_t call;
};

#define SLOTS (2 * WAKE_MAX_CALLS)

struct wake {
	struct wake_index *index;
	const struct ruleset *rs;
	uint64_t fresh_ns;
	struct seen_table *seen;
	struct slot *slots;
	struct wake_call *calls;
	size_t n_calls;
	uint32_t epoch;
	mono_ns_t absence_at;
	uint64_t dropped;
};

void wake_free(struct wake **wake)
{
	struct wake *w = *wake;

	if (!w)
		return;
	wake_index_free(&w->index);
	seen_table_free(&w->seen);
	free(w->slots);
	free(w->calls);
	free(w);
	*wake = NULL;
}

int wake_new(const struct ruleset *rs, const struct metrics *metrics, size_t max_series, uint64_t fresh_ns,
	     struct wake **ret_wake)
{
	struct wake *w AUTO(wake_free) = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->rs = rs;
	w->fresh_ns = fresh_ns;
	w->slots = calloc(SLOTS, sizeof(*w->slots));
	w->calls = calloc(WAKE_MAX_CALLS, sizeof(*w->calls));
	if (!w->slots || !w->calls || seen_table_new(max_series, &w->seen) < 0 ||
	    wake_index_new(rs, metrics, &w->index) < 0)
		return -ENOMEM;
	*ret_wake = TAKE_PTR(w);
	return 0;
}

/* ---- pairs ---- */

static struct wake_call *call_for(struct wake *w, uint32_t rule, entity_id entity)
{
	uint64_t pair = (uint64_t)rule << 32 | entity;
	uint32_t at = (uint32_t)((pair * 0x9e3779b97f4a7c15ULL) >> 40) & (SLOTS - 1);

	for (; w->slots[at].epoch == w->epoch; at = (at + 1) & (SLOTS - 1))
		if (w->slots[at].pair == pair)
			return &w->calls[w->slots[at].call];
	if (w->n_calls == WAKE_MAX_CALLS) {
		w->dropped++;
		return NULL;
	}
	w->slots[at] = (struct slot){.pair = pair, .epoch = w->epoch, .call = (uint32_t)w->n_calls};
	w->calls[w->n_calls] = (struct wake_call){.rule = rule, .entity = entity};
	return &w->calls[w->n_calls++];
}

static void call_by_sample(struct wake *w, uint32_t rule, entity_id entity, mono_ns_t at)
{
	struct wake_call *c = entity == ENTITY_NONE ? NULL : call_for(w, rule, entity);

	if (c && c->at == 0)
		c->at = at;
}

static void call_by_event(struct wake *w, const struct wake_link *link, entity_id entity, const struct event *e,
			  uint32_t times)
{
	struct wake_call *c = call_for(w, link->rule, entity);

	if (!c)
		return;
	if (c->n_events == 0 || e->at < c->at)
		c->at = e->at;
	c->n_events = times > UINT32_MAX - c->n_events ? UINT32_MAX : c->n_events + times;
	c->watch_until = MAX_OF(c->watch_until, e->at + link->event_window_ns);
	c->simulated |= e->simulated != 0;
}

static void sweep(struct wake *w, const struct graph *g, uint32_t rule, enum entity_kind scope, mono_ns_t at)
{
	size_t cursor = 0;

	for (entity_id id = graph_next(g, scope, &cursor); id != ENTITY_NONE; id = graph_next(g, scope, &cursor))
		call_by_sample(w, rule, id, at);
}

/* ---- samples ---- */

/* A wide window moves slowly: that one is looked at every few samples, each entity at a time of its own. */
static bool is_due(const struct wake_link *link, const struct seen *seen, mono_ns_t at)
{
	uint64_t before;

	if (link->pace_s <= 1 || !seen || seen->at == 0)
		return true;
	/* Whether a turn has begun since the sample before: a metric that is read every 10 s has its turn as well. */
	before = (seen->at / NS_PER_S + seen->phase) / link->pace_s;
	return (at / NS_PER_S + seen->phase) / link->pace_s != before;
}

static void follow(struct wake *w, const struct graph *g, const struct wake_link *link, const struct sample *s)
{
	if (link->how == WAKE_ALL)
		sweep(w, g, link->rule, link->scope, s->at);
	else
		call_by_sample(w, link->rule,
			       link->how == WAKE_SAME ? s->entity : relative_nearest(g, s->entity, link->scope), s->at);
}

static bool may_pass(const struct wake_metric *wm, double value, bool moved)
{
	return value >= wm->lowest_above || value <= wm->highest_below || (moved && wm->by_move);
}

static void take_sample(struct wake *w, const struct graph *g, const struct wake_metric *wm, const struct sample *s)
{
	bool moved = true, hot = wm->remembers;
	struct seen *seen = wm->remembers ? seen_of(w->seen, s->metric, s->entity) : NULL;
	mono_ns_t hot_until = 0;

	if (seen && seen->at != 0) {
		moved = s->value != seen->value || mono_since(seen->at, s->at) > w->fresh_ns;
		hot = s->at <= seen->hot_until;
		hot_until = seen->hot_until;
	} else if (seen) {
		const char *key = graph_key(g, s->entity);

		hot = false;
		seen->phase = key ? text_hash(key, strlen(key)) : 0;
	}
	for (uint32_t i = 0; (hot || may_pass(wm, s->value, moved)) && i < wm->n_links; i++) {
		const struct wake_link *link = &wm->links[i];
		uint64_t hold;
		bool passes = gates_pass(&link->gates, s->value, moved, &hold);

		hot_until = passes ? MAX_OF(hot_until, s->at + hold) : hot_until;
		if ((passes || (hot && link->gates.hold_ns > 0)) && is_due(link, seen, s->at))
			follow(w, g, link, s);
	}
	if (seen) {
		seen->value = s->value;
		seen->at = s->at;
		seen->hot_until = hot_until;
	}
}

/* ---- events ---- */

static bool takes_event(struct machine *m, const struct wake_link *link, entity_id entity, const struct event *e)
{
	if (link->any_event)
		return true;
	for (uint32_t i = 0; i < link->n_predicates; i++)
		if (truth_of(machine_run(m, link->predicates[i], entity, e)) == TRUTH_TRUE)
			return true;
	return false;
}

/* A storm is told as one event that stands for many: its field `lines`. */
static uint32_t times_of(const struct machine *m, const struct event *e)
{
	const struct metric_desc *d = metrics_at(m->metrics, e->metric);

	for (uint32_t i = 0; d && d->fields && d->fields[i].name && i < e->n_values; i++)
		if (!d->fields[i].is_text && strcmp(d->fields[i].name, "lines") == 0 && e->values[i].number >= 1 &&
		    e->values[i].number <= 1e9)
			return (uint32_t)e->values[i].number;
	return 1;
}

static void take_event(struct wake *w, struct machine *m, const struct wake_link *link, const struct event *e,
		       uint32_t times)
{
	entity_id id = link->how == WAKE_UP ? relative_nearest(m->graph, e->entity, link->scope) : e->entity;
	size_t cursor = 0;

	if (link->how == WAKE_ALL) {
		for (id = graph_next(m->graph, link->scope, &cursor); id != ENTITY_NONE;
		     id = graph_next(m->graph, link->scope, &cursor))
			if (takes_event(m, link, id, e))
				call_by_event(w, link, id, e, times);
		return;
	}
	if (id != ENTITY_NONE && takes_event(m, link, id, e))
		call_by_event(w, link, id, e, times);
}

size_t wake_batch(struct wake *w, struct machine *m, const struct batch *in, const struct wake_call **ret_calls)
{
	const struct wake_metric *wm;

	w->n_calls = 0;
	w->epoch++;
	for (size_t i = 0; i < in->n_samples; i++) {
		wm = wake_index_of(w->index, in->samples[i].metric);
		if (wm && wm->n_links > 0)
			take_sample(w, m->graph, wm, &in->samples[i]);
	}
	for (size_t i = 0; i < in->n_events; i++) {
		wm = wake_index_of(w->index, in->events[i].metric);
		uint32_t times = wm && wm->n_links > 0 ? times_of(m, &in->events[i]) : 1;
		for (uint32_t k = 0; wm && k < wm->n_links; k++)
			take_event(w, m, &wm->links[k], &in->events[i], times);
	}
	if (w->absence_at == 0 || mono_since(w->absence_at, m->now) >= WAKE_ABSENCE_NS) {
		w->absence_at = m->now;
		for (uint32_t i = 0; i < w->index->n_by_absence; i++)
			sweep(w, m->graph, w->index->by_absence[i].rule, w->index->by_absence[i].scope, m->now);
	}
	*ret_calls = w->calls;
	return w->n_calls;
}

void wake_drop_entity(struct wake *w, entity_id id)
{
	for (uint32_t i = 0; i < w->index->n_metrics; i++)
		if (w->index->metrics[i].remembers)
			seen_drop(w->seen, i, id);
}

uint64_t wake_dropped(const struct wake *w)
{
	return w->dropped;
}

bool wake_reads(const struct wake *w, uint32_t rule, uint32_t metric)
{
	const struct wake_metric *wm = wake_index_of(w->index, metric);

	for (uint32_t i = 0; wm && i < wm->n_links; i++)
		if (wm->links[i].rule == rule)
			return true;
	return false;
}

uint32_t wake_rule_count(const struct ruleset *rs)
{
	return rs->n_symptoms + rs->n_causes;
}

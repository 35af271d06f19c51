/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "rules/gate.h"
#include "rules/relative.h"
#include "rules/wake_index.h"

struct seen {
	double value;
	mono_ns_t at;
	mono_ns_t hot_until;
};

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
	struct u64map *by_series; /* metric << 32 | entity -> position in seen */
	struct seen *seen;
	uint32_t *free_seen;
	size_t n_free, max_seen;
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
	u64map_free(&w->by_series);
	free(w->seen);
	free(w->free_seen);
	free(w->slots);
	free(w->calls);
	free(w);
	*wake = NULL;
}

int wake_new(const struct ruleset *rs, const struct metrics *metrics, size_t max_series, uint64_t fresh_ns, struct wake **ret_wake)
{
	struct wake *w AUTO(wake_free) = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->rs = rs;
	w->fresh_ns = fresh_ns;
	w->max_seen = max_series;
	w->seen = calloc(max_series, sizeof(*w->seen));
	w->free_seen = calloc(max_series, sizeof(*w->free_seen));
	w->slots = calloc(SLOTS, sizeof(*w->slots));
	w->calls = calloc(WAKE_MAX_CALLS, sizeof(*w->calls));
	if (!w->seen || !w->free_seen || !w->slots || !w->calls || u64map_new(max_series, &w->by_series) < 0 ||
	    wake_index_new(rs, metrics, &w->index) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < max_series; i++)
		w->free_seen[w->n_free++] = (uint32_t)(max_series - 1 - i);
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
	w->slots[at] = (struct slot){ .pair = pair, .epoch = w->epoch, .call = (uint32_t)w->n_calls };
	w->calls[w->n_calls] = (struct wake_call){ .rule = rule, .entity = entity };
	return &w->calls[w->n_calls++];
}

static void call_by_sample(struct wake *w, uint32_t rule, entity_id entity, mono_ns_t at)
{
	struct wake_call *c = entity == ENTITY_NONE ? NULL : call_for(w, rule, entity);

	if (c && c->at == 0)
		c->at = at;
}

static void call_by_event(struct wake *w, const struct wake_link *link, entity_id entity, const struct event *e)
{
	struct wake_call *c = call_for(w, link->rule, entity);

	if (!c)
		return;
	if (c->n_events == 0 || e->at < c->at)
		c->at = e->at;
	c->n_events++;
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

static struct seen *seen_of(struct wake *w, uint32_t metric, entity_id entity, bool *ret_is_new)
{
	uint64_t key = (uint64_t)metric << 32 | entity, at;

	*ret_is_new = false;
	if (u64map_get(w->by_series, key, &at))
		return &w->seen[at];
	*ret_is_new = true;
	if (w->n_free == 0 || u64map_set(w->by_series, key, w->free_seen[w->n_free - 1]) < 0)
		return NULL;
	return &w->seen[w->free_seen[--w->n_free]];
}

static void take_sample(struct wake *w, const struct graph *g, const struct wake_metric *wm, const struct sample *s)
{
	bool is_new = false, moved = true, hot = true;
	struct seen *seen = wm->remembers ? seen_of(w, s->metric, s->entity, &is_new) : NULL;
	mono_ns_t hot_until = 0;

	if (seen) {
		moved = is_new || s->value != seen->value || mono_since(seen->at, s->at) > w->fresh_ns;
		hot = !is_new && s->at <= seen->hot_until;
		hot_until = is_new ? 0 : seen->hot_until;
	}
	for (uint32_t i = 0; i < wm->n_links; i++) {
		const struct wake_link *link = &wm->links[i];
		uint64_t hold;
		bool passes = gates_pass(&link->gates, s->value, moved, &hold);

		hot_until = passes ? MAX_OF(hot_until, s->at + hold) : hot_until;
		if (!passes && !(hot && link->gates.hold_ns > 0))
			continue;
		if (link->how == WAKE_ALL)
			sweep(w, g, link->rule, link->scope, s->at);
		else
			call_by_sample(w, link->rule,
				       link->how == WAKE_SAME ? s->entity : relative_nearest(g, s->entity, link->scope), s->at);
	}
	if (seen)
		*seen = (struct seen){ .value = s->value, .at = s->at, .hot_until = hot_until };
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

static void take_event(struct wake *w, struct machine *m, const struct wake_link *link, const struct event *e)
{
	entity_id id = link->how == WAKE_UP ? relative_nearest(m->graph, e->entity, link->scope) : e->entity;
	size_t cursor = 0;

	if (link->how == WAKE_ALL) {
		for (id = graph_next(m->graph, link->scope, &cursor); id != ENTITY_NONE;
		     id = graph_next(m->graph, link->scope, &cursor))
			if (takes_event(m, link, id, e))
				call_by_event(w, link, id, e);
		return;
	}
	if (id != ENTITY_NONE && takes_event(m, link, id, e))
		call_by_event(w, link, id, e);
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
		for (uint32_t k = 0; wm && k < wm->n_links; k++)
			take_event(w, m, &wm->links[k], &in->events[i]);
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
	for (uint32_t i = 0; i < w->index->n_metrics; i++) {
		uint64_t key = (uint64_t)i << 32 | id, at;

		if (!w->index->metrics[i].remembers || !u64map_get(w->by_series, key, &at))
			continue;
		(void)u64map_remove(w->by_series, key);
		w->free_seen[w->n_free++] = (uint32_t)at;
	}
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

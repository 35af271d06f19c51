/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/causality.h"

#include <string.h>

#include "base/cleanup.h"
#include "rules/correlate.h"
#include "rules/relative.h"
#include "rules/walk.h"

static const struct cause_rule *cause_of(const struct causality_view *v, const struct suspect *s)
{
	return &v->rs->causes[s->rule - v->rs->n_symptoms];
}

static bool is_live_cause(const struct suspect *s)
{
	return !s->is_symptom && s->rule != ROSTER_ORPHAN;
}

uint64_t causality_mix(uint64_t x)
{
	x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ULL;
	return x ^ (x >> 29);
}

/* ---- order ---- */

int causality_order(const struct causality_view *v, const struct suspect *a, const struct suspect *b)
{
	const char *ka = graph_key(v->m->graph, a->entity), *kb = graph_key(v->m->graph, b->entity);
	int by_key;

	if (a->is_symptom != b->is_symptom)
		return a->is_symptom ? 1 : -1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	by_key = strcmp(ka ? ka : "", kb ? kb : "");
	return by_key != 0 ? by_key : strcmp(a->id, b->id);
}

static int order_at(const struct causality_view *v, uint32_t a, uint32_t b)
{
	return causality_order(v, roster_at(v->roster, a), roster_at(v->roster, b));
}

static void sift_down(const struct causality_view *v, uint32_t *p, size_t root, size_t n)
{
	for (size_t child = 2 * root + 1; child < n; root = child, child = 2 * root + 1) {
		uint32_t swap = p[root];

		if (child + 1 < n && order_at(v, p[child], p[child + 1]) < 0)
			child++;
		if (order_at(v, swap, p[child]) >= 0)
			return;
		p[root] = p[child];
		p[child] = swap;
	}
}

/* A heap sort, because qsort may allocate. */
void causality_sort(const struct causality_view *v, uint32_t *positions, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(v, positions, i, n);
	for (size_t i = n; i-- > 1;) {
		uint32_t swap = positions[0];

		positions[0] = positions[i];
		positions[i] = swap;
		sift_down(v, positions, 0, i);
	}
}

/* ---- explains ---- */

static bool in_time(const struct suspect *cause, const struct suspect *symptom, const struct explain_rule *e)
{
	mono_ns_t first = cause->trigger_at,
		  last = MAX_OF(MAX_OF(cause->life.held_at, cause->again_at), first) + e->lag_ns;

	return (symptom->trigger_at + e->lead_ns >= first && symptom->trigger_at <= last) ||
	       (symptom->again_at != 0 && symptom->again_at + e->lead_ns >= first && symptom->again_at <= last);
}

static entity_id holder_of(const struct causality_view *v, uint32_t metric, entity_id entity)
{
	const struct metric_desc *desc = metrics_at(v->m->metrics, metric);

	return desc ? relative_nearest(v->m->graph, entity, desc->about) : ENTITY_NONE;
}

static bool moves_together(const struct causality_view *v, const struct suspect *cause, const struct suspect *symptom,
			   const struct explain_rule *e)
{
	struct correlate_side a = {e->correlate_a, ENTITY_NONE, e->correlate_a_is_rate, e->correlate_a_scale};
	struct correlate_side b = {e->correlate_b, ENTITY_NONE, e->correlate_b_is_rate, e->correlate_b_scale};
	double r;

	if (!e->has_correlate)
		return true;
	a.entity = holder_of(v, a.metric, cause->entity);
	b.entity = holder_of(v, b.metric, symptom->entity);
	if (a.entity == ENTITY_NONE || b.entity == ENTITY_NONE ||
	    !correlate_series(v->m->series, &a, &b, v->now, e->correlate_over_ns, &r))
		return true;
	return r >= e->correlate_min;
}

static void link_pair(struct causality *c, const struct causality_view *v, struct suspect *cause,
		      const struct suspect *symptom, uint32_t explain)
{
	const struct explain_rule *e = &cause_of(v, cause)->explains[explain];

	if (!symptom || !instance_is_open(&symptom->life) || !in_time(cause, symptom, e) ||
	    !moves_together(v, cause, symptom, e))
		return;
	if (c->n_links == CAUSALITY_MAX_LINKS) {
		c->refused++;
		return;
	}
	cause->links += causality_mix((uint64_t)symptom->rule << 32 | symptom->entity);
	c->links[c->n_links++] = (struct causal_link){.cause = roster_position(v->roster, cause),
						      .symptom = roster_position(v->roster, symptom),
						      .explain = explain};
}

static void link_explain(struct causality *c, const struct causality_view *v, struct suspect *cause, uint32_t i)
{
	const struct cause_rule *rule = cause_of(v, cause);
	const struct explain_rule *e = &rule->explains[i];
	entity_id reached[WALK_MAX];
	size_t n;

	if (e->symptom_index >= v->rs->n_symptoms || v->roster->n_of_rule[e->symptom_index] == 0)
		return;
	if (e->via.n_steps == 0 && rule->scope != v->rs->symptoms[e->symptom_index].scope) {
		for (uint32_t at = v->roster->first_of_rule[e->symptom_index]; at != ROSTER_NONE;
		     at = roster_at(v->roster, at)->next_of_rule)
			if (relative_related(v->m->graph, cause->entity, roster_at(v->roster, at)->entity))
				link_pair(c, v, cause, roster_at(v->roster, at), i);
		return;
	}
	n = walk_path(v->m->graph, &e->via, cause->entity, reached, WALK_MAX);
	for (size_t k = 0; k < n; k++)
		link_pair(c, v, cause, roster_find(v->roster, e->symptom_index, reached[k]), i);
}

static bool may_explain(const struct suspect *s)
{
	return is_live_cause(s) && s->entity != ENTITY_NONE && (instance_is_open(&s->life) || s->j.holds == TRUTH_TRUE);
}

void causality_link(struct causality *c, const struct causality_view *v)
{
	c->n_links = 0;
	for (uint32_t i = 0; i < v->roster->n; i++) {
		struct suspect *s = roster_at(v->roster, v->roster->list[i]);

		s->links = 0;
		for (uint32_t k = 0; may_explain(s) && k < cause_of(v, s)->n_explains; k++)
			link_explain(c, v, s, k);
	}
}

/* More believed; of equals the one that is published first. */
static bool outranks(const struct causality_view *v, const struct suspect *a, const struct suspect *b)
{
	if (a->j.score.confidence != b->j.score.confidence)
		return a->j.score.confidence > b->j.score.confidence;
	return causality_order(v, a, b) < 0;
}

void causality_explain(struct causality *c, const struct causality_view *v)
{
	for (uint32_t i = 0; i < v->roster->n; i++) {
		struct suspect *s = roster_at(v->roster, v->roster->list[i]);

		s->explained_by = ROSTER_NONE;
		s->held_back = false;
	}
	for (size_t i = 0; i < c->n_links; i++) {
		const struct suspect *cause = roster_at(v->roster, c->links[i].cause);
		struct suspect *symptom = roster_at(v->roster, c->links[i].symptom);

		if (cause_of(v, cause)->mode != RULE_ENABLED)
			continue;
		if (!instance_is_open(&cause->life))
			symptom->held_back |= cause->life.state == INSTANCE_PENDING;
		else if (symptom->explained_by == ROSTER_NONE ||
			 outranks(v, cause, roster_at(v->roster, symptom->explained_by)))
			symptom->explained_by = c->links[i].cause;
	}
}

/* ---- explained away ---- */

static bool share_a_symptom(const struct causality *c, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < c->n_links; i++)
		for (size_t k = 0; c->links[i].cause == a && k < c->n_links; k++)
			if (c->links[k].cause == b && c->links[k].symptom == c->links[i].symptom)
				return true;
	return false;
}

static bool is_active(const struct causality_view *v, const struct suspect *s)
{
	return instance_is_open(&s->life) || cause_of(v, s)->hold.for_ns == 0;
}

static bool yields(const struct causality *c, const struct causality_view *v, const struct suspect *s, size_t n_before)
{
	const struct kin *kin = &v->kin[s->rule - v->rs->n_symptoms];

	for (uint32_t i = 0; i < kin->n_away; i++)
		for (size_t k = 0; k < n_before; k++) {
			const struct suspect *o = roster_at(v->roster, c->active[k]);

			if (kin->away[i] == KIN_NONE || o->rule != v->rs->n_symptoms + kin->away[i] ||
			    o->yields_to != ROSTER_NONE || !is_active(v, o) ||
			    cause_of(v, o)->mode > cause_of(v, s)->mode ||
			    o->j.score.confidence <= s->j.score.confidence)
				continue;
			if (relative_related(v->m->graph, s->entity, o->entity) ||
			    share_a_symptom(c, roster_position(v->roster, s), c->active[k])) {
				((struct suspect *)s)->yields_to = c->active[k];
				return true;
			}
		}
	return false;
}

void causality_yield(struct causality *c, const struct causality_view *v)
{
	size_t n = 0, at;
	bool any = false;

	for (uint32_t i = 0; i < v->roster->n; i++) {
		struct suspect *s = roster_at(v->roster, v->roster->list[i]);

		s->yields_to = ROSTER_NONE;
		if (!may_explain(s) || s->j.refuted || n == CAUSALITY_MAX_LINKS)
			continue;
		any |= v->kin[s->rule - v->rs->n_symptoms].n_away > 0;
		c->active[n++] = v->roster->list[i];
	}
	if (!any)
		return;
	/* From the most believed down: who yields cannot make another one yield. Insertion is enough for a few. */
	for (size_t i = 1; i < n; i++) {
		uint32_t position = c->active[i];

		for (at = i; at > 0; at--) {
			if (!outranks(v, roster_at(v->roster, position), roster_at(v->roster, c->active[at - 1])))
				break;
			c->active[at] = c->active[at - 1];
		}
		c->active[at] = position;
	}
	for (size_t i = 1; i < n; i++)
		(void)yields(c, v, roster_at(v->roster, c->active[i]), i);
}

/* ---- because ---- */

static bool reaches(const struct causality_view *v, const struct suspect *s, const struct path *via, entity_id other)
{
	entity_id reached[WALK_MAX];
	size_t n;

	if (via->n_steps == 0)
		return relative_related(v->m->graph, s->entity, other);
	n = walk_path(v->m->graph, via, s->entity, reached, WALK_MAX);
	for (size_t i = 0; i < n; i++)
		if (reached[i] == other)
			return true;
	return false;
}

size_t causality_because(const struct causality_view *v, const struct suspect *s, uint32_t *ret_positions, size_t max)
{
	const struct cause_rule *rule = cause_of(v, s);
	const struct kin *kin = &v->kin[s->rule - v->rs->n_symptoms];
	size_t n = 0;

	for (uint32_t i = 0; i < kin->n_because && s->entity != ENTITY_NONE; i++) {
		uint32_t at = kin->because[i] == KIN_NONE
				      ? ROSTER_NONE
				      : v->roster->first_of_rule[v->rs->n_symptoms + kin->because[i]];

		for (; at != ROSTER_NONE && n < max; at = roster_at(v->roster, at)->next_of_rule) {
			const struct suspect *o = roster_at(v->roster, at);

			if (o != s && instance_is_open(&o->life) && o->id[0] && cause_of(v, o)->mode <= rule->mode &&
			    reaches(v, s, &rule->because_via[i], o->entity))
				ret_positions[n++] = at;
		}
	}
	causality_sort(v, ret_positions, n);
	return n;
}

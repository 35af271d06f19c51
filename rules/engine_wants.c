/* SPDX-License-Identifier: Apache-2.0 */
/* Deep probes: what the suspects of this tick would like to have read. */
#include "base/cleanup.h"
#include "rules/engine.h"
#include "rules/engine_state.h"
#include "rules/judge.h"
#include "rules/relative.h"

static void want(struct engine *e, uint32_t metric, entity_id at, uint64_t for_ns)
{
	const struct metric_desc *desc = metrics_at(e->options.metrics, metric);
	entity_id entity = relative_nearest(e->options.graph, at, desc->about);
	mono_ns_t until = e->m.now + MAX_OF(for_ns, ENGINE_WANT_NS);

	if (entity == ENTITY_NONE || desc->kind == METRIC_EVENT)
		return;
	for (size_t i = 0; i < e->n_wants; i++)
		if (e->wants[i].metric == metric && e->wants[i].entity == entity) {
			e->wants[i].until = MAX_OF(e->wants[i].until, until);
			return;
		}
	if (e->n_wants < ENGINE_MAX_WANTS)
		e->wants[e->n_wants++] = (struct want){.metric = metric, .entity = entity, .until = until};
}

static void want_items(struct engine *e, const struct suspect *s, const struct evidence_rule *items, uint32_t n,
		       uint16_t known)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct program *p = &e->rs->programs[items[i].when];
		entity_id at = s->entity;

		/* Once asked for, it is asked for as long as the suspicion lasts, or it would be lost again. */
		if (items[i].fresh_ns == 0 && (known & (1u << i)))
			continue;
		if (items[i].via.n_steps > 0)
			(void)judge_at_path(&e->m, &items[i].via, items[i].when, s->entity, &at);
		for (uint32_t k = 0; k < p->n_metrics && at != ENTITY_NONE; k++)
			want(e, p->metrics[k], at, items[i].fresh_ns);
	}
}

void engine_find_wants(struct engine *e)
{
	e->n_wants = 0;
	for (uint32_t i = 0; i < e->roster->n && e->n_wants < ENGINE_MAX_WANTS; i++) {
		const struct suspect *s = roster_at(e->roster, e->roster->list[i]);
		const struct cause_rule *rule;

		if (s->is_symptom || s->rule == ROSTER_ORPHAN || s->entity == ENTITY_NONE ||
		    (!instance_is_open(&s->life) && (s->triggered != TRUTH_TRUE || s->j.holds == TRUTH_FALSE)))
			continue;
		rule = &e->rs->causes[s->rule - e->rs->n_symptoms];
		want_items(e, s, rule->requires, rule->n_requires, s->j.marks.requires_known);
		want_items(e, s, rule->supports, rule->n_supports, s->j.marks.supports_known);
		want_items(e, s, rule->refutes, rule->n_refutes, s->j.marks.refutes_known);
	}
}

size_t engine_wants(const struct engine *e, struct want *ret_wants, size_t max)
{
	for (size_t i = 0; i < MIN_OF(e->n_wants, max); i++)
		ret_wants[i] = e->wants[i];
	return e->n_wants;
}

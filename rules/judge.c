/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/judge.h"

#include "base/cleanup.h"
#include "rules/walk.h"

enum truth judge_at_path(struct machine *m, const struct path *via, uint32_t when, entity_id entity, entity_id *ret_at)
{
	entity_id reached[JUDGE_MAX_REACHED], at = ENTITY_NONE;
	struct machine_missing missing = {.metric = METRIC_NONE};
	enum truth any = TRUTH_FALSE;
	size_t n = 1;

	reached[0] = entity;
	if (via->n_steps > 0)
		n = MIN_OF(walk_path(m->graph, via, entity, reached, JUDGE_MAX_REACHED), (size_t)JUDGE_MAX_REACHED);
	if (n == 0) {
		any = TRUTH_UNKNOWN;
		m->missing = (struct machine_missing){
			.metric = METRIC_NONE, .name = via->source, .why = "the path leads nowhere"};
	}
	for (size_t i = 0; i < n && any != TRUTH_TRUE; i++) {
		enum truth t = machine_truth(m, when, reached[i]);

		if (t == TRUTH_UNKNOWN && any == TRUTH_FALSE)
			missing = m->missing; /* the runs that follow forget it */
		if (i == 0 || t == TRUTH_TRUE || (t == TRUTH_UNKNOWN && any == TRUTH_FALSE))
			at = reached[i];
		any = t == TRUTH_FALSE ? any : t;
	}
	if (any == TRUTH_UNKNOWN && n > 0)
		m->missing = missing;
	if (ret_at)
		*ret_at = at;
	return any;
}

static const struct exception_rule *excepted_by(struct machine *m, const struct exception_rule *exceptions, uint32_t n,
						entity_id entity, wall_ns_t wall)
{
	for (uint32_t i = 0; i < n; i++)
		if ((exceptions[i].until == 0 || wall < exceptions[i].until) &&
		    machine_truth(m, exceptions[i].match, entity) == TRUTH_TRUE)
			return &exceptions[i];
	return NULL;
}

static enum truth clears_by(struct machine *m, const struct hold *hold, entity_id entity, enum truth holds)
{
	return hold->clear_when == PROGRAM_NONE ? truth_not(holds) : machine_truth(m, hold->clear_when, entity);
}

void judge_symptom(struct machine *m, const struct symptom_rule *rule, entity_id entity, wall_ns_t wall,
		   struct judgement *ret_judgement)
{
	struct judgement j = {.requires = TRUTH_TRUE, .score = {.confidence = 1, .coverage = 1}};

	j.match = machine_truth(m, rule->match, entity);
	j.trigger = machine_truth(m, rule->when, entity);
	j.holds = truth_and(j.match, j.trigger);
	j.clears = clears_by(m, &rule->hold, entity, j.holds);
	if (j.holds != TRUTH_FALSE || j.clears != TRUTH_TRUE)
		j.exception = excepted_by(m, rule->exceptions, rule->n_exceptions, entity, wall);
	j.refuted = j.exception != NULL;
	if (j.refuted)
		j.holds = TRUTH_FALSE;
	*ret_judgement = j;
}

static void mark_all(struct machine *m, const struct evidence_rule *items, uint32_t n, entity_id entity,
		     uint16_t *is_true, uint16_t *known)
{
	for (uint32_t i = 0; i < n; i++) {
		enum truth t = judge_at_path(m, &items[i].via, items[i].when, entity, NULL);

		*is_true |= (uint16_t)((t == TRUTH_TRUE) << i);
		*known |= (uint16_t)((t != TRUTH_UNKNOWN) << i);
	}
}

static enum truth all_of(uint32_t n, uint16_t is_true, uint16_t known)
{
	uint16_t all = (uint16_t)((1u << n) - 1);

	if (known & ~is_true & all)
		return TRUTH_FALSE;
	return (is_true & all) == all ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

static const struct unless_rule *suppressed_by(struct machine *m, const struct cause_rule *rule, entity_id entity)
{
	for (uint32_t i = 0; i < rule->n_unless; i++)
		if (judge_at_path(m, &rule->unless[i].via, rule->unless[i].when, entity, NULL) == TRUTH_TRUE)
			return &rule->unless[i];
	return NULL;
}

/* What spoke for it once still speaks for it while it lasts. What speaks against it must do so now: its own window says how
 * long an event counts, and a moment's level must not veto for ever. */
static void marks_add(struct score_marks *to, const struct score_marks *from)
{
	to->requires_true |= from->requires_true;
	to->requires_known |= from->requires_known;
	to->supports_true |= from->supports_true;
	to->supports_known |= from->supports_known;
}

void judge_cause(struct machine *m, const struct cause_rule *rule, entity_id entity, wall_ns_t wall, bool whole,
		 const struct score_marks *seen, struct judgement *ret_judgement)
{
	struct judgement j = {.requires = TRUTH_UNKNOWN};
	bool weigh;

	j.match = machine_truth(m, rule->match, entity);
	j.trigger = machine_truth(m, rule->trigger, entity);
	mark_all(m, rule->requires, rule->n_requires, entity, &j.marks.requires_true, &j.marks.requires_known);
	j.requires = all_of(rule->n_requires, j.marks.requires_true, j.marks.requires_known);
	j.holds = truth_and(j.match, truth_and(j.trigger, j.requires));
	weigh = whole || j.holds != TRUTH_FALSE;
	if (weigh) {
		j.clears = clears_by(m, &rule->hold, entity, j.holds);
		mark_all(m, rule->supports, rule->n_supports, entity, &j.marks.supports_true, &j.marks.supports_known);
		mark_all(m, rule->refutes, rule->n_refutes, entity, &j.marks.refutes_true, &j.marks.refutes_known);
		j.exception = excepted_by(m, rule->exceptions, rule->n_exceptions, entity, wall);
		j.unless = suppressed_by(m, rule, entity);
	}
	if (seen)
		marks_add(&j.marks, seen);
	score_cause(rule, &j.marks, &j.score);
	j.refuted = weigh && (j.score.vetoed || j.exception || j.unless);
	if (j.refuted || j.score.confidence < rule->report_at)
		j.holds = TRUTH_FALSE;
	*ret_judgement = j;
}

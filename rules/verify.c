/* SPDX-License-Identifier: Apache-2.0 */
/* The second look at every program, so that the machine needs none at run time: a mistake of the compiler becomes a
 * refused ruleset and not a read out of bounds. */
#include <errno.h>

#include "rules/machine.h"

struct verifier {
	const struct ruleset *rs;
	size_t n_metrics;
	const struct metrics *metrics;
};

static bool is_event(const struct verifier *v, uint32_t metric)
{
	return metric < v->n_metrics && metrics_at(v->metrics, metric)->kind == METRIC_EVENT;
}

static bool is_window(double ns)
{
	return ns >= 0 && ns <= (double)RULESET_MAX_WINDOW_NS * 31;
}

static bool operands_sound(const struct verifier *v, const struct insn *i)
{
	const struct ruleset *rs = v->rs;

	switch (i->op) {
	case OP_TEXT:
	case OP_FINDING_COUNT:
		return i->text && is_window(i->op == OP_TEXT ? 0 : i->number);
	case OP_METRIC:
	case OP_INCREASE:
	case OP_RATE:
	case OP_CHANGED:
	case OP_STALE:
	case OP_ABSENT:
		return i->a < v->n_metrics && is_window(i->op == OP_ABSENT ? 0 : i->number);
	case OP_WINDOW:
		return i->a < v->n_metrics && i->b <= SERIES_P99 && is_window(i->number);
	case OP_RATIO:
		return i->a < v->n_metrics && i->b < v->n_metrics && is_window(i->number);
	case OP_EVENT_CODE:
		return is_event(v, i->a) && (i->c || is_window(i->number));
	case OP_EVENT_FIELD:
		return is_event(v, i->a) && i->b < METRIC_MAX_FIELDS && (i->c || is_window(i->number));
	case OP_COUNT:
		return is_event(v, i->a) && (i->b == PROGRAM_NONE || i->b < rs->n_programs) && is_window(i->number);
	case OP_ATTR:
		return i->a < ENTITY_KIND_MAX && i->text;
	case OP_PARAM:
		return i->a < rs->n_params;
	case OP_MATCHES:
		return i->b < rs->n_regexes && rs->regexes[i->b];
	case OP_COUNT_ENTITIES:
		return i->b < rs->n_paths && rs->paths[i->b].n_steps <= RULESET_MAX_STEPS && i->c < rs->n_programs;
	case OP_PEERS:
		return i->a < ENTITY_KIND_MAX && i->c < rs->n_programs;
	default:
		return i->op < OP_MAX;
	}
}

static uint32_t pops(const struct insn *i)
{
	switch (i->op) {
	case OP_NOT:
	case OP_NEGATE:
	case OP_MATCHES:
		return 1;
	case OP_IN:
		return i->a < PROGRAM_MAX_STACK ? i->a + 1 : UINT32_MAX;
	case OP_ADD ... OP_OR:
	case OP_HAS ... OP_CONTAINS:
		return 2;
	default:
		return 0;
	}
}

static uint32_t inner(const struct insn *i)
{
	if (i->op == OP_COUNT)
		return i->b;
	return i->op == OP_COUNT_ENTITIES || i->op == OP_PEERS ? i->c : PROGRAM_NONE;
}

static bool nests_within(const struct verifier *v, const struct program *p, unsigned levels)
{
	if (levels == 0)
		return false;
	for (uint32_t i = 0; i < p->n_code; i++) {
		uint32_t at = inner(&p->code[i]);

		if (at != PROGRAM_NONE && !nests_within(v, &v->rs->programs[at], levels - 1))
			return false;
	}
	return true;
}

static bool program_sound(const struct verifier *v, const struct program *p)
{
	uint32_t depth = 0;

	if (p->n_code == 0 || p->n_code > PROGRAM_MAX_CODE || p->scope >= ENTITY_KIND_MAX)
		return false;
	for (uint32_t i = 0; i < p->n_code; i++) {
		uint32_t taken = pops(&p->code[i]);

		if (!operands_sound(v, &p->code[i]) || taken > depth)
			return false;
		depth = depth - taken + 1;
		if (depth > PROGRAM_MAX_STACK)
			return false;
	}
	return depth == 1;
}

int machine_verify(const struct ruleset *rs, const struct metrics *metrics, uint32_t *ret_program)
{
	const struct verifier v = {.rs = rs, .n_metrics = metrics_count(metrics), .metrics = metrics};

	for (uint32_t i = 0; i < rs->n_programs; i++)
		if (!program_sound(&v, &rs->programs[i])) {
			if (ret_program)
				*ret_program = i;
			return -EINVAL;
		}
	for (uint32_t i = 0; i < rs->n_programs; i++)
		if (!nests_within(&v, &rs->programs[i], MACHINE_MAX_DEPTH)) {
			if (ret_program)
				*ret_program = i;
			return -EINVAL;
		}
	return 0;
}

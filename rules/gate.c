/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/gate.h"

#include "base/cleanup.h"
#include "rules/machine.h"

struct search {
	const struct ruleset *rs;
	const struct program *p;
	uint32_t metric;
	struct gates *found;
};

static void gates_add(struct gates *g, struct gate gate)
{
	g->hold_ns = MAX_OF(g->hold_ns, gate.hold_ns);
	if (g->n < GATE_MAX) {
		g->gates[g->n++] = gate;
		return;
	}
	/* No room: one that lets everything through stands for all. */
	g->gates[0] = (struct gate){.test = GATE_BELOW, .level = __builtin_inf(), .hold_ns = g->hold_ns};
}

static uint32_t operands(const struct insn *i)
{
	switch (i->op) {
	case OP_NOT:
	case OP_NEGATE:
	case OP_MATCHES:
		return 1;
	case OP_IN:
		return i->a + 1;
	case OP_ADD ... OP_OR:
	case OP_HAS ... OP_CONTAINS:
		return 2;
	default:
		return 0;
	}
}

/* Index of the first instruction of the value that instruction `last` makes. */
static uint32_t first_of(const struct program *p, uint32_t last)
{
	uint32_t wanted = 1, at = last + 1;

	while (wanted > 0 && at > 0)
		wanted += operands(&p->code[--at]) - 1;
	return at;
}

static bool constant(const struct ruleset *rs, const struct insn *i, double *ret_value)
{
	if (i->op == OP_NUMBER)
		*ret_value = i->number;
	else if (i->op == OP_PARAM && rs->params[i->a].type == VALUE_NUMBER)
		*ret_value = rs->params[i->a].number;
	else
		return false;
	return true;
}

static bool reads(const struct insn *i, uint32_t metric)
{
	switch (i->op) {
	case OP_RATIO:
		return i->a == metric || i->b == metric;
	case OP_METRIC:
	case OP_EVENT_CODE:
	case OP_EVENT_FIELD:
	case OP_COUNT:
	case OP_RATE:
	case OP_INCREASE:
	case OP_WINDOW:
	case OP_CHANGED:
	case OP_STALE:
	case OP_ABSENT:
		return i->a == metric;
	default:
		return false;
	}
}

/* What a reading above (below) `level` takes. False: nothing simple can be said. */
static bool gate_for(const struct insn *i, bool above, double level, struct gate *ret_gate)
{
	struct gate g = {.test = above ? GATE_ABOVE : GATE_BELOW, .level = level};
	bool instant;

	switch (i->op) {
	case OP_METRIC:
		break;
	case OP_WINDOW:
		if (i->b == SERIES_SLOPE)
			return false;
		instant = above ? i->b == SERIES_MIN : i->b == SERIES_MAX;
		g.hold_ns = instant ? 0 : (uint64_t)i->number;
		break;
	default:
		return false;
	}
	*ret_gate = g;
	return true;
}

/* Any run of the metric's readings below: woken whenever the value moves, and while its windows still see the move. */
static void add_moved(struct search *s, uint32_t first, uint32_t last)
{
	for (uint32_t k = first; k <= last; k++) {
		const struct insn *i = &s->p->code[k];

		if (i->op == OP_COUNT_ENTITIES || i->op == OP_PEERS)
			gates_of(s->rs, i->c, s->metric, s->found);
		if (!reads(i, s->metric))
			continue;
		if (i->op == OP_STALE || i->op == OP_ABSENT)
			s->found->by_absence = true;
		gates_add(s->found,
			  (struct gate){.test = GATE_MOVED, .hold_ns = i->op == OP_METRIC ? 0 : (uint64_t)i->number});
	}
}

/* ratio(a, b) above a level that is not negative: a grew within the window, whatever b did. */
static bool is_growing_share(const struct insn *i, uint32_t metric, bool above, double level)
{
	return i->op == OP_RATIO && i->b == metric && i->a != metric && above && level >= 0;
}

static void search_condition(struct search *s, uint32_t first, uint32_t last)
{
	const struct insn *i = &s->p->code[last];
	struct gate gate;
	double level;
	bool above;

	if (i->op >= OP_LESS && i->op <= OP_GREATER_EQUAL && last == first + 2) {
		bool swapped = constant(s->rs, &s->p->code[first], &level);
		const struct insn *reading = &s->p->code[swapped ? first + 1 : first];

		above = (i->op == OP_GREATER || i->op == OP_GREATER_EQUAL) != swapped;
		if (swapped || constant(s->rs, &s->p->code[first + 1], &level)) {
			if (is_growing_share(reading, s->metric, above, level))
				return;
			if (reads(reading, s->metric) && gate_for(reading, above, level, &gate)) {
				gates_add(s->found, gate);
				return;
			}
		}
	}
	add_moved(s, first, last);
}

static void search_tree(struct search *s, uint32_t last)
{
	const struct insn *i = &s->p->code[last];
	uint32_t right;

	if (i->op != OP_AND && i->op != OP_OR) {
		search_condition(s, first_of(s->p, last), last);
		return;
	}
	right = first_of(s->p, last - 1);
	search_tree(s, last - 1);
	search_tree(s, right - 1);
}

void gates_of(const struct ruleset *rs, uint32_t trigger, uint32_t metric, struct gates *ret_gates)
{
	struct search s = {.rs = rs, .p = &rs->programs[trigger], .metric = metric, .found = ret_gates};

	search_tree(&s, s.p->n_code - 1);
}

bool gates_pass(const struct gates *g, double value, bool moved, uint64_t *ret_hold_ns)
{
	bool passes = false;

	*ret_hold_ns = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct gate *gate = &g->gates[i];
		bool yes = gate->test == GATE_MOVED   ? moved
			   : gate->test == GATE_ABOVE ? value >= gate->level
						      : value <= gate->level;

		if (!yes)
			continue;
		passes = true;
		*ret_hold_ns = MAX_OF(*ret_hold_ns, gate->hold_ns);
	}
	return passes;
}

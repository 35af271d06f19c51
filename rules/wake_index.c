/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/wake_index.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/relative.h"

#define WAKE_PACES_A_WINDOW 30
#define WAKE_MAX_PACE_S	    5ULL

struct build {
	struct wake_index *index;
	const struct ruleset *rs;
	const struct metrics *metrics;
	uint32_t rule, trigger;
	enum entity_kind scope;
	bool by_absence; /* or by something that comes with no reading */
	bool linked;
	int error;
};

void wake_index_free(struct wake_index **index)
{
	struct wake_index *x = *index;

	if (!x)
		return;
	for (uint32_t i = 0; i < x->n_metrics; i++)
		free(x->metrics[i].links);
	free(x->metrics);
	free(x->by_absence);
	free(x);
	*index = NULL;
}

static struct wake_link *link_of(struct build *b, uint32_t metric)
{
	struct wake_metric *wm = &b->index->metrics[metric];
	struct wake_link *grown;

	b->linked = true;
	if (wm->n_links > 0 && wm->links[wm->n_links - 1].rule == b->rule)
		return &wm->links[wm->n_links - 1];
	grown = reallocarray(wm->links, wm->n_links + 1, sizeof(*grown));
	if (!grown) {
		b->error = -ENOMEM;
		return NULL;
	}
	wm->links = grown;
	grown[wm->n_links] = (struct wake_link){.rule = b->rule, .scope = b->scope};
	return &grown[wm->n_links++];
}

static enum wake_how how_for(enum entity_kind about, enum entity_kind scope)
{
	if (about == scope)
		return WAKE_SAME;
	return relative_possible(about, scope) ? WAKE_UP : WAKE_ALL;
}

static void sum_up(struct wake_metric *wm, const struct gate *gate)
{
	wm->remembers |= gate->test == GATE_MOVED || gate->hold_ns > 0;
	wm->by_move |= gate->test == GATE_MOVED;
	if (gate->test == GATE_ABOVE)
		wm->lowest_above = fmin(wm->lowest_above, gate->level);
	if (gate->test == GATE_BELOW)
		wm->highest_below = fmax(wm->highest_below, gate->level);
}

static void link_sample(struct build *b, uint32_t metric)
{
	struct wake_link *link = link_of(b, metric);

	if (!link || link->gates.n > 0)
		return;
	link->how = how_for(metrics_at(b->metrics, metric)->about, b->scope);
	gates_of(b->rs, b->trigger, metric, &link->gates);
	link->pace_s = (uint32_t)MIN_OF(link->gates.hold_ns / WAKE_PACES_A_WINDOW / NS_PER_S, WAKE_MAX_PACE_S);
	b->by_absence |= link->gates.by_absence;
	for (uint32_t i = 0; i < link->gates.n; i++)
		sum_up(&b->index->metrics[metric], &link->gates.gates[i]);
}

static void link_event(struct build *b, const struct insn *i)
{
	struct wake_link *link = link_of(b, i->a);

	if (!link)
		return;
	link->how = how_for(metrics_at(b->metrics, i->a)->about, b->scope);
	link->event_window_ns = MAX_OF(link->event_window_ns, (uint64_t)i->number);
	if (i->op == OP_COUNT && i->b != PROGRAM_NONE && link->n_predicates < WAKE_MAX_PREDICATES)
		link->predicates[link->n_predicates++] = i->b;
	else
		link->any_event = true;
	b->by_absence |= i->op == OP_STALE || i->op == OP_ABSENT;
}

static void link_program(struct build *b, uint32_t program, unsigned depth)
{
	const struct program *p = &b->rs->programs[program];

	for (uint32_t i = 0; i < p->n_code; i++) {
		const struct insn *insn = &p->code[i];

		switch (insn->op) {
		case OP_COUNT_ENTITIES:
		case OP_PEERS:
			if (depth > 0)
				link_program(b, insn->c, depth - 1);
			break;
		case OP_FINDING_COUNT:
			b->by_absence = true;
			break;
		case OP_EVENT_CODE:
		case OP_EVENT_FIELD:
		case OP_COUNT:
			link_event(b, insn);
			break;
		case OP_RATIO:
			link_sample(b, insn->b);
			link_sample(b, insn->a);
			break;
		case OP_METRIC:
		case OP_RATE:
		case OP_INCREASE:
		case OP_WINDOW:
		case OP_CHANGED:
		case OP_STALE:
		case OP_ABSENT:
			if (metrics_at(b->metrics, insn->a)->kind == METRIC_EVENT)
				link_event(b, insn);
			else
				link_sample(b, insn->a);
			break;
		default:
			break;
		}
	}
}

/* A trigger made of && alone, with a level on a sample of the scope itself: while it is true that sample wakes the
 * rule at every tick, so the readings about wider entities need not wake all of the scope. */
static bool wakes_by_own_level(const struct build *b)
{
	const struct program *p = &b->rs->programs[b->trigger];
	bool found = false;

	for (uint32_t i = 0; i < p->n_code; i++)
		if (p->code[i].op == OP_OR)
			return false;
	for (uint32_t m = 0; m < b->index->n_metrics && !found; m++) {
		const struct wake_metric *wm = &b->index->metrics[m];
		const struct wake_link *link = wm->n_links > 0 ? &wm->links[wm->n_links - 1] : NULL;

		if (!link || link->rule != b->rule || link->how != WAKE_SAME || link->gates.n == 0)
			continue;
		found = true;
		for (uint32_t i = 0; i < link->gates.n; i++)
			found &= link->gates.gates[i].test != GATE_MOVED;
	}
	return found;
}

static void drop_sweeps(struct build *b)
{
	for (uint32_t m = 0; m < b->index->n_metrics; m++) {
		struct wake_metric *wm = &b->index->metrics[m];

		if (wm->n_links > 0 && wm->links[wm->n_links - 1].rule == b->rule &&
		    wm->links[wm->n_links - 1].how == WAKE_ALL && wm->links[wm->n_links - 1].gates.n > 0)
			wm->n_links--;
	}
}

static void link_rule(struct build *b)
{
	b->by_absence = b->linked = false;
	link_program(b, b->trigger, 3);
	b->by_absence |= !b->linked;
	if (wakes_by_own_level(b))
		drop_sweeps(b);
	if (b->by_absence && b->index->n_by_absence < RULESET_MAX_RULES)
		b->index->by_absence[b->index->n_by_absence++] =
			(struct wake_absence){.rule = b->rule, .scope = b->scope};
}

int wake_index_new(const struct ruleset *rs, const struct metrics *metrics, struct wake_index **ret_index)
{
	struct wake_index *x AUTO(wake_index_free) = calloc(1, sizeof(*x));
	struct build b = {.index = x, .rs = rs, .metrics = metrics};

	if (!x)
		return -ENOMEM;
	x->n_metrics = (uint32_t)metrics_count(metrics);
	x->metrics = calloc(x->n_metrics + 1, sizeof(*x->metrics));
	x->by_absence = calloc(RULESET_MAX_RULES, sizeof(*x->by_absence));
	if (!x->metrics || !x->by_absence)
		return -ENOMEM;
	for (uint32_t i = 0; i < x->n_metrics; i++) {
		x->metrics[i].lowest_above = INFINITY;
		x->metrics[i].highest_below = -INFINITY;
	}
	for (uint32_t i = 0; i < rs->n_symptoms + rs->n_causes; i++) {
		const struct symptom_rule *s = i < rs->n_symptoms ? &rs->symptoms[i] : NULL;
		const struct cause_rule *c = s ? NULL : &rs->causes[i - rs->n_symptoms];

		if ((s ? s->mode : c->mode) == RULE_DISABLED)
			continue;
		b.rule = i;
		b.trigger = s ? s->when : c->trigger;
		b.scope = s ? s->scope : c->scope;
		link_rule(&b);
	}
	if (b.error)
		return b.error;
	*ret_index = TAKE_PTR(x);
	return 0;
}

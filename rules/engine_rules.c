/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in force: put in, swapped while running, taken up again after a restart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/engine.h"
#include "rules/engine_state.h"

/* ---- what must be kept of the readings ---- */

static void demand(struct engine *e, uint32_t metric, double window_ns)
{
	(void)series_demand(e->series, metric, window_ns > 0 ? (uint64_t)window_ns : 0, e->options.interval_ns);
}

static void demand_program(struct engine *e, const struct program *p)
{
	for (uint32_t i = 0; i < p->n_code; i++) {
		const struct insn *insn = &p->code[i];

		switch (insn->op) {
		case OP_RATIO:
			demand(e, insn->b, insn->number);
			demand(e, insn->a, insn->number);
			break;
		case OP_METRIC: /* its number is an age, not a window */
		case OP_ABSENT:
			demand(e, insn->a, 0);
			break;
		case OP_EVENT_CODE:
		case OP_EVENT_FIELD:
			demand(e, insn->a, insn->c ? 0 : insn->number);
			break;
		case OP_COUNT:
		case OP_RATE:
		case OP_INCREASE:
		case OP_WINDOW:
		case OP_CHANGED:
		case OP_STALE:
			demand(e, insn->a, insn->op == OP_STALE ? 0 : insn->number);
			break;
		default:
			break;
		}
	}
}

static void demand_all(struct engine *e, const struct ruleset *rs)
{
	series_forget_demand(e->series);
	for (uint32_t i = 0; i < rs->n_programs; i++)
		demand_program(e, &rs->programs[i]);
	for (uint32_t i = 0; i < rs->n_demands; i++)
		demand(e, rs->demands[i].metric, (double)rs->demands[i].window_ns);
	for (uint32_t i = 0; i < rs->n_causes; i++)
		for (uint32_t k = 0; k < rs->causes[i].n_explains; k++) {
			const struct explain_rule *x = &rs->causes[i].explains[k];

			if (!x->has_correlate)
				continue;
			demand(e, x->correlate_a, (double)x->correlate_over_ns);
			demand(e, x->correlate_b, (double)x->correlate_over_ns);
		}
}

/* ---- swap ---- */

struct swap {
	const struct engine *e;
	const struct ruleset *to;
};

/* The number in the new ruleset; *ret_same: its content has not changed. */
static uint32_t number_in(const struct ruleset *rs, bool is_symptom, const char *id, const char *digest, bool *ret_same)
{
	*ret_same = false;
	for (uint32_t i = 0; is_symptom && i < rs->n_symptoms; i++)
		if (strcmp(rs->symptoms[i].id, id) == 0 && rs->symptoms[i].mode != RULE_DISABLED) {
			*ret_same = digest && strcmp(rs->symptoms[i].digest, digest) == 0;
			return i;
		}
	for (uint32_t i = 0; !is_symptom && i < rs->n_causes; i++)
		if (strcmp(rs->causes[i].id, id) == 0 && rs->causes[i].mode != RULE_DISABLED) {
			*ret_same = digest && strcmp(rs->causes[i].digest, digest) == 0;
			return rs->n_symptoms + i;
		}
	return ROSTER_ORPHAN;
}

static const char *digest_of(const struct engine *e, const struct suspect *s)
{
	return s->is_symptom ? e->rs->symptoms[s->rule].digest : e->rs->causes[s->rule - e->rs->n_symptoms].digest;
}

static uint32_t renumber(void *arg, const struct suspect *s)
{
	const struct swap *swap = arg;
	bool same;

	return number_in(swap->to, s->is_symptom, engine_rule_id(swap->e, s), digest_of(swap->e, s), &same);
}

/* Before the numbers change: an open finding outlives a change of its rule, what was only suspected does not. */
static void prepare(struct engine *e, const struct ruleset *to)
{
	for (uint32_t i = e->roster->n; i-- > 0;) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);
		bool same;
		uint32_t number;

		if (s->rule == ROSTER_ORPHAN)
			continue;
		number = number_in(to, s->is_symptom, engine_rule_id(e, s), digest_of(e, s), &same);
		s->j = (struct judgement){.score = s->j.score}; /* it points into the ruleset that goes */
		if (number == ROSTER_ORPHAN && s->published)
			text_copy(s->end, sizeof(s->end), "rule removed");
		else if (number == ROSTER_ORPHAN || (!same && !instance_is_open(&s->life)))
			roster_remove(e->roster, s);
		else if (!same)
			s->seen = (struct score_marks){0};
	}
}

int engine_use(struct engine *e, struct ruleset **ruleset, mono_ns_t now)
{
	struct ruleset *rs = *ruleset, *old = e->rs;
	struct wake *wake AUTO(wake_free) = NULL;
	struct kin *kin AUTO_FREE = NULL;
	struct swap swap = {.e = e, .to = rs};

	(void)now;
	if (wake_rule_count(rs) > RULESET_MAX_RULES || machine_verify(rs, e->options.metrics, NULL) < 0)
		return -EINVAL;
	if (kin_new(rs, &kin) < 0 ||
	    wake_new(rs, e->options.metrics, e->options.max_series, ENGINE_FRESH_NS, &wake) < 0)
		return -ENOMEM;
	if (old) {
		prepare(e, rs);
		roster_renumber(e->roster, renumber, &swap);
	}
	demand_all(e, rs);
	wake_free(&e->wake);
	e->wake = TAKE_PTR(wake);
	free(e->kin);
	e->kin = TAKE_PTR(kin);
	e->rs = TAKE_PTR(*ruleset);
	e->m.ruleset = e->rs;
	e->compose.view.rs = e->rs;
	e->compose.view.kin = e->kin;
	if (old)
		ruleset_free(&old);
	return 0;
}

/* ---- restart ---- */

/* Evidence that was said counts on, or a restart would lower the confidence. */
static void restore_marks(struct suspect *s, const struct cause_rule *rule, const struct finding *f)
{
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		for (uint32_t k = 0; e->id && e->role && k < RULESET_MAX_EVIDENCE; k++) {
			uint16_t bit = (uint16_t)(1u << k);

			if (k < rule->n_requires && strcmp(e->role, "requires") == 0 &&
			    strcmp(rule->requires[k].id, e->id) == 0)
				s->seen.requires_known |= bit;
			if (k < rule->n_supports && strcmp(e->role, "supports") == 0 &&
			    strcmp(rule->supports[k].id, e->id) == 0)
				s->seen.supports_true |= bit, s->seen.supports_known |= bit;
			if (k < rule->n_refutes && strcmp(e->role, "refutes") == 0 &&
			    strcmp(rule->refutes[k].id, e->id) == 0)
				s->seen.refutes_true |= bit, s->seen.refutes_known |= bit;
		}
	}
}

static bool survives_boot(const struct engine *e, uint32_t rule, bool is_symptom)
{
	return rule != ROSTER_ORPHAN && !is_symptom &&
	       e->rs->causes[rule - e->rs->n_symptoms].hold.latch == LATCH_UNTIL_ACK;
}

int engine_restore(struct engine *e, const struct finding *f, bool same_boot, mono_ns_t opened_mono)
{
	bool is_symptom = f->kind == FINDING_SYMPTOM, same;
	uint32_t rule = e->rs ? number_in(e->rs, is_symptom, f->rule, NULL, &same) : ROSTER_ORPHAN;
	bool known = rule != ROSTER_ORPHAN;
	struct suspect *s;
	int r;

	if (f->state == FINDING_RESOLVED)
		return 0;
	if (!same_boot && !survives_boot(e, rule, is_symptom))
		rule = ROSTER_ORPHAN;
	s = roster_add(e->roster, rule, ENTITY_NONE);
	if (!s)
		return -ENOMEM;
	r = kept_new(f, &e->scratch, &s->kept);
	if (r < 0) {
		roster_remove(e->roster, s);
		return r;
	}
	instance_resume(&s->life, f->flapping, opened_mono);
	s->is_symptom = is_symptom;
	s->awaited = s->published = true;
	s->triggered = TRUTH_TRUE; /* going on is not a new occurrence */
	text_copy(s->id, sizeof(s->id), f->id);
	s->trigger_at = s->opened_mono = opened_mono;
	s->opened_wall = f->opened_at;
	s->revision = f->revision;
	s->count = s->said_count = f->count;
	s->simulated = f->simulated;
	s->said_flapping = f->flapping;
	s->said_confidence = f->confidence;
	s->j.score = (struct score){.confidence = f->confidence, .coverage = f->coverage};
	text_copy(s->end, sizeof(s->end), !known ? "rule removed" : rule == ROSTER_ORPHAN ? "reboot" : "");
	if (rule != ROSTER_ORPHAN && !is_symptom)
		restore_marks(s, &e->rs->causes[rule - e->rs->n_symptoms], f);
	return known ? 0 : -ENOENT;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the engine: what is open, and why something is not blamed. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/engine.h"
#include "rules/engine_state.h"
#include "rules/judge.h"
#include "rules/phrase.h"
#include "rules/relative.h"

#define ASK_MAX_ENTITIES 1024

/* Asking must not disturb the tick: a machine of its own, at the time of the question. */
struct ask {
	const struct engine *e;
	const struct cause_rule *rule;
	struct machine m;
	wall_ns_t wall;
	struct answer *answer;
};

mono_ns_t engine_opened_mono(const struct engine *e, const char *finding_id)
{
	for (uint32_t i = 0; i < e->roster->n; i++) {
		const struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		if (s->published && strcmp(s->id, finding_id) == 0)
			return s->opened_mono;
	}
	return strcmp(e->full_id, finding_id) == 0 && e->full_id[0] ? e->full_opened : 0;
}

int engine_ack(struct engine *e, const char *finding_id)
{
	for (uint32_t i = 0; i < e->roster->n; i++) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		if (s->published && strcmp(s->id, finding_id) == 0) {
			s->life.acknowledged = true;
			return 0;
		}
	}
	return -ENOENT;
}

void engine_visit_open(const struct engine *e, engine_publish_fn visit, void *arg)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->roster->n; i++)
		if (roster_at(e->roster, e->roster->list[i])->published)
			e->changed[n++] = e->roster->list[i];
	causality_sort(&e->compose.view, e->changed, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct suspect *s = roster_at(e->roster, e->changed[i]);

		if (!s->kept)
			continue;
		kept_read(s->kept, e->compose.before);
		visit(arg, e->compose.before);
	}
}

/* ---- why not ---- */

static void name_candidates(struct ask *ask, const char *cause)
{
	struct answer *a = ask->answer;
	const struct ruleset *rs = ask->e->rs;
	const char **ids = arena_alloc_array(a->arena, rs->n_causes + 1, sizeof(*ids));
	const char **found = arena_alloc_array(a->arena, 3, sizeof(*found));
	size_t n = rs->n_causes, n_found = 0;

	if (!ids || !found)
		return;
	for (size_t i = 0; i < n; i++)
		ids[i] = rs->causes[i].id;
	while (n_found < 3 && n > 0) {
		const char *near = text_nearest(cause, ids, n);

		if (!near)
			break;
		found[n_found++] = arena_strdup(a->arena, near);
		for (size_t i = 0; i < n; i++)
			if (ids[i] == near)
				ids[i] = ids[--n];
	}
	a->candidates = found;
	a->n_candidates = n_found;
}

/* How near it is to being blamed: the trigger counts most, then each requirement, then what is believed. */
static double nearness(struct ask *ask, entity_id entity)
{
	struct judgement j;

	judge_cause(&ask->m, ask->rule, entity, ask->wall, true, NULL, &j);
	return (j.trigger == TRUTH_TRUE	     ? 100
		: j.trigger == TRUTH_UNKNOWN ? 10
					     : 0) +
	       __builtin_popcount(j.marks.requires_true) * 4 + j.score.confidence + j.score.coverage -
	       (j.match == TRUTH_TRUE ? 0 : 1000);
}

static entity_id nearest_miss(struct ask *ask)
{
	const struct graph *g = ask->m.graph;
	entity_id best = ENTITY_NONE;
	size_t cursor = 0, n = 0;
	double most = -INFINITY;

	for (entity_id id = graph_next(g, ask->rule->scope, &cursor); id != ENTITY_NONE && n < ASK_MAX_ENTITIES;
	     id = graph_next(g, ask->rule->scope, &cursor), n++) {
		double near = nearness(ask, id);

		if (near > most) {
			most = near;
			best = id;
		}
	}
	return best;
}

static void add_item(struct ask *ask, const struct evidence_rule *item, const char *role, entity_id entity)
{
	struct answer *a = ask->answer;
	struct answer_evidence *out = &a->evidence[a->n_evidence++];
	struct value observed = {VALUE_UNKNOWN, {0}};
	entity_id at = entity;
	char buffer[512];
	struct text t;

	*out = (struct answer_evidence){.role = role,
					.id = arena_strdup(a->arena, item->id),
					.observed = NAN,
					.expected = arena_strdup(a->arena, item->expected)};
	out->truth = judge_at_path(&ask->m, &item->via, item->when, entity, &at);
	if (out->truth == TRUTH_UNKNOWN) {
		text_init(&t, buffer, sizeof(buffer));
		phrase_missing(&t, ask->m.metrics, &ask->m.missing);
		out->why = arena_strndup(a->arena, t.data, t.len);
	}
	if (item->observe != PROGRAM_NONE)
		observed = machine_run(&ask->m, item->observe, at, NULL);
	if (observed.type == VALUE_NUMBER)
		out->observed = observed.number;
	text_init(&t, buffer, sizeof(buffer));
	if (out->truth == TRUTH_TRUE && item->show.n_parts > 0)
		phrase_template(&t, &ask->m, &item->show, at, &observed, item->observe_unit);
	else
		text_add(&t, ask->m.ruleset->programs[item->when].source);
	out->text = arena_strndup(a->arena, t.data, t.len);
}

static void add_condition(struct ask *ask, const char *role, uint32_t program, entity_id entity)
{
	struct answer *a = ask->answer;
	struct answer_evidence *out = &a->evidence[a->n_evidence++];
	char buffer[256];
	struct text t;

	*out = (struct answer_evidence){.role = role, .id = role, .observed = NAN};
	out->truth = machine_truth(&ask->m, program, entity);
	out->text = arena_strdup(a->arena, ask->m.ruleset->programs[program].source);
	if (out->truth == TRUTH_UNKNOWN) {
		text_init(&t, buffer, sizeof(buffer));
		phrase_missing(&t, ask->m.metrics, &ask->m.missing);
		out->why = arena_strndup(a->arena, t.data, t.len);
	}
}

static int add_evidence(struct ask *ask, entity_id entity)
{
	const struct cause_rule *rule = ask->rule;
	struct answer *a = ask->answer;

	a->evidence = arena_alloc_array(a->arena, 2 + rule->n_requires + rule->n_supports + rule->n_refutes,
					sizeof(*a->evidence));
	if (!a->evidence)
		return -ENOMEM;
	if (rule->match != PROGRAM_NONE)
		add_condition(ask, "match", rule->match, entity);
	add_condition(ask, "trigger", rule->trigger, entity);
	for (uint32_t i = 0; i < rule->n_requires; i++)
		add_item(ask, &rule->requires[i], "requires", entity);
	for (uint32_t i = 0; i < rule->n_supports; i++)
		add_item(ask, &rule->supports[i], "supports", entity);
	for (uint32_t i = 0; i < rule->n_refutes; i++)
		add_item(ask, &rule->refutes[i], "refutes", entity);
	return 0;
}

static void add_blind_spots(struct ask *ask)
{
	const struct blind *b = &ask->e->blind;
	struct answer *a = ask->answer;

	a->unknown = arena_alloc_array(a->arena, b->n_spots + 1, sizeof(*a->unknown));
	for (size_t i = 0; a->unknown && i < b->n_spots; i++)
		a->unknown[a->n_unknown++] = (struct finding_unknown){arena_strdup(a->arena, b->spots[i].collector),
								      arena_strdup(a->arena, b->spots[i].why)};
}

static void decide(struct ask *ask, entity_id entity)
{
	const struct suspect *s = roster_find(
		ask->e->roster, ask->e->rs->n_symptoms + (uint32_t)(ask->rule - ask->e->rs->causes), entity);
	struct answer *a = ask->answer;
	struct judgement j;

	judge_cause(&ask->m, ask->rule, entity, ask->wall, true, NULL, &j);
	if (s && instance_is_open(&s->life)) {
		a->verdict = "blamed";
		a->message = arena_printf(a->arena, "it is blamed: %s", s->id);
	} else if (j.exception) {
		a->verdict = "suppressed";
		a->message = arena_printf(a->arena, "exception: %s (%s)", j.exception->reason,
					  j.exception->owner ? j.exception->owner : "no owner");
	} else if (j.unless) {
		a->verdict = "suppressed";
		a->message = arena_strdup(a->arena, j.unless->reason);
	} else if (j.score.vetoed) {
		a->verdict = "vetoed";
		a->message = arena_printf(a->arena, "refuted by %s", ask->rule->refutes[j.score.veto_by].id);
	} else if (s && s->yields_to != ROSTER_NONE) {
		a->verdict = "not_blamed";
		a->message = arena_printf(a->arena, "explained by %s", roster_at(ask->e->roster, s->yields_to)->id);
	} else if (s && s->life.state == INSTANCE_PENDING) {
		a->verdict = "not_blamed";
		a->message = "it holds, but not for long enough yet";
	} else if (j.trigger != TRUTH_FALSE && j.requires != TRUTH_FALSE && j.match != TRUTH_FALSE &&
		   (j.trigger == TRUTH_UNKNOWN || j.requires == TRUTH_UNKNOWN)) {
		a->verdict = "cannot_tell";
		a->message = "what it requires is not known here";
	} else {
		a->verdict = "not_blamed";
		if (j.trigger == TRUTH_TRUE && j.requires == TRUTH_TRUE && j.score.confidence < ask->rule->report_at)
			a->message = arena_printf(a->arena, "confidence %.2f is below %.2f", j.score.confidence,
						  ask->rule->report_at);
	}
}

int engine_why_not(const struct engine *e, const char *cause, entity_id target, mono_ns_t now, wall_ns_t wall,
		   struct answer *ret_answer)
{
	struct ask ask = {.e = e, .m = e->m, .wall = wall, .answer = ret_answer};
	char name[GRAPH_MAX_KEY];

	ret_answer->as_of = wall;
	ret_answer->node = arena_strdup(ret_answer->arena, e->node);
	ret_answer->evaluated = engine_evaluated(e);
	if (!e->rs)
		return -ENOENT;
	ret_answer->rules_digest = arena_strdup(ret_answer->arena, e->rs->digest);
	ask.m.now = now;
	ask.m.memo = NULL;
	ask.rule = ruleset_cause(e->rs, cause);
	if (!ask.rule) {
		name_candidates(&ask, cause);
		return -ENOENT;
	}
	if (target != ENTITY_NONE)
		target = relative_nearest(e->options.graph, target, ask.rule->scope);
	else
		target = nearest_miss(&ask);
	if (target == ENTITY_NONE)
		return -ESRCH;
	graph_describe(e->options.graph, target, name, sizeof(name));
	ret_answer->target = arena_strdup(ret_answer->arena, name);
	add_blind_spots(&ask);
	if (ask.rule->mode == RULE_DISABLED) {
		ret_answer->verdict = "disabled";
		ret_answer->message = "the rule is disabled by an override";
	} else {
		decide(&ask, target);
	}
	return add_evidence(&ask, target);
}

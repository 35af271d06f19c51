/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/compose_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/who.h"
#include "rules/judge.h"
#include "rules/phrase.h"
#include "rules/relative.h"

#define MAX_IDENTITY 4 /* doubts about who somebody is, of FINDING_MAX_UNKNOWN */

static const char *keep(struct compose *c, const struct text *t)
{
	return arena_strndup(c->draft->arena, t->data, t->len);
}

static void add_ruled_out(struct compose *c, const char *rule, const char *reason)
{
	struct finding *f = c->draft;

	if (f->n_ruled_out < FINDING_MAX_RULED)
		f->ruled_out[f->n_ruled_out++] =
			(struct finding_ruled_out){.rule = arena_strdup(f->arena, rule), .reason = reason};
}

/* `most` keeps room for what comes later. */
static void add_doubt(struct compose *c, const char *what, const char *why, size_t most)
{
	struct finding *f = c->draft;

	for (size_t i = 0; i < f->n_cannot_tell; i++)
		if (f->cannot_tell[i].what && strcmp(f->cannot_tell[i].what, what) == 0)
			return;
	if (f->n_cannot_tell < most)
		f->cannot_tell[f->n_cannot_tell++] =
			(struct finding_unknown){.what = arena_strdup(f->arena, what), .why = why};
}

static void add_unknown(struct compose *c, const char *what, const char *why)
{
	add_doubt(c, what, why, FINDING_MAX_UNKNOWN - MAX_IDENTITY);
}

/* ---- rivals ---- */

/* "cgroup.cpu.limit 4 CPUs, expected > 8", or the condition as it was written. */
static void phrase_item(struct compose *c, struct text *t, const struct evidence_rule *item, entity_id at)
{
	struct machine *m = c->view.m;
	struct value observed = {VALUE_UNKNOWN, {0}};

	if (item->observe != PROGRAM_NONE)
		observed = machine_run(m, item->observe, at, NULL);
	if (observed.type == VALUE_UNKNOWN || !item->expected) {
		text_addf(t, "%s does not hold", item->id);
		return;
	}
	if (observed.type == VALUE_NUMBER && observed.number == 0 && strcmp(item->expected, ">= 1") == 0) {
		text_add(t, "nothing of it was seen");
		return;
	}
	text_addf(t, "%s: ", item->id);
	phrase_value(t, observed, item->observe_unit);
	text_addf(t, ", expected %s", item->expected);
}

const char *compose_why_not(struct compose *c, const struct cause_rule *rule, entity_id entity, bool *ret_unknown)
{
	struct machine *m = c->view.m;
	struct judgement j;
	char buffer[512];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	*ret_unknown = false;
	judge_cause(m, rule, entity, c->wall, false, NULL, &j);
	if (j.match == TRUTH_FALSE || j.holds == TRUTH_TRUE)
		return NULL;
	if (j.unless)
		text_add(&t, j.unless->reason);
	else if (j.score.vetoed)
		text_addf(&t, "refuted by %s", rule->refutes[j.score.veto_by].id);
	for (uint32_t i = 0; t.len == 0 && i < rule->n_requires; i++) {
		entity_id at = entity;

		if (judge_at_path(m, &rule->requires[i].via, rule->requires[i].when, entity, &at) == TRUTH_FALSE)
			phrase_item(c, &t, &rule->requires[i], at);
	}
	if (t.len == 0 && j.trigger == TRUTH_FALSE)
		text_add(&t, "what would start the suspicion was not seen");
	if (t.len == 0 && (j.trigger == TRUTH_UNKNOWN || j.requires == TRUTH_UNKNOWN)) {
		*ret_unknown = true;
		(void)machine_truth(m, rule->trigger, entity);
		for (uint32_t i = 0; i < rule->n_requires && !m->missing.why; i++)
			(void)judge_at_path(m, &rule->requires[i].via, rule->requires[i].when, entity, NULL);
		phrase_missing(&t, m->metrics, &m->missing);
	}
	if (t.len == 0)
		text_addf(&t, "confidence only %.2f", j.score.confidence);
	return keep(c, &t);
}

static bool has_open(const struct compose *c, uint32_t rule, entity_id entity)
{
	const struct suspect *s = roster_find(c->view.roster, rule, entity);

	return s && instance_is_open(&s->life);
}

/* Where a rival would have to be: what contains the subject, or else what contains a symptom that both could explain. */
static entity_id place_of_rival(const struct compose *c, const struct suspect *s, enum entity_kind scope)
{
	const struct graph *g = c->view.m->graph;
	uint32_t self = roster_position(c->view.roster, s);
	entity_id at = relative_nearest(g, s->entity, scope);

	for (size_t i = 0; at == ENTITY_NONE && i < c->causality->n_links; i++)
		if (c->causality->links[i].cause == self)
			at = relative_nearest(g, roster_at(c->view.roster, c->causality->links[i].symptom)->entity,
					      scope);
	return at;
}

void compose_ruled_out(struct compose *c, const struct suspect *s, const struct cause_rule *rule)
{
	const struct ruleset *rs = c->view.rs;
	const struct kin *kin = &c->view.kin[s->rule - rs->n_symptoms];

	for (uint32_t i = 0; i < kin->n_rivals && s->entity != ENTITY_NONE; i++) {
		const struct cause_rule *rival = &rs->causes[kin->rivals[i]];
		entity_id at = place_of_rival(c, s, rival->scope);
		const char *reason;
		bool unknown;

		if (at == ENTITY_NONE || has_open(c, rs->n_symptoms + kin->rivals[i], at))
			continue;
		reason = compose_why_not(c, rival, at, &unknown);
		if (reason && unknown)
			add_unknown(c, rival->id, reason);
		else if (reason)
			add_ruled_out(c, rival->id, reason);
	}
	for (uint32_t i = 0; i < rule->n_refutes; i++) {
		const struct score_marks *marks = &s->j.marks;

		if (!(marks->refutes_known & ~marks->refutes_true & (1u << i)))
			continue;
		add_ruled_out(c, rule->refutes[i].id, "would speak against it; looked for, not seen");
	}
}

/* ---- what cannot be told ---- */

static void add_unknown_items(struct compose *c, const struct suspect *s, const struct evidence_rule *items, uint32_t n,
			      uint16_t known)
{
	for (uint32_t i = 0; i < n; i++) {
		char buffer[256];
		struct text t;

		if (known & (1u << i))
			continue;
		text_init(&t, buffer, sizeof(buffer));
		if (judge_at_path(c->view.m, &items[i].via, items[i].when, s->entity, NULL) == TRUTH_UNKNOWN) {
			phrase_missing(&t, c->view.m->metrics, &c->view.m->missing);
			add_unknown(c, items[i].id, keep(c, &t));
		}
	}
}

static void add_blind(struct compose *c, const struct program *p)
{
	for (uint32_t i = 0; i < p->n_metrics; i++) {
		const char *source = metrics_source(c->view.m->metrics, p->metrics[i]);
		const struct blind_spot *spot = blind_of(c->blind, source);
		char buffer[320];
		struct text t;

		if (!spot)
			continue;
		text_init(&t, buffer, sizeof(buffer));
		text_addf(&t, "verdict made while %s was blind: ", spot->collector);
		text_add_escaped(&t, spot->why, strlen(spot->why));
		add_unknown(c, spot->collector, keep(c, &t));
	}
}

static void add_blind_items(struct compose *c, const struct evidence_rule *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		add_blind(c, &c->view.rs->programs[items[i].when]);
}

void compose_unknown(struct compose *c, const struct suspect *s, const struct cause_rule *rule)
{
	const struct score_marks *marks = &s->j.marks;

	if (s->entity == ENTITY_NONE)
		return;
	add_unknown_items(c, s, rule->supports, rule->n_supports, marks->supports_known);
	add_unknown_items(c, s, rule->refutes, rule->n_refutes, marks->refutes_known);
	if (c->blind->n_spots == 0)
		return;
	add_blind(c, &c->view.rs->programs[rule->trigger]);
	add_blind_items(c, rule->requires, rule->n_requires);
	add_blind_items(c, rule->supports, rule->n_supports);
	add_blind_items(c, rule->refutes, rule->n_refutes);
	for (uint32_t i = 0; i < rule->n_unless; i++)
		add_blind(c, &c->view.rs->programs[rule->unless[i].when]);
}

/* ---- who it is ---- */

static void add_identity(struct compose *c, entity_id id)
{
	static const char *const names[] = {"unresolved", "conflict"};
	const struct graph *g = c->view.m->graph;

	for (size_t i = 0; id != ENTITY_NONE && i < ARRAY_LEN(names); i++) {
		const char *sentence = graph_attr(g, id, names[i]), *why;
		char name[256], what[320];
		struct text t;

		if (!sentence || !sentence[0])
			continue;
		graph_describe(g, id, name, sizeof(name));
		text_init(&t, what, sizeof(what));
		who_split_doubt(sentence, name, &t, &why);
		add_doubt(c, what, arena_strdup(c->draft->arena, why), FINDING_MAX_UNKNOWN);
	}
}

void compose_identity(struct compose *c, const struct suspect *s)
{
	static const enum entity_kind holders[] = {ENTITY_CONTAINER, ENTITY_POD, ENTITY_RANK, ENTITY_JOB};
	const struct graph *g = c->view.m->graph;

	add_identity(c, s->entity);
	for (size_t i = 0; s->entity != ENTITY_NONE && i < ARRAY_LEN(holders); i++) {
		entity_id holder = relative_nearest(g, s->entity, holders[i]);

		if (holder != s->entity)
			add_identity(c, holder);
	}
	for (size_t i = 0; i < c->draft->n_affected; i++) {
		const struct finding_entity *e = &c->draft->affected[i];
		entity_id id = graph_find(g, e->kind, e->id);

		if (id != s->entity)
			add_identity(c, id);
	}
}

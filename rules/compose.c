/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/compose.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/compose_parts.h"
#include "rules/phrase.h"
#include "rules/walk.h"

int compose_init(struct compose *c)
{
	if (finding_new(&c->draft) < 0 || finding_new(&c->before) < 0) {
		compose_done(c);
		return -ENOMEM;
	}
	return 0;
}

void compose_done(struct compose *c)
{
	finding_free(&c->draft);
	finding_free(&c->before);
}

static void start_draft(struct compose *c, const struct suspect *s)
{
	struct arena *arena = c->draft->arena;

	arena_reset(arena);
	*c->draft = (struct finding){.arena = arena};
	c->has_before = s->kept != NULL;
	if (s->kept)
		kept_read(s->kept, c->before);
}

const char *compose_template(struct compose *c, const struct template *template, entity_id entity,
			     const struct value *observed, enum unit unit)
{
	char buffer[1024];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	phrase_template(&t, c->view.m, template, entity, observed, unit);
	return arena_strndup(c->draft->arena, t.data, t.len);
}

/* Names of cgroups, mounts and processes are chosen by tenants, and a command is pasted by root: whatever a shell could
 * read as more than a name becomes '?', which as a pattern still matches that one character, and within quotes does
 * nothing. */
static void add_harmless(struct text *to, const char *value)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";

	for (size_t i = 0; value[i]; i++)
		text_add_n(to, strchr(safe, value[i]) && (i > 0 || value[i] != '-') ? value + i : "?", 1);
}

static const char *compose_command(struct compose *c, const struct template *template, entity_id entity)
{
	char buffer[1024], value[512];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	for (uint32_t i = 0; i < template->n_parts; i++) {
		const struct template part = {&template->parts[i], 1};
		struct text v;

		if (part.parts->literal) {
			text_add(&t, part.parts->literal);
			continue;
		}
		text_init(&v, value, sizeof(value));
		phrase_template(&v, c->view.m, &part, entity, NULL, UNIT_NONE);
		add_harmless(&t, value);
	}
	return arena_strndup(c->draft->arena, t.data, t.len);
}

static void write_head(struct compose *c, const struct suspect *s)
{
	struct finding *f = c->draft;

	text_copy(f->id, sizeof(f->id), s->id);
	f->kind = s->is_symptom ? FINDING_SYMPTOM : FINDING_CAUSE;
	f->node = arena_strdup(f->arena, c->node);
	f->confidence = s->j.score.confidence;
	f->coverage = s->j.score.coverage;
	f->opened_at = s->opened_wall;
	f->changed_at = c->wall;
	f->rules_digest = arena_strdup(f->arena, c->view.rs->digest);
	f->simulated = s->simulated || compose_is_simulated(c, s->entity);
	f->flapping = s->life.flapping;
	f->count = s->count;
	if (graph_exists(c->view.m->graph, s->entity))
		compose_entity(c, s->entity, true, &f->subject);
	else if (c->has_before)
		f->subject = c->before->subject; /* texts live in s->kept, which outlives the draft's use */
}

/* A finding's doc is an address; a rule's may also be a sentence. */
static const char *url_of(struct compose *c, const char *doc)
{
	return doc && strncmp(doc, "http", 4) == 0 ? arena_strdup(c->draft->arena, doc) : NULL;
}

static void write_symptom(struct compose *c, const struct suspect *s)
{
	const struct symptom_rule *rule = &c->view.rs->symptoms[s->rule];
	struct finding *f = c->draft;

	f->rule = arena_strdup(f->arena, rule->id);
	f->severity = rule->severity;
	f->shadow = rule->mode == RULE_SHADOW;
	f->doc = url_of(c, rule->doc);
	f->title = rule->title.n_parts > 0 ? compose_template(c, &rule->title, s->entity, NULL, UNIT_NONE) : NULL;
	if (!f->title || !f->title[0])
		f->title = arena_strdup(f->arena, rule->doc ? rule->doc : rule->id);
	compose_symptom_evidence(c, s, rule);
	compose_identity(c, s);
}

static void write_remedy(struct compose *c, const struct suspect *s, const struct cause_rule *rule)
{
	struct finding *f = c->draft;
	bool again = rule->escalate_if != PROGRAM_NONE &&
		     machine_truth(c->view.m, rule->escalate_if, s->entity) == TRUTH_TRUE;

	f->remedy.action = again && rule->then != REMEDY_NONE ? rule->then : rule->action;
	f->remedy.then = again ? REMEDY_NONE : rule->then;
	f->remedy.automatic = rule->automatic;
	f->remedy.act = f->confidence >= rule->act_at;
	if (rule->remedy_text.n_parts > 0)
		f->remedy.text = compose_template(c, &rule->remedy_text, s->entity, NULL, UNIT_NONE);
	for (uint32_t i = 0; i < rule->n_checks && f->remedy.n_check < FINDING_MAX_CHECKS; i++)
		f->remedy.check[f->remedy.n_check++] = compose_command(c, &rule->checks[i], s->entity);
}

static void write_cause(struct compose *c, const struct suspect *s)
{
	const struct cause_rule *rule = &c->view.rs->causes[s->rule - c->view.rs->n_symptoms];
	struct finding *f = c->draft;

	f->rule = arena_strdup(f->arena, rule->id);
	f->severity = rule->severity;
	f->shadow = rule->mode == RULE_SHADOW;
	f->title = compose_template(c, &rule->title, s->entity, NULL, UNIT_NONE);
	if (!f->title || !f->title[0])
		f->title = arena_strdup(f->arena, rule->id);
	f->doc = url_of(c, rule->doc);
	f->emit_condition = arena_strdup(f->arena, rule->emit_condition);
	f->emit_reason = arena_strdup(f->arena, rule->emit_reason);
	f->emit_event = arena_strdup(f->arena, rule->emit_event);
	/* The longest lists last: the arena is bounded, and they are the ones that may be cut. */
	compose_evidence(c, s, rule);
	write_remedy(c, s, rule);
	compose_because(c, s);
	compose_unknown(c, s, rule);
	compose_ruled_out(c, s, rule);
	compose_explains(c, s);
	compose_affected(c, s, rule);
	if (f->n_affected == 0 && f->n_explains == 0)
		f->severity = MIN_OF(f->severity, rule->severity_alone);
	compose_identity(c, s);
	/* Its values can no longer be read, or are those of its end: "waits 0 % of the time". */
	if (c->has_before && (!graph_exists(c->view.m->graph, s->entity) || s->j.holds != TRUTH_TRUE))
		f->title = c->before->title;
}

void compose_finding(struct compose *c, const struct suspect *s)
{
	start_draft(c, s);
	write_head(c, s);
	if (s->is_symptom)
		write_symptom(c, s);
	else
		write_cause(c, s);
}

bool compose_grew(const struct compose *c)
{
	return !c->has_before || c->draft->n_explains > c->before->n_explains ||
	       c->draft->n_because > c->before->n_because || c->draft->n_affected > c->before->n_affected;
}

uint64_t compose_links_hash(const struct compose *c, const struct suspect *s)
{
	uint32_t deeper[FINDING_MAX_BECAUSE];
	uint64_t sum = s->links;
	size_t n;

	if (s->is_symptom || s->rule == ROSTER_ORPHAN)
		return 0;
	n = causality_because(&c->view, s, deeper, FINDING_MAX_BECAUSE);
	for (size_t i = 0; i < n; i++) {
		const struct suspect *o = roster_at(c->view.roster, deeper[i]);

		sum += causality_mix(((uint64_t)o->rule << 32 | o->entity) ^ 0x5555555555555555ULL);
	}
	return sum;
}

uint64_t compose_affected_hash(const struct compose *c, const struct suspect *s)
{
	const struct cause_rule *rule;
	entity_id reached[WALK_MAX];
	uint64_t sum = 0;

	if (s->is_symptom || s->rule == ROSTER_ORPHAN)
		return 0;
	rule = &c->view.rs->causes[s->rule - c->view.rs->n_symptoms];
	for (uint32_t i = 0; i < rule->n_affects; i++) {
		size_t n = walk_path(c->view.m->graph, &rule->affects[i], s->entity, reached, WALK_MAX);

		for (size_t k = 0; k < n; k++)
			sum += causality_mix(reached[k]);
	}
	return sum;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What changed enough to be said, and the saying of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/engine.h"
#include "rules/engine_state.h"

#define SAY_CONFIDENCE 0.05
#define FULL_QUIET_NS  (600 * NS_PER_S)

static const char *key_of(const struct engine *e, const struct suspect *s)
{
	const char *key = graph_key(e->options.graph, s->entity);

	return key ? key : "";
}

void engine_mark_opened(struct engine *e, struct suspect *s, bool again)
{
	const char *rule = engine_rule_id(e, s);
	char id[FINDING_ID_SIZE];

	if (again)
		return;
	finding_make_id(e->node, e->boot_id, rule, graph_kind(e->options.graph, s->entity), key_of(e, s), s->trigger_at,
			id);
	if (strcmp(id, s->id) != 0) {
		kept_free(&s->kept);
		s->revision = 0;
		text_copy(s->id, sizeof(s->id), id);
		/* Not for the same finding: the wall clock may have been set meanwhile. */
		s->opened_wall = engine_wall_of(e, s->trigger_at);
	}
	s->opened_mono = s->trigger_at;
	e->history[e->n_history++ % ENGINE_HISTORY] =
		(struct opening){.rule = text_hash(rule, strlen(rule)), .at = s->trigger_at};
}

static void hand_out(struct engine *e, struct suspect *s, struct finding *f, enum finding_state state)
{
	f->state = state;
	f->revision = ++s->revision;
	f->changed_at = e->wall;
	s->said_at = e->m.now;
	if (e->publish)
		e->publish(e->publish_arg, f);
}

/* What is published must also be what is remembered; without memory it is published all the same. */
static void keep(struct engine *e, struct suspect *s, const struct finding *f)
{
	struct kept *kept = NULL;

	if (kept_new(f, &e->scratch, &kept) < 0)
		return;
	kept_free(&s->kept);
	s->kept = kept;
}

static void say(struct engine *e, struct suspect *s, enum finding_state state)
{
	struct finding *f = e->compose.draft;

	if (state == FINDING_OPEN)
		e->opened++;
	hand_out(e, s, f, state);
	keep(e, s, f);
	s->published = true;
	s->said_confidence = s->j.score.confidence;
	s->said_count = s->count;
	s->said_flapping = s->life.flapping;
	s->said_links = compose_links_hash(&e->compose, s);
	s->said_affected = compose_affected_hash(&e->compose, s);
}

static void resolve(struct engine *e, struct suspect *s, const char *reason)
{
	struct finding *f = e->compose.before;

	s->published = false;
	e->resolved++;
	if (!s->kept)
		return;
	kept_read(s->kept, f);
	f->resolved_at = e->wall;
	f->resolved_reason = reason;
	f->count = s->count;
	f->flapping = s->life.flapping;
	hand_out(e, s, f, FINDING_RESOLVED);
}

/* The first digit grows, or one more: 1, 2, ... would be noise, 1, 10, 100 is news. */
static bool next_decade(uint64_t said, uint64_t count)
{
	uint64_t decade = 10;

	while (decade <= said && decade < UINT64_MAX / 10)
		decade *= 10;
	return count >= decade;
}

static bool affected_is_due(const struct engine *e, const struct suspect *s)
{
	uint64_t pause = MAX_OF(ENGINE_SAY_AGAIN_NS, mono_since(s->opened_mono, e->m.now) / 4);

	return mono_since(s->said_at, e->m.now) >= pause;
}

static bool has_news(const struct suspect *s)
{
	return fabs(s->j.score.confidence - s->said_confidence) >= SAY_CONFIDENCE ||
	       s->life.flapping != s->said_flapping || next_decade(s->said_count, s->count);
}

static void update(struct engine *e, struct suspect *s)
{
	compose_finding(&e->compose, s);
	if (has_news(s) || compose_grew(&e->compose)) {
		say(e, s, FINDING_UPDATED);
		return;
	}
	s->said_links = compose_links_hash(&e->compose, s);
	s->said_affected = compose_affected_hash(&e->compose, s);
}

/* ---- deciding ---- */

static void find_reason(struct engine *e, struct suspect *s)
{
	const struct cause_rule *rule = s->is_symptom ? NULL : &e->rs->causes[s->rule - e->rs->n_symptoms];

	if (s->yields_to != ROSTER_NONE)
		snprintf(s->end, sizeof(s->end), "explained by %s", roster_at(e->roster, s->yields_to)->id);
	else if (s->j.exception)
		snprintf(s->end, sizeof(s->end), "exception: %s", s->j.exception->reason);
	else if (s->j.unless)
		snprintf(s->end, sizeof(s->end), "suppressed: %s", s->j.unless->reason);
	else if (s->j.score.vetoed && rule)
		snprintf(s->end, sizeof(s->end), "refuted: %s", rule->refutes[s->j.score.veto_by].id);
	else if (s->entity == ENTITY_NONE || graph_is_gone(e->options.graph, s->entity, NULL))
		snprintf(s->end, sizeof(s->end), "%s is gone",
			 entity_kind_name(s->is_symptom ? e->rs->symptoms[s->rule].scope : rule->scope));
	else
		text_copy(s->end, sizeof(s->end), s->j.clears == TRUTH_TRUE ? "cleared" : "no longer observable");
}

static enum suspect_say decide_open(const struct engine *e, const struct suspect *s)
{
	if (!s->published)
		return SUSPECT_SAY_OPEN;
	if (s->entity == ENTITY_NONE)
		return SUSPECT_SAY_NOTHING;
	if (has_news(s) || compose_links_hash(&e->compose, s) != s->said_links ||
	    (affected_is_due(e, s) && compose_affected_hash(&e->compose, s) != s->said_affected))
		return SUSPECT_SAY_UPDATE;
	return SUSPECT_SAY_NOTHING;
}

static enum suspect_say decide_symptom(struct engine *e, struct suspect *s)
{
	if (s->explained_by != ROSTER_NONE) {
		s->lone_since = 0;
		s->excused = true;
		snprintf(s->end, sizeof(s->end), "explained by %s", roster_at(e->roster, s->explained_by)->id);
		return s->published ? SUSPECT_SAY_RESOLVED : SUSPECT_SAY_NOTHING;
	}
	if (s->published)
		return decide_open(e, s);
	/* What has been explained needs no finding when its cause is over before it is. */
	if (s->life.state == INSTANCE_CLEARING || (s->excused && s->by_event))
		return SUSPECT_SAY_NOTHING;
	if (s->lone_since == 0 || s->held_back)
		s->lone_since = e->m.now;
	return mono_since(s->lone_since, e->m.now) >= ENGINE_GRACE_NS ? SUSPECT_SAY_OPEN : SUSPECT_SAY_NOTHING;
}

static enum suspect_say decide(struct engine *e, struct suspect *s)
{
	if (s->rule == ROSTER_ORPHAN)
		return s->published ? SUSPECT_SAY_RESOLVED : SUSPECT_SAY_NOTHING;
	if (!instance_is_open(&s->life)) {
		s->lone_since = 0;
		s->excused = false;
		if (!s->published)
			return SUSPECT_SAY_NOTHING;
		find_reason(e, s);
		return SUSPECT_SAY_RESOLVED;
	}
	return s->is_symptom ? decide_symptom(e, s) : decide_open(e, s);
}

static void publish_change(struct engine *e, struct suspect *s)
{
	switch (s->say) {
	case SUSPECT_SAY_OPEN:
		compose_finding(&e->compose, s);
		say(e, s, s->revision == 0 ? FINDING_OPEN : FINDING_UPDATED);
		break;
	case SUSPECT_SAY_UPDATE:
		update(e, s);
		break;
	default:
		resolve(e, s, s->end);
	}
}

void engine_publish_changes(struct engine *e)
{
	e->n_changed = 0;
	for (uint32_t i = 0; i < e->roster->n; i++) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		s->say = decide(e, s);
		if (s->say != SUSPECT_SAY_NOTHING)
			e->changed[e->n_changed++] = e->roster->list[i];
	}
	causality_sort(&e->compose.view, e->changed, e->n_changed);
	for (uint32_t i = 0; i < e->n_changed; i++)
		publish_change(e, roster_at(e->roster, e->changed[i]));
}

/* ---- about the engine itself ---- */

static void say_full(struct engine *e, enum finding_state state, uint64_t refused)
{
	struct finding *f = e->compose.draft;
	struct arena *arena = f->arena;

	arena_reset(arena);
	*f = (struct finding){.arena = arena,
			      .state = state,
			      .revision = ++e->full_revision,
			      .kind = FINDING_CAUSE,
			      .rule = "whyd.rules.full",
			      .severity = SEVERITY_WARNING,
			      .confidence = 1,
			      .coverage = 1};
	text_copy(f->id, sizeof(f->id), e->full_id);
	f->title = arena_printf(arena, "%llu suspicions were not followed: too many rules are active at once",
				(unsigned long long)refused);
	f->node = e->node;
	f->subject = (struct finding_entity){.kind = ENTITY_NODE, .id = e->node, .name = e->node};
	f->opened_at = e->full_opened_wall;
	f->changed_at = e->wall;
	f->rules_digest = e->rs->digest;
	f->count = refused;
	f->remedy.action = REMEDY_NONE;
	f->remedy.text = "Raise the agent's limit of instances, or narrow rules that match too much.";
	if (state == FINDING_RESOLVED) {
		f->resolved_at = e->wall;
		f->resolved_reason = "cleared";
	}
	if (e->publish)
		e->publish(e->publish_arg, f);
}

void engine_publish_full(struct engine *e)
{
	uint64_t refused = e->roster->refused + wake_dropped(e->wake);

	if (refused > e->refused_before) {
		e->refused_before = refused;
		e->refused_at = e->m.now;
		if (e->full_id[0])
			return;
		e->full_revision = 0;
		e->full_opened = e->m.now;
		e->full_opened_wall = e->wall;
		finding_make_id(e->node, e->boot_id, "whyd.rules.full", ENTITY_NODE, e->node, e->m.now, e->full_id);
		say_full(e, FINDING_OPEN, refused);
	} else if (e->full_id[0] && mono_since(e->refused_at, e->m.now) >= FULL_QUIET_NS) {
		say_full(e, FINDING_RESOLVED, refused);
		e->full_id[0] = 0;
	}
}

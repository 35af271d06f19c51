/* SPDX-License-Identifier: Apache-2.0 */
/* One tick: take in, wake, judge, link, step, publish. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/engine.h"
#include "rules/engine_state.h"

/* ---- wake ---- */

static bool begins(struct engine *e, const struct wake_call *call)
{
	bool is_symptom = call->rule < e->rs->n_symptoms;
	const struct symptom_rule *symptom = is_symptom ? &e->rs->symptoms[call->rule] : NULL;
	const struct cause_rule *cause = is_symptom ? NULL : &e->rs->causes[call->rule - e->rs->n_symptoms];

	if (machine_truth(&e->m, symptom ? symptom->match : cause->match, call->entity) == TRUTH_FALSE)
		return false;
	return call->n_events > 0 ||
	       machine_truth(&e->m, symptom ? symptom->when : cause->trigger, call->entity) == TRUTH_TRUE;
}

/* A suspicion of now is worth more than the memory of one that is over. */
static void make_room(struct engine *e, uint32_t rule)
{
	for (uint32_t at = e->roster->first_of_rule[rule]; at != ROSTER_NONE;) {
		struct suspect *s = roster_at(e->roster, at);

		at = s->next_of_rule;
		if (s->life.state == INSTANCE_RESTING && !s->published) {
			roster_remove(e->roster, s);
			return;
		}
	}
}

static void wake_suspect(struct engine *e, const struct wake_call *call)
{
	struct suspect *s = roster_find(e->roster, call->rule, call->entity);

	if (!s) {
		if (!begins(e, call))
			return;
		if (roster_is_full(e->roster, call->rule))
			make_room(e, call->rule);
		s = roster_add(e->roster, call->rule, call->entity);
		if (!s)
			return;
		s->is_symptom = call->rule < e->rs->n_symptoms;
	}
	s->woken_at = call->at;
	s->n_events = call->n_events;
	s->by_event |= call->n_events > 0;
	s->simulated |= call->simulated;
	s->watch_until = MAX_OF(s->watch_until, call->watch_until);
}

/* ---- restored findings look for their entity ---- */

static void attach(struct engine *e, struct suspect *s)
{
	entity_id id;

	kept_read(s->kept, e->compose.before);
	id = e->compose.before->subject.id
		     ? graph_find(e->options.graph, e->compose.before->subject.kind, e->compose.before->subject.id)
		     : ENTITY_NONE;
	if (id == ENTITY_NONE) {
		s->awaited = !engine_evaluated(e);
		return;
	}
	if (roster_find(e->roster, s->rule, id)) { /* it was woken before it was found: one of the two must go */
		struct suspect *young = roster_find(e->roster, s->rule, id);

		s->woken_at = young->woken_at;
		s->n_events = young->n_events;
		s->by_event |= young->by_event;
		s->watch_until = MAX_OF(s->watch_until, young->watch_until);
		roster_remove(e->roster, young);
	}
	(void)roster_move(e->roster, s, s->rule, id); /* the pair is free now */
	s->awaited = false;
}

/* ---- judge ---- */

static void judge_absent(struct engine *e, struct suspect *s)
{
	enum truth clears = s->awaited ? TRUTH_UNKNOWN : TRUTH_TRUE;

	s->j = (struct judgement){
		.trigger = TRUTH_FALSE, .holds = TRUTH_FALSE, .clears = clears, .marks = s->seen, .score = s->j.score};
	if (s->awaited)
		s->life.known_at = e->m.now;
}

static void judge_present(struct engine *e, struct suspect *s)
{
	bool open = instance_is_open(&s->life), counts = open || s->triggered == TRUTH_TRUE;

	if (s->is_symptom)
		judge_symptom(&e->m, &e->rs->symptoms[s->rule], s->entity, e->wall, &s->j);
	else
		judge_cause(&e->m, &e->rs->causes[s->rule - e->rs->n_symptoms], s->entity, e->wall, open,
			    counts ? &s->seen : NULL, &s->j);
	if (s->j.clears == TRUTH_UNKNOWN && graph_is_gone(e->options.graph, s->entity, NULL))
		s->j.clears = TRUTH_TRUE; /* nothing will be read of it any more */
}

static void note_trigger(struct engine *e, struct suspect *s)
{
	bool was = s->triggered == TRUTH_TRUE, is = s->j.trigger == TRUTH_TRUE, open = instance_is_open(&s->life);

	if (s->awaited)
		return;
	s->triggered = s->j.trigger;
	if (s->n_events > 0) {
		s->again_at = s->woken_at;
		s->excused = false;
	}
	if (is && !was && !open) {
		s->trigger_at = s->woken_at ? s->woken_at : e->m.now;
		s->count = MAX_OF(s->n_events, 1u);
	} else if (is) {
		s->count += s->n_events > 0 ? s->n_events : !was;
	}
	if (is || open)
		s->seen = s->j.marks;
}

/* A resting one is looked at only when something new came in, or its trigger never ceased. */
static bool sleeps(const struct suspect *s)
{
	return s->life.state == INSTANCE_RESTING && s->woken_at == 0 && s->triggered != TRUTH_TRUE;
}

static void judge_all(struct engine *e)
{
	for (uint32_t i = e->roster->n; i-- > 0;) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		if (s->rule != ROSTER_ORPHAN && s->awaited)
			attach(e, s);
	}
	for (uint32_t i = e->roster->n; i-- > 0;) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		s->change = INSTANCE_SAME;
		if (s->rule == ROSTER_ORPHAN)
			continue;
		if (sleeps(s)) {
			s->j.holds = s->j.trigger = TRUTH_FALSE;
			continue;
		}
		if (s->entity == ENTITY_NONE || !graph_exists(e->options.graph, s->entity))
			judge_absent(e, s);
		else
			judge_present(e, s);
		note_trigger(e, s);
	}
}

/* ---- step ---- */

static void step(struct engine *e, struct suspect *s)
{
	bool yields = s->yields_to != ROSTER_NONE;
	struct instance_input in = {
		.now = e->m.now,
		.holds = yields ? TRUTH_FALSE : s->j.holds,
		.clears = s->j.clears,
		.refuted = s->j.refuted || yields,
		.may_resolve = engine_evaluated(e),
		.may_open = engine_evaluated(e) || s->by_event,
	};

	s->change = instance_step(&s->life, engine_hold(e, s), &in);
	if (s->change == INSTANCE_OPENED || s->change == INSTANCE_REOPENED)
		engine_mark_opened(e, s, s->change == INSTANCE_REOPENED);
}

static void step_all(struct engine *e, bool symptoms)
{
	for (uint32_t i = 0; i < e->roster->n; i++) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		if (s->rule != ROSTER_ORPHAN && s->is_symptom == symptoms)
			step(e, s);
	}
}

/* Rest is a memory: of a finding that may come back, and of closings that may turn out to be flapping. Neither can happen
 * to what is gone, nor to a symptom that never had to be said. */
static bool may_be_forgotten(const struct engine *e, const struct suspect *s)
{
	if (s->published)
		return false;
	if (s->rule == ROSTER_ORPHAN || s->change == INSTANCE_OVER)
		return true;
	if (s->life.state == INSTANCE_IDLE)
		return s->triggered != TRUTH_TRUE && e->m.now > s->watch_until;
	if (s->life.state != INSTANCE_RESTING || s->triggered == TRUTH_TRUE)
		return false;
	return !s->kept && (s->revision == 0 || s->entity == ENTITY_NONE ||
			    graph_is_gone(e->options.graph, s->entity, NULL));
}

static void end_tick(struct engine *e)
{
	for (uint32_t i = e->roster->n; i-- > 0;) {
		struct suspect *s = roster_at(e->roster, e->roster->list[i]);

		s->woken_at = 0;
		s->n_events = 0;
		if (s->life.state == INSTANCE_RESTING && s->kept && !s->published && s->rule != ROSTER_ORPHAN &&
		    mono_since(s->life.closed_at[0], e->m.now) >= engine_hold(e, s)->cooldown_ns)
			kept_free(&s->kept);
		if (may_be_forgotten(e, s))
			roster_remove(e->roster, s);
	}
}

int engine_tick(struct engine *e, const struct batch *in, mono_ns_t now, wall_ns_t wall, engine_publish_fn publish,
		void *arg)
{
	const struct wake_call *calls;
	size_t n;

	if (now < e->last_tick)
		return -EINVAL;
	if (e->ticks++ == 0)
		e->first_tick = now;
	e->last_tick = now;
	e->wall = wall;
	e->m.now = e->compose.view.now = now;
	e->m.epoch = e->ticks;
	e->compose.wall = wall;
	e->publish = publish;
	e->publish_arg = arg;
	blind_take(&e->blind, e->options.graph, in, now);
	series_put_batch(e->series, in);
	if (!e->rs)
		return 0;
	n = wake_batch(e->wake, &e->m, in, &calls);
	for (size_t i = 0; i < n; i++)
		wake_suspect(e, &calls[i]);
	judge_all(e);
	step_all(e, true);
	causality_link(e->causality, &e->compose.view);
	causality_yield(e->causality, &e->compose.view);
	step_all(e, false);
	causality_explain(e->causality, &e->compose.view);
	engine_publish_changes(e);
	engine_publish_full(e);
	engine_find_wants(e);
	end_tick(e);
	return 0;
}

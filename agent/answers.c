/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from what this agent holds: open findings in the engine, history in the spool, collectors' health. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/health.h"
#include "agent/aim.h"
#include "agent/stranger.h"
#include "agent/who.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/version.h"
#include "model/target.h"
#include "model/who.h"

#define MAX_HISTORY 2000

struct gathering {
	struct agent *agent;
	const struct query *query;
	struct aim target;
	struct answer *answer;
	int error;
};

static bool wanted(const struct gathering *g, const struct finding *f)
{
	const struct query *q = g->query;
	if (!aim_matches_cause(q->cause, f->rule))
		return false;
	if (q->kind == QUERY_LIST && q->only_open && f->state == FINDING_RESOLVED)
		return false;
	if (f->kind == FINDING_CAUSE && f->confidence < q->min_confidence)
		return false;
	if (g->target.what == AIM_ID)
		return finding_is_called(f, q->target);
	if (g->target.what == AIM_THING)
		return finding_is_about(f, g->target.kind, g->target.key);
	return g->target.what == AIM_HERE;
}

static bool has_finding(const struct answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_findings; i++)
		if (strcmp(a->findings[i]->id, id) == 0)
			return true;
	return false;
}

static void gather(void *arg, const struct finding *f)
{
	struct gathering *g = arg;
	if (g->error || !wanted(g, f) || has_finding(g->answer, f->id))
		return;
	AUTO(finding_free) struct finding *copy = NULL;
	int r = finding_copy(f, &copy);
	if (r == 0)
		r = answer_add_finding(g->answer, &copy);
	if (r < 0 && r != -ENOSPC)
		g->error = r;
}

/* What has changed since, from the spool: the newest change of each finding. A disk in trouble must not silence the rest. */
static int gather_history(struct gathering *g)
{
	if (g->query->since_ns == 0 || g->error)
		return g->error;
	wall_ns_t now = clock_wall_now();
	wall_ns_t since = now > g->query->since_ns ? now - g->query->since_ns : 0;
	int r = spool_visit_history(g->agent->spool, since, MAX_HISTORY, gather, g);
	if (r < 0)
		g->answer->message = arena_printf(
			g->answer->arena, "the history cannot be read: %s; only open findings are shown", strerror(-r));
	return g->error;
}

/* Only once they are ranked is it known which are the first. */
static void cut(struct answer *answer, uint32_t limit)
{
	while (limit && answer->n_findings > limit) {
		finding_free(&answer->findings[--answer->n_findings]);
		answer->truncated = true;
	}
}

/* Who was asked about; nothing for the node as a whole, or a finding. */
static void tell_who(const struct agent *a, const struct query *q, const struct aim *t, struct answer *answer)
{
	if (t->what == AIM_THING && t->id != ENTITY_NONE) {
		who_tell(a->graph, t->id, answer);
		return;
	}
	if (t->what == AIM_THING) {
		who_from_findings(answer, t->kind, t->key);
		return;
	}
	uint64_t pid;
	if (t->what == AIM_PROCESS && text_parse_u64(q->target, &pid) == 0)
		(void)stranger_tell(a->graph, a->root_fd, (uint32_t)pid, answer); /* it may have ended since */
}

static int explain(struct agent *a, const struct query *q, struct answer *answer)
{
	struct gathering g = { .agent = a, .query = q, .answer = answer };
	int r = aim_resolve(a, q, answer->as_of, answer, &g.target);
	if (r < 0 || g.target.what == AIM_NOT)
		return r;
	engine_visit_open(a->engine, gather, &g);
	r = gather_history(&g);
	if (r < 0)
		return r;
	answer_rank(answer);
	if (q->kind == QUERY_EXPLAIN)
		tell_who(a, q, &g.target, answer);
	cut(answer, q->limit);
	r = health_unknown(a, answer);
	if (r < 0 || answer->n_findings > 0)
		return r;
	if (g.target.what == AIM_ID) {
		answer->status = ANSWER_NOT_FOUND;
		answer->message = arena_printf(answer->arena,
					       "node %s has no finding '%s' now; --since 24h also looks for resolved ones",
					       a->settings->node, q->target);
	} else if (q->cause[0]) {
		(void)aim_knows_cause(a, q->cause, answer);
	}
	return 0;
}

static int earlier_first(const void *x, const void *y)
{
	const struct answer_line *a = x, *b = y;
	return a->at < b->at ? -1 : a->at > b->at;
}

static void add_moment(struct answer *answer, const struct finding *f, wall_ns_t at, const char *status)
{
	struct answer_line *line = at ? answer_add_line(answer) : NULL;
	if (!line)
		return;
	line->at = at;
	line->what = "finding";
	line->subject = f->subject.name ? f->subject.name : f->subject.id;
	line->status = status;
	line->text = f->title;
	line->detail = f->rule;
	line->severity = f->severity;
}

static void keep_latest(struct answer *answer, uint32_t limit)
{
	if (limit == 0 || answer->n_lines <= limit)
		return;
	answer->lines += answer->n_lines - limit;
	answer->n_lines = limit;
	answer->truncated = true;
}

/* Openings, resolutions and the evidence between them, in order of time. */
static int timeline(struct agent *a, const struct query *q, struct answer *answer)
{
	struct query with_history = *q;
	if (with_history.since_ns == 0)
		with_history.since_ns = 3600 * NS_PER_S;
	struct gathering g = { .agent = a, .query = &with_history, .answer = answer };
	int r = aim_resolve(a, &with_history, answer->as_of, answer, &g.target);
	if (r < 0 || g.target.what == AIM_NOT)
		return r;
	engine_visit_open(a->engine, gather, &g);
	r = gather_history(&g);
	if (r < 0)
		return r;
	for (size_t i = 0; i < answer->n_findings; i++) {
		const struct finding *f = answer->findings[i];
		add_moment(answer, f, f->opened_at, "open");
		add_moment(answer, f, f->resolved_at, "resolved");
		for (size_t n = 0; n < f->n_explains; n++) {
			struct answer_line *line = answer_add_line(answer);
			if (!line)
				break;
			line->at = f->explains[n].at;
			line->what = "symptom";
			line->subject = f->explains[n].subject.name;
			line->status = "explained";
			line->text = f->explains[n].symptom;
			line->detail = f->rule;
			line->severity = f->severity;
		}
	}
	if (answer->n_lines > 1)
		qsort(answer->lines, answer->n_lines, sizeof(answer->lines[0]), earlier_first);
	keep_latest(answer, q->limit);
	return 0;
}

static int why_not(struct agent *a, const struct query *q, struct answer *answer)
{
	struct aim target;
	int r = aim_resolve(a, q, answer->as_of, answer, &target);
	if (r < 0 || target.what == AIM_NOT)
		return r;
	if (target.id == ENTITY_NONE && target.what != AIM_HERE) {
		answer->status = ANSWER_NOT_FOUND;
		answer->message = arena_printf(answer->arena,
					       "'%s' is not on node %s now, or is not followed: no rule looks at it",
					       q->target, a->settings->node);
		return 0;
	}
	r = engine_why_not(a->engine, q->cause, target.id, loop_now(a->loop), clock_wall_now(), answer);
	if (r == -ENOENT) {
		/* It may be a symptom: those have no causes to weigh. */
		if (aim_knows_cause(a, q->cause, answer)) {
			answer->status = ANSWER_NOT_FOUND;
			answer->message = arena_printf(
				answer->arena, "'%s' is no cause; `why rules list` shows them all", q->cause);
		}
		r = 0;
	} else if (r == -ESRCH) {
		answer->status = ANSWER_NOT_FOUND;
		answer->message = arena_printf(answer->arena, "this node has nothing that '%s' could be about", q->cause);
		r = 0;
	}
	return r;
}

static int reload(struct agent *a, int privileged, struct answer *answer)
{
	if (!privileged) {
		answer->status = ANSWER_DENIED;
		answer->message = "only root, or the agent's own user on its node, may reload the rules";
		return 0;
	}
	int r = rulebook_load(a->rulebook, loop_now(a->loop));
	const struct ruleset *rs = engine_ruleset(a->engine);
	if (r == 0 && !rs)
		r = -EINVAL;
	answer->message =
		r < 0 ? arena_printf(answer->arena, "cannot reload: %s; the rules in force stay", strerror(-r)) :
			arena_printf(answer->arena, "%u causes and %u symptoms in force, %u rejected", rs->n_causes,
				     rs->n_symptoms, rs->n_rejected);
	answer->status = r < 0 ? ANSWER_BAD : ANSWER_OK;
	return health_rules(a, answer);
}

static void set_head(const struct agent *a, const struct query *q, struct answer *answer)
{
	const struct ruleset *rs = engine_ruleset(a->engine);
	answer->node = arena_strdup(answer->arena, a->settings->node);
	answer->target = arena_strdup(answer->arena, q->target[0] ? q->target : a->settings->node);
	answer->as_of = clock_wall_now();
	answer->agent_last_seen = answer->as_of;
	answer->agent_version = WHY_VERSION;
	answer->rules_digest = arena_strdup(answer->arena, rs ? rs->digest : "");
	answer->evaluated = engine_evaluated(a->engine);
	if (q->kind == QUERY_EXPLAIN && (!rs || rs->n_causes + rs->n_symptoms == 0))
		answer->message = "no rules are in force: look at rules.dirs of whyd, or at its log";
}

int agent_answer(void *agent, const struct query *q, int privileged, struct answer **ret_answer)
{
	struct agent *a = agent;
	AUTO(answer_free) struct answer *answer = NULL;
	int r = answer_new(q->kind, &answer);
	if (r < 0)
		return r;
	set_head(a, q, answer);
	switch (q->kind) {
	case QUERY_EXPLAIN:
	case QUERY_LIST:
		r = explain(a, q, answer);
		break;
	case QUERY_TIMELINE:
		r = timeline(a, q, answer);
		break;
	case QUERY_NOT:
		r = why_not(a, q, answer);
		break;
	case QUERY_DOCTOR:
		r = health_doctor(a, answer);
		break;
	case QUERY_RULES:
		r = health_rules(a, answer);
		break;
	case QUERY_METRICS:
		r = health_metrics(a, answer);
		break;
	case QUERY_RELOAD:
		r = reload(a, privileged, answer);
		break;
	default:
		answer->status = ANSWER_BAD;
		answer->message = "only a hub knows the fleet: give --hub HOST:PORT";
		break;
	}
	if (r < 0)
		return r;
	*ret_answer = TAKE_PTR(answer);
	return 0;
}

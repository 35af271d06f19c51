// SPDX-License-Identifier: Apache-2.0
#include "hub/answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "hub/answers_fleet.h"
#include "model/target.h"
#include "model/who.h"
#include "proto/convert.h"

#define DEFAULT_TIMELINE_NS (24 * 3600 * NS_PER_S)
#define MAX_UNKNOWN         100
#define MAX_RULES           2000

struct gathering {
	struct answer *answer;
	double min_confidence;
	uint64_t last_n;
};

static int gather(void *arg, const struct store_row *row)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct gathering *g = arg;
	int r = finding_unpack(row->data, row->n_data, &f, NULL);

	g->last_n = row->n;
	if (r == -EBADMSG)
		return 0; /* stored by another version: the rest is still worth telling */
	if (r < 0)
		return r;
	if (f->kind == FINDING_CAUSE && f->confidence < g->min_confidence)
		return 0;
	r = answer_add_finding(g->answer, &f);
	return r == -ENOSPC ? 1 : r;
}

static bool has(const struct answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		if (strcmp(a->findings[i]->id, id) == 0)
			return true;
	}
	return false;
}

static int gather_id(const struct answers_env *env, struct gathering *g, const char *id)
{
	struct store_filter filter = { .id = id, .kind = STORE_NO_KIND, .limit = 1 };

	if (!id[0] || has(g->answer, id))
		return 0;
	return env->reader->class->visit(env->reader->state, &filter, gather, g);
}

/* The finding, what it is because of, what it explains. */
static int gather_chain(const struct answers_env *env, struct gathering *g, const char *id)
{
	const struct finding *f;
	int r = gather_id(env, g, id);

	if (r < 0 || g->answer->n_findings == 0)
		return r < 0 ? r : 0;
	f = g->answer->findings[0];
	for (size_t i = 0; i < f->n_because && r >= 0; i++)
		r = gather_id(env, g, f->because[i]);
	for (size_t i = 0; i < f->n_explains && r >= 0; i++)
		r = gather_id(env, g, f->explains[i].finding);
	return r < 0 ? r : 0;
}

static wall_ns_t since_of(const struct answers_env *env, uint64_t since_ns)
{
	/* 1, not 0: 0 means "open ones only". */
	return since_ns == 0 ? 0 : env->now.wall > since_ns ? env->now.wall - since_ns : 1;
}

/* ---- health of nodes ---- */

void answers_health(const struct answers_env *env, const struct store_node *node, struct node_health *ret_health)
{
	struct agent_state live;
	struct node_health h = { .known = true, .last_seen = node->last_seen, .worst = node->worst, .n_open = node->n_open };

	h.connected = agents_state(env->agents, node->name, env->now.mono, &live);
	if (h.connected)
		h.last_seen = live.last_seen;
	h.stale = !h.connected || live.quiet;
	h.evaluated = h.connected ? live.evaluated : node->evaluated;
	(void)text_copy(h.version, sizeof(h.version), h.connected ? live.version : node->version);
	(void)text_copy(h.rules_digest, sizeof(h.rules_digest), h.connected ? live.rules_digest : node->rules_digest);
	*ret_health = h;
}

const char *answers_status(const struct node_health *h)
{
	if (h->stale || !h->evaluated)
		return "unknown";
	return h->worst == SEVERITY_CRITICAL ? "critical" : h->worst == SEVERITY_WARNING ? "warning" : "healthy";
}

struct node_visit {
	const struct answers_env *env;
	struct answer *answer;
	struct node_health health;
	size_t n, n_stale, n_evaluated;
};

static void say_unknown(struct answer *a, const char *node, const struct node_health *h)
{
	char when[CLOCK_RFC3339_MAX];
	struct finding_unknown *u;

	if (!a->unknown)
		a->unknown = arena_alloc_array(a->arena, MAX_UNKNOWN, sizeof(*a->unknown));
	if (!a->unknown || a->n_unknown == MAX_UNKNOWN) {
		a->truncated = true;
		return;
	}
	u = &a->unknown[a->n_unknown++];
	clock_format_rfc3339(h->last_seen, when);
	u->what = arena_printf(a->arena, "node %s", node);
	u->why = h->stale ? arena_printf(a->arena, "its agent is silent, last seen %s", when) :
			    "its agent has not evaluated its rules yet";
}

static int visit_node(void *arg, const struct store_node *node)
{
	struct node_visit *v = arg;

	answers_health(v->env, node, &v->health);
	v->n++;
	v->n_stale += v->health.stale;
	v->n_evaluated += v->health.evaluated;
	if (v->health.stale || !v->health.evaluated)
		say_unknown(v->answer, node->name, &v->health);
	return 0;
}

static void take_head(struct answer *a, const char *node, const struct node_health *h)
{
	a->node = arena_strdup(a->arena, node);
	a->agent_last_seen = h->last_seen;
	a->agent_version = arena_strdup(a->arena, h->version);
	a->rules_digest = arena_strdup(a->arena, h->rules_digest);
}

/* Whose word this answer rests on: one node, or all. */
static int judge_node(const struct answers_env *env, const char *node, struct answer *a)
{
	struct node_visit v = { .env = env, .answer = a };
	int r = env->reader->class->visit_nodes(env->reader->state, node, visit_node, &v);

	if (r < 0)
		return r;
	if (node && v.n)
		take_head(a, node, &v.health);
	a->evaluated = v.n > 0 && (node ? v.n_evaluated == v.n : v.n_evaluated > 0);
	/* Of the whole fleet: silent nodes are listed, but do not hide what is known to be wrong elsewhere. */
	a->stale = node ? v.n_stale > 0 : v.n_stale > 0 && a->n_findings == 0;
	return 0;
}

/* A pod, a job: the nodes its findings are from. */
static int judge_findings(const struct answers_env *env, struct answer *a)
{
	bool evaluated = true, stale = false;
	int r = 0;

	for (size_t i = 0; i < a->n_findings && r == 0; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = strcmp(a->findings[k]->node, a->findings[i]->node) == 0;
		if (seen)
			continue;
		r = judge_node(env, a->findings[i]->node, a);
		evaluated &= a->evaluated;
		stale |= a->stale;
	}
	a->evaluated = evaluated;
	a->stale = stale;
	return r;
}

/* ---- questions ---- */

static int explain(const struct answers_env *env, const struct query *q, const struct resolved *t, struct answer *a)
{
	struct gathering g = { .answer = a, .min_confidence = q->min_confidence };
	struct store_filter filter = {
		.kind = STORE_NO_KIND, .only_open = true, .since = since_of(env, q->since_ns), .order = STORE_WORST_FIRST,
		.limit = ANSWER_MAX_FINDINGS,
	};
	int r;

	if (t->what == RESOLVED_FINDING) {
		r = gather_chain(env, &g, t->key);
	} else {
		filter.node = t->node[0] ? t->node : NULL;
		if (t->what == RESOLVED_ENTITY) {
			filter.kind = t->kind;
			filter.key = t->key;
		}
		r = env->reader->class->visit(env->reader->state, &filter, gather, &g);
	}
	if (r < 0)
		return r;
	if (a->n_findings == ANSWER_MAX_FINDINGS)
		a->truncated = true;
	answer_rank(a);
	if (t->what == RESOLVED_ENTITY)
		who_from_findings(a, t->kind, t->key);
	if (t->what == RESOLVED_FLEET)
		return judge_node(env, NULL, a);
	if (t->node[0])
		return judge_node(env, t->node, a);
	return judge_findings(env, a);
}

static int parse_cursor(const char *cursor, uint64_t *ret_n)
{
	*ret_n = 0;
	if (!cursor[0])
		return 0;
	return cursor[0] == 'n' ? text_parse_u64(cursor + 1, ret_n) : -EINVAL;
}

static void set_cursor(struct answer *a, uint64_t n)
{
	(void)snprintf(a->next_cursor, sizeof(a->next_cursor), "n%llu", (unsigned long long)n);
}

static int bad_cursor(struct answer *a)
{
	a->status = ANSWER_BAD;
	a->message = "the cursor is not one of this hub: ask again without it";
	return 0;
}

/* ---- is there such a rule? ---- */

struct asking {
	const struct answers_env *env;
	struct target_search near;
	const char *cause;
	bool known;
	char *node;
};

static int see_rule(void *arg, const char *rule)
{
	struct asking *k = arg;
	size_t n = strlen(k->cause);
	bool group = n > 2 && strcmp(k->cause + n - 2, ".*") == 0;

	k->known |= group ? strncmp(k->cause, rule, n - 1) == 0 : strcmp(k->cause, rule) == 0;
	target_search_near(&k->near, rule);
	return 0;
}

static int first_that_answers(void *arg, const struct store_node *node)
{
	struct asking *k = arg;
	struct agent_state live;

	if (!agents_state(k->env->agents, node->name, k->env->now.mono, &live) || !live.can_answer || live.quiet)
		return 0;
	(void)text_copy(k->node, RECORD_MAX_NODE, node->name);
	return 1;
}

/* Nothing is stored of this cause: an empty list means health only if there is such a rule. An agent knows. */
static int check_cause(const struct answers_env *env, const char *cause, struct answer *a, char ret_node[RECORD_MAX_NODE])
{
	AUTO_FREE struct asking *k = calloc(1, sizeof(*k));
	char hint[1024];
	int r;

	if (!k)
		return -ENOMEM;
	*k = (struct asking){ .env = env, .cause = cause, .node = ret_node };
	target_search_init(&k->near, ENTITY_KIND_MAX, cause);
	r = env->reader->class->visit_rules(env->reader->state, MAX_RULES, see_rule, k);
	if (r == 0 && !k->known)
		r = env->reader->class->visit_nodes(env->reader->state, NULL, first_that_answers, k);
	if (r != 0 || k->known)
		return r;
	target_search_hint(&k->near, hint, sizeof(hint));
	a->status = hint[0] ? ANSWER_NOT_FOUND : ANSWER_OK;
	a->evaluated = false; /* no word, no health */
	a->message = arena_printf(a->arena,
				  "no stored finding is of a rule called '%s', and no agent that knows the rules is "
				  "connected%s",
				  cause, hint);
	return 0;
}

static int list(const struct answers_env *env, const struct query *q, const struct resolved *t, struct answer *a,
		char ret_node[RECORD_MAX_NODE])
{
	struct gathering g = { .answer = a, .min_confidence = q->min_confidence };
	struct store_filter filter = {
		.node = t->node[0] ? t->node : NULL, .rule = q->cause[0] ? q->cause : NULL, .kind = STORE_NO_KIND,
		.only_open = q->only_open != 0, .since = since_of(env, q->since_ns), .order = STORE_NEWEST_FIRST,
		.limit = q->limit && q->limit < ANSWER_MAX_FINDINGS ? q->limit : ANSWER_MAX_FINDINGS,
	};
	int r;

	if (parse_cursor(q->cursor, &filter.before_n) < 0)
		return bad_cursor(a);
	if (t->what == RESOLVED_FINDING)
		filter.id = t->key;
	if (t->what == RESOLVED_ENTITY) {
		filter.kind = t->kind;
		filter.key = t->key;
	}
	r = env->reader->class->visit(env->reader->state, &filter, gather, &g);
	if (r < 0)
		return r;
	a->evaluated = true;
	if (a->n_findings == filter.limit)
		set_cursor(a, g.last_n);
	if (a->n_findings == 0 && q->cause[0] && !q->cursor[0] && t->what == RESOLVED_FLEET)
		return check_cause(env, q->cause, a, ret_node);
	return 0;
}

struct line_gathering {
	struct answer *answer;
	uint64_t last_n;
	size_t n;
};

static int gather_line(void *arg, const struct store_line *line)
{
	struct line_gathering *g = arg;
	struct answer_line *l = answer_add_line(g->answer);
	struct arena *arena = g->answer->arena;

	if (!l)
		return 1;
	l->at = line->at;
	l->what = arena_strdup(arena, line->what);
	l->subject = arena_strdup(arena, line->node);
	l->status = arena_strdup(arena, line->status);
	l->text = arena_strdup(arena, line->text);
	l->detail = line->finding[0] ? arena_strdup(arena, line->finding) : NULL;
	l->severity = (unsigned)line->severity < SEVERITY_MAX ? line->severity : SEVERITY_INFO;
	if (!l->what || !l->subject || !l->status || !l->text)
		return -ENOMEM;
	g->last_n = line->n;
	g->n++;
	return 0;
}

static int by_time(const void *x, const void *y)
{
	const struct answer_line *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static int timeline(const struct answers_env *env, const struct query *q, const struct resolved *t, struct answer *a)
{
	struct line_gathering g = { .answer = a };
	struct store_filter filter = {
		.node = t->node[0] ? t->node : NULL, .kind = STORE_NO_KIND, .limit = ANSWERS_PAGE_LINES,
		.since = since_of(env, q->since_ns ? q->since_ns : DEFAULT_TIMELINE_NS),
	};
	uint64_t after;
	int r;

	if (parse_cursor(q->cursor, &after) < 0)
		return bad_cursor(a);
	if (t->what == RESOLVED_FINDING)
		filter.id = t->key;
	if (t->what == RESOLVED_ENTITY) {
		filter.kind = t->kind;
		filter.key = t->key;
	}
	r = env->reader->class->visit_lines(env->reader->state, &filter, after, gather_line, &g);
	if (r < 0)
		return r;
	a->evaluated = true;
	if (a->n_lines > 1)
		qsort(a->lines, a->n_lines, sizeof(a->lines[0]), by_time);
	if (g.n == ANSWERS_PAGE_LINES)
		set_cursor(a, g.last_n);
	return 0;
}

static int need_node(struct answer *a)
{
	a->status = ANSWER_BAD;
	a->message = "this is asked of one node, and this hub knows several or none: name it, "
		     "for example `why doctor NODE`, "
		     "or `why not CAUSE NODE`; `why fleet` lists them";
	return 0;
}

static int pass_on(const struct resolved *t, struct answer *a, char ret_node[RECORD_MAX_NODE])
{
	if (!t->node[0])
		return need_node(a);
	(void)text_copy(ret_node, RECORD_MAX_NODE, t->node);
	return 1;
}

static int answer_resolved(const struct answers_env *env, const struct query *q, const struct resolved *t, struct answer *a,
			   char ret_node[RECORD_MAX_NODE])
{
	if (resolve_is_for_a_node(q->kind) || t->what == RESOLVED_ELSEWHERE)
		return pass_on(t, a, ret_node);
	switch (q->kind) {
	case QUERY_EXPLAIN:
		return explain(env, q, t, a);
	case QUERY_LIST:
		return list(env, q, t, a, ret_node);
	case QUERY_TIMELINE:
		return timeline(env, q, t, a);
	case QUERY_FLEET:
		return answers_fleet(env, q, a);
	default:
		a->status = ANSWER_DENIED;
		a->message = "a hub does not do that: ask the agent on its node, with --local";
		return 0;
	}
}

int answers_make(const struct answers_env *env, const struct query *q, struct answer **ret_answer,
		 char ret_node[RECORD_MAX_NODE])
{
	AUTO(answer_free) struct answer *a = NULL;
	struct resolved t = { .what = RESOLVED_FLEET };
	int r = answer_new(q->kind, &a);

	if (r < 0)
		return r;
	a->as_of = env->now.wall;
	a->target = arena_strdup(a->arena, q->target[0] ? q->target : q->node);
	if (q->kind != QUERY_FLEET && q->kind != QUERY_RELOAD)
		r = resolve_target(env->reader, q, &t, a);
	if (r == 0)
		r = answer_resolved(env, q, &t, a, ret_node);
	else if (r > 0)
		r = 0; /* the answer says what is wrong with the question */
	if (r != 0)
		return r;
	*ret_answer = TAKE_PTR(a);
	return 0;
}

int answers_refusal(const struct query *q, enum answer_status status, const char *message, struct answer **ret_answer)
{
	AUTO(answer_free) struct answer *a = NULL;
	int r = answer_new(q->kind, &a);

	if (r < 0)
		return r;
	a->status = status;
	a->target = arena_strdup(a->arena, q->target);
	a->node = arena_strdup(a->arena, q->node);
	a->message = arena_strdup(a->arena, message);
	*ret_answer = TAKE_PTR(a);
	return 0;
}

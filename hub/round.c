// SPDX-License-Identifier: Apache-2.0
#include "hub/round.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/who.h"

#define MAX_CANDIDATES 20

/* ---- whom to ask ---- */

struct choosing {
	const struct answers_env *env;
	struct round_plan *plan;
	const struct answer *of; /* not NULL: only the nodes of its findings */
};

static bool is_of(const struct answer *a, const char *node)
{
	for (size_t i = 0; i < a->n_findings; i++)
		if (strcmp(a->findings[i]->node, node) == 0)
			return true;
	return false;
}

static int choose(void *arg, const struct store_node *node)
{
	struct choosing *c = arg;
	struct agent_state live;

	if ((c->of && !is_of(c->of, node->name)) ||
	    !agents_state(c->env->agents, node->name, c->env->now.mono, &live) || !live.can_answer || live.quiet)
		return 0;
	if (c->plan->n == ROUND_MAX_NODES)
		c->plan->more++;
	else
		(void)text_copy(c->plan->nodes[c->plan->n++], RECORD_MAX_NODE, node->name);
	return 0;
}

static bool is_asked_around(enum entity_kind kind)
{
	return kind == ENTITY_POD || kind == ENTITY_JOB || kind == ENTITY_RANK || kind == ENTITY_CONTAINER ||
	       kind == ENTITY_PROCESS;
}

static const struct answer_who *self_of(const struct answer *a)
{
	return a->n_who && strcmp(a->who[0].role, "self") == 0 ? &a->who[0] : NULL;
}

int round_plan(const struct answers_env *env, const struct query *q, const struct answer *a, struct round_plan *ret_plan)
{
	struct choosing c = { .env = env, .plan = ret_plan };
	const struct answer_who *self = self_of(a);
	bool found = a->status == ANSWER_OK;

	ret_plan->n = ret_plan->more = 0;
	ret_plan->query = *q;
	if ((q->kind != QUERY_EXPLAIN && (q->kind != QUERY_LIST || found)) || !q->target[0] ||
	    strncmp(q->target, "fnd_", 4) == 0)
		return 0;
	if (found ? !self || !is_asked_around(self->kind)
		  : a->status != ANSWER_NOT_FOUND || q->node[0] ||
			    (q->target_kind != ENTITY_KIND_MAX && !is_asked_around(q->target_kind)))
		return 0;
	if (found) {
		ret_plan->query.target_kind = self->kind;
		(void)text_copy(ret_plan->query.target, sizeof(ret_plan->query.target), self->id);
		/* A job's other ranks may be anywhere. */
		c.of = self->kind == ENTITY_JOB && !q->node[0] ? NULL : a;
	}
	return env->reader->class->visit_nodes(env->reader->state, NULL, choose, &c);
}

/* ---- one answer out of many ---- */

static const char *copy(struct answer *a, const char *text)
{
	const char *mine = text ? arena_strdup(a->arena, text) : NULL;

	return mine ? mine : "";
}

static void copy_who(struct answer *a, const struct answer_who *from, struct answer_who *to)
{
	/* Roles and states are texts of the answer they came with, too. */
	*to = (struct answer_who){ .role = copy(a, from->role),
				   .kind = from->kind,
				   .id = copy(a, from->id),
				   .name = copy(a, from->name),
				   .text = copy(a, from->text),
				   .node = copy(a, from->node),
				   .status = copy(a, from->status) };
	for (size_t i = 0; i < from->n_attrs; i++)
		to->attrs[to->n_attrs++] =
			(struct finding_attr){ copy(a, from->attrs[i].name), copy(a, from->attrs[i].value) };
}

static bool is_cluster_wide(enum entity_kind kind)
{
	return kind == ENTITY_POD || kind == ENTITY_JOB || kind == ENTITY_RANK;
}

static bool is_same(const struct answer_who *a, const struct answer_who *b)
{
	return a->kind == b->kind && strcmp(a->id, b->id) == 0 && strcmp(a->role, b->role) == 0 &&
	       (is_cluster_wide(a->kind) || strcmp(a->node, b->node) == 0) &&
	       (strcmp(a->role, "doubt") != 0 || strcmp(a->name, b->name) == 0);
}

static void merge_line(struct answer *base, const struct answer_who *from)
{
	struct answer_who *to;

	for (size_t i = 0; i < base->n_who; i++) {
		struct answer_who old = base->who[i];

		if (!is_same(&old, from))
			continue;
		if (from->n_attrs >= old.n_attrs)
			copy_who(base, from, &base->who[i]);
		/* What is wrong with it may have been found on another node. */
		if (strcmp(old.role, "member") == 0 && who_trouble(&old) < who_trouble(from)) {
			base->who[i].status = old.status;
			base->who[i].text = old.text;
		}
		return;
	}
	to = answer_add_who(base);
	if (to)
		copy_who(base, from, to);
}

static void merge_who(struct answer *base, const struct answer *from)
{
	for (size_t i = 0; i < from->n_who; i++)
		merge_line(base, &from->who[i]);
	who_sort(base);
}

static void take_findings(struct answer *base, struct answer *from)
{
	for (size_t i = 0; i < from->n_findings; i++)
		(void)answer_add_finding(base, &from->findings[i]);
	from->n_findings = 0;
	answer_rank(base);
}

/* The first node that knows it. */
static void adopt(struct answer *base, struct answer *from)
{
	base->status = ANSWER_OK;
	base->message = from->message ? copy(base, from->message) : NULL;
	base->node = copy(base, from->node);
	base->agent_version = copy(base, from->agent_version);
	base->rules_digest = copy(base, from->rules_digest);
	base->agent_last_seen = from->agent_last_seen;
	base->evaluated = from->evaluated;
	base->stale = from->stale;
	base->n_who = 0;
	take_findings(base, from);
	merge_who(base, from);
}

/* `name` NULL: its own. */
static void add_candidate(struct answer *a, const struct answer_who *w, const char *name, const char *node)
{
	struct finding_entity e = { .kind = w->kind, .id = w->id, .name = name ? name : w->name };
	const char *kind = w->kind == ENTITY_PROCESS ? "pid" : entity_kind_name(w->kind), *text;
	struct answer_who *mine;

	if (!a->candidates || a->n_candidates == MAX_CANDIDATES)
		return;
	text = is_cluster_wide(w->kind) ? arena_printf(a->arena, "%s %s", kind, w->id) :
					  arena_printf(a->arena, "%s %s:%s", kind, node, w->id);
	for (size_t i = 0; text && i < a->n_candidates; i++)
		if (strcmp(a->candidates[i], text) == 0)
			return;
	mine = who_add(a, "candidate", &e);
	if (!text || !mine)
		return;
	mine->node = copy(a, node);
	a->candidates[a->n_candidates++] = text;
}

/* "rank 3 of torchrun:llama, python3[4242]": what an answer's target is, in `a`. */
static const char *brief(struct answer *a, const struct answer *of)
{
	for (size_t i = 0; i < of->n_who; i++)
		if (strcmp(of->who[i].role, "of") == 0)
			return arena_printf(a->arena, "%s, %s", of->who[i].name, of->who[0].name);
	return NULL;
}

/* A second thing that the word fits. */
static void doubt(struct answer *a, const struct answer *from)
{
	struct answer_who first = { 0 };
	const char *node = a->node ? a->node : "", *name = brief(a, a);

	if (a->status != ANSWER_AMBIGUOUS) {
		if (self_of(a))
			first = *self_of(a);
		while (a->n_findings > 0)
			finding_free(&a->findings[--a->n_findings]);
		a->n_who = 0;
		a->status = ANSWER_AMBIGUOUS;
		a->message = "several nodes have something of that name: say which, as KIND NODE:NAME or by its full name";
		a->candidates = arena_alloc_array(a->arena, MAX_CANDIDATES, sizeof(*a->candidates));
		a->n_candidates = 0;
		if (first.id)
			add_candidate(a, &first, name, node);
	}
	name = brief(a, from);
	for (size_t i = 0; i < from->n_who; i++)
		if (strcmp(from->who[i].role, "self") == 0 || strcmp(from->who[i].role, "candidate") == 0)
			add_candidate(a, &from->who[i], i == 0 ? name : NULL, from->node ? from->node : "");
}

/* The hub has no finding of it; that a node knows the thing makes the empty list true. */
static void merge_list(struct answer *base, struct answer *from)
{
	if (from->status != ANSWER_OK)
		return;
	base->status = ANSWER_OK;
	base->message = NULL;
	base->evaluated = true;
	take_findings(base, from);
}

void round_merge(struct answer *base, struct answer *from)
{
	const struct answer_who *mine = self_of(base), *theirs = self_of(from);

	if (from->query != base->query)
		return;
	if (base->query == QUERY_LIST) {
		merge_list(base, from);
		return;
	}
	if (from->status == ANSWER_AMBIGUOUS && base->status == ANSWER_OK)
		return; /* the hub knew it by its full name, or another node did */
	if (from->status == ANSWER_AMBIGUOUS)
		doubt(base, from);
	if (from->status != ANSWER_OK || !theirs)
		return;
	if (base->status == ANSWER_NOT_FOUND) {
		adopt(base, from);
	} else if (base->status == ANSWER_AMBIGUOUS) {
		doubt(base, from);
	} else if (mine && mine->kind == theirs->kind && strcmp(mine->id, theirs->id) == 0 &&
		   (is_cluster_wide(mine->kind) || mine->node[0] == 0 || strcmp(mine->node, theirs->node) == 0)) {
		if (base->node && strcmp(base->node, from->node) != 0)
			base->node = NULL;
		base->evaluated &= from->evaluated;
		merge_who(base, from);
	} else {
		doubt(base, from);
	}
}

static void say_unknown(struct answer *a, const char *what, const char *why)
{
	struct finding_unknown *list = arena_alloc_array(a->arena, a->n_unknown + 1, sizeof(*list));

	if (!list || !why)
		return;
	if (a->n_unknown)
		memcpy(list, a->unknown, a->n_unknown * sizeof(*list));
	list[a->n_unknown++] = (struct finding_unknown){ what, why };
	a->unknown = list;
}

void round_end(struct answer *a, size_t n_silent, size_t n_asked, size_t n_more)
{
	if (n_silent)
		say_unknown(a, "other nodes",
			    arena_printf(a->arena, "%zu of %zu that were asked did not answer in time", n_silent, n_asked));
	if (n_more)
		say_unknown(a, "further nodes",
			    arena_printf(a->arena, "%zu nodes were asked, %zu more were not: name the node", n_asked,
					 n_more));
	if (a->status != ANSWER_NOT_FOUND || n_asked == 0)
		return;
	a->message = arena_printf(a->arena, "%s%s; %zu connected node%s asked%s", a->message ? a->message : "not found",
				  n_silent ? "" : ", and no connected node knows it", n_asked,
				  n_asked == 1 ? " was" : "s were",
				  n_more   ? ", and more were not: name the node" :
				  n_silent ? ", not all answered" :
					     "");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/who.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/target.h"

/* Every entity that the findings name, with the node it is on. */
typedef void (*entity_fn)(void *arg, const struct finding_entity *e, const char *node);

static void visit(const struct answer *a, entity_fn fn, void *arg)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		fn(arg, &f->subject, f->node);
		for (size_t k = 0; k < f->n_affected; k++)
			fn(arg, &f->affected[k], f->node);
		for (size_t k = 0; k < f->n_explains; k++)
			fn(arg, &f->explains[k].subject, f->node);
	}
}

/* ---- one thing ---- */

struct wanted {
	enum entity_kind kind;
	const char *key;
	const struct finding_entity *best; /* the one of which most is said */
	const struct finding_entity *in;   /* something in it or of it */
	const char *node;
	bool many_nodes;
};

static void take_best(void *arg, const struct finding_entity *e, const char *node)
{
	struct wanted *w = arg;

	if (!finding_entity_is_of(e, w->kind, w->key))
		return;
	w->many_nodes |= w->node && node && strcmp(w->node, node) != 0;
	w->node = w->node ? w->node : node;
	if (e->kind != w->kind)
		w->in = w->in ? w->in : e;
	else if (!w->best || e->n_attrs > w->best->n_attrs)
		w->best = e;
}

static struct wanted find(const struct answer *a, enum entity_kind kind, const char *key)
{
	struct wanted w = { .kind = kind, .key = key };

	visit(a, take_best, &w);
	return w;
}

/* What holds it, by its attribute of that name. */
static const struct finding_entity *holder(const struct answer *a, const struct finding_entity *of, enum entity_kind kind,
					   struct finding_entity *bare)
{
	const char *key = of->kind == kind ? NULL : finding_entity_attr(of, entity_kind_name(kind));
	struct wanted w;

	/* The rank of a rank is its number. */
	if (!key || (kind == ENTITY_RANK && (of->kind == ENTITY_JOB || !strchr(key, ':'))))
		return NULL;
	w = find(a, kind, key);
	*bare = (struct finding_entity){ .kind = kind, .id = key, .name = key };
	return w.best ? w.best : bare;
}

/* ---- members ---- */

struct gathering {
	struct answer *answer;
	enum entity_kind kind;
	const char *key;
};

static bool is_told(const struct answer *a, const struct finding_entity *e, const char *node)
{
	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		if (w->kind == e->kind && strcmp(w->id, e->id) == 0 && strcmp(w->role, "doubt") != 0 &&
		    (w->node[0] == 0 || strcmp(w->node, node) == 0))
			return true;
	}
	return false;
}

static bool may_be_member(const struct finding_entity *e, enum entity_kind of)
{
	switch (e->kind) {
	case ENTITY_RANK:
		return of != ENTITY_RANK;
	case ENTITY_PROCESS: /* a rank stands for its processes */
		return of == ENTITY_RANK || !finding_entity_attr(e, "rank");
	case ENTITY_CONTAINER:
		return of == ENTITY_POD;
	default:
		return false;
	}
}

/* The process of a rank that some finding names. */
static void take_process(void *arg, const struct finding_entity *e, const char *node)
{
	struct wanted *w = arg;
	const char *rank = e->kind == ENTITY_PROCESS ? finding_entity_attr(e, "rank") : NULL;

	(void)node;
	if (!w->best && rank && strcmp(rank, w->key) == 0)
		w->best = e;
}

static const char *process_of(const struct answer *a, const struct finding_entity *rank)
{
	struct wanted w = { .key = rank->id };

	if (rank->kind == ENTITY_RANK)
		visit(a, take_process, &w);
	return w.best && w.best->name && w.best->name[0] ? w.best->name : NULL;
}

static void take_member(void *arg, const struct finding_entity *e, const char *node)
{
	static const char *const kept[] = { "rank",	 "role",	  "pod",	 "image",
					    "state", "restart_count", "exit_code", "exit_reason" };
	const struct gathering *g = arg;
	struct finding_entity brief = { .kind = e->kind, .id = e->id, .name = e->name };
	const char *process;

	node = node ? node : "";
	if (!e->id || !may_be_member(e, g->kind) || !finding_entity_is_of(e, g->kind, g->key) ||
	    is_told(g->answer, e, node))
		return;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		const char *value = finding_entity_attr(e, kept[i]);

		if (value)
			brief.attrs[brief.n_attrs++] = (struct finding_attr){ kept[i], value };
	}
	process = process_of(g->answer, e);
	if (process)
		brief.attrs[brief.n_attrs++] = (struct finding_attr){ "process", process };
	who_member(g->answer, &brief, node, false);
}

void who_from_findings(struct answer *a, enum entity_kind kind, const char *key)
{
	struct wanted w = find(a, kind, key);
	struct finding_entity self = { .kind = kind, .id = key, .name = key }, bare[5];
	struct who_facts f = { .self = w.best ? w.best : &self, .node = w.many_nodes ? NULL : w.node };
	struct gathering g = { a, kind, key };

	f.rank = holder(a, f.self, ENTITY_RANK, &bare[0]);
	f.job = holder(a, f.self, ENTITY_JOB, &bare[1]);
	f.container = holder(a, f.self, ENTITY_CONTAINER, &bare[2]);
	f.pod = holder(a, f.self, ENTITY_POD, &bare[3]);
	if (!f.pod && kind == ENTITY_CONTAINER && w.in) /* what is in the container is in its pod */
		f.pod = holder(a, w.in, ENTITY_POD, &bare[3]);
	f.cgroup = holder(a, f.self, ENTITY_CGROUP, &bare[4]);
	who_self(a, &f);
	for (size_t i = 0; i < 5; i++)
		who_doubts(a, (const struct finding_entity *const[]){ f.self, f.rank, f.job, f.container, f.pod }[i]);
	visit(a, take_member, &g);
	who_sort(a);
}

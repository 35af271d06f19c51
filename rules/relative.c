/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/relative.h"

#include "base/cleanup.h"

struct containing {
	enum entity_kind from, to;
	bool incoming;
};

/* In order of nearness for people: a process's container before its cgroup. */
static const struct containing containing[] = {
	{ENTITY_PROCESS, ENTITY_CONTAINER, false}, {ENTITY_PROCESS, ENTITY_CGROUP, false},
	{ENTITY_PROCESS, ENTITY_RANK, false},	   {ENTITY_PROCESS, ENTITY_JOB, false},
	{ENTITY_CONTAINER, ENTITY_POD, false},	   {ENTITY_CONTAINER, ENTITY_CGROUP, false},
	{ENTITY_CONTAINER, ENTITY_RANK, false},	   {ENTITY_CONTAINER, ENTITY_JOB, false},
	{ENTITY_POD, ENTITY_RANK, false},	   {ENTITY_POD, ENTITY_JOB, false},
	{ENTITY_RANK, ENTITY_JOB, false},	   {ENTITY_CGROUP, ENTITY_CONTAINER, true},
	{ENTITY_CGROUP, ENTITY_POD, true},	   {ENTITY_CGROUP, ENTITY_RANK, false},
	{ENTITY_CGROUP, ENTITY_JOB, false},	   {ENTITY_CGROUP, ENTITY_CGROUP, false},
	{ENTITY_GPU, ENTITY_NUMA, false},	   {ENTITY_NIC, ENTITY_NUMA, false},
	{ENTITY_CPU, ENTITY_NUMA, false},	   {ENTITY_MOUNT, ENTITY_DISK, false},
};

struct frontier {
	entity_id ids[RELATIVE_MAX_VISITS];
	size_t n;
};

static void frontier_add(struct frontier *f, entity_id id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->ids[i] == id)
			return;
	if (f->n < RELATIVE_MAX_VISITS)
		f->ids[f->n++] = id;
}

static void frontier_expand(struct frontier *f, const struct graph *g, entity_id id)
{
	enum entity_kind kind = graph_kind(g, id);

	for (size_t i = 0; i < ARRAY_LEN(containing); i++) {
		entity_id near[4];
		size_t n;

		if (containing[i].from != kind)
			continue;
		n = graph_neighbours(g, id, containing[i].incoming, containing[i].to, near, ARRAY_LEN(near));
		for (size_t k = 0; k < MIN_OF(n, ARRAY_LEN(near)); k++)
			frontier_add(f, near[k]);
	}
}

entity_id relative_nearest(const struct graph *g, entity_id from, enum entity_kind kind)
{
	struct frontier f = {.n = 0};
	enum entity_kind own = graph_kind(g, from);

	if (own == kind)
		return from;
	if (own == ENTITY_KIND_MAX)
		return ENTITY_NONE;
	if (kind == ENTITY_NODE)
		return graph_node(g);
	if (!relative_possible(own, kind))
		return ENTITY_NONE;
	frontier_add(&f, from);
	for (size_t i = 0; i < f.n; i++) {
		if (graph_kind(g, f.ids[i]) == kind)
			return f.ids[i];
		frontier_expand(&f, g, f.ids[i]);
	}
	return ENTITY_NONE;
}

bool relative_possible(enum entity_kind from, enum entity_kind to)
{
	uint32_t reached = 1u << from, before;

	if (from >= ENTITY_KIND_MAX || to >= ENTITY_KIND_MAX)
		return false;
	if (to == ENTITY_NODE)
		return true;
	do {
		before = reached;
		for (size_t i = 0; i < ARRAY_LEN(containing); i++)
			if (reached & (1u << containing[i].from))
				reached |= 1u << containing[i].to;
	} while (reached != before);
	return reached & (1u << to);
}

bool relative_related(const struct graph *g, entity_id a, entity_id b)
{
	if (a == ENTITY_NONE || b == ENTITY_NONE)
		return false;
	return a == b || relative_nearest(g, a, graph_kind(g, b)) == b || relative_nearest(g, b, graph_kind(g, a)) == a;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/workload_graph.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MAX_LOOKED_AT 64

uint64_t workload_graph_whose(const struct membership *m)
{
	char key[GRAPH_MAX_KEY];
	bool ok = m->member[0] ? membership_member_key(m, key, sizeof(key)) : membership_job_key(m, key, sizeof(key));

	return ok ? text_hash(key, strlen(key)) : 0;
}

static void attr_if(struct batch *b, entity_id id, const char *name, const char *value)
{
	if (value && value[0])
		batch_attr(b, id, name, value);
}

bool workload_graph_job(struct batch *b, const struct membership *m, entity_id *ret_rank, entity_id *ret_job)
{
	char key[GRAPH_MAX_KEY];
	entity_id job, rank = ENTITY_NONE;

	if (!membership_job_key(m, key, sizeof(key)))
		return false;
	job = batch_entity(b, ENTITY_JOB, key);
	if (job == ENTITY_NONE)
		return false;
	batch_attr(b, job, "scheduler", m->scheduler);
	batch_attr(b, job, "name", m->job_name[0] ? m->job_name : m->job);
	for (size_t i = 0; i < m->n_job_attrs; i++)
		attr_if(b, job, m->job_attrs[i].name, m->job_attrs[i].value);
	if (m->member[0]) {
		if (!membership_member_key(m, key, sizeof(key)))
			return false;
		rank = batch_entity(b, ENTITY_RANK, key);
		if (rank == ENTITY_NONE)
			return false;
		batch_attr(b, rank, "rank", m->member);
		attr_if(b, rank, "role", m->role);
		for (size_t i = 0; i < m->n_attrs; i++)
			attr_if(b, rank, m->attrs[i].name, m->attrs[i].value);
		batch_link(b, EDGE_OF, rank, job);
	}
	*ret_rank = rank;
	*ret_job = job;
	return true;
}

void workload_graph_move(struct batch *b, entity_id id, entity_id old_rank, entity_id old_job, entity_id rank,
			 entity_id job)
{
	entity_id old = old_rank != ENTITY_NONE ? old_rank : old_job, of = rank != ENTITY_NONE ? rank : job;

	if (old != ENTITY_NONE && old != of)
		batch_unlink(b, EDGE_OF, id, old);
	if (of != ENTITY_NONE)
		batch_link(b, EDGE_OF, id, of);
}

static bool any_alive(const struct graph *g, entity_id id, enum entity_kind kind)
{
	entity_id of[MAX_LOOKED_AT];
	size_t n = graph_neighbours(g, id, true, kind, of, ARRAY_LEN(of));

	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(of)); i++)
		if (!graph_is_gone(g, of[i], NULL))
			return true;
	return n > ARRAY_LEN(of);
}

bool workload_graph_drop_unused(struct batch *b, entity_id id)
{
	static const enum entity_kind members[] = { ENTITY_PROCESS, ENTITY_RANK, ENTITY_CONTAINER, ENTITY_POD,
			ENTITY_CGROUP };

	if (id == ENTITY_NONE || !graph_exists(b->graph, id) || graph_is_gone(b->graph, id, NULL))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (any_alive(b->graph, id, members[i]))
			return false;
	batch_gone(b, id);
	return true;
}

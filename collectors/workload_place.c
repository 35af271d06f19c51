/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and pods: a runtime answers later than a process starts, so what was made of the process alone is judged again
 * when labels come; and what is wholly a member's (an executor's pod, a compose service) is OF it from labels alone. */
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "collectors/workload_graph.h"
#include "collectors/workload_state.h"
#include "identity/label_key.h"

#define MAX_AGAIN      256 /* members judged again in one turn */
#define MAX_CONTAINERS 64  /* of a pod */

static bool tells_whose(const char *attr)
{
	return strcmp(attr, "name") == 0 || strcmp(attr, "namespace") == 0 || label_key_wanted(attr, strlen(attr));
}

static void note(struct workload *w, entity_id place)
{
	if (u64map_set(w->places, place, 1) < 0)
		w->all_places = true;
}

void workload_place_note(struct workload *w, const struct batch_op *op)
{
	const struct graph *g = w->out->graph;
	enum entity_kind kind = graph_kind(g, op->a);

	if (kind != ENTITY_CONTAINER && kind != ENTITY_POD)
		return;
	bool attr = op->kind == BATCH_OP_ATTR && tells_whose(op->name);
	bool link = op->kind == BATCH_OP_LINK && op->edge == EDGE_IN && graph_kind(g, op->b) == ENTITY_POD;
	if (!attr && !link)
		return;
	note(w, op->a);
	if (kind != ENTITY_POD)
		return;
	entity_id in[MAX_CONTAINERS];
	size_t n = graph_neighbours(g, op->a, true, ENTITY_CONTAINER, in, ARRAY_LEN(in));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(in)); i++)
		note(w, in[i]);
}

/* From labels alone; what it was OF before by another word of its labels, it is no more. */
static void settle_place(struct workload *w, entity_id place)
{
	static const enum entity_kind of[] = { ENTITY_RANK, ENTITY_JOB };
	entity_id old[8], rank, job;

	if (!graph_exists(w->out->graph, place) || graph_is_gone(w->out->graph, place, NULL))
		return;
	if (workload_place_recognise(w->out->graph, place, w->found) == 0 ||
	    !workload_graph_job(w->out, &w->found[0], &rank, &job))
		return;
	entity_id now = rank != ENTITY_NONE ? rank : job;
	for (size_t k = 0; k < ARRAY_LEN(of); k++) {
		size_t n = graph_neighbours(w->out->graph, place, false, of[k], old, ARRAY_LEN(old));
		for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(old)); i++)
			if (old[i] != now) {
				batch_unlink(w->out, EDGE_OF, place, old[i]);
				(void)workload_graph_drop_unused(w->out, old[i]);
			}
	}
	batch_link(w->out, EDGE_OF, place, now);
}

static void settle_all(struct workload *w)
{
	static const enum entity_kind kinds[] = { ENTITY_CONTAINER, ENTITY_POD };
	size_t cursor = 0;
	entity_id id;
	uint64_t place, one;

	for (size_t k = 0; w->all_places && k < ARRAY_LEN(kinds); k++, cursor = 0)
		while ((id = graph_next(w->out->graph, kinds[k], &cursor)) != ENTITY_NONE)
			settle_place(w, id);
	while (!w->all_places && u64map_next(w->places, &cursor, &place, &one))
		settle_place(w, (entity_id)place);
}

void workload_place_settle(struct workload *w)
{
	struct workload_member *m;
	size_t cursor = 0;

	if (w->all_places || u64map_count(w->places) > 0) {
		settle_all(w);
		while ((m = workload_table_next(&w->table, &cursor)))
			if (m->container != ENTITY_NONE && (w->all_places || u64map_get(w->places, m->container, NULL)))
				m->again = true;
		u64map_clear(w->places);
		w->all_places = false;
		w->any_again = true;
	}
	if (!w->any_again)
		return;
	w->any_again = false;
	cursor = 0;
	for (unsigned n = 0; (m = workload_table_next(&w->table, &cursor));) {
		if (!m->again)
			continue;
		if (n++ == MAX_AGAIN) {
			w->any_again = true;
			return;
		}
		workload_judge_again(w, m);
	}
}

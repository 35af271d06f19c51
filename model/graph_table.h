/* SPDX-License-Identifier: Apache-2.0 */
/* graph_table.h - how the graph lies in memory: shared by graph.c, which changes it, and graph_ask.c, which reads it.
 *
 * Room: model, and there only those two files.  Owns: nothing.  Thread: the loop.  Clock: none.
 * Bounds: GRAPH_MAX_ENTITIES slots.
 *
 * An id is a generation (12 bits, never 0) above a slot (20 bits). All entities of a kind hang in one list,
 * oldest first; so do the gone, by the time they went, and the free slots. An entity's `order` is its kind and then
 * its birth: every walk is in this order, which a recording keeps although slots may differ in its replay.
 */
#ifndef WHY_MODEL_GRAPH_TABLE_H
#define WHY_MODEL_GRAPH_TABLE_H

#include "model/attr_list.h"
#include "model/edge_pool.h"
#include "model/entity_index.h"
#include "model/graph.h"

#define SLOT_BITS        20
#define SLOT_NIL         UINT32_MAX
#define MAX_GENERATION   4095u
#define ORDER_KIND_SHIFT 56

_Static_assert(GRAPH_MAX_ENTITIES == 1 << SLOT_BITS, "a slot number fills its bits of an id");

struct entity {
	char *key; /* NULL: the slot is free */
	struct attr_list attrs;
	uint64_t order; /* kind, then birth */
	mono_ns_t gone_at;
	uint32_t generation;
	uint32_t kind_next, kind_prev;   /* among all of its kind */
	uint32_t queue_next, queue_prev; /* among the gone, or among the free */
	struct edge_list edges[2];       /* [EDGE_FROM]: what leaves; [EDGE_TO]: what arrives */
	uint32_t n_live_edges;           /* with neither end gone: only these count against the maximum */
	bool gone;
};

struct slot_list {
	uint32_t first, last;
};

struct graph {
	struct entity *entities;
	size_t n, n_used, max;
	struct entity_index index;
	struct edge_pool edges;
	struct slot_list kinds[ENTITY_KIND_MAX];
	struct slot_list gone, free;
	uint64_t births, changes, refused;
	entity_id node;
};

static inline uint32_t id_slot(entity_id id)
{
	return id & (GRAPH_MAX_ENTITIES - 1);
}

static inline entity_id slot_id(const struct graph *g, uint32_t slot)
{
	return g->entities[slot].generation << SLOT_BITS | slot;
}

static inline struct entity *graph_get(const struct graph *g, entity_id id)
{
	uint32_t slot = id_slot(id);
	struct entity *e = slot < g->n_used ? &g->entities[slot] : NULL;

	return e && e->key && e->generation == id >> SLOT_BITS ? e : NULL;
}

static inline enum entity_kind order_kind(uint64_t order)
{
	return (enum entity_kind)(order >> ORDER_KIND_SHIFT);
}

static inline struct entity *edge_entity(const struct graph *g, const struct edge *e, enum edge_side side)
{
	return &g->entities[e->slot[side]];
}

#endif

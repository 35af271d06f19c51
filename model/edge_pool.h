/* SPDX-License-Identifier: Apache-2.0 */
/* edge_pool.h - the records of the graph's edges, each hanging in two lists: that of its start, that of its end.
 *
 * Room: model.  Owns: the records.  Thread: the loop.  Clock: none.
 * Bounds: `max` edges at birth; the array doubles up to it. An index stays valid while the edge lives.
 *
 * A list is sorted by the `order` of the entity at the other side, so that a walk yields the same sequence in
 * every replay, whatever the sequence in which the edges were made.
 */
#ifndef WHY_MODEL_EDGE_POOL_H
#define WHY_MODEL_EDGE_POOL_H

#include <stddef.h>
#include <stdint.h>

#define EDGE_NIL UINT32_MAX

enum edge_side { EDGE_FROM, EDGE_TO };

struct edge {
	uint64_t order[2]; /* of the entity at each side */
	uint32_t slot[2];  /* of the entity at each side */
	uint32_t next[2], prev[2]; /* in the list of the entity at that side */
	uint32_t kind;
};

struct edge_list {
	uint32_t first, last, n;
};

#define EDGE_LIST_EMPTY ((struct edge_list){.first = EDGE_NIL, .last = EDGE_NIL})

struct edge_pool {
	struct edge *edges;
	uint32_t n_used, size, max;
	uint32_t free; /* chained by next[EDGE_FROM] */
	uint32_t n;
};

void edge_pool_init(struct edge_pool *p, uint32_t max);
void edge_pool_done(struct edge_pool *p);

/* The edge's index, EDGE_NIL when there is none. `from` is the list of what leaves, `to` of what arrives. */
uint32_t edge_pool_find(const struct edge_pool *p, const struct edge_list *from, const struct edge_list *to,
			uint32_t kind, uint32_t from_slot, uint32_t to_slot);
/* Hang a new edge into both lists. `e` gives kind, slots and orders. -ENOSPC: full; -ENOMEM. */
int edge_pool_add(struct edge_pool *p, const struct edge *e, struct edge_list *from, struct edge_list *to);
void edge_pool_remove(struct edge_pool *p, uint32_t index, struct edge_list *from, struct edge_list *to);

#endif

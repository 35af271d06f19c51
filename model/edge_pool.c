/* SPDX-License-Identifier: Apache-2.0 */
#include "model/edge_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

void edge_pool_init(struct edge_pool *p, uint32_t max)
{
	*p = (struct edge_pool){.max = max, .free = EDGE_NIL};
}

void edge_pool_done(struct edge_pool *p)
{
	free(p->edges);
	edge_pool_init(p, 0);
}

uint32_t edge_pool_find(const struct edge_pool *p, const struct edge_list *from, const struct edge_list *to,
			uint32_t kind, uint32_t from_slot, uint32_t to_slot)
{
	/* One of the two lists is often long (all processes of a cgroup), the other seldom. */
	enum edge_side side = from->n <= to->n ? EDGE_FROM : EDGE_TO;
	uint32_t i = side == EDGE_FROM ? from->first : to->first;

	for (; i != EDGE_NIL; i = p->edges[i].next[side]) {
		const struct edge *e = &p->edges[i];

		if (e->kind == kind && e->slot[EDGE_FROM] == from_slot && e->slot[EDGE_TO] == to_slot)
			return i;
	}
	return EDGE_NIL;
}

static int edge_pool_take(struct edge_pool *p, uint32_t *ret_index)
{
	if (p->free != EDGE_NIL) {
		*ret_index = p->free;
		p->free = p->edges[p->free].next[EDGE_FROM];
		return 0;
	}
	if (p->n_used == p->max)
		return -ENOSPC;
	if (p->n_used == p->size) {
		uint32_t size = MIN_OF(p->size ? 2 * p->size : 256, p->max);
		struct edge *edges = reallocarray(p->edges, size, sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		p->edges = edges;
		p->size = size;
	}
	*ret_index = p->n_used++;
	return 0;
}

/* New things have the highest order, so the search from the end is nearly always over at once. */
static void edge_pool_hang(struct edge_pool *p, uint32_t index, enum edge_side side, struct edge_list *list)
{
	struct edge *e = &p->edges[index];
	uint64_t order = e->order[!side];
	uint32_t before = list->last, after;

	while (before != EDGE_NIL && p->edges[before].order[!side] > order)
		before = p->edges[before].prev[side];
	after = before == EDGE_NIL ? list->first : p->edges[before].next[side];

	e->prev[side] = before;
	e->next[side] = after;
	*(before == EDGE_NIL ? &list->first : &p->edges[before].next[side]) = index;
	*(after == EDGE_NIL ? &list->last : &p->edges[after].prev[side]) = index;
	list->n++;
}

static void edge_pool_unhang(struct edge_pool *p, uint32_t index, enum edge_side side, struct edge_list *list)
{
	uint32_t before = p->edges[index].prev[side], after = p->edges[index].next[side];

	*(before == EDGE_NIL ? &list->first : &p->edges[before].next[side]) = after;
	*(after == EDGE_NIL ? &list->last : &p->edges[after].prev[side]) = before;
	list->n--;
}

int edge_pool_add(struct edge_pool *p, const struct edge *e, struct edge_list *from, struct edge_list *to)
{
	uint32_t index;
	int r;

	r = edge_pool_take(p, &index);
	if (r < 0)
		return r;
	p->edges[index] = *e;
	edge_pool_hang(p, index, EDGE_FROM, from);
	edge_pool_hang(p, index, EDGE_TO, to);
	p->n++;
	return 0;
}

void edge_pool_remove(struct edge_pool *p, uint32_t index, struct edge_list *from, struct edge_list *to)
{
	edge_pool_unhang(p, index, EDGE_FROM, from);
	edge_pool_unhang(p, index, EDGE_TO, to);
	p->edges[index].next[EDGE_FROM] = p->free;
	p->free = index;
	p->n--;
}

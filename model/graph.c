/* SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/graph_table.h"

#define EDGES_AN_ENTITY 8 /* of the whole graph, on average; one entity alone may have GRAPH_MAX_EDGES */
#define EXPIRE_MAX      4096
#define LIST_EMPTY      ((struct slot_list){.first = SLOT_NIL, .last = SLOT_NIL})

#define PAIR(kind) (1u << (kind))

/* Who may be linked to whom: the kinds of edge permitted for [from][to]. */
static const uint8_t edge_table[ENTITY_KIND_MAX][ENTITY_KIND_MAX] = {
	[ENTITY_CPU] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_NUMA] = PAIR(EDGE_NEAR)},
	[ENTITY_NUMA] = {[ENTITY_NODE] = PAIR(EDGE_IN)},
	[ENTITY_GPU] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_NUMA] = PAIR(EDGE_NEAR), [ENTITY_NIC] = PAIR(EDGE_NEAR)},
	[ENTITY_NIC] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_NUMA] = PAIR(EDGE_NEAR)},
	[ENTITY_DISK] = {[ENTITY_NODE] = PAIR(EDGE_IN)},
	[ENTITY_MOUNT] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_DISK] = PAIR(EDGE_ON)},
	[ENTITY_CGROUP] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_CGROUP] = PAIR(EDGE_IN), [ENTITY_RANK] = PAIR(EDGE_OF),
			   [ENTITY_JOB] = PAIR(EDGE_OF)},
	[ENTITY_CONTAINER] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_CGROUP] = PAIR(EDGE_IN),
			      [ENTITY_POD] = PAIR(EDGE_IN), [ENTITY_RANK] = PAIR(EDGE_OF),
			      [ENTITY_JOB] = PAIR(EDGE_OF)},
	[ENTITY_POD] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_CGROUP] = PAIR(EDGE_IN), [ENTITY_RANK] = PAIR(EDGE_OF),
			[ENTITY_JOB] = PAIR(EDGE_OF)},
	[ENTITY_PROCESS] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_CGROUP] = PAIR(EDGE_IN),
			    [ENTITY_CONTAINER] = PAIR(EDGE_IN), [ENTITY_RANK] = PAIR(EDGE_OF),
			    [ENTITY_JOB] = PAIR(EDGE_OF), [ENTITY_GPU] = PAIR(EDGE_USES), [ENTITY_NIC] = PAIR(EDGE_USES),
			    [ENTITY_DISK] = PAIR(EDGE_USES), [ENTITY_MOUNT] = PAIR(EDGE_USES),
			    [ENTITY_SOCKET] = PAIR(EDGE_USES), [ENTITY_LINK] = PAIR(EDGE_USES),
			    [ENTITY_PROCESS] = PAIR(EDGE_CHILD)},
	[ENTITY_RANK] = {[ENTITY_JOB] = PAIR(EDGE_OF)},
	[ENTITY_LINK] = {[ENTITY_NODE] = PAIR(EDGE_IN), [ENTITY_LINK] = PAIR(EDGE_OF), [ENTITY_NIC] = PAIR(EDGE_USES)},
	[ENTITY_SOCKET] = {[ENTITY_NODE] = PAIR(EDGE_IN)},
	[ENTITY_COLLECTOR] = {[ENTITY_NODE] = PAIR(EDGE_IN)},
};

/* ---- slots ------------------------------------------------------------------------------------------ */

static void queue_append(struct graph *g, struct slot_list *list, uint32_t slot)
{
	struct entity *e = &g->entities[slot];

	e->queue_prev = list->last;
	e->queue_next = SLOT_NIL;
	*(list->last == SLOT_NIL ? &list->first : &g->entities[list->last].queue_next) = slot;
	list->last = slot;
}

static void queue_remove(struct graph *g, struct slot_list *list, uint32_t slot)
{
	struct entity *e = &g->entities[slot];

	*(e->queue_prev == SLOT_NIL ? &list->first : &g->entities[e->queue_prev].queue_next) = e->queue_next;
	*(e->queue_next == SLOT_NIL ? &list->last : &g->entities[e->queue_next].queue_prev) = e->queue_prev;
}

static void kind_append(struct graph *g, uint32_t slot)
{
	struct entity *e = &g->entities[slot];
	struct slot_list *list = &g->kinds[order_kind(e->order)];

	e->kind_prev = list->last;
	e->kind_next = SLOT_NIL;
	*(list->last == SLOT_NIL ? &list->first : &g->entities[list->last].kind_next) = slot;
	list->last = slot;
}

static void kind_remove(struct graph *g, uint32_t slot)
{
	struct entity *e = &g->entities[slot];
	struct slot_list *list = &g->kinds[order_kind(e->order)];

	*(e->kind_prev == SLOT_NIL ? &list->first : &g->entities[e->kind_prev].kind_next) = e->kind_next;
	*(e->kind_next == SLOT_NIL ? &list->last : &g->entities[e->kind_next].kind_prev) = e->kind_prev;
}

static uint32_t slot_take(struct graph *g)
{
	uint32_t slot = g->free.first;

	if (slot != SLOT_NIL)
		queue_remove(g, &g->free, slot);
	else if (g->n_used < g->max)
		slot = (uint32_t)g->n_used++;
	return slot;
}

bool graph_edge_allowed(enum entity_kind from, enum entity_kind to)
{
	return (unsigned)from < ENTITY_KIND_MAX && (unsigned)to < ENTITY_KIND_MAX && edge_table[from][to];
}

/* ---- birth ------------------------------------------------------------------------------------------ */

int graph_new(size_t max_entities, const char *node_name, struct graph **ret_graph)
{
	AUTO(graph_free) struct graph *g = NULL;
	int r;

	if (max_entities < 1 || max_entities > GRAPH_MAX_ENTITIES)
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->max = max_entities;
	g->gone = g->free = LIST_EMPTY;
	for (unsigned i = 0; i < ENTITY_KIND_MAX; i++)
		g->kinds[i] = LIST_EMPTY;
	edge_pool_init(&g->edges, (uint32_t)max_entities * EDGES_AN_ENTITY);
	g->entities = calloc(max_entities, sizeof(*g->entities));
	if (!g->entities)
		return -ENOMEM;
	r = entity_index_init(&g->index, max_entities);
	if (r < 0)
		return r;
	r = graph_entity(g, ENTITY_NODE, node_name, 0, &g->node);
	if (r < 0)
		return r;
	*ret_graph = TAKE_PTR(g);
	return 0;
}

static void entity_done(struct entity *e)
{
	attr_list_done(&e->attrs);
	free(e->key);
	e->key = NULL;
}

void graph_free(struct graph **graph)
{
	struct graph *g = *graph;

	if (!g)
		return;
	for (size_t i = 0; i < g->n_used; i++)
		entity_done(&g->entities[i]);
	free(g->entities);
	entity_index_done(&g->index);
	edge_pool_done(&g->edges);
	free(g);
	*graph = NULL;
}

/* ---- changing --------------------------------------------------------------------------------------- */

/* The edges of an entity that goes, or comes back, stop or begin to count at both of their ends. */
static void count_edges(struct graph *g, struct entity *e, int change)
{
	for (enum edge_side side = EDGE_FROM; side <= EDGE_TO; side++) {
		for (uint32_t i = e->edges[side].first; i != EDGE_NIL; i = g->edges.edges[i].next[side]) {
			struct entity *other = edge_entity(g, &g->edges.edges[i], !side);

			if (other->gone || other == e)
				continue;
			other->n_live_edges += (uint32_t)change;
			e->n_live_edges += (uint32_t)change;
		}
	}
}

static int entity_make(struct graph *g, enum entity_kind kind, const char *key, size_t len, entity_id *ret_id)
{
	AUTO_FREE char *copy = NULL;
	struct entity *e;
	uint32_t slot;

	copy = strndup(key, len);
	if (!copy)
		return -ENOMEM;
	slot = slot_take(g);
	if (slot == SLOT_NIL) {
		g->refused++;
		return -ENOSPC;
	}
	e = &g->entities[slot];
	*e = (struct entity){
		.key = TAKE_PTR(copy),
		.order = (uint64_t)kind << ORDER_KIND_SHIFT | ++g->births,
		.generation = e->generation % MAX_GENERATION + 1,
		.edges = {EDGE_LIST_EMPTY, EDGE_LIST_EMPTY},
	};
	kind_append(g, slot);
	entity_index_add(&g->index, kind, e->key, slot);
	g->n++;
	g->changes++;
	*ret_id = slot_id(g, slot);
	return 0;
}

int graph_entity(struct graph *g, enum entity_kind kind, const char *key, mono_ns_t now UNUSED, entity_id *ret_id)
{
	uint32_t slot;
	size_t len;

	if ((unsigned)kind >= ENTITY_KIND_MAX)
		return -EINVAL;
	slot = entity_index_find(&g->index, kind, key);
	if (slot == ENTITY_INDEX_NONE) {
		len = strnlen(key, GRAPH_MAX_KEY);
		if (len == 0 || len == GRAPH_MAX_KEY || !text_is_utf8(key, len))
			return -EINVAL;
		return entity_make(g, kind, key, len, ret_id);
	}
	if (g->entities[slot].gone) {
		g->entities[slot].gone = false;
		queue_remove(g, &g->gone, slot);
		count_edges(g, &g->entities[slot], 1);
		g->changes++;
	}
	*ret_id = slot_id(g, slot);
	return 0;
}

int graph_set_attr(struct graph *g, entity_id id, const char *name, const char *value)
{
	struct entity *e = graph_get(g, id);
	int r;

	if (!e)
		return -ENOENT;
	r = attr_list_set(&e->attrs, name, value);
	g->refused += r == -ENOSPC;
	g->changes += r == 1;
	return MIN_OF(r, 0);
}

static int edge_ends(const struct graph *g, enum edge_kind kind, entity_id from, entity_id to, struct entity **ret_from,
		     struct entity **ret_to)
{
	struct entity *f = graph_get(g, from), *t = graph_get(g, to);

	if (!f || !t)
		return -ENOENT;
	if ((unsigned)kind >= EDGE_KIND_MAX || f == t)
		return -EINVAL;
	if (!(edge_table[order_kind(f->order)][order_kind(t->order)] & PAIR(kind)))
		return -EINVAL;
	*ret_from = f;
	*ret_to = t;
	return 0;
}

int graph_link(struct graph *g, enum edge_kind kind, entity_id from, entity_id to)
{
	struct entity *f, *t;
	struct edge edge;
	bool live;
	int r;

	r = edge_ends(g, kind, from, to, &f, &t);
	if (r < 0 || to == g->node)
		return r;
	edge = (struct edge){.kind = kind, .slot = {id_slot(from), id_slot(to)}, .order = {f->order, t->order}};
	if (edge_pool_find(&g->edges, &f->edges[EDGE_FROM], &t->edges[EDGE_TO], kind, edge.slot[0], edge.slot[1]) !=
	    EDGE_NIL)
		return 0;
	live = !f->gone && !t->gone;
	r = live && (f->n_live_edges >= GRAPH_MAX_EDGES || t->n_live_edges >= GRAPH_MAX_EDGES) ? -ENOSPC : 0;
	if (r == 0)
		r = edge_pool_add(&g->edges, &edge, &f->edges[EDGE_FROM], &t->edges[EDGE_TO]);
	if (r < 0) {
		g->refused += r == -ENOSPC;
		return r;
	}
	f->n_live_edges += live;
	t->n_live_edges += live;
	g->changes++;
	return 0;
}

static void edge_drop(struct graph *g, uint32_t index)
{
	const struct edge *e = &g->edges.edges[index];
	struct entity *from = edge_entity(g, e, EDGE_FROM), *to = edge_entity(g, e, EDGE_TO);
	bool live = !from->gone && !to->gone;

	from->n_live_edges -= live;
	to->n_live_edges -= live;
	edge_pool_remove(&g->edges, index, &from->edges[EDGE_FROM], &to->edges[EDGE_TO]);
	g->changes++;
}

int graph_unlink(struct graph *g, enum edge_kind kind, entity_id from, entity_id to)
{
	struct entity *f, *t;
	uint32_t index;
	int r;

	r = edge_ends(g, kind, from, to, &f, &t);
	if (r < 0 || to == g->node)
		return r;
	index = edge_pool_find(&g->edges, &f->edges[EDGE_FROM], &t->edges[EDGE_TO], kind, id_slot(from), id_slot(to));
	if (index == EDGE_NIL)
		return -ENOENT;
	edge_drop(g, index);
	return 0;
}

int graph_gone(struct graph *g, entity_id id, mono_ns_t now)
{
	struct entity *e = graph_get(g, id);

	if (!e)
		return -ENOENT;
	if (id == g->node)
		return -EINVAL;
	if (e->gone)
		return 0;
	count_edges(g, e, -1);
	e->gone = true;
	e->gone_at = now;
	queue_append(g, &g->gone, id_slot(id));
	g->changes++;
	return 0;
}

static void entity_drop(struct graph *g, uint32_t slot)
{
	struct entity *e = &g->entities[slot];

	for (enum edge_side side = EDGE_FROM; side <= EDGE_TO; side++)
		while (e->edges[side].first != EDGE_NIL)
			edge_drop(g, e->edges[side].first);
	entity_index_remove(&g->index, order_kind(e->order), e->key);
	queue_remove(g, &g->gone, slot);
	kind_remove(g, slot);
	entity_done(e);
	queue_append(g, &g->free, slot);
	g->n--;
	g->changes++;
}

/* A mass of short-lived processes must not keep the living ones out. */
static uint64_t graph_linger(const struct graph *g)
{
	if (g->n > g->max - g->max / 16)
		return NS_PER_S;
	if (g->n > g->max - g->max / 4)
		return 10 * NS_PER_S;
	return GRAPH_LINGER_NS;
}

size_t graph_expire(struct graph *g, mono_ns_t now, void (*dropped)(void *arg, entity_id id), void *arg)
{
	size_t n = 0;

	while (n < EXPIRE_MAX && g->gone.first != SLOT_NIL) {
		uint32_t slot = g->gone.first;

		if (mono_since(g->entities[slot].gone_at, now) < graph_linger(g))
			break;
		if (dropped)
			dropped(arg, slot_id(g, slot));
		entity_drop(g, slot);
		n++;
	}
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/graph_table.h"

entity_id graph_node(const struct graph *g)
{
	return g->node;
}

bool graph_exists(const struct graph *g, entity_id id)
{
	return graph_get(g, id) != NULL;
}

bool graph_is_gone(const struct graph *g, entity_id id, mono_ns_t *ret_since)
{
	const struct entity *e = graph_get(g, id);

	if (!e || !e->gone)
		return false;
	if (ret_since)
		*ret_since = e->gone_at;
	return true;
}

enum entity_kind graph_kind(const struct graph *g, entity_id id)
{
	const struct entity *e = graph_get(g, id);

	return e ? order_kind(e->order) : ENTITY_KIND_MAX;
}

const char *graph_key(const struct graph *g, entity_id id)
{
	const struct entity *e = graph_get(g, id);

	return e ? e->key : NULL;
}

const char *graph_attr(const struct graph *g, entity_id id, const char *name)
{
	const struct entity *e = graph_get(g, id);

	if (!e)
		return NULL;
	return strcmp(name, "key") == 0 ? e->key : attr_list_get(&e->attrs, name);
}

bool graph_attr_at(const struct graph *g, entity_id id, size_t i, const char **ret_name, const char **ret_value)
{
	const struct entity *e = graph_get(g, id);

	if (!e || i >= e->attrs.n)
		return false;
	*ret_name = e->attrs.attrs[i].name;
	*ret_value = e->attrs.attrs[i].value;
	return true;
}

entity_id graph_find(const struct graph *g, enum entity_kind kind, const char *key)
{
	uint32_t slot = entity_index_find(&g->index, kind, key);

	return slot == ENTITY_INDEX_NONE ? ENTITY_NONE : slot_id(g, slot);
}

/* ---- walking ---------------------------------------------------------------------------------------- */

/* The entity has an edge to some node: then that is where it is, not here. Nodes are the first in every list. */
static bool is_elsewhere(const struct graph *g, const struct entity *e)
{
	uint32_t first = e->edges[EDGE_FROM].first;

	return first != EDGE_NIL && order_kind(g->edges.edges[first].order[EDGE_TO]) == ENTITY_NODE;
}

static size_t neighbours_of_node(const struct graph *g, enum entity_kind other, entity_id *ret_ids, size_t max)
{
	size_t n = 0;

	if (!graph_edge_allowed(other, ENTITY_NODE))
		return 0;
	for (uint32_t slot = g->kinds[other].first; slot != SLOT_NIL; slot = g->entities[slot].kind_next) {
		if (is_elsewhere(g, &g->entities[slot]))
			continue;
		if (n < max)
			ret_ids[n] = slot_id(g, slot);
		n++;
	}
	return n;
}

size_t graph_neighbours(const struct graph *g, entity_id id, bool incoming, enum entity_kind other,
			entity_id *ret_ids, size_t max)
{
	const struct entity *e = graph_get(g, id);
	enum edge_side side = incoming ? EDGE_TO : EDGE_FROM;
	uint32_t last_slot = SLOT_NIL;
	size_t n = 0;

	if (!e || (unsigned)other >= ENTITY_KIND_MAX)
		return 0;
	if (incoming && id == g->node)
		return neighbours_of_node(g, other, ret_ids, max);
	if (!incoming && other == ENTITY_NODE && !is_elsewhere(g, e) &&
	    graph_edge_allowed(order_kind(e->order), other)) {
		if (max > 0)
			ret_ids[0] = g->node;
		return 1;
	}
	for (uint32_t i = e->edges[side].first; i != EDGE_NIL; i = g->edges.edges[i].next[side]) {
		const struct edge *edge = &g->edges.edges[i];
		enum entity_kind kind = order_kind(edge->order[!side]);

		if (kind > other)
			break;
		/* Two kinds of edge between the same two stand side by side. */
		if (kind < other || edge->slot[!side] == last_slot)
			continue;
		last_slot = edge->slot[!side];
		if (n < max)
			ret_ids[n] = slot_id(g, last_slot);
		n++;
	}
	return n;
}

size_t graph_edges(const struct graph *g, entity_id id, struct graph_edge *ret_edges, size_t max)
{
	const struct entity *e = graph_get(g, id);
	size_t n = 0;

	if (!e)
		return 0;
	for (uint32_t i = e->edges[EDGE_FROM].first; i != EDGE_NIL; i = g->edges.edges[i].next[EDGE_FROM], n++) {
		const struct edge *edge = &g->edges.edges[i];

		if (n < max)
			ret_edges[n] = (struct graph_edge){(enum edge_kind)edge->kind, slot_id(g, edge->slot[EDGE_TO])};
	}
	return n;
}

static entity_id kind_next(const struct graph *g, enum entity_kind kind, size_t *cursor, bool also_gone)
{
	const struct entity *last;
	uint32_t slot;

	if ((unsigned)kind >= ENTITY_KIND_MAX)
		return ENTITY_NONE;
	last = *cursor ? graph_get(g, (entity_id)*cursor) : NULL;
	if (*cursor && (!last || order_kind(last->order) != kind))
		return ENTITY_NONE;
	slot = last ? last->kind_next : g->kinds[kind].first;
	while (slot != SLOT_NIL && g->entities[slot].gone && !also_gone)
		slot = g->entities[slot].kind_next;
	if (slot == SLOT_NIL)
		return ENTITY_NONE;
	*cursor = slot_id(g, slot);
	return slot_id(g, slot);
}

entity_id graph_next(const struct graph *g, enum entity_kind kind, size_t *cursor)
{
	return kind_next(g, kind, cursor, false);
}

entity_id graph_next_even_gone(const struct graph *g, enum entity_kind kind, size_t *cursor)
{
	return kind_next(g, kind, cursor, true);
}

size_t graph_count(const struct graph *g)
{
	return g->n;
}

uint64_t graph_refused(const struct graph *g)
{
	return g->refused;
}

uint64_t graph_changes(const struct graph *g)
{
	return g->changes;
}

/* ---- naming ----------------------------------------------------------------------------------------- */

static void describe_process(const struct entity *e, struct text *t)
{
	const char *comm = attr_list_get(&e->attrs, "comm");
	size_t pid_len = strcspn(e->key, "/");

	if (comm)
		text_addf(t, "%s[%.*s]", comm, (int)pid_len, e->key);
	else
		text_addf(t, "pid %.*s", (int)pid_len, e->key);
}

/* "container train (3f4e5d6c7b8a)": a name alone is that of many. */
static void describe_container(const struct entity *e, struct text *t)
{
	const char *name = attr_list_get(&e->attrs, "name");

	/* Of 64 digits twelve tell it apart; YARN's ids begin alike. */
	bool digits = strspn(e->key, "0123456789abcdef") >= 32;
	char id[65];

	(void)text_copy(id, digits ? 13 : sizeof(id), e->key);
	text_addf(t, "container %s%s%s%s", name ? name : "", name ? " (" : "", id, name ? ")" : "");
}

/* "rank 3 of torchrun:llama", "executor exec-7 of spark:app-1". */
static void describe_rank(const struct entity *e, struct text *t)
{
	const char *member = attr_list_get(&e->attrs, "rank"), *role = attr_list_get(&e->attrs, "role");
	size_t n = strlen(e->key), n_member = member ? strlen(member) : 0;
	const char *slash = strrchr(e->key, '/');

	/* A member's own name may hold a slash. */
	if (n_member && n_member < n && e->key[n - n_member - 1] == '/' && strcmp(e->key + n - n_member, member) == 0)
		slash = e->key + n - n_member - 1;
	text_addf(t, "%s ", role && role[0] ? role : "rank");
	if (slash)
		text_addf(t, "%s of %.*s", slash + 1, (int)(slash - e->key), e->key);
	else
		text_add(t, e->key);
}

static void describe_gpu(const struct entity *e, struct text *t)
{
	const char *index = attr_list_get(&e->attrs, "index");

	text_addf(t, "GPU %s", index ? index : e->key);
}

void graph_describe(const struct graph *g, entity_id id, char *ret_text, size_t size)
{
	static const char *const prefix[ENTITY_KIND_MAX] = {
		[ENTITY_CPU] = "CPU ",
		[ENTITY_NUMA] = "NUMA node ",
		[ENTITY_JOB] = "job ",
		[ENTITY_COLLECTOR] = "collector ",
	};
	const struct entity *e = graph_get(g, id);
	enum entity_kind kind = e ? order_kind(e->order) : ENTITY_KIND_MAX;
	struct text t;

	text_init(&t, ret_text, size);
	switch (kind) {
	case ENTITY_KIND_MAX:
		text_add(&t, "something unknown");
		break;
	case ENTITY_PROCESS:
		describe_process(e, &t);
		break;
	case ENTITY_CONTAINER:
		describe_container(e, &t);
		break;
	case ENTITY_RANK:
		describe_rank(e, &t);
		break;
	case ENTITY_GPU:
		describe_gpu(e, &t);
		break;
	default:
		text_add(&t, prefix[kind] ? prefix[kind] : "");
		text_add(&t, e->key);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* graph.h - the things of a node and how they hang together: entities, their attributes, typed edges.
 *
 * Room: model.  Owns: entities, attributes, edges.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: `max_entities` and, per entity, GRAPH_MAX_EDGES edges and GRAPH_MAX_ATTRS attributes; keys 512
 * bytes, attribute values 1,024 bytes (cut at a UTF-8 boundary). What does not fit is refused and counted.
 *
 * An entity_id is a slot and a generation: once an entity has been dropped, its old id finds nothing, even
 * if the slot is in use again. An entity that is gone stays as a tombstone for GRAPH_LINGER_NS, so that a
 * finding about a process that has just died can still name it, its cgroup and its pod; its edges stay too,
 * but no longer count against GRAPH_MAX_EDGES. Above three quarters of `max_entities` tombstones stay for 10 s,
 * above 15/16 for 1 s. The graph as a whole has at most eight edges an entity.
 *
 * That a thing is in its node is implied for every kind that may be (see below): nobody need link it, nothing is
 * stored, and a walk to or from graph_node() finds it. Only an edge to another node says otherwise.
 *
 * Collectors do not call the changing functions: they write into a batch (model/batch.h), which applies
 * and journals the change, so that a recording replays the same graph.
 */
#ifndef WHY_MODEL_GRAPH_H
#define WHY_MODEL_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/metric.h"

typedef uint32_t entity_id; /* 0 is none */
#define ENTITY_NONE 0u

#define GRAPH_MAX_ENTITIES (1 << 20)
#define GRAPH_MAX_EDGES 4096 /* of one entity, all kinds together: a cgroup with that many processes */
#define GRAPH_MAX_ATTRS 24
#define GRAPH_MAX_KEY   512
#define GRAPH_MAX_VALUE 1024
#define GRAPH_LINGER_NS (300 * NS_PER_S)

/* Typed, directed edges, each between the kinds said here; `via` paths of rules walk them both ways.
 * Given as EDGE_X: from -> to. The table in graph.c is the only list of permitted pairs. */
enum edge_kind {
	EDGE_IN,    /* process in cgroup; process in container; container in pod; cgroup in cgroup (parent);
		     * container in cgroup; pod in cgroup (its own); everything but job and rank in node (implied) */
	EDGE_OF,    /* process of rank; rank of job; process, container, pod or cgroup of a rank or of a job, when all of it
		     * is that member's (an executor's pod, a Slurm step's cgroup); link of link (port of a peer) */
	EDGE_USES,  /* process uses gpu|nic|disk|mount|socket|link; link uses nic */
	EDGE_NEAR,  /* gpu near nic; gpu|nic|cpu near numa */
	EDGE_ON,    /* mount on disk */
	EDGE_CHILD, /* process child of process (its parent) */
	EDGE_KIND_MAX,
};

struct graph;

/* `max_entities` up to 2^20. The node entity is made at once. -ENOMEM; -EINVAL: empty node name or too many. */
int graph_new(size_t max_entities, const char *node_name, struct graph **ret_graph);
void graph_free(struct graph **graph);

entity_id graph_node(const struct graph *g);

/* ---- changing: by model/batch.c only ---- */

/* Find or make. An entity that was gone comes back to life under the same id.
 * -ENOSPC: full (counted); -EINVAL: empty or over-long key, not UTF-8; -ENOMEM. */
int graph_entity(struct graph *g, enum entity_kind kind, const char *key, mono_ns_t now, entity_id *ret_id);
/* Set, replace, or (value NULL) remove. A value that is not UTF-8 is kept escaped. -ENOENT: no such entity;
 * -ENOSPC: too many attributes (counted); -EINVAL: bad name (empty, above 63 bytes, not printable, or "key"). */
int graph_set_attr(struct graph *g, entity_id id, const char *name, const char *value);
/* Idempotent. -EINVAL: that pair of kinds has no such edge; -ENOENT; -ENOSPC (counted). */
int graph_link(struct graph *g, enum edge_kind kind, entity_id from, entity_id to);
int graph_unlink(struct graph *g, enum edge_kind kind, entity_id from, entity_id to); /* -ENOENT: no such edge */
/* Mark as gone at `now`; it stays readable until graph_expire drops it. -ENOENT; -EINVAL: graph_node(). */
int graph_gone(struct graph *g, entity_id id, mono_ns_t now);
/* Drop what has been gone for long enough, see top. Calls `dropped` (NULL ok) for each, before the id becomes invalid.
 * Returns how many; at most 4,096 a call, so that a mass exit cannot stall a tick. */
size_t graph_expire(struct graph *g, mono_ns_t now, void (*dropped)(void *arg, entity_id id), void *arg);

/* ---- asking ---- */

bool graph_exists(const struct graph *g, entity_id id);              /* alive or lingering */
bool graph_is_gone(const struct graph *g, entity_id id, mono_ns_t *ret_since);
enum entity_kind graph_kind(const struct graph *g, entity_id id);    /* ENTITY_KIND_MAX: no such entity */
const char *graph_key(const struct graph *g, entity_id id);          /* NULL: no such entity; valid until dropped */
const char *graph_attr(const struct graph *g, entity_id id, const char *name); /* NULL: absent. "key" is the key */
/* Attribute by position, for printing and recording; false past the last. */
bool graph_attr_at(const struct graph *g, entity_id id, size_t i, const char **ret_name, const char **ret_value);
entity_id graph_find(const struct graph *g, enum entity_kind kind, const char *key); /* ENTITY_NONE */

/* Neighbours of kind `other` over edges of any kind, outgoing or incoming (`incoming`: edges that point at id), gone
 * ones too. Fills up to `max` ids, oldest first (the order is the same in a replay); returns how many there are in
 * all. */
size_t graph_neighbours(const struct graph *g, entity_id id, bool incoming, enum entity_kind other,
			entity_id *ret_ids, size_t max);

/* True when some edge kind may run from an entity of kind `from` to one of kind `to`: for the rule checker. */
bool graph_edge_allowed(enum entity_kind from, enum entity_kind to);

/* All entities of a kind, alive ones only, oldest first: start with *cursor 0; ENTITY_NONE at the end. No
 * graph_expire in between. */
entity_id graph_next(const struct graph *g, enum entity_kind kind, size_t *cursor);
entity_id graph_next_even_gone(const struct graph *g, enum entity_kind kind, size_t *cursor); /* tombstones too */

/* The stored edges that leave `id`, for recording; fills up to `max`, returns how many there are in all. */
struct graph_edge {
	enum edge_kind kind;
	entity_id to;
};
size_t graph_edges(const struct graph *g, entity_id id, struct graph_edge *ret_edges, size_t max);

size_t graph_count(const struct graph *g);     /* alive and lingering */
uint64_t graph_changes(const struct graph *g); /* grows with every change: equal means nothing has changed */
uint64_t graph_refused(const struct graph *g); /* entities, attributes and edges refused since birth */

/* What a person calls it: a process is "python3[4242]", a cgroup its path, a pod "ns/name". */
void graph_describe(const struct graph *g, entity_id id, char *ret_text, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* relative.h - the nearest entity of another kind that contains this one: whose metric or attribute a rule means.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: RELATIVE_MAX_VISITS entities a search.
 *
 * Containing runs process -> container -> pod -> job, process -> rank -> job, process -> cgroup -> its ancestors,
 * container -> cgroup, cgroup -> the container that it holds, gpu|nic|cpu -> numa, mount -> disk, anything -> node.
 * The nearest is found breadth first; of two equally near the one with the lower slot, so a replay finds the same.
 */
#ifndef WHY_RULES_RELATIVE_H
#define WHY_RULES_RELATIVE_H

#include <stdbool.h>

#include "model/graph.h"

#define RELATIVE_MAX_VISITS 64

/* The entity itself when it is of `kind`; ENTITY_NONE when there is no such relative, or `from` is none. */
entity_id relative_nearest(const struct graph *g, entity_id from, enum entity_kind kind);

/* True when relative_nearest could ever find one: for the rule checker and the wake index. */
bool relative_possible(enum entity_kind from, enum entity_kind to);

/* The same entity, or one is the nearest relative of the other. */
bool relative_related(const struct graph *g, entity_id a, entity_id b);

#endif

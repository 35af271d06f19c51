/* SPDX-License-Identifier: Apache-2.0 */
/* walk.h - the entities at the end of a path: `gpu <- process -> container`.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.
 * Bounds: WALK_MAX entities at each step, the rest is left out (the return value tells); about 20 KiB of stack.
 *
 * Each entity appears once, in the order of the graph's slots step by step: the same in a replay. Every entity is in the
 * node without an edge that says so: a step to the node, or from it, needs none.
 */
#ifndef WHY_RULES_WALK_H
#define WHY_RULES_WALK_H

#include "model/graph.h"
#include "rules/ruleset.h"

#define WALK_MAX 1024

/* Fills up to `max`, returns how many were found (at most WALK_MAX). A path of no steps gives `from` itself. */
size_t walk_path(const struct graph *g, const struct path *path, entity_id from, entity_id *ret_ids, size_t max);

#endif

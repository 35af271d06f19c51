/* SPDX-License-Identifier: Apache-2.0 */
/* workload_graph.h - memberships as entities, attributes and edges of the graph.
 *
 * Room: collectors.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: the graph's.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_GRAPH_H
#define WHY_COLLECTORS_WORKLOAD_GRAPH_H

#include "identity/membership.h"
#include "model/batch.h"

/* The same for all processes of one rank (of the job, when they are no member's); 0: no usable key. */
uint64_t workload_graph_whose(const struct membership *m);

/* Make job and rank with their attributes and the edge between them. False: no usable key, or the graph is full.
 * *ret_rank is ENTITY_NONE when the membership has no member. */
bool workload_graph_job(struct batch *b, const struct membership *m, entity_id *ret_rank, entity_id *ret_job);

/* `id` (process, container, pod) is OF the rank, else of the job; what it was OF before, by this very pair, no longer. */
void workload_graph_move(struct batch *b, entity_id id, entity_id old_rank, entity_id old_job, entity_id rank,
			 entity_id job);

/* Gone, when nothing that lives is OF it any more. True: it is. */
bool workload_graph_drop_unused(struct batch *b, entity_id rank_or_job);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* who.h - who a thing of the graph is, and what belongs to it, for an answer.
 *
 * Room: agent.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: ANSWER_MAX_WHO, AGENT_WHO_MAX of each kind.
 */
#ifndef WHY_AGENT_WHO_H
#define WHY_AGENT_WHO_H

#include "model/answer.h"
#include "model/graph.h"
#include "model/target.h"

#define AGENT_WHO_MAX 1000 /* members and used things looked at, of a kind */

/* An entity by value, its texts in the graph: valid until the graph changes. `name` (of `size`) is what it is called; a rank
 * gets its job's name as attribute job_name. */
void who_of_graph(const struct graph *g, entity_id id, char *name, size_t size, struct finding_entity *ret_entity);

/* Offer every entity of the search's kind (a bare word: of every kind), also those lately gone. */
void who_search(const struct graph *g, struct target_search *s);

/* "rank 3 of torchrun:abc, python3[4242]": what a candidate is. */
void who_brief(const struct graph *g, entity_id id, char *ret_text, size_t size);

/* Where a thing belongs that the graph does not hold; ENTITY_NONE: nowhere. */
struct who_place {
	entity_id rank, job, container;
};

/* As who_tell, of such a thing: itself, whose it is, what it is in. */
void who_tell_of(const struct graph *g, const struct finding_entity *self, const struct who_place *place,
		 struct answer *answer);

/* Fill the answer's `who`; its findings are there already: they say which member is in trouble. */
void who_tell(const struct graph *g, entity_id id, struct answer *answer);

#endif

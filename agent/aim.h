/* SPDX-License-Identifier: Apache-2.0 */
/* aim.h - what a person means by a target, asked of this agent: its graph, also what is lately gone, and its findings.
 *
 * Room: agent.  Owns: nothing.  Thread: the loop.  Clock: none (`now` is passed in).  Bounds: those of model/target.h.
 */
#ifndef WHY_AGENT_AIM_H
#define WHY_AGENT_AIM_H

#include "agent/agent.h"
#include "model/answer.h"

enum aim_what {
	AIM_HERE,     /* the node itself, or no target */
	AIM_ID,       /* the beginning of a finding's id */
	AIM_THING,    /* kind and key */
	AIM_PROCESS,  /* a pid that lives, and is not followed */
	AIM_NOT,      /* the answer's status, message and candidates say why */
};

struct aim {
	enum aim_what what;
	enum entity_kind kind;
	char key[GRAPH_MAX_KEY];
	entity_id id; /* ENTITY_NONE: known by findings only */
};

int aim_resolve(struct agent *a, const struct query *q, wall_ns_t now, struct answer *answer,
		   struct aim *ret_target); /* -ENOMEM */

/* Is `cause` a rule of this agent, or "GROUP.*" one's group? If not, the answer says so, with names nearby. */
bool aim_knows_cause(const struct agent *a, const char *cause, struct answer *answer);
/* "gpu.thermal" or "gpu.*". "" : any. */
bool aim_matches_cause(const char *cause, const char *rule);

#endif

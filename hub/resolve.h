/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.h - what a person means by a word: a finding, a node, a pod, a job, or nothing the hub knows.
 *
 * Room: hub.  Owns: nothing.  Thread: the reader's.  Clock: none.  Bounds: those of model/target.h.
 *
 * A bare word is tried as the id of a finding, as a node, then as what names a pod or a job best
 * (model/target.h). A thing of one node is written NODE:KEY.
 * No word at all means the fleet, or, where only an agent can answer, the only node if there is but one.
 */
#ifndef WHY_HUB_RESOLVE_H
#define WHY_HUB_RESOLVE_H

#include "hub/store.h"
#include "model/answer.h"

enum resolved_kind {
	RESOLVED_FLEET,
	RESOLVED_FINDING, /* key: its id */
	RESOLVED_NODE,    /* node */
	RESOLVED_ENTITY,  /* kind, key; node when it is a thing of one node */
	RESOLVED_ELSEWHERE, /* node: the hub knows no finding of it, but that node's agent may know the thing */
};

struct resolved {
	enum resolved_kind what;
	enum entity_kind kind;
	char key[GRAPH_MAX_KEY];
	char node[RECORD_MAX_NODE];
};

/* Does only the agent know? */
bool resolve_is_for_a_node(enum query_kind kind);

/* 0: ret_resolved is set. 1: no; the answer's status, message and candidates say why. Errors of the store. */
int resolve_target(const struct store_reader *reader, const struct query *q, struct resolved *ret_resolved,
		   struct answer *answer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - what the hub says to a question, from its store and from who is connected.
 *
 * Room: hub.  Owns: nothing.  Thread: the reader's.  Clock: none (`now` is passed in).
 * Bounds: those of an answer; lists and timelines come in pages (`next_cursor`).
 *
 * A node whose agent is silent is unknown, never healthy: its open findings are told as the last that is known.
 */
#ifndef WHY_HUB_ANSWERS_H
#define WHY_HUB_ANSWERS_H

#include "hub/agents.h"
#include "hub/resolve.h"

#define ANSWERS_PAGE_LINES 500

struct answers_env {
	const struct store_reader *reader;
	struct agents *agents;
	struct rpc_now now;
};

/* What the hub alone can say: EXPLAIN, LIST, TIMELINE, FLEET; round.h asks nodes for more. Not found, ambiguous and so on
 * are answers too; < 0: errors of the store, -ENOMEM.
 * 1: the node `ret_node` must be asked (ret_answer untouched): QUERY_NOT, DOCTOR, RULES, METRICS, a thing only it
 * knows, or whether there is a rule of that name: the hub has none. */
int answers_make(const struct answers_env *env, const struct query *q, struct answer **ret_answer,
		 char ret_node[RECORD_MAX_NODE]);
/* An answer that is only a status and a message (copied). -ENOMEM. */
int answers_refusal(const struct query *q, enum answer_status status, const char *message, struct answer **ret_answer);

struct node_health {
	bool known, connected, stale, evaluated;
	wall_ns_t last_seen;
	int worst; /* enum severity, -1: none open */
	uint64_t n_open;
	char version[64], rules_digest[128];
};

/* A row of the store and the word of its agent, put together. */
void answers_health(const struct answers_env *env, const struct store_node *node, struct node_health *ret_health);
/* "healthy" "warning" "critical" "unknown". */
const char *answers_status(const struct node_health *h);

#endif

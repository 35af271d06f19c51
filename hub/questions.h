/* SPDX-License-Identifier: Apache-2.0 */
/* questions.h - the Query methods with one answer (or pages of it): read, answered on a thread of their own, sent.
 *
 * Room: hub.  Owns: its thread and its reader; borrows server, store and agents.
 * Thread: hooks on the server's thread; answers are made on its own, so that a costly one delays no ack.
 * Clock: reads both.
 * Bounds: QUESTIONS_MAX at once, one more is told to come again (RPC_EXHAUSTED); a node has QUESTIONS_NODE_NS to answer;
 * what findings do not tell is asked of the nodes that may know, which have QUESTIONS_ROUND_NS; an answer larger than
 * QUESTIONS_MAX_ANSWER loses its tail and says so.
 */
#ifndef WHY_HUB_QUESTIONS_H
#define WHY_HUB_QUESTIONS_H

#include "hub/agents.h"
#include "hub/store.h"

#define QUESTIONS_MAX        64
#define QUESTIONS_MAX_ANSWER (3 * 1024 * 1024)
#define QUESTIONS_NODE_NS    (5 * NS_PER_S)
#define QUESTIONS_ROUND_NS   (2 * NS_PER_S)

struct questions;

struct questions_stats {
	uint64_t asked, answered, refused;
};

int questions_new(const struct store *store, struct agents *agents, struct questions **ret_questions);
void questions_set_server(struct questions *q, struct rpc_server *server);
void questions_free(struct questions **questions); /* after the server */
struct rpc_hooks questions_hooks(struct questions *q); /* of FRAME_METHOD_QUERY, but WatchFindings */
void questions_stats(struct questions *q, struct questions_stats *ret_stats);

/* Pack, leaving out findings from the tail until it fits: `truncated` says so. -EMSGSIZE: it does not even so; -ENOMEM. */
int questions_pack(struct answer *a, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* agents.h - the agents that are connected: who they are, what they bring, and questions to them.
 *
 * Room: hub.  Owns: its table; borrows server, writer and store.
 * Thread: the hooks on the server's thread; stored and room on the writer's; tick on the loop's; state and ask on any.
 * It locks.
 * Clock: none (`now` is passed in).
 * Bounds: max_agents connected, AGENTS_MAX_ASKS questions under way; one
 * batch an agent waits when the writer is full, and then that agent is read no further. A stream that says no hello
 * within AGENTS_HELLO_S is closed.
 *
 * With TLS a node's name must be a name of its certificate: an agent speaks for its own node only. The same node
 * connecting again replaces the older stream: its agent restarted faster than the network noticed.
 */
#ifndef WHY_HUB_AGENTS_H
#define WHY_HUB_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/router.h"
#include "hub/store.h"
#include "hub/writer.h"
#include "model/answer.h"

#define AGENTS_MAX_ASKS 256
#define AGENTS_HELLO_S  10
#define AGENTS_STALE_NS (35 * NS_PER_S) /* three heartbeats missed, and some */

struct agents;

struct agents_env {
	const struct store *store;
	struct writer *writer;
	size_t max_agents;
};

/* What a connected agent said last. */
struct agent_state {
	wall_ns_t last_seen;
	char version[64], rules_digest[128];
	bool evaluated;
	bool quiet;        /* connected, but no word for AGENTS_STALE_NS */
	bool can_answer;
};

struct agents_stats {
	uint64_t connected, hellos, replaced;
	uint64_t refused_identity, refused_protocol;
	uint64_t batches, records, bad_records, heartbeats, waiting;
	uint64_t asked, answered, unanswered;
};

/* The answer to a question, on the server's or the loop's thread; NULL: none came, `why` says so. The answer is the
 * callee's. */
typedef void (*agents_answer_fn)(void *arg, uint64_t asker, struct answer *answer, const char *why);

int agents_new(const struct agents_env *env, struct agents **ret_agents); /* -ENOMEM, or as the store's reader */
void agents_free(struct agents **agents); /* after server and writer have ended */
/* The server is made after its hooks. */
void agents_set_server(struct agents *a, struct rpc_server *server);
struct rpc_hooks agents_hooks(struct agents *a); /* of FRAME_METHOD_CONNECT */

void agents_stored(struct agents *a, const struct record_batch *b);
void agents_room(struct agents *a);
/* Once a second. */
void agents_tick(struct agents *a, const struct rpc_now *now);

bool agents_state(struct agents *a, const char *node, mono_ns_t now,
		  struct agent_state *ret_state); /* false: not connected */
/* `asker` comes back with the answer. -ENOTCONN: the node is not connected; -EOPNOTSUPP: its agent takes no questions;
 * -ENOBUFS. */
int agents_ask(struct agents *a, const char *node, const struct query *q, mono_ns_t deadline, uint64_t asker,
	       agents_answer_fn fn, void *arg);
void agents_stats(struct agents *a, struct agents_stats *ret_stats);

#endif

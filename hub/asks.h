/* SPDX-License-Identifier: Apache-2.0 */
/* asks.h - questions on their way to a node: who asked, and until when an answer is worth anything.
 *
 * Room: hub.  Owns: its table.  Thread: one at a time (agents.c locks).  Clock: none.  Bounds: AGENTS_MAX_ASKS.
 */
#ifndef WHY_HUB_ASKS_H
#define WHY_HUB_ASKS_H

#include "hub/agents.h"

struct ask {
	uint64_t stream;    /* of the agent asked: nobody else may answer */
	mono_ns_t deadline;
	uint64_t asker;
	agents_answer_fn fn;
	void *arg;
};

struct asks;

int asks_new(struct asks **ret_asks); /* -ENOMEM */
void asks_free(struct asks **asks);
int asks_add(struct asks *a, const struct ask *ask, uint64_t *ret_id); /* -ENOBUFS */
/* Each takes one out: by id and stream, of a stream, past its deadline. False: none. */
bool asks_take(struct asks *a, uint64_t id, uint64_t stream, struct ask *ret_ask);
bool asks_take_of(struct asks *a, uint64_t stream, struct ask *ret_ask);
bool asks_take_due(struct asks *a, mono_ns_t now, struct ask *ret_ask);

#endif

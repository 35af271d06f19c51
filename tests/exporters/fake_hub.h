/* SPDX-License-Identifier: Apache-2.0 */
/* fake_hub.h - a hub of a test's own: it remembers what it is told, and misbehaves when it is told to. */
#ifndef WHY_TESTS_EXPORTERS_FAKE_HUB_H
#define WHY_TESTS_EXPORTERS_FAKE_HUB_H

#include <pthread.h>

#include "hub/rpc_server.h"
#include "model/answer.h"
#include "proto/frame.h"

#define FAKE_HUB_MAX 20000

struct fake_hub {
	struct rpc_server *server;
	int port;
	char address[32];
	pthread_mutex_t lock; /* of all that follows: the server's thread writes it */

	/* how to behave */
	bool mute;      /* no reply to hello */
	bool no_ack;
	bool lie;       /* ack more than was sent, and talk nonsense */
	bool refuse;
	bool replaced;  /* refuse as if another agent had the name */
	bool deaf;      /* reads nothing after the hello */
	unsigned questions; /* to ask after the hello */

	/* what was seen */
	uint64_t stream;
	unsigned hellos, heartbeats, batches, answers, malformed;
	struct frame_hello hello;
	struct frame_heartbeat heartbeat;
	uint64_t up_to_seq;               /* stored, over restarts too */
	unsigned seen[FAKE_HUB_MAX];      /* how often each number came */
	unsigned last_number, out_of_order;
	struct answer *answer;            /* the last */
	uint64_t answer_ids;              /* sum of query ids answered */
};

/* port 0: any. `tls` NULL: none. */
void fake_hub_start(struct fake_hub *h, int port, struct rpc_tls *tls);
void fake_hub_stop(struct fake_hub *h); /* what was seen stays */
void fake_hub_done(struct fake_hub *h);

#endif

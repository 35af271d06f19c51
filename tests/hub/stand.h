/* SPDX-License-Identifier: Apache-2.0 */
/* stand.h - a whole hub in this process on ports of its own, and agents and people that speak to it over the real wire. */
#ifndef WHY_TESTS_HUB_STAND_H
#define WHY_TESTS_HUB_STAND_H

#include "base/buf.h"
#include "hub/hub.h"
#include "model/answer.h"
#include "proto/call.h"
#include "proto/frame.h"
#include "tests/hub/made.h"

struct stand {
	char *folder, *store_url;
	struct hub_settings settings;
	struct hub *hub;
	char address[64]; /* of gRPC */
	struct call_options options; /* for calls to it */
};

/* settings.listen and so on may be set before; defaults are loopback, plaintext, a fresh store. */
void stand_init(struct stand *s);
void stand_start(struct stand *s);
void stand_stop(struct stand *s); /* the hub; the store stays */
void stand_done(struct stand *s);

struct double_agent {
	struct call *call;
	struct call_status status; /* once it is closed */
	bool mute;                 /* set before the hello: takes no questions */
};

void double_open(struct double_agent *a, const struct stand *s, const struct call_options *options); /* NULL: the stand's */
void double_close(struct double_agent *a);
void double_send(struct double_agent *a, const struct buf *message);
/* The next frame; false: the stream ended (a->status). Fails the test after 20 s of nothing. */
bool double_receive(struct double_agent *a, struct frame_hub *ret_frame);
/* Say hello, take the reply; returns up_to_seq. */
uint64_t double_hello(struct double_agent *a, const char *node, const char *spool);
void double_send_hello(struct double_agent *a, const char *node, const char *spool);
/* One batch of findings n = first..last of the node, seq = n. */
void double_send_batch(struct double_agent *a, const char *node, unsigned first, unsigned last, enum severity severity);
void double_heartbeat(struct double_agent *a, bool evaluated);
/* Until an ack of at least seq. */
void double_wait_ack(struct double_agent *a, uint64_t seq);
/* Take the question, answer it with this node's name and a message. */
void double_answer_question(struct double_agent *a, const char *node);

/* Ask; returns the call's result (0, -EREMOTEIO), ret_answer when 0. */
int stand_ask(const struct stand *s, const char *method, const struct query *q, struct answer **ret_answer,
	      struct call_status *ret_status);
/* GET over HTTP/1.1; the whole response with its headers. */
void stand_get(const struct stand *s, const char *path, struct buf *out);
/* Until the metric's line in /metrics is at least that. Bounded. */
void stand_wait_metric(const struct stand *s, const char *name, double at_least);

#endif

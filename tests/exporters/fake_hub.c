// SPDX-License-Identifier: Apache-2.0
#include "tests/exporters/fake_hub.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/convert.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

static void say(struct fake_hub *h, uint64_t stream, const struct frame_hub *frame)
{
	AUTO_BUF struct buf b = {0};

	buf_init(&b, FRAME_MAX_MESSAGE);
	if (frame_pack_hub(frame, &b) == 0)
		(void)rpc_server_send(h->server, stream, b.data, b.len);
}

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer UNUSED,
			      const struct rpc_now *now UNUSED, const char **ret_text)
{
	struct fake_hub *h = arg;

	*ret_text = "only Connect is served here";
	if (strcmp(method, FRAME_METHOD_CONNECT) != 0)
		return RPC_UNIMPLEMENTED;
	(void)pthread_mutex_lock(&h->lock);
	h->stream = stream;
	(void)pthread_mutex_unlock(&h->lock);
	return RPC_OK;
}

static void take_hello(struct fake_hub *h, uint64_t stream, const struct frame_hello *hello)
{
	struct frame_hub reply = {.kind = FRAME_HELLO_REPLY, .up_to_seq = h->up_to_seq, .hub_version = "fake"};

	h->hellos++;
	h->hello = *hello;
	if (h->refuse) {
		reply = (struct frame_hub){.kind = FRAME_REFUSAL, .text = "who are you?"};
		reply.why = h->replaced ? FRAME_REFUSED_REPLACED : FRAME_REFUSED_IDENTITY;
		say(h, stream, &reply);
		rpc_server_close(h->server, stream, RPC_DENIED, "refused");
	} else if (!h->mute) {
		say(h, stream, &reply);
	}
	if (h->lie) {
		(void)rpc_server_send(h->server, stream, "\xff\xff\xff", 3);
		(void)rpc_server_send(h->server, stream, "", 0);
		say(h, stream, &(struct frame_hub){.kind = FRAME_ACK, .up_to_seq = UINT64_MAX});
		say(h, stream, &reply); /* once more */
	}
	for (unsigned i = 1; i <= h->questions; i++) {
		struct frame_hub ask = {.kind = FRAME_ASK,
					.query_id = i,
					.query = {.kind = QUERY_DOCTOR, .target_kind = ENTITY_KIND_MAX}};

		text_copy(ask.query.target, sizeof(ask.query.target), "n1");
		say(h, stream, &ask);
	}
}

static int take_record(void *arg, uint64_t seq, const uint8_t *finding, size_t n)
{
	struct fake_hub *h = arg;
	AUTO(finding_free) struct finding *f = NULL;
	unsigned number;

	if (seq <= h->up_to_seq && !h->no_ack)
		return 0; /* known */
	if (finding_unpack(finding, n, &f, NULL) < 0) {
		h->malformed++;
		return 0;
	}
	number = made_number(f);
	if (number < FAKE_HUB_MAX)
		h->seen[number]++;
	h->out_of_order += number <= h->last_number;
	h->last_number = number;
	return 0;
}

static void take_batch(struct fake_hub *h, uint64_t stream, const struct frame_received *batch)
{
	h->batches++;
	h->malformed += frame_visit_records(batch, take_record, h, NULL) < 0;
	if (h->no_ack || h->lie)
		return;
	h->up_to_seq = MAX_OF(h->up_to_seq, batch->last_seq);
	say(h, stream, &(struct frame_hub){.kind = FRAME_ACK, .up_to_seq = h->up_to_seq});
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now UNUSED)
{
	struct fake_hub *h = arg;
	AUTO(frame_agent_done) struct frame_agent f = {0};
	bool more;

	if (!data)
		return true;
	(void)pthread_mutex_lock(&h->lock);
	if (frame_agent_unpack(data, n, &f, NULL) < 0) {
		h->malformed++;
	} else if (f.kind == FRAME_HELLO) {
		take_hello(h, stream, &f.hello);
	} else if (f.kind == FRAME_BATCH) {
		take_batch(h, stream, &f.batch);
	} else if (f.kind == FRAME_HEARTBEAT) {
		h->heartbeats++;
		h->heartbeat = f.heartbeat;
	} else {
		h->answers++;
		h->answer_ids += f.answer.query_id;
		answer_free(&h->answer);
		h->answer = TAKE_PTR(f.answer.answer);
	}
	more = !h->deaf;
	(void)pthread_mutex_unlock(&h->lock);
	return more;
}

static void drained(void *arg UNUSED, uint64_t stream UNUSED)
{
}

static void closed(void *arg UNUSED, uint64_t stream UNUSED, const struct rpc_now *now UNUSED)
{
}

void fake_hub_start(struct fake_hub *h, int port, struct rpc_tls *tls)
{
	struct rpc_options options = {.listen = h->address, .tls = tls, .max_streams = 16};
	struct rpc_hooks hooks = {opened, received, drained, closed, h};

	if (h->port == 0)
		(void)pthread_mutex_init(&h->lock, NULL);
	(void)snprintf(h->address, sizeof(h->address), "127.0.0.1:%d", port);
	assert_ok(rpc_server_new(&options, &hooks, &h->server));
	assert_ok(rpc_server_start(h->server));
	h->port = rpc_server_port(h->server);
	(void)snprintf(h->address, sizeof(h->address), "127.0.0.1:%d", h->port);
}

void fake_hub_stop(struct fake_hub *h)
{
	rpc_server_free(&h->server);
}

void fake_hub_done(struct fake_hub *h)
{
	fake_hub_stop(h);
	answer_free(&h->answer);
	(void)pthread_mutex_destroy(&h->lock);
}

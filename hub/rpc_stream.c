// SPDX-License-Identifier: Apache-2.0
#include "hub/rpc_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

void rpc_stream_begin(struct rpc_stream *st, uint64_t slot)
{
	st->generation++;
	st->id = (uint64_t)st->generation << 32 | slot;
	st->pending = 0;
	st->told = st->heard = false;
	st->initial_sent = st->sending = st->reading = st->closing = st->status_begun = st->close_seen = false;
	st->first = NULL;
	st->end = &st->first;
	st->unsent_bytes = 0;
	st->since = 0;
	st->opened = clock_mono_now();
}

bool rpc_stream_start(struct rpc_stream *st, const grpc_op *ops, size_t n, enum rpc_op op)
{
	if (atomic_load(st->down))
		return false;
	if (grpc_call_start_batch(st->call, ops, n, &st->tags[op], NULL) != GRPC_CALL_OK) {
		(void)grpc_call_cancel(st->call, NULL);
		return false;
	}
	st->pending++;
	return true;
}

void rpc_stream_receive(struct rpc_stream *st)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &st->message };

	if (!st->reading && !st->status_begun)
		st->reading = rpc_stream_start(st, &op, 1, OP_RECEIVE);
}

static void start_send(struct rpc_stream *st)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA }, { .op = GRPC_OP_SEND_MESSAGE } };
	struct rpc_unsent *u = st->first;
	unsigned skip = st->initial_sent ? 1 : 0;

	if (st->sending || st->status_begun || !u)
		return;
	ops[1].data.send_message.send_message = u->buffer;
	st->sending = rpc_stream_start(st, ops + skip, 2 - skip, OP_SEND);
	if (!st->sending)
		return;
	st->initial_sent = true;
	st->since = clock_mono_now();
	st->first = u->next;
	if (!st->first)
		st->end = &st->first;
	st->unsent_bytes -= u->n;
	grpc_byte_buffer_destroy(u->buffer);
	free(u);
}

static void start_status(struct rpc_stream *st)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA }, { .op = GRPC_OP_SEND_STATUS_FROM_SERVER } };
	grpc_slice text = grpc_slice_from_copied_string(st->status_text);
	unsigned skip = st->initial_sent ? 1 : 0;

	if (!st->status_begun) {
		ops[1].data.send_status_from_server.status = (grpc_status_code)st->status;
		ops[1].data.send_status_from_server.status_details = &text;
		st->status_begun = true;
		st->initial_sent = true;
		(void)rpc_stream_start(st, ops + skip, 2 - skip, OP_STATUS);
	}
	grpc_slice_unref(text);
}

void rpc_stream_go_on(struct rpc_stream *st)
{
	if (st->first)
		start_send(st);
	else if (st->closing && !st->sending)
		start_status(st);
}

void rpc_stream_close(struct rpc_stream *st, enum rpc_status status, const char *text)
{
	size_t n = 0;

	if (st->closing)
		return;
	st->closing = true;
	st->status = status;
	for (; text && text[n] && n + 1 < sizeof(st->status_text); n++)
		st->status_text[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	st->status_text[n] = 0;
	if (!st->sending)
		st->since = clock_mono_now();
	rpc_stream_go_on(st);
}

void rpc_stream_drop(struct rpc_stream *st)
{
	while (st->first) {
		struct rpc_unsent *u = st->first;

		st->first = u->next;
		grpc_byte_buffer_destroy(u->buffer);
		free(u);
	}
	st->end = &st->first;
	st->unsent_bytes = 0;
}

int rpc_stream_send(struct rpc_stream *st, const void *data, size_t n)
{
	struct rpc_unsent *u;
	grpc_slice slice;

	if (st->closing || st->close_seen)
		return -ENOTCONN;
	if (st->unsent_bytes > 0 && st->unsent_bytes + n > RPC_MAX_UNSENT)
		return -ENOBUFS;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	slice = grpc_slice_from_copied_buffer(data, n);
	u->buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	u->n = n;
	*st->end = u;
	st->end = &u->next;
	st->unsent_bytes += n;
	start_send(st);
	return 0;
}

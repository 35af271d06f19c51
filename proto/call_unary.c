// SPDX-License-Identifier: Apache-2.0
#include "proto/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>

#include "base/cleanup.h"
#include "proto/call_channel.h"

/* A call that one thread begins, waits for and ends. */
struct blocking {
	grpc_channel *channel;
	grpc_call *grpc;
	grpc_completion_queue *events;
	grpc_metadata_array headers, trailers;
	grpc_byte_buffer *incoming;
	grpc_status_code code;
	grpc_slice details;
	unsigned pending; /* operations begun and not ended */
};

enum tag { TAG_REQUEST = 1, TAG_HEADERS, TAG_MESSAGE, TAG_STATUS };

static int start(struct blocking *b, grpc_op *ops, size_t n, enum tag tag)
{
	if (grpc_call_start_batch(b->grpc, ops, n, (void *)(uintptr_t)tag, NULL) != GRPC_CALL_OK)
		return -EIO;
	b->pending++;
	return 0;
}

static enum tag next(struct blocking *b, bool *ret_success)
{
	grpc_event e = grpc_completion_queue_next(b->events, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

	if (e.type != GRPC_OP_COMPLETE)
		return 0;
	b->pending--;
	*ret_success = e.success != 0;
	return (enum tag)(uintptr_t)e.tag;
}

static int start_request(struct blocking *b, const uint8_t *request, size_t n)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)request, n);
	grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op ops[] = {
		{.op = GRPC_OP_SEND_INITIAL_METADATA},
		{.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = bytes},
		{.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
	};
	int r = start(b, ops, ARRAY_LEN(ops), TAG_REQUEST);

	grpc_byte_buffer_destroy(bytes);
	grpc_slice_unref(slice);
	return r;
}

static int start_message(struct blocking *b)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &b->incoming};

	return start(b, &op, 1, TAG_MESSAGE);
}

static int start_all(struct blocking *b, const uint8_t *request, size_t n)
{
	grpc_op headers = {.op = GRPC_OP_RECV_INITIAL_METADATA,
			   .data.recv_initial_metadata.recv_initial_metadata = &b->headers};
	grpc_op status = {
		.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		.data.recv_status_on_client = {.trailing_metadata = &b->trailers,
					       .status = &b->code,
					       .status_details = &b->details},
	};
	int r = start_request(b, request, n);

	if (r == 0)
		r = start(b, &headers, 1, TAG_HEADERS);
	if (r == 0)
		r = start(b, &status, 1, TAG_STATUS);
	if (r == 0)
		r = start_message(b);
	return r;
}

static void finish(struct blocking *b)
{
	bool success;

	if (b->grpc)
		grpc_call_cancel(b->grpc, NULL);
	while (b->pending > 0)
		(void)next(b, &success);
	grpc_completion_queue_shutdown(b->events);
	while (next(b, &success))
		;
	if (b->grpc)
		grpc_call_unref(b->grpc);
	if (b->channel)
		grpc_channel_destroy(b->channel);
	grpc_completion_queue_destroy(b->events);
	grpc_byte_buffer_destroy(b->incoming);
	grpc_metadata_array_destroy(&b->headers);
	grpc_metadata_array_destroy(&b->trailers);
	grpc_slice_unref(b->details);
	grpc_shutdown();
}

static int begin(struct blocking *b, const struct call_options *options, const char *method, uint32_t deadline_ms)
{
	int r;

	call_channel_init();
	b->details = grpc_empty_slice();
	grpc_metadata_array_init(&b->headers);
	grpc_metadata_array_init(&b->trailers);
	b->events = grpc_completion_queue_create_for_next(NULL);
	r = call_channel_new(options, &b->channel);
	if (r < 0)
		return r;
	b->grpc = call_channel_call(b->channel, b->events, method, deadline_ms);
	return b->grpc ? 0 : -ENOMEM;
}

/* Hand on the message that came, and ask for the next. NULL: there is none any more. */
static int take_message(struct blocking *b, int (*on_message)(void *arg, const uint8_t *data, size_t n), void *arg)
{
	AUTO_FREE uint8_t *data = NULL;
	size_t n = 0;
	int r;

	if (!b->incoming)
		return 0;
	r = call_channel_flatten(b->incoming, &data, &n);
	grpc_byte_buffer_destroy(b->incoming);
	b->incoming = NULL;
	if (r == 0)
		r = on_message(arg, data, n);
	return r < 0 ? r : start_message(b);
}

int call_stream(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
		uint32_t deadline_ms, int (*on_message)(void *arg, const uint8_t *data, size_t n), void *arg,
		struct call_status *ret_status)
{
	AUTO(finish) struct blocking b = {0};
	bool success = false;
	int r = begin(&b, options, method, deadline_ms);

	if (r == 0)
		r = start_all(&b, request, n);
	while (r == 0 && b.pending > 0)
		if (next(&b, &success) == TAG_MESSAGE)
			r = take_message(&b, on_message, arg);
	if (r < 0)
		return r;
	call_channel_status((int)b.code, (const char *)GRPC_SLICE_START_PTR(b.details), GRPC_SLICE_LENGTH(b.details),
			    ret_status);
	return ret_status->code == CALL_OK ? 0 : -EREMOTEIO;
}

static int add_reply(void *arg, const uint8_t *data, size_t n)
{
	return buf_add(arg, data, n);
}

int call_unary(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
	       uint32_t deadline_ms, struct buf *reply, struct call_status *ret_status)
{
	return call_stream(options, method, request, n, deadline_ms, add_reply, reply, ret_status);
}

// SPDX-License-Identifier: Apache-2.0
#include "proto/call.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/call_channel.h"

/* A call that one thread begins, waits for and ends. */
struct blocking {
	const struct call_options *options; /* for its headers */
	grpc_channel *channel;              /* its own, or NULL: that of a line */
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
	grpc_metadata header;
	grpc_op ops[] = {
		call_channel_headers(b->options, &header),
		{.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = bytes},
		{.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
	};
	int r = start(b, ops, ARRAY_LEN(ops), TAG_REQUEST);

	call_channel_headers_done(&ops[0]);
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

/* `channel` NULL: one of its own, for this call only. */
static int begin(struct blocking *b, const struct call_options *options, grpc_channel *channel, const char *method,
		 uint32_t deadline_ms)
{
	int r;

	call_channel_init();
	b->options = options;
	b->details = grpc_empty_slice();
	grpc_metadata_array_init(&b->headers);
	grpc_metadata_array_init(&b->trailers);
	b->events = grpc_completion_queue_create_for_next(NULL);
	r = channel ? 0 : call_channel_new(options, &b->channel);
	if (r < 0)
		return r;
	b->grpc = call_channel_call(channel ? channel : b->channel, b->events, method, deadline_ms);
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

/* A call that has begun, to its end. */
static int run(struct blocking *b, const uint8_t *request, size_t n,
	       int (*on_message)(void *arg, const uint8_t *data, size_t n), void *arg, struct call_status *ret_status)
{
	bool success = false;
	int r = start_all(b, request, n);

	while (r == 0 && b->pending > 0)
		if (next(b, &success) == TAG_MESSAGE)
			r = take_message(b, on_message, arg);
	if (r < 0)
		return r;
	call_channel_status((int)b->code, (const char *)GRPC_SLICE_START_PTR(b->details), GRPC_SLICE_LENGTH(b->details),
			    ret_status);
	return ret_status->code == CALL_OK ? 0 : -EREMOTEIO;
}

int call_stream(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
		uint32_t deadline_ms, int (*on_message)(void *arg, const uint8_t *data, size_t n), void *arg,
		struct call_status *ret_status)
{
	AUTO(finish) struct blocking b = {0};
	int r = begin(&b, options, NULL, method, deadline_ms);

	return r < 0 ? r : run(&b, request, n, on_message, arg, ret_status);
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

/* ---- many calls over one connection ---- */

struct call_line {
	struct call_options options; /* of headers only what is copied here */
	char header[64], header_value[512];
	grpc_channel *channel;
	bool has_end;
	gpr_timespec end;
};

/* A library that is shut down with one line and made anew with the next, whenever a server hangs, is asked for trouble. */
static void keep_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, call_channel_init);
}

int call_line_open(const struct call_options *options, struct call_line **ret_line)
{
	AUTO(call_line_close) struct call_line *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	keep_library();
	call_channel_init();
	r = call_channel_new(options, &l->channel);
	if (r < 0)
		return r;
	if (options->header) {
		const char *value = options->header_value;

		if (text_copy(l->header, sizeof(l->header), options->header) < strlen(options->header) ||
		    text_copy(l->header_value, sizeof(l->header_value), value) < strlen(value))
			return -EINVAL;
		l->options = (struct call_options){ .header = l->header, .header_value = l->header_value };
	}
	*ret_line = TAKE_PTR(l);
	return 0;
}

void call_line_close(struct call_line **line)
{
	struct call_line *l = *line;

	if (!l)
		return;
	if (l->channel)
		grpc_channel_destroy(l->channel);
	grpc_shutdown();
	free(l);
	*line = NULL;
}

void call_line_patience(struct call_line *l, uint32_t ms)
{
	l->has_end = ms > 0;
	l->end = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

/* 0: none is left. */
static uint32_t patience_left(const struct call_line *l)
{
	gpr_timespec left = gpr_time_sub(l->end, gpr_now(GPR_CLOCK_MONOTONIC));
	int32_t ms = gpr_time_to_millis(left);

	return ms > 0 ? (uint32_t)ms : 0;
}

static int ask_in_time(struct call_line *l, const char *method, const uint8_t *request, size_t n, uint32_t deadline_ms,
		       struct buf *reply, struct call_status *ret_status)
{
	AUTO(finish) struct blocking b = {0};
	int r = begin(&b, &l->options, l->channel, method, deadline_ms);

	return r < 0 ? r : run(&b, request, n, add_reply, reply, ret_status);
}

int call_line_unary(struct call_line *l, const char *method, const uint8_t *request, size_t n, uint32_t deadline_ms,
		    struct buf *reply, struct call_status *ret_status)
{
	static const char late[] = "no time is left to ask";
	uint32_t left = l->has_end ? patience_left(l) : UINT32_MAX;

	buf_reset(reply);
	if (left == 0) {
		call_channel_status(CALL_TIMEOUT, late, sizeof(late) - 1, ret_status);
		return -EREMOTEIO;
	}
	if (l->has_end && (deadline_ms == 0 || left < deadline_ms))
		deadline_ms = left;
	return ask_in_time(l, method, request, n, deadline_ms, reply, ret_status);
}

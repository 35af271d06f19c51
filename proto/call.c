// SPDX-License-Identifier: Apache-2.0
#include "proto/call.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include "base/cleanup.h"
#include "proto/call_channel.h"

enum tag { TAG_START = 1, TAG_HEADERS, TAG_RECEIVE, TAG_SEND, TAG_STATUS };

struct message {
	uint8_t *data;
	size_t n;
};

struct call {
	grpc_channel *channel;
	grpc_call *grpc;
	grpc_completion_queue *events;
	int wake_fd;
	pthread_t thread;
	bool has_thread;

	/* What gRPC writes into while an operation is under way; its end hands them to the thread. */
	grpc_metadata_array headers, trailers;
	grpc_byte_buffer *incoming;
	grpc_status_code code;
	grpc_slice details;

	pthread_mutex_t lock; /* of what follows */
	struct message queue[CALL_MAX_QUEUE];
	size_t first, n_queued;
	bool sending, receiving, ended, closing;
	struct call_status status;
};

static void *tag_of(enum tag t)
{
	return (void *)(uintptr_t)t;
}

static void ring(struct call *c)
{
	uint64_t one = 1;

	(void)!write(c->wake_fd, &one, sizeof(one));
}

/* Lock held. One receive at a time; none while the queue is full, so that flow control holds the peer. */
static void receive_next(struct call *c)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &c->incoming};

	if (c->receiving || c->ended || c->closing || c->n_queued == CALL_MAX_QUEUE)
		return;
	c->receiving = grpc_call_start_batch(c->grpc, &op, 1, tag_of(TAG_RECEIVE), NULL) == GRPC_CALL_OK;
	if (!c->receiving)
		grpc_call_cancel(c->grpc, NULL);
}

/* Lock held. No bytes: the peer has ended its half; the status follows. */
static void take_incoming(struct call *c, bool success)
{
	grpc_byte_buffer *bytes = c->incoming;
	struct message m = {0};

	c->incoming = NULL;
	c->receiving = false;
	if (!bytes)
		return;
	if (success && !c->closing && call_channel_flatten(bytes, &m.data, &m.n) == 0)
		c->queue[(c->first + c->n_queued++) % CALL_MAX_QUEUE] = m;
	else
		grpc_call_cancel(c->grpc, NULL);
	grpc_byte_buffer_destroy(bytes);
	receive_next(c);
}

static void take_event(struct call *c, enum tag tag, bool success)
{
	(void)pthread_mutex_lock(&c->lock);
	switch (tag) {
	case TAG_START:
	case TAG_HEADERS:
		break;
	case TAG_RECEIVE:
		take_incoming(c, success);
		break;
	case TAG_SEND:
		c->sending = false;
		break;
	case TAG_STATUS:
		call_channel_status((int)c->code, (const char *)GRPC_SLICE_START_PTR(c->details),
				    GRPC_SLICE_LENGTH(c->details), &c->status);
		c->ended = true;
		break;
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (tag >= TAG_RECEIVE)
		ring(c);
}

static void *wait_for_events(void *arg)
{
	struct call *c = arg;

	for (;;) {
		grpc_event e = grpc_completion_queue_next(c->events, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);

		if (e.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		if (e.type == GRPC_OP_COMPLETE)
			take_event(c, (enum tag)(uintptr_t)e.tag, e.success != 0);
	}
}

static int start_thread(struct call *c)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&c->thread, NULL, wait_for_events, c);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->has_thread = r == 0;
	return -r;
}

/* Headers, and of a question at once all that we have to say. */
static int start_sending(struct call *c, const struct call_options *options, grpc_byte_buffer *question)
{
	grpc_metadata header;
	grpc_op ops[] = {
		call_channel_headers(options, &header),
		{.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = question},
		{.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
	};
	grpc_call_error e = grpc_call_start_batch(c->grpc, ops, question ? ARRAY_LEN(ops) : 1, tag_of(TAG_START), NULL);

	call_channel_headers_done(&ops[0]);
	return e == GRPC_CALL_OK ? 0 : -EIO;
}

static int start_operations(struct call *c, const struct call_options *options, grpc_byte_buffer *question)
{
	grpc_op headers = {.op = GRPC_OP_RECV_INITIAL_METADATA,
			   .data.recv_initial_metadata.recv_initial_metadata = &c->headers};
	grpc_op status = {
		.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		.data.recv_status_on_client = {.trailing_metadata = &c->trailers,
					       .status = &c->code,
					       .status_details = &c->details},
	};

	if (start_sending(c, options, question) < 0 ||
	    grpc_call_start_batch(c->grpc, &headers, 1, tag_of(TAG_HEADERS), NULL) != GRPC_CALL_OK ||
	    grpc_call_start_batch(c->grpc, &status, 1, tag_of(TAG_STATUS), NULL) != GRPC_CALL_OK)
		return -EIO;
	(void)pthread_mutex_lock(&c->lock);
	receive_next(c);
	(void)pthread_mutex_unlock(&c->lock);
	return 0;
}

static int open_with(const struct call_options *options, const char *method, grpc_byte_buffer *question,
		     struct call **ret_call)
{
	AUTO(call_close) struct call *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	call_channel_init();
	c->wake_fd = -1;
	c->details = grpc_empty_slice();
	grpc_metadata_array_init(&c->headers);
	grpc_metadata_array_init(&c->trailers);
	(void)pthread_mutex_init(&c->lock, NULL);
	c->events = grpc_completion_queue_create_for_next(NULL);
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0)
		return -errno;
	r = call_channel_new(options, &c->channel);
	if (r < 0)
		return r;
	r = start_thread(c);
	if (r < 0)
		return r;
	c->grpc = call_channel_call(c->channel, c->events, method, 0);
	if (!c->grpc)
		return -ENOMEM;
	r = start_operations(c, options, question);
	if (r < 0)
		return r;
	*ret_call = TAKE_PTR(c);
	return 0;
}

int call_open(const struct call_options *options, const char *method, struct call **ret_call)
{
	return open_with(options, method, NULL, ret_call);
}

int call_ask(const struct call_options *options, const char *method, const uint8_t *request, size_t n,
	     struct call **ret_call)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)request, n);
	grpc_byte_buffer *question = grpc_raw_byte_buffer_create(&slice, 1);
	int r = open_with(options, method, question, ret_call);

	grpc_byte_buffer_destroy(question);
	grpc_slice_unref(slice);
	return r;
}

/* Cancelling ends every operation; once the queue is shut down and drained nothing of gRPC points here any more. */
static void stop(struct call *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->closing = true;
	(void)pthread_mutex_unlock(&c->lock);
	if (c->grpc)
		grpc_call_cancel(c->grpc, NULL);
	grpc_completion_queue_shutdown(c->events);
	if (c->has_thread)
		(void)pthread_join(c->thread, NULL);
	else
		(void)wait_for_events(c);
}

void call_close(struct call **call)
{
	struct call *c = *call;

	if (!c)
		return;
	stop(c);
	if (c->grpc)
		grpc_call_unref(c->grpc);
	if (c->channel)
		grpc_channel_destroy(c->channel);
	grpc_completion_queue_destroy(c->events);
	grpc_byte_buffer_destroy(c->incoming);
	grpc_metadata_array_destroy(&c->headers);
	grpc_metadata_array_destroy(&c->trailers);
	grpc_slice_unref(c->details);
	grpc_shutdown();
	for (; c->n_queued > 0; c->n_queued--, c->first++)
		free(c->queue[c->first % CALL_MAX_QUEUE].data);
	(void)pthread_mutex_destroy(&c->lock);
	cleanup_close(&c->wake_fd);
	free(c);
	*call = NULL;
}

int call_event_fd(const struct call *c)
{
	return c->wake_fd;
}

void call_wake(struct call *c)
{
	uint64_t n;

	(void)!read(c->wake_fd, &n, sizeof(n));
}

/* Lock held. The byte buffer may be destroyed at once: gRPC holds what it needs. */
static int start_send(struct call *c, const uint8_t *data, size_t n)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)data, n);
	grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = bytes};
	grpc_call_error e = grpc_call_start_batch(c->grpc, &op, 1, tag_of(TAG_SEND), NULL);

	grpc_byte_buffer_destroy(bytes);
	grpc_slice_unref(slice);
	c->sending = e == GRPC_CALL_OK;
	return c->sending ? 0 : -EPIPE;
}

int call_send(struct call *c, const uint8_t *data, size_t n)
{
	int r;

	if (n > CALL_MAX_MESSAGE)
		return -EMSGSIZE;
	(void)pthread_mutex_lock(&c->lock);
	if (c->ended)
		r = -EPIPE;
	else if (c->sending)
		r = -EAGAIN;
	else
		r = start_send(c, data, n);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

bool call_can_send(struct call *c)
{
	bool can;

	(void)pthread_mutex_lock(&c->lock);
	can = !c->sending && !c->ended;
	(void)pthread_mutex_unlock(&c->lock);
	return can;
}

int call_receive(struct call *c, uint8_t **ret_data, size_t *ret_n)
{
	int r = -EAGAIN;

	(void)pthread_mutex_lock(&c->lock);
	if (c->n_queued > 0) {
		*ret_data = c->queue[c->first].data;
		*ret_n = c->queue[c->first].n;
		c->first = (c->first + 1) % CALL_MAX_QUEUE;
		c->n_queued--;
		receive_next(c);
		r = 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

bool call_closed(struct call *c, struct call_status *ret_status)
{
	bool closed;

	(void)pthread_mutex_lock(&c->lock);
	closed = c->ended && c->n_queued == 0;
	if (closed)
		*ret_status = c->status;
	(void)pthread_mutex_unlock(&c->lock);
	return closed;
}

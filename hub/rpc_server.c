// SPDX-License-Identifier: Apache-2.0
#include "hub/rpc_server.h"

#include <assert.h>
#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "hub/rpc_stream.h"

#define SPARE_STREAMS 64 /* beyond max_streams, to refuse with */
#define ARMED         8  /* requests waiting for a call */
#define SWEEP_MS      500
#define STOP_GRACE_NS (1 * NS_PER_S)
#define CLOSE_GRACE_NS (5 * NS_PER_S)

struct rpc_server {
	struct rpc_hooks hooks;
	grpc_server *server;
	grpc_completion_queue *queue;
	pthread_t thread;
	bool started, stopped;
	bool tls; /* every peer has a certificate */
	int port;
	size_t max_streams, n_slots;
	uint64_t first_ns;
	struct rpc_stream *streams;
	struct rpc_stream *free_list; /* the server's thread only, as n_armed and n_open */
	size_t n_armed, n_open;
	atomic_bool stopping, down;
	mono_ns_t stop_since;
	bool cancelled_all;
	pthread_mutex_t lock;
	struct rpc_stats stats; /* under lock */
};

static void count(struct rpc_server *s, uint64_t *what, uint64_t n)
{
	(void)pthread_mutex_lock(&s->lock);
	*what += n;
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- slots; the server's thread ---- */

static void arm(struct rpc_server *s)
{
	while (s->n_armed < ARMED && s->free_list && !atomic_load(&s->stopping)) {
		struct rpc_stream *st = s->free_list;

		grpc_call_details_init(&st->details);
		grpc_metadata_array_init(&st->metadata);
		if (grpc_server_request_call(s->server, &st->call, &st->details, &st->metadata, s->queue, s->queue,
					     &st->tags[OP_OPEN]) != GRPC_CALL_OK) {
			log_error("gRPC takes no more calls");
			return;
		}
		s->free_list = st->next_free;
		s->n_armed++;
	}
}

static void release(struct rpc_server *s, struct rpc_stream *st)
{
	(void)pthread_mutex_lock(&st->lock);
	rpc_stream_drop(st);
	if (st->message)
		grpc_byte_buffer_destroy(st->message);
	st->message = NULL;
	if (st->call)
		grpc_call_unref(st->call);
	st->call = NULL;
	st->id = 0;
	(void)pthread_mutex_unlock(&st->lock);
	grpc_call_details_destroy(&st->details);
	grpc_metadata_array_destroy(&st->metadata);
	st->next_free = s->free_list;
	s->free_list = st;
	arm(s);
}

/* Both sides are through and gRPC has nothing of this stream any more. */
static void release_if_done(struct rpc_server *s, struct rpc_stream *st, const struct rpc_now *now)
{
	uint64_t id;
	bool done, told;

	(void)pthread_mutex_lock(&st->lock);
	done = st->close_seen && st->pending == 0;
	id = st->id;
	told = st->told;
	(void)pthread_mutex_unlock(&st->lock);
	if (!done)
		return;
	if (told)
		s->hooks.closed(s->hooks.arg, id, now);
	release(s, st);
	s->n_open--;
	(void)pthread_mutex_lock(&s->lock);
	s->stats.open = s->n_open;
	(void)pthread_mutex_unlock(&s->lock);
}

static void copy_method(grpc_slice slice, char ret_method[RPC_MAX_METHOD])
{
	size_t n = GRPC_SLICE_LENGTH(slice);

	if (n >= RPC_MAX_METHOD)
		n = 0; /* no method of ours is that long */
	memcpy(ret_method, GRPC_SLICE_START_PTR(slice), n);
	ret_method[n] = 0;
}

static char *peer_cert(grpc_call *call)
{
	grpc_auth_context *context = grpc_call_auth_context(call);
	char *pem = NULL;

	if (!context)
		return NULL;
	if (grpc_auth_context_peer_is_authenticated(context)) {
		grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(
			context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
		const grpc_auth_property *p = grpc_auth_property_iterator_next(&it);

		if (p)
			pem = strndup(p->value, p->value_length);
	}
	grpc_auth_context_release(context);
	return pem;
}

static void on_open(struct rpc_server *s, struct rpc_stream *st, const struct rpc_now *now)
{
	grpc_op close = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &st->cancelled };
	enum rpc_status status = RPC_EXHAUSTED;
	const char *text = "the hub serves as many streams as it may: try again later";
	char method[RPC_MAX_METHOD];
	char *address = grpc_call_get_peer(st->call);
	AUTO_FREE char *pem = peer_cert(st->call);
	struct rpc_peer peer = { .address = address ? address : "", .cert_pem = pem };
	uint64_t id;

	copy_method(st->details.method, method);
	(void)pthread_mutex_lock(&st->lock);
	rpc_stream_begin(st, (uint64_t)(st - s->streams + 1));
	id = st->id;
	if (!rpc_stream_start(st, &close, 1, OP_CLOSE))
		st->close_seen = true;
	(void)pthread_mutex_unlock(&st->lock);
	s->n_open++;
	if (atomic_load(&s->stopping)) {
		status = RPC_UNAVAILABLE;
		text = "the hub is stopping";
	} else if (s->tls && !pem) {
		/* Out of memory; without its certificate nobody would ask who it is. */
		status = RPC_UNAUTHENTICATED;
		text = "the hub cannot read the client's certificate";
	} else if (s->n_open <= s->max_streams) {
		status = s->hooks.opened(s->hooks.arg, id, method, &peer, now, &text);
	}
	gpr_free(address);
	(void)pthread_mutex_lock(&st->lock);
	if (status == RPC_OK) {
		st->told = true;
		rpc_stream_receive(st);
	} else {
		rpc_stream_close(st, status, text);
	}
	(void)pthread_mutex_unlock(&st->lock);
	(void)pthread_mutex_lock(&s->lock);
	s->stats.open = s->n_open;
	s->stats.opened += status == RPC_OK;
	s->stats.refused += status != RPC_OK;
	(void)pthread_mutex_unlock(&s->lock);
	release_if_done(s, st, now);
}

static void on_receive(struct rpc_server *s, struct rpc_stream *st, bool ok, const struct rpc_now *now)
{
	grpc_byte_buffer *message;
	grpc_byte_buffer_reader reader;
	bool deliver, more = false, ended;
	uint64_t id;

	(void)pthread_mutex_lock(&st->lock);
	st->reading = false;
	message = TAKE_PTR(st->message);
	id = st->id;
	ended = !ok || !message;
	st->heard = true;
	deliver = st->told && !st->closing && !st->close_seen;
	(void)pthread_mutex_unlock(&st->lock);
	if (deliver && ended) {
		if (ok)
			(void)s->hooks.received(s->hooks.arg, id, NULL, 0, now);
	} else if (deliver && grpc_byte_buffer_reader_init(&reader, message)) {
		grpc_slice all = grpc_byte_buffer_reader_readall(&reader);

		count(s, &s->stats.messages, 1);
		count(s, &s->stats.bytes, GRPC_SLICE_LENGTH(all));
		more = s->hooks.received(s->hooks.arg, id, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all), now);
		grpc_slice_unref(all);
		grpc_byte_buffer_reader_destroy(&reader);
		(void)pthread_mutex_lock(&st->lock);
		if (more)
			rpc_stream_receive(st);
		(void)pthread_mutex_unlock(&st->lock);
	}
	if (message)
		grpc_byte_buffer_destroy(message);
}

static void on_sent(struct rpc_server *s, struct rpc_stream *st, bool ok)
{
	bool drained;
	uint64_t id;

	(void)pthread_mutex_lock(&st->lock);
	st->sending = false;
	st->since = clock_mono_now();
	if (!ok)
		rpc_stream_drop(st);
	rpc_stream_go_on(st);
	id = st->id;
	drained = ok && st->told && !st->sending && !st->closing && !st->close_seen;
	(void)pthread_mutex_unlock(&st->lock);
	count(s, &s->stats.sent, ok);
	if (drained)
		s->hooks.drained(s->hooks.arg, id);
}

static void on_event(struct rpc_server *s, const struct rpc_tag *tag, bool ok, const struct rpc_now *now)
{
	struct rpc_stream *st = tag->stream;

	if (tag->op == OP_OPEN) {
		s->n_armed--;
		if (ok) {
			on_open(s, st, now);
		} else {
			st->call = NULL;
			release(s, st);
		}
		arm(s);
		return;
	}
	if (tag->op == OP_RECEIVE)
		on_receive(s, st, ok, now);
	else if (tag->op == OP_SEND)
		on_sent(s, st, ok);
	(void)pthread_mutex_lock(&st->lock);
	st->pending--;
	if (tag->op == OP_CLOSE) {
		st->close_seen = true;
		rpc_stream_drop(st);
	}
	(void)pthread_mutex_unlock(&st->lock);
	release_if_done(s, st, now);
}

/* ---- the thread ---- */

static void sweep_stream(struct rpc_server *s, struct rpc_stream *st, const struct rpc_now *now)
{
	(void)pthread_mutex_lock(&st->lock);
	if (st->id && !st->close_seen) {
		uint64_t waited = mono_since(st->since, now->mono);

		if (atomic_load(&s->stopping))
			rpc_stream_close(st, RPC_UNAVAILABLE, "the hub is stopping");
		if (st->told && !st->heard && mono_since(st->opened, now->mono) > s->first_ns)
			rpc_stream_close(st, RPC_TIMEOUT, "no message came");
		if ((st->sending && waited > RPC_STUCK_S * NS_PER_S) || (st->closing && waited > CLOSE_GRACE_NS)) {
			(void)grpc_call_cancel_with_status(st->call, GRPC_STATUS_DEADLINE_EXCEEDED,
							   "the peer takes nothing", NULL);
			st->since = now->mono;
			count(s, &s->stats.stuck, 1);
		}
	}
	(void)pthread_mutex_unlock(&st->lock);
}

static void sweep(struct rpc_server *s, const struct rpc_now *now)
{
	for (size_t i = 0; i < s->n_slots; i++)
		sweep_stream(s, &s->streams[i], now);
	if (!atomic_load(&s->stopping))
		return;
	if (!s->stop_since)
		s->stop_since = now->mono;
	if (!s->cancelled_all && mono_since(s->stop_since, now->mono) > STOP_GRACE_NS) {
		grpc_server_cancel_all_calls(s->server);
		s->cancelled_all = true;
	}
}

static void *run(void *arg)
{
	struct rpc_server *s = arg;
	mono_ns_t swept = 0;

	for (;;) {
		gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
						  gpr_time_from_millis(SWEEP_MS, GPR_TIMESPAN));
		grpc_event event = grpc_completion_queue_next(s->queue, until, NULL);
		struct rpc_now now = { clock_mono_now(), clock_wall_now() };

		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		if (event.type == GRPC_OP_COMPLETE && event.tag == s) {
			atomic_store(&s->down, true);
			grpc_completion_queue_shutdown(s->queue);
		} else if (event.type == GRPC_OP_COMPLETE) {
			on_event(s, event.tag, event.success != 0, &now);
		}
		if (!atomic_load(&s->down) && mono_since(swept, now.mono) >= SWEEP_MS * NS_PER_MS) {
			swept = now.mono;
			sweep(s, &now);
		}
	}
}

/* ---- birth and death ---- */

static void grpc_log(gpr_log_func_args *args)
{
	if (args->severity == GPR_LOG_SEVERITY_ERROR)
		log_warning("gRPC: %s", args->message);
}

static grpc_arg int_arg(const char *key, int value)
{
	return (grpc_arg){ .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value };
}

static grpc_server *make_server(void)
{
	grpc_arg list[] = {
		int_arg(GRPC_ARG_ALLOW_REUSEPORT, 0), /* on, two hubs would silently share the port */
		int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, 8),
		int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MAX_MESSAGE),
		int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0), /* on, a peer may push 4 MB into a stream that is not read */
		int_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 262144),
		int_arg(GRPC_ARG_MAX_METADATA_SIZE, 8192),
		int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000),
		int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, 60000),
		int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000),
		int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000),
		int_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 60000),
		int_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, 12 * 3600 * 1000), /* picks up renewed certificates */
		int_arg(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60000),
		int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
	};
	grpc_channel_args args = { .num_args = ARRAY_LEN(list), .args = list };

	return grpc_server_create(&args, NULL);
}

static int bind_port(struct rpc_server *s, const struct rpc_options *options)
{
	grpc_server_credentials *credentials =
		options->tls ? rpc_tls_credentials(options->tls) : grpc_insecure_server_credentials_create();

	if (!credentials)
		return -EKEYREJECTED;
	s->port = grpc_server_add_http2_port(s->server, options->listen, credentials);
	grpc_server_credentials_release(credentials);
	return s->port > 0 ? 0 : -EADDRINUSE;
}

static int make_streams(struct rpc_server *s)
{
	s->n_slots = s->max_streams + SPARE_STREAMS;
	s->streams = calloc(s->n_slots, sizeof(*s->streams));
	if (!s->streams)
		return -ENOMEM;
	for (size_t i = s->n_slots; i-- > 0;) {
		struct rpc_stream *st = &s->streams[i];

		st->down = &s->down;
		st->end = &st->first;
		(void)pthread_mutex_init(&st->lock, NULL);
		for (int op = 0; op < N_OPS; op++)
			st->tags[op] = (struct rpc_tag){ (enum rpc_op)op, st };
		st->next_free = s->free_list;
		s->free_list = st;
	}
	return 0;
}

/* For a server whose thread never ran or has ended. */
static void destroy(struct rpc_server **server)
{
	struct rpc_server *s = *server;

	if (!s)
		return;
	if (s->server)
		grpc_server_destroy(s->server);
	if (s->queue)
		grpc_completion_queue_destroy(s->queue);
	for (size_t i = 0; s->streams && i < s->n_slots; i++)
		(void)pthread_mutex_destroy(&s->streams[i].lock);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->streams);
	free(s);
	grpc_shutdown();
	*server = NULL;
}

int rpc_server_new(const struct rpc_options *options, const struct rpc_hooks *hooks, struct rpc_server **ret_server)
{
	AUTO(destroy) struct rpc_server *s = NULL;
	int r;

	assert(hooks->opened && hooks->received && hooks->drained && hooks->closed);
	if (!options->listen || !*options->listen)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	(void)pthread_mutex_init(&s->lock, NULL);
	gpr_set_log_function(grpc_log);
	grpc_init();
	s->hooks = *hooks;
	s->max_streams = options->max_streams;
	s->tls = options->tls != NULL;
	s->first_ns = options->first_ms ? options->first_ms * NS_PER_MS : RPC_FIRST_S * NS_PER_S;
	r = make_streams(s);
	if (r < 0)
		return r;
	s->queue = grpc_completion_queue_create_for_next(NULL);
	s->server = make_server();
	grpc_server_register_completion_queue(s->server, s->queue, NULL);
	r = bind_port(s, options);
	if (r < 0) {
		rpc_server_stop(s);
		return r;
	}
	*ret_server = TAKE_PTR(s);
	return 0;
}

int rpc_server_start(struct rpc_server *s)
{
	int r;

	assert(!s->started && !s->stopped);
	grpc_server_start(s->server);
	arm(s);
	r = -pthread_create(&s->thread, NULL, run, s);
	s->started = r == 0;
	return r;
}

void rpc_server_stop(struct rpc_server *s)
{
	if (s->stopped)
		return;
	s->stopped = true;
	atomic_store(&s->stopping, true);
	grpc_server_shutdown_and_notify(s->server, s->queue, s);
	if (s->started)
		(void)pthread_join(s->thread, NULL);
	else
		(void)run(s); /* gRPC wants its queue drained before it is destroyed */
}

void rpc_server_free(struct rpc_server **server)
{
	if (!*server)
		return;
	rpc_server_stop(*server);
	destroy(server);
}

int rpc_server_port(const struct rpc_server *s)
{
	return s->port;
}

/* ---- for any thread ---- */

/* The stream, locked; NULL: gone. */
static struct rpc_stream *lock_stream(struct rpc_server *s, uint64_t id)
{
	size_t index = (uint32_t)id;
	struct rpc_stream *st;

	if (index == 0 || index > s->n_slots)
		return NULL;
	st = &s->streams[index - 1];
	(void)pthread_mutex_lock(&st->lock);
	if (st->id == id)
		return st;
	(void)pthread_mutex_unlock(&st->lock);
	return NULL;
}

int rpc_server_send(struct rpc_server *s, uint64_t stream, const void *data, size_t n)
{
	struct rpc_stream *st = lock_stream(s, stream);
	int r;

	if (!st)
		return -ENOTCONN;
	r = rpc_stream_send(st, data, n);
	(void)pthread_mutex_unlock(&st->lock);
	return r;
}

void rpc_server_close(struct rpc_server *s, uint64_t stream, enum rpc_status status, const char *text)
{
	struct rpc_stream *st = lock_stream(s, stream);

	if (!st)
		return;
	rpc_stream_close(st, status, text);
	(void)pthread_mutex_unlock(&st->lock);
}

void rpc_server_resume(struct rpc_server *s, uint64_t stream)
{
	struct rpc_stream *st = lock_stream(s, stream);

	if (!st)
		return;
	rpc_stream_receive(st);
	(void)pthread_mutex_unlock(&st->lock);
}

void rpc_server_stats(struct rpc_server *s, struct rpc_stats *ret_stats)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret_stats = s->stats;
	(void)pthread_mutex_unlock(&s->lock);
}

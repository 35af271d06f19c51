// SPDX-License-Identifier: Apache-2.0
#include "proto/call_channel.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define KEEPALIVE_TIME_MS    30000
#define KEEPALIVE_TIMEOUT_MS 10000
#define LOOKAHEAD_BYTES      262144
#define MAX_METADATA_BYTES   8192
#define MAX_ARGS             24

struct args {
	grpc_arg list[MAX_ARGS];
	size_t n;
};

/* What gRPC has to say is for whoever looks closely; what went wrong comes as the status of the call. */
static void log_of_grpc(gpr_log_func_args *args)
{
	log_debug("grpc: %s", args->message);
}

static void set_log(void)
{
	gpr_set_log_function(log_of_grpc);
}

void call_channel_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	sigset_t all, before;

	(void)pthread_once(&once, set_log);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	grpc_init();
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void add_number(struct args *a, const char *key, int value)
{
	a->list[a->n++] = (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static void add_text(struct args *a, const char *key, const char *value)
{
	a->list[a->n++] = (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)key, .value.string = (char *)value};
}

static void fill_args(const struct call_options *o, struct args *a)
{
	uint32_t max = o->max_message ? MIN_OF(o->max_message, (uint32_t)CALL_MAX_REPLY) : CALL_MAX_MESSAGE;

	add_number(a, GRPC_ARG_KEEPALIVE_TIME_MS, o->quiet ? INT_MAX : KEEPALIVE_TIME_MS);
	add_number(a, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS);
	add_number(a, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, !o->quiet);
	add_number(a, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
	add_number(a, GRPC_ARG_HTTP2_BDP_PROBE, 0);
	add_number(a, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, LOOKAHEAD_BYTES);
	add_number(a, GRPC_ARG_MAX_METADATA_SIZE, MAX_METADATA_BYTES);
	add_number(a, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)max);
	add_number(a, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, CALL_MAX_MESSAGE);
	add_number(a, GRPC_ARG_ENABLE_RETRIES, 0);
	add_number(a, GRPC_ARG_ENABLE_HTTP_PROXY, 0);
	add_number(a, GRPC_ARG_ENABLE_CHANNELZ, 0);
	add_number(a, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
	add_number(a, GRPC_ARG_DNS_ENABLE_SRV_QUERIES, 0);
	/* Shared, a channel would inherit the back-off of the one before it and fail without having tried. */
	add_number(a, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	if (!o->insecure && o->server_name && *o->server_name) {
		add_text(a, GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, o->server_name);
		add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, o->server_name);
	}
}

static grpc_channel_credentials *credentials(const struct call_options *o)
{
	grpc_ssl_pem_key_cert_pair pair;

	if (o->insecure)
		return grpc_insecure_credentials_create();
	pair.cert_chain = o->tls->cert;
	pair.private_key = o->tls->key;
	return grpc_ssl_credentials_create(o->tls->ca, o->tls->cert ? &pair : NULL, NULL, NULL);
}

int call_channel_new(const struct call_options *options, struct grpc_channel **ret_channel)
{
	struct args a = {0};
	grpc_channel_args args;
	grpc_channel_credentials *creds;
	grpc_channel *channel;

	if (!options->address || !*options->address || (!options->insecure && (!options->tls || !options->tls->ca)))
		return -EINVAL;
	creds = credentials(options);
	if (!creds)
		return -EKEYREJECTED;
	fill_args(options, &a);
	args = (grpc_channel_args){.num_args = a.n, .args = a.list};
	channel = grpc_channel_create(options->address, creds, &args);
	grpc_channel_credentials_release(creds);
	if (!channel)
		return -ENOMEM;
	*ret_channel = channel;
	return 0;
}

struct grpc_call *call_channel_call(struct grpc_channel *channel, struct grpc_completion_queue *events, const char *method,
				    uint32_t deadline_ms)
{
	gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	grpc_slice name = grpc_slice_from_copied_string(method);
	grpc_call *call;

	if (deadline_ms > 0)
		deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(deadline_ms, GPR_TIMESPAN));
	call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, events, name, NULL, deadline, NULL);
	grpc_slice_unref(name); /* the call holds its own */
	return call;
}

struct grpc_op call_channel_headers(const struct call_options *options, struct grpc_metadata *ret_header)
{
	grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};

	if (!options->header)
		return op;
	*ret_header = (grpc_metadata){
		.key = grpc_slice_from_copied_string(options->header),
		.value = grpc_slice_from_copied_string(options->header_value),
	};
	op.data.send_initial_metadata.count = 1;
	op.data.send_initial_metadata.metadata = ret_header;
	return op;
}

void call_channel_headers_done(struct grpc_op *op)
{
	for (size_t i = 0; i < op->data.send_initial_metadata.count; i++) {
		grpc_slice_unref(op->data.send_initial_metadata.metadata[i].key);
		grpc_slice_unref(op->data.send_initial_metadata.metadata[i].value);
	}
	op->data.send_initial_metadata.count = 0;
}

int call_channel_flatten(struct grpc_byte_buffer *bytes, uint8_t **ret_data, size_t *ret_n)
{
	AUTO_FREE uint8_t *data = NULL;
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	size_t n = 0, size;

	if (!grpc_byte_buffer_reader_init(&reader, bytes))
		return -EBADMSG;
	/* The reader's own buffer: of a compressed message it is the decompressed one. */
	size = grpc_byte_buffer_length(reader.buffer_out);
	data = malloc(size + 1);
	while (data && grpc_byte_buffer_reader_next(&reader, &slice)) {
		size_t len = MIN_OF(GRPC_SLICE_LENGTH(slice), size - n);

		memcpy(data + n, GRPC_SLICE_START_PTR(slice), len);
		n += len;
		grpc_slice_unref(slice);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	if (!data)
		return -ENOMEM;
	*ret_data = TAKE_PTR(data);
	*ret_n = n;
	return 0;
}

void call_channel_status(int code, const char *text, size_t n, struct call_status *ret_status)
{
	struct text t;

	ret_status->code = code;
	text_init(&t, ret_status->text, sizeof(ret_status->text));
	text_add_escaped(&t, text, n);
}

const char *call_code_name(int code)
{
	static const char *const names[] = {
		"ok",	     "cancelled",	"unknown",	 "bad argument", "timeout",
		"not found", "exists",		"denied",	 "exhausted",	 "precondition",
		"aborted",   "out of range",	"unimplemented", "internal",	 "unavailable",
		"data loss", "unauthenticated",
	};

	return code >= 0 && (size_t)code < ARRAY_LEN(names) ? names[code] : "unknown status";
}

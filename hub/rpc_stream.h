/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_stream.h - one stream of the server: its operations under way, what waits to be sent, how it ends.
 *
 * Room: hub, between the files rpc_*.c only: it shows gRPC.  Owns: the call and its buffers.
 * Thread: any with the stream's lock held; the server's thread alone begins and releases one.
 * Clock: reads the monotonic clock.  Bounds: RPC_MAX_UNSENT.
 */
#ifndef WHY_HUB_RPC_STREAM_H
#define WHY_HUB_RPC_STREAM_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hub/rpc_server.h"

#define RPC_MAX_STATUS_TEXT 400

enum rpc_op { OP_OPEN, OP_RECEIVE, OP_SEND, OP_STATUS, OP_CLOSE, N_OPS };

struct rpc_stream;

struct rpc_tag {
	enum rpc_op op;
	struct rpc_stream *stream;
};

struct rpc_unsent {
	struct rpc_unsent *next;
	grpc_byte_buffer *buffer;
	size_t n;
};

/* One slot. Lives as long as the server; the lock says whom it serves. The server's thread alone opens and frees it. */
struct rpc_stream {
	const atomic_bool *down; /* the server's: start nothing more */
	struct rpc_stream *next_free;
	struct rpc_tag tags[N_OPS];
	pthread_mutex_t lock; /* all below */
	uint64_t id; /* 0: free */
	uint32_t generation;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;
	grpc_byte_buffer *message;
	int cancelled;
	unsigned pending; /* operations gRPC has not completed */
	bool told;        /* `opened` said yes: `closed` is owed */
	bool heard;       /* a first message came */
	bool initial_sent, sending, reading, closing, status_begun, close_seen;
	enum rpc_status status;
	char status_text[RPC_MAX_STATUS_TEXT];
	struct rpc_unsent *first, **end;
	size_t unsent_bytes;
	mono_ns_t opened;
	mono_ns_t since; /* of the send in flight, or of closing */
};

void rpc_stream_begin(struct rpc_stream *st, uint64_t slot);
bool rpc_stream_start(struct rpc_stream *st, const grpc_op *ops, size_t n,
		      enum rpc_op op); /* false: the call is cancelled */
void rpc_stream_receive(struct rpc_stream *st);
int rpc_stream_send(struct rpc_stream *st, const void *data, size_t n); /* errors as rpc_server_send */
void rpc_stream_close(struct rpc_stream *st, enum rpc_status status, const char *text);
/* Send what waits, then the status if one is due. */
void rpc_stream_go_on(struct rpc_stream *st);
void rpc_stream_drop(struct rpc_stream *st); /* what waits to be sent */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* call_channel.h - how a connection is made, and bytes and statuses as gRPC has them.
 *
 * Room: proto (call*.c only).  Owns: nothing.  Thread: any.  Clock: none.  Bounds: as call.h.
 */
#ifndef WHY_PROTO_CALL_CHANNEL_H
#define WHY_PROTO_CALL_CHANNEL_H

#include <stdint.h>

#include "proto/call.h"

struct grpc_channel;
struct grpc_byte_buffer;
struct grpc_call;
struct grpc_completion_queue;
struct grpc_metadata;
struct grpc_op;

/* grpc_init, with every signal blocked in the threads it makes, and its log sent to ours. Each needs one grpc_shutdown. */
void call_channel_init(void);
/* Errors as call_open. */
int call_channel_new(const struct call_options *options, struct grpc_channel **ret_channel);
/* A call that is not begun yet; NULL: without memory. deadline_ms 0: none. */
struct grpc_call *call_channel_call(struct grpc_channel *channel, struct grpc_completion_queue *events, const char *method,
				    uint32_t deadline_ms);
/* The operation that sends the headers of `options`; `ret_header` must live until call_channel_headers_done, which is to be
 * called once the operation has been started. */
struct grpc_op call_channel_headers(const struct call_options *options, struct grpc_metadata *ret_header);
void call_channel_headers_done(struct grpc_op *op);
/* A flat copy; a message may come in several slices. -ENOMEM; -EBADMSG: cannot be decompressed. */
int call_channel_flatten(struct grpc_byte_buffer *bytes, uint8_t **ret_data, size_t *ret_n);
void call_channel_status(int code, const char *text, size_t n, struct call_status *ret_status);

#endif

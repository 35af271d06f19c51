/* SPDX-License-Identifier: Apache-2.0 */
/* local.h - questions and answers over the agent's unix socket: a length, then protobuf (proto/why.proto).
 *
 * Room: proto.  Owns: nothing.  Thread: any.  Clock: reads it for the deadline of local_ask only.
 * Bounds: a question 64 KiB, an answer LOCAL_MAX_ANSWER; one question a connection at a time.
 *
 * Not gRPC, on purpose: gRPC hides who is at the other end (SO_PEERCRED), and a person who asks why the node is sick
 * must not wait for a channel. The frame is a u32 little-endian length and that many bytes of Query or Answer.
 */
#ifndef WHY_PROTO_LOCAL_H
#define WHY_PROTO_LOCAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/answer.h"

#define LOCAL_MAX_QUERY  (64 * 1024)
#define LOCAL_MAX_ANSWER (8 * 1024 * 1024)
#define LOCAL_SOCKET     "whyd.sock"

/* Where the first frame of `data` ends. *ret_frame and *ret_len are what the length announces.
 * -EAGAIN: not whole yet; -EMSGSIZE: longer than `max`: close the connection. */
int local_frame(const uint8_t *data, size_t n, size_t max, const uint8_t **ret_frame, size_t *ret_len, size_t *ret_used);

/* Append a frame with a packed question or answer. -EMSGSIZE: no room in `out`; nothing is added then. An answer above
 * LOCAL_MAX_ANSWER is cut from its tail and says so (`truncated`). */
int local_frame_query(const struct query *q, struct buf *out);
int local_frame_answer(const struct answer *a, struct buf *out);

/* Ask the agent whose socket is `path`, wait at most `timeout_ns`.
 * -ENOENT, -ECONNREFUSED: no agent there; -EACCES: not permitted; -ETIMEDOUT; -EBADMSG: it answered nonsense; -ENOMEM. */
int local_ask(const char *path, const struct query *q, uint64_t timeout_ns, struct answer **ret_answer);

#endif

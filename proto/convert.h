/* SPDX-License-Identifier: Apache-2.0 */
/* convert.h - findings, questions and answers as protobuf bytes and back (proto/why.proto).
 *
 * Room: proto.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: unpacking runs in an arena capped at eight times the message, at least 64 KiB, at most 16 MiB: hostile
 * messages amplify (1 MB of empty sub-messages is 92 MB unpacked by plain malloc) and must fail, not fill the machine.
 * Every text is checked for UTF-8 and length, every enum for range, every list for its maximum.
 */
#ifndef WHY_PROTO_CONVERT_H
#define WHY_PROTO_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/answer.h"
#include "model/finding.h"

/* -EMSGSIZE: out is full; nothing is added then. */
int finding_pack(const struct finding *f, struct buf *out);
/* -EBADMSG: not a finding; `ret_field` (NULL ok) gets the path of the field that is wrong, "affected.attrs.value",
 * valid until the next failure in this thread. -ENOMEM: try again later. */
int finding_unpack(const uint8_t *data, size_t n, struct finding **ret_finding, const char **ret_field);

int query_pack(const struct query *q, struct buf *out);
int query_unpack(const uint8_t *data, size_t n, struct query *ret_query, const char **ret_field);

int answer_pack(const struct answer *a, struct buf *out);
/* As answer_pack, but what does not fit is left out from the tail, and `truncated` is set in what is packed. */
int answer_pack_cut(const struct answer *a, struct buf *out);
int answer_unpack(const uint8_t *data, size_t n, struct answer **ret_answer, const char **ret_field);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - protobuf messages into bytes; what is packed here, proto/unpack.h accepts.
 *
 * Room: proto (nobody else: it shows protobuf-c).  Owns: an arena for the message's lists.  Thread: one at a time.
 * Clock: none.  Bounds: the arena's PACK_MAX_BYTES; the caller's buf. Texts are cut at a UTF-8 boundary, and bytes that
 * are not UTF-8 (a process may call itself anything) become U+FFFD, so that no honest finding is refused at the other
 * end.
 */
#ifndef WHY_PROTO_PACK_H
#define WHY_PROTO_PACK_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"

#define PACK_MAX_BYTES (64 * 1024 * 1024)

struct pack {
	struct arena *arena;
	int error; /* -ENOMEM, sticky */
};

int pack_begin(struct pack *p); /* -ENOMEM */
void pack_done(struct pack *p);
#define AUTO_PACK __attribute__((cleanup(pack_done)))

/* NULL becomes "". Never NULL, the text itself where it can be used as it is. */
char *pack_text(struct pack *p, const char *text, size_t max);
/* n * size zeroed bytes; NULL when n is 0 or without memory (p->error). */
void *pack_list(struct pack *p, size_t n, size_t size);
/* -EMSGSIZE: does not fit, nothing is added; -ENOMEM: or p->error. */
int pack_message(const struct pack *p, const ProtobufCMessage *m, struct buf *out);

#endif

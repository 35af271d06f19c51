/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - the model's structs as generated messages and back: what convert and frame share.
 *
 * Room: proto (nobody else: it shows protobuf-c).  Owns: nothing; a message made here points into the model's texts and into
 * the pack's arena.  Thread: any.  Clock: none.  Bounds: as convert.h.
 * Failures are in u->error or p->error, sticky: callers ask once at the end.
 */
#ifndef WHY_PROTO_MESSAGE_H
#define WHY_PROTO_MESSAGE_H

#include "model/answer.h"
#include "model/finding.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "proto/why.pb-c.h"

#define MESSAGE_MAX_UNKNOWN    1024 /* of an answer */
#define MESSAGE_MAX_CANDIDATES 256
#define MESSAGE_MAX_EVIDENCE   256

/* NULL or f: f belongs to the caller. */
struct finding *message_read_finding(struct unpack *u, const Why__V1__Finding *m);
Why__V1__Finding *message_of_finding(struct pack *p, const struct finding *f);

void message_read_question(struct unpack *u, const Why__V1__Question *m, struct query *ret_query);
Why__V1__Question *message_of_question(struct pack *p, const struct query *q);

struct answer *message_read_answer(struct unpack *u, const Why__V1__Answer *m);
/* Findings and lines are left out from the tail until it packs to max_bytes or has none left. */
Why__V1__Answer *message_of_answer(struct pack *p, const struct answer *a, size_t max_bytes);

/* The first `n` lines `who` of an answer. */
void message_of_who(struct pack *p, const struct answer *a, size_t n, Why__V1__Answer *m);
void message_read_who(struct unpack *u, const struct unpack_target *to, const Why__V1__Answer *m, struct answer *a);

/* Lists that findings and answers both have. */
Why__V1__Unknown **message_of_unknown(struct pack *p, const struct finding_unknown *unknown, size_t n);
void message_read_unknown(struct unpack *u, const struct unpack_target *to, Why__V1__Unknown *const *from, size_t n,
			  struct finding_unknown *ret_unknown);

#endif

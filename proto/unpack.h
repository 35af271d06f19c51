/* SPDX-License-Identifier: Apache-2.0 */
/* unpack.h - protobuf messages out of hostile bytes: memory that is capped, and texts, enums and lists that are
 * checked.
 *
 * Room: proto (nobody else: it shows protobuf-c).  Owns: the arena a message is unpacked into.  Thread: one at a time.
 * Clock: none.  Bounds: the arena: eight times the message, at least 64 KiB, at most 16 MiB. Four times would refuse
 * honest messages: an attribute of 14 bytes on the wire is 80 in memory. Plain malloc would turn 1 MB of empty
 * sub-messages into 92 MB.
 *
 * The check functions are sticky: after the first failure the rest do nothing, `error` says -EBADMSG or -ENOMEM, and
 * `field` names what was wrong by its path: "affected.attrs.value".
 */
#ifndef WHY_PROTO_UNPACK_H
#define WHY_PROTO_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

#define UNPACK_MIN_BYTES (64 * 1024)
#define UNPACK_MAX_BYTES (16 * 1024 * 1024)
#define UNPACK_MAX_PATH  4

/* Longest texts, in bytes. Packing cuts there, unpacking refuses what is longer. */
#define TEXT_MAX_SHORT 255  /* ids of rules and items, sources, digests */
#define TEXT_MAX_KEY   1023 /* keys, names and attribute values of entities, URLs */
#define TEXT_MAX_LONG  8191 /* sentences */

struct unpack {
	struct arena *arena; /* of the protobuf message */
	ProtobufCAllocator allocator;
	int error;
	const char *path[UNPACK_MAX_PATH];
	unsigned depth;
	char field[96];
};

/* An arena for a message of n bytes. -ENOMEM. */
int unpack_begin(struct unpack *u, size_t n);
void unpack_done(struct unpack *u);
#define AUTO_UNPACK __attribute__((cleanup(unpack_done)))

/* NULL: malformed or larger than the arena; u->error is set. The message lives until unpack_done. */
void *unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n);

/* Fields inside `name` from here to unpack_leave. */
void unpack_enter(struct unpack *u, const char *name);
void unpack_leave(struct unpack *u);

/* Something is wrong with `field`. */
void unpack_refuse(struct unpack *u, const char *field);

/* A copy of `text` in `to`, NULL after a failure. "" gives NULL for unpack_text_or_null. `max`: longest, in bytes. What does
 * not fit under `to`'s maximum of max_bytes is the message's fault (-EBADMSG). */
struct unpack_target {
	struct arena *arena;
	size_t max_bytes;
};
const char *unpack_text(struct unpack *u, const struct unpack_target *to, const char *field, const char *text, size_t max);
const char *unpack_text_or_null(struct unpack *u, const struct unpack_target *to, const char *field, const char *text,
				size_t max);
/* The same into a fixed array of `size` bytes. */
void unpack_text_into(struct unpack *u, const char *field, const char *text, char *ret_text, size_t size);
/* Room for n items of `size` bytes, zeroed; NULL when n is 0 or after a failure. Above `max` the field is refused. */
void *unpack_list(struct unpack *u, const struct unpack_target *to, const char *field, size_t n, size_t max, size_t size);

/* The wire counts from 1 (0 is "not said"), the model from 0: returns value - 1, or 0 after refusing. `n`: how many the
 * model has. */
unsigned unpack_enum(struct unpack *u, const char *field, int value, unsigned n);
/* n_items as it is, 0 after refusing more than max. */
size_t unpack_count(struct unpack *u, const char *field, size_t n_items, size_t max);
/* 0..1, else refused. */
double unpack_ratio(struct unpack *u, const char *field, double value);

/* u->error; ret_field (NULL ok) points at the name, which stays valid in this thread until its next failure. */
int unpack_result(const struct unpack *u, const char **ret_field);

#endif

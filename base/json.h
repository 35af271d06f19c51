/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - a streaming writer of JSON text (RFC 8259).
 *
 * Room: base.  Owns: nothing (writes into a buf).  Thread: one at a time.  Clock: none.
 * Bounds: the buf's maximum; nesting 32. A misuse (value without key in an object, too deep,
 * unbalanced end) sets `error` and writes nothing more; the caller checks json_end once.
 * Strings: control characters and invalid UTF-8 are escaped (U+FFFD for the latter), so the output is
 * always valid UTF-8 JSON. NaN and infinities are written as null: absent is not zero.
 */
#ifndef WHY_BASE_JSON_H
#define WHY_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_MAX_DEPTH 32

struct json {
	struct buf *out;
	unsigned depth;
	int error;
	bool need_comma[JSON_MAX_DEPTH + 1];
	bool is_object[JSON_MAX_DEPTH + 1];
	bool after_key;
};

void json_init(struct json *j, struct buf *out);

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);
void json_key(struct json *j, const char *key);
void json_text(struct json *j, const char *value); /* NULL writes null */
void json_text_n(struct json *j, const char *value, size_t n);
void json_i64(struct json *j, int64_t value);
void json_u64(struct json *j, uint64_t value);
void json_double(struct json *j, double value); /* the fewest digits, from 6, that read back the same */
void json_bool(struct json *j, bool value);
void json_nil(struct json *j); /* writes null; jansson owns the name json_null */

/* key and value in one; the _nonempty form writes nothing when value is NULL or "". */
void json_key_text(struct json *j, const char *key, const char *value);
void json_key_text_nonempty(struct json *j, const char *key, const char *value);
void json_key_u64(struct json *j, const char *key, uint64_t value);
void json_key_double(struct json *j, const char *key, double value);
void json_key_bool(struct json *j, const char *key, bool value);

/* 0 when one whole value was written; -EINVAL: misuse or unbalanced; -EMSGSIZE: the buf overflowed. */
int json_end(struct json *j);

#endif

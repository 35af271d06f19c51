/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - text built in a fixed buffer, and the few string questions everybody asks.
 *
 * Room: base.  Owns: nothing (the caller's buffer).  Thread: any.  Clock: none.
 * Bounds: the buffer. What does not fit is cut at a UTF-8 boundary, the text stays terminated and
 * `truncated` is set; no function here can overflow or fail otherwise.
 */
#ifndef WHY_BASE_TEXT_H
#define WHY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* terminated */
	size_t len;
	size_t size; /* of data, >= 1 */
	bool truncated;
};

void text_init(struct text *t, char *buffer, size_t size);
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hostile text for a terminal or a log: control characters, DEL, C1, bidi controls and invalid UTF-8
 * appear as \xNN (or \u{NNNN}); everything else as it is. */
void text_add_escaped(struct text *t, const char *s, size_t n);

bool text_is_utf8(const char *s, size_t n);

/* Bytes of the code point at `s` (1 to 4), which is written to ret_code; 0: `n` is 0 or no valid UTF-8 here
 * (overlong forms, surrogates and what lies above U+10FFFF are invalid). */
size_t text_decode(const char *s, size_t n, uint32_t *ret_code);

/* Would text_add_escaped escape it? C0, DEL, C1, bidi controls, U+2028, U+2029, U+FEFF. */
bool text_is_unsafe(uint32_t code);

/* Copies at most size-1 bytes, cut at a UTF-8 boundary; always terminates. Returns the length copied. */
size_t text_copy(char *ret_text, size_t size, const char *s);

/* Whole text as a number. -EINVAL: empty, junk behind it, or a sign where none may be; -ERANGE: too large. */
int text_parse_u64(const char *s, uint64_t *ret_value);
int text_parse_i64(const char *s, int64_t *ret_value);
int text_parse_double(const char *s, double *ret_value); /* refuses nan and inf */
/* "512", "64KiB", "1.5 GiB", "10MB" (B, KiB MiB GiB TiB, kB MB GB TB). Errors as above. */
int text_parse_bytes(const char *s, uint64_t *ret_bytes);

/* Of `n` candidates the one nearest to `word` by edit distance, or NULL when none is near enough
 * (distance above 1 + len/4): for "did you mean". Two neighbours swapped are one edit; the same parts
 * (split at . _ -) in another order are two edits. Bounded work: words above 64 bytes match nothing. */
const char *text_nearest(const char *word, const char *const *candidates, size_t n);

/* A quantity for people, by base unit: bytes "31.9 GiB", ratio "38 %", count "1,024", "4.1 W". */
void text_format_bytes(double bytes, char *ret_text, size_t size);
void text_format_ratio(double ratio, char *ret_text, size_t size);
/* Integers with thousands' commas, else 3 significant digits. */
void text_format_count(double n, char *ret_text, size_t size);

/* 64-bit hash of bytes, the same on every machine and in every run (SipHash-free: not for hostile keys
 * in unbounded tables; all tables here are bounded). */
uint64_t text_hash(const void *data, size_t n);

#endif

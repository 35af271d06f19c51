/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - words and numbers of the text files the kernel shows, read without ever leaving the text.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: the text's; nothing is allocated or written. A number that is malformed or does not fit 64 bits is absent,
 * never zero.
 */
#ifndef WHY_COLLECTORS_FIELDS_H
#define WHY_COLLECTORS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of a text. */
struct fields {
	const char *at;
	const char *end;
};

struct fields fields_of(const char *text, size_t len);

/* Take the next line; false at the end. */
bool fields_line(struct fields *f, struct fields *ret_line);
/* Take the next word (blanks and tabs separate). */
bool fields_word(struct fields *f, const char **ret_word, size_t *ret_len);
bool fields_skip(struct fields *f, unsigned n_words);
/* Take the next word if it is exactly `word`; else nothing is taken. */
bool fields_is(struct fields *f, const char *word);
/* Take the next word as an unsigned number; false (and the word is taken) when it is none or too large. */
bool fields_u64(struct fields *f, uint64_t *ret_value);
bool fields_hex(struct fields *f, uint64_t *ret_value);
/* Take the next word and copy it, cut at size-1; false when there is none. */
bool fields_copy(struct fields *f, char *ret_text, size_t size);

/* "key=NUMBER" inside a word list, as in io.stat and PSI files: false when the key is not there. */
bool fields_assigned(struct fields f, const char *key, uint64_t *ret_value);

#define FIELDS_MAX_KEYS 64

/* A file of lines "key NUMBER ..." (also "Key:  NUMBER kB"): set values[i] where keys[i] was found. Returns the set of
 * what was found, bit i for keys[i]. Fast when `keys` are in the file's order; correct in any. */
uint64_t fields_keyed(const char *text, size_t len, const char *const *keys, size_t n_keys, uint64_t *values);

/* A file that holds one number, or "max" (UINT64_MAX). */
bool fields_one(const char *text, size_t len, uint64_t *ret_value);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "collectors/fields.h"

#include <string.h>

#include "base/text.h"

struct fields fields_of(const char *text, size_t len)
{
	return (struct fields){ .at = text, .end = text + len };
}

bool fields_line(struct fields *f, struct fields *ret_line)
{
	if (f->at >= f->end)
		return false;
	const char *newline = memchr(f->at, '\n', (size_t)(f->end - f->at));
	const char *stop = newline ? newline : f->end;
	*ret_line = (struct fields){ .at = f->at, .end = stop };
	f->at = newline ? newline + 1 : f->end;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

bool fields_word(struct fields *f, const char **ret_word, size_t *ret_len)
{
	const char *p = f->at;
	while (p < f->end && is_blank(*p))
		p++;
	const char *start = p;
	while (p < f->end && !is_blank(*p))
		p++;
	f->at = p;
	if (p == start)
		return false;
	*ret_word = start;
	*ret_len = (size_t)(p - start);
	return true;
}

bool fields_skip(struct fields *f, unsigned n_words)
{
	const char *word;
	size_t len;
	for (unsigned i = 0; i < n_words; i++)
		if (!fields_word(f, &word, &len))
			return false;
	return true;
}

bool fields_is(struct fields *f, const char *word)
{
	struct fields rest = *f;
	const char *found;
	size_t len;
	if (!fields_word(&rest, &found, &len) || len != strlen(word) || memcmp(found, word, len) != 0)
		return false;
	*f = rest;
	return true;
}

static bool parse_u64(const char *s, size_t len, uint64_t *ret_value)
{
	uint64_t value = 0;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s[i] - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool fields_u64(struct fields *f, uint64_t *ret_value)
{
	const char *word;
	size_t len;
	return fields_word(f, &word, &len) && parse_u64(word, len, ret_value);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool fields_hex(struct fields *f, uint64_t *ret_value)
{
	const char *word;
	size_t len;
	uint64_t value = 0;
	if (!fields_word(f, &word, &len) || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(word[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*ret_value = value;
	return true;
}

bool fields_copy(struct fields *f, char *ret_text, size_t size)
{
	const char *word;
	size_t len;
	if (size == 0 || !fields_word(f, &word, &len))
		return false;
	struct text t;
	text_init(&t, ret_text, size);
	text_add_n(&t, word, len);
	return true;
}

bool fields_assigned(struct fields f, const char *key, uint64_t *ret_value)
{
	size_t key_len = strlen(key), len;
	const char *word;
	while (fields_word(&f, &word, &len))
		if (len > key_len && word[key_len] == '=' && memcmp(word, key, key_len) == 0)
			return parse_u64(word + key_len + 1, len - key_len - 1, ret_value);
	return false;
}

/* The position of `word` among the keys; the search starts where the last hit was, so that a file in the keys' order
 * costs one comparison a line that is asked for. */
static size_t key_index(const char *const *keys, size_t n_keys, size_t from, const char *word, size_t len)
{
	for (size_t i = 0; i < n_keys; i++) {
		size_t k = from + i < n_keys ? from + i : from + i - n_keys;
		if (keys[k][0] == word[0] && strncmp(keys[k], word, len) == 0 && keys[k][len] == '\0')
			return k;
	}
	return n_keys;
}

uint64_t fields_keyed(const char *text, size_t len, const char *const *keys, size_t n_keys, uint64_t *values)
{
	struct fields rest = fields_of(text, len), line;
	uint64_t found = 0;
	size_t from = 0;
	if (n_keys > FIELDS_MAX_KEYS)
		n_keys = FIELDS_MAX_KEYS;
	while (fields_line(&rest, &line)) {
		const char *word;
		size_t word_len;
		uint64_t value;
		if (!fields_word(&line, &word, &word_len))
			continue;
		if (word[word_len - 1] == ':')
			word_len--;
		if (word_len == 0)
			continue;
		size_t k = key_index(keys, n_keys, from, word, word_len);
		if (k == n_keys || !fields_u64(&line, &value))
			continue;
		values[k] = value;
		found |= UINT64_C(1) << k;
		from = k + 1 < n_keys ? k + 1 : 0;
	}
	return found;
}

bool fields_one(const char *text, size_t len, uint64_t *ret_value)
{
	struct fields f = fields_of(text, len), line;
	if (!fields_line(&f, &line))
		return false;
	if (fields_is(&line, "max")) {
		*ret_value = UINT64_MAX;
		return true;
	}
	return fields_u64(&line, ret_value);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *t, char *buffer, size_t size)
{
	assert(size > 0);
	*t = (struct text){ .data = buffer, .size = size };
	buffer[0] = '\0';
}

/* `n` bytes of s less a code point whose end is not among them. */
static size_t cut_at_boundary(const char *s, size_t n)
{
	for (size_t back = 1; back < 4 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];
		size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;

		if ((c & 0xC0) != 0x80)
			return need > back ? n - back : n;
	}
	return n;
}

void text_add_n(struct text *t, const char *s, size_t n)
{
	size_t room = t->size - 1 - t->len;

	if (t->truncated || n == 0)
		return; /* a later short piece behind a gap would read as one text */
	if (n > room) {
		n = cut_at_boundary(s, room);
		t->truncated = true;
	}
	memcpy(t->data + t->len, s, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	if (t->truncated)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->data + t->len, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->data[t->len] = '\0';
		t->truncated = true;
	} else if ((size_t)n < room) {
		t->len += (size_t)n;
	} else {
		t->truncated = true;
		t->len += cut_at_boundary(t->data + t->len, room - 1);
		t->data[t->len] = '\0';
	}
}

size_t text_decode(const char *s, size_t n, uint32_t *ret_code)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80) {
		*ret_code = u[0];
		return 1;
	}
	if (u[0] >= 0xC2 && u[0] <= 0xDF)
		len = 2, code = u[0] & 0x1F;
	else if ((u[0] & 0xF0) == 0xE0)
		len = 3, code = u[0] & 0x0F;
	else if (u[0] >= 0xF0 && u[0] <= 0xF4)
		len = 4, code = u[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3F);
	}
	if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	*ret_code = code;
	return len;
}

bool text_is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
	       (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

/* All or nothing: half an escape would read as something else. */
static void add_whole(struct text *t, const char *s, size_t n)
{
	if (n > t->size - 1 - t->len)
		t->truncated = true;
	else
		text_add_n(t, s, n);
}

void text_add_escaped(struct text *t, const char *s, size_t n)
{
	char escape[16];
	uint32_t code;
	size_t len;

	for (size_t i = 0; i < n && !t->truncated; i += len) {
		len = text_decode(s + i, n - i, &code);
		if (len > 0 && !text_is_unsafe(code)) {
			add_whole(t, s + i, len);
			continue;
		}
		if (len > 1) {
			(void)snprintf(escape, sizeof(escape), "\\u{%04X}", (unsigned)code);
		} else {
			len = 1;
			(void)snprintf(escape, sizeof(escape), "\\x%02X", (unsigned)(unsigned char)s[i]);
		}
		add_whole(t, escape, strlen(escape));
	}
}

bool text_is_utf8(const char *s, size_t n)
{
	uint32_t code;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = text_decode(s + i, n - i, &code);
		if (len == 0)
			return false;
	}
	return true;
}

size_t text_copy(char *ret_text, size_t size, const char *s)
{
	struct text t;

	text_init(&t, ret_text, size);
	text_add(&t, s);
	return t.len;
}

uint64_t text_hash(const void *data, size_t n)
{
	const unsigned char *u = data;
	uint64_t h = 0xCBF29CE484222325ULL; /* FNV-1a, then mixed: tables use the low bits */

	for (size_t i = 0; i < n; i++)
		h = (h ^ u[i]) * 0x100000001B3ULL;
	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93ULL;
	h ^= h >> 32;
	return h;
}

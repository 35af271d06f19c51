// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_done(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

/* Room for n more bytes and the NUL behind them. */
static int reserve(struct buf *b, size_t n)
{
	size_t size;
	uint8_t *data;

	if (n > b->max - b->len || b->max == SIZE_MAX) {
		b->overflow = true;
		return -EMSGSIZE;
	}
	if (b->len + n < b->size)
		return 0;
	size = b->size > SIZE_MAX / 2 ? SIZE_MAX : b->size * 2;
	if (size < b->len + n + 1)
		size = b->len + n + 1;
	if (size < 64)
		size = 64;
	if (size > b->max + 1)
		size = b->max + 1;
	data = realloc(b->data, size);
	if (!data) {
		b->overflow = true;
		return -ENOMEM;
	}
	b->data = data;
	b->size = size;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t n)
{
	int r = reserve(b, n);

	if (r < 0)
		return r;
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add_text(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->overflow = true;
		return -EMSGSIZE;
	}
	r = reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void *buf_extend(struct buf *b, size_t n)
{
	void *start;

	if (reserve(b, n) < 0)
		return NULL;
	start = b->data + b->len;
	memset(start, 0, n + 1);
	b->len += n;
	return start;
}

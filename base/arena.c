// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ALIGNMENT   16
#define FIRST_BLOCK 4096
#define LARGE_BLOCK (256 * 1024)

struct block {
	struct block *next;
	size_t size, used;
	unsigned char data[] __attribute__((aligned(ALIGNMENT)));
};

struct arena {
	struct block *first, *current; /* blocks behind `current` are empty */
	size_t max, used;
	size_t held;       /* sum of the blocks' sizes */
	size_t next_block; /* its size: doubles up to LARGE_BLOCK */
	uint64_t refused;
};

static struct block *block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b) {
		b->next = NULL;
		b->size = size;
		b->used = 0;
	}
	return b;
}

int arena_new(size_t max_bytes, struct arena **ret_arena)
{
	AUTO_FREE struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->max = MIN_OF(max_bytes, SIZE_MAX / 4);
	a->first = a->current = block_new(FIRST_BLOCK);
	if (!a->first)
		return -ENOMEM;
	a->held = FIRST_BLOCK;
	a->next_block = FIRST_BLOCK * 2;
	*ret_arena = TAKE_PTR(a);
	return 0;
}

static void free_blocks(struct arena *a, struct block *b)
{
	while (b) {
		struct block *next = b->next;

		a->held -= b->size;
		free(b);
		b = next;
	}
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	free_blocks(*arena, (*arena)->first);
	free(*arena);
	*arena = NULL;
}

/* Make `current` a block with room for n. Used blocks waste less than what is used, so 2 * max + one
 * block is always enough; empty blocks of the wrong size go back first. */
static int next_block(struct arena *a, size_t n)
{
	struct block *b, **link;
	size_t size = MAX_OF(a->next_block, n);

	for (link = &a->current->next; *link; link = &(*link)->next) {
		if ((*link)->size < n)
			continue;
		b = *link;
		*link = b->next;
		b->next = a->current->next;
		a->current->next = b;
		a->current = b;
		return 0;
	}
	if (a->held + size > 2 * a->max + LARGE_BLOCK) {
		free_blocks(a, a->current->next);
		a->current->next = NULL;
	}
	b = block_new(size);
	if (!b)
		return -ENOMEM;
	a->held += size;
	a->next_block = MIN_OF(a->next_block * 2, (size_t)LARGE_BLOCK);
	b->next = a->current->next;
	a->current->next = b;
	a->current = b;
	return 0;
}

void *arena_alloc(struct arena *a, size_t n_bytes)
{
	size_t n;
	void *p;

	if (n_bytes > a->max - a->used) {
		a->refused++;
		return NULL;
	}
	n = MAX_OF((n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, (size_t)ALIGNMENT);
	if (n > a->max - a->used || (n > a->current->size - a->current->used && next_block(a, n) < 0)) {
		a->refused++;
		return NULL;
	}
	p = a->current->data + a->current->used;
	a->current->used += n;
	a->used += n;
	return memset(p, 0, n);
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->refused++;
		return NULL;
	}
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy;

	if (!text)
		return NULL;
	if (len == SIZE_MAX) {
		a->refused++;
		return NULL;
	}
	copy = arena_alloc(a, len + 1);
	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return text ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		a->refused++;
		return NULL;
	}
	text = arena_alloc(a, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void arena_reset(struct arena *a)
{
	for (struct block *b = a->first; b; b = b->next)
		b->used = 0;
	a->current = a->first;
	a->used = 0;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

uint64_t arena_refused(const struct arena *a)
{
	return a->refused;
}

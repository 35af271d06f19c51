/* SPDX-License-Identifier: Apache-2.0 */
#include "model/point_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CHUNK_NIL UINT32_MAX

struct fine_point {
	mono_ns_t at;
	double value;
};

struct coarse_point {
	mono_ns_t at;
	double last;
	float mean, min, max;
	uint32_t n;
};

_Static_assert(POINT_CHUNK_BYTES % sizeof(struct fine_point) == 0, "chunks are filled whole");
_Static_assert(POINT_CHUNK_BYTES % sizeof(struct coarse_point) == 0, "chunks are filled whole");

int point_pool_init(struct point_pool *p, size_t max_bytes)
{
	size_t max = MIN_OF(max_bytes / (POINT_CHUNK_BYTES + sizeof(uint32_t)), (size_t)CHUNK_NIL - 1);

	*p = (struct point_pool){.max = (uint32_t)max, .free = CHUNK_NIL};
	p->chunks = calloc(max + 1, POINT_CHUNK_BYTES);
	p->next = calloc(max + 1, sizeof(*p->next));
	if (p->chunks && p->next)
		return 0;
	point_pool_done(p);
	return -ENOMEM;
}

void point_pool_done(struct point_pool *p)
{
	free(p->chunks);
	free(p->next);
	*p = (struct point_pool){.free = CHUNK_NIL};
}

static uint32_t chunk_take(struct point_pool *p)
{
	uint32_t chunk = p->free;

	if (chunk != CHUNK_NIL)
		p->free = p->next[chunk];
	else if (p->n_used < p->max)
		chunk = p->n_used++;
	else
		return CHUNK_NIL;
	p->n_taken++;
	p->next[chunk] = CHUNK_NIL;
	return chunk;
}

static void chunk_give(struct point_pool *p, uint32_t chunk)
{
	p->next[chunk] = p->free;
	p->free = chunk;
	p->n_taken--;
}

static unsigned points_a_chunk(const struct point_list *l)
{
	return POINT_CHUNK_BYTES / (l->coarse ? sizeof(struct coarse_point) : sizeof(struct fine_point));
}

static void *point_place(const struct point_pool *p, uint32_t chunk, size_t size, unsigned index)
{
	return p->chunks + (size_t)chunk * POINT_CHUNK_BYTES + index * size;
}

static void point_read(const struct point_pool *p, const struct point_list *l, uint32_t chunk, unsigned index,
		       struct reading *ret)
{
	if (l->coarse) {
		const struct coarse_point *c = point_place(p, chunk, sizeof(*c), index);

		*ret = (struct reading){c->at, (double)c->mean, (double)c->min, (double)c->max, c->last, c->n};
	} else {
		const struct fine_point *f = point_place(p, chunk, sizeof(*f), index);

		*ret = (struct reading){f->at, f->value, f->value, f->value, f->value, 1};
	}
}

static void point_write(struct point_pool *p, const struct point_list *l, uint32_t chunk, unsigned index,
			const struct reading *r)
{
	if (l->coarse) {
		struct coarse_point *c = point_place(p, chunk, sizeof(*c), index);

		*c = (struct coarse_point){r->at, r->last, (float)r->mean, (float)r->min, (float)r->max, r->n};
	} else {
		struct fine_point *f = point_place(p, chunk, sizeof(*f), index);

		*f = (struct fine_point){r->at, r->last};
	}
}

/* Where in the last chunk the newest point stands. */
static unsigned last_index(const struct point_list *l)
{
	return (l->offset + l->n - 1u) % points_a_chunk(l);
}

bool point_list_is_packed(const struct point_list *l)
{
	return l->n == 0 || last_index(l) + 1 == points_a_chunk(l);
}

int point_list_push(struct point_pool *p, struct point_list *l, const struct reading *r)
{
	unsigned index = l->n ? (last_index(l) + 1) % points_a_chunk(l) : 0;

	if (index == 0) {
		uint32_t chunk = chunk_take(p);

		if (chunk == CHUNK_NIL)
			return -ENOSPC;
		if (l->n == 0) {
			/* Lists that begin together must not all take their next chunk in the same tick. */
			l->first = chunk;
			l->offset = (uint16_t)(chunk % points_a_chunk(l));
			index = l->offset;
		} else {
			p->next[l->last] = chunk;
		}
		l->last = chunk;
	}
	l->n++;
	point_write(p, l, l->last, index, r);
	return 0;
}

void point_list_pop(struct point_pool *p, struct point_list *l)
{
	uint32_t chunk = l->first;

	l->n--;
	l->offset++;
	if (l->n > 0 && l->offset < points_a_chunk(l))
		return;
	l->first = p->next[chunk];
	l->offset = 0;
	chunk_give(p, chunk);
}

void point_list_clear(struct point_pool *p, struct point_list *l)
{
	while (l->n > 0)
		point_list_pop(p, l);
}

void point_list_first(const struct point_pool *p, const struct point_list *l, struct reading *ret)
{
	point_read(p, l, l->first, l->offset, ret);
}

void point_list_last(const struct point_pool *p, const struct point_list *l, struct reading *ret)
{
	point_read(p, l, l->last, last_index(l), ret);
}

void point_list_replace_last(struct point_pool *p, const struct point_list *l, const struct reading *r)
{
	point_write(p, l, l->last, last_index(l), r);
}

void point_cursor_start(struct point_cursor *c, const struct point_pool *p, const struct point_list *l, mono_ns_t from)
{
	unsigned a_chunk = points_a_chunk(l);
	struct reading r;

	*c = (struct point_cursor){.pool = p, .list = l, .chunk = l->first, .index = l->offset, .left = l->n};
	/* Chunks that end too early are passed over whole. */
	while (c->left > a_chunk - c->index) {
		point_read(p, l, c->chunk, a_chunk - 1, &r);
		if (r.at >= from)
			break;
		c->left -= a_chunk - c->index;
		c->chunk = p->next[c->chunk];
		c->index = 0;
	}
	while (c->left > 0) {
		struct point_cursor here = *c;

		if (point_cursor_next(c, &r) && r.at >= from) {
			*c = here;
			return;
		}
	}
}

bool point_cursor_next(struct point_cursor *c, struct reading *ret)
{
	if (c->left == 0)
		return false;
	point_read(c->pool, c->list, c->chunk, c->index, ret);
	c->left--;
	if (++c->index == points_a_chunk(c->list) && c->left > 0) {
		c->chunk = c->pool->next[c->chunk];
		c->index = 0;
	}
	return true;
}

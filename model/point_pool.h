/* SPDX-License-Identifier: Apache-2.0 */
/* point_pool.h - points of series in lists of small chunks out of one block of memory.
 *
 * Room: model.  Owns: the block.  Thread: the loop.  Clock: none.
 * Bounds: `max_bytes` at birth, reserved whole (the kernel gives pages as they are touched); no allocation later.
 *
 * A list is a queue: pushed at its end, popped at its start. It is fine (a sample a point, 16 bytes) or coarse
 * (a stretch of time a point, 32 bytes).
 */
#ifndef WHY_MODEL_POINT_POOL_H
#define WHY_MODEL_POINT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define POINT_CHUNK_BYTES 128

/* A point as it is read: of a fine list, mean, min, max and last are the same. */
struct reading {
	mono_ns_t at; /* of the last sample in it */
	double mean, min, max, last;
	uint32_t n;
};

struct point_pool {
	uint8_t *chunks;
	uint32_t *next; /* of a chunk: in its list, or among the free */
	uint32_t n_used, max, free;
	uint32_t n_taken;
};

struct point_list {
	uint32_t first, last; /* chunks; meaningless while n is 0 */
	uint16_t offset;      /* of the oldest point in the first chunk */
	uint16_t n;
	bool coarse;
};

int point_pool_init(struct point_pool *p, size_t max_bytes); /* -ENOMEM */
void point_pool_done(struct point_pool *p);

int point_list_push(struct point_pool *p, struct point_list *l, const struct reading *r); /* -ENOSPC: no free chunk */
bool point_list_is_packed(const struct point_list *l); /* empty, or the next push takes a new chunk */
void point_list_clear(struct point_pool *p, struct point_list *l); /* still fine or coarse as it was */

/* Of a list that has a point. */
void point_list_pop(struct point_pool *p, struct point_list *l); /* the oldest */
void point_list_first(const struct point_pool *p, const struct point_list *l, struct reading *ret);
void point_list_last(const struct point_pool *p, const struct point_list *l, struct reading *ret);
void point_list_replace_last(struct point_pool *p, const struct point_list *l, const struct reading *r);

/* Walk from the first point not older than `from`. */
struct point_cursor {
	const struct point_pool *pool;
	const struct point_list *list;
	uint32_t chunk;
	uint16_t index; /* in the chunk */
	uint16_t left;
};

void point_cursor_start(struct point_cursor *c, const struct point_pool *p, const struct point_list *l, mono_ns_t from);
bool point_cursor_next(struct point_cursor *c, struct reading *ret);

#endif

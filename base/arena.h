/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that is handed out piece by piece and given back all at once.
 *
 * Room: base.  Owns: its blocks.  Thread: one at a time.  Clock: none.
 * Bounds: `max_bytes` at birth; an allocation past it returns NULL and is counted, nothing else changes.
 * arena_reset keeps the blocks, so a loop that resets allocates nothing once it is warm.
 */
#ifndef WHY_BASE_ARENA_H
#define WHY_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* -ENOMEM: no memory for the first block. */
int arena_new(size_t max_bytes, struct arena **ret_arena);
void arena_free(struct arena **arena); /* accepts a pointer to NULL, sets NULL */

/* Zeroed, aligned to 16. NULL: past the maximum or out of memory. n_bytes 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n_bytes);
/* n * size checked for overflow. */
void *arena_alloc_array(struct arena *a, size_t n, size_t size);
/* Copies, always terminated. `text` NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All that was handed out becomes invalid; the blocks are kept. */
void arena_reset(struct arena *a);

size_t arena_used(const struct arena *a);       /* bytes handed out since birth or reset */
uint64_t arena_refused(const struct arena *a);  /* allocations refused since birth */

#endif

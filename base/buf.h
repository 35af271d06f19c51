/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - bytes that grow up to a stated maximum.
 *
 * Room: base.  Owns: its memory.  Thread: one at a time.  Clock: none.
 * Bounds: `max` at birth; past it the append is refused whole, `overflow` is set and stays set until
 * buf_reset, so that a writer may check once at the end.
 */
#ifndef WHY_BASE_BUF_H
#define WHY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* one NUL stands behind data[len-1] once anything was added */
	size_t len;
	size_t size;
	size_t max;
	bool overflow; /* too large, or out of memory */
};

void buf_init(struct buf *b, size_t max);
void buf_reset(struct buf *b); /* empty; keeps the memory */
void buf_done(struct buf *b);  /* frees; the buf is as after buf_init */

/* -EMSGSIZE: past the maximum; -ENOMEM. Nothing is added then. */
int buf_add(struct buf *b, const void *data, size_t n);
int buf_add_text(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes, zeroed, already counted in len; NULL as above. Valid until the next add. */
void *buf_extend(struct buf *b, size_t n);

#define AUTO_BUF __attribute__((cleanup(buf_done)))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* records.h - records of one size, found by a text that each carries.
 *
 * Room: base.  Owns: its records.  Thread: one at a time.  Clock: none.
 * Bounds: `max` records; more are refused and counted. Memory grows in steps of 64 records.
 */
#ifndef WHY_BASE_RECORDS_H
#define WHY_BASE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct records;

/* What the caller keeps is a struct of `size` bytes; its key is a char array in it of `key_size` bytes at `key_offset`.
 * Whoever changes the key of a record loses it. -ENOMEM. */
int records_new(size_t max, size_t size, size_t key_offset, size_t key_size, struct records **ret_records);
void records_free(struct records **records);

/* NULL: not there. A record stays where it is until the next records_take. */
void *records_find(const struct records *r, const char *key);
/* Find or make; what is made has its key, and is zero otherwise. NULL: full, or the key is empty or too long (counted). */
void *records_take(struct records *r, const char *key);
void records_remove(struct records *r, void *record);
/* All of them: start with *cursor 0; NULL at the end. Removing the one returned is allowed. */
void *records_next(const struct records *r, size_t *cursor);

size_t records_count(const struct records *r);
uint64_t records_refused(const struct records *r); /* since birth */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - hash tables with a maximum at birth: u64 to u64, and text to u32.
 *
 * Room: base.  Owns: its slots (and, for strmap, copies of the keys).  Thread: one at a time.  Clock: none.
 * Bounds: `max` entries; one more is refused with -ENOSPC and counted. Open addressing, removal by
 * back-shift: no tombstones, so lookups stay short under churn. No allocation after birth for u64map.
 */
#ifndef WHY_BASE_MAP_H
#define WHY_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct u64map;

int u64map_new(size_t max, struct u64map **ret_map); /* -ENOMEM */
void u64map_free(struct u64map **map);
/* Insert or replace. -ENOSPC: full and the key is new. */
int u64map_set(struct u64map *m, uint64_t key, uint64_t value);
bool u64map_get(const struct u64map *m, uint64_t key, uint64_t *ret_value); /* ret_value may be NULL */
bool u64map_remove(struct u64map *m, uint64_t key);
size_t u64map_count(const struct u64map *m);
uint64_t u64map_refused(const struct u64map *m); /* new keys refused since birth */
void u64map_clear(struct u64map *m);
/* Walk: start with *cursor 0; false at the end. Removing the key just returned is allowed only by collecting first. */
bool u64map_next(const struct u64map *m, size_t *cursor, uint64_t *ret_key, uint64_t *ret_value);

struct strmap;

int strmap_new(size_t max, size_t max_key_bytes, struct strmap **ret_map); /* -ENOMEM */
void strmap_free(struct strmap **map);
/* -ENOSPC: full and the key is new; -ENAMETOOLONG: the key is longer than max_key_bytes; -ENOMEM. */
int strmap_set(struct strmap *m, const char *key, uint32_t value);
bool strmap_get(const struct strmap *m, const char *key, uint32_t *ret_value);
bool strmap_remove(struct strmap *m, const char *key);
size_t strmap_count(const struct strmap *m);
uint64_t strmap_refused(const struct strmap *m); /* keys refused since birth, for whichever reason */
void strmap_clear(struct strmap *m);
/* As u64map_next; the key is valid until it is removed. */
bool strmap_next(const struct strmap *m, size_t *cursor, const char **ret_key, uint32_t *ret_value);

#endif

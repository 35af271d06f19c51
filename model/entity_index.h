/* SPDX-License-Identifier: Apache-2.0 */
/* entity_index.h - which slot of the graph holds the entity of a kind and key.
 *
 * Room: model.  Owns: its table; the keys belong to the graph and must outlive their entry.
 * Thread: the loop.  Clock: none.
 * Bounds: `max` entries at birth, table of twice that, no allocation later. The caller adds no more than `max`.
 */
#ifndef WHY_MODEL_ENTITY_INDEX_H
#define WHY_MODEL_ENTITY_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "model/metric.h"

#define ENTITY_INDEX_NONE UINT32_MAX

struct entity_index_entry {
	const char *key; /* NULL: free */
	uint32_t hash;
	uint32_t slot : 24, kind : 8;
};

struct entity_index {
	struct entity_index_entry *entries;
	size_t mask;
};

int entity_index_init(struct entity_index *x, size_t max); /* -ENOMEM */
void entity_index_done(struct entity_index *x);

void entity_index_add(struct entity_index *x, enum entity_kind kind, const char *key, uint32_t slot);
void entity_index_remove(struct entity_index *x, enum entity_kind kind, const char *key);
uint32_t entity_index_find(const struct entity_index *x, enum entity_kind kind, const char *key);

#endif

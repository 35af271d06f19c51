/* SPDX-License-Identifier: Apache-2.0 */
#include "model/entity_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static uint32_t key_hash(enum entity_kind kind, const char *key)
{
	uint64_t h = text_hash(key, strlen(key)) + (uint64_t)(kind + 1) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return (uint32_t)(h ^ (h >> 32));
}

int entity_index_init(struct entity_index *x, size_t max)
{
	size_t n = 16;

	while (n < 2 * max)
		n *= 2;
	x->entries = calloc(n, sizeof(*x->entries));
	if (!x->entries)
		return -ENOMEM;
	x->mask = n - 1;
	return 0;
}

void entity_index_done(struct entity_index *x)
{
	free(x->entries);
	*x = (struct entity_index){0};
}

/* Where the entry is, or the free place where it would go. */
static size_t entity_index_place(const struct entity_index *x, enum entity_kind kind, const char *key, uint32_t hash)
{
	size_t i = hash & x->mask;

	for (;; i = (i + 1) & x->mask) {
		const struct entity_index_entry *e = &x->entries[i];

		if (!e->key || (e->hash == hash && e->kind == kind && strcmp(e->key, key) == 0))
			return i;
	}
}

void entity_index_add(struct entity_index *x, enum entity_kind kind, const char *key, uint32_t slot)
{
	uint32_t hash = key_hash(kind, key);
	size_t i = entity_index_place(x, kind, key, hash);

	x->entries[i] = (struct entity_index_entry){.key = key, .hash = hash, .slot = slot, .kind = kind};
}

void entity_index_remove(struct entity_index *x, enum entity_kind kind, const char *key)
{
	size_t hole = entity_index_place(x, kind, key, key_hash(kind, key));

	if (!x->entries[hole].key)
		return;
	/* Move back whatever the hole would hide from its own probe. */
	for (size_t i = (hole + 1) & x->mask; x->entries[i].key; i = (i + 1) & x->mask) {
		size_t from_home = (i - x->entries[i].hash) & x->mask;

		if (from_home >= ((i - hole) & x->mask)) {
			x->entries[hole] = x->entries[i];
			hole = i;
		}
	}
	x->entries[hole].key = NULL;
}

uint32_t entity_index_find(const struct entity_index *x, enum entity_kind kind, const char *key)
{
	const struct entity_index_entry *e = &x->entries[entity_index_place(x, kind, key, key_hash(kind, key))];

	return e->key ? e->slot : ENTITY_INDEX_NONE;
}

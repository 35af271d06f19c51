// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Both tables are open addressing with linear probing over a power of two slots, at most 3/4 full.
 * Removal shifts back what stands behind: slot j may move into the hole at i unless its home lies
 * cyclically in (i, j]. */
static bool may_move(size_t home, size_t hole, size_t at, size_t mask)
{
	return ((at - home) & mask) >= ((at - hole) & mask);
}

static size_t slots_for(size_t max)
{
	size_t n = 8;

	if (max > SIZE_MAX / 256)
		return 0;
	while (n / 4 * 3 < max)
		n *= 2;
	return n;
}

/* ---- u64 to u64 ---- */

struct u64slot {
	uint64_t key, value;
};

struct u64map {
	struct u64slot *slots;
	bool *used;
	size_t mask, count, max;
	uint64_t refused;
};

static size_t u64_home(const struct u64map *m, uint64_t key)
{
	key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9ULL;
	key = (key ^ key >> 27) * 0x94D049BB133111EBULL;
	return (size_t)(key ^ key >> 31) & m->mask;
}

int u64map_new(size_t max, struct u64map **ret_map)
{
	AUTO(u64map_free) struct u64map *m = calloc(1, sizeof(*m));
	size_t n = slots_for(max);

	if (!m || n == 0)
		return -ENOMEM;
	m->slots = calloc(n, sizeof(*m->slots));
	m->used = calloc(n, sizeof(*m->used));
	if (!m->slots || !m->used)
		return -ENOMEM;
	m->mask = n - 1;
	m->max = max;
	*ret_map = TAKE_PTR(m);
	return 0;
}

void u64map_free(struct u64map **map)
{
	if (!*map)
		return;
	free((*map)->slots);
	free((*map)->used);
	free(*map);
	*map = NULL;
}

/* The slot of `key`, or the free one where it would go. */
static size_t u64_find(const struct u64map *m, uint64_t key)
{
	size_t i = u64_home(m, key);

	while (m->used[i] && m->slots[i].key != key)
		i = (i + 1) & m->mask;
	return i;
}

int u64map_set(struct u64map *m, uint64_t key, uint64_t value)
{
	size_t i = u64_find(m, key);

	if (!m->used[i]) {
		if (m->count >= m->max) {
			m->refused++;
			return -ENOSPC;
		}
		m->used[i] = true;
		m->count++;
	}
	m->slots[i] = (struct u64slot){ key, value };
	return 0;
}

bool u64map_get(const struct u64map *m, uint64_t key, uint64_t *ret_value)
{
	size_t i = u64_find(m, key);

	if (m->used[i] && ret_value)
		*ret_value = m->slots[i].value;
	return m->used[i];
}

bool u64map_remove(struct u64map *m, uint64_t key)
{
	size_t hole = u64_find(m, key);

	if (!m->used[hole])
		return false;
	for (size_t i = (hole + 1) & m->mask; m->used[i]; i = (i + 1) & m->mask) {
		if (!may_move(u64_home(m, m->slots[i].key), hole, i, m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->used[hole] = false;
	m->count--;
	return true;
}

size_t u64map_count(const struct u64map *m)
{
	return m->count;
}

uint64_t u64map_refused(const struct u64map *m)
{
	return m->refused;
}

void u64map_clear(struct u64map *m)
{
	memset(m->used, 0, (m->mask + 1) * sizeof(*m->used));
	m->count = 0;
}

bool u64map_next(const struct u64map *m, size_t *cursor, uint64_t *ret_key, uint64_t *ret_value)
{
	while (*cursor <= m->mask && !m->used[*cursor])
		(*cursor)++;
	if (*cursor > m->mask)
		return false;
	if (ret_key)
		*ret_key = m->slots[*cursor].key;
	if (ret_value)
		*ret_value = m->slots[*cursor].value;
	(*cursor)++;
	return true;
}

/* ---- text to u32 ---- */

struct strslot {
	char *key; /* NULL: free */
	uint32_t hash, value;
};

struct strmap {
	struct strslot *slots;
	size_t mask, count, max, max_key_bytes;
	uint64_t refused;
};

int strmap_new(size_t max, size_t max_key_bytes, struct strmap **ret_map)
{
	AUTO(strmap_free) struct strmap *m = calloc(1, sizeof(*m));
	size_t n = slots_for(max);

	if (!m || n == 0)
		return -ENOMEM;
	m->slots = calloc(n, sizeof(*m->slots));
	if (!m->slots)
		return -ENOMEM;
	m->mask = n - 1;
	m->max = max;
	m->max_key_bytes = max_key_bytes;
	*ret_map = TAKE_PTR(m);
	return 0;
}

void strmap_free(struct strmap **map)
{
	if (!*map)
		return;
	if ((*map)->slots)
		strmap_clear(*map);
	free((*map)->slots);
	free(*map);
	*map = NULL;
}

static size_t str_find(const struct strmap *m, const char *key, uint32_t hash)
{
	size_t i = hash & m->mask;

	while (m->slots[i].key && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
		i = (i + 1) & m->mask;
	return i;
}

static uint32_t str_hash(const char *key, size_t len)
{
	return (uint32_t)text_hash(key, len);
}

int strmap_set(struct strmap *m, const char *key, uint32_t value)
{
	size_t len = strlen(key), i;
	uint32_t hash = str_hash(key, len);

	if (len > m->max_key_bytes) {
		m->refused++;
		return -ENAMETOOLONG;
	}
	i = str_find(m, key, hash);
	if (!m->slots[i].key) {
		char *copy = m->count < m->max ? strdup(key) : NULL;

		if (!copy) {
			m->refused++;
			return m->count < m->max ? -ENOMEM : -ENOSPC;
		}
		m->slots[i].key = copy;
		m->slots[i].hash = hash;
		m->count++;
	}
	m->slots[i].value = value;
	return 0;
}

bool strmap_get(const struct strmap *m, const char *key, uint32_t *ret_value)
{
	const struct strslot *slot = &m->slots[str_find(m, key, str_hash(key, strlen(key)))];

	if (slot->key && ret_value)
		*ret_value = slot->value;
	return slot->key;
}

bool strmap_remove(struct strmap *m, const char *key)
{
	size_t hole = str_find(m, key, str_hash(key, strlen(key)));

	if (!m->slots[hole].key)
		return false;
	free(m->slots[hole].key);
	for (size_t i = (hole + 1) & m->mask; m->slots[i].key; i = (i + 1) & m->mask) {
		if (!may_move(m->slots[i].hash & m->mask, hole, i, m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].key = NULL;
	m->count--;
	return true;
}

size_t strmap_count(const struct strmap *m)
{
	return m->count;
}

uint64_t strmap_refused(const struct strmap *m)
{
	return m->refused;
}

void strmap_clear(struct strmap *m)
{
	for (size_t i = 0; i <= m->mask; i++) {
		free(m->slots[i].key);
		m->slots[i].key = NULL;
	}
	m->count = 0;
}

bool strmap_next(const struct strmap *m, size_t *cursor, const char **ret_key, uint32_t *ret_value)
{
	while (*cursor <= m->mask && !m->slots[*cursor].key)
		(*cursor)++;
	if (*cursor > m->mask)
		return false;
	if (ret_key)
		*ret_key = m->slots[*cursor].key;
	if (ret_value)
		*ret_value = m->slots[*cursor].value;
	(*cursor)++;
	return true;
}

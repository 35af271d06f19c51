// SPDX-License-Identifier: Apache-2.0
#include "base/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

#define GROWTH 64

struct records {
	struct strmap *index; /* key -> place: memory may move, places do not */
	char *data;
	size_t size, key_offset, key_size;
	size_t n, max, first_free; /* below first_free all are taken */
	uint64_t refused;
};

static char *record_at(const struct records *r, size_t place)
{
	return r->data + place * r->size;
}

/* A record without a key is free. */
static char *key_at(const struct records *r, size_t place)
{
	return record_at(r, place) + r->key_offset;
}

int records_new(size_t max, size_t size, size_t key_offset, size_t key_size, struct records **ret_records)
{
	AUTO(records_free) struct records *records = calloc(1, sizeof(*records));

	if (!records)
		return -ENOMEM;
	records->max = max;
	records->size = size;
	records->key_offset = key_offset;
	records->key_size = key_size;
	int r = strmap_new(max, key_size - 1, &records->index);
	if (r < 0)
		return r;
	*ret_records = TAKE_PTR(records);
	return 0;
}

void records_free(struct records **records)
{
	struct records *r = *records;

	if (!r)
		return;
	strmap_free(&r->index);
	free(r->data);
	free(r);
	*records = NULL;
}

void *records_find(const struct records *r, const char *key)
{
	uint32_t place;

	return strmap_get(r->index, key, &place) ? record_at(r, place) : NULL;
}

static bool grow(struct records *r)
{
	size_t n = MIN_OF(r->n + GROWTH, r->max);
	char *more = n > r->n ? reallocarray(r->data, n, r->size) : NULL;

	if (!more)
		return false;
	memset(more + r->n * r->size, 0, (n - r->n) * r->size);
	r->data = more;
	r->n = n;
	return true;
}

void *records_take(struct records *r, const char *key)
{
	size_t place = r->first_free;
	char *known = records_find(r, key);

	if (known)
		return known;
	while (place < r->n && *key_at(r, place))
		place++;
	r->first_free = place;
	if (!*key || (place == r->n && !grow(r)) || strmap_set(r->index, key, (uint32_t)place) < 0) {
		r->refused++;
		return NULL;
	}
	memset(record_at(r, place), 0, r->size);
	memcpy(key_at(r, place), key, strlen(key) + 1); /* fits: the index took it */
	r->first_free = place + 1;
	return record_at(r, place);
}

void records_remove(struct records *r, void *record)
{
	size_t place = (size_t)((char *)record - r->data) / r->size;

	(void)strmap_remove(r->index, key_at(r, place));
	*key_at(r, place) = '\0';
	r->first_free = MIN_OF(r->first_free, place);
}

void *records_next(const struct records *r, size_t *cursor)
{
	while (*cursor < r->n) {
		size_t place = (*cursor)++;

		if (*key_at(r, place))
			return record_at(r, place);
	}
	return NULL;
}

size_t records_count(const struct records *r)
{
	return strmap_count(r->index);
}

uint64_t records_refused(const struct records *r)
{
	return r->refused;
}

// SPDX-License-Identifier: Apache-2.0
#include "runtimes/kubelet_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"

struct kubelet_table {
	struct strmap *index;
	struct kubelet_known *entries; /* grows; entries keep their place, not their address */
	size_t n_entries, first_free;
	uint64_t refused;
};

#define GROWTH 64

int kubelet_table_new(struct kubelet_table **ret_table)
{
	AUTO(kubelet_table_free) struct kubelet_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = strmap_new(KUBELET_TABLE_MAX, KUBELET_KEY_MAX - 1, &t->index);
	if (r < 0)
		return r;
	*ret_table = TAKE_PTR(t);
	return 0;
}

void kubelet_table_free(struct kubelet_table **table)
{
	struct kubelet_table *t = *table;

	if (!t)
		return;
	strmap_free(&t->index);
	free(t->entries);
	free(t);
	*table = NULL;
}

struct kubelet_known *kubelet_table_find(struct kubelet_table *t, const char *key)
{
	uint32_t at;

	return strmap_get(t->index, key, &at) ? &t->entries[at] : NULL;
}

static bool grow(struct kubelet_table *t)
{
	size_t n = t->n_entries + GROWTH;
	struct kubelet_known *more = n <= KUBELET_TABLE_MAX ? reallocarray(t->entries, n, sizeof(*more)) : NULL;

	if (!more)
		return false;
	memset(more + t->n_entries, 0, GROWTH * sizeof(*more));
	t->entries = more;
	t->n_entries = n;
	return true;
}

struct kubelet_known *kubelet_table_take(struct kubelet_table *t, const char *key)
{
	struct kubelet_known *k = kubelet_table_find(t, key);
	size_t i = t->first_free;

	if (k)
		return k;
	while (i < t->n_entries && t->entries[i].used)
		i++;
	if ((i == t->n_entries && !grow(t)) || strmap_set(t->index, key, (uint32_t)i) < 0) {
		t->refused++;
		return NULL;
	}
	k = &t->entries[i];
	*k = (struct kubelet_known){ .used = true };
	(void)text_copy(k->key, sizeof(k->key), key);
	t->first_free = i + 1;
	return k;
}

void kubelet_table_remove(struct kubelet_table *t, struct kubelet_known *k)
{
	size_t i = (size_t)(k - t->entries);

	(void)strmap_remove(t->index, k->key);
	k->used = false;
	t->first_free = MIN_OF(t->first_free, i);
}

struct kubelet_known *kubelet_table_next(struct kubelet_table *t, size_t *cursor)
{
	while (*cursor < t->n_entries) {
		struct kubelet_known *k = &t->entries[(*cursor)++];

		if (k->used)
			return k;
	}
	return NULL;
}

uint64_t kubelet_table_refused(const struct kubelet_table *t)
{
	return t->refused;
}

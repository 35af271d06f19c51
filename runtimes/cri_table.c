// SPDX-License-Identifier: Apache-2.0
#include "runtimes/cri_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"

struct cri_table {
	struct strmap *index;
	struct cri_known *entries; /* grows; entries keep their place, not their address */
	size_t n_entries, n_used, first_free;
	uint64_t refused;
};

#define GROWTH 256

int cri_table_new(struct cri_table **ret_table)
{
	AUTO(cri_table_free) struct cri_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = strmap_new(CRI_TABLE_MAX, CRI_MAX_ID - 1, &t->index);
	if (r < 0)
		return r;
	*ret_table = TAKE_PTR(t);
	return 0;
}

void cri_table_free(struct cri_table **table)
{
	struct cri_table *t = *table;

	if (!t)
		return;
	strmap_free(&t->index);
	free(t->entries);
	free(t);
	*table = NULL;
}

struct cri_known *cri_table_find(struct cri_table *t, const char *id)
{
	uint32_t at;

	return strmap_get(t->index, id, &at) ? &t->entries[at] : NULL;
}

static bool grow(struct cri_table *t)
{
	size_t n = t->n_entries + GROWTH;
	struct cri_known *more = n <= CRI_TABLE_MAX ? reallocarray(t->entries, n, sizeof(*more)) : NULL;

	if (!more)
		return false;
	memset(more + t->n_entries, 0, GROWTH * sizeof(*more));
	t->entries = more;
	t->n_entries = n;
	return true;
}

struct cri_known *cri_table_take(struct cri_table *t, const char *id)
{
	struct cri_known *k = cri_table_find(t, id);
	size_t i = t->first_free;

	if (k)
		return k;
	while (i < t->n_entries && t->entries[i].used)
		i++;
	if ((i == t->n_entries && !grow(t)) || strmap_set(t->index, id, (uint32_t)i) < 0) {
		t->refused++;
		return NULL;
	}
	k = &t->entries[i];
	*k = (struct cri_known){ .used = true };
	(void)text_copy(k->id, sizeof(k->id), id);
	t->first_free = i + 1;
	t->n_used++;
	return k;
}

void cri_table_remove(struct cri_table *t, struct cri_known *k)
{
	size_t i = (size_t)(k - t->entries);

	(void)strmap_remove(t->index, k->id);
	k->used = false;
	t->first_free = MIN_OF(t->first_free, i);
	t->n_used--;
}

struct cri_known *cri_table_next(struct cri_table *t, size_t *cursor)
{
	while (*cursor < t->n_entries) {
		struct cri_known *k = &t->entries[(*cursor)++];

		if (k->used)
			return k;
	}
	return NULL;
}

size_t cri_table_count(const struct cri_table *t)
{
	return t->n_used;
}

uint64_t cri_table_refused(const struct cri_table *t)
{
	return t->refused;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/seen.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct seen_table {
	struct seen *slots;
	size_t mask, n, max;
};

int seen_table_new(size_t max, struct seen_table **ret_table)
{
	struct seen_table *t AUTO_FREE = calloc(1, sizeof(*t));
	size_t n = 64;

	while (n < 2 * max) /* at most half full: probing ends soon */
		n *= 2;
	if (!t)
		return -ENOMEM;
	t->slots = calloc(n, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	t->mask = n - 1;
	t->max = max;
	*ret_table = TAKE_PTR(t);
	return 0;
}

void seen_table_free(struct seen_table **table)
{
	if (!*table)
		return;
	free((*table)->slots);
	free(*table);
	*table = NULL;
}

static size_t home_of(const struct seen_table *t, uint32_t metric, entity_id entity)
{
	return (size_t)(((entity * 0x9e3779b97f4a7c15ULL) >> 28) + (metric & 63)) & t->mask;
}

static struct seen *find(struct seen_table *t, uint32_t metric, entity_id entity)
{
	size_t at = home_of(t, metric, entity);

	while (t->slots[at].entity != ENTITY_NONE && (t->slots[at].entity != entity || t->slots[at].metric != metric))
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

struct seen *seen_of(struct seen_table *t, uint32_t metric, entity_id entity)
{
	struct seen *s = find(t, metric, entity);

	if (s->entity == ENTITY_NONE) {
		if (t->n == t->max || entity == ENTITY_NONE)
			return NULL;
		*s = (struct seen){.entity = entity, .metric = metric};
		t->n++;
	}
	return s;
}

/* What was pushed past the hole moves back into it. */
void seen_drop(struct seen_table *t, uint32_t metric, entity_id entity)
{
	struct seen *s = find(t, metric, entity);
	size_t hole = (size_t)(s - t->slots), at = hole;

	if (s->entity == ENTITY_NONE)
		return;
	for (;;) {
		size_t home;

		at = (at + 1) & t->mask;
		if (t->slots[at].entity == ENTITY_NONE)
			break;
		home = home_of(t, t->slots[at].metric, t->slots[at].entity);
		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole] = (struct seen){0};
	t->n--;
}

size_t seen_count(const struct seen_table *t)
{
	return t->n;
}

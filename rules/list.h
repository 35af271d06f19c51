/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - a list in an arena that grows while rules are loaded.
 *
 * Room: rules.  Owns: nothing (its memory is the arena's).  Thread: the loader.  Clock: none.
 * Bounds: the arena's. Growing doubles, so the arena holds at most twice the list.
 */
#ifndef WHY_RULES_LIST_H
#define WHY_RULES_LIST_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct list {
	void *data;
	uint32_t n, max;
	size_t size; /* of one */
};

/* Copies the item. -ENOMEM: the arena refused. */
static inline int list_add(struct list *list, struct arena *arena, const void *item, uint32_t *ret_index)
{
	if (list->n == list->max) {
		uint32_t max = list->max ? list->max * 2 : 16;
		void *data = arena_alloc_array(arena, max, list->size);

		if (!data)
			return -ENOMEM;
		if (list->n)
			memcpy(data, list->data, list->n * list->size);
		list->data = data;
		list->max = max;
	}
	memcpy((char *)list->data + list->n * list->size, item, list->size);
	if (ret_index)
		*ret_index = list->n;
	list->n++;
	return 0;
}

static inline void *list_at(const struct list *list, uint32_t i)
{
	return (char *)list->data + i * list->size;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/walk.h"

#include <string.h>

#include "base/cleanup.h"

#define SEEN_SLOTS 2048 /* power of two, twice WALK_MAX: probing always ends */
_Static_assert(SEEN_SLOTS >= 2 * WALK_MAX, "the set must never fill up");

struct level {
	entity_id ids[WALK_MAX];
	size_t n;
};

static void level_add(struct level *l, entity_id seen[SEEN_SLOTS], entity_id id)
{
	uint32_t slot = (id * 2654435761u) & (SEEN_SLOTS - 1);

	if (l->n == WALK_MAX)
		return;
	for (; seen[slot] != ENTITY_NONE; slot = (slot + 1) & (SEEN_SLOTS - 1))
		if (seen[slot] == id)
			return;
	seen[slot] = id;
	l->ids[l->n++] = id;
}

static void level_add_all(struct level *l, entity_id seen[SEEN_SLOTS], const struct graph *g, enum entity_kind kind)
{
	size_t cursor = 0;

	for (entity_id id = graph_next(g, kind, &cursor); id != ENTITY_NONE && l->n < WALK_MAX;
	     id = graph_next(g, kind, &cursor))
		level_add(l, seen, id);
}

static void walk_step(const struct graph *g, const struct path_step *step, const struct level *from, struct level *to)
{
	entity_id seen[SEEN_SLOTS], near[WALK_MAX];

	memset(seen, 0, sizeof(seen));
	to->n = 0;
	for (size_t i = 0; i < from->n && to->n < WALK_MAX; i++) {
		size_t n;

		if (step->kind == ENTITY_NODE) {
			level_add(to, seen, graph_node(g));
			return;
		}
		if (from->ids[i] == graph_node(g)) {
			level_add_all(to, seen, g, step->kind);
			continue;
		}
		n = graph_neighbours(g, from->ids[i], step->incoming, step->kind, near, WALK_MAX);
		for (size_t k = 0; k < MIN_OF(n, (size_t)WALK_MAX); k++)
			level_add(to, seen, near[k]);
	}
}

size_t walk_path(const struct graph *g, const struct path *path, entity_id from, entity_id *ret_ids, size_t max)
{
	struct level levels[2];
	struct level *now = &levels[0], *next = &levels[1];

	if (!graph_exists(g, from))
		return 0;
	if (path->n_steps == 0) {
		if (max > 0)
			ret_ids[0] = from;
		return 1;
	}
	now->ids[0] = from;
	now->n = 1;
	for (uint32_t i = 0; i < MIN_OF(path->n_steps, (uint32_t)RULESET_MAX_STEPS) && now->n > 0; i++) {
		struct level *swap = now;

		walk_step(g, &path->steps[i], now, next);
		now = next;
		next = swap;
	}
	memcpy(ret_ids, now->ids, MIN_OF(now->n, max) * sizeof(*ret_ids));
	return now->n;
}

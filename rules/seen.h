/* SPDX-License-Identifier: Apache-2.0 */
/* seen.h - the last value of each series that a trigger reads: has it moved, and does an earlier one still count?
 *
 * Room: rules.  Owns: its slots.  Thread: the loop.  Clock: none.
 * Bounds: `max` series; one more is refused (seen_of returns NULL). No allocation after birth.
 *
 * Series of one entity lie side by side, because samples come entity by entity: most look-ups hit the cache.
 */
#ifndef WHY_RULES_SEEN_H
#define WHY_RULES_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "model/graph.h"

struct seen {
	entity_id entity; /* ENTITY_NONE: free */
	uint32_t metric;
	double value;
	mono_ns_t at;        /* 0: just made */
	mono_ns_t hot_until; /* a sample passed a gate, and its window lasts until then */
	uint64_t phase;      /* the same on every run: spreads what need not be looked at every second */
};

struct seen_table;

int seen_table_new(size_t max, struct seen_table **ret_table); /* -ENOMEM */
void seen_table_free(struct seen_table **table);
/* Find or make; NULL: full. Valid until the next call that makes or drops. */
struct seen *seen_of(struct seen_table *t, uint32_t metric, entity_id entity);
void seen_drop(struct seen_table *t, uint32_t metric, entity_id entity);
size_t seen_count(const struct seen_table *t);

#endif

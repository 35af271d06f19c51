/* SPDX-License-Identifier: Apache-2.0 */
/* series_table.h - how series lie in memory: shared by series.c, which fills them, and series_ask.c, which reads them.
 *
 * Room: model, and there only those two files.  Owns: nothing.  Thread: the loop.  Clock: none.
 * Bounds: those of series.h.
 *
 * A series hangs in two chains: of those with the same hash of metric and entity, and of those with the same hash of
 * the entity. Points of a counter are kept with its resets added up, so that they never fall: growth over any window
 * is then the difference of two points.
 */
#ifndef WHY_MODEL_SERIES_TABLE_H
#define WHY_MODEL_SERIES_TABLE_H

#include "model/event_log.h"
#include "model/point_pool.h"
#include "model/series.h"

#define SERIES_NIL UINT32_MAX

struct series {
	uint32_t metric; /* METRIC_NONE: free */
	entity_id entity;
	uint32_t key_next;    /* also chains the free ones */
	uint32_t entity_next;
	uint32_t fresh_next, fresh_prev; /* of those with an event log: which had an event longest ago, first */
	mono_ns_t last_at; /* 0: no sample yet */
	double last;
	double reset_offset;      /* of a counter: what its resets took away */
	struct point_list points; /* empty: an event metric, or only the latest value is wanted */
	struct event_log *events; /* of an event metric */
};

struct demand {
	uint64_t window_ns, interval_ns;
	uint64_t stretch_ns; /* of a coarse point */
	bool wanted, counter, event;
};

struct series_store {
	const struct metrics *metrics;
	struct demand demands[METRIC_MAX];
	struct series *series;
	uint32_t max, n_used, n, free;
	uint32_t fresh_first, fresh_last;
	uint32_t *by_key, *by_entity; /* first of each chain */
	uint32_t key_mask, entity_mask;
	struct point_pool pool;
	size_t fixed_bytes, event_bytes, max_event_bytes;
	uint64_t refused_series, dropped_points, dropped_events;
	bool forgot; /* demand was withdrawn: series may be left that nobody wants */
};

const struct series *series_find(const struct series_store *s, uint32_t metric, entity_id id); /* NULL: none */

#endif

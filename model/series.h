/* SPDX-License-Identifier: Apache-2.0 */
/* series.h - the last samples of each metric on each entity, kept only as far as somebody asked for.
 *
 * Room: model.  Owns: its points.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: `max_series`, SERIES_MAX_POINTS a series; both refused and counted past the maximum. Points
 * come from one pool allocated at birth and grown never: no allocation after warm-up.
 *
 * Demand: series_demand(metric, window) before the first put; a metric that nobody demanded is not kept at all,
 * its put costs one array look-up. A window longer than SERIES_MAX_POINTS intervals is kept coarser: each
 * point then stands for a stretch of time, with mean, min, max and last.
 * Events are kept likewise: the last SERIES_MAX_EVENTS of a metric on an entity within the window.
 */
#ifndef WHY_MODEL_SERIES_H
#define WHY_MODEL_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/batch.h"

#define SERIES_MAX_POINTS 512
#define SERIES_MAX_EVENTS 64

struct point {
	mono_ns_t at;       /* of the last sample in it */
	float mean, min, max;
	uint32_t n;         /* samples in it */
	double last;
};

struct series_store;

int series_store_new(size_t max_series, size_t max_bytes, const struct metrics *metrics, struct series_store **ret_store); /* -ENOMEM */
void series_store_free(struct series_store **store);

/* Keep `metric` for at least `window_ns` (0: the latest value only). Windows only grow until series_forget_demand.
 * `interval_ns` is the metric's usual distance of samples. -EINVAL: no such metric. */
int series_demand(struct series_store *s, uint32_t metric, uint64_t window_ns, uint64_t interval_ns);
void series_forget_demand(struct series_store *s);

/* Take in a tick. */
void series_put_batch(struct series_store *s, const struct batch *b);
void series_drop_entity(struct series_store *s, entity_id id); /* when the graph drops it */

/* The latest sample not older than `max_age_ns`. False: unknown. */
bool series_last(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t max_age_ns,
		 double *ret_value, mono_ns_t *ret_at);

enum series_fn { SERIES_AVG, SERIES_MIN, SERIES_MAX, SERIES_SLOPE, SERIES_P50, SERIES_P95, SERIES_P99 };

/* Over the window that ends at `now`. Needs at least two points that span half the window (one for MIN and MAX), else
 * false: unknown. SLOPE is per second (least squares). Reset-free gauges; counters go through series_increase. */
bool series_window(const struct series_store *s, enum series_fn fn, uint32_t metric, entity_id id, mono_ns_t now,
		   uint64_t window_ns, double *ret_value);

/* Growth of a counter over the window, resets handled, taken from the samples at both ends (not extrapolated);
 * *ret_span_ns is the time between them. False: unknown (fewer than two samples, or they span less than half the window). */
bool series_increase(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     double *ret_increase, uint64_t *ret_span_ns);

bool series_changed(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		    bool *ret_changed); /* false: unknown */

/* Points of the window, oldest first, up to max; for correlation and plots. */
size_t series_points(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     struct point *ret_points, size_t max);

/* Events of the window, newest first. The texts live until the event leaves the store. */
size_t series_events(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     const struct event **ret_events, size_t max);
/* How many events of the window there were, also those no longer held because of SERIES_MAX_EVENTS. */
uint64_t series_event_total(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns);

struct series_stats {
	size_t n_series, max_series;
	size_t bytes;
	uint64_t refused_series, dropped_events;
};
void series_store_stats(const struct series_store *s, struct series_stats *ret_stats);

#endif

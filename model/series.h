/* SPDX-License-Identifier: Apache-2.0 */
/* series.h - the last samples of each metric on each entity, kept only as far as somebody asked for.
 *
 * Room: model.  Owns: its points.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: `max_series`, SERIES_MAX_POINTS a series, `max_bytes` for everything. A series past the maximum is refused
 * and counted; when memory for points is used up a series forgets its own oldest points. Points come from one
 * block reserved at birth, in chunks of 128 bytes: a series uses what its window needs and no more. Events,
 * which are rare, are allocated one by one, within a fourth of `max_bytes`; when that, or the number of series, is
 * used up, the metric and entity that has had no event for longest forgets its own.
 *
 * Demand: series_demand(metric, window) before the first put; a metric that nobody demanded is not kept at all,
 * its put costs one array look-up. A window longer than SERIES_MAX_POINTS intervals is kept coarser: each
 * point then stands for a stretch of time, with mean, min, max and last.
 * The same happens to a series whose samples come more often than its interval said. Points of a counter
 * are kept with its resets added up: what series_points gives of a counter never falls. A sample that claims to be
 * newer than its batch is taken as of the batch's time; one older than the last of its series is dropped, counted.
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

/* `metrics` is not owned. -ENOMEM; -EINVAL: no series at all, or too few bytes even for empty ones (some 100 each). */
int series_store_new(size_t max_series, size_t max_bytes, const struct metrics *metrics,
		     struct series_store **ret_store);
void series_store_free(struct series_store **store);

/* Keep `metric` for at least `window_ns` (0: the latest value only). Windows only grow until series_forget_demand.
 * `interval_ns` is the metric's usual distance of samples. -EINVAL: no such metric. */
int series_demand(struct series_store *s, uint32_t metric, uint64_t window_ns, uint64_t interval_ns);
/* Then demand anew what is still wanted: with the next batch the series of all other metrics are dropped. */
void series_forget_demand(struct series_store *s);

/* Take in a tick. */
void series_put_batch(struct series_store *s, const struct batch *b);
void series_drop_entity(struct series_store *s, entity_id id); /* when the graph drops it */

/* The latest sample not older than `max_age_ns` (of an event metric: code and time of the latest event).
 * ret_value and ret_at may be NULL. False: unknown. */
bool series_last(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t max_age_ns,
		 double *ret_value, mono_ns_t *ret_at);

enum series_fn { SERIES_AVG, SERIES_MIN, SERIES_MAX, SERIES_SLOPE, SERIES_P50, SERIES_P95, SERIES_P99 };

/* Over the window that ends at `now`. Needs at least two points that span half the window (one for MIN and MAX), else
 * false: unknown. AVG is the mean of the samples; SLOPE is per second (least squares); percentiles are by nearest rank,
 * of coarse points by their means. Reset-free gauges; counters go through series_increase. */
bool series_window(const struct series_store *s, enum series_fn fn, uint32_t metric, entity_id id, mono_ns_t now,
		   uint64_t window_ns, double *ret_value);

/* Growth of a counter over the window, resets handled, taken from the samples at both ends (not extrapolated);
 * *ret_span_ns is the time between them. False: unknown (fewer than two samples, or they span less than half the
 * window). */
bool series_increase(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     double *ret_increase, uint64_t *ret_span_ns);

/* Whether the value was not the same all the time. False: unknown (no change seen in less than half the window). */
bool series_changed(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		    bool *ret_changed);

/* Points of the window, oldest first; of more than `max` the newest. Returns how many were filled in. */
size_t series_points(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     struct point *ret_points, size_t max);

/* Events of the window, newest first, up to max; returns how many were filled in. Event and texts live until the
 * next series_put_batch or series_drop_entity. */
size_t series_events(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     const struct event **ret_events, size_t max);
/* How many events of the window there were, also those no longer held because of SERIES_MAX_EVENTS; these are
 * counted by thirtieths of the demanded window, and a thirtieth that is only partly in the window is left out. */
uint64_t series_event_total(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now,
			    uint64_t window_ns);

struct series_stats {
	size_t n_series, max_series;
	size_t bytes;
	uint64_t refused_series; /* samples and events for which there was no series left */
	uint64_t dropped_points; /* no memory left, or a sample older than the one before it */
	uint64_t dropped_events; /* no memory left */
};
void series_store_stats(const struct series_store *s, struct series_stats *ret_stats);

#endif

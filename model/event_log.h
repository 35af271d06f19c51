/* SPDX-License-Identifier: Apache-2.0 */
/* event_log.h - the last events of one metric on one entity, and how many more there were.
 *
 * Room: model.  Owns: copies of the events, each with its texts in one block.  Thread: the loop.
 * Clock: none (`now` is passed in).  Bounds: SERIES_MAX_EVENTS; what falls out early is counted by stretch of
 * a thirtieth of the window, so that a count over a storm is right to within one such stretch.
 */
#ifndef WHY_MODEL_EVENT_LOG_H
#define WHY_MODEL_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/batch.h"

struct event_log;

int event_log_new(struct event_log **ret_log); /* -ENOMEM */
void event_log_free(struct event_log **log);

/* Copy the event in; what is older than the window leaves. -ENOMEM: the event was not kept, but counted. */
int event_log_put(struct event_log *l, const struct event *e, mono_ns_t now, uint64_t window_ns);
/* The oldest leaves and is counted. False: there was none. */
bool event_log_evict(struct event_log *l);

/* Newest first, up to max; returns how many were filled in. */
size_t event_log_get(const struct event_log *l, mono_ns_t now, uint64_t window_ns, const struct event **ret_events,
		     size_t max);
uint64_t event_log_total(const struct event_log *l, mono_ns_t now, uint64_t window_ns);
size_t event_log_count_held(const struct event_log *l);
size_t event_log_bytes(const struct event_log *l);

#endif

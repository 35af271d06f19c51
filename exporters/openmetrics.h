/* SPDX-License-Identifier: Apache-2.0 */
/* openmetrics.h - the latest reading of every series, counts of events, open findings; and all of it as text for
 * Prometheus.
 *
 * Room: exporters.  Owns: its tables.  Thread: the loop.  Clock: none; `now` is passed in.
 * Bounds: `max_series` readings (one more is not kept, and counted), OPENMETRICS_MAX_OPEN findings, the text by its
 * buf. Entities that come and go without end (processes, sockets' peers, sockets) are left out: they would make the
 * time series database of the reader grow for ever. Readings not renewed for OPENMETRICS_STALE_NS, and those of
 * entities that are gone, are forgotten: absent is not zero.
 *
 * Names: `why_` and the metric's name, '_' for '.', then the base unit (ns are given as seconds), then `_total` for a
 * counter. The label of a reading is its entity: {gpu="0000:5e:00.0"}; a reading of the node has none.
 */
#ifndef WHY_EXPORTERS_OPENMETRICS_H
#define WHY_EXPORTERS_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/batch.h"
#include "model/finding.h"

#define OPENMETRICS_MAX_OPEN 1024
#define OPENMETRICS_STALE_NS (600 * NS_PER_S)

struct openmetrics;

/* `metrics` and `graph` are not owned. -ENOMEM. */
int openmetrics_new(const struct metrics *metrics, const struct graph *graph, size_t max_series,
		    struct openmetrics **ret_om);
void openmetrics_free(struct openmetrics **om);

void openmetrics_put_batch(struct openmetrics *om, const struct batch *b); /* kept as long as valid, counted beyond */
void openmetrics_put_finding(struct openmetrics *om, const struct finding *f);

/* Text of one family with one value, for what is not in a table. A name that ends in _total is a counter. */
struct openmetrics_text {
	struct buf *out;
	bool strict; /* OpenMetrics 1.0; else the older text format 0.0.4 */
};
void openmetrics_say(struct openmetrics_text *t, const char *name, const char *help, double value);

/* Readings, events, findings, and what the tables had no room for. Ends without "# EOF". */
void openmetrics_write(struct openmetrics *om, mono_ns_t now, struct openmetrics_text *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* blind.h - which collectors cannot see at the moment, so that "no event" is not read as "nothing happened".
 *
 * Room: rules.  Owns: nothing but its list.  Thread: the loop.  Clock: none.  Bounds: BLIND_MAX collectors.
 *
 * Learnt from events: whyd.collector.failed and whyd.collector.stalled blind a collector until whyd.collector.recovered;
 * kernlog.lost and kernlog.suppressed (records that were not read) make verdicts of the next BLIND_LOST_NS doubtful.
 */
#ifndef WHY_RULES_BLIND_H
#define WHY_RULES_BLIND_H

#include <stdbool.h>

#include "model/batch.h"

#define BLIND_MAX     64
#define BLIND_LOST_NS (300 * NS_PER_S)

struct blind_spot {
	char collector[64];
	char why[192];
	mono_ns_t since;
	mono_ns_t until; /* 0: until it recovers; else it sees, but has missed something */
};

struct blind {
	const struct metrics *metrics;
	uint32_t failed, stalled, recovered, lost, suppressed; /* metric ids, METRIC_NONE: not in the registry */
	struct blind_spot spots[BLIND_MAX];
	size_t n_spots;
	bool by_metric[METRIC_MAX]; /* its collector delivers nothing */
};

void blind_init(struct blind *b, const struct metrics *metrics);
void blind_take(struct blind *b, const struct graph *g, const struct batch *in, mono_ns_t now);
/* The spot of a collector, NULL: it sees. */
const struct blind_spot *blind_of(const struct blind *b, const char *collector);

#endif

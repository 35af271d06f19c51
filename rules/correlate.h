/* SPDX-License-Identifier: Apache-2.0 */
/* correlate.h - do two series move together? Pearson's r over samples of the same moments.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: SERIES_MAX_POINTS points a series, on the stack.
 */
#ifndef WHY_RULES_CORRELATE_H
#define WHY_RULES_CORRELATE_H

#include <stdbool.h>

#include "model/series.h"

#define CORRELATE_MIN_POINTS 5

struct correlate_side {
	uint32_t metric;
	entity_id entity;
	bool is_rate; /* of a counter: growth from point to point */
	double scale; /* only its sign matters */
};

/* False: unknown (fewer than CORRELATE_MIN_POINTS moments in common, or one of them does not move). */
bool correlate_series(const struct series_store *series, const struct correlate_side *a, const struct correlate_side *b,
		      mono_ns_t now, uint64_t over_ns, double *ret_r);

/* Pearson's r of n pairs; false when one side does not vary. */
bool correlate_pairs(const double *a, const double *b, size_t n, double *ret_r);

#endif

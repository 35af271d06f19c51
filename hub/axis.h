/* SPDX-License-Identifier: Apache-2.0 */
/* axis.h - places on a time axis that keeps both milliseconds and days readable: in order, long gaps drawn short.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: AXIS_MAX_TIMES; more are refused.
 *
 * A gap takes room by the logarithm of its length, so what is later is always further right, and a fault of 6 ms that
 * lasted two days shows both. A reader is told the lengths, because the eye cannot measure them here.
 */
#ifndef WHY_HUB_AXIS_H
#define WHY_HUB_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define AXIS_MAX_TIMES 160
#define AXIS_UNIT_NS   (100 * NS_PER_MS) /* gaps well below it take almost no room */

struct axis {
	wall_ns_t at[AXIS_MAX_TIMES];
	double x[AXIS_MAX_TIMES]; /* once laid */
	size_t n;
};

/* A time that gets a place of its own; 0 is no time and ignored. false: full, and then it shares its neighbours' gap. */
bool axis_add(struct axis *a, wall_ns_t t);
/* Once all are added: places from 0 to width. Fewer than two different times: all at 0. */
void axis_lay(struct axis *a, double width);
/* Between two known times in proportion, before the first at 0, behind the last at width. */
double axis_x(const struct axis *a, wall_ns_t t);

#endif

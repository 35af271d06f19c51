/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - what a new sample of a metric must look like for a trigger to have become true: the test that spares a run.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: GATE_MAX a metric of a trigger; past them it is
 * always run.
 *
 * A trigger is a tree of && and || over conditions. A condition such as `avg(M, 30s) > 0.2` can only be true when some
 * sample of M within 30 s was above 0.2: so a sample at or below, with none above in the last 30 s, needs no run.
 * Every gate errs towards running; the trigger itself is judged by the machine alone.
 */
#ifndef WHY_RULES_GATE_H
#define WHY_RULES_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/ruleset.h"

#define GATE_MAX 4

enum gate_test {
	GATE_ABOVE,
	GATE_BELOW,
	GATE_MOVED
}; /* at or above, at or below the level; differs from the sample before */

struct gate {
	enum gate_test test;
	double level;
	uint64_t hold_ns; /* so long after the last sample that passed, every sample wakes */
};

struct gates {
	struct gate gates[GATE_MAX];
	uint32_t n;
	uint64_t hold_ns; /* the longest of them */
	bool by_absence;  /* the trigger asks whether the metric is missing: no sample can wake it */
};

/* Add the gates of `metric` in the trigger (a sample metric; events are matched by their predicates) to what is there. */
void gates_of(const struct ruleset *rs, uint32_t trigger, uint32_t metric, struct gates *ret_gates);

/* True when the sample may make the trigger true. `moved`: its value is not that of the sample before it.
 * *ret_hold_ns: how long the samples after it must be looked at as well. */
bool gates_pass(const struct gates *g, double value, bool moved, uint64_t *ret_hold_ns);

#endif

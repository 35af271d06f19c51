/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h - what other rules would have said about a recording: the dry run before they are put in force.
 *
 * Room: cli; it may use the room rules (see tests/check/includes.py).  Owns: nothing.  Thread: the only one.  Clock: none.
 * Bounds: COMPARE_MAX_ROWS pairs of rule and subject; what is above is counted and said.
 */
#ifndef WHY_CLI_COMPARE_H
#define WHY_CLI_COMPARE_H

#include "cli/command.h"
#include "model/metric.h"

#define COMPARE_MAX_ROWS 4096

struct ruleset;

/* Play common->against to `*given` (taken: *given becomes NULL) and to the rules in force: common->rules, else those
 * that agents read. Prints what would open, vanish and differ, by rule and subject. Returns the exit status:
 * WHY_EXIT_WARNING when anything differs, as diff does. */
int compare_rules(const struct common *common, const struct metrics *metrics, struct ruleset **given);

#endif

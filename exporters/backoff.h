/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.h - how long to wait before trying again: doubling, never in step with others.
 *
 * Room: exporters.  Owns: nothing.  Thread: any, one at a time.  Clock: none; gives durations.
 * Bounds: from min_ns / 2 to max_ns.
 */
#ifndef WHY_EXPORTERS_BACKOFF_H
#define WHY_EXPORTERS_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint64_t min_ns, max_ns;
	uint64_t step_ns;
};

void backoff_init(struct backoff *b, uint64_t min_ns, uint64_t max_ns);
void backoff_reset(struct backoff *b); /* after success */
/* Between half the step and the step; the step then doubles. */
uint64_t backoff_next(struct backoff *b);
/* Anything up to max_ns: for many that lose the same peer at the same moment. */
uint64_t backoff_spread(uint64_t max_ns);

#endif

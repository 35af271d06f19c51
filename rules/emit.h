/* SPDX-License-Identifier: Apache-2.0 */
/* emit.h - a checked expression as a flat program.
 *
 * Room: rules.  Owns: nothing.  Thread: the loader's.  Clock: none.  Bounds: PROGRAM_MAX_CODE, PROGRAM_MAX_STACK.
 */
#ifndef WHY_RULES_EMIT_H
#define WHY_RULES_EMIT_H

#include "rules/expr.h"

#define EMIT_MAX_METRICS 64

struct emitted {
	uint64_t window_ns;     /* widest */
	uint32_t first_metric;  /* METRIC_NONE */
};

/* `event_window_ns`: how far back the newest event is looked for outside of count().
 * PROGRAM_NONE: too large (told), or out of memory. */
uint32_t emit_program(struct loader *l, const struct expr_place *place, const struct ast *a, const char *source,
		      size_t n_source,
		      uint64_t event_window_ns, struct emitted *ret_emitted);

#endif

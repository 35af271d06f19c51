/* SPDX-License-Identifier: Apache-2.0 */
/* npd_text.h - node conditions out of the metrics that node-problem-detector shows, as they arrive.
 *
 * Room: runtimes.  Owns: nothing (state by value).  Thread: any.  Clock: none.
 * Bounds: lines of NPD_LINE_MAX - 1 bytes (longer ones are skipped), NPD_MAX_CONDITIONS conditions (further ones are
 * counted).
 */
#ifndef WHY_RUNTIMES_NPD_TEXT_H
#define WHY_RUNTIMES_NPD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define NPD_LINE_MAX       512
#define NPD_MAX_CONDITIONS 64
#define NPD_NAME_MAX       64

struct npd_condition {
	char type[NPD_NAME_MAX];   /* "KernelDeadlock" */
	char reason[NPD_NAME_MAX]; /* "DockerHung" */
	bool holds;
};

struct npd_text {
	struct npd_condition conditions[NPD_MAX_CONDITIONS];
	size_t n, n_left_out;
	char line[NPD_LINE_MAX];
	size_t n_line;
	bool too_long;
};

void npd_text_init(struct npd_text *t);
void npd_text_put(struct npd_text *t, const char *data, size_t n);
void npd_text_end(struct npd_text *t); /* the last line may have no newline */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* diag.h - errors and warnings with their place: file, line, column, caret, and what was perhaps meant.
 *
 * Room: base.  Owns: its list (in an arena).  Thread: one at a time.  Clock: none.
 * Bounds: 200 diagnostics; further ones are counted. Printed form:
 *
 *   FILE:41:24: error[E203] unknown metric 'gpu.clock_sm' for scope gpu
 *      41 |       - { id: slow, when: "gpu.clock_sm < 900", weight: strong }
 *         |                            ^~~~~~~~~~~~ did you mean 'gpu.sm_clock'?
 */
#ifndef WHY_BASE_DIAG_H
#define WHY_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_severity severity;
	char code[8];     /* "E203", "W102" */
	const char *file;
	uint32_t line, column; /* from 1; column counts bytes */
	uint32_t length;       /* bytes under ^~~~, at least 1 */
	const char *message;
	const char *hint;      /* NULL: none; printed behind the caret */
	const char *source;    /* the line's text, NULL when not at hand */
	const char *rule;      /* id of the rule it rejects, NULL */
};

struct diags;

int diags_new(struct diags **ret_diags); /* -ENOMEM */
void diags_free(struct diags **diags);

/* Copies every text. `source` is the whole file's text (NUL-terminated) or NULL; the line is cut out of it.
 * hint, rule and source may be NULL. */
void diags_add(struct diags *d, enum diag_severity severity, const char *code, const char *file, uint32_t line,
	       uint32_t column, uint32_t length, const char *source, const char *rule, const char *hint,
	       const char *fmt, ...) __attribute__((format(printf, 11, 12)));

size_t diags_count(const struct diags *d, enum diag_severity severity);
size_t diags_dropped(const struct diags *d);
size_t diags_total(const struct diags *d);
const struct diag *diags_at(const struct diags *d, size_t i); /* NULL past the end */

/* In the form above, in the order they were added; hostile text escaped. */
int diags_print(const struct diags *d, struct buf *out);
/* SARIF 2.1.0, for code review tools. */
int diags_print_sarif(const struct diags *d, const char *tool_version, struct buf *out);

#endif

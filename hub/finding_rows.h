/* SPDX-License-Identifier: Apache-2.0 */
/* finding_rows.h - findings as a table, a row each: how bad, what, where, what to do, since when.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none (the answer's as_of).
 * Bounds: PAGE_MAX_FINDINGS open, FINDING_ROWS_RESOLVED resolved ones; the table says what it left out.
 */
#ifndef WHY_HUB_FINDING_ROWS_H
#define WHY_HUB_FINDING_ROWS_H

#include "base/buf.h"
#include "model/answer.h"

#define FINDING_ROWS_RESOLVED 30

/* Those that are open and not on trial, in the answer's order; what a cause above explains is set off. `fleet`: whose
 * agent is unknown there has its rows marked as the last that is known (NULL: nobody's are). */
void finding_rows_open(const struct answer *a, const struct answer *fleet, struct buf *out);
/* The resolved ones, last resolved first. Nothing when there is none. */
void finding_rows_resolved(const struct answer *a, struct buf *out);
/* Open ones of rules on trial. Nothing when there is none. */
void finding_rows_shadow(const struct answer *a, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the hub's web pages, made here, whole without scripts: the fleet with what is wrong, and one finding.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: the buf's; PAGE_MAX_NODES rows and PAGE_MAX_FINDINGS rows, and the page says what it left out.
 * A status is always a word too, never a colour alone.
 */
#ifndef WHY_HUB_PAGE_H
#define WHY_HUB_PAGE_H

#include "base/buf.h"
#include "model/answer.h"

#define PAGE_MAX_NODES    500
#define PAGE_MAX_FINDINGS 200
#define PAGE_MAX_BYTES    (4 * 1024 * 1024)
/* Nothing but our own style sheet is loaded, nothing runs, nothing frames the page. */
#define PAGE_POLICY "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

void page_fleet(const struct answer *fleet, const struct answer *open_findings, struct buf *out);
/* `a`: an EXPLAIN of this finding, which is among its findings. */
void page_finding(const struct answer *a, const struct finding *f, struct buf *out);
void page_message(const char *title, const char *text, struct buf *out); /* "not found" and the like */
const char *page_style(void); /* /style.css */

#endif

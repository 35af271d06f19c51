/* SPDX-License-Identifier: Apache-2.0 */
/* html.h - text into a page: what came from outside can never become markup.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: the buf's; an overflow shows in it.
 */
#ifndef WHY_HUB_HTML_H
#define WHY_HUB_HTML_H

#include "base/buf.h"
#include "base/clock.h"

/* Markup of ours, as it is. */
void html_add(struct buf *out, const char *markup);
/* Text of anybody: & < > " ' become references; control characters, bidi controls and invalid UTF-8 become visible escapes.
 * Fit for content and for attributes in double quotes. NULL adds nothing. */
void html_text(struct buf *out, const char *text);
void html_textf(struct buf *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* the result is escaped; cut at 1 KiB */
/* As html_text, at most `max` code points of it, then an ellipsis. */
void html_text_cut(struct buf *out, const char *text, size_t max);
/* For a path: everything but letters, digits and -._~ is percent-encoded. */
void html_path(struct buf *out, const char *text);
void html_time(struct buf *out, wall_ns_t t); /* <time>, to the second; "never" for 0 */
/* <time>, to the millisecond; without the date when `day` is on the same one (UTC). Nothing for 0. */
void html_clock(struct buf *out, wall_ns_t t, wall_ns_t day);

#endif

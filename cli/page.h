/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - text for people, built line by line: columns, wrapping, colour. All text that goes in is escaped.
 *
 * Room: cli.  Owns: its buffer.  Thread: one at a time.  Clock: none.
 * Bounds: PAGE_MAX_BYTES; what does not fit is left out and page_write says so. One text is cut at PAGE_MAX_TEXT.
 */
#ifndef WHY_CLI_PAGE_H
#define WHY_CLI_PAGE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/terminal.h"
#include "model/batch.h"

#define PAGE_MAX_BYTES (16 * 1024 * 1024)
#define PAGE_MAX_TEXT  8192
#define PAGE_MAX_CELLS 8

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_CRITICAL, STYLE_WARNING, STYLE_GOOD, STYLE_ODD, STYLE_MAX };

struct page {
	struct terminal terminal;
	struct buf out;
	size_t column;
	wall_ns_t now; /* times of another day are printed with their date */
};

void page_init(struct page *p, const struct terminal *terminal, wall_ns_t now);
void page_done(struct page *p);

void page_text(struct page *p, enum style style, const char *text);
void page_textf(struct page *p, enum style style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void page_break(struct page *p);              /* end the line */
void page_gap(struct page *p);                /* an empty line, unless there is one or nothing yet */
void page_pad(struct page *p, size_t column); /* blanks up to it; at least one when past it, unless at a line's start */
/* At the right end of the line; two blanks behind what is there when it does not fit. */
void page_right(struct page *p, enum style style, const char *text);
/* Wrapped at blanks; further lines begin at `indent`; the last `reserve` columns stay free. A word too long is not
 * broken: paths and commands are copied. */
void page_wrap(struct page *p, enum style style, size_t indent, size_t reserve, const char *text);
/* A label at column PAGE_LABEL, then wrapped text at PAGE_BODY; `right` (NULL: none) at the end of the first line. */
#define PAGE_LABEL 4
#define PAGE_BODY  17
void page_row(struct page *p, const char *label, enum style style, const char *text, const char *right);
/* "●" where it can be shown, else "*"; and so on. */
const char *page_bullet(const struct page *p);
const char *page_dot(const struct page *p);

enum style page_severity_style(enum severity s);

/* "10:42:11", "Nov 20 10:42:11" on another day than now; with_ms: "10:42:11.204". Local time. */
void page_time(const struct page *p, wall_ns_t t, bool with_ms, char *ret_text, size_t size);
/* "4 min 3 s" from one wall time to a later one, for people only; "0 s" when it is not later. */
void page_span(wall_ns_t from, wall_ns_t to, char *ret_text, size_t size);

/* Write all to a descriptor. -EPIPE: nobody reads any more; -EMSGSIZE: it was too much; else -errno of write. */
int page_write(struct page *p, int fd);

#endif

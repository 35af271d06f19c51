/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - an answer on standard output in the form asked for, and the exit status it means.
 *
 * Room: cli.  Owns: nothing.  Thread: the only one.  Clock: none.  Bounds: SHOW_MAX_JSON a document.
 */
#ifndef WHY_CLI_SHOW_H
#define WHY_CLI_SHOW_H

#include "base/json.h"
#include "cli/command.h"
#include "cli/page.h"
#include "model/answer.h"

#define SHOW_MAX_JSON  (64 * 1024 * 1024)
#define SHOW_MAX_PAGES 10000

/* One question, one answer: ask, rank, show; with common->watch again every second. Returns the exit status. */
int show_question(const struct common *common, const struct query *q);

/* The same page after page, to the last (JSON: the first only, it says where the next begins). `show` prints one and
 * returns its exit status. Returns the worst. */
int show_pages(const struct common *common, struct query *q,
	       int (*show)(const struct common *common, const struct answer *a));

/* Text, or JSON (one document, or one line for jsonl). Refusals go to standard error in text. Returns the exit status. */
int show_answer(const struct common *common, const struct answer *a);

/* One JSON value made by `write`, and a newline. WHY_EXIT_OK or WHY_EXIT_INTERNAL. */
int show_json(void (*write)(const void *what, struct json *j), const void *what);
int show_finding_json(const struct finding *f);

/* A page to standard output. WHY_EXIT_OK or WHY_EXIT_INTERNAL; a reader that has gone away is no error. */
int show_page(struct page *p);
void show_page_begin(const struct common *common, struct page *ret_page, wall_ns_t now); /* for standard output */

/* "why: SENTENCE" on standard error; returns `status`. */
int show_error(int status, const char *sentence);

/* Wait a second; for watching. */
void show_wait(void);

#endif

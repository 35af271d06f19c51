/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the hub's web pages, made here, whole without scripts: the fleet with what is wrong, one node, one finding, one
 * job or pod.
 *
 * Room: hub.  Owns: nothing.  Thread: any.  Clock: none (the answers' as_of).
 * Bounds: the buf's; PAGE_MAX_NODES cells, PAGE_MAX_FINDINGS rows, and the page says what it left out; a text is cut at
 * PAGE_MAX_TITLE where it stands beside others.
 *
 * A status is always a word and a sign too, never a colour alone. What is unknown is hatched, never green.
 * Whose agent is silent is unknown, and its open findings are told as the last that is known.
 */
#ifndef WHY_HUB_PAGE_H
#define WHY_HUB_PAGE_H

#include "base/buf.h"
#include "model/answer.h"

#define PAGE_MAX_NODES    2000
#define PAGE_MAX_CARDS    60 /* the worst nodes get a card with words; the others a small cell */
#define PAGE_MAX_FINDINGS 200
#define PAGE_MAX_TITLE    240
#define PAGE_MAX_BYTES    (4 * 1024 * 1024)
#define PAGE_RECENT_NS    (6 * 3600 * NS_PER_S)  /* resolved ones the fleet's page is given */
#define PAGE_HISTORY_NS   (24 * 3600 * NS_PER_S) /* and a node's page */
/* Nothing but our own style sheet is loaded, nothing runs, nothing frames the page. */
#define PAGE_POLICY "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* `fleet`: a FLEET. `findings`: an EXPLAIN of the fleet, resolved ones of PAGE_RECENT_NS with it. */
void page_fleet(const struct answer *fleet, const struct answer *findings, struct buf *out);
/* `line`: the node's line of a FLEET. `findings`: an EXPLAIN of the node, with those of PAGE_HISTORY_NS. */
void page_node(const struct answer_line *line, const struct answer *findings, struct buf *out);
/* `a`: an EXPLAIN of this finding, which is among its findings. */
void page_finding(const struct answer *a, const struct finding *f, struct buf *out);
/* `a`: an EXPLAIN of a job, rank, pod, container or process, resolved ones of PAGE_HISTORY_NS with it; who[0] is it. */
void page_thing(const struct answer *a, struct buf *out);
/* `a` is ambiguous: a link to each. */
void page_choices(const struct answer *a, struct buf *out);
void page_message(const char *title, const char *text, struct buf *out); /* "not found" and the like */
const char *page_style(void); /* /style.css */

/* The frame of every page: up to and with the trail "fleet > NODE > HERE" (node and here NULL: shorter), and the end.
 * refresh_s 0: it stays as it is. */
void page_begin(struct buf *out, const char *title, const char *node, const char *here, unsigned refresh_s);
void page_end(struct buf *out, wall_ns_t as_of, unsigned refresh_s);

#endif

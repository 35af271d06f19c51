/* SPDX-License-Identifier: Apache-2.0 */
/* render.h - answers as text for people: the most important first, nothing twice, what is unknown said.
 *
 * Room: cli.  Owns: nothing (writes to a page).  Thread: any.  Clock: none: the answer's as_of is now.
 * Bounds: lists beyond RENDER_MAX_ITEMS are cut with "and N more" unless everything is asked for.
 */
#ifndef WHY_CLI_RENDER_H
#define WHY_CLI_RENDER_H

#include "cli/command.h"
#include "cli/page.h"
#include "model/answer.h"

#define RENDER_MAX_ITEMS 6

/* Any answer, by its kind and status. Findings were ranked. */
void render_answer(struct page *p, const struct answer *a, const struct common *c);

/* "node-17  CRITICAL  1 cause explains 3 symptoms      as of 10:47:03 (agent 2 s ago)" */
void render_headline(struct page *p, const struct answer *a);

/* Who was asked about, what it uses, who belongs to it: those in trouble a line each, the others folded. */
void render_who(struct page *p, const struct answer *a, const struct common *c);
/* What an ambiguous word may mean, with what each is. False: the answer does not say. */
bool render_candidates(struct page *p, const struct answer *a);
void render_explain(struct page *p, const struct answer *a, const struct common *c);
/* One finding in full. `a` is where its deeper causes are looked up. */
void render_finding(struct page *p, const struct answer *a, const struct finding *f, const struct common *c);
/* A line: severity, state, since, node, rule, subject, title. */
void render_list(struct page *p, const struct answer *a, const struct common *c);
void render_change(struct page *p, const struct finding *f); /* for a watch: one line without a table's head */
void render_timeline(struct page *p, const struct answer *a, const struct common *c);
void render_not(struct page *p, const struct answer *a, const struct common *c);
void render_fleet(struct page *p, const struct answer *a, const struct common *c);
void render_doctor(struct page *p, const struct answer *a, const struct common *c);
void render_rules(struct page *p, const struct answer *a, const struct common *c);
void render_metrics(struct page *p, const struct answer *a, const struct common *c);
/* Why the answer is not to be taken for health, or nothing. */
void render_caution(struct page *p, const struct answer *a);
/* What this node cannot see, in a few words. */
void render_unknown(struct page *p, const struct answer *a, const struct common *c);

/* Status not OK: what is wrong and what to do, for standard error. */
void render_refusal(struct page *p, const struct answer *a);

/* "process python3[4242]"; the kind is left out where the name says it already ("GPU 3"). */
void render_entity(const struct finding_entity *e, char *ret_text, size_t size);

/* Is the finding, as far as this answer tells, an effect of another open one that counts? */
bool render_is_explained(const struct answer *a, const struct finding *f);

#endif

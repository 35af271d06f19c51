// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"

#define STATUS_AT 2
#define CHECK_AT  12

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* Does the node lose anything by it? What was never there (no GPU, no such file system) is no fault. */
static int rank(const struct answer_line *l)
{
	return is(l->status, "failed")     ? 0
	       : is(l->status, "degraded") ? 1
	       : is(l->status, "missing")  ? 2
	       : is(l->status, "ok")       ? 3
					   : 1;
}

static const enum style styles[] = { STYLE_CRITICAL, STYLE_WARNING, STYLE_DIM, STYLE_GOOD };

static size_t widest(const struct answer *a, bool all)
{
	size_t width = 8;

	for (size_t i = 0; i < a->n_lines; i++)
		if (a->lines[i].what && (all || rank(&a->lines[i]) < 3))
			width = MAX_OF(width, terminal_columns(a->lines[i].what, strlen(a->lines[i].what)));
	return MIN_OF(width, 32U);
}

static void item(struct page *p, const struct answer_line *l, size_t text_at)
{
	page_pad(p, STATUS_AT);
	page_text(p, styles[rank(l)], l->status ? l->status : "?");
	page_pad(p, CHECK_AT);
	page_text(p, STYLE_PLAIN, l->what ? l->what : "?");
	if (l->text && l->text[0]) {
		page_pad(p, text_at);
		page_wrap(p, rank(l) == 3 ? STYLE_DIM : STYLE_PLAIN, text_at, 0, l->text);
	}
	page_break(p);
	if (l->detail && l->detail[0]) {
		page_pad(p, text_at);
		page_text(p, STYLE_DIM, "cannot be judged for it: ");
		page_wrap(p, STYLE_PLAIN, text_at, 0, l->detail);
		page_break(p);
	}
}

/* What is well in as few words as it deserves. */
static void passed(struct page *p, const struct answer *a)
{
	char line[4096];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < a->n_lines; i++)
		if (rank(&a->lines[i]) == 3)
			text_addf(&t, "%s%s", t.len ? ", " : "", a->lines[i].what ? a->lines[i].what : "?");
	if (t.len == 0)
		return;
	page_pad(p, STATUS_AT);
	page_text(p, STYLE_GOOD, "ok");
	page_pad(p, CHECK_AT);
	page_wrap(p, STYLE_PLAIN, CHECK_AT, 0, line);
	page_break(p);
}

void render_doctor(struct page *p, const struct answer *a, const struct common *c)
{
	size_t text_at = CHECK_AT + widest(a, c->all) + 2;

	render_headline(p, a);
	if (a->message && a->message[0]) {
		page_pad(p, 2);
		page_wrap(p, STYLE_PLAIN, 2, 0, a->message);
		page_break(p);
	}
	page_gap(p);
	for (int r = 0; r <= (c->all ? 3 : 2); r++)
		for (size_t i = 0; i < a->n_lines; i++)
			if (rank(&a->lines[i]) == r)
				item(p, &a->lines[i], text_at);
	if (!c->all)
		passed(p, a);
	if (c->all)
		render_unknown(p, a, c);
	page_gap(p);
	page_pad(p, 2);
	page_textf(p, STYLE_DIM, "whyd %s%srules %.8s", a->agent_version ? a->agent_version : "?", page_dot(p),
		   a->rules_digest && a->rules_digest[0] ? a->rules_digest : "none");
	page_break(p);
}

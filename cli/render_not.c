// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"

#define ROLE_AT 4
#define TEXT_AT 20

static const struct {
	const char *verdict, *sentence;
	enum style style;
} verdicts[] = {
	{ "blamed", "It is blamed.", STYLE_WARNING },
	{ "not_blamed", "Not blamed: what it requires does not hold.", STYLE_GOOD },
	{ "cannot_tell", "Cannot tell: what it requires cannot be seen here.", STYLE_ODD },
	{ "vetoed", "Ruled out: evidence against it decides.", STYLE_GOOD },
	{ "suppressed", "It holds, and is suppressed on purpose.", STYLE_ODD },
	{ "disabled", "The rule is disabled.", STYLE_ODD },
};

static void render_verdict(struct page *p, const struct answer *a)
{
	const char *sentence = a->verdict ? a->verdict : "cannot tell";
	enum style style = STYLE_ODD;

	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		if (a->verdict && strcmp(a->verdict, verdicts[i].verdict) == 0) {
			sentence = verdicts[i].sentence;
			style = verdicts[i].style;
		}
	}
	page_pad(p, 2);
	page_wrap(p, style, 2, 0, sentence);
	page_break(p);
	if (a->message && a->message[0] && strcmp(a->verdict ? a->verdict : "", "blamed") != 0) {
		page_pad(p, 2);
		page_wrap(p, STYLE_PLAIN, 2, 0, a->message);
		page_break(p);
	}
}

static void render_item(struct page *p, const struct answer_evidence *e)
{
	bool unicode = p->terminal.unicode;
	const char *mark = e->truth > 0 ? (unicode ? "✓" : "+") : e->truth == 0 ? (unicode ? "✗" : "-") : "?";
	enum style style = e->truth > 0 ? STYLE_GOOD : e->truth == 0 ? STYLE_PLAIN : STYLE_ODD;
	char line[2048], observed[48];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_add(&t, e->text && e->text[0] ? e->text : e->id ? e->id : "?");
	if (!isnan(e->observed)) {
		text_format_count(e->observed, observed, sizeof(observed));
		text_addf(&t, "; observed %s", observed);
	}
	if (e->expected && e->expected[0])
		text_addf(&t, "%s %s", isnan(e->observed) ? "; expected" : ", expected", e->expected);
	if (e->why && e->why[0])
		text_addf(&t, "; %s", e->why);
	page_pad(p, 2);
	page_text(p, style, mark);
	page_pad(p, ROLE_AT);
	page_text(p, STYLE_DIM, e->role ? e->role : "");
	page_pad(p, TEXT_AT);
	page_wrap(p, STYLE_PLAIN, TEXT_AT, 0, line);
	page_break(p);
}

void render_not(struct page *p, const struct answer *a, const struct common *c)
{
	page_text(p, STYLE_BOLD, c->cause ? c->cause : "cause");
	if (a->target && a->target[0])
		page_textf(p, STYLE_PLAIN, " on %s", a->target);
	if (a->node && a->node[0] && strcmp(a->node, a->target ? a->target : "") != 0)
		page_textf(p, STYLE_PLAIN, ", node %s", a->node);
	page_break(p);
	render_verdict(p, a);
	if (a->n_evidence > 0)
		page_gap(p);
	for (size_t i = 0; i < a->n_evidence; i++)
		render_item(p, &a->evidence[i]);
	for (size_t i = 0; i < a->n_findings; i++) {
		page_gap(p);
		render_finding(p, a, a->findings[i], c);
	}
	render_unknown(p, a, c);
}

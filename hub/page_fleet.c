// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include <stdio.h>
#include <string.h>

#include "hub/finding_rows.h"
#include "hub/html.h"
#include "hub/widget.h"

#define REFRESH_S 30

static const char *const statuses[] = { "critical", "warning", "unknown", "healthy" };

#define N_STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static size_t count(const struct answer *fleet, const char *status)
{
	size_t n = 0;

	for (size_t i = 0; i < fleet->n_lines; i++)
		n += strcmp(widget_class(fleet->lines[i].status), status) == 0;
	return n;
}

/* Which is worst, and how many of each: readable from the other side of the room. */
static void tally(const struct answer *fleet, struct buf *out)
{
	html_add(out, "<ul class=\"tally\" aria-label=\"nodes by status\">");
	for (size_t i = 0; i < N_STATUSES; i++) {
		size_t n = count(fleet, statuses[i]);

		(void)buf_addf(out, "<li class=\"%s%s\"><b>%zu</b> %s %s</li>", statuses[i], n ? "" : " zero", n,
			       widget_sign(statuses[i]), statuses[i]);
	}
	html_add(out, "</ul>");
}

static void card(const struct answer_line *l, struct buf *out)
{
	const char *class = widget_class(l->status);

	(void)buf_addf(out, "<li><a class=\"card %s\" href=\"/n/", class);
	html_path(out, l->what);
	(void)buf_addf(out, "\"><b><bdi>");
	html_text_cut(out, l->what, PAGE_MAX_TITLE);
	(void)buf_addf(out, "</bdi></b><span class=\"w\">%s %s</span><span class=\"sub\">", widget_sign(class), class);
	html_text_cut(out, l->text, PAGE_MAX_TITLE);
	html_add(out, "</span></a></li>");
}

static void cell(const struct answer_line *l, struct buf *out)
{
	const char *class = widget_class(l->status);

	(void)buf_addf(out, "<li><a class=\"cell %s\" href=\"/n/", class);
	html_path(out, l->what);
	html_add(out, "\" title=\"");
	html_text_cut(out, l->what, PAGE_MAX_TITLE);
	html_add(out, ": ");
	html_text_cut(out, l->text, PAGE_MAX_TITLE);
	(void)buf_addf(out, "\">%s<span class=\"vh\"> ", widget_sign(class));
	html_text_cut(out, l->what, PAGE_MAX_TITLE);
	(void)buf_addf(out, " %s</span></a></li>", class);
}

static void nodes(const struct answer *fleet, struct buf *out)
{
	size_t n_shown = fleet->n_lines < PAGE_MAX_NODES ? fleet->n_lines : PAGE_MAX_NODES, n_cards = n_shown, i;

	html_add(out, "<section><h2>Nodes, the worst first</h2>");
	if (fleet->n_lines == 0) {
		html_add(out, "<p class=\"note\">No agent has ever connected to this hub. Start one with <code>whyd "
			      "--hub HOST:7443</code>.</p></section>");
		return;
	}
	if (n_shown > PAGE_MAX_CARDS) { /* cards for those with something to say */
		n_cards = n_shown - count(fleet, "healthy");
		n_cards = n_cards < PAGE_MAX_CARDS ? n_cards : PAGE_MAX_CARDS;
	}
	html_add(out, "<ul class=\"cards\">");
	for (i = 0; i < n_cards; i++)
		card(&fleet->lines[i], out);
	html_add(out, "</ul>");
	if (i < n_shown) {
		html_add(out, "<ul class=\"cells\">");
		for (; i < n_shown; i++)
			cell(&fleet->lines[i], out);
		html_add(out, "</ul>");
	}
	if (fleet->n_lines > PAGE_MAX_NODES || fleet->next_cursor[0])
		(void)buf_addf(out, "<p class=\"note\">Only the %zu worst are shown; <code>why fleet</code> lists all.</p>",
			       n_shown);
	html_add(out, "</section>");
}

void page_fleet(const struct answer *fleet, const struct answer *findings, struct buf *out)
{
	char headline[256], wrong[256];

	answer_headline(fleet, headline, sizeof(headline));
	answer_headline(findings, wrong, sizeof(wrong));
	page_begin(out, headline, NULL, NULL, REFRESH_S);
	html_add(out, "<h1>");
	html_text(out, headline);
	html_add(out, "</h1><p class=\"lead\">");
	html_text(out, wrong);
	html_add(out, "</p>");
	if (fleet->n_lines)
		tally(fleet, out);
	nodes(fleet, out);
	finding_rows_open(findings, fleet, out);
	finding_rows_shadow(findings, out);
	finding_rows_resolved(findings, out);
	page_end(out, fleet->as_of, REFRESH_S);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/finding_rows.h"

#include <stdlib.h>
#include <string.h>

#include "hub/html.h"
#include "hub/page.h"
#include "hub/widget.h"

static void table_begin(struct buf *out, const char *when)
{
	(void)buf_addf(out, "<table class=\"rows\"><thead><tr><th scope=\"col\">status<th scope=\"col\">what is wrong"
			    "<th scope=\"col\">where<th scope=\"col\">do<th scope=\"col\">%s</tr></thead><tbody>", when);
}

static void what(const struct answer *a, const struct finding *f, bool silent, struct buf *out)
{
	const struct finding *cause = widget_cause_of(a, f);

	widget_finding(out, f->id, f->title && *f->title ? f->title : f->rule);
	widget_marks(out, f);
	if (silent)
		html_add(out, " <span class=\"mark odd\">last known, agent silent</span>");
	html_add(out, "<div class=\"sub\">");
	if (cause) {
		html_add(out, "\xe2\x86\xb3 explained by ");
		widget_finding(out, cause->id, cause->rule);
		html_add(out, " \xc2\xb7 ");
	}
	html_text_cut(out, f->rule, PAGE_MAX_TITLE);
	if (f->kind == FINDING_CAUSE)
		html_textf(out, " \xc2\xb7 %s %.2f", finding_confidence_word(f->confidence), f->confidence);
	else if (!cause)
		html_add(out, " \xc2\xb7 symptom, unexplained");
	if (f->n_explains + f->more_explains)
		html_textf(out, " \xc2\xb7 explains %zu", f->n_explains + f->more_explains);
	if (f->n_affected + f->more_affected)
		html_textf(out, " \xc2\xb7 affects %zu", f->n_affected + f->more_affected);
	if (f->state == FINDING_RESOLVED && f->resolved_reason && *f->resolved_reason) {
		html_add(out, " \xc2\xb7 ");
		html_text_cut(out, f->resolved_reason, PAGE_MAX_TITLE);
	}
	html_add(out, "</div>");
}

static void when(const struct answer *a, const struct finding *f, struct buf *out)
{
	if (f->state == FINDING_RESOLVED) {
		widget_span(out, f->resolved_at, a->as_of);
		html_add(out, " ago<div class=\"sub\">after ");
		widget_span(out, f->opened_at, f->resolved_at);
	} else {
		widget_span(out, f->opened_at, a->as_of);
		html_add(out, "<div class=\"sub\">");
		html_clock(out, f->opened_at, a->as_of);
	}
	html_add(out, "</div>");
}

static void row(const struct answer *a, const struct finding *f, bool silent, struct buf *out)
{
	const char *status = widget_finding_status(f);
	bool child = f->state != FINDING_RESOLVED && widget_cause_of(a, f);

	(void)buf_addf(out, "<tr class=\"r-%s%s%s\"><td data-l=\"status\">", widget_class(status), child ? " child" : "",
		       silent ? " silent" : "");
	widget_status(out, status);
	html_add(out, "<td data-l=\"what\">");
	what(a, f, silent, out);
	html_add(out, "<td data-l=\"where\">");
	if (a->node && strcmp(a->node, f->node) == 0) { /* a node's own page */
		widget_entity(out, &f->subject);
	} else {
		widget_node(out, f->node);
		html_add(out, "<div class=\"sub\">");
		widget_entity(out, &f->subject);
		html_add(out, "</div>");
	}
	html_add(out, "<td data-l=\"do\">");
	if (f->remedy.action != REMEDY_NONE)
		(void)buf_addf(out, "<code>%s</code>", remedy_action_name(f->remedy.action));
	else
		html_add(out, "<span class=\"sub\">\xe2\x80\x93</span>");
	(void)buf_addf(out, "<td data-l=\"%s\">", f->state == FINDING_RESOLVED ? "resolved" : "since");
	when(a, f, out);
	html_add(out, "</tr>");
}

static bool is_silent(const struct answer *fleet, const char *node)
{
	for (size_t i = 0; fleet && i < fleet->n_lines; i++) {
		if (fleet->lines[i].what && strcmp(fleet->lines[i].what, node) == 0)
			return strcmp(widget_class(fleet->lines[i].status), "unknown") == 0;
	}
	return false;
}

static void rows(const struct answer *a, const struct answer *fleet, bool shadow, struct buf *out)
{
	size_t n = 0, left = 0;

	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		if (f->state == FINDING_RESOLVED || f->shadow != shadow)
			continue;
		if (n == PAGE_MAX_FINDINGS) {
			left++;
			continue;
		}
		if (n++ == 0)
			table_begin(out, "since");
		row(a, f, is_silent(fleet, f->node), out);
	}
	if (n)
		html_add(out, "</tbody></table>");
	if (left || (n && a->truncated))
		(void)buf_addf(out, "<p class=\"note\">At least %zu more are open; <code>why findings</code> lists all.</p>",
			       left);
}

void finding_rows_open(const struct answer *a, const struct answer *fleet, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_findings; i++)
		n += a->findings[i]->state != FINDING_RESOLVED && !a->findings[i]->shadow;
	html_add(out, "<section><h2>Open findings");
	if (n > 1)
		html_add(out, ", most severe first");
	html_add(out, "</h2>");
	if (n == 0)
		html_add(out, "<p class=\"none\">No open finding.</p>");
	rows(a, fleet, false, out);
	html_add(out, "</section>");
}

void finding_rows_shadow(const struct answer *a, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_findings; i++)
		n += a->findings[i]->state != FINDING_RESOLVED && a->findings[i]->shadow;
	if (n == 0)
		return;
	html_add(out, "<section><h2>Rules on trial</h2><p class=\"hint\">Nothing acts on these, and they count "
		      "for nobody's health.</p>");
	rows(a, NULL, true, out);
	html_add(out, "</section>");
}

static int last_first(const void *x, const void *y)
{
	const struct finding *const *a = x, *const *b = y;

	return (*a)->resolved_at > (*b)->resolved_at ? -1 : (*a)->resolved_at < (*b)->resolved_at;
}

void finding_rows_resolved(const struct answer *a, struct buf *out)
{
	const struct finding *list[ANSWER_MAX_FINDINGS];
	size_t n = 0;

	for (size_t i = 0; i < a->n_findings; i++) {
		if (a->findings[i]->state == FINDING_RESOLVED && !a->findings[i]->shadow)
			list[n++] = a->findings[i];
	}
	if (n == 0)
		return;
	qsort(list, n, sizeof(list[0]), last_first);
	html_add(out, "<section class=\"past\"><h2>Lately resolved</h2>");
	table_begin(out, "resolved");
	for (size_t i = 0; i < n && i < FINDING_ROWS_RESOLVED; i++)
		row(a, list[i], false, out);
	html_add(out, "</tbody></table>");
	if (n > FINDING_ROWS_RESOLVED)
		(void)buf_addf(out, "<p class=\"note\">%zu more; <code>why list --since 24h</code> lists all.</p>",
			       n - FINDING_ROWS_RESOLVED);
	html_add(out, "</section>");
}

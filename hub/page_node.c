// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include <string.h>

#include "hub/finding_rows.h"
#include "hub/html.h"
#include "hub/timeline.h"
#include "hub/widget.h"

#define REFRESH_S 30

static void facts(const struct answer_line *l, const struct answer *a, struct buf *out)
{
	html_add(out, "<p class=\"facts\">last heard of ");
	html_time(out, l->at);
	if (l->at) {
		html_add(out, " (");
		widget_span(out, l->at, a->as_of);
		html_add(out, " ago)");
	}
	if (l->detail && *l->detail) {
		html_add(out, " \xc2\xb7 whyd ");
		html_text_cut(out, l->detail, 64);
	}
	if (a->rules_digest && *a->rules_digest) {
		html_add(out, " \xc2\xb7 rules ");
		html_text_cut(out, a->rules_digest, 12);
	}
	html_add(out, "</p>");
}

static void commands(const char *node, struct buf *out)
{
	static const char *const verbs[] = { "why", "why timeline", "why doctor" };
	static const char *const what[] = { "what is wrong", "what happened", "what its agent can and cannot see" };

	html_add(out, "<section><h2>In a terminal</h2><ul class=\"checks\">");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		(void)buf_addf(out, "<li><pre tabindex=\"0\"><code>%s ", verbs[i]);
		html_text(out, node);
		(void)buf_addf(out, "</code></pre><span class=\"sub\">%s</span></li>", what[i]);
	}
	html_add(out, "</ul></section>");
}

void page_node(const struct answer_line *line, const struct answer *findings, struct buf *out)
{
	const char *status = widget_class(line->status);
	struct chart chart;

	page_begin(out, line->what, NULL, line->what, REFRESH_S);
	(void)buf_addf(out, "<header class=\"head h-%s\">", status);
	widget_status(out, status);
	html_add(out, "<h1><bdi>");
	html_text_cut(out, line->what, PAGE_MAX_TITLE);
	html_add(out, "</bdi></h1><p class=\"lead\">");
	html_text(out, line->text);
	html_add(out, "</p>");
	facts(line, findings, out);
	html_add(out, "</header>");
	if (strcmp(status, "unknown") == 0)
		html_add(out, "<p class=\"note\">Nothing current is known of this node: what follows is what its agent said "
			      "last. Is the node up? Is whyd running there?</p>");
	finding_rows_open(findings, NULL, out);
	timeline_node(findings, &chart);
	if (chart.n) {
		html_add(out, "<section><h2>The last 24 hours</h2>");
		chart_draw(&chart, "Findings of this node by time", out);
		html_add(out, "</section>");
	}
	finding_rows_shadow(findings, out);
	finding_rows_resolved(findings, out);
	commands(line->what, out);
	page_end(out, findings->as_of, REFRESH_S);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include <string.h>

#include "base/text.h"
#include "hub/finding_rows.h"
#include "hub/html.h"
#include "hub/timeline.h"
#include "hub/widget.h"
#include "model/who.h"

#define REFRESH_S 30

static bool is(const struct answer_who *w, const char *role)
{
	return strcmp(w->role, role) == 0;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Four answers of the exit status as the pages' words. */
static const char *status_of(const struct answer *a)
{
	static const char *const words[] = { "healthy", "warning", "critical", "unknown" };
	int status = answer_exit_status(a);

	return status >= 0 && status < 4 ? words[status] : "unknown";
}

/* ---- who ---- */

static void holders(const struct answer *a, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		if (!is(w, "of") && !is(w, "in") && !is(w, "uses"))
			continue;
		html_add(out, n++ ? "<li>" : "<section><h2>Belongs to, uses</h2><ul class=\"chips\"><li>");
		widget_entity(out, &(struct finding_entity){ .kind = w->kind, .id = w->id, .name = w->name });
		html_add(out, "</li>");
	}
	if (n)
		html_add(out, "</ul></section>");
}

static void doubts(const struct answer *a, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_who; i++) {
		if (!is(&a->who[i], "doubt"))
			continue;
		html_add(out, n++ ? "" : "<section><h2>Cannot tell</h2><ul class=\"plain cannot\">");
		html_add(out, "<li>");
		html_text_cut(out, a->who[i].name, PAGE_MAX_TITLE);
		html_add(out, ": ");
		html_text_cut(out, a->who[i].text, 2 * PAGE_MAX_TITLE);
		html_add(out, "</li>");
	}
	if (n)
		html_add(out, "</ul></section>");
}

/* ---- members ---- */

static const char *word_of(const struct answer_who *w)
{
	return same(w->status, "ok") ? "nothing found" : same(w->status, "gone") ? "ended" : w->status;
}

static void member(const struct answer_who *w, struct buf *out)
{
	const char *process = who_attr(w, "process"), *pod = who_attr(w, "pod");
	char line[1024];
	struct text t;
	bool bad = same(w->status, "critical") || same(w->status, "warning") || same(w->status, "info");

	(void)buf_addf(out, "<tr class=\"r-%s\"><td data-l=\"state\">", bad ? widget_class(w->status) : "unknown");
	if (bad)
		widget_status(out, w->status);
	else
		html_text(out, word_of(w));
	html_add(out, "<td data-l=\"who\"><bdi>");
	html_text_cut(out, who_role(w), 40);
	html_add(out, " ");
	html_text_cut(out, who_member_name(w), PAGE_MAX_TITLE);
	html_add(out, "</bdi><div class=\"sub\">");
	html_text_cut(out, w->text, PAGE_MAX_TITLE);
	text_init(&t, line, sizeof(line));
	who_add_state(&t, w);
	html_add(out, w->text[0] && t.len ? " \xc2\xb7 " : "");
	html_text_cut(out, line, PAGE_MAX_TITLE);
	html_add(out, "</div><td data-l=\"where\">");
	if (w->node[0])
		widget_node(out, w->node);
	html_add(out, "<div class=\"sub\">");
	if (pod)
		widget_entity(out, &(struct finding_entity){ .kind = ENTITY_POD, .id = pod, .name = pod });
	if (process) {
		html_add(out, pod ? ", " : "");
		html_text_cut(out, process, PAGE_MAX_TITLE);
	}
	html_add(out, "</div></tr>");
}

static void quiet(const struct answer *a, const size_t *list, size_t n, struct buf *out)
{
	char names[1024];
	struct text t;
	size_t told;

	text_init(&t, names, sizeof(names));
	told = who_add_names(&t, a, list, n, 40);
	if (told < n)
		text_addf(&t, " and %zu more", n - told);
	(void)buf_addf(out, "<tr class=\"r-%s\"><td data-l=\"state\">",
		       same(a->who[list[0]].status, "ok") ? "resolved" : "unknown");
	html_text(out, word_of(&a->who[list[0]]));
	html_add(out, "<td data-l=\"who\"><bdi>");
	html_text_cut(out, who_role(&a->who[list[0]]), 40);
	html_add(out, n > 1 ? "s " : " ");
	html_text_cut(out, names, sizeof(names));
	html_add(out, "</bdi><td data-l=\"where\"></tr>");
}

static void members(const struct answer *a, struct buf *out)
{
	size_t list[ANSWER_MAX_WHO], n_told = 0;
	bool told[ANSWER_MAX_WHO] = { false };

	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];
		size_t n;

		if (!is(w, "member") || told[i])
			continue;
		if (n_told++ == 0)
			html_add(out, "<section><h2>Members</h2><table class=\"rows\"><thead><tr><th scope=\"col\">state"
				      "<th scope=\"col\">who<th scope=\"col\">where</tr></thead><tbody>");
		if (!who_is_quiet(w) || w->kind == ENTITY_CONTAINER) {
			member(w, out);
			continue;
		}
		n = who_alike(a, i, list);
		for (size_t k = 0; k < n; k++)
			told[list[k]] = true;
		quiet(a, list, n, out);
	}
	if (n_told)
		html_add(out, "</tbody></table><p class=\"hint\">Of what no finding speaks, the nodes know: the command "
			      "<code>why</code> asks them.</p></section>");
}

/* ---- the page ---- */

static void command(const struct answer_who *self, struct buf *out)
{
	html_add(out, "<section><h2>In a terminal</h2><ul class=\"checks\"><li><pre tabindex=\"0\"><code>why ");
	html_text(out, self->kind == ENTITY_PROCESS ? "pid" : entity_kind_name(self->kind));
	html_add(out, " ");
	if (self->kind != ENTITY_JOB && self->kind != ENTITY_RANK && self->kind != ENTITY_POD && self->node[0]) {
		html_text(out, self->node);
		html_add(out, ":");
	}
	html_text(out, self->id);
	html_add(out, "</code></pre><span class=\"sub\">the same, with what its nodes say of it now</span></li></ul>"
		      "</section>");
}

void page_thing(const struct answer *a, struct buf *out)
{
	const struct answer_who *self = &a->who[0];
	const char *status = status_of(a);
	char headline[256];
	struct chart chart;

	answer_headline(a, headline, sizeof(headline));
	page_begin(out, self->id, a->node, self->id, REFRESH_S);
	(void)buf_addf(out, "<header class=\"head h-%s\">", status);
	widget_status(out, status);
	html_add(out, "<h1><bdi>");
	html_text_cut(out, entity_kind_name(self->kind), 40);
	html_add(out, " ");
	html_text_cut(out, self->id, PAGE_MAX_TITLE);
	html_add(out, "</bdi></h1><p class=\"lead\">");
	html_text_cut(out, self->text, 4 * PAGE_MAX_TITLE);
	html_add(out, "</p><p class=\"facts\">");
	html_text(out, headline);
	html_add(out, "</p></header>");
	if (a->stale)
		html_add(out, "<p class=\"note\">An agent that spoke of it is silent: what follows is the last that is "
			      "known.</p>");
	doubts(a, out);
	members(a, out);
	finding_rows_open(a, NULL, out);
	timeline_node(a, &chart);
	if (chart.n) {
		html_add(out, "<section><h2>The last 24 hours</h2>");
		chart_draw(&chart, "Findings about it by time", out);
		html_add(out, "</section>");
	}
	finding_rows_shadow(a, out);
	finding_rows_resolved(a, out);
	holders(a, out);
	command(self, out);
	page_end(out, a->as_of, REFRESH_S);
}

void page_choices(const struct answer *a, struct buf *out)
{
	page_begin(out, "several of that name", NULL, NULL, 0);
	html_add(out, "<h1>several of that name</h1><p>");
	html_text(out, a->message);
	html_add(out, "</p><ul class=\"plain\">");
	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		if (!is(w, "candidate"))
			continue;
		html_add(out, "<li><a href=\"/");
		html_path(out, entity_kind_name(w->kind));
		html_add(out, "/");
		if (w->node[0]) {
			html_path(out, w->node);
			html_add(out, ":");
		}
		html_path(out, w->id);
		html_add(out, "\"><bdi>");
		html_text_cut(out, w->id, PAGE_MAX_TITLE);
		html_add(out, "</bdi></a> ");
		html_text_cut(out, w->name, PAGE_MAX_TITLE);
		html_add(out, w->node[0] ? ", node " : "");
		html_text_cut(out, w->node, PAGE_MAX_TITLE);
		html_add(out, "</li>");
	}
	html_add(out, "</ul>");
	page_end(out, a->as_of, 0);
}

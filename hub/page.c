// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"
#include "hub/html.h"

static void head(struct buf *out, const char *title, bool refresh)
{
	html_add(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width\">");
	if (refresh)
		html_add(out, "<meta http-equiv=\"refresh\" content=\"30\">");
	html_add(out, "<link rel=\"stylesheet\" href=\"/style.css\"><title>");
	html_text(out, title);
	html_add(out, " - why</title></head><body>");
}

static void foot(struct buf *out, wall_ns_t as_of)
{
	html_add(out, "<footer>as of ");
	html_time(out, as_of);
	html_add(out, " UTC, whyhub " WHY_VERSION "</footer></body></html>\n");
}

/* A word and a sign besides the colour. */
static void status(struct buf *out, const char *word)
{
	static const struct {
		const char *word, *sign;
	} known[] = { { "critical", "\xe2\x9c\x96" },
		      { "warning", "\xe2\x96\xb2" },
		      { "healthy", "\xe2\x9c\x93" },
		      { "unknown", "?" },
		      { "info", "i" },
		      { "resolved", "\xe2\x9c\x93" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i].word) == 0) {
			(void)buf_addf(out, "<span class=\"s %s\">%s %s</span>", word, known[i].sign, word);
			return;
		}
	}
	html_text(out, word);
}

static const char *finding_status(const struct finding *f)
{
	return f->state == FINDING_RESOLVED ? "resolved" : severity_name(f->severity);
}

static void entity(struct buf *out, const struct finding_entity *e)
{
	html_text(out, entity_kind_name(e->kind));
	html_add(out, " ");
	html_text(out, e->name && *e->name ? e->name : e->id);
}

static void finding_link(struct buf *out, const char *id, const char *text)
{
	html_add(out, "<a href=\"/i/");
	html_path(out, id);
	html_add(out, "\">");
	html_text(out, text && *text ? text : id);
	html_add(out, "</a>");
}

static const struct finding *find(const struct answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		if (strcmp(a->findings[i]->id, id) == 0)
			return a->findings[i];
	}
	return NULL;
}

/* ---- the fleet ---- */

static void fleet_table(const struct answer *fleet, struct buf *out)
{
	html_add(out, "<h2>Nodes</h2>");
	if (fleet->n_lines == 0) {
		html_add(out, "<p class=\"note\">No agent has ever connected to this hub. Start one with <code>whyd "
			      "--hub HOST:7443</code>.</p>");
		return;
	}
	html_add(out, "<table><thead><tr><th>status<th>node<th>what<th>last seen<th>agent</tr></thead><tbody>");
	for (size_t i = 0; i < fleet->n_lines && i < PAGE_MAX_NODES; i++) {
		const struct answer_line *l = &fleet->lines[i];

		html_add(out, "<tr><td>");
		status(out, l->status);
		html_add(out, "<td>");
		html_text(out, l->what);
		html_add(out, "<td>");
		html_text(out, l->text);
		html_add(out, "<td>");
		html_time(out, l->at);
		html_add(out, "<td>");
		html_text(out, l->detail);
		html_add(out, "</tr>");
	}
	html_add(out, "</tbody></table>");
	if (fleet->n_lines > PAGE_MAX_NODES || fleet->next_cursor[0])
		(void)buf_addf(out,
			       "<p class=\"note\">Only the %d worst are shown; <code>why fleet</code> lists all.</p>",
			       PAGE_MAX_NODES);
}

static void open_table(const struct answer *a, struct buf *out)
{
	size_t n = 0;

	html_add(out, "<h2>Open findings, most severe first</h2>");
	for (size_t i = 0; i < a->n_findings; i++)
		n += !a->findings[i]->shadow;
	if (n == 0) {
		html_add(out, "<p>No open finding.</p>");
		return;
	}
	html_add(out, "<table><thead><tr><th>severity<th>what is "
		      "wrong<th>node<th>about<th>confidence<th>since</tr></thead><tbody>");
	n = 0;
	for (size_t i = 0; i < a->n_findings && n < PAGE_MAX_FINDINGS; i++) {
		const struct finding *f = a->findings[i];

		if (f->shadow)
			continue;
		n++;
		html_add(out, "<tr><td>");
		status(out, finding_status(f));
		html_add(out, "<td>");
		finding_link(out, f->id, f->title);
		if (f->simulated)
			html_add(out, " (simulated)");
		html_add(out, "<td>");
		html_text(out, f->node);
		html_add(out, "<td>");
		entity(out, &f->subject);
		html_add(out, "<td>");
		if (f->kind == FINDING_CAUSE)
			html_textf(out, "%s %.2f", finding_confidence_word(f->confidence), f->confidence);
		else
			html_add(out, "symptom, unexplained");
		html_add(out, "<td>");
		html_time(out, f->opened_at);
		html_add(out, "</tr>");
	}
	html_add(out, "</tbody></table>");
	if (a->truncated || n == PAGE_MAX_FINDINGS)
		html_add(out, "<p class=\"note\">There are more; <code>why findings</code> lists all.</p>");
}

void page_fleet(const struct answer *fleet, const struct answer *open_findings, struct buf *out)
{
	char headline[256];

	answer_headline(open_findings, headline, sizeof(headline));
	head(out, "fleet", true);
	html_add(out, "<h1>Fleet: ");
	html_text(out, headline);
	html_add(out, "</h1>");
	open_table(open_findings, out);
	fleet_table(fleet, out);
	foot(out, fleet->as_of);
}

/* ---- one finding ---- */

static void term(struct buf *out, const char *name)
{
	(void)buf_addf(out, "<dt>%s<dd>", name);
}

static void summary(const struct finding *f, struct buf *out)
{
	html_add(out, "<dl>");
	term(out, "status");
	status(out, finding_status(f));
	if (f->flapping)
		html_add(out, " flapping");
	if (f->simulated)
		html_add(out, " simulated");
	if (f->shadow)
		html_add(out, " rule on trial");
	term(out, "node");
	html_text(out, f->node);
	term(out, "about");
	entity(out, &f->subject);
	term(out, "rule");
	html_text(out, f->rule);
	if (f->kind == FINDING_CAUSE) {
		term(out, "confidence");
		html_textf(out, "%s %.2f, coverage %.2f", finding_confidence_word(f->confidence), f->confidence,
			   f->coverage);
	}
	term(out, "since");
	html_time(out, f->opened_at);
	if (f->resolved_at) {
		term(out, "resolved");
		html_time(out, f->resolved_at);
		html_add(out, " ");
		html_text(out, f->resolved_reason);
	}
	html_add(out, "</dl>");
}

static void because(const struct answer *a, const struct finding *f, struct buf *out)
{
	if (f->n_because == 0)
		return;
	html_add(out, "<h2>Because</h2><ul>");
	for (size_t i = 0; i < f->n_because; i++) {
		const struct finding *deeper = find(a, f->because[i]);

		html_add(out, "<li>");
		finding_link(out, f->because[i], deeper ? deeper->title : NULL);
	}
	html_add(out, "</ul>");
}

static void explains(const struct finding *f, struct buf *out)
{
	if (f->n_explains == 0 && f->n_affected == 0)
		return;
	html_add(out, "<h2>Explains</h2><ul>");
	for (size_t i = 0; i < f->n_explains; i++) {
		html_add(out, "<li>");
		if (f->explains[i].finding[0])
			finding_link(out, f->explains[i].finding, f->explains[i].symptom);
		else
			html_text(out, f->explains[i].symptom);
		html_add(out, " on ");
		entity(out, &f->explains[i].subject);
		html_add(out, " ");
		html_time(out, f->explains[i].at);
	}
	for (size_t i = 0; i < f->n_affected; i++) {
		html_add(out, "<li>affected: ");
		entity(out, &f->affected[i]);
	}
	if (f->more_explains + f->more_affected)
		html_textf(out, "and %zu more", f->more_explains + f->more_affected);
	html_add(out, "</ul>");
}

static void evidence(const struct finding *f, struct buf *out)
{
	if (f->n_evidence == 0)
		return;
	html_add(out, "<h2>Evidence</h2><table><thead><tr><th>role<th>what was "
		      "seen<th>observed<th>expected<th>source<th>until</tr></thead><tbody>");
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		html_add(out, "<tr><td>");
		html_text(out, e->role);
		html_add(out, "<td>");
		html_text(out, e->text);
		html_add(out, "<td>");
		if (e->observed_text && *e->observed_text)
			html_text(out, e->observed_text);
		else if (!isnan(e->observed))
			html_textf(out, "%.6g %s", e->observed, unit_name(e->unit));
		html_add(out, "<td>");
		html_text(out, e->expected);
		html_add(out, "<td>");
		html_text(out, e->source);
		html_add(out, "<td>");
		html_time(out, e->to);
		html_add(out, "</tr>");
	}
	html_add(out, "</tbody></table>");
}

static void not_said(const struct finding *f, struct buf *out)
{
	if (f->n_ruled_out) {
		html_add(out, "<h2>Ruled out</h2><ul>");
		for (size_t i = 0; i < f->n_ruled_out; i++) {
			html_add(out, "<li>");
			html_text(out, f->ruled_out[i].rule);
			html_add(out, ": ");
			html_text(out, f->ruled_out[i].reason);
		}
		html_add(out, "</ul>");
	}
	if (f->n_cannot_tell) {
		html_add(out, "<h2>Cannot tell</h2><ul>");
		for (size_t i = 0; i < f->n_cannot_tell; i++) {
			html_add(out, "<li>");
			html_text(out, f->cannot_tell[i].what);
			html_add(out, ": ");
			html_text(out, f->cannot_tell[i].why);
		}
		html_add(out, "</ul>");
	}
}

static bool is_link(const char *url)
{
	return url && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0);
}

static void remedy(const struct finding *f, struct buf *out)
{
	html_add(out, "<h2>Do</h2><p><strong>");
	html_text(out, remedy_action_name(f->remedy.action));
	html_add(out, "</strong>");
	if (f->remedy.then != REMEDY_NONE) {
		html_add(out, ", then ");
		html_text(out, remedy_action_name(f->remedy.then));
	}
	html_add(out, "</p><p>");
	html_text(out, f->remedy.text);
	html_add(out, "</p>");
	for (size_t i = 0; i < f->remedy.n_check; i++) {
		html_add(out, "<pre>");
		html_text(out, f->remedy.check[i]);
		html_add(out, "</pre>");
	}
	if (is_link(f->doc)) {
		html_add(out, "<p><a rel=\"noreferrer noopener\" href=\"");
		html_text(out, f->doc);
		html_add(out, "\">more about this cause</a></p>");
	}
}

void page_finding(const struct answer *a, const struct finding *f, struct buf *out)
{
	head(out, f->title, f->state != FINDING_RESOLVED);
	html_add(out, "<p><a href=\"/\">fleet</a></p><h1>");
	html_text(out, f->title);
	html_add(out, "</h1>");
	if (a->stale && f->state != FINDING_RESOLVED) {
		html_add(out, "<p class=\"note\">The agent of this node is silent since ");
		html_time(out, a->agent_last_seen);
		html_add(out, ": this is the last that is known.</p>");
	}
	summary(f, out);
	because(a, f, out);
	explains(f, out);
	evidence(f, out);
	not_said(f, out);
	remedy(f, out);
	html_add(out, "<p><code>");
	html_text(out, f->id);
	html_add(out, "</code> revision ");
	html_textf(out, "%llu, rules %s", (unsigned long long)f->revision, f->rules_digest ? f->rules_digest : "");
	html_add(out, "</p>");
	foot(out, a->as_of);
}

void page_message(const char *title, const char *text, struct buf *out)
{
	head(out, title, false);
	html_add(out, "<p><a href=\"/\">fleet</a></p><h1>");
	html_text(out, title);
	html_add(out, "</h1><p>");
	html_text(out, text);
	html_add(out, "</p></body></html>\n");
}

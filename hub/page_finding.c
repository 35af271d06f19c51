// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include <string.h>

#include "hub/html.h"
#include "hub/timeline.h"
#include "hub/widget.h"

#define REFRESH_S   60 /* slow: somebody may be selecting a command */
#define RELATIVE_NS (3600 * NS_PER_S) /* within it, a time's distance from the opening says more than its date */

static const char *title_of(const struct finding *f)
{
	return f->title && *f->title ? f->title : f->rule ? f->rule : f->id;
}

static void section(struct buf *out, const char *title)
{
	(void)buf_addf(out, "<section><h2>%s</h2>", title);
}

/* A time, and how far from the opening. */
static void stamp(const struct finding *f, wall_ns_t t, struct buf *out)
{
	uint64_t apart = t > f->opened_at ? t - f->opened_at : f->opened_at - t;
	char text[48];

	html_add(out, "<span class=\"when\">");
	html_clock(out, t, f->opened_at);
	if (t && apart >= NS_PER_MS && apart < RELATIVE_NS) {
		clock_format_duration(apart, text, sizeof(text));
		(void)buf_addf(out, " <small>%s%s</small>", t > f->opened_at ? "+" : "\xe2\x88\x92", text);
	}
	html_add(out, "</span>");
}

/* ---- the headline ---- */

static void since(const struct answer *a, const struct finding *f, struct buf *out)
{
	if (f->state != FINDING_RESOLVED) {
		html_add(out, "since ");
		html_time(out, f->opened_at);
		html_add(out, " (");
		widget_span(out, f->opened_at, a->as_of);
		html_add(out, ")");
		return;
	}
	html_add(out, "resolved ");
	html_time(out, f->resolved_at);
	html_add(out, " after ");
	widget_span(out, f->opened_at, f->resolved_at);
	if (f->resolved_reason && *f->resolved_reason) {
		html_add(out, ": ");
		html_text(out, f->resolved_reason);
	}
}

static void head(const struct answer *a, const struct finding *f, struct buf *out)
{
	const char *status = widget_finding_status(f);

	(void)buf_addf(out, "<header class=\"head h-%s\">", widget_class(status));
	widget_status(out, status);
	widget_marks(out, f);
	html_add(out, "<h1><bdi>");
	html_text_cut(out, title_of(f), 2 * PAGE_MAX_TITLE);
	html_add(out, "</bdi></h1><p class=\"facts\">");
	since(a, f, out);
	html_add(out, " \xc2\xb7 on ");
	widget_node(out, f->node);
	html_add(out, " \xc2\xb7 ");
	widget_entity(out, &f->subject);
	html_add(out, "</p><p class=\"facts\"><code>");
	html_text(out, f->rule);
	html_add(out, "</code>");
	if (f->kind == FINDING_CAUSE)
		html_textf(out, " \xc2\xb7 %s %.2f \xc2\xb7 coverage %.2f", finding_confidence_word(f->confidence),
			   f->confidence, f->coverage);
	else
		html_add(out, f->n_because ? " \xc2\xb7 symptom" : " \xc2\xb7 symptom, unexplained");
	html_add(out, "</p><p class=\"jump\"><a href=\"#do\">what to do"); /* seen where the box is below, not beside */
	if (f->remedy.action != REMEDY_NONE)
		(void)buf_addf(out, ": %s", remedy_action_name(f->remedy.action));
	html_add(out, " \xe2\x86\x93</a></p></header>");
	if (a->stale && f->state != FINDING_RESOLVED) {
		html_add(out, "<p class=\"note\">The agent of this node is silent since ");
		html_time(out, a->agent_last_seen);
		html_add(out, ": this is the last that is known. Is the node up? Is whyd running there?</p>");
	}
	if (f->simulated)
		html_add(out, "<p class=\"note\">Made from simulated readings (a test log or a recording): nothing of this "
			      "has to be true of the node.</p>");
	if (f->kind == FINDING_CAUSE && f->coverage < 0.5)
		html_add(out, "<p class=\"note\">Less than half of the evidence for this cause could be seen: take it "
			      "as a hint.</p>");
}

/* ---- why ---- */

static void reading(const struct finding_evidence *e, struct buf *out)
{
	html_add(out, "<div class=\"sub\">");
	html_text(out, e->role);
	if (e->metric && *e->metric) {
		html_add(out, " \xc2\xb7 <code>");
		html_text(out, e->metric);
		html_add(out, "</code> ");
	} else {
		html_add(out, " \xc2\xb7 ");
	}
	html_add(out, "<b>");
	widget_observed(out, e);
	html_add(out, "</b>");
	if (e->expected && *e->expected) {
		html_add(out, " (expected ");
		html_text(out, e->expected);
		html_add(out, ")");
	}
	if (e->source && *e->source) {
		html_add(out, " \xc2\xb7 by ");
		html_text(out, e->source);
	}
	html_add(out, "</div>");
}

static bool is_against(const struct finding_evidence *e)
{
	return e->role && strcmp(e->role, "refutes") == 0;
}

static void evidence(const struct finding *f, bool against, struct buf *out)
{
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		if (is_against(e) != against)
			continue;
		html_add(out, "<li><div class=\"said\"><bdi>");
		html_text(out, e->text && *e->text ? e->text : e->id);
		html_add(out, "</bdi>");
		reading(e, out);
		html_add(out, "</div>");
		stamp(f, e->to, out);
		html_add(out, "</li>");
	}
}

static void deeper(const struct answer *a, const struct finding *f, struct buf *out)
{
	for (size_t i = 0; i < f->n_because; i++) {
		const struct finding *cause = widget_find(a, f->because[i]);

		html_add(out, "<li class=\"deeper\"><div class=\"said\"><b>");
		widget_finding(out, f->because[i], cause ? title_of(cause) : "a deeper cause");
		html_add(out, "</b><div class=\"sub\">deeper cause");
		if (cause) {
			html_add(out, " \xc2\xb7 ");
			html_text(out, cause->rule);
		}
		html_add(out, "</div></div>");
		stamp(f, cause ? cause->opened_at : 0, out);
		html_add(out, "</li>");
	}
}

static void because(const struct answer *a, const struct finding *f, struct buf *out)
{
	size_t n_against = 0;

	for (size_t i = 0; i < f->n_evidence; i++)
		n_against += is_against(&f->evidence[i]);
	section(out, "Because");
	if (f->n_because + f->n_evidence == n_against)
		html_add(out, "<p class=\"none\">No evidence came with it.</p>");
	html_add(out, "<ol class=\"items\">");
	deeper(a, f, out);
	evidence(f, false, out);
	html_add(out, "</ol></section>");
	if (n_against == 0)
		return;
	section(out, "Against");
	html_add(out, "<ol class=\"items\">");
	evidence(f, true, out);
	html_add(out, "</ol></section>");
}

static void more(size_t n, struct buf *out)
{
	if (n)
		(void)buf_addf(out, "<li class=\"sub\">and %zu more</li>", n);
}

static void explains(const struct answer *a, const struct finding *f, struct buf *out)
{
	if (f->n_explains == 0)
		return;
	section(out, "Explains");
	html_add(out, "<ol class=\"items\">");
	for (size_t i = 0; i < f->n_explains; i++) {
		const struct finding_explained *e = &f->explains[i];
		const struct finding *symptom = e->finding[0] ? widget_find(a, e->finding) : NULL;

		html_add(out, "<li><div class=\"said\"><bdi>");
		if (e->finding[0])
			widget_finding(out, e->finding, symptom ? title_of(symptom) : e->symptom);
		else
			html_text(out, e->symptom);
		html_add(out, "</bdi><div class=\"sub\">");
		if (symptom) {
			html_text(out, e->symptom);
			html_add(out, " \xc2\xb7 ");
		}
		widget_entity(out, &e->subject);
		html_add(out, "</div></div>");
		stamp(f, e->at, out);
		html_add(out, "</li>");
	}
	more(f->more_explains, out);
	html_add(out, "</ol></section>");
}

static void affected(const struct finding *f, struct buf *out)
{
	if (f->n_affected == 0)
		return;
	section(out, "Affected");
	html_add(out, "<ul class=\"chips\">");
	for (size_t i = 0; i < f->n_affected; i++) {
		html_add(out, "<li>");
		widget_entity(out, &f->affected[i]);
		html_add(out, "</li>");
	}
	more(f->more_affected, out);
	html_add(out, "</ul></section>");
}

static void doubt(struct buf *out, const char *name, const char *text)
{
	html_add(out, "<li><code>");
	html_text(out, name);
	html_add(out, "</code> <bdi>");
	html_text(out, text);
	html_add(out, "</bdi></li>");
}

static void doubts(const struct finding *f, struct buf *out)
{
	if (f->n_ruled_out) {
		section(out, "Ruled out");
		html_add(out, "<ul class=\"plain out\">");
		for (size_t i = 0; i < f->n_ruled_out; i++)
			doubt(out, f->ruled_out[i].rule, f->ruled_out[i].reason);
		html_add(out, "</ul></section>");
	}
	if (f->n_cannot_tell) {
		section(out, "Cannot tell");
		html_add(out, "<ul class=\"plain cannot\">");
		for (size_t i = 0; i < f->n_cannot_tell; i++)
			doubt(out, f->cannot_tell[i].what, f->cannot_tell[i].why);
		html_add(out, "</ul></section>");
	}
}

/* ---- what to do ---- */

static bool is_link(const char *url)
{
	return url && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0);
}

static void check(struct buf *out, const char *before, const char *text)
{
	html_add(out, "<li><pre tabindex=\"0\"><code>");
	html_add(out, before);
	html_text(out, text);
	html_add(out, "</code></pre></li>");
}

static void actions(const struct finding *f, struct buf *out)
{
	bool first = f->remedy.action != REMEDY_NONE;

	if (!first && f->remedy.then == REMEDY_NONE) {
		if (!f->remedy.text || !*f->remedy.text)
			html_add(out, "<p>The rule names nothing to do.</p>");
		return;
	}
	html_add(out, "<p class=\"action\">");
	if (first)
		(void)buf_addf(out, "<strong>%s</strong>", remedy_action_name(f->remedy.action));
	if (f->remedy.then != REMEDY_NONE)
		(void)buf_addf(out, "%s <strong>%s</strong> if that does not help", first ? ", then" : "then",
			       remedy_action_name(f->remedy.then));
	html_add(out, "</p>");
}

static void remedy(const struct finding *f, struct buf *out)
{
	html_add(out, "<aside id=\"do\" aria-label=\"what to do\"><h2>Do</h2>");
	actions(f, out);
	if (f->remedy.text && *f->remedy.text) {
		html_add(out, "<p><bdi>");
		html_text(out, f->remedy.text);
		html_add(out, "</bdi></p>");
	}
	if (f->remedy.n_check) {
		html_add(out, "<h3>check</h3><p class=\"hint\">One click marks a whole command.</p><ul class=\"checks\">");
		for (size_t i = 0; i < f->remedy.n_check; i++)
			check(out, "", f->remedy.check[i]);
		html_add(out, "</ul>");
	}
	html_add(out, "<h3>ask on</h3><ul class=\"checks\">");
	check(out, "why --evidence ", f->id);
	check(out, "why timeline ", f->node);
	html_add(out, "</ul>");
	if (is_link(f->doc)) {
		html_add(out, "<p><a rel=\"noreferrer noopener\" href=\"");
		html_text(out, f->doc);
		html_add(out, "\">more about this cause</a></p>");
	}
	html_add(out, "</aside>");
}

static void picture(const struct answer *a, const struct finding *f, struct buf *out)
{
	struct chart chart;

	timeline_finding(a, f, &chart);
	if (chart.n == 0)
		return;
	section(out, "Timeline");
	chart_draw(&chart, "When it was seen, when it opened, what it explains; the same in words below", out);
	html_add(out, "</section>");
}

static void origin(const struct finding *f, struct buf *out)
{
	html_add(out, "<p class=\"facts\"><code>");
	html_text(out, f->id);
	html_add(out, "</code> \xc2\xb7 ");
	html_textf(out, "revision %llu", (unsigned long long)f->revision);
	if (f->rules_digest && *f->rules_digest) {
		html_add(out, " \xc2\xb7 rules <code>");
		html_text_cut(out, f->rules_digest, 16);
		html_add(out, "</code>");
	}
	html_add(out, " \xc2\xb7 <a href=\"/api/v1/findings/");
	html_path(out, f->id);
	html_add(out, "\">JSON</a></p>");
}

void page_finding(const struct answer *a, const struct finding *f, struct buf *out)
{
	unsigned refresh_s = f->state != FINDING_RESOLVED ? REFRESH_S : 0;

	page_begin(out, title_of(f), f->node, "finding", refresh_s);
	head(a, f, out);
	picture(a, f, out);
	html_add(out, "<div class=\"two\"><div>");
	because(a, f, out);
	explains(a, f, out);
	affected(f, out);
	doubts(f, out);
	html_add(out, "</div>");
	remedy(f, out);
	html_add(out, "</div>");
	origin(f, out);
	page_end(out, a->as_of, refresh_s);
}

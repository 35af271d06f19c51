// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"

#define LINE       2048
#define MAX_DOUBTS 4U
#define CONFIRMED  0.85 /* as finding_confidence_word() says */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void render_entity(const struct finding_entity *e, char *ret_text, size_t size)
{
	const char *name = e->name && e->name[0] ? e->name
			   : e->id && e->id[0]   ? e->id
						 : "?",
		   *kind = entity_kind_name(e->kind);

	if (strncasecmp(name, kind, strlen(kind)) == 0)
		snprintf(ret_text, size, "%s", name);
	else
		snprintf(ret_text, size, "%s %s", kind, name);
}

static size_t limit(const struct common *c, size_t n)
{
	/* One more is not worth a line that says there is one more. */
	return c->all || c->evidence || n <= RENDER_MAX_ITEMS + 1 ? n : RENDER_MAX_ITEMS;
}

static void more(struct page *p, size_t n)
{
	char line[64];

	if (n == 0)
		return;
	snprintf(line, sizeof(line), "and %zu more", n);
	page_row(p, "", STYLE_DIM, line, NULL);
}

static const struct finding *find(const struct answer *a, const char *id)
{
	for (size_t i = 0; a && i < a->n_findings; i++)
		if (strcmp(a->findings[i]->id, id) == 0)
			return a->findings[i];
	return NULL;
}

/* ---- title ------------------------------------------------------------------------------------------ */

static void add_marks(struct page *p, const struct finding *f)
{
	char count[48];

	if (f->simulated)
		page_text(p, STYLE_ODD, " [SIMULATED]");
	if (f->shadow)
		page_text(p, STYLE_ODD, " [SHADOW: rule on trial]");
	if (f->flapping)
		page_text(p, STYLE_WARNING, " [flapping]");
	if (f->count > 1) {
		text_format_count((double)f->count, count, sizeof(count));
		page_textf(p, STYLE_PLAIN, " (%s times)", count);
	}
}

static void add_since(const struct page *p, const struct finding *f, struct text *t)
{
	char opened[48], lasted[48], resolved[48];

	page_time(p, f->opened_at, false, opened, sizeof(opened));
	if (f->state != FINDING_RESOLVED) {
		page_span(f->opened_at, p->now, lasted, sizeof(lasted));
		text_addf(t, "since %s (%s)", opened, lasted);
		return;
	}
	page_time(p, f->resolved_at, false, resolved, sizeof(resolved));
	page_span(f->opened_at, f->resolved_at, lasted, sizeof(lasted));
	text_addf(t, "resolved %s after %s", resolved, lasted);
	if (f->resolved_reason && f->resolved_reason[0])
		text_addf(t, ": %s", f->resolved_reason);
}

static void title(struct page *p, const struct answer *a, const struct finding *f)
{
	enum style style = f->state == FINDING_RESOLVED ? STYLE_GOOD
			   : f->shadow                  ? STYLE_ODD
							: page_severity_style(f->severity);
	const char *dot = page_dot(p);
	char line[LINE];
	struct text t;

	page_pad(p, 2);
	page_text(p, style, page_bullet(p));
	page_pad(p, PAGE_LABEL);
	page_wrap(p, style == STYLE_PLAIN ? STYLE_BOLD : style, PAGE_LABEL, 0,
		  f->title && f->title[0] ? f->title : or_empty(f->rule));
	add_marks(p, f);
	page_break(p);
	text_init(&t, line, sizeof(line));
	text_addf(&t, "%s%s%s", or_empty(f->rule), dot, severity_name(f->severity));
	if (f->kind == FINDING_CAUSE)
		text_addf(&t, "%s%s %.2f%scoverage %.2f", dot, finding_confidence_word(f->confidence), f->confidence, dot,
			  f->coverage);
	text_add(&t, dot);
	add_since(p, f, &t);
	if (f->node && f->node[0] && !(a && a->node && strcmp(a->node, f->node) == 0))
		text_addf(&t, "%s%s", dot, f->node);
	page_pad(p, PAGE_LABEL);
	page_wrap(p, STYLE_DIM, PAGE_LABEL, 0, line);
	page_break(p);
}

/* ---- why -------------------------------------------------------------------------------------------- */

static void format_observed(const struct finding_evidence *e, char *ret_text, size_t size)
{
	ret_text[0] = '\0';
	if (e->observed_text)
		snprintf(ret_text, size, "%s", e->observed_text);
	else if (isnan(e->observed))
		return;
	else if (e->unit == UNIT_BYTES)
		text_format_bytes(e->observed, ret_text, size);
	else if (e->unit == UNIT_RATIO)
		text_format_ratio(e->observed, ret_text, size);
	else if (e->unit == UNIT_NS && e->observed >= 0)
		clock_format_duration((uint64_t)e->observed, ret_text, size);
	else
		text_format_count(e->observed, ret_text, size);
}

/* The reading behind the sentence: for those who doubt it. */
static void evidence_reading(struct page *p, const struct finding_evidence *e)
{
	char observed[256], from[48], line[LINE];
	struct text t;

	text_init(&t, line, sizeof(line));
	format_observed(e, observed, sizeof(observed));
	text_addf(&t, "%s: %s", or_empty(e->role), or_empty(e->id));
	if (e->metric && e->metric[0])
		text_addf(&t, ": %s", e->metric);
	if (observed[0])
		text_addf(&t, " = %s", observed);
	if (e->expected && e->expected[0])
		text_addf(&t, " (%s)", e->expected);
	if (e->source && e->source[0])
		text_addf(&t, " by %s", e->source);
	if (e->from && e->from < e->to) {
		page_time(p, e->from, false, from, sizeof(from));
		text_addf(&t, " since %s", from);
	}
	page_pad(p, PAGE_BODY);
	page_pad(p, PAGE_BODY + 2);
	page_wrap(p, STYLE_DIM, PAGE_BODY + 2, 0, line);
	page_break(p);
}

static bool is_against(const struct finding_evidence *e)
{
	return e->role && strcmp(e->role, "refutes") == 0;
}

/* A symptom's title says what its condition found; the condition is for who doubts it. */
static bool is_condition(const struct finding *f, const struct finding_evidence *e)
{
	return f->kind == FINDING_SYMPTOM && e->id && strcmp(e->id, "when") == 0 && f->title && f->title[0];
}

static void evidence(struct page *p, const struct finding *f, const struct common *c, bool against)
{
	const char *label = against ? "against" : f->n_because ? "" : "because";
	char at[48];

	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		if (is_against(e) != against || (is_condition(f, e) && !c->evidence))
			continue;
		page_time(p, e->to, e->from == e->to, at, sizeof(at));
		page_row(p, label, STYLE_PLAIN, e->text && e->text[0] ? e->text : or_empty(e->id), e->to ? at : NULL);
		label = "";
		if (c->evidence)
			evidence_reading(p, e);
	}
}

static void because(struct page *p, const struct answer *a, const struct finding *f)
{
	char line[LINE];
	struct text t;

	for (size_t i = 0; i < f->n_because; i++) {
		const struct finding *deeper = find(a, f->because[i]);

		text_init(&t, line, sizeof(line));
		if (deeper)
			text_addf(&t, "%s (%s)",
				  deeper->title && deeper->title[0] ? deeper->title : or_empty(deeper->rule),
				  or_empty(deeper->rule));
		else
			text_addf(&t, "a deeper cause: why %s", f->because[i]);
		page_row(p, i ? "" : "because", STYLE_BOLD, line, NULL);
	}
}

static void explains(struct page *p, const struct answer *a, const struct finding *f, const struct common *c)
{
	size_t n = limit(c, f->n_explains);
	char line[LINE], subject[512], at[48];

	for (size_t i = 0; i < n; i++) {
		const struct finding_explained *e = &f->explains[i];
		const struct finding *symptom = e->finding[0] ? find(a, e->finding) : NULL;

		render_entity(&e->subject, subject, sizeof(subject));
		if (symptom && symptom->title && symptom->title[0])
			snprintf(line, sizeof(line), "%s", symptom->title);
		else
			snprintf(line, sizeof(line), "%s on %s", or_empty(e->symptom), subject);
		page_time(p, e->at, false, at, sizeof(at));
		page_row(p, i ? "" : "explains", STYLE_PLAIN, line, e->at ? at : NULL);
	}
	more(p, f->n_explains - n + f->more_explains);
}

static void affected(struct page *p, const struct finding *f, const struct common *c)
{
	size_t n = limit(c, f->n_affected), left = f->n_affected - n + f->more_affected;
	char line[4 * LINE], name[512];
	struct text t;

	if (f->n_affected == 0)
		return;
	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < n; i++) {
		render_entity(&f->affected[i], name, sizeof(name));
		text_addf(&t, "%s%s", i ? ", " : "", name);
	}
	if (left > 0)
		text_addf(&t, " and %zu more", left);
	page_row(p, "affected", STYLE_PLAIN, line, NULL);
}

static bool same_reason(const struct finding_ruled_out *a, const struct finding_ruled_out *b)
{
	return strcmp(or_empty(a->reason), or_empty(b->reason)) == 0;
}

/* Else it is an evidence of its own that would have spoken against it and is absent: its name tells nobody anything. */
static bool is_rival(const struct finding_ruled_out *r)
{
	return strchr(or_empty(r->rule), '.') != NULL;
}

/* In one breath, those with the same reason together. */
static void ruled_out(struct page *p, const struct finding *f)
{
	char line[4 * LINE];
	struct text t;

	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < f->n_ruled_out; i++) {
		const struct finding_ruled_out *r = &f->ruled_out[i];
		bool told = !is_rival(r);

		for (size_t k = 0; k < i && !told; k++)
			told = is_rival(&f->ruled_out[k]) && same_reason(&f->ruled_out[k], r);
		if (told)
			continue;
		text_addf(&t, "%s%s", t.len ? page_dot(p) : "", or_empty(r->rule));
		for (size_t k = i + 1; k < f->n_ruled_out; k++)
			if (is_rival(&f->ruled_out[k]) && same_reason(&f->ruled_out[k], r))
				text_addf(&t, ", %s", f->ruled_out[k].rule);
		if (r->reason && r->reason[0])
			text_addf(&t, " (%s)", r->reason);
	}
	if (t.len > 0)
		page_row(p, "ruled out", STYLE_PLAIN, line, NULL);
}

/* For those who doubt it a line each. */
static void ruled_out_in_full(struct page *p, const struct finding *f)
{
	char line[LINE];

	for (size_t i = 0; i < f->n_ruled_out; i++) {
		snprintf(line, sizeof(line), "%s: %s", or_empty(f->ruled_out[i].rule), or_empty(f->ruled_out[i].reason));
		page_row(p, i ? "" : "ruled out", STYLE_PLAIN, line, NULL);
	}
}

/* That a series is still short, or an event silent on a detail, is no news beside a confirmed cause; all else is. */
static bool is_doubt(const struct finding *f, const struct finding_unknown *u)
{
	const char *why = or_empty(u->why);

	return f->confidence < CONFIRMED ||
	       (strncmp(why, "too few samples", 15) != 0 && strncmp(why, "the event does not say", 22) != 0);
}

static void cannot_tell(struct page *p, const struct finding *f, const struct common *c)
{
	bool in_full = c->all || c->evidence;
	size_t n = 0, left = 0;
	char line[LINE];

	for (size_t i = 0; i < f->n_cannot_tell; i++) {
		const struct finding_unknown *u = &f->cannot_tell[i];

		if (!in_full && !is_doubt(f, u))
			continue;
		if (!in_full && n == MAX_DOUBTS) {
			left++;
			continue;
		}
		snprintf(line, sizeof(line), "%s: %s", or_empty(u->what), or_empty(u->why));
		page_row(p, n++ ? "" : "cannot tell", STYLE_PLAIN, line, NULL);
	}
	more(p, left);
}

/* ---- what to do ------------------------------------------------------------------------------------- */

static void remedy(struct page *p, const struct finding *f)
{
	char line[LINE];
	struct text t;
	bool has_action = f->remedy.action != REMEDY_NONE;

	text_init(&t, line, sizeof(line));
	if (has_action)
		text_add(&t, remedy_action_name(f->remedy.action));
	if (f->remedy.then != REMEDY_NONE)
		text_addf(&t, "%s %s if that does not help", has_action ? ", then" : "then",
			  remedy_action_name(f->remedy.then));
	if (line[0])
		page_row(p, "do", STYLE_BOLD, line, NULL);
	if (f->remedy.text && f->remedy.text[0])
		page_row(p, line[0] ? "" : "do", STYLE_PLAIN, f->remedy.text, NULL);
	for (size_t i = 0; i < f->remedy.n_check; i++) {
		page_pad(p, PAGE_LABEL);
		page_text(p, STYLE_DIM, i ? "" : "check");
		page_pad(p, PAGE_BODY);
		page_text(p, STYLE_PLAIN, or_empty(f->remedy.check[i])); /* never wrapped: it is copied */
		page_break(p);
	}
}

static void foot(struct page *p, const struct finding *f)
{
	char line[LINE];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_add(&t, f->id);
	if (f->doc && f->doc[0])
		text_addf(&t, "   %s", f->doc);
	page_row(p, "id", STYLE_DIM, line, NULL);
}

void render_finding(struct page *p, const struct answer *a, const struct finding *f, const struct common *c)
{
	title(p, a, f);
	because(p, a, f);
	evidence(p, f, c, false);
	evidence(p, f, c, true);
	explains(p, a, f, c);
	affected(p, f, c);
	if (c->all || c->evidence)
		ruled_out_in_full(p, f);
	else
		ruled_out(p, f);
	cannot_tell(p, f, c);
	if (f->state != FINDING_RESOLVED || c->all)
		remedy(p, f);
	foot(p, f);
}

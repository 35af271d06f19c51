// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"

/* The parts of an explanation, in the order of their weight. */
#define MAX_IN_FULL 5 /* causes; the others get a line */
#define MAX_BRIEF   20

enum part { PART_CAUSES, PART_UNEXPLAINED, PART_SHADOW, PART_RESOLVED, PART_NONE };

bool render_is_explained(const struct answer *a, const struct finding *f)
{
	if (f->kind != FINDING_SYMPTOM)
		return false;
	if (f->n_because > 0)
		return true;
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *cause = a->findings[i];

		if (cause->state == FINDING_RESOLVED || cause->shadow)
			continue;
		for (size_t k = 0; k < cause->n_explains; k++)
			if (strcmp(cause->explains[k].finding, f->id) == 0)
				return true;
	}
	return false;
}

static enum part part_of(const struct answer *a, const struct finding *f)
{
	if (f->state == FINDING_RESOLVED)
		return PART_RESOLVED;
	if (f->shadow)
		return PART_SHADOW;
	if (f->kind == FINDING_CAUSE)
		return PART_CAUSES;
	/* Explained by a cause that is shown: its line "explains" says all. Asked for alone, it is shown itself. */
	return render_is_explained(a, f) && a->n_findings > 1 ? PART_NONE : PART_UNEXPLAINED;
}

static size_t count(const struct answer *a, enum part part)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_findings; i++)
		n += part_of(a, a->findings[i]) == part;
	return n;
}

static void brief(struct page *p, const struct finding *f)
{
	bool resolved = f->state == FINDING_RESOLVED;
	char when[48], lasted[48], line[1024];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_addf(&t, "%s%s", f->simulated ? "[SIMULATED] " : "",
		  f->title && f->title[0] ? f->title
		  : f->rule               ? f->rule
					  : "?");
	page_time(p, resolved ? f->resolved_at : f->opened_at, false, when, sizeof(when));
	page_span(f->opened_at, f->resolved_at, lasted, sizeof(lasted));
	if (resolved)
		text_addf(&t, "; lasted %s", lasted);
	else if (f->kind == FINDING_CAUSE)
		text_addf(&t, "; %s %.2f", finding_confidence_word(f->confidence), f->confidence);
	if (resolved && f->resolved_reason && f->resolved_reason[0])
		text_addf(&t, "; %s", f->resolved_reason);
	page_pad(p, PAGE_LABEL);
	page_text(p, STYLE_DIM, when);
	page_pad(p, PAGE_BODY);
	page_wrap(p, resolved ? STYLE_PLAIN : page_severity_style(f->severity), PAGE_BODY, 0, line);
	page_break(p);
}

/* The first `n_full` of a part in full, of the others a line each. */
static void part(struct page *p, const struct answer *a, const struct common *c, enum part wanted, size_t n_full)
{
	size_t n = 0, left = 0;

	for (size_t i = 0; i < a->n_findings; i++) {
		if (part_of(a, a->findings[i]) != wanted)
			continue;
		if (n++ < n_full) {
			page_gap(p);
			render_finding(p, a, a->findings[i], c);
			continue;
		}
		if (n_full > 0 && n == n_full + 1) {
			page_gap(p);
			page_pad(p, 2);
			page_text(p, STYLE_BOLD, "also");
			page_break(p);
		}
		if (n - n_full <= MAX_BRIEF || c->all)
			brief(p, a->findings[i]);
		else
			left++;
	}
	if (left > 0) {
		page_pad(p, PAGE_BODY);
		page_textf(p, STYLE_DIM, "and %zu more: --all, or `why list`", left);
		page_break(p);
	}
}

static void head_of_part(struct page *p, enum style style, const char *title, const char *hint)
{
	page_gap(p);
	page_pad(p, 2);
	page_text(p, style, title);
	if (hint)
		page_textf(p, STYLE_DIM, "  %s", hint);
	page_break(p);
}

void render_caution(struct page *p, const struct answer *a)
{
	char age[48], line[256];

	if (a->stale) {
		page_span(a->agent_last_seen, a->as_of, age, sizeof(age));
		snprintf(line, sizeof(line),
			 "The agent has been silent for %s: what follows is what it last said. Is the node up? Is whyd "
			 "running there?",
			 a->agent_last_seen ? age : "an unknown time");
	} else if (!a->evaluated) {
		snprintf(line, sizeof(line),
			 "Not everything has been evaluated yet: that nothing is found does not mean that nothing is "
			 "wrong. "
			 "Ask again in a few seconds.");
	} else if (answer_exit_status(a) == WHY_EXIT_UNKNOWN) {
		snprintf(line, sizeof(line),
			 "Less than half of the evidence for the best cause could be seen: take it as a hint.");
	} else {
		return;
	}
	page_gap(p);
	page_pad(p, 2);
	page_wrap(p, STYLE_ODD, 2, 0, line);
	page_break(p);
}

static void foot(struct page *p, const struct answer *a)
{
	char line[256];
	struct text t;

	text_init(&t, line, sizeof(line));
	if (a->rules_digest && a->rules_digest[0])
		text_addf(&t, "rules %.8s", a->rules_digest);
	if (a->agent_version && a->agent_version[0])
		text_addf(&t, "%swhyd %s", t.len ? page_dot(p) : "", a->agent_version);
	if (a->truncated)
		text_addf(&t, "%snot all fits: `why findings` pages through", t.len ? page_dot(p) : "");
	if (t.len == 0)
		return;
	page_gap(p);
	page_pad(p, 2);
	page_text(p, a->truncated ? STYLE_WARNING : STYLE_DIM, line);
	page_break(p);
}

void render_explain(struct page *p, const struct answer *a, const struct common *c)
{
	bool alone = a->n_findings == 1; /* asked for by its id, or there is nothing else: nothing to save room for */

	render_headline(p, a);
	if (a->message && a->message[0]) {
		page_pad(p, 2);
		page_wrap(p, STYLE_PLAIN, 2, 0, a->message);
		page_break(p);
	}
	render_caution(p, a);
	part(p, a, c, PART_CAUSES, c->all ? SIZE_MAX : MAX_IN_FULL);
	if (count(a, PART_UNEXPLAINED) > 0) {
		head_of_part(p, STYLE_BOLD, "unexplained", "(felt, and no rule knows the cause)");
		part(p, a, c, PART_UNEXPLAINED, c->all ? SIZE_MAX : MAX_IN_FULL);
	}
	if (count(a, PART_SHADOW) > 0) {
		head_of_part(p, STYLE_ODD, "shadow", "(rules on trial; nothing acts on them)");
		part(p, a, c, PART_SHADOW, c->all || alone ? SIZE_MAX : 0);
	}
	if (count(a, PART_RESOLVED) > 0) {
		head_of_part(p, STYLE_GOOD, "resolved", NULL);
		part(p, a, c, PART_RESOLVED, c->all || alone ? SIZE_MAX : 0);
	}
	render_unknown(p, a, c);
	foot(p, a);
}

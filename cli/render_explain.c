// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/likeness.h"
#include "cli/render.h"

/* The parts of an explanation, in the order of their weight. */
#define MAX_IN_FULL 5 /* causes; the others get a line */
#define MAX_BRIEF   20
#define MAX_RECENT  8
#define ID_LETTERS  12 /* enough to ask for it: why fnd_gpu00000 */

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

/* An effect of a cause that the answer tells of, open or not. */
static bool is_told(const struct answer *a, const struct finding *f)
{
	for (size_t i = 0; f->kind == FINDING_SYMPTOM && i < a->n_findings; i++)
		for (size_t k = 0; k < a->findings[i]->n_explains; k++) {
			const struct finding_explained *e = &a->findings[i]->explains[k];

			if (strcmp(e->finding, f->id) == 0 ||
			    (e->symptom && f->rule && e->subject.id && f->subject.id && strcmp(e->symptom, f->rule) == 0 &&
			     strcmp(e->subject.id, f->subject.id) == 0))
				return true;
		}
	return f->n_because > 0;
}

struct parts {
	const struct answer *answer;
	enum part part[ANSWER_MAX_FINDINGS];
	uint16_t first[ANSWER_MAX_FINDINGS]; /* of those alike: told; the others are counted */
};

static void sort_out(const struct answer *a, const struct common *c, struct parts *ret_parts)
{
	uint64_t digests[ANSWER_MAX_FINDINGS];
	bool recent = c->since_ns == 0 && !c->all && a->n_findings > 1;

	ret_parts->answer = a;
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		ret_parts->part[i] = part_of(a, f);
		if (recent && ret_parts->part[i] == PART_RESOLVED && is_told(a, f))
			ret_parts->part[i] = PART_NONE;
		digests[i] = c->all ? i : likeness_of(f, ret_parts->part[i]);
	}
	likeness_crowd(digests, a->n_findings, ret_parts->first);
}

static size_t count(const struct parts *s, enum part part)
{
	size_t n = 0;

	for (size_t i = 0; i < s->answer->n_findings; i++)
		n += s->part[i] == part;
	return n;
}

/* How many others there are like the i-th. */
static size_t count_alike(const struct parts *s, size_t i)
{
	size_t n = 0;

	for (size_t k = i + 1; k < s->answer->n_findings; k++)
		n += s->first[k] == i;
	return n;
}

static void alike(struct page *p, const struct parts *s, size_t i)
{
	const struct finding *const *findings = (const struct finding *const *)s->answer->findings;
	size_t n = count_alike(s, i), told = 0;
	char line[4096], name[512];
	struct text t;

	if (n == 0)
		return;
	text_init(&t, line, sizeof(line));
	text_addf(&t, "%zu more: ", n);
	for (size_t k = i + 1; k < s->answer->n_findings && told < RENDER_MAX_ITEMS; k++) {
		if (s->first[k] != i)
			continue;
		render_entity(&findings[k]->subject, name, sizeof(name));
		text_addf(&t, "%s%s", told++ ? ", " : "", name);
		if (findings[k]->node && findings[i]->node && strcmp(findings[k]->node, findings[i]->node) != 0)
			text_addf(&t, " on %s", findings[k]->node);
	}
	if (n > told)
		text_addf(&t, " and %zu more", n - told);
	text_add(&t, "; `why list` has them all");
	page_row(p, "alike", STYLE_PLAIN, line, NULL);
}

static void brief(struct page *p, const struct finding *f, size_t n_alike, bool dim)
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
	if (n_alike > 0)
		text_addf(&t, "; and %zu alike", n_alike);
	text_addf(&t, "; %.*s", ID_LETTERS, f->id);
	page_pad(p, PAGE_LABEL);
	page_text(p, STYLE_DIM, when);
	page_pad(p, PAGE_BODY);
	page_wrap(p, dim ? STYLE_DIM : resolved ? STYLE_PLAIN : page_severity_style(f->severity), PAGE_BODY, 0, line);
	page_break(p);
}

/* The first `n_full` of a part in full, `n_brief` others a line each. */
static void part(struct page *p, const struct parts *s, const struct common *c, enum part wanted, size_t n_full,
		 size_t n_brief)
{
	size_t n = 0, left = 0;

	for (size_t i = 0; i < s->answer->n_findings; i++) {
		const struct finding *f = s->answer->findings[i];

		if (s->part[i] != wanted || s->first[i] != i)
			continue;
		if (n++ < n_full) {
			page_gap(p);
			render_finding(p, s->answer, f, c);
			alike(p, s, i);
			continue;
		}
		if (n_full > 0 && n == n_full + 1) {
			page_gap(p);
			page_pad(p, 2);
			page_text(p, STYLE_BOLD, "also");
			page_break(p);
		}
		if (n - n_full <= n_brief)
			brief(p, f, count_alike(s, i), wanted == PART_RESOLVED && n_brief == MAX_RECENT);
		else
			left += 1 + count_alike(s, i);
	}
	if (left > 0) {
		page_pad(p, PAGE_BODY);
		page_textf(p, STYLE_DIM, "and %zu more: --all, or `why list%s`", left,
			   n_brief == MAX_RECENT ? " --since 15m" : "");
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

static void resolved(struct page *p, const struct parts *s, const struct common *c)
{
	const struct answer *a = s->answer;
	bool by_id = a->n_findings == 1 && a->target && strncmp(a->target, "fnd_", 4) == 0;

	if (count(s, PART_RESOLVED) == 0)
		return;
	if (c->since_ns > 0 || c->all || by_id) {
		head_of_part(p, STYLE_GOOD, "resolved", NULL);
		part(p, s, c, PART_RESOLVED, c->all || by_id ? SIZE_MAX : 0, MAX_BRIEF);
		return;
	}
	/* Whoever comes a few minutes late: it is over, and here is what it was. */
	head_of_part(p, STYLE_DIM, "recently", "(resolved within 15 min; `why fnd_...` says more)");
	part(p, s, c, PART_RESOLVED, 0, MAX_RECENT);
}

void render_explain(struct page *p, const struct answer *a, const struct common *c)
{
	bool alone = a->n_findings == 1; /* asked for by its id, or there is nothing else: nothing to save room for */
	size_t n_full = c->all ? SIZE_MAX : MAX_IN_FULL;
	struct parts s;

	sort_out(a, c, &s);
	render_headline(p, a);
	if (a->message && a->message[0]) {
		page_pad(p, 2);
		page_wrap(p, STYLE_PLAIN, 2, 0, a->message);
		page_break(p);
	}
	render_who(p, a, c);
	render_caution(p, a);
	part(p, &s, c, PART_CAUSES, n_full, MAX_BRIEF);
	if (count(&s, PART_UNEXPLAINED) > 0) {
		head_of_part(p, STYLE_BOLD, "unexplained", "(felt, and no rule knows the cause)");
		part(p, &s, c, PART_UNEXPLAINED, n_full, MAX_BRIEF);
	}
	if (count(&s, PART_SHADOW) > 0) {
		head_of_part(p, STYLE_ODD, "shadow", "(rules on trial; nothing acts on them)");
		part(p, &s, c, PART_SHADOW, c->all || alone ? SIZE_MAX : 0, MAX_BRIEF);
	}
	resolved(p, &s, c);
	render_unknown(p, a, c);
	foot(p, a);
}

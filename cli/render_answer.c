// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"
#include "model/who.h"

typedef void (*render_fn)(struct page *p, const struct answer *a, const struct common *c);

static void render_reload(struct page *p, const struct answer *a, const struct common *c)
{
	page_wrap(p, STYLE_PLAIN, 0, 0, a->message ? a->message : "reloaded");
	page_break(p);
	if (a->n_lines > 0)
		render_rules(p, a, c);
}

static const render_fn renderers[QUERY_KIND_MAX] = {
	[QUERY_EXPLAIN] = render_explain, [QUERY_LIST] = render_list,       [QUERY_TIMELINE] = render_timeline,
	[QUERY_NOT] = render_not,         [QUERY_FLEET] = render_fleet,     [QUERY_DOCTOR] = render_doctor,
	[QUERY_RULES] = render_rules,     [QUERY_METRICS] = render_metrics, [QUERY_RELOAD] = render_reload,
};

void render_answer(struct page *p, const struct answer *a, const struct common *c)
{
	if (a->status != ANSWER_OK)
		render_refusal(p, a);
	else if (a->query < QUERY_KIND_MAX)
		renderers[a->query](p, a, c);
}

void render_refusal(struct page *p, const struct answer *a)
{
	static const char *const words[] = {
		[ANSWER_NOT_FOUND] = "not found",
		[ANSWER_AMBIGUOUS] = "there are several of that name",
		[ANSWER_DENIED] = "not permitted",
		[ANSWER_UNAVAILABLE] = "the node does not answer",
		[ANSWER_BAD] = "the question is not understood",
	};

	page_text(p, STYLE_PLAIN, "why: ");
	page_wrap(p, STYLE_PLAIN, 5, 0,
		  a->message                               ? a->message
		  : (unsigned)a->status < ARRAY_LEN(words) ? words[a->status]
							   : "refused");
	page_break(p);
	if (a->n_candidates > 0) {
		page_text(p, STYLE_PLAIN, "  Perhaps one of these:");
		page_break(p);
	}
	if (render_candidates(p, a))
		return;
	for (size_t i = 0; i < a->n_candidates && i < 20; i++) {
		page_textf(p, STYLE_PLAIN, "    why %s", a->candidates[i]);
		page_break(p);
	}
	if (a->n_candidates > 20) {
		page_textf(p, STYLE_DIM, "    and %zu more", a->n_candidates - 20);
		page_break(p);
	}
}

/* ---- headline --------------------------------------------------------------------------------------- */

static const char *verdict(const struct answer *a, enum style *ret_style)
{
	int status = answer_exit_status(a);

	*ret_style = status == WHY_EXIT_CRITICAL  ? STYLE_CRITICAL
		     : status == WHY_EXIT_WARNING ? STYLE_WARNING
		     : status == WHY_EXIT_OK      ? STYLE_GOOD
						  : STYLE_ODD;
	return status == WHY_EXIT_CRITICAL  ? "CRITICAL"
	       : status == WHY_EXIT_WARNING ? "WARNING"
	       : status == WHY_EXIT_OK      ? "OK"
					    : "UNKNOWN";
}

static void describe_age(const struct page *p, const struct answer *a, char *ret_text, size_t size)
{
	char as_of[48], age[48];
	struct text t;

	text_init(&t, ret_text, size);
	if (a->as_of == 0)
		return;
	page_time(p, a->as_of, false, as_of, sizeof(as_of));
	text_addf(&t, "as of %s", as_of);
	if (a->agent_last_seen == 0 || a->agent_last_seen + NS_PER_S > a->as_of)
		return;
	page_span(a->agent_last_seen, a->as_of, age, sizeof(age));
	text_addf(&t, " (agent %s ago)", age);
}

static const struct answer_who *first_hit(const struct answer *a)
{
	for (size_t i = 0; a->who[0].kind == ENTITY_JOB && i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		if (w->kind == ENTITY_RANK && strcmp(w->role, "member") == 0 && w->text && w->text[0])
			return w;
	}
	return NULL;
}

/* Who asks for one job, pod or process reads its victim and its cause first; a count where nothing is open. */
static void describe_diagnosis(const struct answer *a, char *ret_text, size_t size)
{
	const struct finding *first = NULL;
	struct text out;
	size_t n = 0;

	answer_headline(a, ret_text, size);
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];
		if (f->state == FINDING_RESOLVED || f->shadow || (f->kind == FINDING_SYMPTOM && f->n_because > 0))
			continue;
		first = first ? first : f;
		n++;
	}
	if (a->query != QUERY_EXPLAIN || a->n_who == 0 || strcmp(a->who[0].role, "self") != 0 || !a->evaluated || a->stale ||
	    !first)
		return;
	const struct answer_who *hit = first_hit(a);
	text_init(&out, ret_text, size);
	if (hit)
		text_addf(&out, "%s %s: ", who_role(hit), who_member_name(hit));
	text_add(&out, hit ? hit->text : first->title ? first->title : first->rule);
	if (n > 1)
		text_addf(&out, ", and %zu more", n - 1);
}

void render_headline(struct page *p, const struct answer *a)
{
	const char *who = a->target && a->target[0] ? a->target : a->node && a->node[0] ? a->node : "fleet";
	char headline[512], age[128];
	enum style style;
	const char *word = verdict(a, &style);

	page_text(p, STYLE_BOLD, who);
	if (a->node && a->node[0] && strcmp(a->node, who) != 0)
		page_textf(p, STYLE_PLAIN, " on %s", a->node);
	page_pad(p, p->column + 2);
	page_text(p, style, word);
	page_pad(p, p->column + 2);
	describe_diagnosis(a, headline, sizeof(headline));
	/* The word stands there already. */
	page_wrap(p, STYLE_PLAIN, 2, 0, strncmp(headline, "unknown: ", 9) == 0 ? headline + 9 : headline);
	describe_age(p, a, age, sizeof(age));
	page_right(p, STYLE_DIM, age);
	page_break(p);
}

void render_unknown(struct page *p, const struct answer *a, const struct common *c)
{
	char line[4096];
	struct text t;

	if (a->n_unknown == 0)
		return;
	page_gap(p);
	page_pad(p, 2);
	if (c->all || c->evidence) {
		page_text(p, STYLE_ODD, "this node cannot see");
		page_break(p);
		for (size_t i = 0; i < a->n_unknown; i++) {
			text_init(&t, line, sizeof(line));
			text_addf(&t, "%s: %s", a->unknown[i].what ? a->unknown[i].what : "?",
				  a->unknown[i].why ? a->unknown[i].why : "?");
			page_pad(p, PAGE_LABEL);
			page_wrap(p, STYLE_PLAIN, PAGE_LABEL + 2, 0, line);
			page_break(p);
		}
		return;
	}
	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < a->n_unknown && i < RENDER_MAX_ITEMS; i++)
		text_addf(&t, "%s%s", i ? ", " : "", a->unknown[i].what ? a->unknown[i].what : "?");
	if (a->n_unknown > RENDER_MAX_ITEMS)
		text_addf(&t, " and %zu more", a->n_unknown - RENDER_MAX_ITEMS);
	text_add(&t, "; `why doctor` says more");
	page_text(p, STYLE_ODD, "cannot see");
	page_pad(p, PAGE_BODY);
	page_wrap(p, STYLE_DIM, PAGE_BODY, 0, line);
	page_break(p);
}

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"
#include "model/who.h"

#define LINE 4096

static bool is(const struct answer_who *w, const char *role)
{
	return w->role && strcmp(w->role, role) == 0;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* ---- who it is ---- */

static void self(struct page *p, const struct answer_who *w)
{
	const char *from = who_attr(w, "identity");

	page_gap(p);
	page_pad(p, 2);
	page_wrap(p, STYLE_BOLD, 4, 0, w->text && w->text[0] ? w->text : w->name);
	page_break(p);
	if (from && from[0])
		page_row(p, "known from", STYLE_PLAIN, from, NULL);
}

static void uses(struct page *p, const struct answer *a, const struct common *c)
{
	struct finding_entity e = { 0 };
	char line[LINE], name[512];
	struct text t;
	size_t n = 0;

	text_init(&t, line, sizeof(line));
	for (size_t i = 0; i < a->n_who; i++) {
		if (!is(&a->who[i], "uses") || (n++ >= 2 * RENDER_MAX_ITEMS && !c->all))
			continue;
		e.kind = a->who[i].kind;
		e.id = a->who[i].id;
		e.name = a->who[i].name;
		render_entity(&e, name, sizeof(name));
		text_addf(&t, "%s%s", t.len ? ", " : "", name);
	}
	if (n > 2 * RENDER_MAX_ITEMS && !c->all)
		text_addf(&t, " and %zu more", n - 2 * RENDER_MAX_ITEMS);
	if (n > 0)
		page_row(p, "uses", STYLE_PLAIN, line, NULL);
}

static void doubts(struct page *p, const struct answer *a)
{
	char line[LINE];
	size_t n = 0;

	for (size_t i = 0; i < a->n_who; i++) {
		if (!is(&a->who[i], "doubt"))
			continue;
		(void)snprintf(line, sizeof(line), "%s: %s", a->who[i].name, a->who[i].text);
		page_row(p, n++ ? "" : "cannot tell", STYLE_ODD, line, NULL);
	}
}

/* ---- what belongs to it ---- */

static enum style style_of(const struct answer_who *w)
{
	return same(w->status, "critical") ? STYLE_CRITICAL : same(w->status, "warning") ? STYLE_WARNING : STYLE_PLAIN;
}

static void add_where(struct text *t, const struct answer *a, const struct answer_who *w)
{
	const char *process = who_attr(w, "process"), *pod = who_attr(w, "pod");
	size_t before;

	if (process)
		text_add(t, process);
	if (pod)
		text_addf(t, "%sin pod %s", t->len ? " " : "", pod);
	if (w->node && w->node[0] && !same(w->node, a->node))
		text_addf(t, "%son %s", t->len ? " " : "", w->node);
	if (w->kind == ENTITY_RANK && w->text && w->text[0])
		return; /* the finding says how it ended */
	before = t->len;
	if (before)
		text_add(t, ", ");
	who_add_state(t, w);
	if (before && t->len == before + 2)
		t->data[t->len = before] = '\0';
}

static const char *word_of(const struct answer_who *w)
{
	return same(w->status, "gone") ? "ended" : same(w->status, "ok") ? "nothing found" : w->status ? w->status : "?";
}

static void member(struct page *p, const struct answer *a, const struct answer_who *w)
{
	char label[160], line[LINE];
	struct text t;
	size_t n;

	text_init(&t, line, sizeof(line));
	if (w->kind == ENTITY_RANK) {
		(void)snprintf(label, sizeof(label), "%s %s", who_role(w), who_member_name(w));
	} else {
		(void)snprintf(label, sizeof(label), "%s", who_role(w));
		/* "container train" stands behind the word already. */
		n = strlen(label);
		text_add(&t, strncmp(w->name, label, n) == 0 && w->name[n] == ' ' ? w->name + n + 1 : w->name);
	}
	add_where(&t, a, w);
	text_addf(&t, "%s%s%s%s", t.len ? ": " : "", word_of(w), w->text && w->text[0] ? ": " : "", w->text ? w->text : "");
	page_row(p, label, style_of(w), line, NULL);
}

static const char *plural(const char *role, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%s%s", role, strcmp(role, "process") == 0 ? "es" : "s");
	return ret_text;
}

/* All of one kind and state in a line: nobody needs to read forty times that nothing is wrong. */
static void quiet(struct page *p, const struct answer *a, const size_t *list, size_t n)
{
	const struct answer_who *w = &a->who[list[0]];
	char line[LINE], label[64];
	struct text t;
	size_t told;

	if (n == 1) {
		member(p, a, w);
		return;
	}
	text_init(&t, line, sizeof(line));
	told = who_add_names(&t, a, list, n, 4 * RENDER_MAX_ITEMS);
	if (told < n)
		text_addf(&t, " and %zu more", n - told);
	text_addf(&t, ": %s", word_of(w));
	page_row(p, plural(who_role(w), label, sizeof(label)), STYLE_PLAIN, line, NULL);
}

static void members(struct page *p, const struct answer *a, const struct common *c)
{
	size_t list[ANSWER_MAX_WHO], n = 0;
	bool told[ANSWER_MAX_WHO] = { false };

	for (size_t i = 0; i < a->n_who && i < ANSWER_MAX_WHO; i++) {
		const struct answer_who *w = &a->who[i];

		if (!is(w, "member") || told[i])
			continue;
		if (!who_is_quiet(w) || c->all || w->kind == ENTITY_CONTAINER) { /* of a pod: each is another */
			member(p, a, w);
			continue;
		}
		n = who_alike(a, i, list);
		for (size_t k = 0; k < n; k++)
			told[list[k]] = true;
		quiet(p, a, list, n);
	}
}

/* A job says how many ranks it has; those that nobody has told of are named as such. */
static void missing(struct page *p, const struct answer *a)
{
	const char *size = who_attr(&a->who[0], "world_size");
	uint64_t wanted, n = 0;
	char line[160];

	if (a->who[0].kind != ENTITY_JOB || !size || text_parse_u64(size, &wanted) < 0)
		return;
	for (size_t i = 0; i < a->n_who; i++)
		n += is(&a->who[i], "member") && a->who[i].kind == ENTITY_RANK;
	if (n >= wanted)
		return;
	(void)snprintf(line, sizeof(line), "%llu of %llu ranks: %s", (unsigned long long)(wanted - n),
		       (unsigned long long)wanted,
		       a->node && a->node[0] ? "not on this node, or gone" : "nothing was told of them");
	page_row(p, "not seen", STYLE_ODD, line, NULL);
}

void render_who(struct page *p, const struct answer *a, const struct common *c)
{
	if (a->n_who == 0 || !is(&a->who[0], "self"))
		return;
	self(p, &a->who[0]);
	uses(p, a, c);
	doubts(p, a);
	members(p, a, c);
	missing(p, a);
}

bool render_candidates(struct page *p, const struct answer *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		if (!is(w, "candidate") || n >= a->n_candidates)
			continue;
		page_textf(p, STYLE_PLAIN, "    why %s", a->candidates[n++]);
		page_pad(p, p->column + 2);
		page_textf(p, STYLE_DIM, "# %s%s%s", w->name, w->node && w->node[0] ? ", node " : "",
			   w->node ? w->node : "");
		page_break(p);
	}
	return n > 0;
}

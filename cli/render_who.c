// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"

#define LINE 4096

static bool is(const struct answer_who *w, const char *role)
{
	return w->role && strcmp(w->role, role) == 0;
}

static const char *attr(const struct answer_who *w, const char *name)
{
	for (size_t i = 0; i < w->n_attrs; i++)
		if (strcmp(w->attrs[i].name, name) == 0)
			return w->attrs[i].value;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* ---- who it is ---- */

static void self(struct page *p, const struct answer_who *w)
{
	const char *from = attr(w, "identity");

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

static const char *member_of(const struct answer_who *w)
{
	const char *member = attr(w, "rank"), *slash = strrchr(w->id, '/');

	return w->kind != ENTITY_RANK ? w->name : member ? member : slash ? slash + 1 : w->name;
}

static const char *role_of(const struct answer_who *w)
{
	const char *role = w->kind == ENTITY_RANK ? attr(w, "role") : NULL;

	return role && role[0] ? role : entity_kind_name(w->kind);
}

static bool is_quiet(const struct answer_who *w)
{
	return same(w->status, "ok") || same(w->status, "gone");
}

static enum style style_of(const struct answer_who *w)
{
	return same(w->status, "critical") ? STYLE_CRITICAL : same(w->status, "warning") ? STYLE_WARNING : STYLE_PLAIN;
}

static void add_where(struct text *t, const struct answer *a, const struct answer_who *w)
{
	const char *process = attr(w, "process"), *pod = attr(w, "pod"), *exit = attr(w, "exit_code"),
		   *reason = attr(w, "exit_reason");

	if (process)
		text_add(t, process);
	if (pod)
		text_addf(t, "%sin pod %s", t->len ? " " : "", pod);
	if (w->node && w->node[0] && !same(w->node, a->node))
		text_addf(t, "%son %s", t->len ? " " : "", w->node);
	if (exit || reason)
		text_addf(t, "%sexit %s%s%s%s", t->len ? ", " : "", exit ? exit : "", exit && reason ? " (" : "",
			  reason ? reason : "", exit && reason ? ")" : "");
}

static const char *word_of(const struct answer_who *w)
{
	return same(w->status, "gone") ? "ended" : same(w->status, "ok") ? "nothing found" : w->status ? w->status : "?";
}

static void member(struct page *p, const struct answer *a, const struct answer_who *w)
{
	char label[160], line[LINE];
	struct text t;

	text_init(&t, line, sizeof(line));
	if (w->kind == ENTITY_RANK) {
		(void)snprintf(label, sizeof(label), "%s %s", role_of(w), member_of(w));
	} else {
		(void)snprintf(label, sizeof(label), "%s", role_of(w));
		text_add(&t, w->name);
	}
	add_where(&t, a, w);
	text_addf(&t, "%s%s%s%s", t.len ? ": " : "", word_of(w), w->text && w->text[0] ? ": " : "", w->text ? w->text : "");
	page_row(p, label, style_of(w), line, NULL);
}

/* "0-2, 5": numbers that follow one another are one range. How many members were written. */
static size_t add_names(struct text *t, const struct answer *a, const size_t *list, size_t n, size_t max_parts)
{
	size_t i = 0;

	for (size_t parts = 0; i < n && parts < max_parts; parts++) {
		const char *first = member_of(&a->who[list[i]]);
		uint64_t number, next;
		size_t k = i;

		if (text_parse_u64(first, &number) == 0)
			while (k + 1 < n && text_parse_u64(member_of(&a->who[list[k + 1]]), &next) == 0 &&
			       next == number + (k + 1 - i))
				k++;
		text_addf(t, "%s%s", i ? ", " : "", first);
		if (k > i)
			text_addf(t, "%s%s", k == i + 1 ? ", " : "-", member_of(&a->who[list[k]]));
		i = k + 1;
	}
	return i;
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
	told = add_names(&t, a, list, n, 4 * RENDER_MAX_ITEMS);
	if (told < n)
		text_addf(&t, " and %zu more", n - told);
	text_addf(&t, ": %s", word_of(w));
	page_row(p, plural(role_of(w), label, sizeof(label)), STYLE_PLAIN, line, NULL);
}

static void members(struct page *p, const struct answer *a, const struct common *c)
{
	size_t list[ANSWER_MAX_WHO], n = 0;
	bool told[ANSWER_MAX_WHO] = { false };

	for (size_t i = 0; i < a->n_who && i < ANSWER_MAX_WHO; i++) {
		const struct answer_who *w = &a->who[i];

		if (!is(w, "member") || told[i])
			continue;
		if (!is_quiet(w) || c->all) {
			member(p, a, w);
			continue;
		}
		n = 0;
		for (size_t k = i; k < a->n_who && k < ANSWER_MAX_WHO; k++) {
			if (!is(&a->who[k], "member") || a->who[k].kind != w->kind || !same(a->who[k].status, w->status) ||
			    !same(role_of(&a->who[k]), role_of(w)))
				continue;
			list[n++] = k;
			told[k] = true;
		}
		quiet(p, a, list, n);
	}
}

/* A job says how many ranks it has; those that nobody has told of are named as such. */
static void missing(struct page *p, const struct answer *a)
{
	const char *size = attr(&a->who[0], "world_size");
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

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/render.h"
#include "cli/table.h"

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static size_t count(const struct answer *a, const char *status)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_lines; i++)
		n += is(a->lines[i].status, status);
	return n;
}

/* Errors as the loader tells them, unwrapped: the place is copied into an editor. */
static void rejected(struct page *p, const struct answer *a)
{
	for (size_t i = 0; i < a->n_lines; i++) {
		if (!is(a->lines[i].status, "rejected"))
			continue;
		page_textf(p, STYLE_CRITICAL, "rejected %s", a->lines[i].what ? a->lines[i].what : "?");
		page_break(p);
		page_textf(p, STYLE_PLAIN, "  %s", a->lines[i].text ? a->lines[i].text : "");
		page_break(p);
	}
}

void render_rules(struct page *p, const struct answer *a, const struct common *c UNUSED)
{
	static const char *const heads[] = { "MODE", "SEVERITY", "ABOUT", "RULE", "WHAT", NULL };
	AUTO(table_free) struct table *table = NULL;
	size_t n_rejected = count(a, "rejected");

	rejected(p, a);
	if (a->n_lines > n_rejected && table_new(heads, &table) == 0) {
		page_gap(p);
		for (size_t i = 0; i < a->n_lines; i++) {
			const struct answer_line *l = &a->lines[i];

			if (!is(l->status, "rejected"))
				table_add(table, is(l->status, "enabled") ? STYLE_PLAIN : STYLE_ODD, 0,
					  (const char *const[]){ l->status, severity_name(l->severity), l->subject,
								 l->what, l->text });
		}
		table_render(table, p);
	}
	page_gap(p);
	page_textf(p, n_rejected ? STYLE_WARNING : STYLE_DIM, "%zu enabled, %zu shadow, %zu disabled, %zu error%s",
		   count(a, "enabled"), count(a, "shadow"), count(a, "disabled"), n_rejected, n_rejected == 1 ? "" : "s");
	if (a->rules_digest && a->rules_digest[0])
		page_textf(p, STYLE_DIM, " (digest %.8s)", a->rules_digest);
	page_break(p);
}

void render_metrics(struct page *p, const struct answer *a, const struct common *c UNUSED)
{
	static const char *const heads[] = { "METRIC", "ABOUT", "KIND AND UNIT", "WHAT", NULL };
	AUTO(table_free) struct table *table = NULL;

	if (table_new(heads, &table) < 0)
		return;
	for (size_t i = 0; i < a->n_lines; i++) {
		const struct answer_line *l = &a->lines[i];

		table_add(table, STYLE_BOLD, 0, (const char *const[]){ l->what, l->subject, l->detail, l->text });
	}
	table_render(table, p);
}

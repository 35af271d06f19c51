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

static enum style style_of(const struct answer_line *l)
{
	return is(l->status, "critical")  ? STYLE_CRITICAL
	       : is(l->status, "warning") ? STYLE_WARNING
	       : is(l->status, "healthy") ? STYLE_GOOD
					  : STYLE_ODD;
}

/* The worst first: nobody scrolls for bad news. */
static int rank(const struct answer_line *l)
{
	return is(l->status, "critical") ? 0 : is(l->status, "warning") ? 1 : is(l->status, "healthy") ? 3 : 2;
}

static void add(struct table *table, const struct answer *a, const struct answer_line *l)
{
	char seen[96] = "never", age[48];

	if (l->at) {
		page_span(l->at, a->as_of, age, sizeof(age));
		snprintf(seen, sizeof(seen), l->at + NS_PER_S > a->as_of ? "now" : "%s ago", age);
	}
	table_add(table, style_of(l), 1,
		  (const char *const[]){ l->what, l->status ? l->status : "unknown", seen, l->text });
}

void render_fleet(struct page *p, const struct answer *a, const struct common *c)
{
	static const char *const heads[] = { "NODE", "STATUS", "LAST SEEN", "WHAT", NULL };
	AUTO(table_free) struct table *table = NULL;

	render_headline(p, a);
	if (a->n_lines > 0 && table_new(heads, &table) == 0) {
		for (int r = 0; r <= 3; r++)
			for (size_t i = 0; i < a->n_lines; i++)
				if (rank(&a->lines[i]) == r)
					add(table, a, &a->lines[i]);
		page_gap(p);
		table_render(table, p);
	} else if (a->n_lines == 0) {
		page_pad(p, 2);
		page_wrap(p, STYLE_ODD, 2, 0,
			  "No node has ever reported to this hub. Give whyd its address: whyd --hub HOST:PORT");
		page_break(p);
	}
	for (size_t i = 0; i < a->n_findings; i++) {
		page_gap(p);
		render_finding(p, a, a->findings[i], c);
	}
}

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/render.h"
#include "cli/table.h"

static const char *subject(const struct finding *f, char *ret_text, size_t size)
{
	render_entity(&f->subject, ret_text, size);
	return ret_text;
}

static const char *title(const struct finding *f, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s%s%s", f->simulated ? "[SIMULATED] " : "", f->shadow ? "[SHADOW] " : "",
		 f->title && f->title[0] ? f->title
		 : f->rule               ? f->rule
					 : "?");
	return ret_text;
}

static enum style style_of(const struct finding *f)
{
	return f->state == FINDING_RESOLVED ? STYLE_GOOD : f->shadow ? STYLE_ODD : page_severity_style(f->severity);
}

/* Below this the title, which names the subject itself, is worth more than its columns. */
#define WIDE 112

static void add_row(struct page *p, struct table *table, const struct finding *f, bool wide)
{
	bool resolved = f->state == FINDING_RESOLVED;
	char since[48], what[1024], about[256];
	const char *state = resolved ? "resolved" : "open";

	page_time(p, resolved ? f->resolved_at : f->opened_at, false, since, sizeof(since));
	title(f, what, sizeof(what));
	subject(f, about, sizeof(about));
	if (wide)
		table_add(
			table, style_of(f), 0,
			(const char *const[]){ severity_name(f->severity), state, since, f->node, f->rule, about, what });
	else
		table_add(table, style_of(f), 0,
			  (const char *const[]){ resolved ? state : severity_name(f->severity), since, f->node, what });
}

void render_list(struct page *p, const struct answer *a, const struct common *c)
{
	static const char *const wide_heads[] = {
		"SEVERITY", "STATE", "SINCE", "NODE", "CAUSE", "SUBJECT", "WHAT", NULL
	};
	static const char *const narrow_heads[] = { "SEVERITY", "SINCE", "NODE", "WHAT", NULL };
	bool wide = !p->terminal.is_terminal || p->terminal.width >= WIDE;
	AUTO(table_free) struct table *table = NULL;
	size_t n = 0;

	if (table_new(wide ? wide_heads : narrow_heads, &table) < 0)
		return;
	for (size_t i = 0; i < a->n_findings; i++) {
		if (a->findings[i]->shadow && !c->all)
			continue;
		n++;
		add_row(p, table, a->findings[i], wide);
	}
	if (n > 0)
		table_render(table, p);
	render_caution(p, a);
	if (n > 0)
		return;
	/* No verdict: that nothing is on the list says nothing about who was heard. */
	page_text(p, STYLE_PLAIN, c->since_ns || c->all ? "no finding" : "no open finding");
	page_text(p, STYLE_DIM, "  (`why` says whether the node is heard, `why fleet` whether all are)");
	page_break(p);
}

void render_change(struct page *p, const struct finding *f)
{
	char when[48], what[1024], about[256];
	wall_ns_t at = f->state == FINDING_RESOLVED && f->resolved_at ? f->resolved_at
		       : f->changed_at                                ? f->changed_at
								      : f->opened_at;

	page_time(p, at, false, when, sizeof(when));
	page_text(p, STYLE_DIM, when);
	page_pad(p, p->column + 2);
	page_textf(p, style_of(f), "%-8s", severity_name(f->severity));
	page_pad(p, p->column + 2);
	page_textf(p, f->state == FINDING_RESOLVED ? STYLE_GOOD : STYLE_PLAIN, "%-8s", finding_state_name(f->state));
	page_pad(p, p->column + 2);
	page_textf(p, STYLE_PLAIN, "%s  %s: %s", f->node ? f->node : "?", f->rule ? f->rule : "?",
		   title(f, what, sizeof(what)));
	page_textf(p, STYLE_DIM, "  (%s; %s)", subject(f, about, sizeof(about)), f->id);
	page_break(p);
}

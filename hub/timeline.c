// SPDX-License-Identifier: Apache-2.0
#include "hub/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "hub/widget.h"

static const char *title_of(const struct finding *f)
{
	return f->title && *f->title ? f->title : f->rule ? f->rule : f->id;
}

static const char *name_of(const struct finding_entity *e)
{
	return e->name && *e->name ? e->name : e->id;
}

static void add_deeper(const struct answer *a, const struct finding *f, struct chart *c)
{
	for (size_t i = 0; i < f->n_because; i++) {
		const struct finding *deeper = widget_find(a, f->because[i]);

		if (!deeper)
			continue;
		if (i >= TIMELINE_MAX_DEEPER) {
			c->left_out++;
			continue;
		}
		chart_add(c, &(struct chart_row){ .group = "deeper", .text = title_of(deeper), .finding = deeper->id,
						  .class = severity_name(deeper->severity), .from = deeper->opened_at,
						  .to = deeper->opened_at, .shape = CHART_CAUSE });
	}
}

static int by_end(const void *x, const void *y)
{
	const struct finding_evidence *const *a = x, *const *b = y;

	return (*a)->to < (*b)->to ? -1 : (*a)->to > (*b)->to;
}

static void add_evidence(const struct finding *f, struct chart *c)
{
	const struct finding_evidence *list[FINDING_MAX_EVIDENCE];
	size_t n = f->n_evidence;

	for (size_t i = 0; i < n; i++)
		list[i] = &f->evidence[i];
	if (n > 1)
		qsort(list, n, sizeof(list[0]), by_end);
	for (size_t i = 0; i < n; i++) {
		const char *text = list[i]->text;
		bool against = list[i]->role && strcmp(list[i]->role, "refutes") == 0;

		if (i >= TIMELINE_MAX_EVIDENCE) {
			c->left_out++;
			continue;
		}
		chart_add(c, &(struct chart_row){ .group = "seen", .text = text && *text ? text : list[i]->id,
						  .from = list[i]->from, .to = list[i]->to,
						  .shape = against ? CHART_AGAINST : CHART_SEEN });
	}
}

static struct chart_row lasted(const struct answer *a, const struct finding *f)
{
	bool open = f->state != FINDING_RESOLVED;

	return (struct chart_row){ .class = widget_finding_status(f), .from = f->opened_at,
				   .to = open ? a->as_of : f->resolved_at, .shape = CHART_LASTED, .goes_on = open };
}

static void add_felt(const struct answer *a, const struct finding *f, struct chart *c)
{
	for (size_t i = 0; i < f->n_explains; i++) {
		const struct finding_explained *e = &f->explains[i];
		const struct finding *symptom = e->finding[0] ? widget_find(a, e->finding) : NULL;

		if (i >= TIMELINE_MAX_FELT) {
			c->left_out++;
			continue;
		}
		chart_add(c, &(struct chart_row){ .group = "explains", .text = symptom ? title_of(symptom) : e->symptom,
						  .about = symptom ? NULL : name_of(&e->subject),
						  .finding = e->finding[0] ? e->finding : NULL, .from = e->at, .to = e->at,
						  .shape = CHART_FELT });
	}
}

void timeline_finding(const struct answer *a, const struct finding *f, struct chart *ret_chart)
{
	struct chart c = { .opened = f->opened_at, .now = f->state != FINDING_RESOLVED ? a->as_of : 0 };
	struct chart_row row = lasted(a, f);

	add_deeper(a, f, &c);
	add_evidence(f, &c);
	row.group = "finding";
	row.text = f->state != FINDING_RESOLVED ? "opened; still open" : "opened; resolved";
	chart_add(&c, &row);
	add_felt(a, f, &c);
	*ret_chart = c;
}

static int by_opening(const void *x, const void *y)
{
	const struct finding *const *a = x, *const *b = y;

	return (*a)->opened_at < (*b)->opened_at ? -1 : (*a)->opened_at > (*b)->opened_at;
}

void timeline_node(const struct answer *a, struct chart *ret_chart)
{
	const struct finding *list[ANSWER_MAX_FINDINGS];
	struct chart c = { .now = a->as_of };
	size_t n = 0;

	for (size_t i = 0; i < a->n_findings; i++) { /* ranked: the worst are the ones that fit */
		if (a->findings[i]->shadow)
			continue;
		if (n < CHART_MAX_ROWS)
			list[n++] = a->findings[i];
		else
			c.left_out++;
	}
	if (n > 1)
		qsort(list, n, sizeof(list[0]), by_opening);
	for (size_t i = 0; i < n; i++) {
		struct chart_row row = lasted(a, list[i]);

		row.group = widget_finding_status(list[i]);
		row.text = title_of(list[i]);
		row.finding = list[i]->id;
		chart_add(&c, &row);
	}
	*ret_chart = c;
}

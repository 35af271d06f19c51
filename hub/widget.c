// SPDX-License-Identifier: Apache-2.0
#include "hub/widget.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "hub/html.h"
#include "hub/page.h"

static const struct {
	const char *word, *sign;
} known[] = {
	{ "unknown", "?" },
	{ "critical", "\xe2\x9c\x96" },
	{ "warning", "\xe2\x96\xb2" },
	{ "healthy", "\xe2\x9c\x93" },
	{ "info", "i" },
	{ "resolved", "\xe2\x9c\x93" },
};

static size_t index_of(const char *status)
{
	for (size_t i = 0; status && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(status, known[i].word) == 0)
			return i;
	}
	return 0;
}

const char *widget_class(const char *status)
{
	return known[index_of(status)].word;
}

const char *widget_sign(const char *status)
{
	return known[index_of(status)].sign;
}

void widget_status(struct buf *out, const char *status)
{
	size_t i = index_of(status);

	(void)buf_addf(out, "<span class=\"s %s\">%s %s</span>", known[i].word, known[i].sign, known[i].word);
}

const char *widget_finding_status(const struct finding *f)
{
	return f->state == FINDING_RESOLVED ? "resolved" : severity_name(f->severity);
}

void widget_marks(struct buf *out, const struct finding *f)
{
	char count[48];

	if (f->simulated)
		html_add(out, " <span class=\"mark odd\">simulated</span>");
	if (f->shadow)
		html_add(out, " <span class=\"mark odd\">rule on trial</span>");
	if (f->flapping)
		html_add(out, " <span class=\"mark\">flapping</span>");
	if (f->count > 1) {
		text_format_count((double)f->count, count, sizeof(count));
		(void)buf_addf(out, " <span class=\"mark\">%s times</span>", count);
	}
}

void widget_entity(struct buf *out, const struct finding_entity *e)
{
	const char *name = e->name && *e->name ? e->name : e->id && *e->id ? e->id : "?", *kind = entity_kind_name(e->kind);
	bool linked = (e->kind == ENTITY_JOB || e->kind == ENTITY_RANK || e->kind == ENTITY_POD) && e->id && *e->id;

	if (linked) {
		(void)buf_addf(out, "<a href=\"/%s/", kind);
		html_path(out, e->id);
		html_add(out, "\">");
	}
	html_add(out, "<bdi>");
	if (strncasecmp(name, kind, strlen(kind)) != 0) {
		html_text(out, kind);
		html_add(out, " ");
	}
	html_text_cut(out, name, PAGE_MAX_TITLE);
	html_add(out, linked ? "</bdi></a>" : "</bdi>");
}

void widget_node(struct buf *out, const char *node)
{
	html_add(out, "<a href=\"/n/");
	html_path(out, node);
	html_add(out, "\"><bdi>");
	html_text(out, node);
	html_add(out, "</bdi></a>");
}

void widget_finding(struct buf *out, const char *id, const char *text)
{
	html_add(out, "<a href=\"/i/");
	html_path(out, id);
	html_add(out, "\"><bdi>");
	html_text_cut(out, text && *text ? text : id, PAGE_MAX_TITLE);
	html_add(out, "</bdi></a>");
}

void widget_span(struct buf *out, wall_ns_t from, wall_ns_t to)
{
	uint64_t ns = to > from ? to - from : 0;
	char text[48];

	if (ns >= NS_PER_S)
		ns -= ns % NS_PER_S; /* an age of tenths of a second only flickers */
	clock_format_duration(ns, text, sizeof(text));
	html_text(out, text);
}

void widget_observed(struct buf *out, const struct finding_evidence *e)
{
	char text[64];

	if (e->observed_text && *e->observed_text) {
		html_text_cut(out, e->observed_text, PAGE_MAX_TITLE);
		return;
	}
	if (isnan(e->observed))
		return;
	if (e->unit == UNIT_BYTES)
		text_format_bytes(e->observed, text, sizeof(text));
	else if (e->unit == UNIT_RATIO)
		text_format_ratio(e->observed, text, sizeof(text));
	else if (e->unit == UNIT_NS && e->observed >= 0 && e->observed < 1e18)
		clock_format_duration((uint64_t)e->observed, text, sizeof(text));
	else
		text_format_count(e->observed, text, sizeof(text));
	html_text(out, text);
}

const struct finding *widget_find(const struct answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		if (strcmp(a->findings[i]->id, id) == 0)
			return a->findings[i];
	}
	return NULL;
}

const struct finding *widget_cause_of(const struct answer *a, const struct finding *f)
{
	for (size_t i = 0; i < f->n_because; i++) {
		const struct finding *deeper = widget_find(a, f->because[i]);

		if (deeper && deeper->state != FINDING_RESOLVED)
			return deeper;
	}
	for (size_t i = 0; f->kind == FINDING_SYMPTOM && i < a->n_findings; i++) {
		const struct finding *cause = a->findings[i];

		for (size_t k = 0; cause->state != FINDING_RESOLVED && !cause->shadow && k < cause->n_explains; k++) {
			if (strcmp(cause->explains[k].finding, f->id) == 0)
				return cause;
		}
	}
	return NULL;
}

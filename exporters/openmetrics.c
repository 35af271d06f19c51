// SPDX-License-Identifier: Apache-2.0
#include "exporters/openmetrics.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"

#define MAX_NAME 160

struct reading {
	uint32_t metric;
	entity_id entity;
	mono_ns_t at;
	double value;
};

struct open_finding {
	char id[FINDING_ID_SIZE];
	char rule[96];
	enum severity severity;
};

struct openmetrics {
	const struct metrics *metrics;
	const struct graph *graph;
	struct u64map *index; /* metric and entity to a place in readings */
	struct reading *readings;
	size_t n_readings, max_readings;
	uint64_t events[METRIC_MAX];
	struct open_finding open[OPENMETRICS_MAX_OPEN];
	size_t n_open;
	uint64_t opened[SEVERITY_MAX];
	uint64_t refused_readings, refused_findings;
};

int openmetrics_new(const struct metrics *metrics, const struct graph *graph, size_t max_series, struct openmetrics **ret_om)
{
	AUTO(openmetrics_free) struct openmetrics *om = calloc(1, sizeof(*om));
	int r;

	if (!om)
		return -ENOMEM;
	om->metrics = metrics;
	om->graph = graph;
	om->max_readings = max_series;
	om->readings = calloc(max_series, sizeof(*om->readings));
	if (!om->readings)
		return -ENOMEM;
	r = u64map_new(max_series, &om->index);
	if (r < 0)
		return r;
	*ret_om = TAKE_PTR(om);
	return 0;
}

void openmetrics_free(struct openmetrics **om)
{
	if (!*om)
		return;
	u64map_free(&(*om)->index);
	free((*om)->readings);
	free(*om);
	*om = NULL;
}

/* ---- taking in ---- */

static bool is_exported(enum entity_kind about)
{
	return about != ENTITY_PROCESS && about != ENTITY_LINK && about != ENTITY_SOCKET;
}

static uint64_t key_of(uint32_t metric, entity_id entity)
{
	return (uint64_t)metric << 32 | entity;
}

/* Renumbers what stays: the index follows. */
static void forget_stale(struct openmetrics *om, mono_ns_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < om->n_readings; i++) {
		const struct reading *r = &om->readings[i];
		bool is_stale = mono_since(r->at, now) > OPENMETRICS_STALE_NS || graph_is_gone(om->graph, r->entity, NULL) ||
				!graph_exists(om->graph, r->entity);

		if (is_stale) {
			(void)u64map_remove(om->index, key_of(r->metric, r->entity));
			continue;
		}
		(void)u64map_set(om->index, key_of(r->metric, r->entity), kept);
		om->readings[kept++] = *r;
	}
	om->n_readings = kept;
}

static void put_sample(struct openmetrics *om, const struct sample *s)
{
	const struct metric_desc *desc = metrics_at(om->metrics, s->metric);
	uint64_t key = key_of(s->metric, s->entity), at = om->n_readings;

	if (!desc || desc->kind == METRIC_EVENT || !is_exported(graph_kind(om->graph, s->entity)))
		return;
	if (!u64map_get(om->index, key, &at)) {
		if (om->n_readings == om->max_readings || u64map_set(om->index, key, at) < 0) {
			om->refused_readings++;
			return;
		}
		om->n_readings++;
	}
	om->readings[at] = (struct reading){s->metric, s->entity, s->at, s->value};
}

void openmetrics_put_batch(struct openmetrics *om, const struct batch *b)
{
	if (om->n_readings == om->max_readings)
		forget_stale(om, b->now);
	for (size_t i = 0; i < b->n_samples; i++)
		put_sample(om, &b->samples[i]);
	for (size_t i = 0; i < b->n_events; i++)
		if (b->events[i].metric < METRIC_MAX)
			om->events[b->events[i].metric]++;
}

static size_t find_open(const struct openmetrics *om, const char *id)
{
	size_t i = 0;

	while (i < om->n_open && strcmp(om->open[i].id, id) != 0)
		i++;
	return i;
}

void openmetrics_put_finding(struct openmetrics *om, const struct finding *f)
{
	size_t i = find_open(om, f->id);

	if (f->state == FINDING_RESOLVED || f->shadow) {
		if (i < om->n_open)
			om->open[i] = om->open[--om->n_open];
		return;
	}
	if (i == OPENMETRICS_MAX_OPEN) {
		om->refused_findings++;
		return;
	}
	if (i == om->n_open) {
		om->n_open++;
		om->opened[f->severity]++;
	}
	text_copy(om->open[i].id, sizeof(om->open[i].id), f->id);
	text_copy(om->open[i].rule, sizeof(om->open[i].rule), f->rule);
	om->open[i].severity = f->severity;
}

/* ---- writing ---- */

static const char *unit_suffix(enum unit unit)
{
	static const char *const suffixes[] = {
		[UNIT_NONE] = "", [UNIT_RATIO] = "_ratio", [UNIT_NS] = "_seconds", [UNIT_BYTES] = "_bytes",
		[UNIT_CELSIUS] = "_celsius", [UNIT_WATTS] = "_watts", [UNIT_HERTZ] = "_hertz", [UNIT_CPUS] = "_cpus",
	};

	return (unsigned)unit < ARRAY_LEN(suffixes) && suffixes[unit] ? suffixes[unit] : "";
}

static void add_escaped(struct buf *out, const char *s, bool in_quotes)
{
	for (; *s; s++) {
		if (*s == '\n')
			(void)buf_add_text(out, "\\n");
		else if (*s == '\\' || (*s == '"' && in_quotes))
			(void)buf_addf(out, "\\%c", *s);
		else
			(void)buf_add(out, s, 1);
	}
}

/* `name` without _total. OpenMetrics names a counter's family without it, the older format with it. */
static void write_head(struct openmetrics_text *t, const char *name, bool counter, const char *help)
{
	const char *tail = counter && !t->strict ? "_total" : "";

	(void)buf_addf(t->out, "# TYPE %s%s %s\n# HELP %s%s ", name, tail, counter ? "counter" : "gauge", name, tail);
	add_escaped(t->out, help, t->strict);
	(void)buf_add_text(t->out, "\n");
}

static void write_value(struct openmetrics_text *t, double value)
{
	if (isnan(value) || isinf(value))
		(void)buf_addf(t->out, " %s\n", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
	else
		(void)buf_addf(t->out, " %.15g\n", value);
}

void openmetrics_say(struct openmetrics_text *t, const char *name, const char *help, double value)
{
	size_t len = strlen(name);
	bool counter = len > 6 && strcmp(name + len - 6, "_total") == 0;
	char family[MAX_NAME];

	(void)snprintf(family, sizeof(family), "%.*s", (int)(counter ? len - 6 : len), name);
	write_head(t, family, counter, help);
	(void)buf_addf(t->out, "%s%s", family, counter ? "_total" : "");
	write_value(t, value);
}

/* Many names say their unit already: once is enough. */
static void family_name(const struct metric_desc *d, char ret_name[MAX_NAME])
{
	const char *suffix = d->kind == METRIC_EVENT ? "_events" : unit_suffix(d->unit);
	size_t n = strlen(d->name), n_suffix = strlen(suffix);
	struct text t;

	text_init(&t, ret_name, MAX_NAME - sizeof("_total"));
	text_addf(&t, "why_%s%s", d->name, n >= n_suffix && strcmp(d->name + n - n_suffix, suffix) == 0 ? "" : suffix);
	for (char *c = ret_name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

static void write_reading(const struct openmetrics *om, const struct metric_desc *d, const char *family,
			  const struct reading *r, struct openmetrics_text *t)
{
	enum entity_kind kind = graph_kind(om->graph, r->entity);
	const char *key = graph_key(om->graph, r->entity);

	(void)buf_addf(t->out, "%s%s", family, d->kind == METRIC_COUNTER ? "_total" : "");
	if (kind != ENTITY_NODE && key) {
		(void)buf_addf(t->out, "{%s=\"", entity_kind_name(kind));
		add_escaped(t->out, key, true);
		(void)buf_add_text(t->out, "\"}");
	}
	write_value(t, d->unit == UNIT_NS ? r->value / (double)NS_PER_S : r->value);
}

static int by_metric(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	return x->entity < y->entity ? -1 : x->entity > y->entity;
}

/* A family stands together. Sorting in place breaks the index, which forget_stale then makes anew. */
static void write_readings(struct openmetrics *om, mono_ns_t now, struct openmetrics_text *t)
{
	char family[MAX_NAME] = "";

	qsort(om->readings, om->n_readings, sizeof(*om->readings), by_metric);
	forget_stale(om, now);
	for (size_t i = 0; i < om->n_readings; i++) {
		const struct reading *r = &om->readings[i];
		const struct metric_desc *d = metrics_at(om->metrics, r->metric);

		if (i == 0 || om->readings[i - 1].metric != r->metric) {
			family_name(d, family);
			write_head(t, family, d->kind == METRIC_COUNTER, d->help);
		}
		write_reading(om, d, family, r, t);
	}
}

static void write_events(const struct openmetrics *om, struct openmetrics_text *t)
{
	char family[MAX_NAME];

	for (uint32_t i = 0; i < metrics_count(om->metrics); i++) {
		const struct metric_desc *d = metrics_at(om->metrics, i);

		if (d->kind != METRIC_EVENT)
			continue;
		family_name(d, family);
		write_head(t, family, true, d->help);
		(void)buf_addf(t->out, "%s_total", family);
		write_value(t, (double)om->events[i]);
	}
}

static int by_rule(const void *a, const void *b)
{
	const struct open_finding *x = a, *y = b;
	int r = strcmp(x->rule, y->rule);

	return r ? r : (int)x->severity - (int)y->severity;
}

static void write_findings(struct openmetrics *om, struct openmetrics_text *t)
{
	size_t n = 0;

	qsort(om->open, om->n_open, sizeof(om->open[0]), by_rule);
	write_head(t, "why_findings_open", false, "open findings by rule");
	for (size_t i = 0; i < om->n_open; i++) {
		n++;
		if (i + 1 < om->n_open && by_rule(&om->open[i], &om->open[i + 1]) == 0)
			continue;
		(void)buf_add_text(t->out, "why_findings_open{rule=\"");
		add_escaped(t->out, om->open[i].rule, true);
		(void)buf_addf(t->out, "\",severity=\"%s\"} %zu\n", severity_name(om->open[i].severity), n);
		n = 0;
	}
	write_head(t, "why_findings_opened", true, "findings that opened since start");
	for (int s = 0; s < SEVERITY_MAX; s++)
		(void)buf_addf(t->out, "why_findings_opened_total{severity=\"%s\"} %llu\n", severity_name((enum severity)s),
			       (unsigned long long)om->opened[s]);
}

void openmetrics_write(struct openmetrics *om, mono_ns_t now, struct openmetrics_text *t)
{
	write_readings(om, now, t);
	write_events(om, t);
	write_findings(om, t);
	openmetrics_say(t, "why_metrics_refused_readings_total", "readings not shown: too many series",
			(double)om->refused_readings);
	openmetrics_say(t, "why_metrics_refused_findings_total", "findings not shown: too many open",
			(double)om->refused_findings);
	openmetrics_say(t, "why_metrics_series", "readings shown", (double)om->n_readings);
}

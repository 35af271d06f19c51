/* SPDX-License-Identifier: Apache-2.0 */
#include "model/batch.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Texts of a tick: an event of usual length each, and a name and a value an op. */
#define TEXT_BYTES_FIXED    (64 * 1024)
#define TEXT_BYTES_AN_EVENT 2048
#define TEXT_BYTES_AN_OP    256

static const char *const severity_names[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
};
_Static_assert(ARRAY_LEN(severity_names) == SEVERITY_MAX, "a name for every severity");

int batch_new(struct graph *graph, size_t max_samples, size_t max_events, size_t max_ops, struct batch **ret_batch)
{
	AUTO(batch_free) struct batch *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->graph = graph;
	b->max_samples = max_samples;
	b->max_events = max_events;
	b->max_ops = max_ops;
	b->samples = calloc(max_samples + 1, sizeof(*b->samples));
	b->events = calloc(max_events + 1, sizeof(*b->events));
	b->ops = calloc(max_ops + 1, sizeof(*b->ops));
	if (!b->samples || !b->events || !b->ops)
		return -ENOMEM;
	r = arena_new(TEXT_BYTES_FIXED + max_events * TEXT_BYTES_AN_EVENT + max_ops * TEXT_BYTES_AN_OP, &b->texts);
	if (r < 0)
		return r;
	*ret_batch = TAKE_PTR(b);
	return 0;
}

void batch_free(struct batch **batch)
{
	struct batch *b = *batch;

	if (!b)
		return;
	free(b->samples);
	free(b->events);
	free(b->ops);
	arena_free(&b->texts);
	free(b);
	*batch = NULL;
}

void batch_reset(struct batch *b, mono_ns_t now)
{
	b->now = now;
	b->n_samples = b->n_events = b->n_ops = 0;
	arena_reset(b->texts);
}

void batch_set_metric_base(struct batch *b, uint32_t first)
{
	b->metric_base = first;
}

/* ---- the graph -------------------------------------------------------------------------------------- */

/* Journal a change that was made. `name` and `value` are copied. */
static void batch_op(struct batch *b, const struct batch_op *op)
{
	struct batch_op *slot = b->n_ops < b->max_ops ? &b->ops[b->n_ops] : NULL;

	if (slot) {
		*slot = *op;
		slot->name = arena_strdup(b->texts, op->name);
		slot->value = arena_strdup(b->texts, op->value);
	}
	if (!slot || !slot->name != !op->name || !slot->value != !op->value) {
		b->dropped_ops++;
		return;
	}
	b->n_ops++;
}

entity_id batch_entity(struct batch *b, enum entity_kind kind, const char *key)
{
	uint64_t before = graph_changes(b->graph);
	size_t count = graph_count(b->graph);
	entity_id id;
	int r;

	r = graph_entity(b->graph, kind, key, b->now, &id);
	if (r < 0) {
		b->refused_entities++;
		return ENTITY_NONE;
	}
	if (graph_changes(b->graph) != before) {
		batch_op(b, &(struct batch_op){
				    .kind = BATCH_OP_ENTITY,
				    .entity_kind = kind,
				    .a = id,
				    .b = graph_count(b->graph) == count ? id : ENTITY_NONE,
				    .name = key,
			    });
	}
	return id;
}

void batch_attr(struct batch *b, entity_id id, const char *name, const char *value)
{
	uint64_t before = graph_changes(b->graph);

	if (graph_set_attr(b->graph, id, name, value) < 0 || graph_changes(b->graph) == before)
		return;
	/* As the graph keeps it: cut, and UTF-8. */
	if (value)
		value = graph_attr(b->graph, id, name);
	batch_op(b, &(struct batch_op){.kind = BATCH_OP_ATTR, .a = id, .name = name, .value = value});
}

void batch_attr_u64(struct batch *b, entity_id id, const char *name, uint64_t value)
{
	char digits[24];
	struct text t;

	text_init(&t, digits, sizeof(digits));
	text_addf(&t, "%" PRIu64, value);
	batch_attr(b, id, name, digits);
}

void batch_link(struct batch *b, enum edge_kind kind, entity_id from, entity_id to)
{
	uint64_t before = graph_changes(b->graph);

	if (graph_link(b->graph, kind, from, to) == 0 && graph_changes(b->graph) != before)
		batch_op(b, &(struct batch_op){.kind = BATCH_OP_LINK, .edge = kind, .a = from, .b = to});
}

void batch_unlink(struct batch *b, enum edge_kind kind, entity_id from, entity_id to)
{
	uint64_t before = graph_changes(b->graph);

	if (graph_unlink(b->graph, kind, from, to) == 0 && graph_changes(b->graph) != before)
		batch_op(b, &(struct batch_op){.kind = BATCH_OP_UNLINK, .edge = kind, .a = from, .b = to});
}

void batch_gone(struct batch *b, entity_id id)
{
	uint64_t before = graph_changes(b->graph);

	if (graph_gone(b->graph, id, b->now) == 0 && graph_changes(b->graph) != before)
		batch_op(b, &(struct batch_op){.kind = BATCH_OP_GONE, .a = id});
}

/* ---- readings --------------------------------------------------------------------------------------- */

void batch_sample_at(struct batch *b, uint32_t metric, entity_id entity, mono_ns_t at, double value)
{
	if (!isfinite(value))
		return;
	if (b->n_samples == b->max_samples || !graph_exists(b->graph, entity)) {
		b->dropped_samples++;
		return;
	}
	b->samples[b->n_samples++] =
		(struct sample){.metric = b->metric_base + metric, .entity = entity, .at = at, .value = value};
}

void batch_sample(struct batch *b, uint32_t metric, entity_id entity, double value)
{
	batch_sample_at(b, metric, entity, b->now, value);
}

struct event *batch_event(struct batch *b, uint32_t metric, entity_id entity, mono_ns_t at, enum severity severity,
			  int32_t code)
{
	struct event *e;

	if (b->n_events == b->max_events || !graph_exists(b->graph, entity)) {
		b->dropped_events++;
		return NULL;
	}
	e = &b->events[b->n_events++];
	*e = (struct event){
		.metric = b->metric_base + metric,
		.entity = entity,
		.at = at,
		.severity = (unsigned)severity < SEVERITY_MAX ? severity : SEVERITY_INFO,
		.code = code,
	};
	for (unsigned i = 0; i < METRIC_MAX_FIELDS; i++)
		e->values[i].number = NAN;
	return e;
}

/* A copy that is UTF-8, whatever came in. NULL when the texts of this tick are used up. */
static const char *batch_text(struct batch *b, const char *text, size_t size)
{
	char clean[BATCH_MAX_MESSAGE];
	size_t len = text_copy(clean, size, text);
	struct text t;

	if (!text_is_utf8(clean, len)) {
		text_init(&t, clean, size);
		text_add_escaped(&t, text, strlen(text));
	}
	return arena_strdup(b->texts, clean);
}

static struct event_value *event_value(struct event *e, unsigned field)
{
	if (!e || field >= METRIC_MAX_FIELDS)
		return NULL;
	e->n_values = MAX_OF(e->n_values, field + 1);
	return &e->values[field];
}

void batch_value_text(struct batch *b, struct event *e, unsigned field, const char *text)
{
	struct event_value *v = text ? event_value(e, field) : NULL;

	if (v)
		v->text = batch_text(b, text, BATCH_MAX_TEXT);
}

void batch_value_number(struct batch *b UNUSED, struct event *e, unsigned field, double number)
{
	struct event_value *v = isfinite(number) ? event_value(e, field) : NULL;

	if (v)
		v->number = number;
}

void batch_message(struct batch *b, struct event *e, const char *fmt, ...)
{
	char message[BATCH_MAX_MESSAGE + 4];
	va_list args;

	if (!e)
		return;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	/* Four bytes more than are kept: a letter cut in two by vsnprintf is beyond what batch_text looks at. */
	e->message = batch_text(b, message, BATCH_MAX_MESSAGE);
}

/* ---- names ------------------------------------------------------------------------------------------ */

const char *severity_name(enum severity s)
{
	return (unsigned)s < SEVERITY_MAX ? severity_names[s] : "?";
}

int severity_parse(const char *name, enum severity *ret_severity)
{
	for (unsigned i = 0; i < SEVERITY_MAX; i++) {
		if (strcmp(name, severity_names[i]) == 0) {
			*ret_severity = (enum severity)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/codec.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "model/codec_wire.h"

#define SLOTS (GRAPH_MAX_ENTITIES - 1) /* of an entity_id: its low bits */

struct codec_writer {
	const struct metrics *metrics;
	bool told_metric[METRIC_MAX];
	entity_id *told; /* by slot: whom the reader knows there */
	size_t n_told;
	struct graph_edge edges[GRAPH_MAX_EDGES];

	/* The frame under way. */
	uint8_t *frame;
	size_t len;
	enum wire_frame type;
	uint8_t part;
	mono_ns_t now;
	wall_ns_t wall;
	struct buf *out;
	int error;
};

int codec_writer_new(const struct metrics *metrics, struct codec_writer **ret_writer)
{
	AUTO(codec_writer_free) struct codec_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->metrics = metrics;
	w->frame = malloc(CODEC_MAX_FRAME);
	if (!w->frame)
		return -ENOMEM;
	*ret_writer = TAKE_PTR(w);
	return 0;
}

void codec_writer_free(struct codec_writer **w)
{
	if (!*w)
		return;
	free((*w)->told);
	free((*w)->frame);
	free(*w);
	*w = NULL;
}

void codec_writer_restart(struct codec_writer *w)
{
	memset(w->told_metric, 0, sizeof(w->told_metric));
	if (w->told)
		memset(w->told, 0, w->n_told * sizeof(*w->told));
}

/* ---- numbers and texts ------------------------------------------------------------------------------ */

static void put(struct codec_writer *w, const void *data, size_t n)
{
	assert(w->len + n <= CODEC_MAX_FRAME); /* record_begin made room */
	memcpy(w->frame + w->len, data, n);
	w->len += n;
}

static void put_u8(struct codec_writer *w, uint8_t value)
{
	put(w, &value, sizeof(value));
}

static void put_u16(struct codec_writer *w, uint16_t value)
{
	value = htole16(value);
	put(w, &value, sizeof(value));
}

static void put_u32(struct codec_writer *w, uint32_t value)
{
	value = htole32(value);
	put(w, &value, sizeof(value));
}

static void put_u64(struct codec_writer *w, uint64_t value)
{
	value = htole64(value);
	put(w, &value, sizeof(value));
}

static void put_f64(struct codec_writer *w, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_u64(w, bits);
}

static void put_text(struct codec_writer *w, const char *text)
{
	size_t len = text ? MIN_OF(strlen(text), (size_t)BATCH_MAX_MESSAGE - 1) : 0;

	put_u16(w, (uint16_t)len);
	put(w, text ? text : "", len);
}

/* ---- frames ----------------------------------------------------------------------------------------- */

static void frame_open(struct codec_writer *w)
{
	w->len = WIRE_HEAD;
	put_u8(w, (uint8_t)w->type);
	put_u8(w, w->part);
	put_u64(w, w->now);
	put_u64(w, w->wall);
}

static void frame_close(struct codec_writer *w)
{
	uint32_t head[2];

	head[0] = htole32((uint32_t)(w->len - WIRE_HEAD));
	head[1] = htole32((uint32_t)crc32(0, w->frame + WIRE_HEAD, (uInt)(w->len - WIRE_HEAD)));
	memcpy(w->frame, head, sizeof(head));
	if (w->error == 0)
		w->error = buf_add(w->out, w->frame, w->len);
}

/* Every record starts here: where it might not fit the frame is sent and the next one begun. */
static void record_begin(struct codec_writer *w, enum wire_tag tag)
{
	if (w->len + WIRE_MAX_RECORD > CODEC_MAX_FRAME) {
		frame_close(w);
		w->part = 0;
		frame_open(w);
	}
	put_u8(w, (uint8_t)tag);
}

static void message_begin(struct codec_writer *w, enum wire_frame type, mono_ns_t now, wall_ns_t wall, struct buf *out)
{
	w->type = type;
	w->part = WIRE_PART_FIRST;
	w->now = now;
	w->wall = wall;
	w->out = out;
	w->error = 0;
	frame_open(w);
}

/* All of it, or nothing: then the reader has not been told either. */
static int message_end(struct codec_writer *w, size_t start, bool overflow)
{
	w->frame[WIRE_HEAD + 1] |= WIRE_PART_LAST;
	frame_close(w);
	if (w->error == 0)
		return 0;
	w->out->len = start;
	if (w->out->data)
		w->out->data[start] = '\0';
	w->out->overflow = overflow;
	codec_writer_restart(w);
	return w->error;
}

int codec_write_header(struct codec_writer *w, const struct codec_header *header, struct buf *out)
{
	w->out = out;
	w->error = 0;
	w->len = WIRE_HEAD;
	put_u8(w, WIRE_HEADER);
	put_u32(w, WIRE_MAGIC);
	put_u16(w, CODEC_VERSION);
	put_text(w, header->node);
	put_text(w, header->boot_id);
	put_u64(w, header->wall);
	put_u64(w, header->mono);
	frame_close(w);
	return w->error;
}

/* ---- what the reader has to know first -------------------------------------------------------------- */

static bool tell_metric(struct codec_writer *w, uint32_t metric)
{
	const struct metric_desc *desc = metrics_at(w->metrics, metric);
	uint8_t n = 0;

	if (!desc)
		return false;
	if (w->told_metric[metric])
		return true;
	while (desc->fields && desc->fields[n].name)
		n++;
	record_begin(w, WIRE_METRIC);
	put_u16(w, (uint16_t)metric);
	put_text(w, desc->name);
	put_u8(w, n);
	for (uint8_t i = 0; i < n; i++)
		put_text(w, desc->fields[i].name);
	w->told_metric[metric] = true;
	return true;
}

static bool is_told(const struct codec_writer *w, entity_id id)
{
	return (id & SLOTS) < w->n_told && w->told[id & SLOTS] == id;
}

static int told_grow(struct codec_writer *w, entity_id id)
{
	size_t n = w->n_told ? w->n_told : 1024;
	entity_id *told;

	while (n <= (id & SLOTS))
		n *= 2;
	if (n == w->n_told)
		return 0;
	told = reallocarray(w->told, n, sizeof(*told));
	if (!told)
		return -ENOMEM;
	memset(told + w->n_told, 0, (n - w->n_told) * sizeof(*told));
	w->told = told;
	w->n_told = n;
	return 0;
}

static void write_attr(struct codec_writer *w, entity_id id, const char *name, const char *value)
{
	record_begin(w, WIRE_ATTR);
	put_u32(w, id);
	put_text(w, name);
	put_u8(w, value != NULL);
	put_text(w, value);
}

static void write_entity(struct codec_writer *w, const struct graph *g, entity_id id)
{
	if (told_grow(w, id) < 0) {
		w->error = -ENOMEM;
		return;
	}
	record_begin(w, id == graph_node(g) ? WIRE_HOME : WIRE_ENTITY);
	put_u32(w, id);
	if (id != graph_node(g)) {
		put_u8(w, (uint8_t)graph_kind(g, id));
		put_text(w, graph_key(g, id));
	}
	w->told[id & SLOTS] = id;
}

static void write_gone(struct codec_writer *w, entity_id id, mono_ns_t at)
{
	record_begin(w, WIRE_GONE);
	put_u32(w, id);
	put_u64(w, at);
}

static void describe(struct codec_writer *w, const struct graph *g, entity_id id)
{
	const char *name, *value;

	write_entity(w, g, id);
	for (size_t i = 0; graph_attr_at(g, id, i, &name, &value); i++)
		write_attr(w, id, name, value);
}

/* False: the graph has dropped it since, there is nothing left to say about it. */
static bool tell_entity(struct codec_writer *w, const struct graph *g, entity_id id)
{
	mono_ns_t since;

	if (!graph_exists(g, id))
		return false;
	if (is_told(w, id))
		return true;
	describe(w, g, id);
	if (graph_is_gone(g, id, &since))
		write_gone(w, id, since);
	return true;
}

/* ---- a tick ----------------------------------------------------------------------------------------- */

static void write_edge(struct codec_writer *w, enum wire_tag tag, enum edge_kind kind, entity_id from, entity_id to)
{
	record_begin(w, tag);
	put_u8(w, (uint8_t)kind);
	put_u32(w, from);
	put_u32(w, to);
}

static void write_op(struct codec_writer *w, const struct batch *b, const struct batch_op *op)
{
	const struct graph *g = b->graph;

	if (op->kind == BATCH_OP_ENTITY) {
		/* What is new gets its attributes by the ops that follow; what came back had them before. */
		if (graph_exists(g, op->a) && !is_told(w, op->a) && op->b != ENTITY_NONE)
			describe(w, g, op->a);
		else if (graph_exists(g, op->a))
			write_entity(w, g, op->a);
		return;
	}
	if (!tell_entity(w, g, op->a))
		return;
	switch (op->kind) {
	case BATCH_OP_ATTR:
		write_attr(w, op->a, op->name, op->value);
		break;
	case BATCH_OP_LINK:
	case BATCH_OP_UNLINK:
		if (tell_entity(w, g, op->b))
			write_edge(w, op->kind == BATCH_OP_LINK ? WIRE_LINK : WIRE_UNLINK, op->edge, op->a, op->b);
		break;
	default:
		write_gone(w, op->a, b->now);
	}
}

static void write_sample(struct codec_writer *w, const struct batch *b, const struct sample *s)
{
	if (!tell_metric(w, s->metric) || !tell_entity(w, b->graph, s->entity))
		return;
	record_begin(w, s->at == b->now ? WIRE_SAMPLE : WIRE_SAMPLE_AT);
	put_u16(w, (uint16_t)s->metric);
	put_u32(w, s->entity);
	put_f64(w, s->value);
	if (s->at != b->now)
		put_u64(w, s->at);
}

static void write_event(struct codec_writer *w, const struct batch *b, const struct event *e)
{
	if (!tell_metric(w, e->metric) || !tell_entity(w, b->graph, e->entity))
		return;
	record_begin(w, WIRE_EVENT);
	put_u16(w, (uint16_t)e->metric);
	put_u32(w, e->entity);
	put_u64(w, e->at);
	put_u8(w, (uint8_t)e->severity);
	put_u32(w, (uint32_t)e->code);
	put_u8(w, (e->simulated ? WIRE_EVENT_SIMULATED : 0) | (e->message ? WIRE_EVENT_MESSAGE : 0));
	put_text(w, e->message);
	put_u8(w, (uint8_t)MIN_OF(e->n_values, METRIC_MAX_FIELDS));
	for (unsigned i = 0; i < MIN_OF(e->n_values, METRIC_MAX_FIELDS); i++) {
		const struct event_value *v = &e->values[i];

		if (v->text) {
			put_u8(w, WIRE_VALUE_TEXT);
			put_text(w, v->text);
		} else if (!isnan(v->number)) {
			put_u8(w, WIRE_VALUE_NUMBER);
			put_f64(w, v->number);
		} else {
			put_u8(w, WIRE_VALUE_NONE);
		}
	}
}

int codec_write_batch(struct codec_writer *w, const struct batch *b, wall_ns_t wall, struct buf *out)
{
	size_t start = out->len;
	bool overflow = out->overflow;

	message_begin(w, WIRE_TICK, b->now, wall, out);
	for (size_t i = 0; i < b->n_ops; i++)
		write_op(w, b, &b->ops[i]);
	for (size_t i = 0; i < b->n_samples; i++)
		write_sample(w, b, &b->samples[i]);
	for (size_t i = 0; i < b->n_events; i++)
		write_event(w, b, &b->events[i]);
	return message_end(w, start, overflow);
}

/* ---- the whole graph -------------------------------------------------------------------------------- */

static void write_all(struct codec_writer *w, const struct graph *g,
		      void (*write)(struct codec_writer *w, const struct graph *g, entity_id id))
{
	for (unsigned kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		size_t cursor = 0;

		for (;;) {
			entity_id id = graph_next_even_gone(g, (enum entity_kind)kind, &cursor);

			if (id == ENTITY_NONE)
				break;
			write(w, g, id);
		}
	}
}

static void write_edges_of(struct codec_writer *w, const struct graph *g, entity_id id)
{
	size_t n = MIN_OF(graph_edges(g, id, w->edges, ARRAY_LEN(w->edges)), ARRAY_LEN(w->edges));

	for (size_t i = 0; i < n; i++)
		write_edge(w, WIRE_LINK, w->edges[i].kind, id, w->edges[i].to);
}

static void write_if_gone(struct codec_writer *w, const struct graph *g, entity_id id)
{
	mono_ns_t since;

	if (graph_is_gone(g, id, &since))
		write_gone(w, id, since);
}

int codec_write_graph(struct codec_writer *w, const struct graph *g, mono_ns_t now, struct buf *out)
{
	size_t start = out->len;
	bool overflow = out->overflow;

	message_begin(w, WIRE_GRAPH, now, 0, out);
	/* Oldest first within a kind, the gone last of all: so the reader's graph is walked in the same order. */
	write_all(w, g, describe);
	write_all(w, g, write_edges_of);
	write_all(w, g, write_if_gone);
	return message_end(w, start, overflow);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/codec.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "model/codec_wire.h"

#define SLOTS (GRAPH_MAX_ENTITIES - 1) /* of an entity_id: its low bits */

struct known_metric {
	bool told;
	uint32_t metric;                  /* here; METRIC_NONE: this program does not know it */
	int field[METRIC_MAX_FIELDS];     /* here; negative: no such field */
};

struct known_entity {
	entity_id theirs, ours; /* ours ENTITY_NONE: the graph refused it */
};

struct codec_reader {
	const struct metrics *metrics;
	struct known_metric known_metrics[METRIC_MAX];
	struct known_entity *known; /* by the writer's slot */
	size_t n_known;
	bool under_way; /* a first part was read, the last was not */
	uint64_t skipped, offset;
};

/* What is left of a frame. A read past its end sets `bad` and gives zeros. */
struct wire {
	const uint8_t *data;
	size_t left;
	bool bad;
};

int codec_reader_new(const struct metrics *metrics, struct codec_reader **ret_reader)
{
	struct codec_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->metrics = metrics;
	*ret_reader = r;
	return 0;
}

void codec_reader_free(struct codec_reader **r)
{
	if (!*r)
		return;
	free((*r)->known);
	free(*r);
	*r = NULL;
}

uint64_t codec_reader_skipped(const struct codec_reader *r)
{
	return r->skipped;
}

uint64_t codec_reader_offset(const struct codec_reader *r)
{
	return r->offset;
}

/* ---- numbers and texts ------------------------------------------------------------------------------ */

static void get(struct wire *f, void *ret, size_t n)
{
	if (f->bad || n > f->left) {
		f->bad = true;
		memset(ret, 0, n);
		return;
	}
	memcpy(ret, f->data, n);
	f->data += n;
	f->left -= n;
}

static uint8_t get_u8(struct wire *f)
{
	uint8_t value;

	get(f, &value, sizeof(value));
	return value;
}

static uint16_t get_u16(struct wire *f)
{
	uint16_t value;

	get(f, &value, sizeof(value));
	return le16toh(value);
}

static uint32_t get_u32(struct wire *f)
{
	uint32_t value;

	get(f, &value, sizeof(value));
	return le32toh(value);
}

static uint64_t get_u64(struct wire *f)
{
	uint64_t value;

	get(f, &value, sizeof(value));
	return le64toh(value);
}

static double get_f64(struct wire *f)
{
	uint64_t bits = get_u64(f);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Terminated. A text that is longer than it may be, or has a NUL in it, was not written by us. */
static void get_text(struct wire *f, char *ret_text, size_t size)
{
	size_t len = get_u16(f);

	ret_text[0] = '\0';
	if (len >= size || len > f->left || memchr(f->data, '\0', len)) {
		f->bad = true;
		return;
	}
	get(f, ret_text, len);
	ret_text[len] = '\0';
}

/* ---- what was told ---------------------------------------------------------------------------------- */

static void read_metric(struct codec_reader *r, struct wire *f)
{
	uint16_t number = get_u16(f);
	const struct metric_desc *desc;
	struct known_metric known = {.told = true};
	char name[BATCH_MAX_TEXT];
	uint8_t n;

	get_text(f, name, sizeof(name));
	n = get_u8(f);
	if (f->bad || number >= METRIC_MAX || n > METRIC_MAX_FIELDS) {
		f->bad = true;
		return;
	}
	known.metric = metrics_find(r->metrics, name);
	desc = metrics_at(r->metrics, known.metric);
	for (unsigned i = 0; i < METRIC_MAX_FIELDS; i++) {
		known.field[i] = -ENOENT;
		if (i >= n)
			continue;
		get_text(f, name, sizeof(name));
		if (desc)
			known.field[i] = metric_field_index(desc, name);
	}
	r->known_metrics[number] = known;
}

static const struct known_metric *metric_of(const struct codec_reader *r, struct wire *f, uint16_t number)
{
	if (number < METRIC_MAX && r->known_metrics[number].told)
		return &r->known_metrics[number];
	f->bad = true;
	return NULL;
}

static void know_entity(struct codec_reader *r, struct wire *f, entity_id theirs, entity_id ours)
{
	size_t n = r->n_known ? r->n_known : 1024;
	struct known_entity *known;

	while (n <= (theirs & SLOTS))
		n *= 2;
	if (n > r->n_known) {
		known = reallocarray(r->known, n, sizeof(*known));
		if (!known) {
			f->bad = true;
			return;
		}
		memset(known + r->n_known, 0, (n - r->n_known) * sizeof(*known));
		r->known = known;
		r->n_known = n;
	}
	r->known[theirs & SLOTS] = (struct known_entity){.theirs = theirs, .ours = ours};
}

static entity_id entity_of(const struct codec_reader *r, struct wire *f)
{
	entity_id theirs = get_u32(f);
	size_t slot = theirs & SLOTS;

	if (f->bad || theirs == ENTITY_NONE || slot >= r->n_known || r->known[slot].theirs != theirs) {
		f->bad = true;
		return ENTITY_NONE;
	}
	return r->known[slot].ours;
}

/* ---- records ---------------------------------------------------------------------------------------- */

static void read_entity(struct codec_reader *r, struct wire *f, struct batch *b, bool home)
{
	entity_id theirs = get_u32(f);
	char key[GRAPH_MAX_KEY];
	uint8_t kind;

	if (home) {
		if (!f->bad && theirs != ENTITY_NONE)
			know_entity(r, f, theirs, graph_node(b->graph));
		return;
	}
	kind = get_u8(f);
	get_text(f, key, sizeof(key));
	if (theirs == ENTITY_NONE || kind >= ENTITY_KIND_MAX)
		f->bad = true;
	if (!f->bad)
		know_entity(r, f, theirs, batch_entity(b, (enum entity_kind)kind, key));
}

static void read_attr(struct codec_reader *r, struct wire *f, struct batch *b)
{
	entity_id id = entity_of(r, f);
	char name[BATCH_MAX_TEXT], value[GRAPH_MAX_VALUE];
	uint8_t present;

	get_text(f, name, sizeof(name));
	present = get_u8(f);
	get_text(f, value, sizeof(value));
	if (!f->bad)
		batch_attr(b, id, name, present ? value : NULL);
}

static void read_edge(struct codec_reader *r, struct wire *f, struct batch *b, bool link)
{
	enum edge_kind kind = (enum edge_kind)get_u8(f);
	entity_id from = entity_of(r, f), to = entity_of(r, f);

	if (f->bad)
		return;
	if (link)
		batch_link(b, kind, from, to);
	else
		batch_unlink(b, kind, from, to);
}

static void read_gone(struct codec_reader *r, struct wire *f, struct batch *b)
{
	entity_id id = entity_of(r, f);
	mono_ns_t at = get_u64(f), now = b->now;

	if (f->bad)
		return;
	/* A tombstone keeps the time at which it became one. */
	b->now = MIN_OF(at, now);
	batch_gone(b, id);
	b->now = now;
}

static void read_sample(struct codec_reader *r, struct wire *f, struct batch *b, bool with_time)
{
	const struct known_metric *m = metric_of(r, f, get_u16(f));
	entity_id id = entity_of(r, f);
	double value = get_f64(f);
	mono_ns_t at = with_time ? get_u64(f) : b->now;

	if (f->bad)
		return;
	if (m->metric == METRIC_NONE)
		r->skipped++;
	else
		batch_sample_at(b, m->metric, id, at, value);
}

static void read_value(struct codec_reader *r, struct wire *f, struct batch *b, struct event *e,
		       const struct known_metric *m, unsigned i)
{
	const struct metric_desc *desc = metrics_at(r->metrics, m->metric);
	int field = m->field[i];
	char text[BATCH_MAX_TEXT];
	double number;

	switch (get_u8(f)) {
	case WIRE_VALUE_NONE:
		break;
	case WIRE_VALUE_TEXT:
		get_text(f, text, sizeof(text));
		if (!f->bad && field >= 0 && desc->fields[field].is_text)
			batch_value_text(b, e, (unsigned)field, text);
		break;
	case WIRE_VALUE_NUMBER:
		number = get_f64(f);
		if (!f->bad && field >= 0 && !desc->fields[field].is_text)
			batch_value_number(b, e, (unsigned)field, number);
		break;
	default:
		f->bad = true;
	}
}

static void read_event(struct codec_reader *r, struct wire *f, struct batch *b)
{
	const struct known_metric *m = metric_of(r, f, get_u16(f));
	entity_id id = entity_of(r, f);
	mono_ns_t at = get_u64(f);
	uint8_t severity = get_u8(f), flags, n;
	int32_t code = (int32_t)get_u32(f);
	char message[BATCH_MAX_MESSAGE];
	struct event *e = NULL;

	flags = get_u8(f);
	get_text(f, message, sizeof(message));
	n = get_u8(f);
	if (f->bad || severity >= SEVERITY_MAX || n > METRIC_MAX_FIELDS) {
		f->bad = true;
		return;
	}
	if (m->metric == METRIC_NONE)
		r->skipped++;
	else
		e = batch_event(b, m->metric, id, at, (enum severity)severity, code);
	if (e && flags & WIRE_EVENT_MESSAGE)
		batch_message(b, e, "%s", message);
	if (e)
		e->simulated = (flags & WIRE_EVENT_SIMULATED) != 0;
	for (unsigned i = 0; i < n && !f->bad; i++)
		read_value(r, f, b, e, m, i);
}

static void read_record(struct codec_reader *r, struct wire *f, struct batch *b)
{
	uint8_t tag = get_u8(f);

	switch (tag) {
	case WIRE_METRIC:
		read_metric(r, f);
		break;
	case WIRE_HOME:
	case WIRE_ENTITY:
		read_entity(r, f, b, tag == WIRE_HOME);
		break;
	case WIRE_ATTR:
		read_attr(r, f, b);
		break;
	case WIRE_LINK:
	case WIRE_UNLINK:
		read_edge(r, f, b, tag == WIRE_LINK);
		break;
	case WIRE_GONE:
		read_gone(r, f, b);
		break;
	case WIRE_SAMPLE:
	case WIRE_SAMPLE_AT:
		read_sample(r, f, b, tag == WIRE_SAMPLE_AT);
		break;
	case WIRE_EVENT:
		read_event(r, f, b);
		break;
	default:
		f->bad = true;
	}
}

/* ---- frames ----------------------------------------------------------------------------------------- */

static int read_header(struct codec_reader *r, struct wire *f, struct codec_header *ret_header)
{
	struct codec_header h = {0};

	if (get_u32(f) != WIRE_MAGIC)
		return -EBADMSG;
	if (get_u16(f) != CODEC_VERSION)
		return f->bad ? -EBADMSG : -EPROTONOSUPPORT;
	get_text(f, h.node, sizeof(h.node));
	get_text(f, h.boot_id, sizeof(h.boot_id));
	h.wall = get_u64(f);
	h.mono = get_u64(f);
	if (f->bad)
		return -EBADMSG;
	/* A new stream: what an earlier one told is no longer true. */
	memset(r->known_metrics, 0, sizeof(r->known_metrics));
	if (r->known)
		memset(r->known, 0, r->n_known * sizeof(*r->known));
	r->under_way = false;
	if (ret_header)
		*ret_header = h;
	return 0;
}

/* One part of a tick, or of a graph. Returns 1 with the last part, else 0. */
static int read_part(struct codec_reader *r, struct wire *f, struct batch *into, wall_ns_t *ret_wall)
{
	uint8_t part = get_u8(f);
	mono_ns_t now = get_u64(f);
	wall_ns_t wall = get_u64(f);
	uint32_t base = into->metric_base;

	if (f->bad)
		return -EBADMSG;
	if (part & WIRE_PART_FIRST)
		batch_reset(into, now);
	else if (!r->under_way || into->now != now)
		return -EBADMSG;
	r->under_way = !(part & WIRE_PART_LAST);
	batch_set_metric_base(into, 0);
	while (f->left > 0 && !f->bad)
		read_record(r, f, into);
	batch_set_metric_base(into, base);
	if (f->bad) {
		/* Half a tick is no tick. */
		batch_reset(into, now);
		r->under_way = false;
		return -EBADMSG;
	}
	if (r->under_way)
		return 0;
	if (ret_wall)
		*ret_wall = wall;
	return 1;
}

static int read_frame(struct codec_reader *r, struct wire *f, struct batch *into, enum codec_what *ret_what,
		      struct codec_header *ret_header, wall_ns_t *ret_wall)
{
	uint8_t type = get_u8(f);
	int last;

	switch (type) {
	case WIRE_HEADER:
		last = read_header(r, f, ret_header);
		*ret_what = last < 0 ? *ret_what : CODEC_HEADER;
		return last;
	case WIRE_TICK:
		last = read_part(r, f, into, ret_wall);
		break;
	case WIRE_GRAPH:
		last = read_part(r, f, into, NULL);
		break;
	default: /* of a later minor version, perhaps */
		r->skipped++;
		last = 0;
	}
	if (last < 0)
		return last;
	*ret_what = last == 1 && type == WIRE_TICK ? CODEC_BATCH : CODEC_OTHER;
	return 0;
}

int codec_read(struct codec_reader *r, const uint8_t *data, size_t n, struct batch *into, size_t *ret_used,
	       enum codec_what *ret_what, struct codec_header *ret_header, wall_ns_t *ret_wall)
{
	struct wire head = {.data = data, .left = n}, frame;
	uint32_t len, sum;
	int error;

	len = get_u32(&head);
	sum = get_u32(&head);
	/* A wrong length is told at once, so that nobody waits for what will never come. */
	if (n >= sizeof(len) && (len == 0 || len > CODEC_MAX_FRAME - WIRE_HEAD))
		return -EBADMSG;
	if (head.bad || len > head.left)
		return -EAGAIN;
	if ((uint32_t)crc32(0, head.data, len) != sum)
		return -EBADMSG;
	frame = (struct wire){.data = head.data, .left = len};
	error = read_frame(r, &frame, into, ret_what, ret_header, ret_wall);
	if (error < 0)
		return error;
	*ret_used = WIRE_HEAD + len;
	r->offset += *ret_used;
	return 0;
}

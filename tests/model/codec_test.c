/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "model/codec.h"

/* The writer's registry and the reader's differ in order, in fields, and in one metric that only the writer has. */
static const struct metric_field their_fields[] = {
	{"victim", 1, UNIT_NONE, "name"}, {"rss", 0, UNIT_BYTES, "memory"}, {"old", 1, UNIT_NONE, "gone since"}, {0}};
static const struct metric_field our_fields[] = {
	{"new", 0, UNIT_NONE, "came later"}, {"rss", 0, UNIT_BYTES, "memory"}, {"victim", 1, UNIT_NONE, "name"}, {0}};

enum { THEIR_LOAD, THEIR_ONLY, THEIR_OOM };
enum { OUR_OTHER, OUR_OOM, OUR_LOAD };

static const struct metric_desc theirs[] = {
	[THEIR_LOAD] = {.name = "t.load", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "load"},
	[THEIR_ONLY] = {.name = "t.only", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "unknown to the reader"},
	[THEIR_OOM] = {.name = "t.oom", .kind = METRIC_EVENT, .about = ENTITY_CGROUP, .help = "a kill",
		       .fields = their_fields},
};
static const struct metric_desc ours[] = {
	[OUR_OTHER] = {.name = "t.other", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "unknown to the writer"},
	[OUR_OOM] = {.name = "t.oom", .kind = METRIC_EVENT, .about = ENTITY_CGROUP, .help = "a kill", .fields = our_fields},
	[OUR_LOAD] = {.name = "t.load", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "load"},
};

struct side {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
};

struct fixture {
	struct side from, to;
	struct codec_writer *writer;
	struct codec_reader *reader;
	struct buf bytes;
	size_t at; /* in bytes: what was read */
	wall_ns_t wall;
};

static void side_open(struct side *s, const struct metric_desc *table, const char *node)
{
	assert_ok(metrics_new(&s->metrics));
	assert_ok(metrics_add(s->metrics, "test", table, 3, NULL));
	assert_ok(graph_new(3000, node, &s->graph));
	assert_ok(batch_new(s->graph, 40000, 300, 5000, &s->batch));
}

static void side_close(struct side *s)
{
	batch_free(&s->batch);
	graph_free(&s->graph);
	metrics_free(&s->metrics);
}

static void fixture_open(struct fixture *f)
{
	*f = (struct fixture){0};
	side_open(&f->from, theirs, "writer");
	side_open(&f->to, ours, "reader");
	assert_ok(codec_writer_new(f->from.metrics, &f->writer));
	assert_ok(codec_reader_new(f->to.metrics, &f->reader));
	buf_init(&f->bytes, 64 << 20);
}

static void fixture_close(struct fixture *f)
{
	codec_writer_free(&f->writer);
	codec_reader_free(&f->reader);
	assert_null(f->reader);
	codec_writer_free(&f->writer);
	codec_reader_free(&f->reader);
	side_close(&f->from);
	side_close(&f->to);
	buf_done(&f->bytes);
}

static void send(struct fixture *f, wall_ns_t wall)
{
	assert_ok(codec_write_batch(f->writer, f->from.batch, wall, &f->bytes));
}

static int receive_one(struct fixture *f, enum codec_what *what)
{
	size_t used = 0;
	int r = codec_read(f->reader, f->bytes.data + f->at, f->bytes.len - f->at, f->to.batch, &used, what, NULL, &f->wall);

	f->at += used;
	return r;
}

/* Up to the next whole tick. Returns how many frames that took. */
static unsigned receive_tick(struct fixture *f)
{
	enum codec_what what = CODEC_OTHER;
	unsigned n = 0;

	while (what != CODEC_BATCH) {
		assert_ok(receive_one(f, &what));
		n++;
	}
	return n;
}

static const char *name_of(const struct graph *g, entity_id id)
{
	return id == graph_node(g) ? "(home)" : graph_key(g, id);
}

static void assert_same_edges(const struct graph *a, entity_id ia, const struct graph *b, entity_id ib)
{
	static struct graph_edge ea[200], eb[200];
	size_t n = graph_edges(a, ia, ea, 200);

	assert_int_equal(graph_edges(b, ib, eb, 200), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ea[i].kind, eb[i].kind);
		assert_int_equal(graph_kind(a, ea[i].to), graph_kind(b, eb[i].to));
		assert_string_equal(name_of(a, ea[i].to), name_of(b, eb[i].to));
	}
}

/* The same things in the same order, with the same attributes and edges. */
static void assert_same_graph(const struct graph *a, const struct graph *b)
{
	assert_int_equal(graph_count(a), graph_count(b));
	for (unsigned kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		size_t ca = 0, cb = 0;

		for (;;) {
			entity_id ia = graph_next_even_gone(a, kind, &ca), ib = graph_next_even_gone(b, kind, &cb);
			const char *na, *va, *nb, *vb;
			mono_ns_t since_a = 0, since_b = 0;

			assert_int_equal(ia == ENTITY_NONE, ib == ENTITY_NONE);
			if (ia == ENTITY_NONE)
				break;
			assert_string_equal(name_of(a, ia), name_of(b, ib));
			assert_int_equal(graph_is_gone(a, ia, &since_a), graph_is_gone(b, ib, &since_b));
			assert_int_equal(since_a, since_b);
			for (size_t i = 0;; i++) {
				bool more = graph_attr_at(a, ia, i, &na, &va);

				assert_int_equal(graph_attr_at(b, ib, i, &nb, &vb), more);
				if (!more)
					break;
				assert_string_equal(na, nb);
				assert_string_equal(va, vb);
			}
			assert_same_edges(a, ia, b, ib);
		}
	}
}

static void a_header_comes_back(void **state)
{
	struct codec_header in = {.node = "node-17", .boot_id = "0b5e", .wall = 1795000000000000001u, .mono = 77}, out;
	enum codec_what what = CODEC_OTHER;
	struct fixture f;
	size_t used = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(codec_write_header(f.writer, &in, &f.bytes));
	assert_ok(codec_read(f.reader, f.bytes.data, f.bytes.len, f.to.batch, &used, &what, &out, NULL));
	assert_int_equal(what, CODEC_HEADER);
	assert_int_equal(used, f.bytes.len);
	assert_string_equal(out.node, "node-17");
	assert_string_equal(out.boot_id, "0b5e");
	assert_int_equal(out.wall, in.wall);
	assert_int_equal(out.mono, 77);
	fixture_close(&f);
}

static void a_tick_comes_back_in_the_readers_terms(void **state)
{
	struct fixture f;
	struct batch *b;
	const struct event *got;
	struct event *e;
	entity_id p, c;

	(void)state;
	fixture_open(&f);
	b = f.from.batch;
	batch_reset(b, 10 * NS_PER_S);
	c = batch_entity(b, ENTITY_CGROUP, "/a");
	p = batch_entity(b, ENTITY_PROCESS, "4242/1");
	batch_attr(b, p, "comm", "python3");
	batch_link(b, EDGE_IN, p, c);
	batch_sample(b, THEIR_LOAD, c, 1.25);
	batch_sample(b, THEIR_ONLY, c, 9);
	batch_sample_at(b, THEIR_LOAD, graph_node(f.from.graph), 9 * NS_PER_S, -3);
	e = batch_event(b, THEIR_OOM, c, 9 * NS_PER_S + 5, SEVERITY_CRITICAL, -9);
	batch_value_text(b, e, 0, "python3");
	batch_value_number(b, e, 1, 4096);
	batch_value_text(b, e, 2, "nobody asks for this now");
	batch_message(b, e, "100%% killed");
	e->simulated = 1;
	(void)batch_event(b, THEIR_OOM, p, 9 * NS_PER_S + 6, SEVERITY_INFO, 0);
	send(&f, 1795000000000000000u);

	assert_int_equal(receive_tick(&f), 1);
	assert_int_equal(f.at, f.bytes.len);
	assert_int_equal(f.wall, 1795000000000000000u);
	assert_int_equal(codec_reader_offset(f.reader), f.at);
	assert_int_equal(codec_reader_skipped(f.reader), 1); /* t.only */
	assert_same_graph(f.from.graph, f.to.graph);
	b = f.to.batch;
	assert_int_equal(b->now, 10 * NS_PER_S);
	assert_int_equal(b->n_ops, 4); /* so that it can be recorded again */
	assert_int_equal(b->n_samples, 2);
	assert_int_equal(b->samples[0].metric, OUR_LOAD);
	assert_string_equal(graph_key(f.to.graph, b->samples[0].entity), "/a");
	assert_int_equal(b->samples[0].at, 10 * NS_PER_S);
	assert_true(b->samples[0].value == 1.25);
	assert_int_equal(b->samples[1].entity, graph_node(f.to.graph)); /* their node is our node */
	assert_int_equal(b->samples[1].at, 9 * NS_PER_S);
	assert_int_equal(b->n_events, 2);
	got = &b->events[0];
	assert_int_equal(got->metric, OUR_OOM);
	assert_int_equal(got->at, 9 * NS_PER_S + 5);
	assert_int_equal(got->severity, SEVERITY_CRITICAL);
	assert_int_equal(got->code, -9);
	assert_int_equal(got->simulated, 1);
	assert_string_equal(got->message, "100% killed");
	assert_true(isnan(got->values[0].number)); /* "new": unknown, not zero */
	assert_true(got->values[1].number == 4096);
	assert_string_equal(got->values[2].text, "python3");
	assert_null(b->events[1].message);
	assert_int_equal(b->events[1].n_values, 0);
	assert_int_equal(b->events[1].simulated, 0);

	/* What was told is not told again: the second tick is short. */
	f.at = f.bytes.len;
	batch_reset(f.from.batch, 11 * NS_PER_S);
	batch_sample(f.from.batch, THEIR_LOAD, c, 1.5);
	send(&f, 1795000001000000000u);
	assert_true(f.bytes.len - f.at < 50);
	assert_int_equal(receive_tick(&f), 1);
	assert_true(f.to.batch->samples[0].value == 1.5);
	assert_int_equal(f.to.batch->n_ops, 0);
	fixture_close(&f);
}

static void a_base_of_metrics_is_for_collectors_only(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	batch_reset(f.from.batch, 1);
	batch_sample(f.from.batch, THEIR_LOAD, graph_node(f.from.graph), 1);
	send(&f, 1);
	batch_set_metric_base(f.to.batch, 500);
	(void)receive_tick(&f);
	assert_int_equal(f.to.batch->samples[0].metric, OUR_LOAD);
	assert_int_equal(f.to.batch->metric_base, 500);
	fixture_close(&f);
}

static void a_large_tick_is_several_frames_and_one_batch(void **state)
{
	struct fixture f;
	struct batch *b;

	(void)state;
	fixture_open(&f);
	b = f.from.batch;
	batch_reset(b, 5);
	for (unsigned i = 0; i < 40000; i++)
		batch_sample_at(b, THEIR_LOAD, graph_node(f.from.graph), i, i);
	send(&f, 6);
	assert_true(f.bytes.len > 2 * CODEC_MAX_FRAME);
	assert_in_range(receive_tick(&f), 3, 5);
	assert_int_equal(f.at, f.bytes.len);
	assert_int_equal(f.to.batch->n_samples, 40000);
	assert_true(f.to.batch->samples[39999].value == 39999);
	assert_int_equal(f.wall, 6);

	/* A part without its first one is not taken for a tick. */
	codec_reader_free(&f.reader);
	assert_ok(codec_reader_new(f.to.metrics, &f.reader));
	{
		enum codec_what what = CODEC_HEADER;
		uint32_t len;

		memcpy(&len, f.bytes.data, 4);
		f.at = 8 + len;
		assert_err(receive_one(&f, &what), EBADMSG);
		assert_int_equal(what, CODEC_HEADER);
	}
	fixture_close(&f);
}

static void no_room_appends_nothing_and_loses_nothing(void **state)
{
	struct fixture f;
	entity_id c;

	(void)state;
	fixture_open(&f);
	buf_done(&f.bytes);
	buf_init(&f.bytes, 200);
	batch_reset(f.from.batch, 1);
	c = batch_entity(f.from.batch, ENTITY_CGROUP, "/a");
	batch_attr(f.from.batch, c, "limit", "1 GiB");
	send(&f, 1);
	(void)receive_tick(&f);
	f.at = f.bytes.len;
	batch_reset(f.from.batch, 2);
	for (unsigned i = 0; i < 100; i++)
		batch_sample(f.from.batch, THEIR_LOAD, c, i);
	assert_err(codec_write_batch(f.writer, f.from.batch, 2, &f.bytes), EMSGSIZE);
	assert_int_equal(f.bytes.len, f.at);
	assert_false(f.bytes.overflow);

	/* The reader never heard of t.load in that tick: it has to be told now. */
	f.at = 0;
	buf_reset(&f.bytes);
	batch_reset(f.from.batch, 3);
	batch_sample(f.from.batch, THEIR_LOAD, c, 7);
	send(&f, 3);
	(void)receive_tick(&f);
	assert_int_equal(f.to.batch->n_samples, 1);
	assert_same_graph(f.from.graph, f.to.graph);
	fixture_close(&f);
}

static void after_a_restart_a_batch_stands_alone(void **state)
{
	struct fixture f;
	struct side fresh;
	entity_id p;

	(void)state;
	fixture_open(&f);
	batch_reset(f.from.batch, 1);
	p = batch_entity(f.from.batch, ENTITY_PROCESS, "1/1");
	batch_attr(f.from.batch, p, "comm", "init");
	send(&f, 1);
	codec_writer_restart(f.writer);
	buf_reset(&f.bytes);

	batch_reset(f.from.batch, 2);
	batch_gone(f.from.batch, p);
	assert_int_equal(batch_entity(f.from.batch, ENTITY_PROCESS, "1/1"), p); /* it comes back, with its attributes */
	batch_sample(f.from.batch, THEIR_LOAD, p, 4);
	send(&f, 2);
	side_open(&fresh, ours, "fresh");
	{
		struct side keep = f.to;

		f.to = fresh;
		(void)receive_tick(&f);
		assert_same_graph(f.from.graph, f.to.graph);
		assert_string_equal(graph_attr(f.to.graph, f.to.batch->samples[0].entity, "comm"), "init");
		f.to = keep;
	}
	side_close(&fresh);
	fixture_close(&f);
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static entity_id random_entity(struct batch *b)
{
	static const enum entity_kind kinds[] = {ENTITY_CGROUP, ENTITY_PROCESS, ENTITY_LINK, ENTITY_GPU, ENTITY_NIC};
	char key[16];

	snprintf(key, sizeof(key), "k%u", random_below(60));
	return batch_entity(b, kinds[random_below(5)], key);
}

static void random_batch(struct batch *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		entity_id x = random_entity(b), y = random_entity(b);
		char text[40];
		struct event *e;

		snprintf(text, sizeof(text), "%u\xc3\xa9%u", random_below(1000), random_below(10));
		switch (random_below(9)) {
		case 0:
		case 1:
			batch_attr(b, x, random_below(2) ? "comm" : "other", random_below(5) ? text : NULL);
			break;
		case 2:
		case 3:
			batch_link(b, random_below(EDGE_KIND_MAX), x, y);
			break;
		case 4:
			batch_unlink(b, random_below(EDGE_KIND_MAX), x, y);
			break;
		case 5:
			batch_gone(b, x);
			break;
		case 6:
			e = batch_event(b, THEIR_OOM, x, b->now - random_below(9), random_below(3),
					(int)random_below(99) - 50);
			batch_value_text(b, e, 0, text);
			if (random_below(2))
				batch_value_number(b, e, 1, random_below(1000));
			break;
		default:
			batch_sample_at(b, THEIR_LOAD, x, b->now - random_below(3), random_below(100000) / 7.0);
		}
	}
}

static void assert_same_readings(const struct side *from, const struct side *to)
{
	const struct batch *a = from->batch, *b = to->batch;

	assert_int_equal(a->n_samples, b->n_samples);
	for (size_t i = 0; i < a->n_samples; i++) {
		assert_string_equal(name_of(from->graph, a->samples[i].entity), name_of(to->graph, b->samples[i].entity));
		assert_int_equal(b->samples[i].metric, OUR_LOAD);
		assert_int_equal(a->samples[i].at, b->samples[i].at);
		assert_true(a->samples[i].value == b->samples[i].value);
	}
	assert_int_equal(a->n_events, b->n_events);
	for (size_t i = 0; i < a->n_events; i++) {
		const struct event *x = &a->events[i], *y = &b->events[i];

		assert_string_equal(name_of(from->graph, x->entity), name_of(to->graph, y->entity));
		assert_int_equal(x->at, y->at);
		assert_int_equal(x->code, y->code);
		assert_int_equal(x->severity, y->severity);
		assert_string_equal(x->values[0].text, y->values[2].text);
		assert_true(x->values[1].number == y->values[1].number || isnan(y->values[1].number));
	}
}

static void random_lives_are_followed_tick_by_tick(void **state)
{
	struct fixture f;

	(void)state;
	seed = 99;
	fixture_open(&f);
	for (unsigned tick = 1; tick <= 300; tick++) {
		mono_ns_t now = tick * 7 * NS_PER_S;

		batch_reset(f.from.batch, now);
		(void)graph_expire(f.from.graph, now, NULL, NULL);
		(void)graph_expire(f.to.graph, now, NULL, NULL);
		random_batch(f.from.batch, 40);
		send(&f, tick);
		(void)receive_tick(&f);
		assert_same_graph(f.from.graph, f.to.graph);
		assert_same_readings(&f.from, &f.to);
	}
	assert_int_equal(f.to.batch->dropped_ops, 0);
	fixture_close(&f);
}

static void a_recording_that_begins_late_knows_the_graph(void **state)
{
	enum codec_what what = CODEC_HEADER;
	struct fixture f;

	(void)state;
	seed = 7;
	fixture_open(&f);
	for (unsigned tick = 1; tick <= 50; tick++) {
		batch_reset(f.from.batch, tick * 7 * NS_PER_S);
		(void)graph_expire(f.from.graph, tick * 7 * NS_PER_S, NULL, NULL);
		random_batch(f.from.batch, 60);
	}
	assert_ok(codec_write_graph(f.writer, f.from.graph, 350 * NS_PER_S, &f.bytes));
	assert_ok(receive_one(&f, &what));
	assert_int_equal(what, CODEC_OTHER);
	assert_same_graph(f.from.graph, f.to.graph);
	for (unsigned tick = 51; tick <= 150; tick++) {
		batch_reset(f.from.batch, tick * 7 * NS_PER_S);
		(void)graph_expire(f.from.graph, tick * 7 * NS_PER_S, NULL, NULL);
		(void)graph_expire(f.to.graph, tick * 7 * NS_PER_S, NULL, NULL);
		random_batch(f.from.batch, 40);
		send(&f, tick);
		(void)receive_tick(&f);
		assert_same_graph(f.from.graph, f.to.graph); /* also what was born since is in the same order */
	}
	fixture_close(&f);
}

static void torn_frames_wait_and_flipped_bits_are_caught(void **state)
{
	enum codec_what what = CODEC_HEADER;
	struct fixture f;
	size_t used = 4711;
	wall_ns_t wall = 4711;

	(void)state;
	seed = 5;
	fixture_open(&f);
	batch_reset(f.from.batch, NS_PER_S);
	random_batch(f.from.batch, 30);
	send(&f, 1);
	for (size_t n = 0; n < f.bytes.len; n++)
		assert_err(codec_read(f.reader, f.bytes.data, n, f.to.batch, &used, &what, NULL, &wall), EAGAIN);
	for (size_t i = 0; i < f.bytes.len * 8; i++) {
		int r;

		f.bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
		r = codec_read(f.reader, f.bytes.data, f.bytes.len, f.to.batch, &used, &what, NULL, &wall);
		/* A longer length may well be the start of a longer frame. */
		assert_true(r == -EBADMSG || (r == -EAGAIN && i < 32));
		f.bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(used, 4711);
	assert_int_equal(wall, 4711);
	assert_int_equal(what, CODEC_HEADER);
	assert_int_equal(codec_reader_offset(f.reader), 0);
	assert_int_equal(graph_count(f.to.graph), 1); /* nothing of it got through */
	(void)receive_tick(&f);
	assert_same_graph(f.from.graph, f.to.graph);
	fixture_close(&f);
}

/* A frame with the right sum around whatever a hostile child may write. */
static int read_forged(struct fixture *f, const void *payload, size_t n)
{
	enum codec_what what = CODEC_OTHER;
	uint8_t frame[600];
	uint32_t head[2] = {(uint32_t)n, (uint32_t)crc32(0, payload, (uInt)n)};
	size_t used;

	memcpy(frame, head, 8);
	memcpy(frame + 8, payload, n);
	return codec_read(f->reader, frame, n + 8, f->to.batch, &used, &what, NULL, NULL);
}

#define TICK "\x02\x03\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
#define FORGED(f, s) read_forged(f, s, sizeof(s) - 1)

static void hostile_frames_with_right_sums_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(FORGED(&f, TICK));
	assert_ok(FORGED(&f, "\x63 a frame of tomorrow"));
	assert_int_equal(codec_reader_skipped(f.reader), 1);
	assert_err(FORGED(&f, "\x02\x03\1\0"), EBADMSG);			   /* ends in its head */
	assert_err(FORGED(&f, TICK "\x77"), EBADMSG);				   /* no such record */
	assert_err(FORGED(&f, TICK "\x08\0\0\1\0\x10\0" "12345678"), EBADMSG);	   /* metric was never told */
	assert_err(FORGED(&f, TICK "\x07\1\0\x10\0" "12345678"), EBADMSG);	   /* entity was never told */
	assert_err(FORGED(&f, TICK "\x03\1\0\x10\0\x07\x09\0/a"), EBADMSG);	   /* text longer than the frame */
	assert_err(FORGED(&f, TICK "\x03\1\0\x10\0\x07\x03\0/\0a"), EBADMSG);	   /* NUL in a text */
	assert_err(FORGED(&f, TICK "\x03\1\0\x10\0\x63\x02\0/a"), EBADMSG);	   /* no such kind */
	assert_err(FORGED(&f, TICK "\x03\0\0\0\0\x07\x02\0/a"), EBADMSG);	   /* an entity that is none */
	assert_err(FORGED(&f, TICK "\x01\xff\xff\x01\0x\0"), EBADMSG);		   /* metric beyond the maximum */
	assert_err(FORGED(&f, TICK "\x01\0\0\x01\0x\x0b"), EBADMSG);		   /* too many fields */
	assert_err(FORGED(&f, "\x01WHY2\1\0"), EBADMSG);			   /* not the magic */
	assert_err(FORGED(&f, "\x01WHY1\2\0"), EPROTONOSUPPORT);		   /* a later version */
	assert_err(FORGED(&f, "\x01WHY1\1\0\x01\0n"), EBADMSG);			   /* a header that ends early */
	assert_err(read_forged(&f, "", 0), EBADMSG);
	assert_int_equal(f.to.batch->n_samples, 0);

	/* Known, but refused here: its samples are dropped, the rest of the tick is not. */
	assert_ok(FORGED(&f, TICK "\x03\1\0\x10\0\x07\x02\0/\xff" "\x01\0\0\x06\0t.load\0"
				  "\x08\0\0\1\0\x10\0" "\0\0\0\0\0\0\xf0\x3f"));
	assert_int_equal(f.to.batch->refused_entities, 1);
	assert_int_equal(f.to.batch->dropped_samples, 1);
	/* After a bad record nothing of the tick is left. */
	assert_err(FORGED(&f, TICK "\x02\5\0\x10\0" "\x08\0\0\5\0\x10\0" "\0\0\0\0\0\0\xf0\x3f" "\x77"), EBADMSG);
	assert_int_equal(f.to.batch->n_samples, 0);
	assert_ok(FORGED(&f, TICK "\x02\5\0\x10\0" "\x08\0\0\5\0\x10\0" "\0\0\0\0\0\0\xf0\x3f"));
	assert_int_equal(f.to.batch->n_samples, 1);
	assert_true(f.to.batch->samples[0].value == 1);
	fixture_close(&f);
}

static void a_new_header_forgets_what_was_told(void **state)
{
	struct codec_header header = {.node = "n"};
	enum codec_what what = CODEC_OTHER;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	batch_reset(f.from.batch, 1);
	batch_sample(f.from.batch, THEIR_LOAD, graph_node(f.from.graph), 1);
	send(&f, 1);
	(void)receive_tick(&f);
	assert_ok(codec_write_header(f.writer, &header, &f.bytes));
	send(&f, 2); /* without codec_writer_restart */
	assert_ok(receive_one(&f, &what));
	assert_int_equal(what, CODEC_HEADER);
	assert_err(receive_one(&f, &what), EBADMSG);
	assert_true(codec_reader_offset(f.reader) < f.bytes.len);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_comes_back),
		cmocka_unit_test(a_tick_comes_back_in_the_readers_terms),
		cmocka_unit_test(a_base_of_metrics_is_for_collectors_only),
		cmocka_unit_test(a_large_tick_is_several_frames_and_one_batch),
		cmocka_unit_test(no_room_appends_nothing_and_loses_nothing),
		cmocka_unit_test(after_a_restart_a_batch_stands_alone),
		cmocka_unit_test(random_lives_are_followed_tick_by_tick),
		cmocka_unit_test(a_recording_that_begins_late_knows_the_graph),
		cmocka_unit_test(torn_frames_wait_and_flipped_bits_are_caught),
		cmocka_unit_test(hostile_frames_with_right_sums_are_refused),
		cmocka_unit_test(a_new_header_forgets_what_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

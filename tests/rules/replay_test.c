// SPDX-License-Identifier: Apache-2.0
#include "rules/replay.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "tests/rules/scene.h"
#include "tests/test.h"

struct tape {
	struct codec_writer *writer;
	struct buf bytes;
};

static void tape_open(struct tape *t, struct scene *s, const char *node, const char *boot)
{
	struct codec_header h = {.wall = SCENE_WALL, .mono = s->now};

	strcpy(h.node, node);
	strcpy(h.boot_id, boot);
	if (!t->writer) {
		buf_init(&t->bytes, 256 << 20);
		assert_ok(codec_writer_new(s->pack.metrics, &t->writer));
	}
	codec_writer_restart(t->writer);
	assert_ok(codec_write_header(t->writer, &h, &t->bytes));
	assert_ok(codec_write_graph(t->writer, s->graph, s->now, &t->bytes));
}

static void tape_close(struct tape *t)
{
	codec_writer_free(&t->writer);
	buf_done(&t->bytes);
}

static void drop(void *arg, entity_id id)
{
	engine_drop_entity(arg, id);
}

/* As the agent does it: record, judge, drop what is long gone. */
static void live(struct scene *s, struct tape *t, uint64_t *random, uint64_t ahead_ns)
{
	s->now += ahead_ns;
	batch_reset(s->batch, s->now);
	scene_random(s, random);
	assert_ok(codec_write_batch(t->writer, s->batch, SCENE_WALL + (s->now - SCENE_START), &t->bytes));
	scene_tick(s, 0);
	(void)graph_expire(s->graph, s->now, drop, s->engine);
}

static void write_line(void *arg, const struct finding *f)
{
	struct json j;

	json_init(&j, arg);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
	assert_ok(buf_add_text(arg, "\n"));
}

static struct replay *replay_open(struct scene *s)
{
	struct replay_options o = {.metrics = s->pack.metrics,
				   .max_entities = 4096,
				   .max_instances = 5000,
				   .max_series = 5000,
				   .max_series_bytes = 8 << 20,
				   .warm_up_ns = 5 * NS_PER_S};
	struct replay *r = NULL;

	pack_load(&s->pack, scene_rules);
	assert_ok(replay_new(&o, &s->pack.ruleset, &r));
	return r;
}

/* Feed in pieces of `step` bytes, as from a file or a socket. */
static void feed(struct replay *r, const struct buf *bytes, size_t step, struct buf *out)
{
	size_t at = 0, end = 0, used = 0;

	while (at < bytes->len) {
		end = end + step < bytes->len ? end + step : bytes->len;
		assert_ok(replay_feed(r, bytes->data + at, end - at, write_line, out, &used));
		at += used;
	}
}

static void compare(const struct buf *live_json, const struct buf *replayed)
{
	assert_int_equal(live_json->len, replayed->len);
	assert_memory_equal(live_json->data, replayed->data, live_json->len);
}

static void test_a_replay_says_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct tape t = {0};
		uint64_t random = seed * 7919;
		struct replay_stats stats;
		struct replay *r;
		struct buf out;
		struct scene s;

		scene_open(&s, scene_rules, 5);
		tape_open(&t, &s, "n1", "b1");
		for (unsigned i = 0; i < 400; i++) {
			live(&s, &t, &random,
			     i % 97 == 96 ? 400 * NS_PER_S : 700 * NS_PER_MS + random % (600 * NS_PER_MS));
		}
		assert_true(s.n_said > 20);
		assert_true(scene_count(&s, "mem.oom", FINDING_OPEN) > 0);
		assert_true(scene_count(&s, "cpu.throttled", FINDING_OPEN) > 0);
		assert_true(scene_count(&s, "gpu.hot", FINDING_RESOLVED) > 0);
		buf_init(&out, 64 << 20);
		r = replay_open(&s);
		feed(r, &t.bytes, seed % 2 ? 1 << 20 : 1000, &out);
		compare(&s.json, &out);
		replay_stats(r, &stats);
		assert_int_equal(stats.ticks, 400);
		assert_string_equal(stats.header.node, "n1");
		replay_free(&r);
		buf_done(&out);
		tape_close(&t);
		scene_close(&s);
	}
}

static void test_segments(void **state)
{
	struct tape t = {0};
	uint64_t random = 5;
	struct replay *r;
	struct buf out;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 5);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 60 == 0)
			tape_open(&t, &s, "n1", "b1");
		live(&s, &t, &random, NS_PER_S);
	}
	buf_init(&out, 64 << 20);
	r = replay_open(&s);
	feed(r, &t.bytes, 4096, &out);
	compare(&s.json, &out);
	replay_free(&r);
	buf_done(&out);
	tape_close(&t);
	scene_close(&s);
}

static void test_what_is_not_a_recording(void **state)
{
	uint8_t junk[64];
	struct tape t = {0};
	struct replay *r;
	struct scene s;
	size_t used;
	size_t first;

	(void)state;
	memset(junk, 0xee, sizeof(junk));
	scene_open(&s, scene_rules, 0);
	r = replay_open(&s);
	assert_err(replay_feed(r, junk, sizeof(junk), write_line, NULL, &used), EBADMSG);
	assert_null(replay_engine(r));
	replay_free(&r);
	/* Another boot in the middle. */
	tape_open(&t, &s, "n1", "b1");
	first = t.bytes.len;
	tape_open(&t, &s, "n1", "b2");
	r = replay_open(&s);
	assert_err(replay_feed(r, t.bytes.data, t.bytes.len, write_line, NULL, &used), ESTALE);
	assert_int_equal(used, first);
	assert_non_null(replay_engine(r));
	replay_free(&r);
	/* Cut short: what is whole is played, the rest waits. */
	r = replay_open(&s);
	assert_ok(replay_feed(r, t.bytes.data, first - 1, write_line, NULL, &used));
	assert_true(used < first);
	/* A tick before any header. */
	replay_free(&r);
	r = replay_open(&s);
	buf_reset(&t.bytes);
	codec_writer_restart(t.writer);
	assert_ok(codec_write_batch(t.writer, s.batch, SCENE_WALL, &t.bytes));
	assert_err(replay_feed(r, t.bytes.data, t.bytes.len, write_line, NULL, &used), EBADMSG);
	replay_free(&r);
	tape_close(&t);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_replay_says_the_same),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_what_is_not_a_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

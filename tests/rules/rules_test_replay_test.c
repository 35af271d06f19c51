// SPDX-License-Identifier: Apache-2.0
/* Inline tests that play a recording: what happened in it, at its own times, and what it does not hold. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/batch.h"
#include "model/codec.h"
#include "rules/rules_test.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define START (5000 * NS_PER_S)
#define WALL  (1795171331ULL * NS_PER_S)
#define PACK(name, when, expectations) \
	"rules: why/v1\npack: { name: t }\n" \
	"causes:\n  c.oom:\n    title: \"limit of {cgroup.path}\"\n    scope: cgroup\n" \
	"    trigger: count(cgroup.oom.kill, 10s) >= 1\n" \
	"    requires: [{ id: kill, when: \"count(cgroup.oom.kill, 10s) >= 1\" }]\n" \
	"    supports: [{ id: big, when: cgroup.memory.current > 1MiB, weight: strong }]\n" \
	"    confidence: { prior: 0.7, report_at: 0.5 }\n    hold: { clear_after: 5s }\n" \
	"  c.idle:\n    title: idle\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.9\n" \
	"    requires: [{ id: idle, when: " when " }]\n    hold: { clear_after: 5s }\n" \
	"tests:\n  - name: t\n    replay: " name "\n" \
	"    entities: { cgroup: { c: { path: /train }, d: { path: /other } } }\n" expectations
#define TEST(expectations) PACK("a.why", "node.cpu.idle_ratio > 0.9", expectations)

/* Thirty ticks of one second: a cgroup grows, a kill in it ten seconds after the start, and the node idles from 20 s on. */
static void record(struct pack *p, const char *second_boot, struct buf *tape)
{
	struct codec_header h = { .node = "n-17", .boot_id = "b1", .wall = WALL, .mono = START };
	struct codec_writer *writer = NULL;
	struct graph *graph = NULL;
	struct batch *batch = NULL;

	assert_ok(graph_new(64, "n-17", &graph));
	assert_ok(batch_new(graph, 64, 64, 64, &batch));
	assert_ok(codec_writer_new(p->metrics, &writer));
	assert_ok(codec_write_header(writer, &h, tape));
	for (unsigned i = 0; i < 30; i++) {
		entity_id c;

		if (i == 15 && second_boot) {
			(void)snprintf(h.boot_id, sizeof(h.boot_id), "%s", second_boot);
			codec_writer_restart(writer);
			assert_ok(codec_write_header(writer, &h, tape));
			assert_ok(codec_write_graph(writer, graph, START + i * NS_PER_S, tape));
		}
		batch_reset(batch, START + i * NS_PER_S);
		c = batch_entity(batch, ENTITY_CGROUP, "/train");
		batch_attr(batch, c, "path", "/train");
		batch_sample(batch, metrics_find(p->metrics, "cgroup.memory.current"), c, 2 << 20);
		batch_sample(batch, metrics_find(p->metrics, "node.cpu.idle_ratio"), graph_node(graph),
			     i >= 20 ? 0.95 : 0.1);
		if (i == 10)
			assert_non_null(batch_event(batch, metrics_find(p->metrics, "cgroup.oom.kill"), c,
						    START + i * NS_PER_S, SEVERITY_WARNING, 1));
		assert_ok(codec_write_batch(writer, batch, WALL + i * NS_PER_S, tape));
	}
	codec_writer_free(&writer);
	batch_free(&batch);
	graph_free(&graph);
}

static int play(const char *text, const char *second_boot, size_t cut, bool *ret_passed, char *ret_out, size_t size)
{
	AUTO_BUF struct buf out, tape;
	struct pack p;
	int r;

	buf_init(&out, 65536);
	buf_init(&tape, 1 << 20);
	pack_open(&p);
	pack_load(&p, text);
	pack_expect(&p, "");
	record(&p, second_boot, &tape);
	r = rules_test_replay(p.ruleset, 0, p.metrics, tape.data, cut ? cut : tape.len, NULL, &out, ret_passed);
	(void)snprintf(ret_out, size, "%s", out.data ? (const char *)out.data : "");
	pack_close(&p);
	return r;
}

static void test_what_happened(void **state)
{
	char out[8192];
	bool passed = false;

	(void)state;
	assert_ok(play(TEST("    expect:\n"
			    "      - { at: 9s, finding: c.oom, state: none }\n"
			    "      - { at: 10s, finding: c.oom, target: c, confidence: \">= 0.9\", evidence: [big] }\n"
			    "      - { at: 29s, finding: c.oom, target: c, state: resolved }\n"
			    "      - { at: 19s, finding: c.idle, state: none }\n"
			    "      - { at: 20s, finding: c.idle, target: node }\n"
			    "    expect_none: [c.oom/d]\n"), NULL, 0, &passed, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(passed);
}

static void test_what_did_not(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ TEST("    expect: [{ at: 9s, finding: c.oom }]\n"), "at 9s c.oom is not open on anything" },
		{ TEST("    expect: [{ at: 10s, finding: c.oom, target: d }]\n"), "c.oom is not open on d" },
		{ TEST("    expect: [{ at: 28s, finding: c.oom }]\n"), "not open on anything any more" },
		{ TEST("    expect: [{ at: 60s, finding: c.idle, target: node }]\n"),
		  "the recording ends at 29s, before this" },
		{ TEST("    expect_none: [c.idle]\n"), "c.idle opened on n-17" },
		{ PACK("a.why", "node.cpu.idle_ratio > 0.99", "    expect: [{ at: 25s, finding: c.idle }]\n"),
		  "'idle' is false: observed 0.95" },
	};
	char out[8192];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool passed = true;

		assert_ok(play(cases[i].text, NULL, 0, &passed, out, sizeof(out)));
		if (!strstr(out, cases[i].says))
			print_message("wanted: %s\ngot: %s\n", cases[i].says, out);
		assert_non_null(strstr(out, cases[i].says));
		assert_false(passed);
	}
}

static void test_segments_and_what_is_none(void **state)
{
	static const char text[] = TEST("    expect: [{ at: 20s, finding: c.idle }]\n");
	uint8_t junk[64];
	AUTO_BUF struct buf out;
	bool passed = false;
	struct pack p;
	char said[8192];

	(void)state;
	memset(junk, 0xee, sizeof(junk));
	assert_ok(play(text, "b1", 0, &passed, said, sizeof(said)));
	assert_true(passed);
	assert_err(play(text, "b2", 0, &passed, said, sizeof(said)), ESTALE);
	assert_err(play(text, NULL, 3, &passed, said, sizeof(said)), ENODATA);
	buf_init(&out, 65536);
	pack_open(&p);
	pack_load(&p, text);
	assert_err(rules_test_replay(p.ruleset, 0, p.metrics, junk, sizeof(junk), NULL, &out, &passed), EBADMSG);
	assert_err(rules_test_replay(p.ruleset, 1, p.metrics, junk, sizeof(junk), NULL, &out, &passed), ENOENT);
	assert_err(rules_test_replay(p.ruleset, 0, p.metrics, NULL, RULES_TEST_MAX_REPLAY_BYTES + 1, NULL, &out,
				     &passed), EFBIG);
	assert_err(rules_test_run(p.ruleset, 0, p.metrics, NULL, &out, &passed), ENOTSUP);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_happened),
		cmocka_unit_test(test_what_did_not),
		cmocka_unit_test(test_segments_and_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

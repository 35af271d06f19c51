// SPDX-License-Identifier: Apache-2.0
/* Recordings as an agent writes them, played by `why replay`. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/offline.h"
#include "model/codec.h"
#include "tests/cli/child.h"
#include "tests/test.h"

#define START (1000 * NS_PER_S)
#define WALL  (1795171331ULL * NS_PER_S)
#define RULES                                                                                                       \
	"rules: why/v1\npack: { name: team, version: 1.0.0 }\ncauses:\n"                                            \
	"  team.idle:\n    title: \"{node.name} idles\"\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.9\n" \
	"    requires: [{ id: idle, when: \"node.cpu.idle_ratio > 0.9\", show: \"idle {value}\" }]\n"               \
	"    confidence: { prior: 0.9, report_at: 0.5 }\n    severity: critical\n    hold: { clear_after: 2s }\n"   \
	"    remedy: { action: none }\n"

static const char *folder;
static char rules[128];
static struct metrics *metrics;
static struct graph *graph;
static struct batch *batch;
static struct codec_writer *writer;
static struct buf tape;
static unsigned tick;

static int setup(void **state UNUSED)
{
	folder = child_folder();
	snprintf(rules, sizeof(rules), "%s", child_write("team.why.yaml", RULES, strlen(RULES)));
	assert_ok(offline_metrics(&metrics));
	assert_ok(graph_new(64, "n1", &graph));
	assert_ok(batch_new(graph, 64, 64, 64, &batch));
	assert_ok(codec_writer_new(metrics, &writer));
	buf_init(&tape, 1 << 20);
	tick = 0;
	return 0;
}

static int teardown(void **state UNUSED)
{
	codec_writer_free(&writer);
	batch_free(&batch);
	graph_free(&graph);
	metrics_free(&metrics);
	buf_done(&tape);
	child_folder_remove();
	return 0;
}

static void begin_segment(const char *boot)
{
	struct codec_header h = { .node = "n1", .wall = WALL + tick * NS_PER_S, .mono = START + tick * NS_PER_S };

	snprintf(h.boot_id, sizeof(h.boot_id), "%s", boot);
	buf_reset(&tape);
	codec_writer_restart(writer);
	assert_ok(codec_write_header(writer, &h, &tape));
	assert_ok(codec_write_graph(writer, graph, h.mono, &tape));
}

static void ticks(unsigned n, double idle_ratio)
{
	for (unsigned i = 0; i < n; i++, tick++) {
		batch_reset(batch, START + tick * NS_PER_S);
		batch_sample(batch, metrics_find(metrics, "node.cpu.idle_ratio"), graph_node(graph), idle_ratio);
		assert_ok(codec_write_batch(writer, batch, WALL + tick * NS_PER_S, &tape));
	}
}

static const char *end_segment(const char *name)
{
	return child_write(name, tape.data, tape.len);
}

#define WHY_REPLAY(path, ...) child_why("replay", path, "--rules", rules, ##__VA_ARGS__)

static void test_a_fault_that_lasts(void **state UNUSED)
{
	begin_segment("b1");
	ticks(5, 0.2);
	ticks(10, 0.95);
	const char *path = end_segment("000.why");
	const struct child_result *r = WHY_REPLAY(path, "-o", "text");

	assert_int_equal(r->status, 2);
	assert_string_equal(r->err, "");
	assert_non_null(strstr(r->out, "critical  open      n1  team.idle: n1 idles"));
	assert_non_null(strstr(r->out, "played 15 ticks of 14 s, 15 samples, 0 events; at its end:\n"));
	assert_non_null(strstr(r->out, "n1  CRITICAL  1 cause"));
	assert_non_null(strstr(r->out, "● n1 idles\n"));
	assert_non_null(strstr(r->out, "because      idle 95"));
}

static void test_the_same_bytes_each_time(void **state UNUSED)
{
	static char first[CHILD_MAX_OUTPUT];

	begin_segment("b1");
	ticks(5, 0.2);
	ticks(5, 0.95);
	ticks(10, 0.1);
	const char *path = end_segment("000.why");
	const struct child_result *r = WHY_REPLAY(path, "-o", "jsonl");
	assert_int_equal(r->status, 0); /* resolved at the end */
	snprintf(first, sizeof(first), "%s", r->out);
	assert_non_null(strstr(first, "\"state\":\"open\""));
	assert_non_null(strstr(first, "\"state\":\"resolved\""));
	for (const char *line = first; *line; line = strchr(line, '\n') + 1) {
		json_t *f = json_loadb(line, strcspn(line, "\n"), 0, NULL);

		assert_string_equal(json_string_value(json_object_get(f, "rule")), "team.idle");
		json_decref(f);
	}
	assert_string_equal(WHY_REPLAY(path, "-o", "jsonl")->out, first);
}

static void test_a_folder_plays_its_segments_in_order(void **state UNUSED)
{
	begin_segment("b1");
	ticks(5, 0.2);
	(void)end_segment("000000000009.why");
	begin_segment("b1");
	ticks(5, 0.95);
	(void)end_segment("000000000010.why");
	begin_segment("b1");
	ticks(10, 0.1);
	(void)end_segment("000000000011.why");
	const struct child_result *r = WHY_REPLAY(folder, "-o", "json");
	json_t *root = json_loads(r->out, 0, NULL);

	assert_int_equal(r->status, 0);
	assert_string_equal(r->err, "");
	assert_non_null(root);
	const json_t *f = json_array_get(json_object_get(root, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "state")), "resolved");
	assert_string_equal(json_string_value(json_object_get(root, "node")), "n1");
	assert_true(json_is_true(json_object_get(root, "evaluated")));
	json_decref(root);
}

static void test_a_last_frame_cut_off_is_said(void **state UNUSED)
{
	begin_segment("b1");
	ticks(10, 0.95);
	tape.len -= 3;
	const struct child_result *r = WHY_REPLAY(end_segment("000.why"), "-o", "jsonl");

	assert_int_equal(r->status, 2);
	assert_non_null(strstr(r->err, "its last frame is cut off; all before it was played"));
}

static void test_damage_is_told_and_what_came_before_is_played(void **state UNUSED)
{
	begin_segment("b1");
	ticks(10, 0.95);
	tape.data[tape.len - 20] ^= 0x40;
	const struct child_result *r = WHY_REPLAY(end_segment("000.why"), "-o", "jsonl");

	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->err, "000.why: no recording, or damaged"));
	assert_non_null(strstr(r->out, "\"rule\":\"team.idle\""));
}

static void test_what_is_no_recording(void **state UNUSED)
{
	assert_int_equal(WHY_REPLAY(rules, "-o", "json")->status, 65);
	assert_int_equal(WHY_REPLAY("/nonexistent.why", "-o", "json")->status, 66);
	assert_int_equal(WHY_REPLAY(folder, "-o", "json")->status, 66); /* no segments in it */
	assert_int_equal(WHY_REPLAY(child_write("empty.why", "", 0), "-o", "json")->status, 65);
	assert_int_equal(child_why("replay")->status, 64);
	const struct child_result *r = child_why("replay", folder, "--rules", "/nonexistent");
	assert_int_equal(r->status, 66);
	assert_non_null(strstr(r->err, "/nonexistent: No such file"));
}

static void test_two_boots_are_two_recordings(void **state UNUSED)
{
	begin_segment("b1");
	ticks(2, 0.2);
	(void)end_segment("000.why");
	begin_segment("b2");
	ticks(2, 0.2);
	(void)end_segment("001.why");
	const struct child_result *r = WHY_REPLAY(folder, "-o", "json");

	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->err, "001.why: a segment of another node or boot"));
}

#define PLAYS(path, at) \
	RULES "tests:\n  - name: the idle night\n    replay: " path "\n" \
	      "    expect: [{ at: " at ", finding: team.idle, target: node }]\n"

/* `why rules test` finds a recording, or a folder of segments, beside the rules. */
static void test_rules_that_are_tested_on_a_recording(void **state UNUSED)
{
	const struct child_result *r;

	begin_segment("b1");
	ticks(5, 0.2);
	(void)end_segment("000.why");
	begin_segment("b1");
	ticks(5, 0.95);
	(void)end_segment("001.why");
	(void)child_write("team.why.yaml", PLAYS(".", "7s"), strlen(PLAYS(".", "7s")));
	r = child_why("rules", "test", rules);
	assert_string_equal(r->err, "");
	assert_string_equal(r->out, "1 passed, 0 failed\n");
	assert_int_equal(r->status, 0);
	(void)child_write("team.why.yaml", PLAYS("000.why", "4s"), strlen(PLAYS("000.why", "4s")));
	r = child_why("rules", "test", rules);
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "at 4s team.idle is not open on node"));
	assert_non_null(strstr(r->out, "0 passed, 1 failed"));
	(void)child_write("team.why.yaml", PLAYS("009.why", "4s"), strlen(PLAYS("009.why", "4s")));
	r = child_why("rules", "test", rules);
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "there is no such recording"));
	(void)child_write("team.why.yaml", PLAYS("team.why.yaml", "4s"), strlen(PLAYS("team.why.yaml", "4s")));
	r = child_why("rules", "test", rules);
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "its recording is none, or damaged"));
}

#define IN_FORCE                                                                                                  \
	RULES "  team.calm:\n    title: calm\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.1\n"          \
	      "    requires: [{ id: calm, when: \"node.cpu.idle_ratio > 0.1\" }]\n    hold: { clear_after: 2s }\n" \
	      "  team.kept:\n    title: kept\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.9\n"          \
	      "    requires: [{ id: kept, when: \"node.cpu.idle_ratio > 0.9\" }]\n    hold: { clear_after: 2s }\n"
#define GIVEN                                                                                                     \
	"rules: why/v1\npack: { name: team }\ncauses:\n"                                                         \
	"  team.idle:\n    title: idle\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.9\n"                \
	"    requires: [{ id: idle, when: \"node.cpu.idle_ratio > 0.9\" }]\n    severity: warning\n"               \
	"    confidence: { prior: 0.9, report_at: 0.5 }\n    hold: { clear_after: 2s }\n"                          \
	"  team.kept:\n    title: kept\n    scope: node\n    trigger: node.cpu.idle_ratio > 0.9\n"                \
	"    requires: [{ id: kept, when: \"node.cpu.idle_ratio > 0.9\" }]\n    hold: { clear_after: 2s }\n"       \
	"  team.busy:\n    title: busy\n    scope: node\n    trigger: node.cpu.idle_ratio < 0.3\n"                \
	"    requires: [{ id: busy, when: \"node.cpu.idle_ratio < 0.3\" }]\n    hold: { clear_after: 2s }\n"

/* The dry run: other rules on the same recording. */
static void test_what_other_rules_would_change(void **state UNUSED)
{
	char other[128], segment[128];
	const struct child_result *r;
	json_t *root, *f;

	(void)child_write("team.why.yaml", IN_FORCE, strlen(IN_FORCE));
	snprintf(other, sizeof(other), "%s", child_write("other.yaml", GIVEN, strlen(GIVEN)));
	begin_segment("b1");
	ticks(8, 0.2);
	ticks(10, 0.95);
	snprintf(segment, sizeof(segment), "%s", end_segment("000.why"));
	r = child_why("rules", "check", other, "--rules", rules, "--against", segment);
	assert_string_equal(r->err, "");
	assert_int_equal(r->status, 1);
	assert_non_null(strstr(r->out, "would open    team.busy on node n1: warning from "));
	assert_non_null(strstr(r->out, "would vanish  team.calm on node n1: warning from "));
	assert_non_null(strstr(r->out, "would differ  team.idle on node n1: critical from "));
	assert_non_null(strstr(r->out, "; then warning from "));
	assert_null(strstr(r->out, "team.kept"));
	assert_non_null(strstr(r->out, "\n1 would open, 1 would vanish, 1 would differ, 1 the same\n"
				       "3 rules given against 3 in force, over 18 ticks of 17 s of n1\n"));
	/* As a folder, for a program. */
	r = child_why("rules", "check", other, "--rules", rules, "--against", folder, "-o", "json");
	root = json_loads(r->out, 0, NULL);
	assert_int_equal(r->status, 1);
	assert_int_equal(json_integer_value(json_object_get(root, "same")), 1);
	f = json_array_get(json_object_get(root, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "change")), "opens");
	assert_string_equal(json_string_value(json_object_get(f, "rule")), "team.busy");
	assert_null(json_object_get(f, "in_force"));
	assert_true(json_is_false(json_object_get(json_object_get(f, "given"), "open")));
	json_decref(root);
	/* The same rules change nothing. */
	r = child_why("rules", "check", rules, "--rules", rules, "--against", segment);
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "0 would open, 0 would vanish, 0 would differ, 3 the same\n"));
}

static void test_a_comparison_that_cannot_be_made(void **state UNUSED)
{
	char bad[128];

	begin_segment("b1");
	ticks(3, 0.2);
	(void)end_segment("000.why");
	snprintf(bad, sizeof(bad), "%s", child_write("bad.yaml", "rules: why/v1\ncause: {}\n", 24));
	const struct child_result *r = child_why("rules", "check", bad, "--rules", rules, "--against", folder);
	assert_int_equal(r->status, 65);
	assert_non_null(strstr(r->out, "unknown key 'cause'"));
	assert_int_equal(child_why("rules", "check", rules, "--rules", rules, "--against", "/nonexistent")->status, 66);
	assert_int_equal(child_why("rules", "check", rules, "--rules", "/nonexistent", "--against", folder)->status, 66);
	assert_int_equal(child_why("rules", "check", rules, "--rules", rules, "--against", rules)->status, 65);
	assert_int_equal(child_why("rules", "check", rules, "--rules", rules)->status, 64);
	assert_int_equal(child_why("rules", "test", rules, "--against", folder)->status, 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_fault_that_lasts),
		T(test_the_same_bytes_each_time),
		T(test_a_folder_plays_its_segments_in_order),
		T(test_a_last_frame_cut_off_is_said),
		T(test_damage_is_told_and_what_came_before_is_played),
		T(test_what_is_no_recording),
		T(test_two_boots_are_two_recordings),
		T(test_rules_that_are_tested_on_a_recording),
		T(test_what_other_rules_would_change),
		T(test_a_comparison_that_cannot_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

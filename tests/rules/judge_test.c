// SPDX-License-Identifier: Apache-2.0
#include "rules/judge.h"

#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"

static const char rules[] =
	HEAD "causes:\n"
	     "  mem.short:\n"
	     "    title: short\n"
	     "    scope: cgroup\n"
	     "    match: cgroup.path != '/ignored'\n"
	     "    trigger: cgroup.psi.memory.full_ratio > 0.2\n"
	     "    requires:\n"
	     "      - { id: near, when: cgroup.memory.current > 900B }\n"
	     "    supports:\n"
	     "      - { id: stuck, when: proc.state.blocked_time > 5s, via: cgroup <- process, weight: strong }\n"
	     "      - { id: idle, when: node.cpu.idle_ratio > 0.5, weight: moderate }\n"
	     "    refutes:\n"
	     "      - { id: exits, when: \"count(proc.exit, 1m) >= 1\", via: cgroup <- process, weight: strong }\n"
	     "    unless:\n"
	     "      - { when: cgroup.memory.limit > 1GiB, reason: it has room }\n"
	     "    confidence: { prior: 0.5, report_at: 0.4 }\n"
	     "    severity: warning\n"
	     "    hold: { clear_when: cgroup.psi.memory.full_ratio < 0.1, clear_after: 5s }\n";

struct place {
	struct scene s;
	struct machine m;
	struct series_store *series;
	const struct cause_rule *rule;
	entity_id cgroup, first, second;
};

static void place_open(struct place *p)
{
	memset(p, 0, sizeof(*p));
	scene_open(&p->s, rules, 0);
	pack_load(&p->s.pack, rules);
	assert_ok(series_store_new(64, 1 << 20, p->s.pack.metrics, &p->series));
	for (uint32_t i = 0; i < metrics_count(p->s.pack.metrics); i++)
		assert_ok(series_demand(p->series, i, 60 * NS_PER_S, NS_PER_S));
	p->m = (struct machine){.ruleset = p->s.pack.ruleset,
				.metrics = p->s.pack.metrics,
				.graph = p->s.graph,
				.series = p->series,
				.now = p->s.now,
				.fresh_ns = 90 * NS_PER_S};
	p->rule = &p->s.pack.ruleset->causes[0];
	p->cgroup = scene_entity(&p->s, ENTITY_CGROUP, "/a");
	batch_attr(p->s.batch, p->cgroup, "path", "/a");
	p->first = scene_entity(&p->s, ENTITY_PROCESS, "1/1");
	p->second = scene_entity(&p->s, ENTITY_PROCESS, "2/1");
	scene_link(&p->s, EDGE_IN, p->first, p->cgroup);
	scene_link(&p->s, EDGE_IN, p->second, p->cgroup);
}

static void place_close(struct place *p)
{
	series_store_free(&p->series);
	scene_close(&p->s);
}

static struct judgement judge(struct place *p, bool whole, const struct score_marks *seen)
{
	struct judgement j;

	series_put_batch(p->series, p->s.batch);
	batch_reset(p->s.batch, p->s.now);
	judge_cause(&p->m, p->rule, p->cgroup, SCENE_WALL, whole, seen, &j);
	return j;
}

static void press(struct place *p, double ratio, double bytes)
{
	scene_sample(&p->s, "cgroup.psi.memory.full_ratio", p->cgroup, ratio);
	scene_sample(&p->s, "cgroup.memory.current", p->cgroup, bytes);
}

static void test_it_holds(void **state)
{
	struct judgement j;
	struct place p;

	(void)state;
	place_open(&p);
	press(&p, 0.3, 1000);
	j = judge(&p, false, NULL);
	assert_int_equal(j.holds, TRUTH_TRUE);
	assert_int_equal(j.clears, TRUTH_FALSE);
	assert_float_equal(j.score.confidence, 0.5, 1e-9);
	/* What is at the end of a path and silent is unknown: only the requirement and the exits were told. */
	assert_int_equal(j.marks.supports_known, 0);
	assert_float_equal(j.score.coverage, (2.0 + 2) / (2 + 2 + 1 + 2), 1e-9);
	press(&p, 0.15, 1000); /* between the two levels */
	j = judge(&p, true, NULL);
	assert_int_equal(j.holds, TRUTH_FALSE);
	assert_int_equal(j.clears, TRUTH_FALSE);
	press(&p, 0.05, 1000);
	assert_int_equal(judge(&p, true, NULL).clears, TRUTH_TRUE);
	place_close(&p);
}

static void test_requires_unknown_and_false(void **state)
{
	struct judgement j;
	struct place p;

	(void)state;
	place_open(&p);
	scene_sample(&p.s, "cgroup.psi.memory.full_ratio", p.cgroup, 0.3);
	j = judge(&p, false, NULL);
	assert_int_equal(j.requires, TRUTH_UNKNOWN);
	assert_int_equal(j.holds, TRUTH_UNKNOWN);
	press(&p, 0.3, 100);
	j = judge(&p, false, NULL);
	assert_int_equal(j.requires, TRUTH_FALSE);
	assert_int_equal(j.holds, TRUTH_FALSE);
	batch_attr(p.s.batch, p.cgroup, "path", "/ignored");
	press(&p, 0.3, 1000);
	j = judge(&p, false, NULL);
	assert_int_equal(j.match, TRUTH_FALSE);
	assert_int_equal(j.holds, TRUTH_FALSE);
	place_close(&p);
}

static void test_one_at_the_end_of_the_path_is_enough(void **state)
{
	entity_id at = ENTITY_NONE;
	struct judgement j;
	struct place p;

	(void)state;
	place_open(&p);
	press(&p, 0.3, 1000);
	scene_sample(&p.s, "proc.state.blocked_time", p.first, 1e9);
	j = judge(&p, false, NULL); /* false for one, unknown for the other */
	assert_int_equal(j.marks.supports_known & 1, 0);
	(void)judge_at_path(&p.m, &p.rule->supports[0].via, p.rule->supports[0].when, p.cgroup, NULL);
	assert_int_equal(p.m.missing.metric, metrics_find(p.s.pack.metrics, "proc.state.blocked_time"));
	assert_string_equal(p.m.missing.why, "no fresh sample");
	scene_sample(&p.s, "proc.state.blocked_time", p.second, 9e9);
	j = judge(&p, false, NULL);
	assert_int_equal(j.marks.supports_true & 1, 1);
	assert_float_equal(j.score.confidence, 0.881, 0.001);
	assert_int_equal(judge_at_path(&p.m, &p.rule->supports[0].via, p.rule->supports[0].when, p.cgroup, &at),
			 TRUTH_TRUE);
	assert_int_equal(at, p.second);
	scene_sample(&p.s, "proc.state.blocked_time", p.second, 1e9);
	j = judge(&p, false, NULL);
	assert_int_equal(j.marks.supports_true & 1, 0);
	assert_int_equal(j.marks.supports_known & 1, 1);
	/* A path that leads nowhere tells nothing. */
	assert_int_equal(judge_at_path(&p.m, &p.rule->supports[0].via, p.rule->supports[0].when,
				       scene_entity(&p.s, ENTITY_CGROUP, "/empty"), &at),
			 TRUTH_UNKNOWN);
	assert_int_equal(at, ENTITY_NONE);
	assert_string_equal(p.m.missing.why, "the path leads nowhere");
	place_close(&p);
}

static void test_what_was_seen_counts_on(void **state)
{
	struct score_marks seen = {.supports_true = 1, .supports_known = 1};
	struct judgement j;
	struct place p;

	(void)state;
	place_open(&p);
	press(&p, 0.3, 1000);
	j = judge(&p, true, &seen);
	assert_float_equal(j.score.confidence, 0.881, 0.001);
	place_close(&p);
}

static void test_belief_suppression_and_haste(void **state)
{
	struct judgement j;
	struct place p;

	(void)state;
	place_open(&p);
	press(&p, 0.3, 1000);
	(void)scene_event(&p.s, "proc.exit", p.first, 0);
	j = judge(&p, false, NULL); /* 0.12 is not worth reporting */
	assert_float_equal(j.score.confidence, 0.119, 0.001);
	assert_int_equal(j.holds, TRUTH_FALSE);
	assert_false(j.refuted);
	scene_sample(&p.s, "cgroup.memory.limit", p.cgroup, 8e9);
	j = judge(&p, true, NULL);
	assert_true(j.refuted);
	assert_string_equal(j.unless->reason, "it has room");
	/* What cannot hold is not weighed, unless somebody asks. */
	press(&p, 0.05, 1000);
	j = judge(&p, false, NULL);
	assert_null(j.unless);
	assert_int_equal(j.marks.refutes_known, 0);
	assert_non_null(judge(&p, true, NULL).unless);
	place_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_holds),
		cmocka_unit_test(test_requires_unknown_and_false),
		cmocka_unit_test(test_one_at_the_end_of_the_path_is_enough),
		cmocka_unit_test(test_what_was_seen_counts_on),
		cmocka_unit_test(test_belief_suppression_and_haste),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

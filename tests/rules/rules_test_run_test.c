// SPDX-License-Identifier: Apache-2.0
/* The runner of inline tests must be able to say no: each expectation here is wrong in one way. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/rules_test.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define PACK \
	"rules: why/v1\npack: { name: t }\n" \
	"symptoms:\n  s.died:\n    scope: process\n    when: count(proc.exit.signal == 9, 1m) >= 1\n" \
	"causes:\n  c.oom:\n    title: \"limit of {cgroup.path}\"\n    scope: cgroup\n" \
	"    trigger: count(cgroup.oom.kill, 10s) >= 1\n" \
	"    explains: [{ symptom: s.died, via: cgroup <- process, within: [-5s, 1m] }]\n" \
	"    requires: [{ id: kill, when: \"count(cgroup.oom.kill, 10s) >= 1\", show: \"{value} kill\" }]\n" \
	"    supports: [{ id: big, when: cgroup.memory.current > 1MiB, weight: strong }]\n" \
	"    confidence: { prior: 0.7, report_at: 0.5 }\n    hold: { clear_after: 5s }\n" \
	"    remedy: { action: fix_workload }\n"
#define TEST(expectations) \
	PACK "tests:\n  - name: t\n    entities: { cgroup: { c: { path: /c } }, process: { p: { in: c }, q: {} } }\n" \
	     "    timeline:\n" \
	     "      - { at: 0s, set: { cgroup.memory.current: 2MiB } }\n" \
	     "      - { at: 2s, event: { cgroup.oom.kill: 1 } }\n" \
	     "      - { at: 2s, event: { proc.exit: 9, proc.exit.signal: 9 }, target: p }\n" expectations

static bool passes(const char *text, char *ret_out, size_t size)
{
	struct pack p;
	AUTO_BUF struct buf out;
	bool passed = false;

	buf_init(&out, 65536);
	pack_open(&p);
	pack_load(&p, text);
	pack_expect(&p, "");
	assert_int_equal(p.ruleset->n_tests, 1);
	assert_ok(rules_test_run(p.ruleset, 0, p.metrics, NULL, &out, &passed));
	(void)snprintf(ret_out, size, "%s", out.data ? (const char *)out.data : "");
	pack_close(&p);
	return passed;
}

static void test_what_is_right_passes(void **state)
{
	char out[8192];

	(void)state;
	assert_true(passes(TEST("    expect:\n"
				"      - { at: 1s, finding: c.oom, state: none }\n"
				"      - { at: 3s, finding: c.oom, target: c, explains: [s.died/p], confidence: "
				"\">= 0.9\", coverage: \"== 1\","
				" action: fix_workload, severity: warning, evidence: [kill, big], "
				"affected: [p], title: /c }\n"
				"      - { at: 60s, finding: c.oom, state: resolved }\n"),
			   out, sizeof(out)));
	assert_string_equal(out, "");
}

static void test_what_is_wrong_fails(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ TEST("    expect: [{ at: 1s, finding: c.oom }]\n"),
		  "t.why.yaml:25:14: test 't': at 1s c.oom is not open on anything" },
		{ TEST("    expect: [{ at: 60s, finding: c.oom }]\n"), "c.oom is not open on anything any more" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, state: none }]\n"), "at 3s c.oom is open on /c" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, state: resolved }]\n"), "still open" },
		{ TEST("    expect: [{ at: 1s, finding: c.oom, state: resolved }]\n"), "it never opened" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, confidence: \"< 0.9\" }]\n"),
		  "c.oom has confidence 0.9" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, coverage: \"< 1\" }]\n"), "c.oom has coverage 1.000" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, explains: [s.died/q] }]\n"),
		  "c.oom does not explain s.died/q" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, affected: [p, q] }]\n"), "c.oom does not affect q" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, affected: [] }]\n"), "c.oom affects p" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, evidence: [small] }]\n"),
		  "c.oom lacks evidence 'small'" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, action: reboot_node }]\n"),
		  "c.oom advises fix_workload" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, severity: critical }]\n"), "c.oom is warning" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, title: elsewhere }]\n"),
		  "the title is \"limit of /c\"" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, because: [c.oom] }]\n"),
		  "c.oom is not because of c.oom" },
		{ TEST("    expect: [{ at: 3s, finding: c.oom, ruled_out: [x] }]\n"), "c.oom does not rule out x" },
		{ TEST("    expect_none: [c.oom]\n"), "c.oom opened on /c" },
		{ TEST("    expect_none: all\n"), "must stay silent" },
		{ TEST("    expect_none: [c.oom/c]\n"), "must stay silent" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[8192];

		assert_false(passes(cases[i].text, out, sizeof(out)));
		if (!strstr(out, cases[i].says))
			print_message("wanted: %s\ngot: %s\n", cases[i].says, out);
		assert_non_null(strstr(out, cases[i].says));
	}
}

static void test_series_and_states(void **state)
{
	char out[8192];

	(void)state;
	assert_true(passes("rules: why/v1\npack: { name: t }\nsymptoms:\n  s.down:\n    scope: nic\n"
			   "    when: nic.link == 'down' && increase(nic.carrier_changes, 10s) >= 2\n"
			"    clear: { after: 2s }\n"
			   "tests:\n  - name: t\n    entities: { nic: { e: {} } }\n    series:\n"
			   "      - { metric: nic.link, values: \"up up up down down down down down down up up "
			"up up up up up up\" }\n"
			   "      - { metric: nic.carrier_changes, values: \"0 1x2 3 4x40\" }\n"
			   "    expect:\n      - { at: 2s, finding: s.down, state: none }\n"
			"      - { at: 8s, finding: s.down, target: e }\n"
			   "      - { at: 30s, finding: s.down, state: resolved }\n",
			   out, sizeof(out)));
}

static void test_evidence_that_was_never_false(void **state)
{
	AUTO(rules_test_seen_free) struct rules_test_seen *seen = NULL;
	AUTO_BUF struct buf out;
	struct pack p;
	bool passed;

	(void)state;
	buf_init(&out, 65536);
	pack_open(&p);
	pack_load(&p, TEST("    expect: [{ at: 3s, finding: c.oom }]\n"));
	assert_ok(rules_test_seen_new(p.ruleset, &seen));
	assert_ok(rules_test_run(p.ruleset, 0, p.metrics, seen, &out, &passed));
	assert_true(passed);
	assert_int_equal(rules_test_seen_print(seen, &out), 1);
	assert_string_equal((const char *)out.data, "c.oom: supports 'big' was never seen false\n");
	assert_err(rules_test_run(p.ruleset, 1, p.metrics, NULL, &out, &passed), ENOENT);
	rules_test_seen_free(&seen);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_passes),
		cmocka_unit_test(test_what_is_wrong_fails),
		cmocka_unit_test(test_series_and_states),
		cmocka_unit_test(test_evidence_that_was_never_false),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

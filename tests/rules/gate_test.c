// SPDX-License-Identifier: Apache-2.0
#include "rules/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/kin.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"

static struct gates gates_for(struct pack *p, const char *when, const char *metric)
{
	char rules[1024];
	struct gates g = {.n = 0};

	snprintf(rules, sizeof(rules),
		 HEAD "symptoms:\n"
		      "  t.a: { scope: cgroup, when: \"%s\", clear: { after: 1s }, severity: info }\n",
		 when);
	pack_load(p, rules);
	if (p->ruleset->n_symptoms != 1)
		pack_expect(p, "no errors");
	gates_of(p->ruleset, p->ruleset->symptoms[0].when, metrics_find(p->metrics, metric), &g);
	return g;
}

static void test_shapes(void **state)
{
	struct gates g;
	struct pack p;

	(void)state;
	pack_open(&p);
	g = gates_for(&p, "cgroup.memory.current > 5B", "cgroup.memory.current");
	assert_int_equal(g.n, 1);
	assert_int_equal(g.gates[0].test, GATE_ABOVE);
	assert_float_equal(g.gates[0].level, 5, 0);
	assert_int_equal(g.hold_ns, 0);
	g = gates_for(&p, "5B > cgroup.memory.current", "cgroup.memory.current");
	assert_int_equal(g.gates[0].test, GATE_BELOW);
	g = gates_for(&p, "avg(cgroup.memory.current, 30s) >= 5B", "cgroup.memory.current");
	assert_int_equal(g.gates[0].test, GATE_ABOVE);
	assert_int_equal(g.hold_ns, 30 * NS_PER_S);
	/* The smallest is above only while the newest is; it needs no memory. */
	g = gates_for(&p, "min(cgroup.memory.current, 30s) > 5B", "cgroup.memory.current");
	assert_int_equal(g.hold_ns, 0);
	g = gates_for(&p, "max(cgroup.memory.current, 30s) > 5B", "cgroup.memory.current");
	assert_int_equal(g.hold_ns, 30 * NS_PER_S);
	g = gates_for(&p, "rate(cgroup.cpu.throttled_periods, 1m) > 2", "cgroup.cpu.throttled_periods");
	assert_int_equal(g.gates[0].test, GATE_MOVED);
	assert_int_equal(g.hold_ns, 60 * NS_PER_S);
	/* Of a share only what grows can bring it above; what brings it below may be either. */
	g = gates_for(&p, "ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 1m) > 0.2", "cgroup.cpu.periods");
	assert_int_equal(g.n, 0);
	g = gates_for(&p, "ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 1m) < 0.2", "cgroup.cpu.periods");
	assert_int_equal(g.n, 1);
	g = gates_for(&p, "cgroup.memory.current > 5B && cgroup.memory.limit > 7B", "cgroup.memory.limit");
	assert_int_equal(g.n, 1);
	assert_float_equal(g.gates[0].level, 7, 0);
	g = gates_for(&p, "stale(cgroup.memory.current, 10s)", "cgroup.memory.current");
	assert_true(g.by_absence);
	pack_close(&p);
}

static void test_passing(void **state)
{
	const struct gates g = {.gates = {{GATE_ABOVE, 10, 5}, {GATE_BELOW, 2, 7}, {GATE_MOVED, 0, 9}}, .n = 3};
	const struct gates levels = {.gates = {{GATE_ABOVE, 10, 5}, {GATE_BELOW, 2, 7}}, .n = 2}, none = {.n = 0};
	uint64_t hold;

	(void)state;
	assert_true(gates_pass(&levels, 10, false, &hold));
	assert_int_equal(hold, 5);
	assert_true(gates_pass(&levels, 1, false, &hold));
	assert_int_equal(hold, 7);
	assert_false(gates_pass(&levels, 5, true, &hold));
	assert_true(gates_pass(&g, 5, true, &hold));
	assert_int_equal(hold, 9);
	assert_false(gates_pass(&none, 5, true, &hold));
}

/* More conditions on one metric than there is room for: then nothing is held back. */
static void test_too_many_let_all_through(void **state)
{
	struct gates g;
	struct pack p;
	uint64_t hold;

	(void)state;
	pack_open(&p);
	g = gates_for(&p,
		      "cgroup.memory.current > 91B || cgroup.memory.current > 92B || cgroup.memory.current > 93B || "
		      "cgroup.memory.current > 94B || max(cgroup.memory.current, 5s) > 95B",
		      "cgroup.memory.current");
	assert_true(gates_pass(&g, 1, false, &hold));
	pack_close(&p);
}

static void test_kin(void **state)
{
	static const char rules[] = HEAD
		"symptoms:\n"
		"  s.a: { scope: cgroup, when: cgroup.memory.current > 1B, clear: { after: 1s }, severity: info }\n"
		"causes:\n"
#define CAUSE(id, more)                                                                                                \
	"  " id ":\n    title: t\n    scope: cgroup\n    trigger: cgroup.memory.current > 1B\n"                        \
	"    requires: [{ id: r, when: cgroup.memory.current > 1B }]\n" more                                           \
	"    confidence: { prior: 0.5, report_at: 0.4 }\n    severity: info\n    hold: { clear_after: 1s }\n"
		CAUSE("c.one",
		      "    explains: [{ symptom: s.a, within: [0s, 1s] }]\n    because: [{ cause: c.three }]\n")
			CAUSE("c.two",
			      "    explains: [{ symptom: s.a, within: [0s, 1s] }]\n    explained_away_by: [c.three]\n")
				CAUSE("c.three", "");
	struct kin *kin = NULL;
	struct pack p;

	(void)state;
	pack_open(&p);
	pack_load(&p, rules);
	if (p.ruleset->n_causes != 3)
		pack_expect(&p, "no errors");
	assert_ok(kin_new(p.ruleset, &kin));
	for (uint32_t i = 0; i < 3; i++) {
		const struct kin *k = &kin[i];

		if (strcmp(p.ruleset->causes[i].id, "c.one") == 0) {
			assert_int_equal(k->n_because, 1);
			assert_string_equal(p.ruleset->causes[k->because[0]].id, "c.three");
			assert_int_equal(k->n_rivals, 1);
			assert_string_equal(p.ruleset->causes[k->rivals[0]].id, "c.two");
		} else if (strcmp(p.ruleset->causes[i].id, "c.two") == 0) {
			assert_int_equal(k->n_away, 1);
			assert_int_equal(k->n_rivals,
					 2); /* the one that explains it away, and the other that explains the same */
		} else {
			assert_int_equal(k->n_rivals + k->n_because + k->n_away, 0);
		}
	}
	free(kin);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_too_many_let_all_through),
		cmocka_unit_test(test_kin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

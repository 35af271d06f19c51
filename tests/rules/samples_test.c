// SPDX-License-Identifier: Apache-2.0
/* Packs as teams write them, one for each corner of the language: they load without a word and their tests pass. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "rules/machine.h"
#include "rules/rules_test.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

static void run_all(struct pack *p, unsigned n_tests)
{
	AUTO_BUF struct buf out;
	uint32_t at;

	buf_init(&out, 1 << 20);
	assert_ok(machine_verify(p->ruleset, p->metrics, &at));
	assert_int_equal(p->ruleset->n_tests, n_tests);
	for (uint32_t i = 0; i < p->ruleset->n_tests; i++) {
		bool passed = false;

		assert_ok(rules_test_run(p->ruleset, i, p->metrics, NULL, &out, &passed));
		if (!passed)
			(void)fputs((const char *)out.data, stdout);
		assert_true(passed);
	}
}

static void test_samples(void **state)
{
	static const char *const dirs[] = { "tests/rules/samples" };
	const struct cause_rule *c;
	struct pack p;

	(void)state;
	pack_open(&p);
	assert_ok(diags_new(&p.diags));
	assert_ok(ruleset_load_dirs(dirs, 1, p.metrics, NULL, p.diags, &p.ruleset));
	pack_expect(&p, "");
	assert_int_equal(p.ruleset->n_causes, 4);
	c = ruleset_cause(p.ruleset, "gpu.fell_off_bus");
	assert_int_equal(c->hold.latch, LATCH_UNTIL_REBOOT);
	assert_int_equal(c->then, REMEDY_REPLACE_NODE);
	assert_true(c->escalate_if != PROGRAM_NONE);
	assert_int_equal(c->n_checks, 3);
	c = ruleset_cause(p.ruleset, "cpu.cgroup_throttled");
	assert_int_equal(c->mode, RULE_SHADOW);
	assert_true(c->explains[0].has_correlate && c->explains[0].correlate_a_is_rate);
	assert_true(c->explains[0].correlate_b_scale == -1 && !c->explains[0].correlate_b_is_rate);
	assert_int_equal(c->supports[1].via.n_steps, 1);
	run_all(&p, 5);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

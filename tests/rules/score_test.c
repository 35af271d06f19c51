// SPDX-License-Identifier: Apache-2.0
#include "rules/score.h"

#include "base/cleanup.h"
#include "tests/test.h"

static struct score score(double prior, const enum weight *supports, uint32_t n_supports, const enum weight *refutes,
			  uint32_t n_refutes, struct score_marks marks)
{
	struct evidence_rule s[RULESET_MAX_EVIDENCE] = {0}, r[RULESET_MAX_EVIDENCE] = {0};
	struct cause_rule rule = {
		.prior = prior, .supports = s, .n_supports = n_supports, .refutes = r, .n_refutes = n_refutes};
	struct score out;

	for (uint32_t i = 0; i < n_supports; i++)
		s[i].weight = supports[i];
	for (uint32_t i = 0; i < n_refutes; i++)
		r[i].weight = refutes[i];
	score_cause(&rule, &marks, &out);
	return out;
}

static void test_the_checked_numbers(void **state)
{
	const enum weight decisive[] = {WEIGHT_DECISIVE}, two[] = {WEIGHT_STRONG, WEIGHT_MODERATE},
			  strong[] = {WEIGHT_STRONG};

	(void)state;
	assert_float_equal(score(0.6, decisive, 1, NULL, 0, (struct score_marks){.supports_true = 1}).confidence, 0.988,
			   0.0005);
	assert_float_equal(score(0.3, two, 2, NULL, 0, (struct score_marks){.supports_true = 3}).confidence, 0.90,
			   0.005);
	assert_float_equal(
		score(0.3, two, 2, strong, 1, (struct score_marks){.supports_true = 3, .refutes_true = 1}).confidence,
		0.54, 0.005);
	assert_float_equal(score(0.7, NULL, 0, NULL, 0, (struct score_marks){0}).confidence, 0.7, 1e-9);
}

static void test_veto(void **state)
{
	const enum weight decisive[] = {WEIGHT_DECISIVE}, mixed[] = {WEIGHT_STRONG, WEIGHT_DECISIVE};
	struct score s;

	(void)state;
	s = score(0.6, decisive, 1, mixed, 2, (struct score_marks){.supports_true = 1, .refutes_true = 2});
	assert_true(s.vetoed);
	assert_int_equal(s.veto_by, 1);
	s = score(0.6, decisive, 1, mixed, 2, (struct score_marks){.supports_true = 1, .refutes_true = 1});
	assert_false(s.vetoed);
	/* Unknown is no refutation. */
	s = score(0.6, decisive, 1, mixed, 2, (struct score_marks){.supports_true = 1, .refutes_known = 1});
	assert_false(s.vetoed);
}

static void test_a_group_counts_once(void **state)
{
	struct evidence_rule s[3] = {{.weight = WEIGHT_STRONG, .group = "gone"},
				     {.weight = WEIGHT_DECISIVE, .group = "gone"},
				     {.weight = WEIGHT_MODERATE, .group = "other"}};
	struct cause_rule rule = {.prior = 0.5, .supports = s, .n_supports = 3};
	struct score_marks marks = {.supports_true = 3, .supports_known = 3};
	struct score out;

	(void)state;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.confidence, 0.982, 0.001); /* 4, not 6 */
	assert_float_equal(out.coverage, 4.0 / 5, 1e-9);
	marks.supports_true = marks.supports_known = 1;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.confidence, 0.881, 0.001);
	assert_float_equal(out.coverage, 2.0 / 5, 1e-9);
}

static void test_coverage(void **state)
{
	struct evidence_rule r[2] = {0}, s[1] = {{.weight = WEIGHT_DECISIVE}}, f[1] = {{.weight = WEIGHT_STRONG}};
	struct cause_rule rule = {.prior = 0.5,
				  .requires = r,
				  .n_requires = 2,
				  .supports = s,
				  .n_supports = 1,
				  .refutes = f,
				  .n_refutes = 1};
	struct score_marks marks = {.requires_known = 3};
	struct score out;

	(void)state;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.coverage, 4.0 / 10, 1e-9);
	marks.refutes_known = 1;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.coverage, 6.0 / 10, 1e-9);
	marks.supports_known = 1;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.coverage, 1, 1e-9);
	rule.n_requires = rule.n_supports = rule.n_refutes = 0;
	score_cause(&rule, &marks, &out);
	assert_float_equal(out.coverage, 1, 1e-9);
	/* A prior at the edge stays a number. */
	rule.prior = 1;
	score_cause(&rule, &marks, &out);
	assert_true(out.confidence > 0.99 && out.confidence < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_checked_numbers),
		cmocka_unit_test(test_veto),
		cmocka_unit_test(test_a_group_counts_once),
		cmocka_unit_test(test_coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

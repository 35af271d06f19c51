// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include "hub/axis.h"

#define T0 (1700000000ULL * NS_PER_S)

static void later_is_further_right(void **state)
{
	static const wall_ns_t at[] = { T0 + 6 * NS_PER_MS, T0 + 2 * 86400 * NS_PER_S, T0, T0 + NS_PER_S, T0 + NS_PER_S };
	struct axis a = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_true(axis_add(&a, at[i]));
	axis_lay(&a, 500);
	assert_int_equal(a.n, 4); /* the same time twice is one place */
	assert_true(a.x[0] == 0);
	for (size_t i = 1; i < a.n; i++)
		assert_true(a.at[i] > a.at[i - 1] && a.x[i] > a.x[i - 1]);
	assert_true(a.x[3] > 499.999 && a.x[3] < 500.001);
	assert_true(a.x[2] - a.x[1] > 50); /* a second is seen beside two days */
}

static void between_and_outside(void **state)
{
	struct axis a = { .n = 0 };

	(void)state;
	(void)axis_add(&a, T0);
	(void)axis_add(&a, T0 + 10 * NS_PER_S);
	axis_lay(&a, 100);
	assert_true(axis_x(&a, T0 - 1) == 0);
	assert_true(axis_x(&a, T0) == 0);
	assert_true(axis_x(&a, T0 + 5 * NS_PER_S) > 49.9 && axis_x(&a, T0 + 5 * NS_PER_S) < 50.1);
	assert_true(axis_x(&a, T0 + 10 * NS_PER_S) == 100);
	assert_true(axis_x(&a, UINT64_MAX) == 100);
}

static void few_and_many(void **state)
{
	struct axis none = { .n = 0 }, one = { .n = 0 }, many = { .n = 0 };

	(void)state;
	axis_lay(&none, 100);
	assert_true(axis_x(&none, T0) == 0);
	assert_true(axis_add(&one, 0)); /* no time */
	assert_int_equal(one.n, 0);
	(void)axis_add(&one, T0);
	axis_lay(&one, 100);
	assert_true(axis_x(&one, T0) == 0 && axis_x(&one, T0 + 1) == 0);
	for (size_t i = 0; i < AXIS_MAX_TIMES; i++)
		assert_true(axis_add(&many, i % 2 ? UINT64_MAX - i : i + 1));
	assert_false(axis_add(&many, T0));
	axis_lay(&many, 100);
	assert_true(many.x[AXIS_MAX_TIMES - 1] > 99.99 && many.x[AXIS_MAX_TIMES - 1] < 100.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_is_further_right),
		cmocka_unit_test(between_and_outside),
		cmocka_unit_test(few_and_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

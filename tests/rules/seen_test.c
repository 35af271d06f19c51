// SPDX-License-Identifier: Apache-2.0
#include "rules/seen.h"

#include "tests/test.h"

/* Random making and dropping against a plain table: removal by back-shift must not lose a neighbour. */
static void test_random_traffic(void **state)
{
	double value[8][40] = {0};
	struct seen_table *t;
	uint64_t random = 7;
	size_t n = 0;

	(void)state;
	assert_ok(seen_table_new(320, &t));
	for (unsigned i = 0; i < 50000; i++) {
		uint32_t metric, entity;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		metric = (uint32_t)(random >> 33) % 8;
		entity = (uint32_t)(random >> 45) % 40;
		if (value[metric][entity] != 0) {
			struct seen *s = seen_of(t, metric, entity + 1);

			assert_float_equal(s->value, value[metric][entity], 0);
			seen_drop(t, metric, entity + 1);
			seen_drop(t, metric, entity + 1); /* gone already */
			value[metric][entity] = 0;
			n--;
		} else {
			struct seen *s = seen_of(t, metric, entity + 1);

			assert_int_equal(s->at, 0);
			s->at = 1;
			s->value = value[metric][entity] = 1 + (double)i;
			n++;
		}
		assert_int_equal(seen_count(t), n);
	}
	seen_table_free(&t);
	seen_table_free(&t);
}

static void test_full(void **state)
{
	struct seen_table *t;

	(void)state;
	assert_ok(seen_table_new(2, &t));
	assert_non_null(seen_of(t, 0, 1));
	assert_non_null(seen_of(t, 0, 2));
	assert_null(seen_of(t, 0, 3));
	assert_non_null(seen_of(t, 0, 2));
	assert_null(seen_of(t, 0, ENTITY_NONE));
	seen_drop(t, 0, 1);
	assert_non_null(seen_of(t, 0, 3));
	seen_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_traffic),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "exporters/backoff.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/test.h"

static void doubles_up_to_the_maximum_and_starts_anew(void **state UNUSED)
{
	struct backoff b;

	backoff_init(&b, NS_PER_S, 60 * NS_PER_S);
	for (int round = 0; round < 2; round++) {
		uint64_t step = NS_PER_S;

		for (int i = 0; i < 12; i++) {
			uint64_t wait = backoff_next(&b);

			assert_in_range(wait, step / 2, step);
			step = MIN_OF(step * 2, 60 * NS_PER_S);
		}
		backoff_reset(&b);
	}
}

static void many_do_not_wait_in_step(void **state UNUSED)
{
	unsigned tenths[10] = {0};

	for (int i = 0; i < 10000; i++) {
		uint64_t wait = backoff_spread(10 * NS_PER_S);

		assert_in_range(wait, 1, 10 * NS_PER_S);
		tenths[(wait - 1) / NS_PER_S]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 800, 1200); /* 1,000 each; 200 away is more than six standard deviations */
	assert_int_equal(backoff_spread(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_the_maximum_and_starts_anew),
		cmocka_unit_test(many_do_not_wait_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>

#include "base/cleanup.h"
#include "hub/asks.h"

static void only_who_was_asked_may_answer(void **state)
{
	AUTO(asks_free) struct asks *a = NULL;
	struct ask ask = { .stream = 5, .deadline = 100, .asker = 77 }, got;
	uint64_t id, other;

	(void)state;
	assert_ok(asks_new(&a));
	assert_ok(asks_add(a, &ask, &id));
	ask.stream = 6;
	assert_ok(asks_add(a, &ask, &other));
	assert_int_not_equal(id, other);
	assert_false(asks_take(a, id, 6, &got)); /* another agent guesses the number */
	assert_false(asks_take(a, 0, 5, &got));
	assert_false(asks_take(a, other + 1, 5, &got));
	assert_true(asks_take(a, id, 5, &got));
	assert_int_equal(got.asker, 77);
	assert_false(asks_take(a, id, 5, &got)); /* once */
}

static void the_late_and_the_gone_are_taken_out(void **state)
{
	AUTO(asks_free) struct asks *a = NULL;
	struct ask ask = { .stream = 5, .deadline = 100 }, got;
	uint64_t id;

	(void)state;
	assert_ok(asks_new(&a));
	assert_ok(asks_add(a, &ask, &id));
	ask.stream = 6;
	ask.deadline = 200;
	assert_ok(asks_add(a, &ask, &id));
	assert_false(asks_take_due(a, 99, &got));
	assert_true(asks_take_due(a, 100, &got));
	assert_int_equal(got.stream, 5);
	assert_false(asks_take_due(a, 100, &got));
	assert_false(asks_take_of(a, 5, &got));
	assert_true(asks_take_of(a, 6, &got));
}

static void there_is_a_maximum(void **state)
{
	AUTO(asks_free) struct asks *a = NULL;
	struct ask ask = { .stream = 1, .deadline = 1 }, got;
	uint64_t id;

	(void)state;
	assert_ok(asks_new(&a));
	for (int i = 0; i < AGENTS_MAX_ASKS; i++)
		assert_ok(asks_add(a, &ask, &id));
	assert_err(asks_add(a, &ask, &id), ENOBUFS);
	assert_true(asks_take(a, id, 1, &got));
	assert_ok(asks_add(a, &ask, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_was_asked_may_answer),
		cmocka_unit_test(the_late_and_the_gone_are_taken_out),
		cmocka_unit_test(there_is_a_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

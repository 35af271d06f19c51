// SPDX-License-Identifier: Apache-2.0
#include "cli/likeness.h"

#include "base/cleanup.h"
#include "tests/test.h"

static uint64_t of(const char *rule, const char *title, enum severity severity)
{
	struct finding f = { .rule = rule, .title = title, .severity = severity };

	return likeness_of(&f, 0);
}

static void test_words_with_digits_do_not_count(void **state UNUSED)
{
	uint64_t killed = of("proc.killed_by", "reaper[55] killed sleep[70] with SIGKILL", SEVERITY_WARNING);

	assert_true(killed == of("proc.killed_by", "reaper[56] killed sleep[7123] with SIGKILL", SEVERITY_WARNING));
	assert_true(killed != of("proc.killed_by", "reaper[55] killed bash[70] with SIGKILL", SEVERITY_WARNING));
	assert_true(killed != of("proc.killed_by", "reaper[55] killed sleep[70] with SIGTERM", SEVERITY_WARNING));
	assert_true(killed != of("proc.killed_by", "reaper[55] killed sleep[70] with SIGKILL", SEVERITY_CRITICAL));
	assert_true(killed != of("proc.died", "reaper[55] killed sleep[70] with SIGKILL", SEVERITY_WARNING));
	assert_true(of("r", "/kubepods/852d28 waits 5 %", SEVERITY_INFO) ==
		    of("r", "/kubepods/7fa3ed waits 61 %", SEVERITY_INFO));
	assert_true(of("r", "ab c", SEVERITY_INFO) != of("r", "a bc", SEVERITY_INFO));
}

static void test_the_salt_keeps_apart(void **state UNUSED)
{
	struct finding f = { .rule = "r", .title = "t" };

	assert_true(likeness_of(&f, 1) != likeness_of(&f, 2));
	f = (struct finding){ 0 };
	assert_true(likeness_of(&f, 1) == likeness_of(&f, 1));
}

static void test_three_are_a_crowd_two_are_not(void **state UNUSED)
{
	const uint64_t digests[] = { 7, 8, 7, 9, 8, 7, 7 };
	uint16_t first[7];

	likeness_crowd(digests, 7, first);
	const uint16_t expected[] = { 0, 1, 0, 3, 4, 0, 0 };
	assert_memory_equal(first, expected, sizeof(expected));
	likeness_crowd(digests, 0, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_with_digits_do_not_count),
		cmocka_unit_test(test_the_salt_keeps_apart),
		cmocka_unit_test(test_three_are_a_crowd_two_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

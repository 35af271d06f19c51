// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tests/test.h"

static int compare(const char *a, const char *b)
{
	struct version va, vb;

	assert_ok(version_parse(a, &va));
	assert_ok(version_parse(b, &vb));
	assert_int_equal(version_compare(&vb, &va), -version_compare(&va, &vb));
	return version_compare(&va, &vb);
}

static void test_which_is_newer(void **state)
{
	(void)state;
	assert_int_equal(compare("1.2.3", "1.2.3"), 0);
	assert_int_equal(compare("1", "1.0.0"), 0);
	assert_int_equal(compare("0.9", "0.10"), -1);
	assert_int_equal(compare("2.0", "1.99.99"), 1);
	assert_int_equal(compare("1.0.1", "1.0.0"), 1);
	assert_int_equal(compare("999999", "999998.999999"), 1);
}

static void test_what_is_no_version(void **state)
{
	static const char *const bad[] = { "",     ".",     "1.",        "1..2",  "1.2.3.4", "v1",   "1.x", " 1",
					   "1 ",   "-1",    "1000000",   "1.2-rc1", "1,2",     "99999999999999999999" };
	struct version v = { .numbers = { 7, 7, 7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(version_parse(bad[i], &v), EINVAL);
	assert_int_equal(v.numbers[0], 7);
	/* What this program calls itself can be compared. */
	assert_ok(version_parse(WHY_VERSION, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_is_newer),
		cmocka_unit_test(test_what_is_no_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <string.h>

#include "base/address.h"

static void test_what_stays_on_this_machine(void **state)
{
	(void)state;
	assert_true(address_is_loopback("127.0.0.1:7443"));
	assert_true(address_is_loopback("127.9.8.7:1"));
	assert_true(address_is_loopback("localhost:7443"));
	assert_true(address_is_loopback("[::1]:7443"));
	assert_true(address_is_loopback("unix:/run/why/hub.sock"));
}

static void test_what_leaves_it(void **state)
{
	(void)state;
	assert_false(address_is_loopback("0.0.0.0:7443"));
	assert_false(address_is_loopback("10.0.0.1:7443"));
	assert_false(address_is_loopback("128.0.0.1:7443"));
	assert_false(address_is_loopback("[::]:7443"));
	assert_false(address_is_loopback("hub.example:7443"));
	assert_false(address_is_loopback("localhost.example:7443"));
	assert_false(address_is_loopback("127.0.0.1.example:7443"));
	assert_false(address_is_loopback(""));
	char longest[400];
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_false(address_is_loopback(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_stays_on_this_machine),
		cmocka_unit_test(test_what_leaves_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "model/attr_list.h"

static void a_change_is_told_from_a_repetition(void **state)
{
	struct attr_list l = {0};

	(void)state;
	assert_int_equal(attr_list_set(&l, "comm", "sh"), 1);
	assert_int_equal(attr_list_set(&l, "comm", "sh"), 0);
	assert_int_equal(attr_list_set(&l, "comm", "a\xff"), 1);
	assert_int_equal(attr_list_set(&l, "comm", "a\xff"), 0); /* kept escaped, and still the same */
	assert_string_equal(attr_list_get(&l, "comm"), "a\\xFF");
	assert_int_equal(attr_list_set(&l, "comm", NULL), 1);
	assert_int_equal(attr_list_set(&l, "comm", NULL), 0);
	assert_null(attr_list_get(&l, "comm"));
	attr_list_done(&l);
	assert_int_equal(l.n, 0);
}

static void the_order_is_that_of_first_mention(void **state)
{
	struct attr_list l = {0};

	(void)state;
	assert_int_equal(attr_list_set(&l, "a", "1"), 1);
	assert_int_equal(attr_list_set(&l, "b", "2"), 1);
	assert_int_equal(attr_list_set(&l, "c", "3"), 1);
	assert_int_equal(attr_list_set(&l, "a", "a value that needs more room than before"), 1);
	assert_string_equal(l.attrs[0].name, "a");
	assert_string_equal(l.attrs[0].value, "a value that needs more room than before");
	assert_int_equal(attr_list_set(&l, "b", NULL), 1);
	assert_string_equal(l.attrs[1].name, "c");
	assert_string_equal(l.attrs[1].value, "3");
	attr_list_done(&l);
}

static void names_are_checked(void **state)
{
	struct attr_list l = {0};
	char name[65];

	(void)state;
	memset(name, 'n', 64);
	name[64] = '\0';
	assert_err(attr_list_set(&l, name, "x"), EINVAL);
	name[63] = '\0';
	assert_int_equal(attr_list_set(&l, name, "x"), 1);
	assert_err(attr_list_set(&l, "caf\xc3\xa9", "x"), EINVAL);
	assert_err(attr_list_set(&l, "a\n", "x"), EINVAL);
	assert_int_equal(l.n, 1);
	attr_list_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_from_a_repetition),
		cmocka_unit_test(the_order_is_that_of_first_mention),
		cmocka_unit_test(names_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

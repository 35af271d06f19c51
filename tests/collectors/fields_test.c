// SPDX-License-Identifier: Apache-2.0
#include "collectors/fields.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static struct fields of(const char *text)
{
	return fields_of(text, strlen(text));
}

static void test_words_and_numbers(void **unused)
{
	(void)unused;
	struct fields f = of(" \tcpu0 12  34\tx 18446744073709551615 18446744073709551616 ff"), line;
	uint64_t v = 5;
	assert_true(fields_is(&f, "cpu0"));
	assert_false(fields_is(&f, "1"));
	assert_true(fields_u64(&f, &v));
	assert_int_equal(v, 12);
	assert_true(fields_skip(&f, 1));
	assert_false(fields_u64(&f, &v)); /* x is taken and is no number */
	assert_int_equal(v, 12);
	assert_true(fields_u64(&f, &v));
	assert_true(v == UINT64_MAX);
	assert_false(fields_u64(&f, &v)); /* one too large */
	assert_true(fields_hex(&f, &v));
	assert_int_equal(v, 0xff);
	assert_false(fields_skip(&f, 1));
	f = of("");
	assert_false(fields_line(&f, &line));
}

static void test_text_is_never_left(void **unused)
{
	(void)unused;
	/* no terminator behind the text: the sanitizers watch the bounds */
	char *text = malloc(7);
	memcpy(text, "total=9", 7);
	uint64_t v = 0;
	assert_true(fields_assigned(fields_of(text, 7), "total", &v));
	assert_int_equal(v, 9);
	assert_false(fields_assigned(fields_of(text, 6), "total", &v));
	assert_false(fields_assigned(fields_of(text, 5), "total", &v));
	assert_false(fields_assigned(fields_of(text, 7), "tot", &v));
	free(text);
}

static void test_keyed_in_any_order(void **unused)
{
	(void)unused;
	static const char *const keys[] = { "a", "bb", "a_longer" };
	static const char text[] = "bb: 2 kB\nc 9\na_longer 3\n\n  a 1\nbb x\na -1\n";
	uint64_t v[3] = { 0 };
	assert_int_equal(fields_keyed(text, strlen(text), keys, 3, v), 7);
	assert_int_equal(v[0], 1);
	assert_int_equal(v[1], 2);
	assert_int_equal(v[2], 3);
	assert_int_equal(fields_keyed("a\nb 1\n:\n", 8, keys, 3, v), 0);
	assert_int_equal(fields_keyed("", 0, keys, 3, v), 0);
}

static void test_one_number_or_max(void **unused)
{
	(void)unused;
	uint64_t v = 7;
	assert_true(fields_one("max\n", 4, &v));
	assert_true(v == UINT64_MAX);
	assert_true(fields_one("42\n", 3, &v));
	assert_int_equal(v, 42);
	assert_false(fields_one("-1\n", 3, &v));
	assert_false(fields_one("", 0, &v));
	assert_false(fields_one("maximum\n", 8, &v));
	assert_int_equal(v, 42);
}

static void test_copy_is_cut(void **unused)
{
	(void)unused;
	char name[4];
	struct fields f = of("abcdef gh");
	assert_true(fields_copy(&f, name, sizeof(name)));
	assert_string_equal(name, "abc");
	assert_true(fields_copy(&f, name, sizeof(name)));
	assert_string_equal(name, "gh");
	assert_false(fields_copy(&f, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_numbers), cmocka_unit_test(test_text_is_never_left),
		cmocka_unit_test(test_keyed_in_any_order), cmocka_unit_test(test_one_number_or_max),
		cmocka_unit_test(test_copy_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

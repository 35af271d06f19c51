// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf_value.h"

static struct arena *arena;
static char error[CONF_ERROR_MAX];

static int set_up(void **state)
{
	(void)state;
	return arena_new(1 << 20, &arena);
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static int set_u64(enum conf_type type, const char *min, const char *max, const char *text, uint64_t *value)
{
	struct conf_option option = { "k", type, NULL, 0, min, max, NULL, NULL };

	return conf_value_set_text(&option, text, arena, error, value);
}

static void bounds_are_inclusive(void **state)
{
	uint64_t v = 77;

	(void)state;
	assert_ok(set_u64(CONF_U64, "5", "9", "5", &v));
	assert_ok(set_u64(CONF_U64, "5", "9", "9", &v));
	v = 77;
	assert_err(set_u64(CONF_U64, "5", "9", "4", &v), ERANGE);
	assert_err(set_u64(CONF_U64, "5", "9", "10", &v), ERANGE);
	assert_err(set_u64(CONF_U64, NULL, NULL, "18446744073709551616", &v), ERANGE);
	assert_string_equal(error, "cannot be '18446744073709551616', which is too large; write a whole number");
	assert_err(set_u64(CONF_U64, NULL, NULL, "", &v), EINVAL);
	assert_err(set_u64(CONF_DURATION, "1s", NULL, "999ms", &v), ERANGE);
	assert_string_equal(error, "cannot be '999ms', which is below the minimum 1s; write 1s or more");
	assert_err(set_u64(CONF_DURATION, NULL, NULL, "5", &v), EINVAL);
	assert_string_equal(error, "cannot be '5'; write a duration like 30s or 1h30m");
	assert_err(set_u64(CONF_BYTES, NULL, "1MiB", "1048577", &v), ERANGE);
	assert_int_equal(v, 77);
	assert_ok(set_u64(CONF_BYTES, NULL, "1MiB", "1024KiB", &v));
	assert_int_equal(v, 1048576);
	/* Beyond what a double tells apart. */
	assert_err(set_u64(CONF_U64, NULL, "9007199254740992", "9007199254740993", &v), ERANGE);
}

static void a_bool_is_one_of_two_words(void **state)
{
	static const char *const bad[] = { "", "yes", "on", "1", "TRUE", "True", "truex" };
	struct conf_option option = { "k", CONF_BOOL, NULL, 0, NULL, NULL, NULL, NULL };
	bool v = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(conf_value_set_text(&option, bad[i], arena, error, &v), EINVAL);
	assert_true(v);
	assert_ok(conf_value_set_text(&option, "false", arena, error, &v));
	assert_false(v);
}

static void choices_match_whole(void **state)
{
	struct conf_option option = { "k", CONF_TEXT, NULL, 0, NULL, NULL, "ab|c|ab-d", NULL };
	const char *v = "before";

	(void)state;
	assert_err(conf_value_set_text(&option, "a", arena, error, &v), EINVAL);
	assert_err(conf_value_set_text(&option, "ab|c", arena, error, &v), EINVAL);
	assert_err(conf_value_set_text(&option, "", arena, error, &v), EINVAL);
	assert_string_equal(error, "cannot be ''; write ab, c, ab-d");
	assert_string_equal(v, "before");
	assert_ok(conf_value_set_text(&option, "ab-d", arena, error, &v));
	assert_string_equal(v, "ab-d");
}

static void hostile_values_are_shown_escaped_and_short(void **state)
{
	static char longest[100000];
	uint64_t v = 77;

	(void)state;
	assert_err(set_u64(CONF_U64, NULL, NULL, "\x1B[2J", &v), EINVAL);
	assert_string_equal(error, "cannot be '\\x1B[2J'; write a whole number");
	memset(longest, 1, sizeof(longest) - 1);
	assert_err(set_u64(CONF_U64, NULL, NULL, longest, &v), EINVAL);
	assert_true(strlen(error) < CONF_ERROR_MAX);
	assert_int_equal(v, 77);
}

static void a_list_has_a_maximum_of_its_own(void **state)
{
	struct conf_option option = { "k", CONF_LIST, NULL, 0, NULL, NULL, NULL, NULL };
	struct conf_list list = { NULL, 77 };
	char text[2 * (CONF_MAX_LIST + 1) + 1] = "";

	(void)state;
	for (size_t i = 0; i < CONF_MAX_LIST; i++)
		strcat(text, i ? ",a" : "a");
	assert_ok(conf_value_set_text(&option, text, arena, error, &list));
	assert_int_equal(list.n, CONF_MAX_LIST);
	strcat(text, ",a");
	list.n = 77;
	assert_err(conf_value_set_text(&option, text, arena, error, &list), ERANGE);
	option.max = "100000";
	assert_err(conf_value_set_text(&option, text, arena, error, &list), ERANGE);
	assert_int_equal(list.n, 77);
	option.choices = "b";
	assert_err(conf_value_set_text(&option, "b,a", arena, error, &list), EINVAL);
}

static void values_print_in_their_largest_exact_unit(void **state)
{
	static const struct {
		enum conf_type type;
		uint64_t value;
		const char *text;
	} cases[] = {
		{ CONF_DURATION, 0, "0ns" },		    { CONF_DURATION, 90000000000, "90s" },
		{ CONF_DURATION, 7200000000000, "2h" },	    { CONF_DURATION, 1500000, "1500us" },
		{ CONF_BYTES, 64 << 20, "64MiB" },	    { CONF_BYTES, 1023, "1023B" },
		{ CONF_BYTES, UINT64_MAX, "18446744073709551615B" }, { CONF_U64, UINT64_MAX, "18446744073709551615" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf_option option = { "k", cases[i].type, NULL, 0, NULL, NULL, NULL, NULL };
		AUTO_BUF struct buf out;
		uint64_t back = 77;

		buf_init(&out, 64);
		assert_ok(conf_value_print(&option, &cases[i].value, &out));
		assert_string_equal((char *)out.data, cases[i].text);
		assert_ok(conf_value_set_text(&option, (char *)out.data, arena, error, &back));
		assert_int_equal(back, cases[i].value);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bounds_are_inclusive),
		T(a_bool_is_one_of_two_words),
		T(choices_match_whole),
		T(hostile_values_are_shown_escaped_and_short),
		T(a_list_has_a_maximum_of_its_own),
		T(values_print_in_their_largest_exact_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/lexer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "tests/test.h"

static void expect_kinds(const char *text, const enum token_kind *kinds)
{
	AUTO(arena_free) struct arena *arena = NULL;
	struct lexer lx;
	struct token t;

	assert_ok(arena_new(65536, &arena));
	lexer_init(&lx, text, strlen(text), arena);
	for (size_t i = 0;; i++) {
		lexer_next(&lx, &t);
		assert_int_equal(t.kind, kinds[i]);
		if (t.kind == TOKEN_END)
			break;
	}
	lexer_next(&lx, &t);
	assert_int_equal(t.kind, TOKEN_END);
}

static void test_words_and_signs(void **state)
{
	(void)state;
	expect_kinds("a.b.c>=1&&!(x in[1,'t'])||true",
		     (enum token_kind[]){ TOKEN_NAME, TOKEN_GREATER_EQUAL, TOKEN_NUMBER, TOKEN_AND, TOKEN_NOT,
					  TOKEN_OPEN, TOKEN_NAME, TOKEN_IN,
					  TOKEN_OPEN_LIST, TOKEN_NUMBER, TOKEN_COMMA, TOKEN_TEXT, TOKEN_CLOSE_LIST,
						  TOKEN_CLOSE, TOKEN_OR, TOKEN_TRUE,
					  TOKEN_END });
	expect_kinds("", (enum token_kind[]){ TOKEN_END });
	expect_kinds("a # b", (enum token_kind[]){ TOKEN_NAME, TOKEN_BAD, TOKEN_NAME, TOKEN_END });
	expect_kinds("'open", (enum token_kind[]){ TOKEN_BAD, TOKEN_END });
	expect_kinds("in_flight infinite", (enum token_kind[]){ TOKEN_NAME, TOKEN_NAME, TOKEN_END });
	expect_kinds("7%2 == 20%", (enum token_kind[]){ TOKEN_NUMBER, TOKEN_PERCENT, TOKEN_NUMBER, TOKEN_EQUAL,
							TOKEN_NUMBER, TOKEN_END });
	expect_kinds("20%&&x", (enum token_kind[]){ TOKEN_NUMBER, TOKEN_AND, TOKEN_NAME, TOKEN_END });
	expect_kinds("20% in x", (enum token_kind[]){ TOKEN_NUMBER, TOKEN_IN, TOKEN_NAME, TOKEN_END });
}

static void test_numbers_carry_units(void **state)
{
	static const struct {
		const char *text;
		double value;
		enum unit unit;
	} cases[] = {
		{ "0", 0, UNIT_NONE },
		{ "12.5", 12.5, UNIT_NONE },
		{ "1e3", 1000, UNIT_NONE },
		{ "-3", -3, UNIT_NONE },
		{ "250ms", 250e6, UNIT_NS },
		{ "5m", 300e9, UNIT_NS },
		{ "1h30m", 5400e9, UNIT_NS },
		{ "-10s", -10e9, UNIT_NS },
		{ "7d", 7 * 86400e9, UNIT_NS },
		{ "512MiB", 536870912., UNIT_BYTES },
		{ "10GB", 10e9, UNIT_BYTES },
		{ "20%", 0.2, UNIT_RATIO },
		{ "0.5%", 0.005, UNIT_RATIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double value;
		enum unit unit;

		assert_ok(lexer_number(cases[i].text, &value, &unit));
		assert_true(fabs(value - cases[i].value) <= 1e-12 * fabs(value));
		assert_int_equal(unit, cases[i].unit);
	}
}

static void test_what_is_no_number(void **state)
{
	static const char *const cases[] = { "", "-", "x", "5x", "5 m", "1m5MiB", "1.2.3", "5m7", "--5", "+5", "5%%",
					     "nan", "1e", "0x10" };
	double value = 42;
	enum unit unit;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_err(lexer_number(cases[i], &value, &unit), EINVAL);
		assert_true(value == 42); /* untouched */
	}
}

static void test_texts_and_places(void **state)
{
	AUTO(arena_free) struct arena *arena = NULL;
	struct lexer lx;
	struct token t;
	const char *text = "  'it\\'s' \"b\"";

	(void)state;
	assert_ok(arena_new(65536, &arena));
	lexer_init(&lx, text, strlen(text), arena);
	lexer_next(&lx, &t);
	assert_string_equal(t.text, "it's");
	assert_int_equal(t.offset, 2);
	assert_int_equal(t.length, 7);
	lexer_next(&lx, &t);
	assert_string_equal(t.text, "b");
	assert_int_equal(t.offset, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_signs),
		cmocka_unit_test(test_numbers_carry_units),
		cmocka_unit_test(test_what_is_no_number),
		cmocka_unit_test(test_texts_and_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

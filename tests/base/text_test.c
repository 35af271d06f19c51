// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void add_fills_to_the_last_byte(void **state)
{
	char buffer[6];
	struct text t;

	(void)state;
	text_init(&t, buffer, sizeof(buffer));
	text_add(&t, "abc");
	text_addf(&t, "%d", 45);
	assert_string_equal(buffer, "abc45");
	assert_false(t.truncated);
	text_add(&t, "");
	assert_false(t.truncated);
	text_add(&t, "6");
	assert_true(t.truncated);
	assert_string_equal(buffer, "abc45");
	assert_int_equal(t.len, 5);
}

static void nothing_follows_a_gap(void **state)
{
	char buffer[8];
	struct text t;

	(void)state;
	text_init(&t, buffer, sizeof(buffer));
	text_add(&t, "abcd");
	text_add_escaped(&t, "\n", 1); /* needs 4, has 3 */
	assert_true(t.truncated);
	text_add(&t, "x");
	text_addf(&t, "y");
	text_add_escaped(&t, "z", 1);
	assert_string_equal(buffer, "abcd");
}

static void size_one_holds_nothing(void **state)
{
	char buffer[1] = { 'x' };
	struct text t;

	(void)state;
	text_init(&t, buffer, 1);
	assert_int_equal(buffer[0], 0);
	text_addf(&t, "%s", "\xC3\xBC");
	assert_int_equal(buffer[0], 0);
	assert_true(t.truncated);
}

/* Every buffer size against every cut of a text with code points of 1 to 4 bytes. */
static void cuts_never_split_a_code_point(void **state)
{
	static const char whole[] = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z\xF0\x9F\x98\x80";
	static const size_t ends[] = { 0, 1, 3, 6, 10, 11, 15 };

	(void)state;
	for (size_t size = 1; size <= sizeof(whole); size++) {
		char *buffer = malloc(size);
		size_t expected = 0;
		struct text t;

		for (size_t i = 0; i < ARRAY_LEN(ends); i++)
			if (ends[i] < size)
				expected = ends[i];
		assert_int_equal(text_copy(buffer, size, whole), expected);
		assert_int_equal(strlen(buffer), expected);
		text_init(&t, buffer, size);
		text_addf(&t, "%s", whole);
		assert_int_equal(t.len, expected);
		assert_int_equal(strlen(buffer), expected);
		assert_int_equal(t.truncated, size < sizeof(whole));
		text_init(&t, buffer, size);
		text_add_escaped(&t, whole, sizeof(whole) - 1);
		assert_int_equal(t.len, expected);
		free(buffer);
	}
}

static void cuts_survive_what_is_no_utf8(void **state)
{
	char buffer[5];

	(void)state;
	assert_int_equal(text_copy(buffer, sizeof(buffer), "\x80\x80\x80\x80\x80\x80"), 4);
	assert_int_equal(text_copy(buffer, sizeof(buffer), "\xFF\xFF\xFF\xFF\xFF"), 3);
}

static const char *escaped(const char *s, size_t n)
{
	static char buffer[256];
	struct text t;

	text_init(&t, buffer, sizeof(buffer));
	text_add_escaped(&t, s, n);
	return buffer;
}

static void escapes_what_could_lie(void **state)
{
	(void)state;
	assert_string_equal(escaped("plain \xC3\xBC \\", 10), "plain \xC3\xBC \\");
	assert_string_equal(escaped("\0", 1), "\\x00");
	assert_string_equal(escaped("\x1B[31m\r\n\t\x7F", 9), "\\x1B[31m\\x0D\\x0A\\x09\\x7F");
	assert_string_equal(escaped("\xC2\x9B", 2), "\\u{009B}");
	assert_string_equal(escaped("\xE2\x80\xAE", 3), "\\u{202E}");
	assert_string_equal(escaped("\xE2\x81\xA6", 3), "\\u{2066}");
	assert_string_equal(escaped("\xE2\x81\xA9\xE2\x80\x8F", 6), "\\u{2069}\\u{200F}");
	assert_string_equal(escaped("\xD8\x9C\xEF\xBB\xBF", 5), "\\u{061C}\\u{FEFF}");
	assert_string_equal(escaped("\xFF\xC3", 2), "\\xFF\\xC3");
	assert_string_equal(escaped("\xC0\x80", 2), "\\xC0\\x80");
	assert_string_equal(escaped("\xE2\x82", 2), "\\xE2\\x82");
}

static void utf8_is_strict(void **state)
{
	static const char *const good[] = { "", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
					    "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF" };
	static const char *const bad[] = { "\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2x", "\xE0\x80\x80", "\xE0\x9F\xBF",
					   "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x82", "\xF0\x8F\xBF\xBF",
						"\xF4\x90\x80\x80",
					   "\xF5\x80\x80\x80", "\xFE", "\xFF", "ok\xF0\x9F\x98" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(text_is_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(text_is_utf8(bad[i], strlen(bad[i])));
	assert_true(text_is_utf8("\0", 1));
}

static void decodes_every_code_point(void **state)
{
	uint32_t code = 77;

	(void)state;
	for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 251) {
		char s[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		if (n == 1)
			s[0] = (char)c;
		for (size_t i = n - 1; n > 1 && i > 0; i--)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
		if (n > 1)
			s[0] = (char)((0xF00 >> n & 0xF0) | c >> 6 * (n - 1));
		assert_int_equal(text_decode(s, n, &code), n);
		assert_int_equal(code, c);
		assert_int_equal(text_decode(s, n - 1, &code), 0);
	}
}

static void hash_is_the_same_everywhere(void **state)
{
	(void)state;
	/* Pinned: it must not change between versions or machines, stable ids are made from it. */
	assert_int_equal(text_hash("", 0), 0xFDBDF6AC4FC52E7FULL);
	assert_int_equal(text_hash("gpu.xid", 7), 0x479357EC4C9083FFULL);
	assert_int_not_equal(text_hash("ab", 2), text_hash("ba", 2));
	assert_int_not_equal(text_hash("a\0", 2), text_hash("a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_fills_to_the_last_byte),
		cmocka_unit_test(nothing_follows_a_gap),
		cmocka_unit_test(size_one_holds_nothing),
		cmocka_unit_test(cuts_never_split_a_code_point),
		cmocka_unit_test(cuts_survive_what_is_no_utf8),
		cmocka_unit_test(escapes_what_could_lie),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(decodes_every_code_point),
		cmocka_unit_test(hash_is_the_same_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

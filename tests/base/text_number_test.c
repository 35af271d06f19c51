// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void u64_is_whole_or_nothing(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x10", "1.0", "1e3", "\n", "12a" };
	uint64_t v = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(text_parse_u64(bad[i], &v), EINVAL);
	assert_err(text_parse_u64("18446744073709551616", &v), ERANGE);
	assert_err(text_parse_u64("99999999999999999999999999", &v), ERANGE);
	assert_err(text_parse_u64("99999999999999999999999999x", &v), EINVAL);
	assert_int_equal(v, 77);
	assert_ok(text_parse_u64("18446744073709551615", &v));
	assert_int_equal(v, UINT64_MAX);
	assert_ok(text_parse_u64("007", &v));
	assert_int_equal(v, 7);
}

static void i64_reaches_both_ends(void **state)
{
	int64_t v = 77;

	(void)state;
	assert_err(text_parse_i64("", &v), EINVAL);
	assert_err(text_parse_i64("-", &v), EINVAL);
	assert_err(text_parse_i64("--1", &v), EINVAL);
	assert_err(text_parse_i64("+1", &v), EINVAL);
	assert_err(text_parse_i64("9223372036854775808", &v), ERANGE);
	assert_err(text_parse_i64("-9223372036854775809", &v), ERANGE);
	assert_int_equal(v, 77);
	assert_ok(text_parse_i64("9223372036854775807", &v));
	assert_true(v == INT64_MAX);
	assert_ok(text_parse_i64("-9223372036854775808", &v));
	assert_true(v == INT64_MIN);
	assert_ok(text_parse_i64("-0", &v));
	assert_int_equal(v, 0);
}

static void double_refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = { "", "nan", "inf", "-inf", "0x1p3", " 1", "1 ", "e5", "1e", "--1",
		"1.2.3", ".", "+" };
	double v = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(text_parse_double(bad[i], &v), EINVAL);
	assert_err(text_parse_double("1e999", &v), ERANGE);
	assert_true(v == 77);
	assert_ok(text_parse_double("-2.5e-3", &v));
	assert_true(v == -0.0025);
	assert_ok(text_parse_double("1e-999", &v));
	assert_true(v == 0);
}

static void bytes_know_their_units(void **state)
{
	static const char *const bad[] = { "", "KiB", "1 ", "1  ", "1k", "1KB", "1kib", "-1B", "1 KiB ",
		"1.2.3MB", "1Mi", ".", "1e3" };
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },	     { "512", 512 },	 { "512B", 512 },	      { "64KiB", 65536 },
		{ "1.5 GiB", 1610612736 }, { "10MB", 10000000 }, { "2TiB", 2199023255552 }, { "1kB", 1000 },
		{ "18446744073709551615", UINT64_MAX },
		{ "9007199254740993", 9007199254740993 }, /* a double would lose the last */
	};
	uint64_t v = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(text_parse_bytes(bad[i], &v), EINVAL);
	assert_err(text_parse_bytes("18446744073709551616", &v), ERANGE);
	assert_err(text_parse_bytes("16777216TiB", &v), ERANGE);
	assert_err(text_parse_bytes("16777216.5TiB", &v), ERANGE);
	assert_err(text_parse_bytes("99999999999999999999999999999999999999999999", &v), EINVAL);
	assert_int_equal(v, 77);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(text_parse_bytes(good[i].text, &v));
		assert_int_equal(v, good[i].bytes);
	}
}

static const char *nearest(const char *word)
{
	static const char *const names[] = { "gpu.sm_clock", "gpu.xid", "hold", "when", "a", "", "severity" };

	return text_nearest(word, names, ARRAY_LEN(names));
}

static void nearest_finds_slips_only(void **state)
{
	char longest[66];

	(void)state;
	assert_string_equal(nearest("gpu.clock_sm"), "gpu.sm_clock");
	assert_string_equal(nearest("gpu.smclock"), "gpu.sm_clock");
	assert_string_equal(nearest("gpu.xdi"), "gpu.xid");
	assert_string_equal(nearest("hodl"), "hold");
	assert_string_equal(nearest("wen"), "when");
	assert_string_equal(nearest("serverity"), "severity");
	assert_string_equal(nearest("when"), "when");
	assert_null(nearest("rank"));
	assert_null(nearest("b")); /* one edit away from "a", but nothing in common */
	assert_null(nearest(""));
	assert_null(nearest("temperature"));
	memset(longest, 'x', sizeof(longest));
	longest[65] = '\0';
	assert_null(nearest(longest));
	assert_null(text_nearest("hold", NULL, 0));
}

static void nearest_takes_the_nearest(void **state)
{
	static const char *const names[] = { "listem", "listen", "listener" };
	char word[65], other[65];
	const char *const one[] = { other };

	(void)state;
	assert_ptr_equal(text_nearest("listen", names, 3), names[1]);
	assert_ptr_equal(text_nearest("listenr", names, 3), names[1]);
	assert_ptr_equal(text_nearest("listex", names, 3), names[0]); /* a tie: the first */
	/* 64 bytes: distance 17 is near enough, 18 is not. */
	memset(word, 'a', 64);
	word[64] = '\0';
	memcpy(other, word, 65);
	memset(other, 'b', 17);
	assert_ptr_equal(text_nearest(word, one, 1), other);
	other[17] = 'b';
	assert_null(text_nearest(word, one, 1));
}

#define ASSERT_FORMAT(fn, value, expected)                                                                             \
	do {                                                                                                           \
		char text_[48];                                                                                        \
		fn(value, text_, sizeof(text_));                                                                       \
		assert_string_equal(text_, expected);                                                                  \
	} while (0)

static void bytes_for_people(void **state)
{
	(void)state;
	ASSERT_FORMAT(text_format_bytes, 0, "0 B");
	ASSERT_FORMAT(text_format_bytes, 1, "1 B");
	ASSERT_FORMAT(text_format_bytes, 1023, "1023 B");
	ASSERT_FORMAT(text_format_bytes, 1024, "1 KiB");
	ASSERT_FORMAT(text_format_bytes, 1536, "1.5 KiB");
	ASSERT_FORMAT(text_format_bytes, 34252326912.0, "31.9 GiB");
	ASSERT_FORMAT(text_format_bytes, 1048575, "1 MiB"); /* never "1024 KiB" */
	ASSERT_FORMAT(text_format_bytes, 107374182400.0, "100 GiB");
	ASSERT_FORMAT(text_format_bytes, 0x1p70, "1024 EiB");
	ASSERT_FORMAT(text_format_bytes, -2048, "-2 KiB");
	ASSERT_FORMAT(text_format_bytes, NAN, "unknown");
	ASSERT_FORMAT(text_format_bytes, INFINITY, "unknown");
}

static void ratios_for_people(void **state)
{
	(void)state;
	ASSERT_FORMAT(text_format_ratio, 0, "0 %");
	ASSERT_FORMAT(text_format_ratio, 0.38, "38 %");
	ASSERT_FORMAT(text_format_ratio, 0.038, "3.8 %");
	ASSERT_FORMAT(text_format_ratio, 0.0001, "< 0.1 %");
	ASSERT_FORMAT(text_format_ratio, 0.0996, "10 %");
	ASSERT_FORMAT(text_format_ratio, 0.9999, "99.9 %"); /* nearly all is not all */
	ASSERT_FORMAT(text_format_ratio, 0.994, "99 %");
	ASSERT_FORMAT(text_format_ratio, 1, "100 %");
	ASSERT_FORMAT(text_format_ratio, 12.5, "1250 %");
	ASSERT_FORMAT(text_format_ratio, -0.5, "-50 %");
	ASSERT_FORMAT(text_format_ratio, NAN, "unknown");
}

static void counts_for_people(void **state)
{
	(void)state;
	ASSERT_FORMAT(text_format_count, 0, "0");
	ASSERT_FORMAT(text_format_count, 999, "999");
	ASSERT_FORMAT(text_format_count, 1024, "1,024");
	ASSERT_FORMAT(text_format_count, 1234567, "1,234,567");
	ASSERT_FORMAT(text_format_count, -1234, "-1,234");
	ASSERT_FORMAT(text_format_count, 4.1, "4.1");
	ASSERT_FORMAT(text_format_count, 0.12345, "0.123");
	ASSERT_FORMAT(text_format_count, 1234.5678, "1,235");
	ASSERT_FORMAT(text_format_count, 1e30, "1e+30");
	ASSERT_FORMAT(text_format_count, INFINITY, "unknown");
}

static void formats_stay_in_their_buffer(void **state)
{
	char tiny[4] = "###";

	(void)state;
	text_format_bytes(1e12, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), 3);
	text_format_count(1e9, tiny, sizeof(tiny));
	assert_string_equal(tiny, "1,0");
	text_format_ratio(0.5, tiny, 1);
	assert_string_equal(tiny, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_is_whole_or_nothing),
		cmocka_unit_test(i64_reaches_both_ends),
		cmocka_unit_test(double_refuses_what_is_no_number),
		cmocka_unit_test(bytes_know_their_units),
		cmocka_unit_test(nearest_finds_slips_only),
		cmocka_unit_test(nearest_takes_the_nearest),
		cmocka_unit_test(bytes_for_people),
		cmocka_unit_test(ratios_for_people),
		cmocka_unit_test(counts_for_people),
		cmocka_unit_test(formats_stay_in_their_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

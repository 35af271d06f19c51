// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void ages_are_never_huge(void **state)
{
	(void)state;
	assert_int_equal(mono_since(5, 7), 2);
	assert_int_equal(mono_since(7, 7), 0);
	assert_int_equal(mono_since(8, 7), 0);
}

static void the_clocks_are_the_kernels(void **state)
{
	mono_ns_t a = clock_mono_now(), b = clock_mono_now();
	wall_ns_t w = clock_wall_now();
	time_t now = time(NULL);

	(void)state;
	assert_true(b >= a && a > 0);
	assert_true(w / NS_PER_S <= (uint64_t)now + 1 && w / NS_PER_S + 1 >= (uint64_t)now);
}

static void formats_rfc3339(void **state)
{
	char text[CLOCK_RFC3339_MAX];

	(void)state;
	clock_format_rfc3339(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	clock_format_rfc3339(1795246809000000001ULL, text);
	assert_string_equal(text, "2026-11-21T07:40:09.000000001Z");
	clock_format_rfc3339(951782400ULL * NS_PER_S - 1, text);
	assert_string_equal(text, "2000-02-28T23:59:59.999999999Z");
	clock_format_rfc3339(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

static void parses_what_it_formats(void **state)
{
	char text[CLOCK_RFC3339_MAX];
	wall_ns_t t;

	(void)state;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		wall_ns_t given = ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 13 ^ (uint64_t)rand()) %
				  (UINT64_MAX / NS_PER_S * NS_PER_S);

		clock_format_rfc3339(given, text);
		assert_ok(clock_parse_rfc3339(text, &t));
		assert_int_equal(t, given);
	}
}

static void parses_zones_and_fractions(void **state)
{
	wall_ns_t t;

	(void)state;
	assert_ok(clock_parse_rfc3339("2026-11-21T07:40:09Z", &t));
	assert_int_equal(t, 1795246809ULL * NS_PER_S);
	assert_ok(clock_parse_rfc3339("2026-11-21T07:40:09.5Z", &t));
	assert_int_equal(t, 1795246809ULL * NS_PER_S + 500000000);
	assert_ok(clock_parse_rfc3339("2026-11-21T09:10:09+01:30", &t));
	assert_int_equal(t, 1795246809ULL * NS_PER_S);
	assert_ok(clock_parse_rfc3339("2026-11-20T23:40:09-08:00", &t));
	assert_int_equal(t, 1795246809ULL * NS_PER_S);
	assert_ok(clock_parse_rfc3339("2024-02-29T00:00:00Z", &t));
	assert_ok(clock_parse_rfc3339("1970-01-01T01:00:00+01:00", &t));
	assert_int_equal(t, 0);
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"", "2026", "2026-11-21", "2026-11-21T07:40:09", "2026-11-21 07:40:09Z", "2026-11-21t07:40:09Z",
		"2026-11-21T07:40:09z", "2026-11-21T07:40Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.0000000001Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60",
		"2026-01-01T00:00:00+0100", "2026-01-01T00:00:00ZZ", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
		"2555-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-026-01-01T00:00:00Z", "2026-1-01T00:00:00Z",
		"\xD9\xA2\xD9\xA0",
	};
	wall_ns_t t = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(clock_parse_rfc3339(bad[i], &t), EINVAL);
	assert_int_equal(t, 77);
}

static void durations_descend(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0s", 0 },		      { "250ms", 250 * NS_PER_MS }, { "60s", 60 * NS_PER_S },
		{ "5m", 300 * NS_PER_S },     { "2h", 7200 * NS_PER_S },    { "7d", 7 * 86400 * NS_PER_S },
		{ "1h30m", 5400 * NS_PER_S }, { "1m1ms", 60001 * NS_PER_MS }, { "9us", 9000 },
		{ "1d2h3m4s5ms6us7ns", 93784005006007ULL },
		{ "9223372036854775808ns", 1ULL << 63 },
	};
	static const char *const bad[] = { "", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5x", "30m1h", "1s1s",
					   "5S", "5min", "1h30", "5mss" };
	uint64_t ns = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(clock_parse_duration(bad[i], &ns), EINVAL);
	assert_err(clock_parse_duration("9223372036854775809ns", &ns), ERANGE);
	assert_err(clock_parse_duration("106752d", &ns), ERANGE);
	assert_err(clock_parse_duration("99999999999999999999999s", &ns), ERANGE);
	assert_err(clock_parse_duration("18446744073709551615d", &ns), ERANGE);
	assert_int_equal(ns, 77);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(clock_parse_duration(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
}

static void durations_for_people(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1 us" },
		{ 1250, "1.3 us" },
		{ 999949, "999 us" },
		{ 999950, "1 ms" },
		{ 340 * NS_PER_MS, "340 ms" },
		{ 3400000, "3.4 ms" },
		{ 999949999, "999 ms" },
		{ 999950000, "1 s" },
		{ 9400 * NS_PER_MS, "9.4 s" },
		{ 59949999999, "59.9 s" },
		{ 59950000000, "1 min" },
		{ 60 * NS_PER_S, "1 min" },
		{ 303 * NS_PER_S, "5 min 3 s" },
		{ 3599 * NS_PER_S, "59 min 59 s" },
		{ 3600 * NS_PER_S, "1 h" },
		{ 3660 * NS_PER_S, "1 h 1 min" },
		{ 86399 * NS_PER_S, "23 h 59 min" },
		{ 52 * 3600 * NS_PER_S, "2 d 4 h" },
		{ UINT64_MAX, "213503 d 23 h" },
	};
	char text[32], tiny[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		clock_format_duration(cases[i].ns, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
	clock_format_duration(UINT64_MAX, tiny, sizeof(tiny));
	assert_string_equal(tiny, "213");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_are_never_huge),
		cmocka_unit_test(the_clocks_are_the_kernels),
		cmocka_unit_test(formats_rfc3339),
		cmocka_unit_test(parses_what_it_formats),
		cmocka_unit_test(parses_zones_and_fractions),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(durations_descend),
		cmocka_unit_test(durations_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

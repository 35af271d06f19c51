// SPDX-License-Identifier: Apache-2.0
#include "runtimes/json_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#include "base/buf.h"
#include "base/cleanup.h"

struct heard {
	struct buf b;
	const char *only; /* a key: nothing else is wanted */
};

static bool wanted(void *arg, const struct json_scan *s)
{
	const struct heard *h = arg;
	return !h->only || strcmp(json_scan_key(s, json_scan_depth(s) - 1), h->only) == 0;
}

static void value(void *arg, const struct json_scan *s, const char *text, bool is_string)
{
	struct heard *h = arg;
	for (unsigned i = 0; i < json_scan_depth(s); i++)
		assert_ok(buf_addf(&h->b, "/%s", json_scan_key(s, i)));
	assert_ok(buf_addf(&h->b, is_string ? "=\"%s\";" : "=%s;", text));
}

static void closed(void *arg, const struct json_scan *s)
{
	struct heard *h = arg;
	assert_ok(buf_addf(&h->b, "^%u;", json_scan_depth(s)));
}

/* What is heard of `text` put in pieces of `piece` bytes; NULL: it is no JSON. */
static const char *hear(const char *text, size_t piece, const char *only)
{
	static struct heard h;
	struct json_scan s;
	const struct json_scan_calls calls = { wanted, value, closed, &h };
	buf_done(&h.b);
	buf_init(&h.b, 1 << 16);
	h.only = only;
	json_scan_init(&s, &calls);
	for (size_t at = 0, n = strlen(text); at < n; at += piece)
		if (json_scan_put(&s, text + at, MIN_OF(piece, n - at)) < 0)
			return NULL;
	if (!json_scan_is_whole(&s))
		return NULL;
	assert_ok(buf_add(&h.b, "", 1));
	return (const char *)h.b.data;
}

static void assert_heard(const char *text, const char *expected)
{
	for (size_t piece = 1; piece < 9; piece++) {
		const char *got = hear(text, piece, NULL);
		if (!got)
			fail_msg("refused: %s", text);
		assert_string_equal(got, expected);
	}
}

static void test_values(void **unused)
{
	(void)unused;
	assert_heard("{}", "^0;");
	assert_heard(" [ ] ", "^0;");
	assert_heard("7", "=7;");
	assert_heard("{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[true,null,-2.5e+3]}}",
		     "/a=1;/b/c=\"x\";/b/d/=true;/b/d/=null;/b/d/=-2.5e+3;^2;^1;^0;");
	assert_heard("[{\"a\":1},{\"a\":2}]", "//a=1;^1;//a=2;^1;^0;");
	assert_heard("{\"a\":1}\n{\"a\":2}\n", "/a=1;^0;/a=2;^0;"); /* events */
}

static void test_escapes(void **unused)
{
	(void)unused;
	assert_heard("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "=\"\"\\/\b\f\n\r\t\";");
	assert_heard("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "=\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\";");
	assert_heard("\"\\ud83d\"", "=\"\xef\xbf\xbd\";");             /* half a pair */
	assert_heard("\"\\ud83dx\\n\"", "=\"\xef\xbf\xbdx\n\";");
	assert_heard("\"\\ud83d\\ud83d\\ude00\"", "=\"\xef\xbf\xbd\xf0\x9f\x98\x80\";");
	assert_heard("\"\\ude00\"", "=\"\xef\xbf\xbd\";");
	assert_heard("\"ab\\u0000cd\"", "=\"ab\";"); /* a NUL ends it */
	assert_heard("{\"a\\u002fb\":1}", "/a/b=1;^0;");
	assert_heard("{\"a\\u0000b\":1}", "/=1;^0;"); /* no key at all */
}

static void test_refuses(void **unused)
{
	(void)unused;
	static const char *const bad[] = {
		"{",          "[1,]",      "{\"a\"}",     "{\"a\":}",   "{\"a\":1,}", "{a:1}",    "[1 2]",
		"]",         "}",          "[}",        "{]",          "tru",        "nulll",      "01",       "-",
		"1.",        ".5",         "1e",        "+1",          "\"\\x\"",    "\"\\u12g4\"", "\"\n\"",  "\"abc",
		"{\"a\" 1}", "{,}",        "[,1]",      "'a'",         "\x01",       "NaN",        "Infinity", "{1:2}",
		"1-2",       "--1",        "1e5.5",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (hear(bad[i], 1, NULL))
			fail_msg("taken: %s", bad[i]);
	AUTO_FREE char *deep = calloc(1, 100);
	memset(deep, '[', JSON_SCAN_DEPTH);
	memset(deep + JSON_SCAN_DEPTH, ']', JSON_SCAN_DEPTH);
	assert_non_null(hear(deep, 3, NULL));
	memset(deep, '[', JSON_SCAN_DEPTH + 1);
	assert_null(hear(deep, 3, NULL));
}

/* A string that nobody wants is not in the reader's memory, not even in part. */
static void test_what_is_not_wanted_is_not_kept(void **unused)
{
	(void)unused;
	static const char text[] = "{\"Env\":[\"TOKEN=hunter2\",\"B=hunter2\"],\"Pid\":7}";
	struct heard h = { .only = "Pid" };
	struct json_scan s;
	const struct json_scan_calls calls = { wanted, value, closed, &h };
	buf_init(&h.b, 1024);
	json_scan_init(&s, &calls);
	for (size_t i = 0; i < strlen(text); i++) {
		assert_ok(json_scan_put(&s, text + i, 1));
		assert_null(memmem(&s, sizeof(s), "TOKEN", 5));
		assert_null(memmem(&s, sizeof(s), "hunt", 4));
	}
	assert_ok(buf_add(&h.b, "", 1));
	assert_string_equal((const char *)h.b.data, "^1;/Pid=7;^0;");
	buf_done(&h.b);
}

static void test_long_ones_are_cut(void **unused)
{
	(void)unused;
	AUTO_FREE char *text = calloc(1, 20000);
	char *p = text;
	p += snprintf(p, 64, "{\"");
	memset(p, 'k', 5000);
	p += 5000;
	p += snprintf(p, 64, "\":\"v\",\"short\":\"");
	for (unsigned i = 0; i < 3000; i++)
		p += snprintf(p, 64, "\xc3\xa9");
	snprintf(p, 64, "\"}");
	const char *got = hear(text, 7, NULL);
	assert_non_null(got);
	assert_memory_equal(got, "/=\"v\";/short=\"", 14);
	size_t n = strlen(got) - 14 - strlen("\";^0;");
	assert_int_equal(n, (JSON_SCAN_VALUE - 1) / 2 * 2); /* whole characters */
	assert_int_equal((unsigned char)got[14 + n - 1], 0xa9);
}

static void test_keys_below_the_kept_levels_match_nothing(void **unused)
{
	(void)unused;
	assert_heard("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":1,\"x\":{\"y\":2}}}}}}}",
		     "/a/b/c/d/e/f=1;^6;^5;^4;^3;^2;^1;^0;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_what_is_not_wanted_is_not_kept),
		cmocka_unit_test(test_long_ones_are_cut),
		cmocka_unit_test(test_keys_below_the_kept_levels_match_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

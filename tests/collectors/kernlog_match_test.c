// SPDX-License-Identifier: Apache-2.0
#include "collectors/kernlog_match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/test.h"

static uint64_t scan(const struct matcher *m, const char *line)
{
	return matcher_scan(m, line, strlen(line));
}

static void test_all_anchors_in_one_pass(void **unused)
{
	(void)unused;
	static const char *const anchors[] = { "he", "she", "his", "hers", "she", "\xffzz" };
	struct matcher *m = NULL;
	assert_ok(matcher_new(anchors, 6, &m));
	assert_int_equal(scan(m, "ushers"), 1 | 2 | 8 | 16); /* suffixes and twins too */
	assert_int_equal(scan(m, "this"), 4);
	assert_int_equal(scan(m, "h e r s"), 0);
	assert_int_equal(scan(m, ""), 0);
	assert_int_equal(scan(m, "sh\ne"), 0);
	matcher_free(&m);
	assert_null(m);
	matcher_free(&m);
}

static void test_bounds(void **unused)
{
	(void)unused;
	const char *anchors[MATCH_MAX_ANCHORS + 1];
	static char line[MATCH_MAX_LINE + 64];
	struct matcher *m = NULL;
	for (size_t i = 0; i <= MATCH_MAX_ANCHORS; i++)
		anchors[i] = "needle";
	assert_err(matcher_new(anchors, MATCH_MAX_ANCHORS + 1, &m), EINVAL);
	anchors[0] = "";
	assert_err(matcher_new(anchors, 1, &m), EINVAL);
	anchors[0] = "needle";
	assert_ok(matcher_new(anchors, MATCH_MAX_ANCHORS, &m));
	assert_true(scan(m, "a needle") == UINT64_MAX);
	memset(line, 'x', sizeof(line));
	memcpy(line + MATCH_MAX_LINE - 5, "needle", 6); /* one byte past what is looked at */
	assert_int_equal(matcher_scan(m, line, sizeof(line)), 0);
	matcher_free(&m);
}

static bool fit(const char *template_text, const char *line, struct match_captures *c)
{
	return match_template(template_text, line, strlen(line), c);
}

static void assert_capture(const struct match_captures *c, const char *name, const char *expected)
{
	const struct match_capture *found = match_find(c, name);
	char text[128];
	assert_non_null(found);
	snprintf(text, sizeof(text), "%.*s", (int)found->len, found->text);
	assert_string_equal(text, expected);
}

static void test_templates(void **unused)
{
	(void)unused;
	struct match_captures c;
	assert_true(fit("INFO: task {comm:t}:{pid:u} blocked for", "INFO: task kworker/u8:3:77 blocked for more", &c));
	assert_capture(&c, "comm", "kworker/u8:3"); /* the shortest that fits, not the shortest at all */
	assert_capture(&c, "pid", "77");
	assert_true(fit("at {a:h} ip {b:h}", "at 0xff ip DEAD", &c));
	assert_capture(&c, "a", "0xff");
	assert_capture(&c, "b", "DEAD");
	assert_false(fit("at {a:h}!", "at 0x!", &c));
	assert_true(fit("* {key:n}: Link{state=down}", "mlx5_core 0000:3b:00.0 eth2: Link down", &c));
	assert_capture(&c, "key", "eth2");
	assert_capture(&c, "state", "down");
	assert_false(fit("{w:w} x", "a b x", &c)); /* a word holds no blank */
	assert_true(fit("{rest:t}", "all of it", &c));
	assert_capture(&c, "rest", "all of it");
	assert_true(fit("{word:w}", "all of it", &c));
	assert_capture(&c, "word", "all");
	assert_false(fit("{rest:t}", "", &c));
	assert_true(fit("", "anything", &c));
	assert_false(fit("longer", "long", &c));
	assert_true(fit("*end", "the end", &c));
	assert_false(fit("*end", "the en", &c));
	assert_null(match_find(&c, "nothing"));
}

static void test_hostile_lines_end(void **unused)
{
	(void)unused;
	struct match_captures c;
	static char line[MATCH_MAX_LINE * 2];
	memset(line, 'a', sizeof(line));
	assert_false(match_template("*a*a*a*a*a*b", line, sizeof(line), &c));
	assert_false(match_template("{x:t}a{y:t}a{z:t}a{w:t}b", line, sizeof(line), &c));
	assert_false(match_template("{x", line, sizeof(line), &c));
	assert_false(match_template("{x}", line, sizeof(line), &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_anchors_in_one_pass),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_hostile_lines_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

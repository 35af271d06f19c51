// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"

static struct diags *diags;
static struct buf out;

static int set_up(void **state)
{
	(void)state;
	buf_init(&out, 1 << 20);
	return diags_new(&diags);
}

static int tear_down(void **state)
{
	(void)state;
	buf_done(&out);
	diags_free(&diags);
	return 0;
}

static const char source[] = "first\n"
			     "  - { id: slow, when: \"gpu.clock_sm < 900\" }\r\n"
			     "\ttab \xC3\xBC here\n"
			     "last";

static void assert_printed(const char *expected)
{
	assert_ok(diags_print(diags, &out));
	assert_string_equal((char *)out.data, expected);
}

static void the_caret_stands_below_the_word(void **state)
{
	(void)state;
	diags_add(diags, DIAG_ERROR, "E203", "a.yaml", 2, 23, 12, source, "gpu.slow", "did you mean 'gpu.sm_clock'?",
		  "unknown metric '%s'", "gpu.clock_sm");
	diags_add(diags, DIAG_WARNING, "W102", "a.yaml", 3, 9, 4, source, NULL, NULL, "never used");
	diags_add(diags, DIAG_ERROR, "E100", "a.yaml", 4, 5, 9, source, NULL, NULL, "past the end");
	assert_printed("a.yaml:2:23: error[E203] unknown metric 'gpu.clock_sm'\n"
		       "     2 |   - { id: slow, when: \"gpu.clock_sm < 900\" }\n"
		       "       |                       ^~~~~~~~~~~~ did you mean 'gpu.sm_clock'?\n"
		       "a.yaml:3:9: warning[W102] never used\n"
		       "     3 |  tab \xC3\xBC here\n"
		       "       |        ^~~~\n"
		       "a.yaml:4:5: error[E100] past the end\n"
		       "     4 | last\n"
		       "       |     ^\n");
	assert_string_equal(diags_at(diags, 0)->rule, "gpu.slow");
	assert_int_equal(diags_count(diags, DIAG_ERROR), 2);
	assert_int_equal(diags_count(diags, DIAG_WARNING), 1);
	assert_int_equal(diags_total(diags), 3);
	assert_null(diags_at(diags, 3));
}

static void without_a_source_the_hint_still_comes(void **state)
{
	(void)state;
	diags_add(diags, DIAG_ERROR, "E1", NULL, 0, 0, 0, NULL, NULL, "do this", "bad");
	diags_add(diags, DIAG_ERROR, "E1", "f", 9, 1, 1, "one line", NULL, NULL, "a line that is not there");
	assert_printed(":1:1: error[E1] bad; do this\nf:9:1: error[E1] a line that is not there\n");
}

static void hostile_text_is_escaped(void **state)
{
	(void)state;
	diags_add(diags, DIAG_ERROR, "E1", "f\x1B[2J", 1, 6, 2, "a\x1B[1m\xFF\xFE z", NULL, "h\n", "m\x07\xE2\x80\xAE");
	assert_printed("f\\x1B[2J:1:6: error[E1] m\\x07\\u{202E}\n"
		       "     1 | a\\x1B[1m\\xFF\\xFE z\n"
		       "       |         ^~~~~~~~ h\\x0A\n");
}

static void a_long_line_is_shown_around_its_column(void **state)
{
	static char line[20001];
	const char *at, *start, *below;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line + 2000, "HERE", 4);
	diags_add(diags, DIAG_ERROR, "E1", "f", 1, 2001, 4, line, NULL, NULL, "m");
	diags_add(diags, DIAG_ERROR, "E1", "f", 1, 20000, 4, line, NULL, NULL, "m"); /* beyond what is kept of a line */
	diags_add(diags, DIAG_ERROR, "E1", "f", 1, UINT32_MAX, UINT32_MAX, line, NULL, NULL, "m");
	assert_ok(diags_print(diags, &out));
	at = strstr((char *)out.data, "HERE");
	assert_non_null(at);
	/* The caret is one line below, as far from its line's start as the word from its own. */
	start = strstr((char *)out.data, "\n     1");
	below = strchr(at, '\n');
	assert_int_equal(strchr(below, '^') - below, at - start);
	assert_true(out.len < 1500);
}

static void the_rest_is_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 250; i++)
		diags_add(diags, i % 2 ? DIAG_ERROR : DIAG_WARNING, "E1", "f", 1, 1, 1, NULL, NULL, NULL, "m%d", i);
	assert_int_equal(diags_total(diags), 200);
	assert_int_equal(diags_dropped(diags), 50);
	assert_int_equal(diags_count(diags, DIAG_ERROR), 125); /* one that was not kept is an error all the same */
	assert_string_equal(diags_at(diags, 199)->message, "m199");
	assert_ok(diags_print(diags, &out));
	assert_non_null(strstr((char *)out.data, "50 further ones are not shown\n"));
}

static void texts_are_copied_and_cut(void **state)
{
	static char longest[5000];
	char message[] = "mine", file[] = "f";

	(void)state;
	memset(longest, 'm', sizeof(longest) - 1);
	diags_add(diags, DIAG_ERROR, "E12345678", file, 1, 1, 1, NULL, NULL, longest, "%s", message);
	diags_add(diags, DIAG_ERROR, "E1", "f", 1, 1, 1, NULL, longest, NULL, "%s", longest);
	message[0] = file[0] = 'X';
	assert_string_equal(diags_at(diags, 0)->message, "mine");
	assert_string_equal(diags_at(diags, 0)->file, "f");
	assert_string_equal(diags_at(diags, 0)->code, "E123456");
	assert_true(strlen(diags_at(diags, 1)->message) < 600);
	assert_true(strlen(diags_at(diags, 1)->rule) < 200);
}

static void sarif_counts_code_points(void **state)
{
	json_t *root, *result;
	const char *level, *text, *rule, *uri;
	int line, from, to;

	(void)state;
	diags_add(diags, DIAG_ERROR, "E203", "/etc/why/a b.yaml", 3, 9, 4, source, NULL, "fix it", "bad \"x\"");
	diags_add(diags, DIAG_WARNING, "W102", "rel.yaml", 1, 1, 5, source, NULL, NULL, "w");
	assert_ok(diags_print_sarif(diags, "1.2.3", &out));
	root = json_loadb((char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "version")), "2.1.0");
	result = json_array_get(json_object_get(json_array_get(json_object_get(root, "runs"), 0), "results"), 0);
	assert_ok(json_unpack(result, "{s:s, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i, s:i, s:i}}}]}", "ruleId", &rule, "level",
			      &level, "message", "text", &text, "locations", "physicalLocation", "artifactLocation", "uri",
			      &uri, "region", "startLine", &line, "startColumn", &from, "endColumn", &to));
	assert_string_equal(rule, "E203");
	assert_string_equal(level, "error");
	assert_string_equal(text, "bad \"x\"; fix it");
	assert_string_equal(uri, "file:///etc/why/a%20b.yaml");
	assert_int_equal(line, 3);
	assert_int_equal(from, 8); /* byte 9 stands behind an umlaut */
	assert_int_equal(to, 12);
	json_decref(root);
}

static void a_full_buffer_is_told(void **state)
{
	AUTO_BUF struct buf small;

	(void)state;
	buf_init(&small, 30);
	diags_add(diags, DIAG_ERROR, "E1", "f", 1, 1, 1, "source", NULL, NULL, "message");
	assert_err(diags_print(diags, &small), EMSGSIZE);
	buf_reset(&small);
	assert_err(diags_print_sarif(diags, "1", &small), EMSGSIZE);
	diags_free(&diags);
	diags_free(&diags);
	assert_ok(diags_new(&diags));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_caret_stands_below_the_word),
		T(without_a_source_the_hint_still_comes),
		T(hostile_text_is_escaped),
		T(a_long_line_is_shown_around_its_column),
		T(the_rest_is_counted),
		T(texts_are_copied_and_cut),
		T(sarif_counts_code_points),
		T(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include "base/cleanup.h"
#include "hub/html.h"

static void hostile_text_becomes_text(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	html_text(&out, "<script>alert(\"x\" + 'y' & z)</script>");
	assert_string_equal((char *)out.data, "&lt;script&gt;alert(&quot;x&quot; + &#39;y&#39; &amp; z)&lt;/script&gt;");
	buf_reset(&out);
	html_text(&out, "a\x01" "b\x7f" "c\xff" "d\xe2\x80\xae" "e\xc2\x9b" "f");
	assert_string_equal((char *)out.data, "a\\u{0001}b\\u{007f}c\\xffd\\u{202e}e\\u{009b}f");
	buf_reset(&out);
	html_text(&out, "h\xc3\xb6he \xe2\x89\xa5 1");
	assert_string_equal((char *)out.data, "h\xc3\xb6he \xe2\x89\xa5 1");
	buf_reset(&out);
	html_text(&out, NULL);
	html_textf(&out, "%s=%d", "<", 5);
	assert_string_equal((char *)out.data, "&lt;=5");
}

static void a_cut_is_between_code_points(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	html_text_cut(&out, "h\xc3\xb6he", 2);
	assert_string_equal((char *)out.data, "h\xc3\xb6\xe2\x80\xa6");
	buf_reset(&out);
	html_text_cut(&out, "<<\xff", 3); /* references and escapes are never cut */
	assert_string_equal((char *)out.data, "&lt;&lt;\\xff");
	buf_reset(&out);
	html_text_cut(&out, "", 0);
	html_text_cut(&out, NULL, 5);
	assert_int_equal(out.len, 0);
}

static void paths_are_encoded(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	html_path(&out, "fnd_A-b.c~\"><a/ \xc3");
	assert_string_equal((char *)out.data, "fnd_A-b.c~%22%3E%3Ca%2F%20%C3");
}

static void times_are_for_people_and_machines(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	html_time(&out, 1700000000ULL * NS_PER_S);
	assert_string_equal((char *)out.data,
			    "<time datetime=\"2023-11-14T22:13:20.000000000Z\">2023-11-14 22:13:20</time>");
	buf_reset(&out);
	html_clock(&out, 1700000000ULL * NS_PER_S + 7 * NS_PER_MS, 1700000000ULL * NS_PER_S); /* the same day */
	assert_string_equal((char *)out.data, "<time datetime=\"2023-11-14T22:13:20.007000000Z\">22:13:20.007</time>");
	buf_reset(&out);
	html_clock(&out, 1700000000ULL * NS_PER_S, 1700086400ULL * NS_PER_S); /* the day before */
	assert_string_equal((char *)out.data,
			    "<time datetime=\"2023-11-14T22:13:20.000000000Z\">2023-11-14 22:13:20.000</time>");
	buf_reset(&out);
	html_clock(&out, 0, 1);
	assert_int_equal(out.len, 0);
	html_time(&out, 0);
	assert_string_equal((char *)out.data, "never");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_becomes_text),
		cmocka_unit_test(a_cut_is_between_code_points),
		cmocka_unit_test(paths_are_encoded),
		cmocka_unit_test(times_are_for_people_and_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

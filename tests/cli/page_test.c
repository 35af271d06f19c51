// SPDX-License-Identifier: Apache-2.0
#include "cli/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/table.h"
#include "tests/test.h"

/* 2026-11-20 10:42:11.204 UTC */
#define T0 (1795171331ULL * NS_PER_S + 204 * NS_PER_MS)

static const struct terminal plain = { .unicode = true, .width = 60 };
static const struct terminal color = { .is_terminal = true, .color = true, .unicode = true, .width = 60 };
static struct page page;

static int setup(void **state UNUSED)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	page_init(&page, &plain, T0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	page_done(&page);
	return 0;
}

static const char *text(void)
{
	return page.out.data ? (const char *)page.out.data : "";
}

static void test_columns_of_letters(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t columns;
	} rows[] = {
		{ "", 0 },     { "abc", 3 }, { "●", 1 },        { "e\xcc\x81", 1 },
		{ "漢字", 4 }, { "🔥", 2 },   { "\xff\xfe", 2 }, { "한", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(terminal_columns(rows[i].text, strlen(rows[i].text)), rows[i].columns);
}

static void test_wrapping_at_blanks_with_an_indent(void **state UNUSED)
{
	page_text(&page, STYLE_PLAIN, "head ");
	page_wrap(&page, STYLE_PLAIN, 5, 20, "aaaa bbbb cccc dddd eeee ffff gggg hhhh");
	page_break(&page);
	/* 60 columns less 20 in reserve: 40. */
	assert_string_equal(text(), "head aaaa bbbb cccc dddd eeee ffff gggg\n     hhhh\n");
}

static void test_a_word_that_fits_exactly_stays(void **state UNUSED)
{
	char word[61];

	memset(word, 'x', 57);
	snprintf(word + 57, 4, " yy");
	page_wrap(&page, STYLE_PLAIN, 0, 0, word);
	assert_null(strchr(text(), '\n'));
	page_done(&page);
	page_init(&page, &plain, T0);
	memset(word, 'x', 58);
	snprintf(word + 58, 3, " y");
	page_wrap(&page, STYLE_PLAIN, 0, 0, word);
	assert_null(strchr(text(), '\n'));
	page_done(&page);
	page_init(&page, &plain, T0);
	page_text(&page, STYLE_PLAIN, "z");
	page_wrap(&page, STYLE_PLAIN, 2, 0, word);
	assert_non_null(strstr(text(), "\n  y"));
}

static void test_a_word_too_long_is_never_broken(void **state UNUSED)
{
	char word[200];

	memset(word, 'p', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	page_text(&page, STYLE_PLAIN, "at ");
	page_wrap(&page, STYLE_PLAIN, 3, 0, "the path");
	page_text(&page, STYLE_PLAIN, " ");
	page_wrap(&page, STYLE_PLAIN, 3, 0, word);
	assert_non_null(strstr(text(), word));
}

static void test_what_stands_at_the_right(void **state UNUSED)
{
	page_row(&page, "label", STYLE_PLAIN, "one line", "10:42:11");
	page_row(&page, "", STYLE_PLAIN, "a longer text that needs more than one line of it", "10:42:11");
	assert_string_equal(text(), "    label        one line                           10:42:11\n"
				    "                 a longer text that needs more      10:42:11\n"
				    "                 than one line of it\n");
}

static void test_right_of_a_full_line_is_behind_it(void **state UNUSED)
{
	page_text(&page, STYLE_PLAIN, "1234567890123456789012345678901234567890123456789012345678");
	page_right(&page, STYLE_PLAIN, "end");
	assert_non_null(strstr(text(), "5678  end"));
}

static void test_styles_begin_and_end_where_their_text_does(void **state UNUSED)
{
	page_done(&page);
	page_init(&page, &color, T0);
	page_row(&page, "label", STYLE_BOLD, "a longer text that needs more than one line", "time");
	assert_string_equal(
		text(),
		"    \033[2mlabel\033[0m        \033[1ma longer text that needs more than\033[0m     \033[2mtime\033[0m\n"
		"                 \033[1mone line\033[0m\n");
	page_done(&page);
	page_init(&page, &color, T0);
	page_text(&page, STYLE_CRITICAL, "");
	page_text(&page, STYLE_PLAIN, "x");
	assert_string_equal(text(), "x");
}

static void test_what_comes_in_is_escaped_even_in_formats(void **state UNUSED)
{
	page_textf(&page, STYLE_PLAIN, "%s", "\033]8;;http://x\007link\n");
	page_wrap(&page, STYLE_PLAIN, 0, 0, "a\tb\rc");
	assert_string_equal(text(), "\\x1B]8;;http://x\\x07link\\x0Aa\\x09b\\x0Dc");
}

static void test_a_text_without_end_is_cut_and_says_so(void **state UNUSED)
{
	AUTO_FREE char *huge = malloc(100000);

	memset(huge, 'a', 99999);
	huge[99999] = '\0';
	page_text(&page, STYLE_PLAIN, huge);
	assert_true(page.out.len < PAGE_MAX_TEXT);
	assert_string_equal(text() + page.out.len - 4, "a...");
}

static void test_gaps_are_one_line(void **state UNUSED)
{
	page_gap(&page);
	assert_string_equal(text(), "");
	page_text(&page, STYLE_PLAIN, "a");
	page_gap(&page);
	page_gap(&page);
	page_text(&page, STYLE_PLAIN, "b");
	assert_string_equal(text(), "a\n\nb");
}

static void test_times_tell_their_day_when_it_is_another(void **state UNUSED)
{
	static const struct {
		wall_ns_t t;
		bool with_ms;
		const char *text;
	} rows[] = {
		{ T0, false, "10:42:11" },
		{ T0, true, "10:42:11.204" },
		{ T0 - 86400 * NS_PER_S, false, "Nov 19 10:42:11" },
		{ T0 - 400 * 86400 * NS_PER_S, false, "2025-10-16 10:42:11" },
	};
	char got[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		page_time(&page, rows[i].t, rows[i].with_ms, got, sizeof(got));
		assert_string_equal(got, rows[i].text);
	}
	page_span(T0, T0 + 184 * NS_PER_S, got, sizeof(got));
	assert_string_equal(got, "3 min 4 s");
	page_span(T0 + 1, T0, got, sizeof(got)); /* a clock that was set back */
	assert_int_equal(strncmp(got, "0 ", 2), 0);
}

static void test_a_local_time_zone_counts(void **state UNUSED)
{
	char got[64];

	(void)setenv("TZ", "XXX-5:30", 1);
	tzset();
	page_time(&page, T0, false, got, sizeof(got));
	assert_string_equal(got, "16:12:11");
}

static void test_writing(void **state UNUSED)
{
	AUTO_CLOSE int fd = memfd_create("out", MFD_CLOEXEC), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char got[16] = "";

	page_text(&page, STYLE_PLAIN, "hello");
	assert_ok(page_write(&page, fd));
	assert_int_equal(pread(fd, got, sizeof(got) - 1, 0), 5);
	assert_string_equal(got, "hello");
	assert_err(page_write(&page, full), ENOSPC);
	page.out.overflow = true;
	assert_err(page_write(&page, fd), EMSGSIZE);
}

/* ---- table.c ---------------------------------------------------------------------------------------- */

static const char *const heads[] = { "A", "B", "C", NULL };

static void test_a_table_is_as_wide_as_it_must_be(void **state UNUSED)
{
	AUTO(table_free) struct table *t = NULL;

	assert_ok(table_new(heads, &t));
	table_add(t, STYLE_PLAIN, 0, (const char *const[]){ "x", "漢字漢", "last" });
	table_add(t, STYLE_PLAIN, 0, (const char *const[]){ "longer", NULL, "" });
	table_render(t, &page);
	assert_string_equal(text(), "A       B       C\n"
				    "x       漢字漢  last\n"
				    "longer\n");
}

static void test_long_cells_are_cut_except_the_last(void **state UNUSED)
{
	AUTO(table_free) struct table *t = NULL;
	char cell[500];

	memset(cell, 'c', sizeof(cell));
	cell[sizeof(cell) - 1] = '\0';
	assert_ok(table_new(heads, &t));
	table_add(t, STYLE_PLAIN, 0, (const char *const[]){ cell, "b", cell });
	table_render(t, &page);
	const char *line = strchr(text(), '\n') + 1;
	assert_non_null(strstr(line, "ccc...  b  "));
	assert_non_null(strstr(line, cell));
	assert_true(strcspn(line, ".") < TABLE_MAX_CELL);
}

static void test_rows_without_end_are_counted(void **state UNUSED)
{
	AUTO(table_free) struct table *t = NULL;

	assert_ok(table_new(heads, &t));
	for (int i = 0; i < TABLE_MAX_ROWS + 7; i++)
		table_add(t, STYLE_PLAIN, 0, (const char *const[]){ "a", "b", "c" });
	table_render(t, &page);
	assert_non_null(strstr(text(), "and 7 more: -o json"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_columns_of_letters),
		T(test_wrapping_at_blanks_with_an_indent),
		T(test_a_word_that_fits_exactly_stays),
		T(test_a_word_too_long_is_never_broken),
		T(test_what_stands_at_the_right),
		T(test_right_of_a_full_line_is_behind_it),
		T(test_styles_begin_and_end_where_their_text_does),
		T(test_what_comes_in_is_escaped_even_in_formats),
		T(test_a_text_without_end_is_cut_and_says_so),
		T(test_gaps_are_one_line),
		T(test_times_tell_their_day_when_it_is_another),
		T(test_a_local_time_zone_counts),
		T(test_writing),
		T(test_a_table_is_as_wide_as_it_must_be),
		T(test_long_cells_are_cut_except_the_last),
		T(test_rows_without_end_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "collectors/kernlog_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

static char folder[64], path[96];

static int setup(void **unused)
{
	(void)unused;
	harness_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/kmsg", folder);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	harness_remove(folder);
	return 0;
}

static void append(const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static struct kernlog_source *open_source(uint64_t resume)
{
	struct collect_env env = { .kmsg_path = path, .kmsg_resume_seq = resume, .root_fd = -1 };
	struct kernlog_source *s = NULL;
	assert_ok(kernlog_source_open(&env, &s));
	return s;
}

static bool ready(const struct kernlog_source *s)
{
	struct pollfd p = { .fd = kernlog_source_fd(s), .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

static void expect(struct kernlog_source *s, uint64_t seq, const char *text)
{
	struct kernlog_record r;
	assert_int_equal(kernlog_source_next(s, &r), 1);
	assert_int_equal(r.seq, seq);
	assert_int_equal(r.len, strlen(text));
	assert_memory_equal(r.text, text, r.len);
}

static void expect_none(struct kernlog_source *s)
{
	struct kernlog_record r;
	assert_int_equal(kernlog_source_next(s, &r), 0);
}

static int parse(const char *line, struct kernlog_record *r)
{
	return kernlog_record_parse(line, strlen(line), r);
}

static void test_record(void **unused)
{
	(void)unused;
	struct kernlog_record r;
	assert_ok(parse("12,5140,8000123,-,caller=T7;text; with\n SUBSYSTEM=x\n", &r));
	assert_int_equal(r.level, 4);
	assert_int_equal(r.facility, 1);
	assert_int_equal(r.seq, 5140);
	assert_int_equal(r.usec, 8000123);
	assert_false(r.continued);
	assert_int_equal(r.len, strlen("text; with"));
	assert_ok(parse("6,1,2,c;", &r));
	assert_true(r.continued);
	assert_int_equal(r.len, 0);
	assert_err(parse("", &r), EBADMSG);
	assert_err(parse("6,1,2;x", &r), EBADMSG);
	assert_err(parse("6,,2,-;x", &r), EBADMSG);
	assert_err(parse("-6,1,2,-;x", &r), EBADMSG);
	assert_err(parse("6,99999999999999999999,2,-;x", &r), EBADMSG);
	assert_err(parse("4096,1,2,-;x", &r), EBADMSG);
	assert_err(parse("no record at all", &r), EBADMSG);
}

static void test_file_is_followed(void **unused)
{
	(void)unused;
	append("4,1,10,-;old\n");
	struct kernlog_source *s = open_source(0); /* from now on */
	expect_none(s);
	kernlog_source_more(s, false);
	assert_false(ready(s));
	append("4,2,20,-;one\n SUBSYSTEM=block\nnonsense\n4,3,30,-;tw");
	assert_true(ready(s));
	kernlog_source_more(s, false);
	expect(s, 2, "one");
	expect_none(s); /* the line is not whole yet */
	assert_int_equal(kernlog_source_malformed(s), 1);
	assert_false(ready(s));
	append("o\n");
	assert_true(ready(s));
	expect(s, 3, "two");
	assert_int_equal(kernlog_source_position(s), 4);
	assert_true(kernlog_source_simulated(s));
	/* cut and written anew: from its start */
	assert_ok(truncate(path, 0));
	expect_none(s);
	append("4,1,5,-;again\n");
	expect(s, 1, "again");
	assert_int_equal(kernlog_source_lost(s), 0); /* gaps of a made file are no loss */
	kernlog_source_close(&s);
	kernlog_source_close(&s);
}

static void test_resume(void **unused)
{
	(void)unused;
	append("4,1,10,-;a\n4,2,20,-;b\n4,3,30,-;c\n");
	struct kernlog_source *s = open_source(3);
	expect(s, 3, "c");
	expect_none(s);
	append("4,1,40,-;a new one with an old number\n");
	expect(s, 1, "a new one with an old number");
	kernlog_source_close(&s);
	s = open_source(UINT64_MAX); /* all that is there */
	assert_true(ready(s));
	expect(s, 1, "a");
	kernlog_source_close(&s);
}

static void test_rest_is_quiet(void **unused)
{
	(void)unused;
	append("4,1,10,-;a\n");
	struct kernlog_source *s = open_source(UINT64_MAX);
	assert_true(ready(s));
	kernlog_source_rest(s, true);
	assert_false(ready(s));
	append("4,2,10,-;b\n");
	assert_false(ready(s));
	kernlog_source_rest(s, false);
	assert_true(ready(s));
	expect(s, 1, "a");
	expect(s, 2, "b");
	kernlog_source_close(&s);
}

static void test_too_long_a_line(void **unused)
{
	(void)unused;
	AUTO_FREE char *line = malloc(100001);
	memset(line, 'x', 100000);
	line[100000] = '\0';
	append("4,1,10,-;");
	append(line);
	append("\n4,2,20,-;after\n");
	struct kernlog_source *s = open_source(UINT64_MAX);
	expect(s, 2, "after");
	assert_int_equal(kernlog_source_malformed(s), 1);
	kernlog_source_close(&s);
}

static void test_fifo(void **unused)
{
	(void)unused;
	assert_ok(mkfifo(path, 0600));
	struct kernlog_source *s = open_source(UINT64_MAX); /* does not wait for a writer */
	kernlog_source_more(s, false);
	assert_false(ready(s));
	append("4,1,10,-;a\n4,2,10,-;b\n"); /* the writer leaves, which is no end */
	assert_true(ready(s));
	expect(s, 1, "a");
	expect(s, 2, "b");
	expect_none(s);
	append("4,3,10,-;c\n");
	expect(s, 3, "c");
	kernlog_source_rest(s, true);
	append("4,4,10,-;d\n");
	assert_false(ready(s));
	kernlog_source_close(&s);
}

static void test_no_such_file(void **unused)
{
	(void)unused;
	struct collect_env env = { .kmsg_path = path, .root_fd = -1 };
	struct kernlog_source *s = NULL;
	assert_err(kernlog_source_open(&env, &s), ENOENT);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test_setup_teardown(test_file_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest_is_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

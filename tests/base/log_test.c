// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* Each case logs in a child, so that limiter and level are as at birth; what reached stderr comes back. */
static const char *logged(void (*child)(void))
{
	static char output[1 << 20];
	char path[] = "/tmp/log_test.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), status = -1;
	ssize_t n;
	pid_t pid;

	assert_true(fd >= 0);
	assert_ok(unlink(path));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(fd, STDERR_FILENO);
		child();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	n = pread(fd, output, sizeof(output) - 1, 0);
	assert_true(n >= 0);
	output[n] = '\0';
	(void)close(fd);
	return output;
}

static void all_levels(void)
{
	(void)unsetenv("JOURNAL_STREAM");
	log_error("e %d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d2");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("w2");
	log_error("e2");
}

static void levels_have_prefixes_and_a_threshold(void **state)
{
	(void)state;
	assert_string_equal(logged(all_levels), "error: e 1\nwarning: w\ninfo: i\ndebug: d2\nerror: e2\n");
}

static void to_the_journal(void)
{
	char stream[64];
	struct stat st;

	(void)fstat(STDERR_FILENO, &st);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	(void)setenv("JOURNAL_STREAM", "1:1", 1); /* inherited, but stderr goes elsewhere by now */
	log_info("e");
	(void)setenv("JOURNAL_STREAM", "junk", 1);
	log_info("f");
}

static void the_journal_gets_its_own_prefix(void **state)
{
	(void)state;
	assert_string_equal(logged(to_the_journal), "<3>a\n<4>b\n<6>c\n<7>d\ninfo: e\ninfo: f\n");
}

static void hostile_texts(void)
{
	char longest[4000];

	(void)unsetenv("JOURNAL_STREAM");
	log_info("one\nerror: forged\x1B[2J%s", "\xFF");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	log_info("%s", longest);
	errno = ERANGE;
	log_info("errno is kept");
	if (errno != ERANGE)
		_exit(1);
}

static void a_line_is_one_line(void **state)
{
	const char *output, *second, *third;

	(void)state;
	output = logged(hostile_texts);
	assert_memory_equal(output, "info: one\\x0Aerror: forged\\x1B[2J\\xFF\n", 38);
	second = strchr(output, '\n') + 1;
	third = strchr(second, '\n') + 1;
	assert_true(third - second <= 1024 && third - second > 1000);
	assert_string_equal(third, "info: errno is kept\n");
}

static void a_flood(void)
{
	(void)unsetenv("JOURNAL_STREAM");
	for (int flood = 0; flood < 2; flood++) {
		for (int i = 0; i < 2500; i++)
			log_info("line");
		(void)usleep(1100 * 1000);
	}
	log_info("after");
}

/* However slow the machine is: lines leave at no more than 200 a second, and every other one is counted. */
static void a_flood_is_held_back_and_counted(void **state)
{
	unsigned long lines = 0, held = 0, n, notes = 0;
	const char *p = logged(a_flood);

	(void)state;
	for (; *p; p = strchr(p, '\n') + 1) {
		if (sscanf(p, "warning: %lu lines of the second before were not logged", &n) == 1) {
			held += n;
			notes++;
		} else {
			lines++;
		}
	}
	assert_int_equal(lines + held, 5001);
	assert_true(held > 0 && notes >= 2);
	assert_true(lines <= 200 * (notes + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_have_prefixes_and_a_threshold),
		cmocka_unit_test(the_journal_gets_its_own_prefix),
		cmocka_unit_test(a_line_is_one_line),
		cmocka_unit_test(a_flood_is_held_back_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "collectors/mount_table.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

#include "tests/collectors/harness.h"

static void test_lines_are_taken_apart(void **unused)
{
	(void)unused;
	char table[] = "short line\n/dev/sda1 /mnt/a\\040b ext4 rw,errors=remount-ro 0 0\n\n"
		       "nas:/x\\134y /n nfs4 ro,vers=4.2 0 0\nlast /z tmpfs rw";
	char *cursor = table;
	struct mount_line line;
	assert_true(mount_table_next(&cursor, &line));
	assert_string_equal(line.target, "/mnt/a b");
	assert_false(mount_line_has_option(&line, "ro"));
	assert_true(mount_line_has_option(&line, "rw"));
	assert_true(mount_line_has_option(&line, "errors=remount-ro"));
	assert_true(mount_table_next(&cursor, &line));
	assert_string_equal(line.source, "nas:/x\\y");
	assert_true(mount_line_has_option(&line, "ro"));
	assert_true(mount_table_next(&cursor, &line));
	assert_string_equal(line.fstype, "tmpfs");
	assert_false(mount_table_next(&cursor, &line));
}

static void test_a_table_too_large_is_cut_at_a_line(void **unused)
{
	(void)unused;
	char folder[64], table[40], *cursor = table;
	struct mount_line line;
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "/dev/a / ext4 rw 0 0\n/dev/b /b ext4 rw 0 0\n/dev/c /c ext4 rw 0 0\n");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(mount_table_read(fd, table, sizeof(table)));
	assert_true(mount_table_next(&cursor, &line));
	assert_string_equal(line.source, "/dev/a");
	assert_false(mount_table_next(&cursor, &line));
	close(fd);
	harness_remove(folder);
}

static void test_the_real_table_has_proc(void **unused)
{
	(void)unused;
	static char table[256 * 1024];
	char *cursor = table;
	struct mount_line line;
	bool proc = false;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(mount_table_read(fd, table, sizeof(table)));
	while (mount_table_next(&cursor, &line))
		proc = proc || (strcmp(line.target, "/proc") == 0 && strcmp(line.fstype, "proc") == 0);
	assert_true(proc);
	close(fd);
}

static void test_no_table(void **unused)
{
	(void)unused;
	char folder[64], table[64];
	harness_folder(folder, sizeof(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_err(mount_table_read(fd, table, sizeof(table)), 2 /* ENOENT */);
	close(fd);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_taken_apart),
		cmocka_unit_test(test_a_table_too_large_is_cut_at_a_line),
		cmocka_unit_test(test_the_real_table_has_proc),
		cmocka_unit_test(test_no_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

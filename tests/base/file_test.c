// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static int root = -1;
static char root_path[] = "/tmp/file_test.XXXXXX";

static int make_root(void **state)
{
	(void)state;
	if (!mkdtemp(root_path))
		return -1;
	root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int remove_root(void **state)
{
	char command[64];

	(void)state;
	(void)close(root);
	(void)snprintf(command, sizeof(command), "rm -rf %s", root_path);
	return system(command);
}

static void put(const char *name, const char *data, size_t n)
{
	AUTO_CLOSE int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

static size_t count_entries(const char *folder)
{
	AUTO_CLOSEDIR DIR *d = fdopendir(openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	return n;
}

static void reads_whole_or_says_too_big(void **state)
{
	char buffer[9];
	size_t len = 77;

	(void)state;
	put("eight", "12345678", 8);
	assert_ok(file_read_at(root, "eight", buffer, sizeof(buffer), &len));
	assert_int_equal(len, 8);
	assert_string_equal(buffer, "12345678");
	len = 77;
	assert_err(file_read_at(root, "///eight", buffer, 8, &len), EFBIG);
	assert_string_equal(buffer, "1234567");
	assert_int_equal(len, 77);
	assert_err(file_read_at(root, "eight", buffer, 1, NULL), EFBIG);
	assert_string_equal(buffer, "");
	put("empty", "", 0);
	assert_ok(file_read_at(root, "empty", buffer, 1, &len));
	assert_int_equal(len, 0);
	assert_err(file_read_at(root, "absent", buffer, sizeof(buffer), &len), ENOENT);
	assert_err(file_read_at(root, "/", buffer, sizeof(buffer), &len), EISDIR);
}

static void reads_proc_below_any_root(void **state)
{
	AUTO_CLOSE int slash = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static char buffer[65536];
	size_t len = 0;

	(void)state;
	assert_ok(file_read_at(slash, "/proc/self/status", buffer, sizeof(buffer), &len));
	assert_true(len > 100);
	assert_memory_equal(buffer, "Name:\t", 6);
	assert_err(file_read_at(slash, "/proc/self/status", buffer, 64, NULL), EFBIG);
}

static void a_fifo_does_not_stop_it(void **state)
{
	char buffer[8];

	(void)state;
	assert_ok(mkfifoat(root, "fifo", 0600));
	assert_ok(file_read_at(root, "fifo", buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "");
}

static void rereads_from_the_start(void **state)
{
	AUTO_CLOSE int fd = -1;
	char buffer[16];

	(void)state;
	put("again", "one", 3);
	fd = openat(root, "again", O_RDONLY | O_CLOEXEC);
	assert_ok(file_reread(fd, buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "one");
	put("again", "three", 5);
	assert_ok(file_reread(fd, buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "three");
	assert_err(file_reread(fd, buffer, 5, NULL), EFBIG);
	assert_err(file_reread(-1, buffer, 5, NULL), EBADF);
}

static void numbers_are_numbers_or_max(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0\n", 2, 0, 0 },		      { "18446744073709551615", 20, 0, UINT64_MAX },
		{ "max\n", 4, 0, UINT64_MAX },	      { "42 \n", 4, 0, 42 },
		{ "", 0, -EINVAL, 0 },		      { "-1\n", 3, -EINVAL, 0 },
		{ "12\0junk", 7, -EINVAL, 0 },	      { "18446744073709551616", 20, -EINVAL, 0 },
		{ "1 2\n", 4, -EINVAL, 0 },	      { "maximum\n", 8, -EINVAL, 0 },
	};
	static char long_text[100];
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put("number", cases[i].text, cases[i].n);
		v = 77;
		assert_int_equal(file_read_u64_at(root, "number", &v), cases[i].r);
		assert_int_equal(v, cases[i].r == 0 ? cases[i].value : 77);
	}
	memset(long_text, '0', sizeof(long_text));
	put("number", long_text, sizeof(long_text));
	assert_err(file_read_u64_at(root, "number", &v), EINVAL);
	assert_err(file_read_u64_at(root, "absent", &v), ENOENT);
}

static void replaces_whole_and_leaves_nothing(void **state)
{
	char buffer[32];
	struct stat st;

	(void)state;
	assert_ok(file_make_dirs_at(root, "state", 0755));
	assert_ok(file_write_atomic_at(root, "/state/open", "first", 5, 0640));
	assert_ok(file_write_atomic_at(root, "state/open", "2nd", 3, 0600));
	assert_ok(file_read_at(root, "state/open", buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "2nd");
	assert_ok(fstatat(root, "state/open", &st, 0));
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)umask(077);
	assert_ok(file_write_atomic_at(root, "state/open", "3", 1, 0664)); /* the mode asked for, whatever the umask */
	assert_ok(fstatat(root, "state/open", &st, 0));
	assert_int_equal(st.st_mode & 07777, 0664);
	(void)umask(022);
	assert_int_equal(count_entries("state"), 1);
	assert_ok(file_write_atomic_at(root, "state/open", "", 0, 0600));
	assert_ok(file_read_at(root, "state/open", buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "");
}

static void a_failed_write_keeps_the_old_file(void **state)
{
	char name[300];

	(void)state;
	assert_ok(file_make_dirs_at(root, "kept/folder/full", 0755));
	assert_err(file_write_atomic_at(root, "kept/folder", "x", 1, 0600), EISDIR);
	assert_int_equal(count_entries("kept"), 1);
	assert_err(file_write_atomic_at(root, "nowhere/file", "x", 1, 0600), ENOENT);
	memset(name, 'n', sizeof(name));
	name[250] = '\0'; /* a name that fits, but not with what the temporary file adds */
	assert_err(file_write_atomic_at(root, name, "x", 1, 0600), ENAMETOOLONG);
}

/* What a crash left under the temporary name is in nobody's way, nor is a link planted there followed. */
static void a_left_temporary_file_is_replaced(void **state)
{
	char name[64], buffer[8];

	(void)state;
	assert_ok(file_make_dirs_at(root, "crash", 0755));
	put("victim", "safe", 4);
	(void)snprintf(name, sizeof(name), "crash/.f.%d.tmp", (int)gettid());
	assert_ok(symlinkat("../victim", root, name));
	assert_ok(file_write_atomic_at(root, "crash/f", "new", 3, 0600));
	assert_int_equal(count_entries("crash"), 1);
	assert_ok(file_read_at(root, "victim", buffer, sizeof(buffer), NULL));
	assert_string_equal(buffer, "safe");
}

static void makes_folders_once(void **state)
{
	(void)state;
	assert_ok(file_make_dirs_at(root, "/a/b//c/", 0755));
	assert_ok(file_make_dirs_at(root, "a/b/c", 0755));
	assert_ok(file_make_dirs_at(root, "", 0755));
	put("plain", "x", 1);
	assert_err(file_make_dirs_at(root, "plain", 0755), ENOTDIR);
	assert_err(file_make_dirs_at(root, "plain/below", 0755), ENOTDIR);
}

static void opens_folders_only(void **state)
{
	int fd = -1;

	(void)state;
	assert_err(file_open_dir_at(root, "absent", &fd), ENOENT);
	put("plain", "x", 1);
	assert_err(file_open_dir_at(root, "plain", &fd), ENOTDIR);
	assert_int_equal(fd, -1);
	assert_ok(file_make_dirs_at(root, "dir", 0755));
	assert_ok(file_open_dir_at(root, "/dir", &fd));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
}

static void lines_come_one_by_one(void **state)
{
	char text[] = "one\n\nthree", empty[] = "", newline[] = "\n";
	char *cursor = text;

	(void)state;
	assert_string_equal(file_next_line(&cursor), "one");
	assert_string_equal(file_next_line(&cursor), "");
	assert_string_equal(file_next_line(&cursor), "three");
	assert_null(file_next_line(&cursor));
	assert_null(file_next_line(&cursor));
	cursor = empty;
	assert_null(file_next_line(&cursor));
	cursor = newline;
	assert_string_equal(file_next_line(&cursor), "");
	assert_null(file_next_line(&cursor));
}

static void without_a_root_a_path_is_absolute(void **state)
{
	char text[64], folder[] = "/tmp/why-file-XXXXXX", path[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a/b", folder);
	assert_ok(file_make_dirs_at(AT_FDCWD, path, 0700));
	assert_ok(stat(path, &st));
	snprintf(path, sizeof(path), "%s/a/b/c", folder);
	assert_ok(file_write_atomic_at(AT_FDCWD, path, "x", 1, 0600));
	assert_ok(file_read_at(AT_FDCWD, path, text, sizeof(text), NULL));
	assert_string_equal(text, "x");
	assert_ok(unlink(path));
	snprintf(path, sizeof(path), "%s/a/b", folder);
	assert_ok(rmdir(path));
	snprintf(path, sizeof(path), "%s/a", folder);
	assert_ok(rmdir(path));
	assert_ok(rmdir(folder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_or_says_too_big),
		cmocka_unit_test(reads_proc_below_any_root),
		cmocka_unit_test(a_fifo_does_not_stop_it),
		cmocka_unit_test(rereads_from_the_start),
		cmocka_unit_test(numbers_are_numbers_or_max),
		cmocka_unit_test(replaces_whole_and_leaves_nothing),
		cmocka_unit_test(a_failed_write_keeps_the_old_file),
		cmocka_unit_test(a_left_temporary_file_is_replaced),
		cmocka_unit_test(makes_folders_once),
		cmocka_unit_test(opens_folders_only),
		cmocka_unit_test(lines_come_one_by_one),
		cmocka_unit_test(without_a_root_a_path_is_absolute),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}

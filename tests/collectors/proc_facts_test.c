/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/proc_facts.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/scene.h"

struct folder {
	char path[128];
	int fd;
};

static int folder_open(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	f->fd = open(harness_folder(f->path, sizeof(f->path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int folder_close(void **state)
{
	struct folder *f = *state;

	(void)close(f->fd);
	harness_remove(f->path);
	free(f);
	return 0;
}

static void put(struct folder *f, const char *name, const void *data, size_t n)
{
	AUTO_CLOSE int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

#define PUT(f, name, text) put(f, name, text, sizeof(text) - 1)
#define REST               " 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10\n"

static void a_name_may_hold_anything(void **state)
{
	struct folder *f = *state;
	struct proc_stat s;

	PUT(f, "stat", "42 (a) S 1 (b ) S 7 1 1 0 -1 4194560" REST);
	assert_ok(proc_facts_stat(f->fd, &s));
	assert_int_equal(s.pid, 42);
	assert_int_equal(s.ppid, 7);
	assert_int_equal(s.start_ticks, 987654);
	assert_string_equal(s.comm, "a) S 1 (b ");
	assert_int_equal(s.uid, geteuid());
	assert_false(s.kernel_thread);
	assert_false(s.ended);
	PUT(f, "stat", "2 (kthreadd) S 0 0 0 0 -1 2129984" REST);
	assert_ok(proc_facts_stat(f->fd, &s));
	assert_true(s.kernel_thread);
	PUT(f, "stat", "42 (sixteen-and-more-bytes) Z 7 1 1 0 -1 4194560" REST);
	assert_ok(proc_facts_stat(f->fd, &s));
	assert_true(s.ended);
	assert_string_equal(s.comm, "sixteen-and-mor");
}

static void what_the_kernel_does_not_write_is_refused(void **state)
{
	static const char *const junk[] = { "", "42", "42 (a", "42 a) S 1", ") (", "x (a) S 1 1 1 0 -1 4" REST,
					    "42 (a) S 1 1 1 0 -1 4 1 2 3", "42 (a) S x 1 1 0 -1 4" REST,
					    "99999999999 (a) S 1 1 1 0 -1 4" REST, "0 (a) S 1 1 1 0 -1 4" REST,
					    "42 (a) S -1 1 1 0 -1 4" REST };
	struct proc_stat s = { .pid = 5 };
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		put(f, "stat", junk[i], strlen(junk[i]));
		assert_err(proc_facts_stat(f->fd, &s), EBADMSG);
	}
	assert_int_equal(s.pid, 5);
}

static void only_listed_variables_are_taken_wherever_pieces_end(void **state)
{
	static struct env_values env;
	struct folder *f = *state;
	char data[3 * 4096 + 64];
	bool cut = true;

	/* RANK=17 at every place around the end of the first piece of 4096 bytes. */
	for (size_t at = 4096 - 12; at <= 4096 + 4; at++) {
		memset(data, 'x', sizeof(data));
		memcpy(data, "HF_TOKEN=", 9);
		data[at - 1] = '\0';
		memcpy(data + at, "RANK=17", 8);
		memcpy(data + at + 8, "RANK=18", 8); /* the first wins, as for getenv */
		memcpy(data + at + 16, "WORLD_SIZE=4", 13);
		put(f, "environ", data, at + 29);
		assert_int_equal(proc_facts_env(f->fd, &env, &cut), 2);
		assert_string_equal(env.value[ENV_RANK], "17");
		assert_string_equal(env.value[ENV_WORLD_SIZE], "4");
		assert_false(cut);
	}
	/* Without the last NUL; with empty entries; without '='. */
	PUT(f, "environ", "\0\0RANK\0=\0RANK=3");
	assert_int_equal(proc_facts_env(f->fd, &env, NULL), 1);
	assert_string_equal(env.value[ENV_RANK], "3");
	PUT(f, "environ", "");
	assert_int_equal(proc_facts_env(f->fd, &env, NULL), 0);
	assert_false(env.has[ENV_RANK]);
}

static void a_long_value_is_cut_and_said_to_be(void **state)
{
	static struct env_values env;
	struct folder *f = *state;
	char data[9000];

	memset(data, 'y', sizeof(data));
	memcpy(data, "RANK=", 5);
	data[8000] = '\0';
	memcpy(data + 8001, "WORLD_SIZE=4", 13);
	put(f, "environ", data, 8014);
	assert_int_equal(proc_facts_env(f->fd, &env, NULL), 2);
	assert_true(env.cut[ENV_RANK]);
	assert_true(strlen(env.value[ENV_RANK]) < ENV_VALUE_MAX);
	assert_string_equal(env.value[ENV_WORLD_SIZE], "4");
}

static void an_environment_is_looked_through_up_to_a_bound(void **state)
{
	static struct env_values env;
	struct folder *f = *state;
	size_t n = PROC_FACTS_ENV_BYTES + 16;
	AUTO_FREE char *data = malloc(n);
	bool cut = false;

	assert_non_null(data);
	memset(data, 'z', n);
	data[PROC_FACTS_ENV_BYTES - 1] = '\0';
	memcpy(data + PROC_FACTS_ENV_BYTES, "RANK=1", 7);
	put(f, "environ", data, n);
	assert_int_equal(proc_facts_env(f->fd, &env, &cut), 0);
	assert_true(cut);
	assert_false(env.has[ENV_RANK]);
}

static void what_cannot_be_read_is_an_error_and_empty(void **state)
{
	static struct env_values env;
	struct folder *f = *state;

	env.has[ENV_RANK] = true;
	assert_err(proc_facts_env(f->fd, &env, NULL), ENOENT);
	assert_false(env.has[ENV_RANK]);
	assert_int_equal(mkdirat(f->fd, "environ", 0755), 0);
	assert_err(proc_facts_env(f->fd, &env, NULL), EISDIR);
}

static void long_arguments_are_cut(void **state)
{
	struct folder *f = *state;
	char argv[8];
	size_t len;

	PUT(f, "cmdline", "ab\0cdefghijk\0");
	assert_ok(proc_facts_argv(f->fd, argv, sizeof(argv), &len));
	assert_int_equal(len, 7);
	assert_memory_equal(argv, "ab\0cdef", 8);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void of_several_hierarchies_the_one_that_tells_most_is_taken(void **state)
{
	char path[PROC_FACTS_PATH_BYTES];
	struct cgroup_form form;
	struct folder *f = *state;

	PUT(f, "cgroup", "12:pids:/user.slice\n4:memory:/docker/" ID "\n3:cpu,cpuacct:/a/very/deep/one/that/says/nothing\n"
			 "1:name=systemd:/system.slice/containerd.service\n0::/system.slice/containerd.service\n");
	assert_ok(proc_facts_cgroup(f->fd, path, &form));
	assert_string_equal(path, "/docker/" ID);
	assert_string_equal(form.container_id, ID);
	PUT(f, "cgroup", "4:memory:/\n3:cpu:/batch/one\n0::/\n");
	assert_ok(proc_facts_cgroup(f->fd, path, &form));
	assert_string_equal(path, "/batch/one");
	assert_int_equal(form.holder, CGROUP_HOLDER_NONE);
	PUT(f, "cgroup", "rubbish\n1:2\n::\n");
	assert_err(proc_facts_cgroup(f->fd, path, &form), ENODATA);
}

/* The descriptor is of the process, not of the number. */
static void a_descriptor_outlives_its_process_and_then_fails(void **state)
{
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	static struct env_values env;
	struct proc_stat s, glance;
	char argv[64];
	size_t len;

	(void)state;
	pid_t pid = scene_spawn("a-test-child", scene_sleep, NULL);
	assert_ok(proc_facts_open(root, (uint32_t)pid, &fd));
	assert_ok(proc_facts_stat(fd, &s));
	assert_int_equal(s.pid, pid);
	assert_int_equal(s.ppid, getpid());
	assert_string_equal(s.comm, "a-test-child");
	assert_ok(proc_facts_glance(root, (uint32_t)pid, &glance));
	assert_int_equal(glance.start_ticks, s.start_ticks);
	assert_true(proc_facts_env(fd, &env, NULL) >= 0);
	(void)scene_end(pid);
	assert_true(proc_facts_stat(fd, &s) < 0);
	assert_true(proc_facts_env(fd, &env, NULL) < 0);
	assert_true(proc_facts_argv(fd, argv, sizeof(argv), &len) < 0);
	assert_err(proc_facts_glance(root, (uint32_t)pid, &glance), ENOENT);
}

static void *thread_tells_its_number(void *arg)
{
	int *end = arg;
	pid_t tid = gettid();
	char byte;

	(void)!write(end[1], &tid, sizeof(tid));
	(void)!read(end[0], &byte, 1);
	return NULL;
}

/* /proc shows a thread to who asks by its number, though its listing does not. */
static void a_thread_is_no_process(void **state UNUSED)
{
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), own = -1, other = -1;
	int pair[2];
	pthread_t thread;
	pid_t tid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	int ends[2] = { pair[1], pair[1] };
	assert_int_equal(pthread_create(&thread, NULL, thread_tells_its_number, ends), 0);
	assert_int_equal(read(pair[0], &tid, sizeof(tid)), sizeof(tid));
	assert_ok(proc_facts_open(root, (uint32_t)getpid(), &own));
	assert_ok(proc_facts_open(root, (uint32_t)tid, &other));
	assert_true(proc_facts_is_process(own, (uint32_t)getpid()));
	assert_false(proc_facts_is_process(other, (uint32_t)tid));
	(void)close(pair[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(pair[1]);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_open, folder_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_name_may_hold_anything),
		WITH_FOLDER(what_the_kernel_does_not_write_is_refused),
		WITH_FOLDER(only_listed_variables_are_taken_wherever_pieces_end),
		WITH_FOLDER(a_long_value_is_cut_and_said_to_be),
		WITH_FOLDER(an_environment_is_looked_through_up_to_a_bound),
		WITH_FOLDER(what_cannot_be_read_is_an_error_and_empty),
		WITH_FOLDER(long_arguments_are_cut),
		WITH_FOLDER(of_several_hierarchies_the_one_that_tells_most_is_taken),
		cmocka_unit_test(a_thread_is_no_process),
		cmocka_unit_test(a_descriptor_outlives_its_process_and_then_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/collectors/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/test.h"

#define CGROUP2_MAGIC 0x63677270

pid_t scene_spawn(const char *comm, int (*fn)(void *arg), void *arg)
{
	int named[2];
	char byte;

	assert_int_equal(pipe2(named, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, comm);
		(void)close(named[0]);
		(void)close(named[1]);
		_exit(fn(arg));
	}
	(void)close(named[1]);
	assert_int_equal(read(named[0], &byte, 1), 0); /* its end closes once it has its name */
	(void)close(named[0]);
	return pid;
}

int scene_sleep(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
}

int scene_spin(void *arg)
{
	volatile unsigned long n = 0;

	(void)arg;
	for (;;)
		n++;
}

int scene_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int scene_end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	return scene_wait(pid);
}

void scene_key(pid_t pid, char *ret_key, size_t size)
{
	char path[64], data[1024];
	unsigned long long start = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(file_reread(fd, data, sizeof(data), NULL));
	const char *at = strrchr(data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	assert_non_null(at);
	assert_int_equal(sscanf(at, " %llu", &start), 1);
	(void)snprintf(ret_key, size, "%d/%llu", pid, start);
}

bool scene_cgroup(const char *controller, const char *name, char ret_folder[SCENE_PATH_MAX], char ret_path[SCENE_PATH_MAX])
{
	struct statfs fs;
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX], on[32];

	(void)snprintf(path, sizeof(path), "/%s-%d", name, getpid());
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_MAGIC) {
		(void)snprintf(on, sizeof(on), "+%s", controller);
		AUTO_CLOSE int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, on, strlen(on)) < 0)
			return false;
		(void)snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s", path);
	} else {
		(void)snprintf(folder, sizeof(folder), "/sys/fs/cgroup/%s", controller);
		if (access(folder, W_OK) < 0)
			return false;
		(void)snprintf(folder, sizeof(folder), "/sys/fs/cgroup/%s%s", controller, path);
	}
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return false;
	memcpy(ret_folder, folder, SCENE_PATH_MAX);
	memcpy(ret_path, path, SCENE_PATH_MAX);
	return true;
}

void scene_cgroup_set(const char *folder, const char *file, const char *text)
{
	char path[SCENE_PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("%s: cannot write %s: %s", path, text, strerror(errno));
}

bool scene_cgroup_has(const char *folder, const char *file)
{
	char path[SCENE_PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	return access(path, F_OK) == 0;
}

long long scene_cgroup_get(const char *folder, const char *file)
{
	char path[SCENE_PATH_MAX * 2], data[64] = "";

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, data, sizeof(data) - 1) > 0);
	return atoll(data);
}

void scene_cgroup_enter(const char *folder, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pid);
	scene_cgroup_set(folder, "cgroup.procs", text);
}

void scene_cgroup_remove(const char *folder)
{
	for (int i = 0; i < 100 && rmdir(folder) < 0 && errno == EBUSY; i++)
		(void)usleep(20000);
}

struct harness *scene_harness(const struct collector *c)
{
	struct harness *h = harness_new(c, NULL);

	if (harness_probe(h) < 0) {
		print_message("skipped: %s: %s\n", c->name, h->reason);
		harness_close(&h);
		skip();
	}
	h->env.ring_kib = 256;
	h->env.self_pid = 0; /* else the children of a test would count as the agent's own */
	int r = harness_start(h);
	if (r < 0) {
		print_message("skipped: %s: open: %s\n", c->name, strerror(-r));
		harness_close(&h);
		skip();
	}
	return h;
}

const struct event *scene_await(struct harness *h, const char *metric, const char *key)
{
	for (int i = 0; i < 100; i++) {
		if (!harness_wait(h, 50))
			continue;
		(void)harness_drain(h, 64, clock_mono_now());
		const struct event *e;
		for (size_t j = 0; (e = harness_event(h, metric, j)); j++)
			if (!key || strcmp(harness_event_key(h, e), key) == 0)
				return e;
	}
	return NULL;
}

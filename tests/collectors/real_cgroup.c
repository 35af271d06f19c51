// SPDX-License-Identifier: Apache-2.0
#include "tests/collectors/real_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

static bool write_file(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool try_at(const char *place, const char *controller, bool v2, struct real_cgroup *c)
{
	static unsigned serial;
	char path[256], request[32];
	snprintf(path, sizeof(path), "%s/cgroup.procs", place);
	if (access(path, F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", place);
	if (v2 && access(path, F_OK) < 0)
		return false;
	if (v2 && *controller) {
		snprintf(request, sizeof(request), "+%s", controller);
		snprintf(path, sizeof(path), "%s/cgroup.subtree_control", place);
		if (!write_file(path, request))
			return false;
	}
	snprintf(c->key, sizeof(c->key), "/why-test-%d-%u", (int)getpid(), ++serial);
	snprintf(c->folder, sizeof(c->folder), "%s%s", place, c->key);
	c->v2 = v2;
	return mkdir(c->folder, 0755) == 0;
}

bool real_cgroup_make(const char *controller, struct real_cgroup *ret_cgroup)
{
	char v1[64];
	snprintf(v1, sizeof(v1), "/sys/fs/cgroup/%s", controller);
	if (*controller && try_at(v1, controller, false, ret_cgroup))
		return true;
	if (try_at("/sys/fs/cgroup/unified", controller, true, ret_cgroup) ||
	    try_at("/sys/fs/cgroup", controller, true, ret_cgroup))
		return true;
	print_message("skipped: no cgroup with the controller '%s' can be made here: %s\n", controller, strerror(errno));
	return false;
}

void real_cgroup_remove(struct real_cgroup *c)
{
	char path[256];
	long pid;
	snprintf(path, sizeof(path), "%s/cgroup.procs", c->folder);
	for (unsigned round = 0; round < 200 && rmdir(c->folder) < 0 && errno == EBUSY; round++) {
		AUTO_FCLOSE FILE *procs = fopen(path, "re");
		while (procs && fscanf(procs, "%ld", &pid) == 1)
			kill((pid_t)pid, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
}

bool real_cgroup_write(const struct real_cgroup *c, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", c->folder, file);
	if (write_file(path, text))
		return true;
	print_message("cannot write '%s' to %s: %s\n", text, path, strerror(errno));
	return false;
}

double real_cgroup_read(const struct real_cgroup *c, const char *file, const char *key)
{
	char path[256], name[64];
	double value;
	snprintf(path, sizeof(path), "%s/%s", c->folder, file);
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	if (!key)
		return fscanf(f, "%lf", &value) == 1 ? value : -1;
	while (fscanf(f, "%63s %lf%*[^\n]", name, &value) == 2)
		if (strcmp(name, key) == 0)
			return value;
	return -1;
}

pid_t real_cgroup_run(const struct real_cgroup *c, int (*body)(void *arg), void *arg)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/cgroup.procs", c->folder);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(write_file(path, "0") ? body(arg) : 99);
}

bool real_cgroup_holds(const struct real_cgroup *c, pid_t pid)
{
	char path[256];
	int one;
	bool found = false;

	snprintf(path, sizeof(path), "%s/cgroup.procs", c->folder);
	FILE *f = fopen(path, "re");
	while (f && !found && fscanf(f, "%d", &one) == 1)
		found = one == pid;
	if (f)
		(void)fclose(f);
	return found;
}

int real_cgroup_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

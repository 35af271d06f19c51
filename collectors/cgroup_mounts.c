// SPDX-License-Identifier: Apache-2.0
#include "collectors/cgroup_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/mount_table.h"

#define TABLE_BYTES   (1024 * 1024)
#define KERNFS_HANDLE 0xfe /* FILEID_KERNFS: the handle is the 64-bit id */

static const char *const v1_option[CGROUP_HIER_MAX] = {
	[CGROUP_HIER_CPU] = "cpu",   [CGROUP_HIER_CPUACCT] = "cpuacct", [CGROUP_HIER_MEMORY] = "memory",
	[CGROUP_HIER_PIDS] = "pids", [CGROUP_HIER_BLKIO] = "blkio",
};

static void open_once(int root_fd, const char *path, int *fd)
{
	if (*fd < 0 && file_open_dir_at(root_fd, path, fd) < 0)
		*fd = -1;
}

static void take_mounts(int root_fd, char *table, struct cgroup_mounts *m)
{
	struct mount_line line;
	while (mount_table_next(&table, &line)) {
		if (strcmp(line.fstype, "cgroup2") == 0)
			open_once(root_fd, line.target, &m->fd[CGROUP_HIER_UNIFIED]);
		if (strcmp(line.fstype, "cgroup") != 0)
			continue;
		for (size_t h = CGROUP_HIER_UNIFIED + 1; h < CGROUP_HIER_MAX; h++)
			if (mount_line_has_option(&line, v1_option[h]))
				open_once(root_fd, line.target, &m->fd[h]);
	}
}

void cgroup_mounts_close(struct cgroup_mounts *m)
{
	for (size_t h = 0; h < CGROUP_HIER_MAX; h++) {
		cleanup_close(&m->fd[h]);
		m->fd[h] = -1;
	}
}

int cgroup_mounts_open(int root_fd, struct cgroup_mounts *ret_mounts)
{
	struct cgroup_mounts m = { .mode = CGROUP_V2 };
	bool any_v1 = false;
	for (size_t h = 0; h < CGROUP_HIER_MAX; h++)
		m.fd[h] = -1;
	AUTO_FREE char *table = malloc(TABLE_BYTES);
	if (!table)
		return -ENOMEM;
	if (mount_table_read(root_fd, table, TABLE_BYTES) == 0)
		take_mounts(root_fd, table, &m);
	/* A mount table may be hidden from us while the folder itself is there. */
	if (m.fd[CGROUP_HIER_UNIFIED] < 0 && faccessat(root_fd, "sys/fs/cgroup/cgroup.controllers", F_OK, 0) == 0)
		open_once(root_fd, "sys/fs/cgroup", &m.fd[CGROUP_HIER_UNIFIED]);
	for (size_t h = 0; h < CGROUP_HIER_MAX; h++) {
		any_v1 = any_v1 || (h != CGROUP_HIER_UNIFIED && m.fd[h] >= 0);
		m.home[h] = m.fd[h] >= 0 ? (enum cgroup_hier)h : CGROUP_HIER_UNIFIED;
	}
	if (!any_v1 && m.fd[CGROUP_HIER_UNIFIED] < 0)
		return -ENOENT;
	if (any_v1)
		m.mode = m.fd[CGROUP_HIER_UNIFIED] >= 0 ? CGROUP_HYBRID : CGROUP_V1;
	*ret_mounts = m;
	return 0;
}

static ssize_t path_of_fd(int fd, char *ret_path, size_t size)
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, ret_path, size);
}

int cgroup_mounts_path_of_id(const struct cgroup_mounts *m, enum cgroup_hier hier, uint64_t id, char *ret_path,
			     size_t size)
{
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = { .head = { .handle_bytes = sizeof(uint64_t), .handle_type = KERNFS_HANDLE } };
	char path[PATH_MAX], root[PATH_MAX];
	memcpy(handle.bytes + sizeof(struct file_handle), &id, sizeof(id));
	AUTO_CLOSE int fd = open_by_handle_at(m->fd[hier], &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = path_of_fd(fd, path, sizeof(path) - 1);
	ssize_t n_root = path_of_fd(m->fd[hier], root, sizeof(root));
	if (n < 0 || n_root < 0)
		return -EIO;
	path[n] = '\0';
	if (n <= n_root || memcmp(path, root, (size_t)n_root) != 0 || path[n_root] != '/')
		return -EXDEV;
	if ((size_t)(n - n_root) >= size)
		return -ENAMETOOLONG;
	memcpy(ret_path, path + n_root, (size_t)(n - n_root) + 1);
	return 0;
}

const char *cgroup_mode_name(enum cgroup_mode mode)
{
	switch (mode) {
	case CGROUP_V1: return "v1";
	case CGROUP_HYBRID: return "hybrid";
	default: return "v2";
	}
}

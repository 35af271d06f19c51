// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_sockets.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

struct found {
	int root_fd;
	struct docker_socket *sockets;
	size_t n;
};

static void take(struct found *f, const char *path, bool rootless, uint32_t uid)
{
	struct docker_socket *s;
	struct stat st;

	if (f->n == DOCKER_SOCKETS_MAX || fstatat(f->root_fd, path + 1, &st, 0) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (rootless && st.st_uid != uid)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (f->sockets[i].dev == st.st_dev && f->sockets[i].ino == st.st_ino)
			return;
	s = &f->sockets[f->n++];
	*s = (struct docker_socket){ .rootless = rootless, .uid = uid, .dev = st.st_dev, .ino = st.st_ino };
	(void)text_copy(s->path, sizeof(s->path), path);
}

static void take_users(struct found *f)
{
	unsigned n = 0;
	int fd;

	if (file_open_dir_at(f->root_fd, "run/user", &fd) < 0)
		return;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return;
	}
	for (struct dirent *e = readdir(dir); e && n < DOCKER_SOCKETS_USERS; e = readdir(dir)) {
		char path[64];
		uint64_t uid;
		if (text_parse_u64(e->d_name, &uid) < 0 || uid > UINT32_MAX)
			continue;
		n++;
		(void)snprintf(path, sizeof(path), "/run/user/%u/podman/podman.sock", (unsigned)uid);
		take(f, path, uid != 0, (uint32_t)uid);
		(void)snprintf(path, sizeof(path), "/run/user/%u/docker.sock", (unsigned)uid);
		take(f, path, uid != 0, (uint32_t)uid);
	}
}

size_t docker_sockets_find(int root_fd, struct docker_socket ret_sockets[DOCKER_SOCKETS_MAX])
{
	struct found f = { .root_fd = root_fd, .sockets = ret_sockets };
	struct stat st;

	take(&f, "/run/docker.sock", false, 0);
	take(&f, "/run/podman/podman.sock", false, 0);
	/* Nearly everywhere a link to /run, which a root prefix would not hold: then it says nothing new. */
	if (fstatat(root_fd, "var/run", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		take(&f, "/var/run/docker.sock", false, 0);
		take(&f, "/var/run/podman/podman.sock", false, 0);
	}
	take_users(&f);
	return f.n;
}

// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_cgroups.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/cgroup_form.h"

/* Hierarchies, the first of which that has any is the one: v1, systemd's own, v2. */
static const char *const roots[] = { "sys/fs/cgroup/memory", "sys/fs/cgroup/systemd", "sys/fs/cgroup" };
static const char *const folders[] = { "docker", "libpod_parent", "system.slice", "machine.slice" };

struct found {
	struct docker_cgroup *cgroups;
	size_t n, max;
};

static void take(struct found *f, const char *folder, const char *name)
{
	struct cgroup_form form;
	char path[320];

	(void)snprintf(path, sizeof(path), "/%s/%s", folder, name);
	if (f->n == f->max || !cgroup_form_parse(path, &form) || form.holder != CGROUP_HOLDER_CONTAINER ||
	    !docker_id_ok(form.container_id))
		return;
	bool podman = strcmp(form.runtime, "podman") == 0;
	if (!podman && strcmp(form.runtime, "docker") != 0)
		return;
	struct docker_cgroup *c = &f->cgroups[f->n++];
	(void)text_copy(c->id, sizeof(c->id), form.container_id);
	c->podman = podman;
}

static void look(int root_fd, const char *root, const char *folder, struct found *f)
{
	char path[96];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", root, folder);
	if (file_open_dir_at(root_fd, path, &fd) < 0)
		return;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return;
	}
	unsigned n = 0;
	for (struct dirent *e = readdir(dir); e && n < DOCKER_CGROUPS_LOOK; e = readdir(dir), n++)
		if (strlen(e->d_name) >= DOCKER_ID_MAX - 1)
			take(f, folder, e->d_name);
}

size_t docker_cgroups_find(int root_fd, struct docker_cgroup *ret_cgroups, size_t max)
{
	struct found f = { .cgroups = ret_cgroups, .max = max };

	for (size_t r = 0; r < ARRAY_LEN(roots) && f.n == 0; r++)
		for (size_t i = 0; i < ARRAY_LEN(folders); i++)
			look(root_fd, roots[r], folders[i], &f);
	return f.n;
}

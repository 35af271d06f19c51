/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/kernel_cgroup.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

void kernel_cgroup_open(struct kernel_cgroup *k, const struct collect_env *env, int paths_fd)
{
	k->paths_fd = paths_fd;
	if (cgroup_tree_open(env, &k->tree) < 0)
		k->tree = NULL;
}

void kernel_cgroup_close(struct kernel_cgroup *k)
{
	if (k->tree)
		cgroup_tree_close(&k->tree);
}

void kernel_cgroup_refresh(struct kernel_cgroup *k, mono_ns_t now, struct batch *b)
{
	if (k->tree)
		cgroup_tree_refresh(k->tree, now, b);
}

/* /proc/cgroups: "name hierarchy count enabled"; a hierarchy other than 0 is a v1 one. */
uint32_t kernel_cgroup_v1(const struct collect_env *env)
{
	char data[4096], *cursor = data;

	if (file_read_at(env->root_fd, "proc/cgroups", data, sizeof(data), NULL) < 0)
		return 0;
	for (char *line; (line = file_next_line(&cursor));) {
		char name[32];
		unsigned hierarchy;
		if (sscanf(line, "%31s %u", name, &hierarchy) != 2)
			continue;
		if (hierarchy && (strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 || strcmp(name, "pids") == 0))
			return 1;
	}
	return 0;
}

int kernel_cgroup_join(const struct task_cgroup_path *path, char *ret_path, size_t size)
{
	const char *names[TASK_CGROUP_MAX_LEVELS + 1];
	size_t n = 0, at = 0;
	struct text t;

	if (path->len > sizeof(path->names) || path->levels > ARRAY_LEN(names))
		return -EBADMSG;
	while (n < path->levels) {
		size_t len = at < path->len ? strnlen(path->names + at, path->len - at) : 0;
		if (at + len >= path->len)
			return -EBADMSG;
		names[n++] = path->names + at;
		at += len + 1;
	}
	text_init(&t, ret_path, size);
	if (path->cut)
		text_add(&t, "/...");
	if (n == 0 && !path->cut)
		text_add(&t, "/");
	while (n > 0)
		text_addf(&t, "/%s", names[--n]);
	return 0;
}

static bool kernel_path(const struct kernel_cgroup *k, uint64_t key, char *ret_path, size_t size)
{
	struct task_cgroup_path path;

	return k->paths_fd >= 0 && bpf_map_lookup_elem(k->paths_fd, &key, &path) == 0 &&
	       kernel_cgroup_join(&path, ret_path, size) == 0;
}

/* The nearest cgroup above that is known; the node when there is none. `path` is cut on the way. */
static entity_id above(const struct graph *g, char *path)
{
	for (char *slash; (slash = strrchr(path, '/')) && slash != path;) {
		*slash = '\0';
		entity_id id = graph_find(g, ENTITY_CGROUP, path);
		if (id != ENTITY_NONE)
			return id;
	}
	return graph_node(g);
}

entity_id kernel_cgroup_entity(struct kernel_cgroup *k, uint64_t key, struct batch *b)
{
	char path[KERNEL_CGROUP_PATH_MAX];
	entity_id id = ENTITY_NONE;

	if (!key)
		return ENTITY_NONE;
	if (k->tree && TASK_CGROUP_HIER(key) < CGROUP_HIER_MAX)
		id = cgroup_tree_entity(k->tree, (enum cgroup_hier)TASK_CGROUP_HIER(key), TASK_CGROUP_ID(key), b);
	if (id != ENTITY_NONE || !kernel_path(k, key, path, sizeof(path)))
		return id;
	id = graph_find(b->graph, ENTITY_CGROUP, path);
	if (id != ENTITY_NONE)
		return id;
	id = batch_entity(b, ENTITY_CGROUP, path);
	batch_attr(b, id, "path", path);
	batch_link(b, EDGE_IN, id, above(b->graph, path));
	batch_gone(b, id);
	return id;
}

void kernel_cgroup_saw_tasks(struct kernel_cgroup *k, uint64_t key, mono_ns_t now)
{
	if (k->tree && key && TASK_CGROUP_HIER(key) < CGROUP_HIER_MAX)
		cgroup_tree_saw_tasks(k->tree, (enum cgroup_hier)TASK_CGROUP_HIER(key), TASK_CGROUP_ID(key), now);
}

void kernel_cgroup_path(struct kernel_cgroup *k, uint64_t key, char *ret_path, size_t size)
{
	const struct cgroup_node *n = NULL;

	if (k->tree && key && TASK_CGROUP_HIER(key) < CGROUP_HIER_MAX)
		n = cgroup_tree_by_id(k->tree, (enum cgroup_hier)TASK_CGROUP_HIER(key), TASK_CGROUP_ID(key));
	if (n)
		(void)text_copy(ret_path, size, n->path);
	else if (!key || !kernel_path(k, key, ret_path, size))
		ret_path[0] = '\0';
}

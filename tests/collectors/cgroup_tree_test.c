// SPDX-License-Identifier: Apache-2.0
#include "collectors/cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

#define FIXTURES "tests/collectors/fixtures/"

struct stage {
	struct graph *graph;
	struct batch *batch;
	struct cgroup_tree *tree;
	struct collect_env env;
};

static int stage_open(struct stage *s, const char *root)
{
	memset(s, 0, sizeof(*s));
	s->env = (struct collect_env){ .root_fd = open(root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				       .fixture = root != NULL };
	assert_true(s->env.root_fd >= 0);
	assert_ok(graph_new(8192, HARNESS_NODE, &s->graph));
	assert_ok(batch_new(s->graph, 16, 16, 65536, &s->batch));
	return cgroup_tree_open(&s->env, &s->tree);
}

static void stage_close(struct stage *s)
{
	cgroup_tree_close(&s->tree);
	batch_free(&s->batch);
	graph_free(&s->graph);
	close(s->env.root_fd);
}

static void refresh(struct stage *s, mono_ns_t now)
{
	batch_reset(s->batch, now);
	cgroup_tree_refresh(s->tree, now, s->batch);
}

static uint64_t inode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void test_v2_tree(void **unused)
{
	(void)unused;
	struct stage s;
	static const char pod[] = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b.slice";
	char path[256];
	assert_ok(stage_open(&s, FIXTURES "v2"));
	assert_int_equal(cgroup_tree_mode(s.tree), CGROUP_V2);
	refresh(&s, NS_PER_S);
	snprintf(path, sizeof(path), FIXTURES "v2/sys/fs/cgroup%s", pod);
	uint64_t id = inode_of(path);
	const struct cgroup_node *n = cgroup_tree_by_id(s.tree, CGROUP_HIER_MEMORY, id);
	assert_non_null(n);
	assert_string_equal(n->path, pod);
	assert_ptr_equal(n, cgroup_tree_by_id(s.tree, CGROUP_HIER_UNIFIED, id));
	assert_ptr_equal(n, cgroup_tree_by_path(s.tree, pod));
	entity_id e = cgroup_tree_entity(s.tree, CGROUP_HIER_CPU, id, s.batch), above;
	assert_string_equal(graph_key(s.graph, e), pod);
	assert_string_equal(graph_attr(s.graph, e, "hierarchy"), "v2");
	assert_int_equal(graph_neighbours(s.graph, e, false, ENTITY_CGROUP, &above, 1), 1);
	assert_string_equal(graph_key(s.graph, above), "/kubepods.slice/kubepods-burstable.slice");
	assert_int_equal(n->n_children, 1);
	stage_close(&s);
}

static void test_v1_paths_are_one_node(void **unused)
{
	(void)unused;
	struct stage s;
	assert_ok(stage_open(&s, FIXTURES "v1"));
	assert_int_equal(cgroup_tree_mode(s.tree), CGROUP_V1);
	assert_false(cgroup_tree_has(s.tree, CGROUP_HIER_UNIFIED));
	refresh(&s, NS_PER_S);
	const struct cgroup_node *n = cgroup_tree_by_path(s.tree, "/docker/aaaa");
	assert_non_null(n);
	uint64_t cpu = inode_of(FIXTURES "v1/sys/fs/cgroup/cpu,cpuacct/docker/aaaa");
	uint64_t memory = inode_of(FIXTURES "v1/sys/fs/cgroup/memory/docker/aaaa");
	assert_true(cpu != memory);
	assert_true(n->id[CGROUP_HIER_CPU] == cpu && n->id[CGROUP_HIER_CPUACCT] == cpu);
	assert_true(n->id[CGROUP_HIER_MEMORY] == memory);
	assert_true(n->id[CGROUP_HIER_UNIFIED] == 0);
	/* an id of one hierarchy means nothing in another */
	assert_null(cgroup_tree_by_id(s.tree, CGROUP_HIER_MEMORY, cpu));
	stage_close(&s);
}

static void test_a_task_is_in_the_deepest(void **unused)
{
	(void)unused;
	struct stage s;
	assert_ok(stage_open(&s, FIXTURES "hybrid"));
	assert_int_equal(cgroup_tree_mode(s.tree), CGROUP_HYBRID);
	refresh(&s, NS_PER_S);
	const struct cgroup_node *root = cgroup_tree_by_path(s.tree, "/");
	uint64_t ids[CGROUP_HIER_MAX] = { 0 };
	ids[CGROUP_HIER_UNIFIED] = root->id[CGROUP_HIER_UNIFIED];
	ids[CGROUP_HIER_MEMORY] = inode_of(FIXTURES "hybrid/sys/fs/cgroup/memory/job");
	entity_id e = cgroup_tree_entity_of_task(s.tree, ids, s.batch);
	assert_string_equal(graph_key(s.graph, e), "/job");
	ids[CGROUP_HIER_MEMORY] = root->id[CGROUP_HIER_MEMORY];
	e = cgroup_tree_entity_of_task(s.tree, ids, s.batch);
	assert_string_equal(graph_key(s.graph, e), "/");
	memset(ids, 0, sizeof(ids));
	assert_int_equal(cgroup_tree_entity_of_task(s.tree, ids, s.batch), ENTITY_NONE);
	stage_close(&s);
}

static void test_no_cgroups(void **unused)
{
	(void)unused;
	struct stage s;
	assert_err(stage_open(&s, FIXTURES "cloud"), ENOENT);
	assert_null(s.tree);
	stage_close(&s);
}

static void test_shared_and_bounded(void **unused)
{
	(void)unused;
	struct stage s;
	struct cgroup_tree *again = NULL;
	char folder[64], path[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "cgroup2 /c cgroup2 rw 0 0\n");
	harness_write(folder, "c/cgroup.controllers", "");
	for (unsigned i = 0; i < CGROUP_TREE_MAX_NODES + 100; i++) {
		snprintf(path, sizeof(path), "%s/c/x%u", folder, i);
		assert_ok(mkdir(path, 0755));
	}
	char deep[1024];
	snprintf(deep, sizeof(deep), "%s/c", folder);
	for (unsigned i = 0; i < CGROUP_TREE_MAX_DEPTH + 8; i++) {
		snprintf(deep + strlen(deep), 8, "/d");
		assert_ok(mkdir(deep, 0755));
	}
	assert_ok(stage_open(&s, folder));
	assert_ok(cgroup_tree_open(&s.env, &again));
	assert_ptr_equal(again, s.tree);
	for (unsigned tick = 1; tick < 8; tick++)
		refresh(&s, tick * NS_PER_S);
	assert_int_equal(cgroup_tree_count(s.tree), CGROUP_TREE_MAX_NODES);
	assert_true(cgroup_tree_refused(s.tree) >= 100);
	/* what goes makes room for what was refused */
	for (unsigned i = 0; i < CGROUP_TREE_MAX_NODES + 100; i++) {
		snprintf(path, sizeof(path), "%s/c/x%u", folder, i);
		assert_ok(rmdir(path));
	}
	for (unsigned tick = 20; tick < 40; tick++)
		refresh(&s, tick * NS_PER_S);
	assert_int_equal(cgroup_tree_count(s.tree), CGROUP_TREE_MAX_DEPTH); /* the root and what may hang below it */
	cgroup_tree_close(&again);
	stage_close(&s);
	harness_remove(folder);
}

static void test_tasks_seen(void **unused)
{
	(void)unused;
	struct stage s;
	bool known = true;
	assert_ok(stage_open(&s, FIXTURES "v2"));
	refresh(&s, NS_PER_S);
	const struct cgroup_node *n = cgroup_tree_by_path(s.tree, "/kubepods.slice");
	const struct cgroup_node *other = cgroup_tree_by_path(s.tree, "/system.slice/idle.service");
	assert_false(cgroup_tree_has_tasks(s.tree, n, NS_PER_S, &known));
	assert_false(known);
	cgroup_tree_saw_tasks(s.tree, CGROUP_HIER_CPU, n->id[CGROUP_HIER_UNIFIED], 2 * NS_PER_S);
	assert_true(cgroup_tree_has_tasks(s.tree, n, 5 * NS_PER_S, &known));
	assert_true(known);
	assert_false(cgroup_tree_has_tasks(s.tree, other, 5 * NS_PER_S, &known));
	assert_true(known);
	assert_false(cgroup_tree_has_tasks(s.tree, n, 6 * NS_PER_S, &known));
	assert_false(known);
	/* the look goes on, and finds none there */
	cgroup_tree_saw_tasks(s.tree, CGROUP_HIER_CPU, other->id[CGROUP_HIER_UNIFIED], 6 * NS_PER_S);
	cgroup_tree_saw_tasks(s.tree, CGROUP_HIER_CPU, 12345678, 6 * NS_PER_S);
	assert_false(cgroup_tree_has_tasks(s.tree, n, 6 * NS_PER_S, &known));
	assert_true(known);
	stage_close(&s);
}

/* Where cgroups can be made on this machine, and in which hierarchy they are then. */
static const char *real_place(enum cgroup_hier *ret_hier)
{
	static const struct { const char *path; enum cgroup_hier hier; } places[] = {
		{ "/sys/fs/cgroup/unified", CGROUP_HIER_UNIFIED }, { "/sys/fs/cgroup/pids", CGROUP_HIER_PIDS },
		{ "/sys/fs/cgroup", CGROUP_HIER_UNIFIED },
	};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/cgroup.procs", places[i].path);
		if (access(path, W_OK) == 0) {
			*ret_hier = places[i].hier;
			return places[i].path;
		}
	}
	return NULL;
}

static void test_real_cgroups_come_and_go(void **unused)
{
	(void)unused;
	struct stage s;
	enum cgroup_hier hier = CGROUP_HIER_UNIFIED;
	const char *place = real_place(&hier);
	char path[128], below[160], key[64];
	if (!place) {
		print_message("skipped: no cgroup can be made here\n");
		skip();
	}
	assert_ok(stage_open(&s, NULL));
	refresh(&s, NS_PER_S);
	size_t before = cgroup_tree_count(s.tree);
	snprintf(key, sizeof(key), "/why-test-tree-%d", (int)getpid());
	snprintf(path, sizeof(path), "%s%s", place, key);
	snprintf(below, sizeof(below), "%s/in", path);
	assert_ok(mkdir(path, 0755));
	assert_ok(mkdir(below, 0755));
	uint64_t id = inode_of(below);

	/* younger than the last walk: by its handle, with the chain above */
	entity_id e = cgroup_tree_entity(s.tree, hier, id, s.batch);
	snprintf(path, sizeof(path), "%s/in", key);
	assert_string_equal(graph_key(s.graph, e), path);
	assert_int_equal(cgroup_tree_entity(s.tree, hier, id + 1000000, s.batch), ENTITY_NONE);

	/* a quiet refresh finds it too, without a full walk: inotify told */
	refresh(&s, 2 * NS_PER_S);
	assert_non_null(cgroup_tree_by_path(s.tree, key));
	snprintf(path, sizeof(path), "%s%s/second", place, key);
	assert_ok(mkdir(path, 0755));
	refresh(&s, 3 * NS_PER_S);
	snprintf(path, sizeof(path), "%s/second", key);
	assert_non_null(cgroup_tree_by_path(s.tree, path));

	snprintf(path, sizeof(path), "%s%s/second", place, key);
	assert_ok(rmdir(path));
	assert_ok(rmdir(below));
	snprintf(path, sizeof(path), "%s%s", place, key);
	assert_ok(rmdir(path));
	refresh(&s, 4 * NS_PER_S);
	assert_null(cgroup_tree_by_path(s.tree, key));
	assert_int_equal(cgroup_tree_count(s.tree), before);
	assert_true(graph_is_gone(s.graph, e, NULL));
	assert_int_equal(cgroup_tree_entity(s.tree, hier, id, s.batch), e); /* still known by its id */
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2_tree),
		cmocka_unit_test(test_v1_paths_are_one_node),
		cmocka_unit_test(test_a_task_is_in_the_deepest),
		cmocka_unit_test(test_no_cgroups),
		cmocka_unit_test(test_shared_and_bounded),
		cmocka_unit_test(test_tasks_seen),
		cmocka_unit_test(test_real_cgroups_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "collectors/kernel_cgroup.h"

static struct task_cgroup_path leaf_first(const char *const *names, size_t n)
{
	struct task_cgroup_path p = { .levels = (uint16_t)n };

	for (size_t i = 0; i < n; i++) {
		strcpy(p.names + p.len, names[i]);
		p.len += (uint32_t)strlen(names[i]) + 1;
	}
	return p;
}

static void names_are_joined_root_first(void **state)
{
	const char *const names[] = { "cri-1.scope", "pod2.slice", "kubepods.slice" };
	struct task_cgroup_path p = leaf_first(names, 3);
	char path[128];

	(void)state;
	assert_ok(kernel_cgroup_join(&p, path, sizeof(path)));
	assert_string_equal(path, "/kubepods.slice/pod2.slice/cri-1.scope");
	p.cut = 1;
	assert_ok(kernel_cgroup_join(&p, path, sizeof(path)));
	assert_string_equal(path, "/.../kubepods.slice/pod2.slice/cri-1.scope");
	p = leaf_first(names, 0);
	assert_ok(kernel_cgroup_join(&p, path, sizeof(path)));
	assert_string_equal(path, "/");
}

static void damaged_records_are_refused(void **state)
{
	const char *const names[] = { "a", "b" };
	struct task_cgroup_path p = leaf_first(names, 2);
	char path[16] = "before";

	(void)state;
	p.len = sizeof(p.names) + 1;
	assert_err(kernel_cgroup_join(&p, path, sizeof(path)), EBADMSG);
	p = leaf_first(names, 2);
	p.levels = 3; /* more than there are */
	assert_err(kernel_cgroup_join(&p, path, sizeof(path)), EBADMSG);
	p.levels = 60000;
	assert_err(kernel_cgroup_join(&p, path, sizeof(path)), EBADMSG);
	p = leaf_first(names, 2);
	memset(p.names, 'x', sizeof(p.names)); /* not one end */
	assert_err(kernel_cgroup_join(&p, path, sizeof(path)), EBADMSG);
	assert_string_equal(path, "before");
}

static void a_long_path_is_cut_to_the_buffer(void **state)
{
	const char *const names[] = { "0123456789", "0123456789", "0123456789" };
	struct task_cgroup_path p = leaf_first(names, 3);
	char path[16];

	(void)state;
	assert_ok(kernel_cgroup_join(&p, path, sizeof(path)));
	assert_string_equal(path, "/0123456789/012");
}

static void a_key_carries_hierarchy_and_id(void **state)
{
	uint64_t key = TASK_CGROUP_KEY(TASK_CGROUP_MEMORY, 0x123456789ULL);

	(void)state;
	assert_int_equal(TASK_CGROUP_HIER(key), CGROUP_HIER_MEMORY);
	assert_int_equal(TASK_CGROUP_ID(key), 0x123456789ULL);
	assert_int_equal(TASK_CGROUP_CPU, CGROUP_HIER_CPU);
	assert_int_equal(TASK_CGROUP_PIDS, CGROUP_HIER_PIDS);
	assert_int_equal(TASK_CGROUP_UNIFIED, CGROUP_HIER_UNIFIED);
}

static void an_unknown_key_is_no_entity(void **state)
{
	AUTO(graph_free) struct graph *graph = NULL;
	AUTO(batch_free) struct batch *b = NULL;
	struct kernel_cgroup k = { .tree = NULL, .paths_fd = -1 };
	char path[16] = "x";

	(void)state;
	assert_ok(graph_new(16, "n", &graph));
	assert_ok(batch_new(graph, 16, 16, 16, &b));
	assert_int_equal(kernel_cgroup_entity(&k, TASK_CGROUP_KEY(1, 77), b), ENTITY_NONE);
	assert_int_equal(kernel_cgroup_entity(&k, 0, b), ENTITY_NONE);
	kernel_cgroup_path(&k, TASK_CGROUP_KEY(1, 77), path, sizeof(path));
	assert_string_equal(path, "");
	kernel_cgroup_close(&k);
}

/* A container that is gone before anybody looked is still a part of its pod. */
static void a_removed_cgroup_is_in_the_nearest_that_is_known(void **state)
{
	AUTO(graph_free) struct graph *graph = NULL;
	AUTO(batch_free) struct batch *b = NULL;
	const char *const names[] = { "init", "c1", "pod1", "kubepods" };
	struct task_cgroup_path p = leaf_first(names, 4);
	uint64_t key = TASK_CGROUP_KEY(TASK_CGROUP_MEMORY, 77);
	entity_id in = ENTITY_NONE;

	(void)state;
	AUTO_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "paths", sizeof(key), sizeof(p), 4, NULL);
	if (fd < 0)
		skip(); /* no BPF here */
	struct kernel_cgroup k = { .tree = NULL, .paths_fd = fd };
	assert_ok(bpf_map_update_elem(fd, &key, &p, BPF_ANY));
	assert_ok(graph_new(16, "n", &graph));
	assert_ok(batch_new(graph, 16, 16, 16, &b));
	entity_id pod = batch_entity(b, ENTITY_CGROUP, "/kubepods/pod1");
	entity_id id = kernel_cgroup_entity(&k, key, b);
	assert_string_equal(graph_key(graph, id), "/kubepods/pod1/c1/init");
	assert_int_equal(graph_neighbours(graph, id, false, ENTITY_CGROUP, &in, 1), 1);
	assert_int_equal(in, pod);
	p = leaf_first((const char *const[]){ "elsewhere" }, 1);
	assert_ok(bpf_map_update_elem(fd, &key, &p, BPF_ANY));
	id = kernel_cgroup_entity(&k, key, b);
	assert_int_equal(graph_neighbours(graph, id, false, ENTITY_NODE, &in, 1), 1);
	assert_int_equal(in, graph_node(graph));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_joined_root_first),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(a_long_path_is_cut_to_the_buffer),
		cmocka_unit_test(a_key_carries_hierarchy_and_id),
		cmocka_unit_test(an_unknown_key_is_no_entity),
		cmocka_unit_test(a_removed_cgroup_is_in_the_nearest_that_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

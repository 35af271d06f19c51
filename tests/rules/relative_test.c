// SPDX-License-Identifier: Apache-2.0
#include "rules/relative.h"

#include "rules/scope.h"
#include "tests/test.h"

static entity_id make(struct graph *g, enum entity_kind kind, const char *key)
{
	entity_id id;

	assert_ok(graph_entity(g, kind, key, 1, &id));
	return id;
}

static void test_up_the_containers(void **state)
{
	struct graph *g;
	entity_id process, child, cgroup, parent, container, pod, job, rank, gpu, mount, disk;

	(void)state;
	assert_ok(graph_new(64, "n1", &g));
	process = make(g, ENTITY_PROCESS, "1/1");
	child = make(g, ENTITY_CGROUP, "/k/p/c/init");
	cgroup = make(g, ENTITY_CGROUP, "/k/p/c");
	parent = make(g, ENTITY_CGROUP, "/k");
	container = make(g, ENTITY_CONTAINER, "c0ffee");
	pod = make(g, ENTITY_POD, "ml/a");
	job = make(g, ENTITY_JOB, "slurm:1");
	rank = make(g, ENTITY_RANK, "slurm:1/3");
	gpu = make(g, ENTITY_GPU, "0000:01:00.0");
	mount = make(g, ENTITY_MOUNT, "/data");
	disk = make(g, ENTITY_DISK, "sda");
	assert_ok(graph_link(g, EDGE_IN, process, child));
	assert_ok(graph_link(g, EDGE_IN, child, cgroup));
	assert_ok(graph_link(g, EDGE_IN, cgroup, parent));
	assert_ok(graph_link(g, EDGE_IN, container, cgroup));
	assert_ok(graph_link(g, EDGE_IN, container, pod));
	assert_ok(graph_link(g, EDGE_OF, pod, job));
	assert_ok(graph_link(g, EDGE_OF, process, rank));
	assert_ok(graph_link(g, EDGE_USES, process, gpu));
	assert_ok(graph_link(g, EDGE_ON, mount, disk));
	assert_int_equal(relative_nearest(g, process, ENTITY_PROCESS), process);
	assert_int_equal(relative_nearest(g, process, ENTITY_CGROUP), child);	     /* the nearest, not an ancestor */
	assert_int_equal(relative_nearest(g, process, ENTITY_CONTAINER), container); /* through the cgroups above it */
	assert_int_equal(relative_nearest(g, process, ENTITY_POD), pod);
	assert_int_equal(relative_nearest(g, process, ENTITY_JOB), job);
	assert_int_equal(relative_nearest(g, process, ENTITY_RANK), rank);
	assert_int_equal(relative_nearest(g, process, ENTITY_NODE), graph_node(g));
	assert_int_equal(relative_nearest(g, process, ENTITY_GPU), ENTITY_NONE); /* used is not contained */
	assert_int_equal(relative_nearest(g, cgroup, ENTITY_POD), pod);
	assert_int_equal(relative_nearest(g, parent, ENTITY_POD), ENTITY_NONE);
	assert_int_equal(relative_nearest(g, mount, ENTITY_DISK), disk);
	assert_int_equal(relative_nearest(g, graph_node(g), ENTITY_CGROUP), ENTITY_NONE);
	assert_int_equal(relative_nearest(g, ENTITY_NONE, ENTITY_NODE), ENTITY_NONE);
	assert_true(relative_related(g, process, pod));
	assert_true(relative_related(g, pod, process));
	assert_true(relative_related(g, gpu, graph_node(g)));
	assert_false(relative_related(g, process, gpu));
	assert_false(relative_related(g, process, ENTITY_NONE));
	/* What has just died still has its relatives. */
	assert_ok(graph_gone(g, process, 2));
	assert_int_equal(relative_nearest(g, process, ENTITY_POD), pod);
	graph_free(&g);
}

/* What happens to a pod as a whole happens in its own cgroup, which no container is in. */
static void test_a_pods_own_cgroup(void **state)
{
	struct graph *g;
	entity_id slice, scope, container, pod, job;

	(void)state;
	assert_ok(graph_new(64, "n1", &g));
	slice = make(g, ENTITY_CGROUP, "/k/p");
	scope = make(g, ENTITY_CGROUP, "/k/p/c");
	container = make(g, ENTITY_CONTAINER, "c0ffee");
	pod = make(g, ENTITY_POD, "ml/a");
	job = make(g, ENTITY_JOB, "slurm:1");
	assert_ok(graph_link(g, EDGE_IN, scope, slice));
	assert_ok(graph_link(g, EDGE_IN, container, scope));
	assert_ok(graph_link(g, EDGE_IN, pod, slice));
	assert_ok(graph_link(g, EDGE_OF, pod, job));
	assert_int_equal(relative_nearest(g, slice, ENTITY_POD), pod);
	assert_int_equal(relative_nearest(g, slice, ENTITY_JOB), job);
	assert_int_equal(relative_nearest(g, slice, ENTITY_CONTAINER), ENTITY_NONE);
	assert_int_equal(relative_nearest(g, container, ENTITY_POD), pod); /* by the cgroup, while nobody has told it */
	assert_int_equal(relative_nearest(g, pod, ENTITY_CGROUP), ENTITY_NONE);
	assert_true(relative_related(g, pod, slice));
	graph_free(&g);
}

static void test_circles_end(void **state)
{
	struct graph *g;
	entity_id a, b;

	(void)state;
	assert_ok(graph_new(64, "n1", &g));
	a = make(g, ENTITY_CGROUP, "/a");
	b = make(g, ENTITY_CGROUP, "/b");
	assert_ok(graph_link(g, EDGE_IN, a, b));
	assert_ok(graph_link(g, EDGE_IN, b, a));
	assert_int_equal(relative_nearest(g, a, ENTITY_POD), ENTITY_NONE);
	graph_free(&g);
}

/* Whatever the checker lets a rule read, the engine must be able to find. */
static void test_agrees_with_the_checker(void **state)
{
	(void)state;
	for (int from = 0; from < ENTITY_KIND_MAX; from++)
		for (int to = 0; to < ENTITY_KIND_MAX; to++)
			if (scope_reaches((enum entity_kind)from, (enum entity_kind)to))
				assert_true(relative_possible((enum entity_kind)from, (enum entity_kind)to));
	assert_false(relative_possible(ENTITY_NODE, ENTITY_GPU));
	assert_false(relative_possible(ENTITY_KIND_MAX, ENTITY_NODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_the_containers),
		cmocka_unit_test(test_a_pods_own_cgroup),
		cmocka_unit_test(test_circles_end),
		cmocka_unit_test(test_agrees_with_the_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/walk.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "tests/test.h"

static entity_id make(struct graph *g, enum entity_kind kind, const char *key)
{
	entity_id id;

	assert_ok(graph_entity(g, kind, key, 1, &id));
	return id;
}

static void test_paths(void **state)
{
	const struct path none = {.from = ENTITY_CGROUP};
	const struct path gpus = {
		.from = ENTITY_CGROUP, .steps = {{ENTITY_PROCESS, true}, {ENTITY_GPU, false}}, .n_steps = 2};
	const struct path node = {.from = ENTITY_CGROUP, .steps = {{ENTITY_NODE, false}}, .n_steps = 1};
	const struct path all = {
		.from = ENTITY_CGROUP, .steps = {{ENTITY_NODE, false}, {ENTITY_GPU, true}}, .n_steps = 2};
	entity_id cgroup, empty, process[3], gpu[2], other, out[8];
	struct graph *g;

	(void)state;
	assert_ok(graph_new(64, "n1", &g));
	cgroup = make(g, ENTITY_CGROUP, "/a");
	empty = make(g, ENTITY_CGROUP, "/b");
	gpu[0] = make(g, ENTITY_GPU, "0000:01:00.0");
	gpu[1] = make(g, ENTITY_GPU, "0000:02:00.0");
	other = make(g, ENTITY_GPU, "0000:03:00.0");
	for (unsigned i = 0; i < 3; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u/1", i);
		process[i] = make(g, ENTITY_PROCESS, key);
		assert_ok(graph_link(g, EDGE_IN, process[i], cgroup));
		assert_ok(graph_link(g, EDGE_USES, process[i], gpu[1]));
		assert_ok(graph_link(g, EDGE_USES, process[i], gpu[0]));
	}
	assert_int_equal(walk_path(g, &none, cgroup, out, 8), 1);
	assert_int_equal(out[0], cgroup);
	assert_int_equal(walk_path(g, &gpus, cgroup, out, 8), 2); /* each once, by slot */
	assert_int_equal(out[0], gpu[0]);
	assert_int_equal(out[1], gpu[1]);
	out[0] = ENTITY_NONE;
	assert_int_equal(walk_path(g, &gpus, cgroup, out, 0), 2);
	assert_int_equal(out[0], ENTITY_NONE);
	assert_int_equal(walk_path(g, &gpus, empty, out, 8), 0);
	/* The node needs no edges, either way. */
	assert_int_equal(walk_path(g, &node, empty, out, 8), 1);
	assert_int_equal(out[0], graph_node(g));
	assert_int_equal(walk_path(g, &all, empty, out, 8), 3);
	assert_int_equal(out[2], other);
	assert_int_equal(walk_path(g, &none, ENTITY_NONE, out, 8), 0);
	graph_free(&g);
}

static void test_a_crowd_is_cut(void **state)
{
	const struct path processes = {.from = ENTITY_CGROUP, .steps = {{ENTITY_PROCESS, true}}, .n_steps = 1};
	const struct path back = {
		.from = ENTITY_CGROUP, .steps = {{ENTITY_PROCESS, true}, {ENTITY_CGROUP, false}}, .n_steps = 2};
	static entity_id out[2 * WALK_MAX];
	struct graph *g;
	entity_id cgroup;

	(void)state;
	assert_ok(graph_new(4096, "n1", &g));
	cgroup = make(g, ENTITY_CGROUP, "/a");
	for (unsigned i = 0; i < WALK_MAX + 500; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u/1", i);
		assert_ok(graph_link(g, EDGE_IN, make(g, ENTITY_PROCESS, key), cgroup));
	}
	assert_int_equal(walk_path(g, &processes, cgroup, out, ARRAY_LEN(out)), WALK_MAX);
	assert_int_equal(walk_path(g, &back, cgroup, out, ARRAY_LEN(out)), 1);
	graph_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_a_crowd_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

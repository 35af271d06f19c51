// SPDX-License-Identifier: Apache-2.0
/* Why is it not blamed? */
#include <errno.h>
#include <string.h>

#include "rules/engine.h"
#include "tests/rules/scene.h"
#include "tests/test.h"

static struct answer *ask(struct scene *s, const char *cause, entity_id target, int expected)
{
	struct answer *a;

	assert_ok(answer_new(QUERY_NOT, &a));
	assert_int_equal(engine_why_not(s->engine, cause, target, s->now, SCENE_WALL + 1, a), expected);
	return a;
}

static const struct answer_evidence *item(const struct answer *a, const char *id)
{
	for (size_t i = 0; i < a->n_evidence; i++)
		if (strcmp(a->evidence[i].id, id) == 0)
			return &a->evidence[i];
	fail_msg("no evidence %s", id);
	return NULL;
}

static void test_not_blamed(void **state)
{
	struct scene s;
	struct answer *a;
	entity_id gpu, process;

	(void)state;
	scene_open(&s, scene_rules, 0);
	gpu = scene_entity(&s, ENTITY_GPU, "0000:01:00.0");
	process = scene_entity(&s, ENTITY_PROCESS, "1/1");
	scene_sample(&s, "gpu.temperature", gpu, 70);
	scene_tick(&s, NS_PER_S);
	a = ask(&s, "gpu.hot", gpu, 0);
	assert_string_equal(a->verdict, "not_blamed");
	assert_int_equal(item(a, "hot")->truth, 0);
	assert_float_equal(item(a, "hot")->observed, 70, 0);
	assert_string_equal(item(a, "hot")->expected, "> 90");
	assert_string_equal(a->node, "n1");
	assert_true(a->evaluated);
	assert_int_equal(a->as_of, SCENE_WALL + 1);
	answer_free(&a);
	/* A target of another kind means what contains it; nothing contains a GPU but the node. */
	a = ask(&s, "gpu.hot", process, -ESRCH);
	answer_free(&a);
	a = ask(&s, "gpu.hto", gpu, -ENOENT);
	assert_int_equal(a->n_candidates, 1);
	assert_string_equal(a->candidates[0], "gpu.hot");
	answer_free(&a);
	a = ask(&s, "mem.oom", ENTITY_NONE, -ESRCH); /* there is no cgroup at all */
	answer_free(&a);
	scene_close(&s);
}

static void test_cannot_tell_and_blamed(void **state)
{
	struct scene s;
	struct answer *a;
	entity_id gpu;

	(void)state;
	scene_open(&s, scene_rules, 0);
	gpu = scene_entity(&s, ENTITY_GPU, "0000:01:00.0");
	scene_tick(&s, NS_PER_S);
	a = ask(&s, "gpu.hot", gpu, 0);
	assert_string_equal(a->verdict, "cannot_tell");
	assert_int_equal(item(a, "hot")->truth, -1);
	assert_string_equal(item(a, "hot")->why, "no fresh sample (gpu.temperature)");
	answer_free(&a);
	scene_sample(&s, "gpu.temperature", gpu, 95);
	scene_tick(&s, NS_PER_S);
	a = ask(&s, "gpu.hot", gpu, 0);
	assert_string_equal(a->verdict, "blamed");
	assert_non_null(strstr(a->message, s.said[0]->id));
	assert_string_equal(item(a, "hot")->text, "95 °C");
	answer_free(&a);
	scene_close(&s);
}

static void test_vetoed_and_pending(void **state)
{
	struct scene s;
	struct answer *a;
	entity_id cgroup;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	(void)scene_event(&s, "cgroup.oom.kill", cgroup, 0);
	(void)scene_event(&s, "node.oom.kill", graph_node(s.graph), 0);
	for (unsigned i = 0; i < 6; i++) {
		scene_sample(&s, "cgroup.psi.memory.full_ratio", cgroup, 0.9);
		scene_tick(&s, NS_PER_S);
	}
	a = ask(&s, "mem.oom", cgroup, 0);
	assert_string_equal(a->verdict, "vetoed");
	assert_non_null(strstr(a->message, "node_oom"));
	answer_free(&a);
	while (!scene_last(&s, "mem.pressure")) {
		scene_sample(&s, "cgroup.psi.memory.full_ratio", cgroup, 0.9);
		a = ask(&s, "mem.pressure", cgroup, 0);
		assert_string_equal(a->verdict, "not_blamed");
		answer_free(&a);
		scene_tick(&s, NS_PER_S);
		assert_true(s.now < SCENE_START + 20 * NS_PER_S);
	}
	scene_close(&s);
}

static void test_the_nearest_miss_is_shown(void **state)
{
	struct scene s;
	struct answer *a;
	entity_id cool, unknown;

	(void)state;
	scene_open(&s, scene_rules, 0);
	unknown = scene_entity(&s, ENTITY_GPU, "0000:01:00.0");
	cool = scene_entity(&s, ENTITY_GPU, "0000:02:00.0");
	scene_sample(&s, "gpu.temperature", cool, 20);
	scene_tick(&s, NS_PER_S);
	a = ask(&s, "gpu.hot", ENTITY_NONE, 0);
	assert_string_equal(a->verdict, "cannot_tell"); /* of the one that is not known it could be true */
	answer_free(&a);
	scene_sample(&s, "gpu.temperature", unknown, 30);
	scene_tick(&s, NS_PER_S);
	a = ask(&s, "gpu.hot", ENTITY_NONE, 0);
	assert_string_equal(a->verdict, "not_blamed");
	answer_free(&a);
	scene_close(&s);
}

static void test_wants(void **state)
{
	struct want wants[8];
	struct scene s;
	entity_id cgroup;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	scene_tick(&s, NS_PER_S);
	assert_int_equal(engine_wants(s.engine, wants, 8), 0);
	(void)scene_event(&s, "cgroup.oom.kill", cgroup, 0);
	scene_tick(&s, NS_PER_S);
	/* `full` is not known: the reading that it lacks is asked for, on the cgroup. */
	assert_true(engine_wants(s.engine, wants, 8) >= 1);
	assert_int_equal(wants[0].entity, cgroup);
	assert_string_equal(metrics_at(s.pack.metrics, wants[0].metric)->name, "cgroup.memory.current");
	assert_true(wants[0].until >= s.now + 10 * NS_PER_S);
	assert_true(engine_wants(s.engine, NULL, 0) >= 1);
	scene_wait(&s, 60);
	assert_int_equal(engine_wants(s.engine, wants, 8), 0);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_blamed),
		cmocka_unit_test(test_cannot_tell_and_blamed),
		cmocka_unit_test(test_vetoed_and_pending),
		cmocka_unit_test(test_the_nearest_miss_is_shown),
		cmocka_unit_test(test_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

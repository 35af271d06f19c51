// SPDX-License-Identifier: Apache-2.0
/* What is said, when, and how often. */
#include "rules/engine.h"

#include <stdio.h>
#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

static void psi(struct scene *s, entity_id cgroup, double ratio, unsigned n)
{
	while (n-- > 0) {
		scene_sample(s, "cgroup.psi.memory.full_ratio", cgroup, ratio);
		scene_tick(s, NS_PER_S);
	}
}

static void kill_one(struct scene *s, entity_id cgroup)
{
	batch_value_text(s->batch, scene_event(s, "cgroup.oom.kill", cgroup, 0), 1, "py");
}

static void test_because_names_the_deeper_cause(void **state)
{
	const struct finding *deep, *f;
	entity_id cgroup;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(scene_last(&s, "mem.oom")->n_because, 0);
	psi(&s, cgroup, 0.9, 12);
	deep = scene_last(&s, "mem.pressure");
	assert_non_null(deep);
	f = scene_last(&s, "mem.oom");
	assert_int_equal(f->state, FINDING_UPDATED);
	assert_int_equal(f->n_because, 1);
	assert_string_equal(f->because[0], deep->id);
	scene_close(&s);
}

static void test_flapping_is_one_finding(void **state)
{
	entity_id gpu;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	gpu = scene_entity(&s, ENTITY_GPU, "0000:01:00.0");
	for (unsigned i = 0; i < 10; i++)
		for (unsigned k = 0; k < 10; k++) {
			scene_sample(&s, "gpu.temperature", gpu, k < 3 ? 95 : 60);
			scene_tick(&s, NS_PER_S);
		}
	/* Twice open and closed; the third time it stays, marked. */
	assert_int_equal(scene_count(&s, "gpu.hot", FINDING_OPEN), 3);
	assert_int_equal(scene_count(&s, "gpu.hot", FINDING_RESOLVED), 2);
	assert_true(scene_last(&s, "gpu.hot")->flapping);
	scene_forget(&s);
	for (unsigned k = 0; k < 2000; k++) {
		scene_sample(&s, "gpu.temperature", gpu, 60);
		scene_tick(&s, NS_PER_S);
	}
	assert_int_equal(s.n_said, 1);
	assert_int_equal(s.said[0]->state, FINDING_RESOLVED);
	scene_close(&s);
}

static void test_cooldown_reopens_the_same(void **state)
{
	entity_id cgroup;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 27);
	assert_int_equal(scene_last(&s, "mem.oom")->state, FINDING_RESOLVED);
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(s.n_said, 3);
	assert_int_equal(s.said[2]->state, FINDING_UPDATED);
	assert_string_equal(s.said[2]->id, s.said[0]->id);
	assert_int_equal(s.said[2]->revision, 3);
	assert_int_equal(s.said[2]->resolved_at, 0);
	assert_null(s.said[2]->resolved_reason);
	scene_wait(&s, 60);
	scene_forget(&s);
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(s.n_said, 1);
	assert_int_equal(s.said[0]->state, FINDING_OPEN);
	assert_int_equal(s.said[0]->revision, 1);
	scene_close(&s);
}

static void test_the_subject_dies(void **state)
{
	entity_id cgroup;
	const struct finding *f;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	psi(&s, cgroup, 0.9, 12);
	assert_int_equal(scene_count(&s, "mem.pressure", FINDING_OPEN), 1);
	batch_gone(s.batch, cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(graph_expire(s.graph, s.now + 301 * NS_PER_S, NULL, NULL), 1);
	engine_drop_entity(s.engine, cgroup);
	scene_wait(&s, 5);
	f = scene_last(&s, "mem.pressure");
	assert_int_equal(f->state, FINDING_RESOLVED);
	assert_string_equal(f->resolved_reason, "cgroup is gone");
	assert_string_equal(f->subject.id, "/a");
	assert_string_equal(f->title, "memory is short in /a");
	assert_int_equal(f->n_evidence, 1);
	scene_close(&s);
}

static void test_affected_by_path_and_by_symptom(void **state)
{
	entity_id cgroup, container, pod;
	const struct finding *f;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	container = scene_entity(&s, ENTITY_CONTAINER, "c0ffee");
	pod = scene_entity(&s, ENTITY_POD, "ml/train-0");
	scene_link(&s, EDGE_IN, container, cgroup);
	scene_link(&s, EDGE_IN, container, pod);
	for (unsigned i = 0; i < 100; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%u/1", i);
		scene_link(&s, EDGE_IN, scene_entity(&s, ENTITY_PROCESS, key), cgroup);
	}
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	f = scene_last(&s, "mem.oom");
	assert_int_equal(f->n_affected, FINDING_MAX_AFFECTED);
	assert_int_equal(f->n_affected + f->more_affected, 101);
	assert_int_equal(f->affected[0].kind, ENTITY_POD);
	assert_string_equal(f->affected[0].id, "ml/train-0");
	/* The subject names what it is in. */
	assert_string_equal(f->subject.attrs[f->subject.n_attrs - 2].name, "pod");
	assert_string_equal(f->subject.attrs[f->subject.n_attrs - 2].value, "ml/train-0");
	/* Hostile names are shown, not obeyed. */
	assert_null(strchr(f->title, '\x1b'));
	scene_close(&s);
}

static void test_a_shadow_hides_nothing(void **state)
{
	char rules[8192];
	entity_id cgroup, process;
	struct scene s;

	(void)state;
	snprintf(rules, sizeof(rules), "%soverride:\n  mem.oom: { mode: shadow }\n", scene_rules);
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	process = scene_entity(&s, ENTITY_PROCESS, "1/1");
	scene_link(&s, EDGE_IN, process, cgroup);
	kill_one(&s, cgroup);
	batch_value_number(s.batch, scene_event(&s, "proc.exit", process, 0), 1, 9);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 4);
	assert_true(scene_last(&s, "mem.oom")->shadow);
	assert_int_equal(scene_last(&s, "mem.oom")->n_explains, 1);
	assert_int_equal(scene_count(&s, "proc.died", FINDING_OPEN), 1);
	assert_false(scene_last(&s, "proc.died")->shadow);
	scene_close(&s);
}

static void test_simulated_and_visit(void **state)
{
	entity_id cgroup;
	struct scene s;
	struct event *e;

	(void)state;
	scene_open(&s, scene_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	e = scene_event(&s, "cgroup.oom.kill", cgroup, 0);
	e->simulated = 1;
	scene_tick(&s, NS_PER_S);
	assert_true(s.said[0]->simulated);
	scene_close(&s);
}

static void count_visit(void *arg, const struct finding *f)
{
	assert_true(f->state == FINDING_OPEN || f->state == FINDING_UPDATED);
	++*(unsigned *)arg;
}

/* The finding about the engine: too much to follow, counted, resolved when it is over. */
static void test_overflow_is_said(void **state)
{
	struct engine_options o = {.node = "n1",
				   .boot_id = "b1",
				   .max_instances = 20,
				   .max_series = 1000,
				   .max_series_bytes = 1 << 20,
				   .interval_ns = NS_PER_S};
	struct engine_stats stats;
	unsigned open = 0;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	engine_free(&s.engine);
	o.metrics = s.pack.metrics;
	o.graph = s.graph;
	assert_ok(engine_new(&o, &s.engine));
	pack_load(&s.pack, scene_rules);
	assert_ok(engine_use(s.engine, &s.pack.ruleset, s.now));
	for (unsigned i = 0; i < 50; i++) {
		char key[16];

		snprintf(key, sizeof(key), "/%u", i);
		kill_one(&s, scene_entity(&s, ENTITY_CGROUP, key));
	}
	scene_tick(&s, NS_PER_S);
	assert_int_equal(scene_count(&s, "mem.oom", FINDING_OPEN), 20);
	assert_int_equal(scene_count(&s, "whyd.rules.full", FINDING_OPEN), 1);
	assert_int_equal(scene_last(&s, "whyd.rules.full")->count, 30);
	engine_stats(s.engine, &stats);
	assert_int_equal(stats.refused_instances, 30);
	assert_int_equal(stats.n_open, 20);
	engine_visit_open(s.engine, count_visit, &open);
	assert_int_equal(open, 20);
	assert_int_not_equal(engine_opened_mono(s.engine, scene_last(&s, "whyd.rules.full")->id), 0);
	scene_wait(&s, 601);
	assert_int_equal(scene_count(&s, "whyd.rules.full", FINDING_RESOLVED), 1);
	scene_close(&s);
}

/* Ten processes a second die, for ten minutes: what is over is forgotten, so there is always room. */
static void test_a_crash_loop_does_not_fill_the_roster(void **state)
{
	struct engine_stats stats;
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	for (unsigned second = 0; second < 600; second++) {
		for (unsigned i = 0; i < 10; i++) {
			char key[32];
			entity_id id;

			snprintf(key, sizeof(key), "%u/%u", second * 10 + i, second);
			id = scene_entity(&s, ENTITY_PROCESS, key);
			batch_value_number(s.batch, scene_event(&s, "proc.exit", id, 0), 1, 11);
			batch_gone(s.batch, id);
		}
		scene_tick(&s, NS_PER_S);
		(void)graph_expire(s.graph, s.now, NULL, NULL);
		if (s.n_said > 1000)
			scene_forget(&s);
		engine_stats(s.engine, &stats);
		assert_int_equal(stats.refused_instances, 0);
		assert_true(stats.n_instances < 1000);
	}
	scene_close(&s);
}

/* Published in a fixed order: causes, then symptoms; by rule, then by entity. */
static void test_order(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, scene_rules, 0);
	for (unsigned i = 9; i > 0; i--) {
		char key[16];

		snprintf(key, sizeof(key), "/%u", i);
		kill_one(&s, scene_entity(&s, ENTITY_CGROUP, key));
	}
	scene_tick(&s, NS_PER_S);
	assert_int_equal(s.n_said, 9);
	for (unsigned i = 1; i < 9; i++)
		assert_true(strcmp(s.said[i - 1]->subject.id, s.said[i]->subject.id) < 0);
	scene_close(&s);
}

/* Restored in the middle, the findings that were open go on under their ids; none is opened twice. */
static void test_restart_in_the_middle_keeps_ids(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct finding *open[SCENE_MAX] = {0};
		mono_ns_t opened[SCENE_MAX];
		uint64_t random = seed * 31;
		size_t n_open = 0;
		struct scene s;

		scene_open(&s, scene_rules, 0);
		for (unsigned i = 0; i < 60 + seed * 7; i++) {
			scene_random(&s, &random);
			scene_tick(&s, NS_PER_S);
		}
		for (size_t i = s.n_said; i-- > 0;) { /* the last word on each that is open */
			bool later = false;

			for (size_t k = i + 1; k < s.n_said && !later; k++)
				later = strcmp(s.said[k]->id, s.said[i]->id) == 0;
			if (later || s.said[i]->state == FINDING_RESOLVED)
				continue;
			opened[n_open] = engine_opened_mono(s.engine, s.said[i]->id);
			assert_int_not_equal(opened[n_open], 0);
			assert_ok(finding_copy(s.said[i], &open[n_open++]));
		}
		assert_true(n_open > 0);
		scene_restart(&s, scene_rules, 20);
		scene_forget(&s);
		for (size_t i = 0; i < n_open; i++)
			assert_ok(engine_restore(s.engine, open[i], true, opened[i]));
		for (unsigned i = 0; i < 120; i++) {
			scene_random(&s, &random);
			scene_tick(&s, NS_PER_S);
		}
		for (size_t k = 0; k < s.n_said; k++)
			for (size_t i = 0; i < n_open; i++) {
				if (strcmp(s.said[k]->rule, open[i]->rule) != 0 ||
				    strcmp(s.said[k]->subject.id, open[i]->subject.id) != 0)
					continue;
				/* The first that is heard of it is the same finding, one revision on. */
				assert_string_equal(s.said[k]->id, open[i]->id);
				assert_int_equal(s.said[k]->revision, open[i]->revision + 1);
				assert_int_not_equal(s.said[k]->state, FINDING_OPEN);
				finding_free(&open[i]);
				open[i] = open[--n_open];
				open[n_open] = NULL;
				break;
			}
		for (size_t i = 0; i < n_open; i++)
			finding_free(&open[i]);
		scene_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_because_names_the_deeper_cause),
		cmocka_unit_test(test_flapping_is_one_finding),
		cmocka_unit_test(test_cooldown_reopens_the_same),
		cmocka_unit_test(test_the_subject_dies),
		cmocka_unit_test(test_affected_by_path_and_by_symptom),
		cmocka_unit_test(test_a_shadow_hides_nothing),
		cmocka_unit_test(test_simulated_and_visit),
		cmocka_unit_test(test_overflow_is_said),
		cmocka_unit_test(test_a_crash_loop_does_not_fill_the_roster),
	    cmocka_unit_test(test_order),
		cmocka_unit_test(test_restart_in_the_middle_keeps_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/compose.h"

#include <stdio.h>
#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"

static const char rules[] = HEAD
	"symptoms:\n"
	"  proc.died:\n"
	"    scope: process\n"
	"    title: \"{process.comm} died\"\n"
	"    when: count(proc.exit, 1m) >= 1\n"
	"    clear: { after: 10s }\n"
	"    severity: critical\n"
	"causes:\n"
	"  mem.oom:\n"
	"    title: \"{cgroup.oom.kill.victim_comm}[{cgroup.oom.kill.victim_pid}] was killed in {cgroup.key}\"\n"
	"    scope: cgroup\n"
	"    trigger: count(cgroup.oom.kill, 30s) >= 1\n"
	"    explains: [{ symptom: proc.died, via: cgroup <- process, within: [-1s, 30s] }]\n"
	"    requires: [{ id: oom, when: \"count(cgroup.oom.kill, 30s) >= 1\", show: \"{value} killed\" }]\n"
	"    supports:\n"
	"      - { id: burst, when: \"count(cgroup.oom.kill, 5s) >= 1\", weight: strong, show: \"{value} in 5 s\" }\n"
	"      - { id: big, when: \"cgroup.oom.kill.victim_rss > 1MiB\", weight: weak, show: \"it held {value}\" }\n"
	"    confidence: { prior: 0.6, report_at: 0.5, act_at: 0.99 }\n"
	"    severity: critical\n"
	"    remedy:\n"
	"      action: restart_workload\n"
	"      then: drain_node\n"
	"      escalate_if: \"count(finding('mem.oom'), 1h) >= 2\"\n"
	"      text: \"give {cgroup.key} more\"\n"
	"    emits: { event: MemcgOOM }\n"
	"    doc: https://example.org/oom\n"
	"    hold: { clear_after: 5s }\n"
	"  mem.leak:\n"
	"    title: leak\n"
	"    scope: cgroup\n"
	"    trigger: slope(cgroup.memory.current, 30s) > 1MiB\n"
	"    explains: [{ symptom: proc.died, via: cgroup <- process, within: [-1s, 30s] }]\n"
	"    requires: [{ id: grows, when: \"slope(cgroup.memory.current, 30s) > 1MiB\", show: \"{value}\" }]\n"
	"    confidence: { prior: 0.6, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { clear_after: 5s }\n";

static void kill_one(struct scene *s, entity_id cgroup)
{
	struct event *e = scene_event(s, "cgroup.oom.kill", cgroup, 0);

	batch_value_number(s->batch, e, 0, 4242);
	batch_value_text(s->batch, e, 1, "py");
	batch_value_number(s->batch, e, 2, 2 << 20);
}

static void test_a_cause(void **state)
{
	const struct finding_evidence *e;
	const struct finding *f;
	entity_id cgroup;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	batch_attr(s.batch, cgroup, "hierarchy", "v1");
	kill_one(&s, cgroup);
	scene_tick(&s, 250 * NS_PER_MS);
	f = scene_last(&s, "mem.oom");
	assert_string_equal(f->title, "py[4242] was killed in /a"); /* a pid has no thousands */
	assert_string_equal(f->doc, "https://example.org/oom");
	assert_string_equal(f->emit_event, "MemcgOOM");
	assert_string_equal(f->subject.attrs[0].name, "hierarchy");
	assert_false(f->remedy.act);
	assert_int_equal(f->remedy.action, REMEDY_RESTART_WORKLOAD);
	assert_int_equal(f->remedy.then, REMEDY_DRAIN_NODE);
	/* An event speaks of its own moment. */
	e = scene_evidence(f, "oom");
	assert_int_equal(e->from, SCENE_WALL);
	assert_int_equal(e->to, SCENE_WALL);
	assert_string_equal(e->role, "requires");
	assert_string_equal(scene_evidence(f, "big")->text, "it held 2 MiB");
	assert_int_equal(scene_evidence(f, "big")->unit, UNIT_BYTES);
	/* The rival that cannot be judged is not ruled out. */
	assert_int_equal(f->n_ruled_out, 0);
	assert_string_equal(f->cannot_tell[0].what, "mem.leak");
	assert_string_equal(f->cannot_tell[0].why, "too few samples in the window (cgroup.memory.current)");
	scene_close(&s);
}

/* Of two like faults one is on what a test made up; and a real fault that hit what a test made up. */
static void test_what_is_made_up_is_marked(void **state)
{
	entity_id real, fake, process;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	real = scene_entity(&s, ENTITY_CGROUP, "/a");
	batch_attr(s.batch, real, "simulated", "no");
	kill_one(&s, real);
	scene_tick(&s, NS_PER_S);
	assert_false(scene_last(&s, "mem.oom")->simulated);
	fake = scene_entity(&s, ENTITY_CGROUP, "/b");
	batch_attr(s.batch, fake, "simulated", "yes");
	kill_one(&s, fake);
	scene_tick(&s, NS_PER_S);
	assert_string_equal(scene_last(&s, "mem.oom")->subject.id, "/b");
	assert_true(scene_last(&s, "mem.oom")->simulated);
	scene_close(&s);

	scene_open(&s, rules, 0);
	real = scene_entity(&s, ENTITY_CGROUP, "/a");
	process = scene_entity(&s, ENTITY_PROCESS, "1/1");
	batch_attr(s.batch, process, "simulated", "yes");
	scene_link(&s, EDGE_IN, process, real);
	kill_one(&s, real);
	(void)scene_event(&s, "proc.exit", process, 0);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(scene_last(&s, "mem.oom")->n_explains, 1);
	assert_true(scene_last(&s, "mem.oom")->simulated);
	scene_close(&s);
}

static void test_what_was_said_stays(void **state)
{
	const struct finding *f;
	entity_id cgroup, process;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	process = scene_entity(&s, ENTITY_PROCESS, "1/1");
	scene_link(&s, EDGE_IN, process, cgroup);
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 10);
	assert_int_equal(s.n_said, 1); /* the burst has passed: that is no news */
	(void)scene_event(&s, "proc.exit", process, 0);
	scene_tick(&s, NS_PER_S);
	f = scene_last(&s, "mem.oom");
	assert_int_equal(f->revision, 2);
	assert_int_equal(f->n_explains, 1);
	assert_float_equal(f->confidence, s.said[0]->confidence, 1e-9);
	assert_string_equal(scene_evidence(f, "burst")->text, "1 in 5 s");
	assert_int_equal(scene_evidence(f, "burst")->to, SCENE_WALL);
	scene_close(&s);
}

static void test_escalation(void **state)
{
	entity_id cgroup;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 60);
	assert_int_equal(scene_last(&s, "mem.oom")->state, FINDING_RESOLVED);
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(scene_last(&s, "mem.oom")->state, FINDING_OPEN);
	assert_int_equal(scene_last(&s, "mem.oom")->remedy.action, REMEDY_DRAIN_NODE); /* the second time */
	assert_int_equal(scene_last(&s, "mem.oom")->remedy.then, REMEDY_NONE);
	scene_close(&s);
}

static void test_a_symptom(void **state)
{
	const struct finding *f;
	entity_id process;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	process = scene_entity(&s, ENTITY_PROCESS, "1/1");
	batch_attr(s.batch, process, "comm", "py");
	(void)scene_event(&s, "proc.exit", process, 0);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 4);
	f = scene_last(&s, "proc.died");
	assert_int_equal(f->kind, FINDING_SYMPTOM);
	assert_string_equal(f->title, "py died");
	assert_int_equal(f->n_evidence, 1);
	assert_string_equal(f->evidence[0].metric, "proc.exit");
	assert_string_equal(f->evidence[0].text, "count(proc.exit, 1m) >= 1");
	assert_int_equal(f->evidence[0].from, SCENE_WALL);
	scene_close(&s);
}

/* However much there is to say, a finding stays within its bounds, and what matters is not what is cut. */
static void test_bounds(void **state)
{
	const struct finding *f;
	char long_path[400];
	entity_id cgroup;
	struct scene s;

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = 0;
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, long_path);
	for (unsigned i = 0; i < 200; i++) {
		char key[16];
		entity_id process;

		snprintf(key, sizeof(key), "%u/1", i);
		process = scene_entity(&s, ENTITY_PROCESS, key);
		for (unsigned k = 0; k < 20; k++) {
			char name[16];

			snprintf(name, sizeof(name), "attr%u", k);
			batch_attr(s.batch, process, name, long_path);
		}
		scene_link(&s, EDGE_IN, process, cgroup);
		(void)scene_event(&s, "proc.exit", process, 0);
	}
	kill_one(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	f = scene_last(&s, "mem.oom");
	assert_int_equal(f->n_explains, FINDING_MAX_EXPLAINS);
	assert_int_equal(f->n_explains + f->more_explains, 200);
	assert_int_equal(f->n_affected, FINDING_MAX_AFFECTED);
	assert_non_null(f->remedy.text);
	assert_int_equal(scene_count(&s, "proc.died", FINDING_OPEN), 0);
	scene_wait(&s, 200);
	assert_int_equal(scene_count(&s, "proc.died", FINDING_OPEN), 0);
	scene_close(&s);
}

static const struct finding_unknown *doubt(const struct finding *f, const char *what)
{
	for (size_t i = 0; i < f->n_cannot_tell; i++)
		if (strcmp(f->cannot_tell[i].what, what) == 0)
			return &f->cannot_tell[i];
	return NULL;
}

static const char *attr_of(const struct finding_entity *e, const char *name)
{
	for (size_t i = 0; i < e->n_attrs; i++)
		if (strcmp(e->attrs[i].name, name) == 0)
			return e->attrs[i].value;
	return "";
}

static const struct finding_entity *affected(const struct finding *f, enum entity_kind kind)
{
	for (size_t i = 0; i < f->n_affected; i++)
		if (f->affected[i].kind == kind)
			return &f->affected[i];
	return NULL;
}

/* Whose process it is could not all be found out: the finding names who it can, and says what it cannot. */
static void test_who_cannot_be_told(void **state)
{
	static const char key[] = "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012";
	const struct finding *f;
	entity_id cgroup, container, process, rank, job;
	struct scene s;

	(void)state;
	scene_open(&s, rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/a");
	container = scene_entity(&s, ENTITY_CONTAINER, key);
	process = scene_entity(&s, ENTITY_PROCESS, "4242/7");
	rank = scene_entity(&s, ENTITY_RANK, "torchrun:llama/3");
	job = scene_entity(&s, ENTITY_JOB, "torchrun:llama");
	scene_link(&s, EDGE_IN, container, cgroup);
	scene_link(&s, EDGE_IN, process, cgroup);
	scene_link(&s, EDGE_OF, process, rank);
	scene_link(&s, EDGE_OF, rank, job);
	batch_attr(s.batch, container, "unresolved", "pod name: containerd has not answered for 12 s");
	batch_attr(s.batch, rank, "conflict", "rank: environment says 3, title says 2");
	batch_attr(s.batch, rank, "rank", "3");
	batch_attr(s.batch, job, "name", "pretraining");
	batch_attr(s.batch, process, "comm", "py");
	kill_one(&s, cgroup);
	(void)scene_event(&s, "proc.exit", process, 0);
	scene_tick(&s, 250 * NS_PER_MS);
	f = scene_last(&s, "mem.oom");
	assert_string_equal(attr_of(&f->subject, "container"), key);
	assert_string_equal(doubt(f, "pod name of container 3f4e5d6c7b8a")->why, "containerd has not answered for 12 s");
	assert_string_equal(doubt(f, "rank of rank 3 of torchrun:llama")->why, "environment says 3, title says 2");
	assert_string_equal(affected(f, ENTITY_RANK)->name, "rank 3 of torchrun:llama");
	assert_string_equal(attr_of(affected(f, ENTITY_RANK), "job_name"), "pretraining");
	assert_string_equal(attr_of(affected(f, ENTITY_JOB), "name"), "pretraining");
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_cannot_be_told),
		cmocka_unit_test(test_a_cause),	   cmocka_unit_test(test_what_is_made_up_is_marked),
		cmocka_unit_test(test_what_was_said_stays),
		cmocka_unit_test(test_escalation), cmocka_unit_test(test_a_symptom),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/rules/scene.h"
#include "tests/test.h"

#define HEAD "rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"

#define DIED \
	"symptoms:\n" \
	"  proc.died:\n" \
	"    scope: process\n" \
	"    when: count(proc.exit.signal in [6, 9, 11], 1m) >= 1\n" \
	"    clear: { after: 10s }\n" \
	"    severity: critical\n"

#define OOM(extra) \
	"  mem.oom:\n" \
	"    title: \"memory limit {cgroup.memory.limit} of {cgroup.key} reached\"\n" \
	"    scope: cgroup\n" \
	"    trigger: count(cgroup.oom.kill, 1m) >= 1\n" \
	"    explains: [{ symptom: proc.died, via: cgroup <- process, within: [-1s, 30s] }]\n" \
	"    requires:\n" \
	"      - { id: oom, when: \"count(cgroup.oom.kill, 1m) >= 1\", " \
	"show: \"killed {cgroup.oom.kill.victim_comm}\" }\n" \
	"    supports:\n" \
	"      - { id: full, when: \"cgroup.memory.current > 900B\", weight: strong, " \
	"show: \"{value} in use\" }\n" \
	"    refutes:\n" \
	"      - { id: node_oom, when: \"count(node.oom.kill, 1m) >= 1\", via: cgroup -> node, " \
	"weight: decisive, show: \"node-wide\" }\n" \
	"    confidence: { prior: 0.6, report_at: 0.5, act_at: 0.9 }\n" \
	"    severity: critical\n" \
	"    remedy: { action: fix_workload, auto: never, text: \"raise the limit of {cgroup.key}\", " \
	"check: [\"cat /sys{cgroup.key}/memory.max\"] }\n" \
	"    hold: { clear_after: 10s" extra " }\n"

static const char oom_rules[] = HEAD DIED "causes:\n" OOM("");

struct place {
	entity_id cgroup, process;
};

static struct place oom_place(struct scene *s)
{
	struct place p = {scene_entity(s, ENTITY_CGROUP, "/kube/a"), scene_entity(s, ENTITY_PROCESS, "42/7")};

	batch_attr(s->batch, p.process, "pid", "42");
	batch_attr(s->batch, p.process, "comm", "py");
	scene_link(s, EDGE_IN, p.process, p.cgroup);
	scene_sample(s, "cgroup.memory.limit", p.cgroup, 1024);
	scene_sample(s, "cgroup.memory.current", p.cgroup, 1000);
	scene_tick(s, NS_PER_S);
	return p;
}

static void oom_kill(struct scene *s, entity_id cgroup)
{
	struct event *e = scene_event(s, "cgroup.oom.kill", cgroup, 0);

	batch_value_number(s->batch, e, 0, 42);
	batch_value_text(s->batch, e, 1, "py");
}

static void died(struct scene *s, entity_id process)
{
	batch_value_number(s->batch, scene_event(s, "proc.exit", process, 0), 1, 9);
}

static void test_cause_explains_symptom(void **state)
{
	struct scene s;
	struct place p;
	const struct finding *f;

	(void)state;
	scene_open(&s, oom_rules, 0);
	p = oom_place(&s);
	assert_int_equal(s.n_said, 0);
	oom_kill(&s, p.cgroup);
	died(&s, p.process);
	scene_tick(&s, 100 * NS_PER_MS);
	assert_int_equal(s.n_said, 1);
	f = s.said[0];
	assert_string_equal(f->rule, "mem.oom");
	assert_int_equal(f->state, FINDING_OPEN);
	assert_int_equal(f->revision, 1);
	assert_string_equal(f->title, "memory limit 1 KiB of /kube/a reached");
	assert_string_equal(f->subject.id, "/kube/a");
	assert_int_equal(f->n_explains, 1);
	assert_string_equal(f->explains[0].symptom, "proc.died");
	assert_string_equal(f->explains[0].subject.id, "42/7");
	assert_string_equal(f->explains[0].finding, "");
	assert_int_equal(f->n_affected, 1);
	assert_float_equal(f->confidence, 0.917, 0.001);
	assert_float_equal(f->coverage, 1.0, 0.001);
	assert_true(f->remedy.act);
	assert_string_equal(f->remedy.text, "raise the limit of /kube/a");
	assert_string_equal(scene_evidence(f, "oom")->text, "killed py");
	assert_string_equal(scene_evidence(f, "full")->text, "1000 B in use");
	assert_float_equal(scene_evidence(f, "full")->observed, 1000, 0);
	assert_string_equal(scene_evidence(f, "full")->expected, "> 900B");
	assert_string_equal(scene_evidence(f, "full")->source, "test");
	assert_int_equal(f->n_ruled_out, 1);
	assert_string_equal(f->ruled_out[0].rule, "node_oom");
	assert_int_equal(f->opened_at, SCENE_WALL + NS_PER_S);
	/* The symptom clears in its time; the cause clears once its minute and its ten seconds are over. */
	scene_wait(&s, 80);
	assert_int_equal(scene_count(&s, "proc.died", FINDING_OPEN), 0);
	assert_int_equal(scene_count(&s, "mem.oom", FINDING_RESOLVED), 1);
	f = scene_last(&s, "mem.oom");
	assert_string_equal(f->resolved_reason, "cleared");
	assert_string_equal(f->id, s.said[0]->id);
	assert_int_equal(f->revision, 2);
	assert_int_equal(s.n_said, 2);
	scene_close(&s);
}

/* A tenant names the cgroup, root pastes the command. */
static void test_a_name_cannot_become_a_command(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, oom_rules, 0);
	oom_kill(&s, scene_entity(&s, ENTITY_CGROUP, "/a;$(reboot)`x`'\"|&> -rf\n/\xc3\xa9/b-1.scope"));
	scene_tick(&s, NS_PER_S);
	assert_int_equal(s.n_said, 1);
	assert_int_equal(s.said[0]->remedy.n_check, 1);
	assert_string_equal(s.said[0]->remedy.check[0],
			    "cat /sys/a" "?" "?" "?" "reboot" "?" "?" "x" "?" "?" "?" "?" "?" "?" "?" "-rf"
			    "?x0A/" "?" "?" "/b-1.scope/memory.max");
	scene_close(&s);
}

static void test_unexplained_symptom_waits_then_yields(void **state)
{
	struct scene s;
	struct place p;

	(void)state;
	scene_open(&s, oom_rules, 0);
	p = oom_place(&s);
	died(&s, p.process);
	scene_tick(&s, 100 * NS_PER_MS);
	scene_wait(&s, 2);
	assert_int_equal(s.n_said, 0);
	scene_wait(&s, 1);
	assert_int_equal(s.n_said, 1);
	assert_string_equal(s.said[0]->rule, "proc.died");
	assert_int_equal(s.said[0]->kind, FINDING_SYMPTOM);
	/* The cause comes to light half a second after the symptom was published, and it happened within the lead. */
	batch_value_text(s.batch,
			 batch_event(s.batch, metrics_find(s.pack.metrics, "cgroup.oom.kill"), p.cgroup,
				     SCENE_START + NS_PER_S, SEVERITY_INFO, 0),
			 1, "py");
	scene_tick(&s, 500 * NS_PER_MS);
	assert_int_equal(s.n_said, 3);
	assert_string_equal(s.said[1]->rule, "mem.oom");
	assert_string_equal(s.said[1]->explains[0].finding, s.said[0]->id);
	assert_int_equal(s.said[2]->state, FINDING_RESOLVED);
	assert_non_null(strstr(s.said[2]->resolved_reason, s.said[1]->id));
	scene_wait(&s, 100);
	assert_int_equal(scene_count(&s, "proc.died", FINDING_OPEN), 1);
	scene_close(&s);
}

static void test_veto(void **state)
{
	struct scene s;
	struct place p;

	(void)state;
	scene_open(&s, oom_rules, 0);
	p = oom_place(&s);
	oom_kill(&s, p.cgroup);
	(void)scene_event(&s, "node.oom.kill", graph_node(s.graph), 0);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 3);
	assert_null(scene_last(&s, "mem.oom"));
	scene_close(&s);
}

static void test_storm_is_one_finding(void **state)
{
	struct scene s;
	struct place p;

	(void)state;
	scene_open(&s, oom_rules, 0);
	p = oom_place(&s);
	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < 5; k++)
			oom_kill(&s, p.cgroup);
		scene_tick(&s, 100 * NS_PER_MS);
	}
	/* Opened with 5, said again at 10 and at 100. */
	assert_int_equal(scene_count(&s, "mem.oom", FINDING_OPEN), 1);
	assert_int_equal(s.n_said, 3);
	assert_int_equal(s.said[1]->count, 10);
	assert_int_equal(s.said[2]->count, 100);
	scene_wait(&s, 100);
	assert_int_equal(scene_last(&s, "mem.oom")->count, 250);
	scene_close(&s);
}

static void test_missing_support_is_said(void **state)
{
	struct scene s;
	entity_id cgroup;
	const struct finding *f;

	(void)state;
	scene_open(&s, oom_rules, 0);
	cgroup = scene_entity(&s, ENTITY_CGROUP, "/b");
	oom_kill(&s, cgroup);
	scene_tick(&s, NS_PER_S);
	f = scene_last(&s, "mem.oom");
	assert_non_null(f);
	assert_float_equal(f->confidence, 0.6, 0.001);
	assert_float_equal(f->coverage, (2.0 + 4) / (2 + 2 + 4), 0.001);
	assert_int_equal(f->n_cannot_tell, 1);
	assert_string_equal(f->cannot_tell[0].what, "full");
	assert_string_equal(f->cannot_tell[0].why, "no fresh sample (cgroup.memory.current)");
	assert_string_equal(f->title, "memory limit ? of /b reached");
	/* The reading arrives: more confidence is news, and is said once. */
	scene_forget(&s);
	scene_sample(&s, "cgroup.memory.current", cgroup, 1000);
	scene_tick(&s, NS_PER_S);
	scene_wait(&s, 3);
	assert_int_equal(s.n_said, 1);
	assert_int_equal(s.said[0]->state, FINDING_UPDATED);
	assert_float_equal(s.said[0]->confidence, 0.917, 0.001);
	scene_close(&s);
}

static const char level_rules[] = HEAD
	"symptoms:\n"
	"  gpu.starved:\n"
	"    scope: gpu\n"
	"    when: avg(gpu.sm_active, 10s) < 0.3\n"
	"    clear: { when: \"avg(gpu.sm_active, 10s) > 0.5\", after: 5s }\n"
	"    severity: warning\n"
	"causes:\n"
	"  cpu.throttled:\n"
	"    title: \"throttled\"\n"
	"    scope: cgroup\n"
	"    trigger: ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 10s) > 0.2\n"
	"    explains: [{ symptom: gpu.starved, via: cgroup <- process -> gpu, within: [-30s, 30s] }]\n"
	"    requires: [{ id: throttled, when: \"ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, "
	"10s) > 0.2\", show: \"{value} of periods\" }]\n"
	"    explained_away_by: [gpu.hot]\n"
	"    confidence: { prior: 0.6, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { for: 5s, clear_after: 5s }\n"
	"  gpu.hot:\n"
	"    title: \"GPU at {gpu.temperature}\"\n"
	"    scope: gpu\n"
	"    trigger: gpu.temperature > 90\n"
	"    explains: [{ symptom: gpu.starved, within: [-30s, 30s] }]\n"
	"    requires: [{ id: hot, when: \"gpu.temperature > 90\", show: \"{value}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 5s }\n";

struct starved {
	entity_id cgroup, gpu, process;
	double periods, throttled;
};

static struct starved starved_place(struct scene *s)
{
	struct starved p = {.cgroup = scene_entity(s, ENTITY_CGROUP, "/t"),
			    .gpu = scene_entity(s, ENTITY_GPU, "0000:01:00.0"),
			    .process = scene_entity(s, ENTITY_PROCESS, "5/5")};

	scene_link(s, EDGE_IN, p.process, p.cgroup);
	scene_link(s, EDGE_USES, p.process, p.gpu);
	return p;
}

static void starved_tick(struct scene *s, struct starved *p, double throttled, double active, double celsius)
{
	p->periods += 10;
	p->throttled += throttled;
	scene_sample(s, "cgroup.cpu.periods", p->cgroup, p->periods);
	scene_sample(s, "cgroup.cpu.throttled_periods", p->cgroup, p->throttled);
	scene_sample(s, "gpu.sm_active", p->gpu, active);
	scene_sample(s, "gpu.temperature", p->gpu, celsius);
	scene_tick(s, NS_PER_S);
}

static void test_levels_pending_and_yield(void **state)
{
	struct scene s;
	struct starved p;
	const struct finding *f;

	(void)state;
	scene_open(&s, level_rules, 0);
	p = starved_place(&s);
	for (unsigned i = 0; i < 12; i++)
		starved_tick(&s, &p, 0, 0.9, 50);
	assert_int_equal(s.n_said, 0);
	for (unsigned i = 0; i < 20; i++)
		starved_tick(&s, &p, 8, 0.1, 50);
	/* One finding: the symptom waited for the pending cause. */
	assert_int_equal(s.n_said, 1);
	f = s.said[0];
	assert_string_equal(f->rule, "cpu.throttled");
	assert_int_equal(f->n_explains, 1);
	assert_string_equal(f->explains[0].subject.id, "0000:01:00.0");
	assert_int_equal(f->n_ruled_out, 1);
	assert_string_equal(f->ruled_out[0].rule, "gpu.hot");
	/* The GPU turns out to be hot: more believed, so the other yields and names it. */
	scene_forget(&s);
	starved_tick(&s, &p, 8, 0.1, 95);
	assert_int_equal(s.n_said, 2);
	assert_string_equal(s.said[0]->rule, "cpu.throttled");
	assert_int_equal(s.said[0]->state, FINDING_RESOLVED);
	assert_non_null(strstr(s.said[0]->resolved_reason, s.said[1]->id));
	assert_string_equal(s.said[1]->rule, "gpu.hot");
	assert_string_equal(s.said[1]->title, "GPU at 95 °C");
	assert_int_equal(s.said[1]->n_explains, 1);
	/* All is well again. */
	for (unsigned i = 0; i < 40; i++)
		starved_tick(&s, &p, 0, 0.9, 50);
	assert_string_equal(scene_last(&s, "gpu.hot")->resolved_reason, "cleared");
	assert_null(scene_last(&s, "gpu.starved"));
	scene_close(&s);
}

static void test_warm_up(void **state)
{
	struct scene s;
	struct starved p;

	(void)state;
	scene_open(&s, level_rules, 10);
	p = starved_place(&s);
	for (unsigned i = 0; i < 10; i++) {
		starved_tick(&s, &p, 0, 0.9, 95);
		assert_false(engine_evaluated(s.engine));
	}
	assert_int_equal(s.n_said, 0);
	starved_tick(&s, &p, 0, 0.9, 95);
	assert_true(engine_evaluated(s.engine));
	assert_int_equal(scene_count(&s, "gpu.hot", FINDING_OPEN), 1);
	/* It began when the condition began. */
	assert_int_equal(s.said[0]->opened_at, SCENE_WALL);
	scene_close(&s);
}

static void test_without_rules_nothing_is_ever_evaluated(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, "rules: why/v1\npack: { name: bare, version: 1.0.0 }\n", 0);
	for (unsigned i = 0; i < 5; i++)
		scene_tick(&s, NS_PER_S);
	assert_false(engine_evaluated(s.engine));
	scene_close(&s);
}

static void test_events_are_judged_while_warming_up(void **state)
{
	struct scene s;
	struct place p;

	(void)state;
	scene_open(&s, oom_rules, 60);
	p = oom_place(&s);
	oom_kill(&s, p.cgroup);
	scene_tick(&s, NS_PER_S);
	assert_int_equal(scene_count(&s, "mem.oom", FINDING_OPEN), 1);
	assert_false(engine_evaluated(s.engine));
	scene_close(&s);
}

static void test_same_reading_twice_in_time_goes_back(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s, oom_rules, 0);
	scene_tick(&s, NS_PER_S);
	assert_err(engine_tick(s.engine, s.batch, s.now - 1, SCENE_WALL, NULL, NULL), EINVAL);
	assert_ok(engine_tick(s.engine, s.batch, s.now, SCENE_WALL, NULL, NULL));
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cause_explains_symptom),
		cmocka_unit_test(test_a_name_cannot_become_a_command),
		cmocka_unit_test(test_unexplained_symptom_waits_then_yields),
		cmocka_unit_test(test_veto),
		cmocka_unit_test(test_storm_is_one_finding),
		cmocka_unit_test(test_missing_support_is_said),
		cmocka_unit_test(test_levels_pending_and_yield),
		cmocka_unit_test(test_warm_up),
		cmocka_unit_test(test_without_rules_nothing_is_ever_evaluated),
		cmocka_unit_test(test_events_are_judged_while_warming_up),
		cmocka_unit_test(test_same_reading_twice_in_time_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

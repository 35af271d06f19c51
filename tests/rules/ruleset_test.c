// SPDX-License-Identifier: Apache-2.0
#include "rules/ruleset.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rules/machine.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

static const char good[] =
	"rules: why/v1\n"
	"pack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"
	"params:\n"
	"  throttled: { type: ratio, default: 0.2, min: 0, max: 1 }\n"
	"symptoms:\n"
	"  proc.died:\n"
	"    scope: process\n"
	"    match: process.comm != 'sh'\n"
	"    when: count(proc.exit.signal in [6, 9, 11], 1m) >= 1\n"
	"    clear: { after: 2m }\n"
	"    severity: critical\n"
	"causes:\n"
	"  mem.cgroup_oom:\n"
	"    title: \"memory limit {cgroup.memory.limit} of {cgroup.path} reached\"\n"
	"    scope: cgroup\n"
	"    trigger: count(cgroup.oom.kill, 1m) >= 1\n"
	"    explains: [{ symptom: proc.died, via: cgroup <- process, within: [-1s, 30s] }]\n"
	"    requires:\n"
	"      - { id: oom, when: \"count(cgroup.oom.kill, 1m) >= 1\", show: \"killed {cgroup.oom.kill.victim_comm}[{cgroup.oom.kill.victim_pid}], {value} kill\" }\n"
	"    supports:\n"
	"      - { id: waiters, when: \"count_entities(process, proc.state.blocked_time > 5s) >= 2\", via: cgroup <- process, weight: strong }\n"
	"    refutes:\n"
	"      - { id: node, when: \"count(node.oom.kill, 1m) >= 1\", via: cgroup -> node, weight: decisive, show: \"node-wide\" }\n"
	"    affects: [cgroup <- process]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 2m, cooldown: 1m }\n"
	"    remedy: { action: fix_workload, auto: never, text: \"raise it\", check: [\"cat /sys/fs/cgroup{cgroup.path}/memory.max\"] }\n"
	"    emits: { event: MemcgOOM, codes: [OOM] }\n";

static void test_load_a_pack(void **state)
{
	struct pack p;
	const struct cause_rule *c;
	uint32_t at;

	(void)state;
	pack_open(&p);
	pack_load(&p, good);
	pack_expect(&p, "W102@4:3");
	assert_int_equal(p.ruleset->n_symptoms, 1);
	c = ruleset_cause(p.ruleset, "mem.cgroup_oom");
	assert_non_null(c);
	assert_int_equal(c->scope, ENTITY_CGROUP);
	assert_int_equal(c->explains[0].symptom_index, 0);
	assert_int_equal(c->explains[0].lead_ns, NS_PER_S);
	assert_int_equal(c->explains[0].lag_ns, 30 * NS_PER_S);
	assert_string_equal(c->requires[0].expected, ">= 1");
	assert_int_equal(c->requires[0].window_ns, 60 * NS_PER_S);
	assert_string_equal(metrics_at(p.metrics, c->requires[0].observe_metric)->name, "cgroup.oom.kill");
	assert_int_equal(c->supports[0].via.n_steps, 0);
	assert_int_equal(c->refutes[0].weight, WEIGHT_DECISIVE);
	assert_int_equal(c->hold.clear_after_ns, 120 * NS_PER_S);
	assert_int_equal(c->title.n_parts, 5);
	assert_int_equal(c->title.parts[1].unit, UNIT_BYTES);
	assert_ok(machine_verify(p.ruleset, p.metrics, &at));
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_a_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

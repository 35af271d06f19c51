// SPDX-License-Identifier: Apache-2.0
#include "rules/ruleset.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/version.h"
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
	"      - { id: oom, when: \"count(cgroup.oom.kill, 1m) >= 1\", show: \"killed "
	"{cgroup.oom.kill.victim_comm}[{cgroup.oom.kill.victim_pid}], {value} kill\" }\n"
	"    supports:\n"
	"      - { id: waiters, when: \"count_entities(process, proc.state.blocked_time > 5s) >= 2\", via: "
	"cgroup <- process, weight: strong }\n"
	"    refutes:\n"
	"      - { id: node, when: \"count(node.oom.kill, 1m) >= 1\", via: cgroup -> node, weight: decisive, "
	"show: \"node-wide\" }\n"
	"    affects: [cgroup <- process]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 2m, cooldown: 1m }\n"
	"    remedy: { action: fix_workload, auto: never, text: \"raise it\", check: [\"cat "
	"/sys/fs/cgroup{cgroup.path}/memory.max\"] }\n"
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

#define HEAD "rules: why/v1\npack: { name: t }\n"
#define RULE(id, when, more) \
	"  " id ":\n    title: x\n    scope: node\n    trigger: " when "\n    requires: [{ id: r, when: \"" \
	when "\" }]\n    hold: { clear_after: 1m }\n" more

static void test_a_bad_rule_is_rejected_alone(void **state)
{
	struct pack p;

	(void)state;
	pack_open(&p);
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", "") RULE("b.b",
											 "node.cpu.idl_ratio > 0.1", "")
		  RULE("c.c", "node.cpu.idle_ratio > 0.3", ""));
	pack_expect(&p, "E203@13:14 E203@14:32");
	assert_string_equal(diags_at(p.diags, 0)->rule, "b.b");
	assert_int_equal(p.ruleset->n_rejected, 1);
	assert_non_null(ruleset_cause(p.ruleset, "a.a"));
	assert_null(ruleset_cause(p.ruleset, "b.b"));
	assert_non_null(ruleset_cause(p.ruleset, "c.c"));
	pack_close(&p);
}

static void test_the_last_good_version_is_kept(void **state)
{
	struct pack p;
	char first[DIGEST_HEX_MAX];

	(void)state;
	pack_open(&p);
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", "") RULE("b.b",
											 "node.cpu.idle_ratio > 0.2",
											 ""));
	pack_expect(&p, "");
	memcpy(first, ruleset_cause(p.ruleset, "b.b")->digest, sizeof(first));
	/* b.b breaks, a.a changes: twice, so that a kept rule can be kept again */
	for (unsigned i = 0; i < 2; i++) {
		pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.5", "") RULE("b.b", "nonsense >",
												 ""));
		assert_true(diags_count(p.diags, DIAG_ERROR) > 0);
		assert_false(ruleset_cause(p.ruleset, "a.a")->kept);
		assert_true(ruleset_cause(p.ruleset, "b.b")->kept);
		assert_string_equal(ruleset_cause(p.ruleset, "b.b")->digest, first);
		assert_string_equal(ruleset_cause(p.ruleset, "b.b")->requires[0].expected, "> 0.2");
	}
	/* a rule that is taken out is gone */
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.5", ""));
	pack_expect(&p, "");
	assert_null(ruleset_cause(p.ruleset, "b.b"));
	pack_close(&p);
}

static void test_a_file_that_is_broken_keeps_all_its_rules(void **state)
{
	struct pack p;

	(void)state;
	pack_open(&p);
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1",
					    "") "override:\n  a.a: { mode: shadow }\n");
	pack_expect(&p, "");
	pack_load(&p, "rules: why/v1\ncauses: {\n");
	assert_int_equal(diags_count(p.diags, DIAG_ERROR), 1);
	assert_true(ruleset_cause(p.ruleset, "a.a")->kept);
	assert_int_equal(ruleset_cause(p.ruleset, "a.a")->mode, RULE_SHADOW); /* its overrides as well */
	assert_int_equal(p.ruleset->n_rejected, 1);
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", ""));
	assert_false(ruleset_cause(p.ruleset, "a.a")->kept);
	assert_int_equal(ruleset_cause(p.ruleset, "a.a")->mode, RULE_ENABLED);
	pack_close(&p);
}

static double param_of(const struct ruleset *rs, const struct cause_rule *c)
{
	const struct program *p = &rs->programs[c->trigger];

	for (uint32_t i = 0; i < p->n_code; i++)
		if (p->code[i].op == OP_PARAM)
			return rs->params[p->code[i].a].number;
	return -1;
}

static void test_overrides_of_another_file(void **state)
{
	static const char pack[] =
		HEAD "params: { low: { type: ratio, default: 10%, min: 0, max: 1 } }\ncauses:\n" RULE("a.a",
				"node.cpu.idle_ratio < param.low", "")
		RULE("b.b", "node.cpu.idle_ratio < param.low", "");
	static const char local[] =
		"rules: why/v1\noverride:\n  a.a:\n    mode: shadow\n    severity: info\n    params: { low: 35% }\n"
				    "    except:\n      - { match: \"node.key == 'ci'\", reason: on purpose, "
				    "owner: platform, until: 2027-03-31 }\n";
	static const char bad[] =
		"rules: why/v1\noverride:\n  a.a: { mode: shadow, params: { low: 7 }, severity: fatal }\n";
	struct rules_source sources[] = { { "p.why.yaml", pack, sizeof(pack) - 1 },
					  { "z.why.yaml", local, sizeof(local) - 1 } };
	struct pack p;
	const struct cause_rule *c;
	char before[DIGEST_HEX_MAX];

	(void)state;
	pack_open(&p);
	pack_load_n(&p, sources, 1);
	memcpy(before, p.ruleset->digest, sizeof(before));
	pack_load_n(&p, sources, 2);
	pack_expect(&p, "");
	c = ruleset_cause(p.ruleset, "a.a");
	assert_int_equal(c->mode, RULE_SHADOW);
	assert_int_equal(c->severity, SEVERITY_INFO);
	assert_true(param_of(p.ruleset, c) == 0.35);
	assert_string_equal(c->requires[0].expected, "< 35%");
	assert_int_equal(c->n_exceptions, 1);
	assert_string_equal(c->exceptions[0].owner, "platform");
	assert_true(c->exceptions[0].until == 1806537600ULL * NS_PER_S); /* the end of that day: 2027-04-01 */
	assert_true(param_of(p.ruleset, ruleset_cause(p.ruleset, "b.b")) == 0.1); /* one rule only */
	assert_string_not_equal(p.ruleset->digest, before);
	/* a wrong override is told, and what is right of it applies */
	sources[1] = (struct rules_source){ "z.why.yaml", bad, sizeof(bad) - 1 };
	pack_load_n(&p, sources, 2);
	pack_expect(&p, "E129@3:39 E124@3:54");
	c = ruleset_cause(p.ruleset, "a.a");
	assert_int_equal(c->mode, RULE_SHADOW);
	assert_true(param_of(p.ruleset, c) == 0.1);
	assert_int_equal(p.ruleset->n_rejected, 0);
	pack_close(&p);
}

static void test_digests_tell_what_changed(void **state)
{
	struct pack p;
	char a[DIGEST_HEX_MAX], b[DIGEST_HEX_MAX];

	(void)state;
	pack_open(&p);
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", "") RULE("b.b",
											 "node.cpu.idle_ratio > 0.2",
											 ""));
	memcpy(a, ruleset_cause(p.ruleset, "a.a")->digest, sizeof(a));
	memcpy(b, ruleset_cause(p.ruleset, "b.b")->digest, sizeof(b));
	pack_load(&p, "# a remark\n" HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", "") RULE("b.b",
			"node.cpu.idle_ratio > 0.3", ""));
	assert_string_equal(ruleset_cause(p.ruleset, "a.a")->digest, a);
	assert_string_not_equal(ruleset_cause(p.ruleset, "b.b")->digest, b);
	pack_close(&p);
}

static void test_rate_distributes_over_sums(void **state)
{
	static const enum opcode expected[] = { OP_RATE, OP_RATE, OP_NUMBER, OP_MULTIPLY, OP_ADD, OP_NUMBER,
						OP_GREATER };
	struct pack p;
	const struct program *program;

	(void)state;
	pack_open(&p);
	pack_load(&p,
			HEAD "symptoms:\n  s.s:\n    scope: cgroup\n"
			     "    when: rate(cgroup.cpu.periods + cgroup.cpu.throttled_periods * 2, 1m) > 1\n");
	pack_expect(&p, "");
	program = &p.ruleset->programs[p.ruleset->symptoms[0].when];
	assert_int_equal(program->n_code, ARRAY_LEN(expected));
	for (uint32_t i = 0; i < program->n_code; i++)
		assert_int_equal(program->code[i].op, expected[i]);
	assert_int_equal(program->n_metrics, 2);
	/* a rate of nanoseconds is seconds a second */
	pack_load(&p,
		  HEAD "symptoms:\n  s.s:\n    scope: cgroup\n    when: rate(cgroup.cpu.throttled_time, 1m) > 20%\n");
	pack_expect(&p, "");
	program = &p.ruleset->programs[p.ruleset->symptoms[0].when];
	assert_true(program->code[1].op == OP_NUMBER && program->code[1].number == 1e9 &&
		    program->code[2].op == OP_DIVIDE);
	assert_int_equal(p.ruleset->n_demands, 1);
	assert_int_equal(p.ruleset->demands[0].window_ns, 60 * NS_PER_S);
	pack_close(&p);
}

static void test_links_between_packs(void **state)
{
	struct pack p;
	const struct cause_rule *c;

	(void)state;
	pack_open(&p);
	/* b.b comes back to a.a over c.c: the last written rule of the cycle goes, the others stay */
	pack_load(&p, HEAD "causes:\n" RULE("a.a", "node.cpu.idle_ratio > 0.1", "    because: [b.b]\n") RULE("b.b",
			"node.cpu.idle_ratio > 0.1", "    because: [c.c]\n")
		  RULE("c.c", "node.cpu.idle_ratio > 0.1", "    because: [a.a]\n"));
	assert_string_equal(diags_at(p.diags, 0)->code, "E311");
	assert_string_equal(diags_at(p.diags, 0)->rule, "c.c");
	assert_null(ruleset_cause(p.ruleset, "c.c"));
	c = ruleset_cause(p.ruleset, "a.a");
	assert_int_equal(c->n_because, 1);
	assert_string_equal(c->because[0], "b.b");
	pack_close(&p);
}

/* States by name, ratios by percent, sizes with units: what is compared is a number all the same. */
static void test_literals_in_programs(void **state)
{
	static const struct {
		const char *scope, *when;
		double number;
	} cases[] = {
		{ "nic", "nic.link == 'up'", 1 },
		{ "nic", "nic.link in ['down']", 0 },
		{ "cgroup", "cgroup.memory.current > 512MiB", 536870912. },
		{ "node", "node.cpu.idle_ratio < 20%", 0.2 },
		{ "process", "proc.state.blocked_time > 1m30s", 90e9 },
		{ "gpu", "gpu.temperature > 85", 85 },
	};
	struct pack p;

	(void)state;
	pack_open(&p);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		const struct program *program;

		(void)snprintf(text, sizeof(text), HEAD "symptoms:\n  s.s:\n    scope: %s\n    when: %s\n",
			       cases[i].scope, cases[i].when);
		pack_load(&p, text);
		pack_expect(&p, "");
		program = &p.ruleset->programs[p.ruleset->symptoms[0].when];
		assert_int_equal(program->code[1].op, OP_NUMBER);
		assert_true(program->code[1].number == cases[i].number);
	}
	pack_close(&p);
}

#define NEEDS(version) \
	"rules: why/v1\npack: { name: t, requires_agent: \"" version "\" }\nsymptoms:\n" \
	"  a.b:\n    scope: node\n    when: node.cpu.idle_ratio > 0.1\n"

/* Nothing of a pack for a newer agent is used; what was in force from that file stays. */
static void test_a_pack_for_a_newer_agent(void **state)
{
	struct pack p;

	(void)state;
	pack_open(&p);
	pack_load(&p, NEEDS(">=99.0"));
	assert_int_equal(p.ruleset->n_symptoms, 0);
	assert_int_equal(p.ruleset->n_rejected, 1);
	assert_string_equal(diags_at(p.diags, 0)->code, "E132");
	assert_non_null(strstr(diags_at(p.diags, 0)->message, "needs whyd 99.0 or newer, this is " WHY_VERSION));
	pack_load(&p, NEEDS(">= " WHY_VERSION));
	pack_expect(&p, "");
	assert_int_equal(p.ruleset->n_symptoms, 1);
	assert_false(p.ruleset->symptoms[0].kept);
	pack_load(&p, NEEDS(">=0.1000"));
	assert_int_equal(p.ruleset->n_symptoms, 1);
	assert_true(p.ruleset->symptoms[0].kept);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_rule_is_rejected_alone),
		cmocka_unit_test(test_the_last_good_version_is_kept),
		cmocka_unit_test(test_a_file_that_is_broken_keeps_all_its_rules),
		cmocka_unit_test(test_overrides_of_another_file),
		cmocka_unit_test(test_digests_tell_what_changed),
		cmocka_unit_test(test_rate_distributes_over_sums),
		cmocka_unit_test(test_links_between_packs),
		cmocka_unit_test(test_literals_in_programs),
		cmocka_unit_test(test_load_a_pack),
		cmocka_unit_test(test_a_pack_for_a_newer_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/wake.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/gate.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define N_CGROUPS  3
#define N_TRIGGERS ARRAY_LEN(triggers)

/* Shapes of conditions, each the trigger of a rule. */
static const struct {
	const char *scope, *when;
} triggers[] = {
	{"cgroup", "cgroup.memory.current > 600B"},
	{"cgroup", "avg(cgroup.memory.current, 10s) > 600B"},
	{"cgroup", "600B < max(cgroup.memory.current, 8s)"},
	{"cgroup", "min(cgroup.memory.current, 5s) > 300B"},
	{"cgroup", "avg(cgroup.psi.memory.full_ratio, 10s) < 0.3"},
	{"cgroup", "p95(cgroup.psi.memory.full_ratio, 20s) >= 0.8"},
	{"cgroup", "ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 10s) > 0.3"},
	{"cgroup", "rate(cgroup.cpu.throttled_periods, 10s) > 3"},
	{"cgroup", "increase(cgroup.cpu.throttled_periods, 10s) < 2"},
	{"cgroup", "cgroup.memory.current / cgroup.memory.limit > 0.9"},
	{"cgroup", "slope(cgroup.memory.current, 10s) > 20B"},
	{"cgroup", "cgroup.memory.current > 500B && node.cpu.idle_ratio > 0.7"},
	{"cgroup", "cgroup.memory.current > 900B || avg(node.cpu.idle_ratio, 5s) > 0.8"},
	{"cgroup", "!(cgroup.memory.current > 300B)"},
	{"cgroup", "changed(cgroup.memory.limit, 10s)"},
	{"cgroup",
	 "avg(cgroup.psi.memory.full_ratio, 10s) > 0.5 && (cgroup.memory.current > 700B || cgroup.memory.current < 200B)"},
	{"cgroup", "cgroup.memory.current == 512B"},
	{"cgroup", "count(cgroup.oom.kill.victim_pid > 50, 5s) >= 2"},
	{"cgroup", "count(cgroup.oom.kill, 5s) >= 1 && cgroup.memory.current > 500B"},
	{"node", "count_entities(cgroup, cgroup.memory.current > 800B, 'node <- cgroup') >= 2"},
	{"node", "node.cpu.idle_ratio < 0.2"},
	{"process", "cgroup.memory.current > 700B"},
};

struct stage {
	struct pack pack;
	struct graph *graph;
	struct batch *batch;
	struct series_store *series;
	struct machine m;
	struct wake *wake;
	entity_id cgroups[N_CGROUPS], process;
	double throttled[N_CGROUPS], periods[N_CGROUPS], limit[N_CGROUPS], current[N_CGROUPS];
	uint64_t random;
};

static uint32_t pick(struct stage *s, uint32_t n)
{
	s->random = s->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((s->random >> 33) % n);
}

static void stage_open(struct stage *s, const char *rules, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->random = seed;
	pack_open(&s->pack);
	pack_load(&s->pack, rules);
	if (diags_count(s->pack.diags, DIAG_ERROR) > 0)
		pack_expect(&s->pack, "no errors");
	assert_ok(graph_new(64, "n1", &s->graph));
	assert_ok(batch_new(s->graph, 256, 64, 64, &s->batch));
	assert_ok(series_store_new(256, 4 << 20, s->pack.metrics, &s->series));
	for (uint32_t i = 0; i < s->pack.ruleset->n_demands; i++)
		assert_ok(series_demand(s->series, s->pack.ruleset->demands[i].metric,
					s->pack.ruleset->demands[i].window_ns, NS_PER_S));
	s->m = (struct machine){.ruleset = s->pack.ruleset,
				.metrics = s->pack.metrics,
				.graph = s->graph,
				.series = s->series,
				.fresh_ns = 90 * NS_PER_S};
	assert_ok(wake_new(s->pack.ruleset, s->pack.metrics, 256, 90 * NS_PER_S, &s->wake));
	batch_reset(s->batch, NS_PER_S);
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		char key[8];

		snprintf(key, sizeof(key), "/%u", i);
		s->cgroups[i] = batch_entity(s->batch, ENTITY_CGROUP, key);
		s->limit[i] = 1000;
	}
	s->process = batch_entity(s->batch, ENTITY_PROCESS, "1/1");
	batch_link(s->batch, EDGE_IN, s->process, s->cgroups[0]);
}

static void stage_close(struct stage *s)
{
	wake_free(&s->wake);
	series_store_free(&s->series);
	batch_free(&s->batch);
	graph_free(&s->graph);
	pack_close(&s->pack);
}

static void put(struct stage *s, const char *metric, entity_id id, double value)
{
	batch_sample(s->batch, metrics_find(s->pack.metrics, metric), id, value);
}

/* Values stay for a while and then jump, so that both quiet and change are met. */
static void random_tick(struct stage *s, mono_ns_t now)
{
	batch_reset(s->batch, now);
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		if (pick(s, 8) == 0)
			s->current[i] = pick(s, 5) == 0 ? 512 : pick(s, 1000);
		if (pick(s, 30) == 0)
			s->limit[i] = 500 + pick(s, 1000);
		s->periods[i] += 10;
		if ((now / (20 * NS_PER_S) + i) % 3 == 0)
			s->throttled[i] += pick(s, 10);
		put(s, "cgroup.memory.current", s->cgroups[i], s->current[i]);
		put(s, "cgroup.memory.limit", s->cgroups[i], s->limit[i]);
		put(s, "cgroup.cpu.periods", s->cgroups[i], s->periods[i]);
		put(s, "cgroup.cpu.throttled_periods", s->cgroups[i], s->throttled[i]);
		if (pick(s, 4) > 0)
			put(s, "cgroup.psi.memory.full_ratio", s->cgroups[i],
			    (now / (15 * NS_PER_S)) % 2 ? 0.9 : pick(s, 100) / 300.0);
		if (pick(s, 6) == 0)
			batch_value_number(s->batch,
					   batch_event(s->batch, metrics_find(s->pack.metrics, "cgroup.oom.kill"),
						       s->cgroups[i], now, SEVERITY_INFO, 0),
					   0, pick(s, 100));
	}
	put(s, "node.cpu.idle_ratio", graph_node(s->graph), (now / (25 * NS_PER_S)) % 2 ? 0.95 : pick(s, 100) / 100.0);
	series_put_batch(s->series, s->batch);
	s->m.now = now;
}

/* The promise of the gates: what is true is looked at within the pace, however it came to be true. */
static void test_no_truth_is_slept_through(void **state)
{
	char rules[16384];
	size_t n = (size_t)snprintf(
		rules, sizeof(rules),
		"rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\nsymptoms:\n");

	(void)state;
	for (size_t i = 0; i < N_TRIGGERS; i++)
		n += (size_t)snprintf(rules + n, sizeof(rules) - n,
				      "  t.s%02zu: { scope: %s, when: \"%s\", clear: { after: 1s }, severity: info }\n",
				      i, triggers[i].scope, triggers[i].when);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		mono_ns_t watched[N_TRIGGERS][8] = {0};
		unsigned asleep[N_TRIGGERS][8] = {0}, truths = 0;
		struct stage s;

		stage_open(&s, rules, seed);
		assert_int_equal(s.pack.ruleset->n_symptoms, N_TRIGGERS);
		for (unsigned t = 0; t < 400; t++) {
			const struct wake_call *calls;
			bool woken[N_TRIGGERS][8] = {0};
			entity_id all[8];
			size_t n_calls, n_all = 0;

			random_tick(&s, (t + 2) * NS_PER_S);
			n_calls = wake_batch(s.wake, &s.m, s.batch, &calls);
			for (unsigned i = 0; i < N_CGROUPS; i++)
				all[n_all++] = s.cgroups[i];
			all[n_all++] = graph_node(s.graph);
			all[n_all++] = s.process;
			for (size_t c = 0; c < n_calls; c++)
				for (size_t e = 0; e < n_all; e++)
					if (calls[c].entity == all[e]) {
						woken[calls[c].rule][e] = true;
						watched[calls[c].rule][e] =
							MAX_OF(watched[calls[c].rule][e], calls[c].watch_until);
					}
			for (size_t r = 0; r < N_TRIGGERS; r++)
				for (size_t e = 0; e < n_all; e++) {
					const struct symptom_rule *rule = &s.pack.ruleset->symptoms[r];
					bool is = graph_kind(s.graph, all[e]) == rule->scope &&
						  machine_truth(&s.m, rule->when, all[e]) == TRUTH_TRUE;

					truths += is;
					/* Once seen true it is active; samples may be missing for a few ticks. */
					if (!is)
						asleep[r][e] = 0;
					else if (woken[r][e] || watched[r][e] >= s.m.now || asleep[r][e] == UINT32_MAX)
						asleep[r][e] = UINT32_MAX;
					else if (++asleep[r][e] > 8)
						fail_msg("seed %lu tick %u: '%s' is true and nobody looks",
							 (unsigned long)seed, t, triggers[r].when);
				}
		}
		assert_true(truths > 1000);
		stage_close(&s);
	}
}

static size_t calls_for(struct stage *s, mono_ns_t now, const char *metric, entity_id id, double value)
{
	const struct wake_call *calls;

	batch_reset(s->batch, now);
	put(s, metric, id, value);
	series_put_batch(s->series, s->batch);
	s->m.now = now;
	return wake_batch(s->wake, &s->m, s->batch, &calls);
}

static const char one_level[] =
	"rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\nsymptoms:\n"
	"  t.a: { scope: cgroup, when: \"avg(cgroup.memory.current, 10s) > 600B\", clear: { after: 1s }, "
	"severity: info }\n";

static void test_a_quiet_level_wakes_nobody(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, one_level, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(calls_for(&s, (2 + i) * NS_PER_S, "cgroup.memory.current", s.cgroups[0], i * 10), 0);
	assert_int_equal(calls_for(&s, 30 * NS_PER_S, "cgroup.memory.current", s.cgroups[0], 700), 1);
	/* As long as the window sees it, the others are looked at as well; then no more. */
	assert_int_equal(calls_for(&s, 40 * NS_PER_S, "cgroup.memory.current", s.cgroups[0], 5), 1);
	assert_int_equal(calls_for(&s, 41 * NS_PER_S, "cgroup.memory.current", s.cgroups[0], 5), 0);
	/* Another entity has its own memory; a dropped one has none. */
	assert_int_equal(calls_for(&s, 42 * NS_PER_S, "cgroup.memory.current", s.cgroups[1], 5), 0);
	assert_int_equal(calls_for(&s, 43 * NS_PER_S, "cgroup.memory.current", s.cgroups[1], 700), 1);
	wake_drop_entity(s.wake, s.cgroups[1]);
	assert_int_equal(calls_for(&s, 44 * NS_PER_S, "cgroup.memory.current", s.cgroups[1], 5), 0);
	assert_true(wake_reads(s.wake, 0, metrics_find(s.pack.metrics, "cgroup.memory.current")));
	assert_false(wake_reads(s.wake, 0, metrics_find(s.pack.metrics, "cgroup.memory.limit")));
	stage_close(&s);
}

static void test_events_carry_their_time_and_number(void **state)
{
	static const char rules[] =
		"rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\nsymptoms:\n"
		"  t.a: { scope: cgroup, when: \"count(cgroup.oom.kill.victim_pid > 50, 30s) >= 2\", "
		"clear: { after: 1s }, severity: info }\n";
	const struct wake_call *calls;
	struct stage s;

	(void)state;
	stage_open(&s, rules, 1);
	batch_reset(s.batch, 10 * NS_PER_S);
	for (unsigned i = 0; i < 4; i++) {
		struct event *e = batch_event(s.batch, metrics_find(s.pack.metrics, "cgroup.oom.kill"), s.cgroups[0],
					      10 * NS_PER_S - i * NS_PER_MS, SEVERITY_INFO, 0);

		batch_value_number(s.batch, e, 0, i == 3 ? 1 : 60);
		e->simulated = i == 2;
	}
	s.m.now = 10 * NS_PER_S;
	assert_int_equal(wake_batch(s.wake, &s.m, s.batch, &calls), 1);
	assert_int_equal(calls[0].n_events, 3); /* the fourth is not what the trigger counts */
	assert_int_equal(calls[0].at, 10 * NS_PER_S - 2 * NS_PER_MS);
	assert_int_equal(calls[0].watch_until, 40 * NS_PER_S);
	assert_true(calls[0].simulated);
	stage_close(&s);
}

static void test_absence_is_looked_for(void **state)
{
	static const char rules[] =
		"rules: why/v1\npack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\nsymptoms:\n"
		"  t.a: { scope: cgroup, when: \"stale(cgroup.memory.current, 10s)\", clear: { after: 1s }, "
		"severity: info }\n";
	const struct wake_call *calls;
	struct stage s;

	(void)state;
	stage_open(&s, rules, 1);
	batch_reset(s.batch, 2 * NS_PER_S);
	s.m.now = 2 * NS_PER_S;
	assert_int_equal(wake_batch(s.wake, &s.m, s.batch, &calls), N_CGROUPS);
	s.m.now = 3 * NS_PER_S;
	assert_int_equal(wake_batch(s.wake, &s.m, s.batch, &calls), 0);
	s.m.now = 7 * NS_PER_S;
	assert_int_equal(wake_batch(s.wake, &s.m, s.batch, &calls), N_CGROUPS);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_truth_is_slept_through),
		cmocka_unit_test(test_a_quiet_level_wakes_nobody),
		cmocka_unit_test(test_events_carry_their_time_and_number),
		cmocka_unit_test(test_absence_is_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

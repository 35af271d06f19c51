// SPDX-License-Identifier: Apache-2.0
#include "tests/rules/scene.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tests/test.h"

const char scene_rules[] =
	"rules: why/v1\n"
	"pack: { name: t, version: 1.0.0, requires_agent: \">=0.1\" }\n"
	"symptoms:\n"
	"  proc.died:\n"
	"    scope: process\n"
	"    when: count(proc.exit.signal in [6, 9, 11], 1m) >= 1\n"
	"    clear: { after: 10s }\n"
	"    severity: critical\n"
	"  gpu.starved:\n"
	"    scope: gpu\n"
	"    when: avg(gpu.sm_active, 10s) < 0.4\n"
	"    clear: { when: \"avg(gpu.sm_active, 10s) > 0.5\", after: 3s }\n"
	"    severity: warning\n"
	"causes:\n"
	"  mem.oom:\n"
	"    title: \"limit {cgroup.memory.limit} of {cgroup.key} reached by {cgroup.oom.kill.victim_comm}\"\n"
	"    scope: cgroup\n"
	"    trigger: count(cgroup.oom.kill, 20s) >= 1\n"
	"    explains: [{ symptom: proc.died, via: cgroup <- process, within: [-1s, 30s] }]\n"
	"    requires: [{ id: oom, when: \"count(cgroup.oom.kill, 20s) >= 1\", show: \"killed {value}\" }]\n"
	"    supports: [{ id: full, when: \"cgroup.memory.current > 512MiB\", weight: strong, "
	"show: \"{value} in use\" }]\n"
	"    refutes: [{ id: node_oom, when: \"count(node.oom.kill, 20s) >= 1\", via: cgroup -> node, "
	"weight: decisive, show: \"node-wide\" }]\n"
	"    because: [{ cause: mem.pressure }]\n"
	"    affects: [cgroup <- process]\n"
	"    confidence: { prior: 0.6, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 5s, cooldown: 10s }\n"
	"  mem.pressure:\n"
	"    title: \"memory is short in {cgroup.key}\"\n"
	"    scope: cgroup\n"
	"    trigger: avg(cgroup.psi.memory.full_ratio, 5s) > 0.5\n"
	"    requires: [{ id: psi, when: \"avg(cgroup.psi.memory.full_ratio, 5s) > 0.5\", "
	"show: \"{value}\" }]\n"
	"    confidence: { prior: 0.7, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { for: 2s, clear_after: 3s }\n"
	"  cpu.throttled:\n"
	"    title: throttled\n"
	"    scope: cgroup\n"
	"    trigger: ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 10s) > 0.5\n"
	"    explains: [{ symptom: gpu.starved, via: cgroup <- process -> gpu, within: [-30s, 30s] }]\n"
	"    requires: [{ id: share, when: \"ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, "
	"10s) > 0.5\", show: \"{value}\" }]\n"
	"    explained_away_by: [gpu.hot]\n"
	"    confidence: { prior: 0.6, report_at: 0.5 }\n"
	"    severity: warning\n"
	"    hold: { for: 3s, clear_after: 5s }\n"
	"  gpu.hot:\n"
	"    title: \"GPU at {gpu.temperature}\"\n"
	"    scope: gpu\n"
	"    trigger: gpu.temperature > 90\n"
	"    explains: [{ symptom: gpu.starved, within: [-30s, 30s] }]\n"
	"    requires: [{ id: hot, when: \"gpu.temperature > 90\", show: \"{value}\" }]\n"
	"    confidence: { prior: 0.9, report_at: 0.5 }\n"
	"    severity: critical\n"
	"    hold: { clear_after: 2s }\n";

static unsigned pick(uint64_t *random, unsigned n)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)((*random >> 33) % n);
}

static void random_cgroup(struct scene *s, uint64_t *random, unsigned i)
{
	char key[32];
	entity_id id;
	struct event *e;

	snprintf(key, sizeof(key), "/g%u", i);
	id = scene_entity(s, ENTITY_CGROUP, key);
	scene_sample(s, "cgroup.cpu.periods", id, (double)(s->now / NS_PER_MS));
	scene_sample(s, "cgroup.cpu.throttled_periods", id, (double)(s->now / NS_PER_MS) * (i == 1 ? 0.9 : 0.1));
	scene_sample(s, "cgroup.memory.current", id, pick(random, 1024) * 1048576.0);
	if (pick(random, 3) > 0)
		scene_sample(s, "cgroup.psi.memory.full_ratio", id,
			     (s->now / (30 * NS_PER_S)) % 2 ? 0.9 : pick(random, 100) / 200.0);
	if (pick(random, 20) == 0) {
		e = scene_event(s, "cgroup.oom.kill", id, 0);
		batch_value_number(s->batch, e, 0, pick(random, 1000));
		batch_value_text(s->batch, e, 1, "py\x1b[31m");
	}
}

static void random_process(struct scene *s, uint64_t *random)
{
	char key[32], cgroup[32];
	unsigned i = pick(random, 12);
	entity_id id;

	snprintf(key, sizeof(key), "%u/%u", i, i);
	snprintf(cgroup, sizeof(cgroup), "/g%u", i % 4);
	id = scene_entity(s, ENTITY_PROCESS, key);
	scene_link(s, EDGE_IN, id, scene_entity(s, ENTITY_CGROUP, cgroup));
	scene_link(s, EDGE_USES, id, scene_entity(s, ENTITY_GPU, i % 2 ? "0000:01:00.0" : "0000:02:00.0"));
	if (pick(random, 4) == 0) {
		batch_value_number(s->batch, scene_event(s, "proc.exit", id, 0), 1, pick(random, 2) ? 9 : 0);
		batch_gone(s->batch, id);
	}
}

void scene_random(struct scene *s, uint64_t *random)
{
	unsigned phase = (unsigned)(s->now / (40 * NS_PER_S)) % 3;

	for (unsigned i = 0; i < 4; i++)
		random_cgroup(s, random, i);
	for (unsigned i = pick(random, 3); i > 0; i--)
		random_process(s, random);
	for (unsigned i = 1; i <= 2; i++) {
		entity_id gpu = scene_entity(s, ENTITY_GPU, i == 1 ? "0000:01:00.0" : "0000:02:00.0");

		scene_sample(s, "gpu.sm_active", gpu, phase == 1 ? 0.1 : 0.9);
		scene_sample(s, "gpu.temperature", gpu, phase == 2 && i == 2 ? 80 + pick(random, 20) : 60);
	}
	if (pick(random, 60) == 0)
		(void)scene_event(s, "node.oom.kill", graph_node(s->graph), 0);
}

static void take(void *arg, const struct finding *f)
{
	struct scene *s = arg;
	struct json j;

	assert_true(s->n_said < SCENE_MAX);
	assert_ok(finding_copy(f, &s->said[s->n_said++]));
	json_init(&j, &s->json);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
	assert_ok(buf_add_text(&s->json, "\n"));
}

static void start_engine(struct scene *s, const char *rules, unsigned warm_up_s)
{
	struct engine_options o = {.node = "n1",
				   .boot_id = "b1",
				   .max_instances = 5000,
				   .max_series = 5000,
				   .max_series_bytes = 8 << 20,
				   .interval_ns = NS_PER_S};

	pack_load(&s->pack, rules);
	if (diags_count(s->pack.diags, DIAG_ERROR) > 0)
		pack_expect(&s->pack, "no errors"); /* prints them */
	o.metrics = s->pack.metrics;
	o.graph = s->graph;
	o.warm_up_ns = warm_up_s * NS_PER_S;
	assert_ok(engine_new(&o, &s->engine));
	assert_ok(engine_use(s->engine, &s->pack.ruleset, s->now));
	assert_null(s->pack.ruleset);
}

void scene_open(struct scene *s, const char *rules, unsigned warm_up_s)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->json, 64 << 20);
	s->now = SCENE_START;
	pack_open(&s->pack);
	assert_ok(graph_new(4096, "n1", &s->graph));
	assert_ok(batch_new(s->graph, 20000, 20000, 20000, &s->batch));
	batch_reset(s->batch, s->now);
	start_engine(s, rules, warm_up_s);
}

void scene_restart(struct scene *s, const char *rules, unsigned warm_up_s)
{
	engine_free(&s->engine);
	start_engine(s, rules, warm_up_s);
}

void scene_forget(struct scene *s)
{
	for (size_t i = 0; i < s->n_said; i++)
		finding_free(&s->said[i]);
	s->n_said = 0;
	buf_reset(&s->json);
}

void scene_close(struct scene *s)
{
	scene_forget(s);
	buf_done(&s->json);
	engine_free(&s->engine);
	batch_free(&s->batch);
	graph_free(&s->graph);
	pack_close(&s->pack);
}

entity_id scene_entity(struct scene *s, enum entity_kind kind, const char *key)
{
	return batch_entity(s->batch, kind, key);
}

void scene_link(struct scene *s, enum edge_kind edge, entity_id from, entity_id to)
{
	batch_link(s->batch, edge, from, to);
}

static uint32_t metric_of(struct scene *s, const char *name)
{
	uint32_t metric = metrics_find(s->pack.metrics, name);

	if (metric == METRIC_NONE)
		fail_msg("no metric %s", name);
	return metric;
}

void scene_sample(struct scene *s, const char *metric, entity_id id, double value)
{
	batch_sample_at(s->batch, metric_of(s, metric), id, s->now, value);
}

struct event *scene_event(struct scene *s, const char *metric, entity_id id, int code)
{
	return batch_event(s->batch, metric_of(s, metric), id, s->now, SEVERITY_INFO, code);
}

void scene_tick(struct scene *s, uint64_t ahead_ns)
{
	s->now += ahead_ns;
	assert_ok(engine_tick(s->engine, s->batch, s->now,
			      SCENE_WALL + (s->now - SCENE_START) + (wall_ns_t)s->wall_off_ns, take, s));
	batch_reset(s->batch, s->now);
}

void scene_wait(struct scene *s, unsigned n)
{
	while (n-- > 0)
		scene_tick(s, NS_PER_S);
}

const struct finding *scene_last(const struct scene *s, const char *rule)
{
	for (size_t i = s->n_said; i-- > 0;)
		if (strcmp(s->said[i]->rule, rule) == 0)
			return s->said[i];
	return NULL;
}

size_t scene_count(const struct scene *s, const char *rule, enum finding_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_said; i++)
		n += strcmp(s->said[i]->rule, rule) == 0 && s->said[i]->state == state;
	return n;
}

const struct finding_evidence *scene_evidence(const struct finding *f, const char *id)
{
	for (size_t i = 0; i < f->n_evidence; i++)
		if (strcmp(f->evidence[i].id, id) == 0)
			return &f->evidence[i];
	return NULL;
}

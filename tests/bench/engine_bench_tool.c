// SPDX-License-Identifier: Apache-2.0
/* What a tick of the engine costs: 200 rules, 2,000 entities, with the samples of an ordinary second.
 * Prints lines `name value unit budget`; exits 1 when a budget is exceeded. usage: engine_bench_tool [TICKS] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "rules/engine.h"

#define N_CGROUPS   1400
#define N_PROCESSES 580
#define N_GPUS	    16
#define N_RULES	    200

/* ---- allocations are counted by standing before the C library's ---- */

static uint64_t n_allocations;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

void *malloc(size_t n)
{
	n_allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	n_allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	n_allocations++;
	return __libc_realloc(p, n);
}

void free(void *p)
{
	__libc_free(p);
}
#endif

/* ---- a node ---- */

#define GAUGE(n, u, e)                                                                                                 \
	{                                                                                                              \
		.name = n, .kind = METRIC_GAUGE, .unit = u, .about = e, .help = "h"                                    \
	}
#define COUNTER(n, u, e)                                                                                               \
	{                                                                                                              \
		.name = n, .kind = METRIC_COUNTER, .unit = u, .about = e, .help = "h"                                  \
	}
#define EVENT(n, e)                                                                                                    \
	{                                                                                                              \
		.name = n, .kind = METRIC_EVENT, .about = e, .help = "h"                                               \
	}

enum {
	CG_PERIODS,
	CG_THROTTLED,
	CG_CURRENT,
	CG_LIMIT,
	CG_HIGH,
	CG_PSI_CPU,
	CG_PSI_MEM,
	CG_PSI_IO,
	CG_DELAY,
	CG_PIDS,
	CG_OOM,
	PROC_BLOCKED,
	PROC_EXIT,
	GPU_SM,
	GPU_TEMP,
	GPU_XID,
	NODE_IDLE,
	NODE_PSI,
	NODE_OOM,
	N_METRICS
};

static const struct metric_desc table[N_METRICS] = {
	[CG_PERIODS] = COUNTER("cgroup.cpu.periods", UNIT_NONE, ENTITY_CGROUP),
	[CG_THROTTLED] = COUNTER("cgroup.cpu.throttled_periods", UNIT_NONE, ENTITY_CGROUP),
	[CG_CURRENT] = GAUGE("cgroup.memory.current", UNIT_BYTES, ENTITY_CGROUP),
	[CG_LIMIT] = GAUGE("cgroup.memory.limit", UNIT_BYTES, ENTITY_CGROUP),
	[CG_HIGH] = COUNTER("cgroup.memory.high_events", UNIT_NONE, ENTITY_CGROUP),
	[CG_PSI_CPU] = GAUGE("cgroup.psi.cpu.some_ratio", UNIT_RATIO, ENTITY_CGROUP),
	[CG_PSI_MEM] = GAUGE("cgroup.psi.memory.full_ratio", UNIT_RATIO, ENTITY_CGROUP),
	[CG_PSI_IO] = GAUGE("cgroup.psi.io.full_ratio", UNIT_RATIO, ENTITY_CGROUP),
	[CG_DELAY] = GAUGE("cgroup.sched.run_delay_ratio", UNIT_RATIO, ENTITY_CGROUP),
	[CG_PIDS] = GAUGE("cgroup.pids.current", UNIT_NONE, ENTITY_CGROUP),
	[CG_OOM] = EVENT("cgroup.oom.kill", ENTITY_CGROUP),
	[PROC_BLOCKED] = GAUGE("proc.state.blocked_time", UNIT_NS, ENTITY_PROCESS),
	[PROC_EXIT] = EVENT("proc.exit", ENTITY_PROCESS),
	[GPU_SM] = GAUGE("gpu.sm_active", UNIT_RATIO, ENTITY_GPU),
	[GPU_TEMP] = GAUGE("gpu.temperature", UNIT_CELSIUS, ENTITY_GPU),
	[GPU_XID] = EVENT("gpu.xid", ENTITY_GPU),
	[NODE_IDLE] = GAUGE("node.cpu.idle_ratio", UNIT_RATIO, ENTITY_NODE),
	[NODE_PSI] = GAUGE("node.psi.memory.full_ratio", UNIT_RATIO, ENTITY_NODE),
	[NODE_OOM] = EVENT("node.oom.kill", ENTITY_NODE),
};

/* Shapes of triggers, as the packs have them. */
static const struct {
	const char *scope, *trigger;
} shapes[] = {
	{"cgroup", "ratio(cgroup.cpu.throttled_periods, cgroup.cpu.periods, 1m) > 0.%u"},
	{"cgroup", "avg(cgroup.psi.memory.full_ratio, 30s) > 0.%u"},
	{"cgroup", "count(cgroup.oom.kill, %um) >= 1"},
	{"cgroup", "avg(cgroup.psi.io.full_ratio, 1m) > 0.%u"},
	{"cgroup", "avg(cgroup.psi.cpu.some_ratio, 1m) > 0.%u && node.cpu.idle_ratio > 0.2"},
	{"cgroup", "avg(cgroup.sched.run_delay_ratio, 30s) > 0.%u"},
	{"cgroup", "cgroup.memory.current / cgroup.memory.limit > 0.9%u"},
	{"cgroup", "increase(cgroup.memory.high_events, 1m) > 1%u"},
	{"cgroup", "slope(cgroup.memory.current, 5m) > 1%uMiB"},
	{"cgroup", "cgroup.pids.current > 1%u00"},
	{"process", "proc.state.blocked_time > 1%us"},
	{"process", "count(proc.exit, %um) >= 1"},
	{"gpu", "count(gpu.xid, %um) >= 1"},
	{"gpu", "avg(gpu.sm_active, 2m) < 0.%u"},
	{"node", "avg(node.psi.memory.full_ratio, 1m) > 0.%u"},
	{"node", "count(node.oom.kill, %um) >= 1"},
};

static void write_rules(char *out, size_t size)
{
	size_t n = (size_t)snprintf(
		out, size,
		"rules: why/v1\npack: { name: bench, version: 1.0.0, requires_agent: \">=0.1\" }\ncauses:\n");

	for (unsigned i = 0; i < N_RULES; i++) {
		unsigned shape = i % (sizeof(shapes) / sizeof(shapes[0])), x = 3 + i / 32;
		char trigger[256];

		snprintf(trigger, sizeof(trigger), shapes[shape].trigger, x);
		n += (size_t)snprintf(out + n, size - n,
				      "  bench.r%u:\n    title: \"t\"\n    scope: %s\n    trigger: \"%s\"\n"
				      "    requires: [{ id: a, when: \"%s\", show: \"{value}\" }]\n"
				      "    supports: [{ id: b, when: \"node.cpu.idle_ratio > 0.1\", weight: strong, "
				      "show: \"idle\" }]\n"
				      "    confidence: { prior: 0.6, report_at: 0.5 }\n    severity: warning\n"
				      "    hold: { for: 10s, clear_after: 30s }\n",
				      i, shapes[shape].scope, trigger, trigger);
	}
}

struct world {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct engine *engine;
	entity_id cgroups[N_CGROUPS], processes[N_PROCESSES], gpus[N_GPUS];
	double periods[N_CGROUPS], current[N_CGROUPS];
	uint64_t random;
	uint64_t n_findings;
};

static double chance(struct world *w)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double)(w->random >> 33) / (double)(1ULL << 31);
}

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "engine_bench_tool: %s: %s\n", what, strerror(-r));
		exit(2);
	}
}

static void load(struct world *w)
{
	static char text[512 * 1024];
	struct ruleset *rs = NULL;
	struct diags *diags = NULL;
	struct engine_options o = {.metrics = w->metrics,
				   .graph = w->graph,
				   .node = "n",
				   .boot_id = "b",
				   .max_instances = 20000,
				   .max_series = 20000,
				   .max_series_bytes = 32 << 20,
				   .interval_ns = NS_PER_S};

	write_rules(text, sizeof(text));
	must(diags_new(&diags), "diags");
	must(ruleset_load(&(struct rules_source){"bench.why.yaml", text, strlen(text)}, 1, w->metrics, NULL, diags,
			  &rs),
	     "load");
	if (rs->n_causes != N_RULES) {
		struct buf b;

		buf_init(&b, 1 << 20);
		(void)diags_print(diags, &b);
		fprintf(stderr, "%s%u of %u rules loaded\n", b.data ? (char *)b.data : "", rs->n_causes, N_RULES);
		exit(2);
	}
	must(engine_new(&o, &w->engine), "engine");
	must(engine_use(w->engine, &rs, 0), "use");
	diags_free(&diags);
}

static void make_world(struct world *w)
{
	char key[64];

	w->random = 42;
	must(metrics_new(&w->metrics), "metrics");
	must(metrics_add(w->metrics, "bench", table, N_METRICS, NULL), "metrics");
	must(graph_new(8192, "n", &w->graph), "graph");
	must(batch_new(w->graph, 65536, 4096, 16384, &w->batch), "batch");
	batch_reset(w->batch, NS_PER_S);
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		snprintf(key, sizeof(key), "/kubepods/burstable/pod%u/c%u", i / 2, i);
		w->cgroups[i] = batch_entity(w->batch, ENTITY_CGROUP, key);
		w->current[i] = 1e8;
	}
	for (unsigned i = 0; i < N_PROCESSES; i++) {
		snprintf(key, sizeof(key), "%u/%u", 1000 + i, i);
		w->processes[i] = batch_entity(w->batch, ENTITY_PROCESS, key);
		batch_link(w->batch, EDGE_IN, w->processes[i], w->cgroups[i % N_CGROUPS]);
	}
	for (unsigned i = 0; i < N_GPUS; i++) {
		snprintf(key, sizeof(key), "0000:%02x:00.0", i);
		w->gpus[i] = batch_entity(w->batch, ENTITY_GPU, key);
	}
	load(w);
}

/* Three of ten cgroups do something; the others stand still, as on a real node. */
static void cgroup_samples(struct world *w, unsigned i)
{
	bool busy = i % 10 < 3;
	entity_id id = w->cgroups[i];

	if (busy) {
		w->periods[i] += 10;
		w->current[i] += (chance(w) - 0.5) * 1e6;
	}
	batch_sample(w->batch, CG_PERIODS, id, w->periods[i]);
	batch_sample(w->batch, CG_THROTTLED, id, i % 60 == 0 ? floor(w->periods[i] * 0.05) : 0);
	batch_sample(w->batch, CG_CURRENT, id, w->current[i]);
	if (i % 2 == 0)
		batch_sample(w->batch, CG_LIMIT, id, 1e9);
	batch_sample(w->batch, CG_HIGH, id, 0);
	batch_sample(w->batch, CG_PSI_CPU, id, busy ? chance(w) * 0.1 : 0);
	batch_sample(w->batch, CG_PSI_MEM, id, busy ? chance(w) * 0.01 : 0);
	batch_sample(w->batch, CG_PSI_IO, id, busy ? chance(w) * 0.05 : 0);
	batch_sample(w->batch, CG_DELAY, id, busy ? chance(w) * 0.1 : 0);
	batch_sample(w->batch, CG_PIDS, id, 10 + i % 20);
}

static void fill(struct world *w, mono_ns_t now)
{
	batch_reset(w->batch, now);
	for (unsigned i = 0; i < N_CGROUPS; i++)
		cgroup_samples(w, i);
	for (unsigned i = 0; i < N_PROCESSES / 10; i++)
		batch_sample(w->batch, PROC_BLOCKED, w->processes[i], chance(w) * 1e9);
	for (unsigned i = 0; i < N_GPUS; i++) {
		batch_sample(w->batch, GPU_SM, w->gpus[i], 0.9 + chance(w) * 0.1);
		batch_sample(w->batch, GPU_TEMP, w->gpus[i], 60 + chance(w) * 10);
	}
	batch_sample(w->batch, NODE_IDLE, graph_node(w->graph), 0.5 + chance(w) * 0.1);
	batch_sample(w->batch, NODE_PSI, graph_node(w->graph), chance(w) * 0.01);
}

/* Time on the CPU: the machine may have other things to do. */
static uint64_t cpu_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void count_finding(void *arg, const struct finding *f)
{
	(void)f;
	((struct world *)arg)->n_findings++;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool report(const char *name, double value, const char *unit, double budget)
{
	printf("%s %.4g %s %g\n", name, value, unit, budget);
	return value <= budget;
}

int main(int argc, char **argv)
{
	unsigned n_ticks = argc > 1 ? (unsigned)atoi(argv[1]) : 600, warm = 320;
	struct world *w = calloc(1, sizeof(*w));
	double *ms = calloc(n_ticks + 1, sizeof(*ms));
	uint64_t allocated = 0, programs = 0;
	struct engine_stats stats;
	size_t n_samples = 0;
	bool good;

	if (!w || !ms || n_ticks == 0)
		return 2;
	make_world(w);
	for (unsigned i = 0; i < warm + n_ticks; i++) {
		mono_ns_t now = (i + 2) * NS_PER_S, before, after;

		fill(w, now);
		n_samples = w->batch->n_samples;
		if (i == warm) {
			engine_stats(w->engine, &stats);
			programs = stats.programs_run;
			allocated = n_allocations;
		}
		before = cpu_now();
		must(engine_tick(w->engine, w->batch, now, now, count_finding, w), "tick");
		after = cpu_now();
		if (i >= warm)
			ms[i - warm] = (double)(after - before) / 1e6;
	}
	allocated = n_allocations - allocated;
	engine_stats(w->engine, &stats);
	qsort(ms, n_ticks, sizeof(*ms), by_value);
	printf("# %u rules, %zu entities, %zu samples a tick, %zu series, %.0f KiB of points, "
	       "%zu instances, %llu findings\n",
	       N_RULES, graph_count(w->graph), n_samples, stats.series.n_series, (double)stats.series.bytes / 1024,
	       stats.n_instances, (unsigned long long)w->n_findings);
	good = report("engine_tick_p50", ms[n_ticks / 2], "ms", 2);
	good &= report("engine_tick_p95", ms[n_ticks * 95 / 100], "ms", 2);
	good &= report("engine_tick_allocations", (double)allocated / n_ticks, "per_tick", 0);
	good &= report("engine_tick_programs", (double)(stats.programs_run - programs) / n_ticks, "per_tick", 20000);
	engine_free(&w->engine);
	batch_free(&w->batch);
	graph_free(&w->graph);
	metrics_free(&w->metrics);
	free(ms);
	free(w);
	return good ? 0 : 1;
}

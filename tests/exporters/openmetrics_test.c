// SPDX-License-Identifier: Apache-2.0
#include "exporters/openmetrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

static const struct metric_desc table[] = {
	{.name = "gpu.temperature.core",
	 .kind = METRIC_GAUGE,
	 .unit = UNIT_CELSIUS,
	 .about = ENTITY_GPU,
	 .help = "how hot"},
	{.name = "cpu.time.stolen",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_NS,
	 .about = ENTITY_NODE,
	 .help = "time \"lost\"\\"},
	{.name = "process.cpu.time",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_NS,
	 .about = ENTITY_PROCESS,
	 .help = "of a process"},
	{.name = "node.cpu.busy_ratio", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_NODE, .help = "busy"},
	{.name = "kernel.oom.kill", .kind = METRIC_EVENT, .about = ENTITY_PROCESS, .help = "killed"},
};
enum { TEMPERATURE, STOLEN, PROCESS_TIME, BUSY, OOM };

struct scene {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct openmetrics *om;
	struct buf out;
};

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_ok(metrics_new(&s->metrics));
	assert_ok(metrics_add(s->metrics, "test", table, ARRAY_LEN(table), NULL));
	assert_ok(graph_new(1000, "n1", &s->graph));
	assert_ok(batch_new(s->graph, 1000, 100, 1000, &s->batch));
	assert_ok(openmetrics_new(s->metrics, s->graph, 8, &s->om));
	buf_init(&s->out, 1 << 20);
	batch_reset(s->batch, NS_PER_S);
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	buf_done(&s->out);
	openmetrics_free(&s->om);
	batch_free(&s->batch);
	graph_free(&s->graph);
	metrics_free(&s->metrics);
	free(s);
	return 0;
}

static const char *text_at(struct scene *s, mono_ns_t now, bool strict)
{
	struct openmetrics_text t = {.out = &s->out, .strict = strict};

	buf_reset(&s->out);
	openmetrics_write(s->om, now, &t);
	assert_false(s->out.overflow);
	return (const char *)s->out.data;
}

static void put_gpu(struct scene *s, const char *key, double celsius)
{
	batch_sample(s->batch, TEMPERATURE, batch_entity(s->batch, ENTITY_GPU, key), celsius);
}

#define assert_has(text, part)  assert_non_null(strstr(text, part))
#define assert_lacks(text, part) assert_null(strstr(text, part))

static void readings_have_names_units_and_labels(void **state)
{
	struct scene *s = *state;
	const char *text;

	put_gpu(s, "0000:5e:00.0", 61.5);
	batch_sample(s->batch, STOLEN, graph_node(s->graph), 2500000000.0);
	batch_sample(s->batch, BUSY, graph_node(s->graph), 0.5);
	openmetrics_put_batch(s->om, s->batch);
	text = text_at(s, NS_PER_S, false);
	assert_has(text, "# TYPE why_gpu_temperature_core_celsius gauge\n# HELP why_gpu_temperature_core_celsius how hot\n"
			 "why_gpu_temperature_core_celsius{gpu=\"0000:5e:00.0\"} 61.5\n");
	assert_has(
		text,
		"# TYPE why_cpu_time_stolen_seconds_total counter\n"
		"# HELP why_cpu_time_stolen_seconds_total time \"lost\"\\\\\nwhy_cpu_time_stolen_seconds_total 2.5\n");
	assert_has(text, "\nwhy_node_cpu_busy_ratio 0.5\n");
	text = text_at(s, NS_PER_S, true);
	assert_has(text,
		   "# TYPE why_cpu_time_stolen_seconds counter\n"
		   "# HELP why_cpu_time_stolen_seconds time \\\"lost\\\"\\\\\nwhy_cpu_time_stolen_seconds_total 2.5\n");
}

static void the_latest_value_stands_and_families_stand_together(void **state)
{
	struct scene *s = *state;
	const char *text;

	put_gpu(s, "0", 1);
	batch_sample(s->batch, STOLEN, graph_node(s->graph), 1e9);
	put_gpu(s, "1", 2);
	put_gpu(s, "0", 3);
	openmetrics_put_batch(s->om, s->batch);
	text = text_at(s, NS_PER_S, true);
	assert_has(text, "_celsius{gpu=\"0\"} 3\nwhy_gpu_temperature_core_celsius{gpu=\"1\"} 2\n");
	(void)text_at(s, NS_PER_S, true); /* sorted once, the index must still fit */
	batch_reset(s->batch, NS_PER_S);
	put_gpu(s, "1", 7);
	openmetrics_put_batch(s->om, s->batch);
	assert_has(text_at(s, NS_PER_S, true), "_celsius{gpu=\"0\"} 3\nwhy_gpu_temperature_core_celsius{gpu=\"1\"} 7\n");
}

static void processes_are_left_out_and_hostile_keys_escaped(void **state)
{
	struct scene *s = *state;
	const char *text;

	batch_sample(s->batch, PROCESS_TIME, batch_entity(s->batch, ENTITY_PROCESS, "17/4"), 1);
	put_gpu(s, "a\"} 1\nevil{x=\"\\", 1);
	openmetrics_put_batch(s->om, s->batch);
	text = text_at(s, NS_PER_S, false);
	assert_lacks(text, "process_cpu");
	assert_has(text, "{gpu=\"a\\\"} 1\\nevil{x=\\\"\\\\\"} 1\n");
	assert_lacks(text, "\nevil");
}

static void too_many_series_are_counted_and_stale_ones_make_room(void **state)
{
	struct scene *s = *state;
	const char *text;
	char key[16];

	for (int i = 0; i < 12; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		put_gpu(s, key, i);
	}
	openmetrics_put_batch(s->om, s->batch);
	text = text_at(s, NS_PER_S, false);
	assert_has(text, "why_metrics_refused_readings_total 4\n");
	assert_has(text, "why_metrics_series 8\n");
	batch_reset(s->batch, OPENMETRICS_STALE_NS + 2 * NS_PER_S);
	put_gpu(s, "11", 11);
	openmetrics_put_batch(s->om, s->batch);
	text = text_at(s, OPENMETRICS_STALE_NS + 2 * NS_PER_S, false);
	assert_has(text, "{gpu=\"11\"} 11\n");
	assert_has(text, "why_metrics_series 1\n");
}

static void what_is_gone_is_not_shown(void **state)
{
	struct scene *s = *state;

	put_gpu(s, "0", 1);
	put_gpu(s, "1", 1);
	openmetrics_put_batch(s->om, s->batch);
	batch_gone(s->batch, graph_find(s->graph, ENTITY_GPU, "0"));
	assert_lacks(text_at(s, NS_PER_S, false), "{gpu=\"0\"}");
	assert_has(text_at(s, NS_PER_S, false), "{gpu=\"1\"}");
}

static void events_are_counted(void **state)
{
	struct scene *s = *state;
	entity_id victim = batch_entity(s->batch, ENTITY_PROCESS, "1/1");

	assert_non_null(batch_event(s->batch, OOM, victim, 1, SEVERITY_CRITICAL, 0));
	openmetrics_put_batch(s->om, s->batch);
	openmetrics_put_batch(s->om, s->batch);
	assert_has(text_at(s, NS_PER_S, false), "why_kernel_oom_kill_events_total 2\n");
}

static void put_finding(struct scene *s, unsigned n, enum finding_state to, enum severity severity, bool shadow)
{
	AUTO(finding_free) struct finding *f = made_finding(n, 1, to);

	f->severity = severity;
	f->shadow = shadow;
	openmetrics_put_finding(s->om, f);
}

static void open_findings_are_summed_by_rule_and_severity(void **state)
{
	struct scene *s = *state;
	const char *text;

	put_finding(s, 1, FINDING_OPEN, SEVERITY_WARNING, false);
	put_finding(s, 2, FINDING_OPEN, SEVERITY_CRITICAL, false);
	put_finding(s, 3, FINDING_OPEN, SEVERITY_WARNING, false);
	put_finding(s, 3, FINDING_UPDATED, SEVERITY_WARNING, false);
	put_finding(s, 4, FINDING_OPEN, SEVERITY_CRITICAL, true);
	text = text_at(s, NS_PER_S, false);
	assert_has(text, "why_findings_open{rule=\"cpu.test\",severity=\"warning\"} 2\n");
	assert_has(text, "why_findings_open{rule=\"cpu.test\",severity=\"critical\"} 1\n");
	assert_has(text, "why_findings_opened_total{severity=\"warning\"} 2\n");
	put_finding(s, 2, FINDING_RESOLVED, SEVERITY_CRITICAL, false);
	text = text_at(s, NS_PER_S, false);
	assert_lacks(text, "severity=\"critical\"} 1\nwhy_findings_open{");
	assert_has(text, "why_findings_opened_total{severity=\"critical\"} 1\n");
	for (unsigned n = 10; n < OPENMETRICS_MAX_OPEN + 10; n++)
		put_finding(s, n, FINDING_OPEN, SEVERITY_INFO, false);
	assert_has(text_at(s, NS_PER_S, false), "why_metrics_refused_findings_total 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)
		TEST(readings_have_names_units_and_labels),
		TEST(the_latest_value_stands_and_families_stand_together),
		TEST(processes_are_left_out_and_hostile_keys_escaped),
		TEST(too_many_series_are_counted_and_stale_ones_make_room),
		TEST(what_is_gone_is_not_shown),
		TEST(events_are_counted),
		TEST(open_findings_are_summed_by_rule_and_severity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

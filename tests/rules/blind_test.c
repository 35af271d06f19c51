// SPDX-License-Identifier: Apache-2.0
#include "rules/blind.h"

#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

static const struct metric_field failed_fields[] = {{.name = "reason", .is_text = 1, .help = "h"}, {.name = NULL}};
static const struct metric_field stalled_fields[] = {{.name = "waited_ns", .unit = UNIT_NS, .help = "h"},
						     {.name = NULL}};
static const struct metric_field lost_fields[] = {{.name = "lost", .help = "h"}, {.name = NULL}};
static const struct metric_desc self[] = {
	{.name = "whyd.collector.failed",
	 .kind = METRIC_EVENT,
	 .about = ENTITY_COLLECTOR,
	 .help = "h",
	 .fields = failed_fields},
	{.name = "whyd.collector.stalled",
	 .kind = METRIC_EVENT,
	 .about = ENTITY_COLLECTOR,
	 .help = "h",
	 .fields = stalled_fields},
	{.name = "whyd.collector.recovered", .kind = METRIC_EVENT, .about = ENTITY_COLLECTOR, .help = "h"},
};
static const struct metric_desc kernlog[] = {
	{.name = "kernlog.lost", .kind = METRIC_EVENT, .about = ENTITY_NODE, .help = "h", .fields = lost_fields},
	{.name = "kernlog.oom", .kind = METRIC_EVENT, .about = ENTITY_NODE, .help = "h"},
};
enum { FAILED, STALLED, RECOVERED, LOST, OOM };

struct view {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct blind blind;
	entity_id collector;
};

static void view_open(struct view *v)
{
	assert_ok(metrics_new(&v->metrics));
	assert_ok(metrics_add(v->metrics, "self", self, ARRAY_LEN(self), NULL));
	assert_ok(metrics_add(v->metrics, "kernlog", kernlog, ARRAY_LEN(kernlog), NULL));
	assert_ok(graph_new(16, "n1", &v->graph));
	assert_ok(batch_new(v->graph, 4, 16, 16, &v->batch));
	batch_reset(v->batch, 0);
	v->collector = batch_entity(v->batch, ENTITY_COLLECTOR, "kernlog");
	blind_init(&v->blind, v->metrics);
}

static void view_close(struct view *v)
{
	batch_free(&v->batch);
	graph_free(&v->graph);
	metrics_free(&v->metrics);
}

static struct event *happens(struct view *v, uint32_t metric, mono_ns_t at)
{
	batch_reset(v->batch, at);
	return batch_event(v->batch, metric, metric == LOST ? graph_node(v->graph) : v->collector, at, SEVERITY_WARNING,
			   0);
}

static void test_failed_until_recovered(void **state)
{
	struct view v;

	(void)state;
	view_open(&v);
	assert_null(blind_of(&v.blind, "kernlog"));
	batch_value_text(v.batch, happens(&v, FAILED, NS_PER_S), 0, "no permission");
	blind_take(&v.blind, v.graph, v.batch, NS_PER_S);
	assert_non_null(blind_of(&v.blind, "kernlog"));
	assert_string_equal(blind_of(&v.blind, "kernlog")->why, "no permission");
	assert_true(v.blind.by_metric[OOM]);
	assert_false(v.blind.by_metric[FAILED]); /* of another collector */
	batch_reset(v.batch, 9000 * NS_PER_S);
	blind_take(&v.blind, v.graph, v.batch, 9000 * NS_PER_S);
	assert_true(v.blind.by_metric[OOM]);
	(void)happens(&v, RECOVERED, 9001 * NS_PER_S);
	blind_take(&v.blind, v.graph, v.batch, 9001 * NS_PER_S);
	assert_null(blind_of(&v.blind, "kernlog"));
	assert_false(v.blind.by_metric[OOM]);
	view_close(&v);
}

static void test_lost_records_make_doubt_for_a_while(void **state)
{
	struct view v;

	(void)state;
	view_open(&v);
	batch_value_number(v.batch, happens(&v, LOST, NS_PER_S), 0, 12);
	blind_take(&v.blind, v.graph, v.batch, NS_PER_S);
	assert_string_equal(blind_of(&v.blind, "kernlog")->why, "it missed 12 records");
	assert_false(v.blind.by_metric[OOM]); /* it sees, but has missed something */
	batch_reset(v.batch, 0);
	blind_take(&v.blind, v.graph, v.batch, NS_PER_S + BLIND_LOST_NS);
	assert_null(blind_of(&v.blind, "kernlog"));
	/* What does not answer is worse than what lost something. */
	(void)happens(&v, STALLED, NS_PER_S);
	blind_take(&v.blind, v.graph, v.batch, NS_PER_S);
	(void)happens(&v, LOST, 2 * NS_PER_S);
	blind_take(&v.blind, v.graph, v.batch, 2 * NS_PER_S);
	assert_string_equal(blind_of(&v.blind, "kernlog")->why, "it does not answer");
	assert_true(v.blind.by_metric[OOM]);
	view_close(&v);
}

static void test_a_registry_without_these_metrics(void **state)
{
	struct view v;

	(void)state;
	view_open(&v);
	metrics_free(&v.metrics);
	assert_ok(metrics_new(&v.metrics));
	assert_ok(metrics_add(v.metrics, "kernlog", kernlog + 1, 1, NULL));
	blind_init(&v.blind, v.metrics);
	batch_reset(v.batch, 1);
	(void)batch_event(v.batch, 0, graph_node(v.graph), 1, SEVERITY_INFO, 0);
	blind_take(&v.blind, v.graph, v.batch, 1);
	assert_int_equal(v.blind.n_spots, 0);
	view_close(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_until_recovered),
		cmocka_unit_test(test_lost_records_make_doubt_for_a_while),
		cmocka_unit_test(test_a_registry_without_these_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an expression: an error points into them; a program passes verification and runs to an end, on an entity
 * of which nothing is known and on one with readings. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "model/batch.h"
#include "rules/expr.h"
#include "rules/machine.h"
#include "rules/rules_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct metric_field fields[] = {
	{ .name = "comm", .is_text = 1, .help = "h" },
	{ .name = "pid", .help = "h" },
	{ .name = NULL },
};
static const char *const states[] = { "down", "up", NULL };

enum { NODE_GAUGE, NODE_COUNTER, NODE_EVENT, CGROUP_GAUGE, PROC_EVENT, NODE_STATE };
static const struct metric_desc table[] = {
	[NODE_GAUGE] = { .name = "n.g", .kind = METRIC_GAUGE, .unit = UNIT_RATIO, .about = ENTITY_NODE, .help = "h" },
	[NODE_COUNTER] = { .name = "n.c", .kind = METRIC_COUNTER, .about = ENTITY_NODE, .help = "h" },
	[NODE_EVENT] = { .name = "n.e", .kind = METRIC_EVENT, .about = ENTITY_NODE, .help = "h", .fields = fields },
	[CGROUP_GAUGE] = { .name = "c.g", .kind = METRIC_GAUGE, .unit = UNIT_BYTES, .about = ENTITY_CGROUP,
			   .help = "h" },
	[PROC_EVENT] = { .name = "p.e", .kind = METRIC_EVENT, .about = ENTITY_PROCESS, .help = "h", .fields = fields },
	[NODE_STATE] = { .name = "n.s", .kind = METRIC_STATE, .about = ENTITY_NODE, .help = "h", .states = states },
};

static struct {
	struct metrics *metrics;
	struct graph *graph;
	struct series_store *series;
	entity_id cgroup, process;
} world;

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void make_world(void)
{
	AUTO(batch_free) struct batch *b = NULL;
	struct event *e;

	demand(metrics_new(&world.metrics) == 0 && metrics_add(world.metrics, "fuzz", table, ARRAY_LEN(table),
							       NULL) == 0);
	demand(graph_new(64, "n", &world.graph) == 0 && series_store_new(64, 1 << 20, world.metrics,
									 &world.series) == 0);
	for (uint32_t i = 0; i < ARRAY_LEN(table); i++)
		demand(series_demand(world.series, i, 60 * NS_PER_S, NS_PER_S) == 0);
	demand(batch_new(world.graph, 64, 64, 64, &b) == 0);
	for (unsigned t = 1; t <= 20; t++) {
		batch_reset(b, t * NS_PER_S);
		world.cgroup = batch_entity(b, ENTITY_CGROUP, "/c");
		world.process = batch_entity(b, ENTITY_PROCESS, "7/1");
		batch_attr(b, world.process, "comm", "python3");
		batch_link(b, EDGE_IN, world.process, world.cgroup);
		batch_sample(b, NODE_GAUGE, graph_node(world.graph), 0.5);
		batch_sample(b, NODE_COUNTER, graph_node(world.graph), t);
		batch_sample(b, CGROUP_GAUGE, world.cgroup, 1e6 * t);
		e = batch_event(b, PROC_EVENT, world.process, t * NS_PER_S, SEVERITY_WARNING, 9);
		batch_value_text(b, e, 0, "python3");
		series_put_batch(world.series, b);
	}
}

static void run(const struct ruleset *rs, uint32_t program)
{
	struct machine m = { .ruleset = rs, .metrics = world.metrics, .graph = world.graph, .series = world.series,
			     .now = 20 * NS_PER_S,
			     .fresh_ns = 15 * NS_PER_S };
	struct value v = machine_run(&m, program, world.process, NULL);

	demand(v.type <= VALUE_TEXT && (v.type != VALUE_TEXT || v.text));
	(void)machine_run(&m, program, ENTITY_NONE, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(ruleset_free) struct ruleset *rs = calloc(1, sizeof(*rs));
	AUTO(arena_free) struct arena *scratch = NULL;
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_FREE char *text = strndup((const char *)data, size);
	const struct rules_source origin = { .name = "fuzz", .text = text, .len = strlen(text) };
	struct rules_file file = { .origin = &origin, .pack = "fuzz" };
	struct yaml_node node = { .kind = YAML_SCALAR, .line = 1, .column = 1, .text = text, .len = strlen(text) };
	struct expr_place place = { .at = &node, .scope = ENTITY_PROCESS };
	struct expr_info info;
	uint32_t program, bad;

	if (!world.metrics)
		make_world();
	demand(rs && arena_new(8 << 20, &rs->arena) == 0 && arena_new(8 << 20, &scratch) == 0 &&
	       diags_new(&diags) == 0);
	struct loader l = { .arena = rs->arena, .scratch = scratch, .metrics = world.metrics, .diags = diags,
			    .file = &file,
			    .programs.size = sizeof(struct program), .paths.size = sizeof(struct path),
				    .regexes.size = sizeof(void *),
			    .params.size = sizeof(struct value), .finding_refs.size = sizeof(struct finding_ref) };
	program = expr_compile(&l, &place, text, node.len, EXPR_CONDITION, &info);
	if (program == PROGRAM_NONE)
		program = expr_compile(&l, &place, text, node.len, EXPR_VALUE, &info);
	for (size_t i = 0; i < diags_total(diags) && diags_at(diags, i); i++)
		demand(diags_at(diags, i)->line >= 1 && diags_at(diags, i)->column >= 1);
	demand(program != PROGRAM_NONE || l.n_errors > 0 || l.out_of_memory);
	rs->programs = l.programs.data;
	rs->n_programs = l.programs.n;
	rs->paths = l.paths.data;
	rs->n_paths = l.paths.n;
	rs->regexes = l.regexes.data;
	rs->n_regexes = l.regexes.n;
	rs->params = l.params.data;
	rs->n_params = l.params.n;
	demand(machine_verify(rs, world.metrics, &bad) == 0);
	if (program != PROGRAM_NONE)
		run(rs, program);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "rules/machine.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/batch.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

#define MAX_PROGRAMS 8

/* Programs by hand against a small graph with readings. */
struct bench {
	struct pack pack;
	struct graph *graph;
	struct batch *batch;
	struct series_store *series;
	struct ruleset rs;
	struct program programs[MAX_PROGRAMS];
	struct path paths[1];
	struct value params[1];
	regex_t regex;
	void *regexes[1];
	struct machine m;
	entity_id cgroup, process, other, gpu;
};

static uint32_t id_of(struct bench *b, const char *metric)
{
	uint32_t id = metrics_find(b->pack.metrics, metric);

	assert_int_not_equal(id, METRIC_NONE);
	return id;
}

static void bench_samples(struct bench *b)
{
	for (unsigned i = 0; i <= 10; i++) {
		batch_reset(b->batch, (100 + i) * NS_PER_S);
		batch_sample(b->batch, id_of(b, "cgroup.cpu.periods"), b->cgroup, 10.0 * i);
		batch_sample(b->batch, id_of(b, "cgroup.cpu.throttled_periods"), b->cgroup, 4.0 * i);
		batch_sample(b->batch, id_of(b, "cgroup.memory.current"), b->cgroup, 100 + i);
		batch_sample(b->batch, id_of(b, "node.cpu.idle_ratio"), graph_node(b->graph), 0.5);
		batch_sample(b->batch, id_of(b, "proc.state.blocked_time"), b->process, 7e9);
		if (i == 5 || i == 6) {
			struct event *e = batch_event(b->batch, id_of(b, "proc.exit"), b->process, b->batch->now,
						      SEVERITY_INFO, 3);

			batch_value_text(b->batch, e, 0, "py");
			batch_value_number(b->batch, e, 1, i == 5 ? 9 : 11);
		}
		series_put_batch(b->series, b->batch);
	}
}

static void bench_open(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	pack_open(&b->pack);
	assert_ok(graph_new(64, "n1", &b->graph));
	assert_ok(batch_new(b->graph, 64, 64, 64, &b->batch));
	assert_ok(series_store_new(64, 1 << 20, b->pack.metrics, &b->series));
	for (uint32_t i = 0; i < metrics_count(b->pack.metrics); i++)
		assert_ok(series_demand(b->series, i, 60 * NS_PER_S, NS_PER_S));
	b->cgroup = batch_entity(b->batch, ENTITY_CGROUP, "/a");
	b->process = batch_entity(b->batch, ENTITY_PROCESS, "7/1");
	b->other = batch_entity(b->batch, ENTITY_PROCESS, "8/1");
	b->gpu = batch_entity(b->batch, ENTITY_GPU, "0000:01:00.0");
	batch_link(b->batch, EDGE_IN, b->process, b->cgroup);
	batch_link(b->batch, EDGE_IN, b->other, b->cgroup);
	batch_attr(b->batch, b->process, "pid", "7");
	batch_attr(b->batch, b->process, "comm", "py");
	bench_samples(b);
	assert_int_equal(regcomp(&b->regex, "^p.$", REG_EXTENDED | REG_NOSUB), 0);
	b->regexes[0] = &b->regex;
	b->params[0] = (struct value){.type = VALUE_NUMBER, .number = 0.25};
	b->paths[0] = (struct path){.from = ENTITY_CGROUP, .steps = {{ENTITY_PROCESS, true}}, .n_steps = 1};
	b->rs = (struct ruleset){.programs = b->programs,
				 .paths = b->paths,
				 .n_paths = 1,
				 .regexes = b->regexes,
				 .n_regexes = 1,
				 .params = b->params,
				 .n_params = 1};
	b->m = (struct machine){.ruleset = &b->rs,
				.metrics = b->pack.metrics,
				.graph = b->graph,
				.series = b->series,
				.now = 110 * NS_PER_S,
				.fresh_ns = 90 * NS_PER_S};
}

static void bench_close(struct bench *b)
{
	regfree(&b->regex);
	series_store_free(&b->series);
	batch_free(&b->batch);
	graph_free(&b->graph);
	pack_close(&b->pack);
}

static void set(struct bench *b, uint32_t at, enum entity_kind scope, const struct insn *code, uint32_t n)
{
	b->programs[at] = (struct program){.code = code, .n_code = n, .scope = scope};
	b->rs.n_programs = MAX_OF(b->rs.n_programs, at + 1);
}

#define RUN(b, scope, id, ...)                                                                                         \
	({                                                                                                             \
		const struct insn code_[] = {__VA_ARGS__};                                                             \
		set(b, 0, scope, code_, ARRAY_LEN(code_));                                                             \
		assert_ok(machine_verify(&(b)->rs, (b)->pack.metrics, NULL));                                          \
		machine_run(&(b)->m, 0, id, NULL);                                                                     \
	})
#define NUMBER(x)                                                                                                      \
	{                                                                                                              \
		.op = OP_NUMBER, .number = x                                                                           \
	}
#define TEXT(x)                                                                                                        \
	{                                                                                                              \
		.op = OP_TEXT, .text = x                                                                               \
	}
#define ON(op_, metric, ns)                                                                                            \
	{                                                                                                              \
		.op = op_, .a = id_of(&b, metric), .number = ns                                                        \
	}

static void is_number(struct value v, double x)
{
	assert_int_equal(v.type, VALUE_NUMBER);
	assert_float_equal(v.number, x, 1e-6);
}

static void is_bool(struct value v, bool x)
{
	assert_int_equal(v.type, VALUE_BOOL);
	assert_int_equal(v.truth, x);
}

static void test_readings(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_METRIC, "cgroup.memory.current", 0)), 110);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "cgroup.cpu.periods", 10e9)), 100);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_RATE, "cgroup.cpu.periods", 10e9)), 10);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup,
		      {.op = OP_WINDOW, .a = id_of(&b, "cgroup.memory.current"), .b = SERIES_MIN, .number = 10e9}),
		  100);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup,
		      {.op = OP_RATIO,
		       .a = id_of(&b, "cgroup.cpu.throttled_periods"),
		       .b = id_of(&b, "cgroup.cpu.periods"),
		       .number = 10e9}),
		  0.4);
	is_bool(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_CHANGED, "cgroup.memory.current", 10e9)), true);
	is_bool(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_STALE, "cgroup.memory.current", 5e9)), false);
	is_bool(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_ABSENT, "cgroup.memory.limit", 0)), true);
	/* The nearest relative is read where the entity itself has no such metric. */
	is_number(RUN(&b, ENTITY_PROCESS, b.process, ON(OP_METRIC, "cgroup.memory.current", 0)), 110);
	is_number(RUN(&b, ENTITY_PROCESS, b.process, ON(OP_METRIC, "node.cpu.idle_ratio", 0)), 0.5);
	assert_int_equal(RUN(&b, ENTITY_GPU, b.gpu, ON(OP_METRIC, "cgroup.memory.current", 0)).type, VALUE_UNKNOWN);
	assert_string_equal(b.m.missing.why, "there is nothing that it could be read of");
	/* Absent is not zero, and old is not now. */
	assert_int_equal(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_METRIC, "cgroup.memory.limit", 0)).type, VALUE_UNKNOWN);
	b.m.now = 300 * NS_PER_S;
	assert_int_equal(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_METRIC, "cgroup.memory.current", 0)).type,
			 VALUE_UNKNOWN);
	is_bool(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_STALE, "cgroup.memory.current", 5e9)), true);
	bench_close(&b);
}

static void test_events_and_attributes(void **state)
{
	const struct insn signal_is_9[] = {{.op = OP_EVENT_FIELD, .b = 1, .c = 1}, NUMBER(9), {.op = OP_EQUAL}};
	struct insn predicate[3];
	struct bench b;

	(void)state;
	bench_open(&b);
	memcpy(predicate, signal_is_9, sizeof(predicate));
	predicate[0].a = id_of(&b, "proc.exit");
	set(&b, 1, ENTITY_PROCESS, predicate, 3);
	is_number(RUN(&b, ENTITY_PROCESS, b.process,
		      {.op = OP_COUNT, .a = id_of(&b, "proc.exit"), .b = 1, .number = 60e9}),
		  1);
	is_number(RUN(&b, ENTITY_PROCESS, b.process,
		      {.op = OP_COUNT, .a = id_of(&b, "proc.exit"), .b = PROGRAM_NONE, .number = 60e9}),
		  2);
	is_number(RUN(&b, ENTITY_PROCESS, b.other,
		      {.op = OP_COUNT, .a = id_of(&b, "proc.exit"), .b = PROGRAM_NONE, .number = 60e9}),
		  0);
	/* Outside of a predicate the newest event speaks. */
	is_number(RUN(&b, ENTITY_PROCESS, b.process,
		      {.op = OP_EVENT_FIELD, .a = id_of(&b, "proc.exit"), .b = 1, .number = 60e9}),
		  11);
	is_number(
		RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_EVENT_CODE, .a = id_of(&b, "proc.exit"), .number = 60e9}),
		3);
	assert_int_equal(RUN(&b, ENTITY_PROCESS, b.process,
			     {.op = OP_EVENT_FIELD, .a = id_of(&b, "proc.exit"), .b = 2, .number = 60e9})
				 .type,
			 VALUE_UNKNOWN);
	assert_int_equal(
		RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_EVENT_CODE, .a = id_of(&b, "proc.exit"), .c = 1}).type,
		VALUE_UNKNOWN);
	/* A blind collector: nothing seen is not nothing there. */
	bool blind[METRIC_MAX] = {[0 ... METRIC_MAX - 1] = true};

	b.m.blind = blind;
	assert_int_equal(RUN(&b, ENTITY_PROCESS, b.other,
			     {.op = OP_COUNT, .a = id_of(&b, "proc.exit"), .b = PROGRAM_NONE, .number = 60e9})
				 .type,
			 VALUE_UNKNOWN);
	is_number(RUN(&b, ENTITY_PROCESS, b.process,
		      {.op = OP_COUNT, .a = id_of(&b, "proc.exit"), .b = PROGRAM_NONE, .number = 60e9}),
		  2);
	/* Attributes: text, or a number where it reads as one. */
	is_bool(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_ATTR, .a = ENTITY_PROCESS, .text = "comm"}, TEXT("py"),
		    {.op = OP_EQUAL}),
		true);
	is_number(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_ATTR, .a = ENTITY_PROCESS, .b = 1, .text = "pid"}), 7);
	is_bool(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_ATTR, .a = ENTITY_CGROUP, .text = "key"}, TEXT("/a"),
		    {.op = OP_EQUAL}),
		true);
	assert_int_equal(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_ATTR, .a = ENTITY_PROCESS, .text = "uid"}).type,
			 VALUE_UNKNOWN);
	assert_string_equal(b.m.missing.name, "uid");
	bench_close(&b);
}

static double two_findings(const void *arg, const char *id, uint64_t window_ns)
{
	assert_null(arg);
	return strcmp(id, "x") == 0 && window_ns == 5 ? 2 : 0;
}

static void test_other_entities(void **state)
{
	struct insn blocked[] = {{.op = OP_METRIC}, NUMBER(5e9), {.op = OP_GREATER}};
	struct bench b;

	(void)state;
	bench_open(&b);
	blocked[0].a = id_of(&b, "proc.state.blocked_time");
	set(&b, 1, ENTITY_PROCESS, blocked, 3);
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, {.op = OP_COUNT_ENTITIES, .a = ENTITY_PROCESS, .b = 0, .c = 1}), 1);
	/* The other one has no such reading: as the only one it would leave the answer open. */
	is_number(RUN(&b, ENTITY_PROCESS, b.other, {.op = OP_PEERS, .a = ENTITY_CGROUP, .c = 1}), 1);
	assert_int_equal(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_PEERS, .a = ENTITY_CGROUP, .c = 1}).type,
			 VALUE_UNKNOWN);
	assert_int_equal(RUN(&b, ENTITY_PROCESS, b.process, {.op = OP_PEERS, .a = ENTITY_POD, .c = 1}).type,
			 VALUE_UNKNOWN);
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), {.op = OP_FINDING_COUNT, .text = "x", .number = 5}), 0);
	b.m.findings = two_findings;
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), {.op = OP_FINDING_COUNT, .text = "x", .number = 5}), 2);
	bench_close(&b);
}

static void test_texts(void **state)
{
	static const struct {
		enum opcode op;
		const char *subject, *argument;
		bool expected;
	} cases[] = {
		{OP_HAS, "python train.py --reset now", "train", true},
		{OP_HAS, "retrain", "train", false},
		{OP_HAS, "retrain train", "train", true},
		{OP_HAS, "train_x", "train", false},
		{OP_STARTS_WITH, "/kube/a", "/kube", true},
		{OP_STARTS_WITH, "/ku", "/kube", false},
		{OP_ENDS_WITH, "/kube/a", "/a", true},
		{OP_ENDS_WITH, "a", "/a", false},
		{OP_CONTAINS, "abc", "b", true},
		{OP_CONTAINS, "abc", "d", false},
	};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), TEXT(cases[i].subject), TEXT(cases[i].argument),
			    {.op = cases[i].op}),
			cases[i].expected);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), TEXT("py"), {.op = OP_MATCHES}), true);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), TEXT("pyx"), {.op = OP_MATCHES}), false);
	assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1), {.op = OP_MATCHES}).type, VALUE_UNKNOWN);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(9), NUMBER(6), NUMBER(9), {.op = OP_IN, .a = 2}),
		true);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(9), NUMBER(6), NUMBER(7), {.op = OP_IN, .a = 2}),
		false);
	bench_close(&b);
}

/* Every pair of {false, true, unknown} through every connective. */
static void test_truth_tables(void **state)
{
	static const int and[3][3] = {{0, 0, 0}, {0, 1, -1}, {0, -1, -1}};
	static const int or [3][3] = {{0, 1, -1}, {1, 1, 1}, {-1, 1, -1}};
	static const struct insn in[3] = {{.op = OP_BOOL}, {.op = OP_BOOL, .a = 1}, {.op = OP_UNKNOWN, .text = "why"}};
	static const enum opcode compared[] = {OP_LESS,	     OP_LESS_EQUAL, OP_GREATER,	 OP_GREATER_EQUAL, OP_EQUAL,
					       OP_NOT_EQUAL, OP_ADD,	    OP_SUBTRACT, OP_MULTIPLY,	   OP_DIVIDE,
					       OP_MODULO,    OP_HAS,	    OP_CONTAINS};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (unsigned x = 0; x < 3; x++) {
		int not = truth_of(RUN(&b, ENTITY_NODE, graph_node(b.graph), in[x], {.op = OP_NOT}));

		assert_int_equal(not, x == 2 ? -1 : !x);
		for (unsigned y = 0; y < 3; y++) {
			assert_int_equal(
				truth_of(RUN(&b, ENTITY_NODE, graph_node(b.graph), in[x], in[y], {.op = OP_AND})),
				and[x][y]);
			assert_int_equal(
				truth_of(RUN(&b, ENTITY_NODE, graph_node(b.graph), in[x], in[y], {.op = OP_OR})),
				or [x][y]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(compared); i++) {
		assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), in[2], NUMBER(1), {.op = compared[i]}).type,
				 VALUE_UNKNOWN);
		assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1), in[2], {.op = compared[i]}).type,
				 VALUE_UNKNOWN);
	}
	assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1), NUMBER(0), {.op = OP_DIVIDE}).type,
			 VALUE_UNKNOWN);
	assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1), NUMBER(0), {.op = OP_MODULO}).type,
			 VALUE_UNKNOWN);
	assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1), TEXT("1"), {.op = OP_EQUAL}).type,
			 VALUE_UNKNOWN);
	/* `in`: found is found; not found among unknowns is unknown. */
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(9), in[2], NUMBER(9), {.op = OP_IN, .a = 2}), true);
	assert_int_equal(
		RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(9), in[2], NUMBER(8), {.op = OP_IN, .a = 2}).type,
		VALUE_UNKNOWN);
	assert_string_equal(b.m.missing.why, "why");
	bench_close(&b);
}

static void test_arithmetic(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(7), NUMBER(2), {.op = OP_SUBTRACT}), 5);
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(7), NUMBER(2), {.op = OP_DIVIDE}), 3.5);
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(7), NUMBER(2), {.op = OP_MODULO}), 1);
	is_number(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(7), {.op = OP_NEGATE}), -7);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), {.op = OP_PARAM}, NUMBER(0.25), {.op = OP_GREATER_EQUAL}),
		true);
	is_bool(RUN(&b, ENTITY_NODE, graph_node(b.graph), {.op = OP_PARAM}, NUMBER(0.25), {.op = OP_LESS}), false);
	assert_int_equal(RUN(&b, ENTITY_NODE, graph_node(b.graph), NUMBER(1e308), NUMBER(10), {.op = OP_MULTIPLY}).type,
			 VALUE_UNKNOWN);
	bench_close(&b);
}

static void test_verify_refuses(void **state)
{
	static const struct insn bad[][2] = {
		{{.op = OP_ADD}, {.op = OP_NOT}},			       /* nothing to pop */
		{{.op = OP_BOOL}, {.op = OP_BOOL}},			       /* two are left */
		{{.op = OP_METRIC, .a = 10000}, {.op = OP_NOT}},	       /* no such metric */
		{{.op = OP_COUNT, .a = 0, .b = PROGRAM_NONE}, {.op = OP_NOT}}, /* not an event */
		{{.op = OP_PARAM, .a = 1}, {.op = OP_NOT}},
		{{.op = OP_BOOL}, {.op = OP_IN, .a = UINT32_MAX}},
		{{.op = OP_TEXT}, {.op = OP_NOT}}, /* a text without one */
		{{.op = OP_TEXT, .text = "x"}, {.op = OP_MATCHES, .b = 1}},
		{{.op = OP_ATTR, .a = ENTITY_KIND_MAX, .text = "x"}, {.op = OP_NOT}},
		{{.op = OP_COUNT_ENTITIES, .b = 9}, {.op = OP_NOT}},
		{{.op = OP_PEERS, .a = ENTITY_NODE, .c = 0}, {.op = OP_NOT}}, /* runs itself for ever */
		{{.op = OP_WINDOW, .b = 99, .number = 1}, {.op = OP_NOT}},
		{{.op = OP_RATE, .number = -1}, {.op = OP_NOT}},
		{{.op = OP_RATE, .number = NAN}, {.op = OP_NOT}},
		{{.op = OP_MAX}, {.op = OP_NOT}},
	};
	struct bench b;
	uint32_t at;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		set(&b, 0, ENTITY_NODE, bad[i], 2);
		assert_err(machine_verify(&b.rs, b.pack.metrics, &at), EINVAL);
		assert_int_equal(at, 0);
	}
	set(&b, 0, ENTITY_NODE, bad[0], 0);
	assert_err(machine_verify(&b.rs, b.pack.metrics, NULL), EINVAL);
	bench_close(&b);
}

static uint32_t pick(uint64_t *random, uint32_t n)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((*random >> 33) % n);
}

/* Random instructions: what the verifier lets pass must run within bounds (the sanitizers watch), on any entity. */
static void test_random_programs(void **state)
{
	uint64_t random = 4711;
	unsigned sound = 0;
	struct bench b;

	(void)state;
	bench_open(&b);
	for (unsigned round = 0; round < 200000; round++) {
		struct insn code[2][8];

		b.rs.n_programs = 0;
		for (unsigned p = 0; p < 2; p++) {
			uint32_t n = 1 + pick(&random, 7);

			for (uint32_t i = 0; i < n; i++)
				code[p][i] = (struct insn){.op = pick(&random, 4) ? pick(&random, OP_NOT)
										  : pick(&random, OP_MAX + 1),
							   .a = pick(&random, 24),
							   .b = pick(&random, 8) ? pick(&random, 3) : PROGRAM_NONE,
							   .c = pick(&random, 2),
							   .number = pick(&random, 100) * 1e9,
							   .text = pick(&random, 3) ? "key" : NULL};
			if (n > 1 && pick(&random, 2))
				code[p][n - 1].op = OP_NOT + pick(&random, OP_MAX - OP_NOT);
			set(&b, p, pick(&random, ENTITY_KIND_MAX), code[p], n);
		}
		if (machine_verify(&b.rs, b.pack.metrics, NULL) < 0)
			continue;
		sound++;
		(void)machine_run(&b.m, 0, b.process, NULL);
		(void)machine_run(&b.m, 0, b.cgroup, NULL);
		(void)machine_run(&b.m, 1, ENTITY_NONE, NULL);
		assert_int_equal(b.m.depth, 0);
	}
	assert_true(sound > 1000);
	bench_close(&b);
}

static void test_memory_of_windows(void **state)
{
	static struct machine_memo memo[MACHINE_MEMO];
	struct bench b;

	(void)state;
	bench_open(&b);
	memset(memo, 0, sizeof(memo));
	b.m.memo = memo;
	b.m.epoch = 1;
	for (unsigned i = 0; i < 3; i++) {
		is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "cgroup.cpu.periods", 10e9)), 100);
		is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "cgroup.cpu.periods", 5e9)), 50);
		is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_RATE, "cgroup.cpu.periods", 5e9)), 10);
		assert_int_equal(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "nic.carrier_changes", 5e9)).type,
				 VALUE_UNKNOWN);
	}
	/* Within a tick it is remembered, in the next one it is reckoned anew. */
	b.m.now = 500 * NS_PER_S;
	is_number(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "cgroup.cpu.periods", 10e9)), 100);
	b.m.epoch = 2;
	assert_int_equal(RUN(&b, ENTITY_CGROUP, b.cgroup, ON(OP_INCREASE, "cgroup.cpu.periods", 10e9)).type,
			 VALUE_UNKNOWN);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),	  cmocka_unit_test(test_events_and_attributes),
		cmocka_unit_test(test_other_entities),	  cmocka_unit_test(test_texts),
		cmocka_unit_test(test_truth_tables),	  cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_verify_refuses),	  cmocka_unit_test(test_random_programs),
		cmocka_unit_test(test_memory_of_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

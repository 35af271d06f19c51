/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "model/batch.h"

struct fixture {
	struct graph *graph;
	struct batch *batch;
};

static void fixture_open(struct fixture *f, size_t max)
{
	*f = (struct fixture){0};
	assert_ok(graph_new(50, "n", &f->graph));
	assert_ok(batch_new(f->graph, max, max, max, &f->batch));
	batch_reset(f->batch, 10 * NS_PER_S);
}

static void fixture_close(struct fixture *f)
{
	batch_free(&f->batch);
	assert_null(f->batch);
	batch_free(&f->batch);
	graph_free(&f->graph);
}

static void changes_of_the_graph_are_journalled_once(void **state)
{
	struct fixture f;
	entity_id p, c;
	struct batch *b;

	(void)state;
	fixture_open(&f, 100);
	b = f.batch;
	p = batch_entity(b, ENTITY_PROCESS, "1/1");
	c = batch_entity(b, ENTITY_CGROUP, "/");
	batch_attr(b, p, "comm", "a\xff");
	batch_attr_u64(b, p, "ppid", 18446744073709551615u);
	batch_link(b, EDGE_IN, p, c);
	assert_int_equal(b->n_ops, 5);
	assert_int_equal(b->ops[0].kind, BATCH_OP_ENTITY);
	assert_int_equal(b->ops[0].entity_kind, ENTITY_PROCESS);
	assert_int_equal(b->ops[0].a, p);
	assert_string_equal(b->ops[0].name, "1/1");
	assert_int_equal(b->ops[2].kind, BATCH_OP_ATTR);
	assert_string_equal(b->ops[2].name, "comm");
	assert_string_equal(b->ops[2].value, "a\\xFF"); /* as the graph keeps it */
	assert_string_equal(b->ops[3].value, "18446744073709551615");
	assert_int_equal(b->ops[4].kind, BATCH_OP_LINK);
	assert_int_equal(b->ops[4].edge, EDGE_IN);
	assert_int_equal(b->ops[4].a, p);
	assert_int_equal(b->ops[4].b, c);

	/* The same again next tick: nothing new. */
	batch_reset(b, 11 * NS_PER_S);
	assert_int_equal(batch_entity(b, ENTITY_PROCESS, "1/1"), p);
	batch_attr(b, p, "comm", "a\xff");
	batch_attr_u64(b, p, "ppid", 18446744073709551615u);
	batch_link(b, EDGE_IN, p, c);
	batch_link(b, EDGE_IN, p, graph_node(f.graph));
	assert_int_equal(b->n_ops, 0);

	batch_attr(b, p, "comm", NULL);
	batch_unlink(b, EDGE_IN, p, c);
	batch_unlink(b, EDGE_IN, p, c);
	batch_gone(b, p);
	batch_gone(b, p);
	assert_int_equal(batch_entity(b, ENTITY_PROCESS, "1/1"), p); /* back to life: that is news */
	assert_int_equal(b->n_ops, 4);
	assert_null(b->ops[0].value);
	assert_string_equal(b->ops[0].name, "comm");
	assert_int_equal(b->ops[1].kind, BATCH_OP_UNLINK);
	assert_int_equal(b->ops[2].kind, BATCH_OP_GONE);
	assert_int_equal(b->ops[3].kind, BATCH_OP_ENTITY);
	fixture_close(&f);
}

static void samples_carry_base_time_and_no_nonsense(void **state)
{
	struct fixture f;
	struct batch *b;
	entity_id cpu;

	(void)state;
	fixture_open(&f, 4);
	b = f.batch;
	cpu = batch_entity(b, ENTITY_CPU, "0");
	batch_set_metric_base(b, 40);
	batch_sample(b, 2, cpu, 1.5);
	batch_sample_at(b, 3, cpu, 77, 2.5);
	batch_sample(b, 2, cpu, NAN);
	batch_sample(b, 2, cpu, INFINITY);
	assert_int_equal(b->n_samples, 2);
	assert_int_equal(b->dropped_samples, 0);
	assert_int_equal(b->samples[0].metric, 42);
	assert_int_equal(b->samples[0].entity, cpu);
	assert_int_equal(b->samples[0].at, 10 * NS_PER_S);
	assert_true(b->samples[0].value == 1.5);
	assert_int_equal(b->samples[1].at, 77);

	batch_sample(b, 2, ENTITY_NONE, 1);
	assert_int_equal(b->dropped_samples, 1);
	batch_sample(b, 2, cpu, 1);
	batch_sample(b, 2, cpu, 2);
	batch_sample(b, 2, cpu, 3);
	assert_int_equal(b->n_samples, 4);
	assert_int_equal(b->dropped_samples, 2);
	assert_true(b->samples[3].value == 2); /* the newest is what falls out */
	batch_reset(b, 20 * NS_PER_S);
	assert_int_equal(b->n_samples, 0);
	assert_int_equal(b->dropped_samples, 2);
	fixture_close(&f);
}

static void a_sample_on_what_the_graph_dropped_is_dropped(void **state)
{
	struct fixture f;
	entity_id cpu;

	(void)state;
	fixture_open(&f, 4);
	cpu = batch_entity(f.batch, ENTITY_CPU, "0");
	batch_gone(f.batch, cpu);
	batch_sample(f.batch, 0, cpu, 1); /* a tombstone may still have last words */
	assert_int_equal(f.batch->n_samples, 1);
	assert_int_equal(graph_expire(f.graph, 400 * NS_PER_S, NULL, NULL), 1);
	batch_sample(f.batch, 0, cpu, 1);
	assert_null(batch_event(f.batch, 0, cpu, 0, SEVERITY_INFO, 0));
	assert_int_equal(f.batch->n_samples, 1);
	assert_int_equal(f.batch->dropped_samples, 1);
	assert_int_equal(f.batch->dropped_events, 1);
	fixture_close(&f);
}

static void events_hold_values_by_field(void **state)
{
	struct fixture f;
	struct event *e;
	struct batch *b;
	char text[600], comm[16] = "python3";

	(void)state;
	fixture_open(&f, 2);
	b = f.batch;
	batch_set_metric_base(b, 7);
	e = batch_event(b, 1, graph_node(f.graph), 123, SEVERITY_CRITICAL, -9);
	assert_non_null(e);
	batch_value_text(b, e, 0, comm);
	memset(comm, 0, sizeof(comm)); /* it was copied */
	batch_value_number(b, e, 2, 4096);
	batch_value_number(b, e, 3, NAN);
	batch_value_text(b, e, METRIC_MAX_FIELDS, "beyond");
	batch_message(b, e, "%s killed \x01%d", "kernel", 5);
	assert_int_equal(e->metric, 8);
	assert_int_equal(e->at, 123);
	assert_int_equal(e->code, -9);
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	assert_int_equal(e->n_values, 3);
	assert_string_equal(e->values[0].text, "python3");
	assert_null(e->values[1].text);
	assert_true(isnan(e->values[1].number));
	assert_true(e->values[2].number == 4096);
	assert_true(isnan(e->values[9].number));
	assert_string_equal(e->message, "kernel killed \x01" "5");

	memset(text, 'z', sizeof(text));
	text[599] = '\0';
	e = batch_event(b, 1, graph_node(f.graph), 124, (enum severity)99, 0);
	batch_value_text(b, e, 1, text);
	assert_int_equal(strlen(e->values[1].text), 512);
	batch_value_text(b, e, 1, "x\x80y");
	assert_string_equal(e->values[1].text, "x\\x80y");
	assert_int_equal(e->severity, SEVERITY_INFO);

	assert_null(batch_event(b, 1, graph_node(f.graph), 125, SEVERITY_INFO, 0));
	assert_int_equal(b->dropped_events, 1);
	batch_value_text(b, NULL, 0, "x");
	batch_value_number(b, NULL, 0, 1);
	batch_message(b, NULL, "x");
	fixture_close(&f);
}

static void a_long_message_is_cut_between_letters(void **state)
{
	struct fixture f;
	struct event *e;
	char text[2049];

	(void)state;
	for (size_t i = 0; i < 2048; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[2048] = '\0';
	fixture_open(&f, 2);
	e = batch_event(f.batch, 1, graph_node(f.graph), 0, SEVERITY_INFO, 0);
	batch_message(f.batch, e, "%s", text);
	assert_int_equal(strlen(e->message), 1022);
	assert_memory_equal(e->message, text, 1022);
	fixture_close(&f);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct fixture f;
	char key[] = "0";

	(void)state;
	fixture_open(&f, 3);
	for (key[0] = 'A'; key[0] < 'A' + 60; key[0]++)
		(void)batch_entity(f.batch, ENTITY_CPU, key);
	assert_int_equal(f.batch->n_ops, 3);
	assert_int_equal(f.batch->dropped_ops, 46);
	assert_int_equal(f.batch->refused_entities, 11);
	assert_int_equal(batch_entity(f.batch, ENTITY_CPU, ""), ENTITY_NONE);
	assert_int_equal(f.batch->refused_entities, 12);
	fixture_close(&f);
}

static void severities_have_names(void **state)
{
	enum severity s;

	(void)state;
	for (unsigned i = 0; i < SEVERITY_MAX; i++) {
		assert_ok(severity_parse(severity_name((enum severity)i), &s));
		assert_int_equal(s, i);
	}
	assert_string_equal(severity_name(SEVERITY_MAX), "?");
	assert_err(severity_parse("fatal", &s), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_the_graph_are_journalled_once),
		cmocka_unit_test(samples_carry_base_time_and_no_nonsense),
		cmocka_unit_test(a_sample_on_what_the_graph_dropped_is_dropped),
		cmocka_unit_test(events_hold_values_by_field),
		cmocka_unit_test(a_long_message_is_cut_between_letters),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(severities_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

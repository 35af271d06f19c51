// SPDX-License-Identifier: Apache-2.0
#include "rules/correlate.h"

#include "base/cleanup.h"
#include "model/batch.h"
#include "tests/rules/pack.h"
#include "tests/test.h"

static void test_pairs(void **state)
{
	const double up[] = {1, 2, 3, 4}, down[] = {8, 6, 4, 2}, flat[] = {5, 5, 5, 5}, zigzag[] = {1, -1, -1, 1};
	double r = 7;

	(void)state;
	assert_true(correlate_pairs(up, up, 4, &r));
	assert_float_equal(r, 1, 1e-9);
	assert_true(correlate_pairs(up, down, 4, &r));
	assert_float_equal(r, -1, 1e-9);
	assert_true(correlate_pairs(up, zigzag, 4, &r));
	assert_float_equal(r, 0, 1e-9);
	assert_false(correlate_pairs(up, flat, 4, &r));
	assert_false(correlate_pairs(up, up, 1, &r));
}

static void test_series_of_two_entities(void **state)
{
	struct correlate_side a, b;
	struct series_store *s;
	struct graph *g;
	struct batch *batch;
	struct pack p;
	entity_id cgroup, gpu;
	double total = 0, r;

	(void)state;
	pack_open(&p);
	assert_ok(graph_new(16, "n1", &g));
	assert_ok(batch_new(g, 16, 16, 16, &batch));
	assert_ok(series_store_new(16, 1 << 20, p.metrics, &s));
	a.metric = metrics_find(p.metrics, "cgroup.cpu.throttled_time");
	b.metric = metrics_find(p.metrics, "gpu.sm_active");
	assert_ok(series_demand(s, a.metric, 60 * NS_PER_S, NS_PER_S));
	assert_ok(series_demand(s, b.metric, 60 * NS_PER_S, NS_PER_S));
	cgroup = batch_entity(batch, ENTITY_CGROUP, "/a");
	gpu = batch_entity(batch, ENTITY_GPU, "0000:01:00.0");
	a.entity = cgroup;
	b.entity = gpu;
	a.is_rate = true;
	b.is_rate = false;
	a.scale = 1;
	b.scale = -1; /* "1 - x" */
	assert_false(correlate_series(s, &a, &b, 100 * NS_PER_S, 60 * NS_PER_S, &r));
	for (unsigned i = 0; i < 30; i++) {
		bool throttled = (i / 5) % 2;

		batch_reset(batch, (100 + i) * NS_PER_S);
		total = i == 20 ? 0 : total + (throttled ? 5e8 : 0); /* a reset in the middle */
		batch_sample(batch, a.metric, cgroup, total);
		batch_sample_at(batch, b.metric, gpu, (100 + i) * NS_PER_S - NS_PER_S / 4, throttled ? 0.2 : 0.9);
		series_put_batch(s, batch);
	}
	assert_true(correlate_series(s, &a, &b, 129 * NS_PER_S, 60 * NS_PER_S, &r));
	assert_true(r > 0.5);
	b.scale = 1;
	assert_true(correlate_series(s, &a, &b, 129 * NS_PER_S, 60 * NS_PER_S, &r));
	assert_true(r < -0.5);
	/* Three points tell nothing. */
	assert_false(correlate_series(s, &a, &b, 129 * NS_PER_S, 3 * NS_PER_S, &r));
	series_store_free(&s);
	batch_free(&batch);
	graph_free(&g);
	pack_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_series_of_two_entities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

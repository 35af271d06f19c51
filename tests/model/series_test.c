/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/series.h"

enum { GAUGE, COUNTER, STATE, EVENT, OTHER, N_METRICS };

static const char *const states[] = {"down", "up", NULL};
static const struct metric_desc table[N_METRICS] = {
	[GAUGE] = {.name = "t.gauge", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "level"},
	[COUNTER] = {.name = "t.counter", .kind = METRIC_COUNTER, .about = ENTITY_CPU, .help = "grows"},
	[STATE] = {.name = "t.state", .kind = METRIC_STATE, .about = ENTITY_CPU, .help = "state", .states = states},
	[EVENT] = {.name = "t.event", .kind = METRIC_EVENT, .about = ENTITY_CPU, .help = "happens"},
	[OTHER] = {.name = "t.other", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "never wanted"},
};

struct fixture {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct series_store *store;
	entity_id cpu;
};

static void fixture_open(struct fixture *f, size_t max_series, size_t max_bytes)
{
	*f = (struct fixture){0};
	assert_ok(metrics_new(&f->metrics));
	assert_ok(metrics_add(f->metrics, "test", table, N_METRICS, NULL));
	assert_ok(graph_new(5000, "n", &f->graph));
	assert_ok(batch_new(f->graph, 6000, 6000, 100, &f->batch));
	assert_ok(series_store_new(max_series, max_bytes, f->metrics, &f->store));
	f->cpu = batch_entity(f->batch, ENTITY_CPU, "0");
}

static void fixture_close(struct fixture *f)
{
	series_store_free(&f->store);
	assert_null(f->store);
	series_store_free(&f->store);
	batch_free(&f->batch);
	graph_free(&f->graph);
	metrics_free(&f->metrics);
}

static void put(struct fixture *f, uint32_t metric, mono_ns_t at, double value)
{
	batch_reset(f->batch, at);
	batch_sample(f->batch, metric, f->cpu, value);
	series_put_batch(f->store, f->batch);
}

static void put_event(struct fixture *f, mono_ns_t at, int32_t code)
{
	batch_reset(f->batch, at);
	(void)batch_event(f->batch, EVENT, f->cpu, at, SEVERITY_WARNING, code);
	series_put_batch(f->store, f->batch);
}

static struct series_stats stats(const struct fixture *f)
{
	struct series_stats s;

	series_store_stats(f->store, &s);
	return s;
}

#define S(n) ((mono_ns_t)((n) * (double)NS_PER_S))

static void what_nobody_demanded_is_not_kept(void **state)
{
	struct fixture f;
	double value = 7;
	mono_ns_t at = 7;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_err(series_demand(f.store, N_METRICS, S(60), S(1)), EINVAL);
	put(&f, GAUGE, S(1), 1);
	assert_false(series_last(f.store, GAUGE, f.cpu, S(1), S(10), &value, &at));
	assert_int_equal(stats(&f).n_series, 0);

	assert_ok(series_demand(f.store, GAUGE, 0, 0));
	put(&f, GAUGE, S(2), 2.5);
	put(&f, OTHER, S(2), 2.5);
	assert_int_equal(stats(&f).n_series, 1);
	assert_true(series_last(f.store, GAUGE, f.cpu, S(5), S(3), &value, &at));
	assert_true(value == 2.5);
	assert_int_equal(at, S(2));
	value = 7;
	assert_false(series_last(f.store, GAUGE, f.cpu, S(5) + 1, S(3), &value, NULL)); /* too old */
	assert_false(series_last(f.store, GAUGE, f.cpu + 1, S(5), S(3), &value, NULL));
	assert_true(value == 7);
	assert_false(series_window(f.store, SERIES_MAX, GAUGE, f.cpu, S(2), S(60), &value)); /* only the latest was wanted */
	fixture_close(&f);
}

static void too_little_memory_or_room_is_said_at_birth(void **state)
{
	struct series_store *s = NULL;
	struct metrics *m = NULL;

	(void)state;
	assert_ok(metrics_new(&m));
	assert_err(series_store_new(0, 100000, m, &s), EINVAL);
	assert_err(series_store_new(1000, 1000, m, &s), EINVAL);
	assert_null(s);
	metrics_free(&m);
}

static void a_window_needs_two_points_over_half_of_it(void **state)
{
	struct fixture f;
	double value = 0;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_ok(series_demand(f.store, GAUGE, S(10), S(1)));
	put(&f, GAUGE, S(20), 4);
	assert_false(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(20), S(10), &value));
	assert_false(series_window(f.store, SERIES_P50, GAUGE, f.cpu, S(20), S(10), &value));
	assert_true(series_window(f.store, SERIES_MIN, GAUGE, f.cpu, S(20), S(10), &value));
	assert_true(value == 4);
	put(&f, GAUGE, S(24.9), 6);
	assert_false(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(25), S(10), &value));
	put(&f, GAUGE, S(25), 8);
	assert_true(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(25), S(10), &value));
	assert_true(value == 6);
	assert_true(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(30), S(10), &value));
	assert_false(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(30) + 1, S(10), &value)); /* the first is out */
	assert_false(series_window(f.store, SERIES_MAX, GAUGE, f.cpu, S(36), S(10), &value));
	fixture_close(&f);
}

static void known_values_give_known_answers(void **state)
{
	struct fixture f;
	struct point points[3];
	double value;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_ok(series_demand(f.store, GAUGE, S(200), S(1)));
	for (unsigned i = 1; i <= 100; i++)
		put(&f, GAUGE, S(i), (double)(i * 37 % 101)); /* all of 1..100, shuffled */
	assert_true(series_window(f.store, SERIES_P50, GAUGE, f.cpu, S(100), S(150), &value));
	assert_true(value == 50);
	assert_true(series_window(f.store, SERIES_P95, GAUGE, f.cpu, S(100), S(150), &value));
	assert_true(value == 95);
	assert_true(series_window(f.store, SERIES_P99, GAUGE, f.cpu, S(100), S(150), &value));
	assert_true(value == 99);
	assert_true(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(100), S(150), &value));
	assert_true(value == 50.5);
	assert_int_equal(series_points(f.store, GAUGE, f.cpu, S(100), S(150), points, 3), 3);
	assert_int_equal(points[0].at, S(98)); /* of more than fit the newest, oldest first */
	assert_true(points[2].last == 100 * 37 % 101);
	assert_int_equal(points[2].n, 1);

	for (unsigned i = 0; i < 60; i++)
		put(&f, GAUGE, S(1000 + i), 1e15 + 3.0 * i);
	assert_true(series_window(f.store, SERIES_SLOPE, GAUGE, f.cpu, S(1059), S(60), &value));
	assert_true(fabs(value - 3) < 1e-9);
	fixture_close(&f);
}

/* ---- against the plainest model: all samples ever, in one array -------------------------------------- */

#define MAX_NAIVE 4000

struct naive {
	size_t n;
	mono_ns_t at[MAX_NAIVE];
	double value[MAX_NAIVE];
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void assert_near(double got, double expected)
{
	if (fabs(got - expected) > 1e-9 * (1 + fabs(expected)))
		fail_msg("%.17g is not %.17g", got, expected);
}

static bool naive_window(const struct naive *v, enum series_fn fn, mono_ns_t now, uint64_t window, double *ret)
{
	double sorted[MAX_NAIVE], sum = 0, t = 0, tt = 0, y = 0, ty = 0;
	size_t first = 0, n;

	while (first < v->n && v->at[first] < (now > window ? now - window : 0))
		first++;
	n = v->n - first;
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		double s = (double)(v->at[first + i] - v->at[first]) / 1e9, z = v->value[first + i];

		sorted[i] = z;
		sum += z;
		t += s;
		tt += s * s;
		y += z;
		ty += s * z;
	}
	qsort(sorted, n, sizeof(sorted[0]), compare);
	if (fn == SERIES_MIN || fn == SERIES_MAX) {
		*ret = fn == SERIES_MIN ? sorted[0] : sorted[n - 1];
		return true;
	}
	if (n < 2 || v->at[v->n - 1] - v->at[first] < window / 2)
		return false;
	if (fn == SERIES_AVG)
		*ret = sum / (double)n;
	else if (fn == SERIES_SLOPE)
		*ret = ((double)n * ty - t * y) / ((double)n * tt - t * t);
	else
		*ret = sorted[(size_t)ceil((fn == SERIES_P50 ? 0.5 : fn == SERIES_P95 ? 0.95 : 0.99) * (double)n) - 1];
	return true;
}

static bool naive_increase(const struct naive *v, mono_ns_t now, uint64_t window, double *ret, uint64_t *ret_span)
{
	size_t first = 0;
	double sum = 0;

	while (first < v->n && v->at[first] < (now > window ? now - window : 0))
		first++;
	if (v->n - first < 2 || v->at[v->n - 1] - v->at[first] < window / 2)
		return false;
	for (size_t i = first + 1; i < v->n; i++)
		sum += v->value[i] < v->value[i - 1] ? v->value[i] : v->value[i] - v->value[i - 1];
	*ret = sum;
	*ret_span = v->at[v->n - 1] - v->at[first];
	return true;
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void random_gauges_agree_with_the_naive_model(void **state)
{
	static struct naive naive;
	struct fixture f;
	uint32_t seed = 7;
	mono_ns_t at = S(5);

	(void)state;
	naive.n = 0;
	fixture_open(&f, 10, 1000000);
	assert_ok(series_demand(f.store, GAUGE, S(120), S(1)));
	for (unsigned i = 0; i < 1500; i++) {
		/* Mostly once a second, at times a gap, at times several wake-ups in between. */
		at += random_next(&seed) % 20 == 0 ? S(40) : S(0.2) + random_next(&seed) % (uint32_t)S(1.2);
		naive.at[naive.n] = at;
		naive.value[naive.n++] = (double)(random_next(&seed) % 1000) / 8 - 40;
		put(&f, GAUGE, at, naive.value[naive.n - 1]);
		for (enum series_fn fn = SERIES_AVG; fn <= SERIES_P99; fn++) {
			uint64_t window = S(1 + random_next(&seed) % 119);
			mono_ns_t now = at + random_next(&seed) % (uint32_t)S(2);
			double got = 0, expected = 0;
			bool known = naive_window(&naive, fn, now, window, &expected);

			assert_int_equal(series_window(f.store, fn, GAUGE, f.cpu, now, window, &got), known);
			assert_near(got, expected);
		}
	}
	fixture_close(&f);
}

static void random_counters_with_resets_agree_with_the_naive_model(void **state)
{
	static struct naive naive;
	struct fixture f;
	uint32_t seed = 11;
	mono_ns_t at = S(5);
	double count = 500;
	unsigned n_known = 0;

	(void)state;
	naive.n = 0;
	fixture_open(&f, 10, 1000000);
	assert_ok(series_demand(f.store, COUNTER, S(60), S(1)));
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t window = S(1 + random_next(&seed) % 59), got_span = 0, expected_span = 0;
		double got = 0, expected = 0, last;
		bool known;

		at += S(0.5) + random_next(&seed) % (uint32_t)S(1);
		count = random_next(&seed) % 30 == 0 ? random_next(&seed) % 20 : count + random_next(&seed) % 50;
		naive.at[naive.n] = at;
		naive.value[naive.n++] = count;
		put(&f, COUNTER, at, count);
		known = naive_increase(&naive, at, window, &expected, &expected_span);
		n_known += known;
		assert_int_equal(series_increase(f.store, COUNTER, f.cpu, at, window, &got, &got_span), known);
		assert_near(got, expected);
		assert_int_equal(got_span, expected_span);
		assert_true(series_last(f.store, COUNTER, f.cpu, at, 0, &last, NULL));
		assert_true(last == count); /* as it was read, resets and all */
	}
	assert_true(n_known > 1000);
	fixture_close(&f);
}

static void a_long_window_is_kept_coarser(void **state)
{
	struct fixture f;
	struct point points[SERIES_MAX_POINTS];
	uint64_t span, samples = 0;
	double value, increase;
	size_t n;

	(void)state;
	fixture_open(&f, 10, 1000000);
	assert_ok(series_demand(f.store, GAUGE, S(7200), S(1)));
	assert_ok(series_demand(f.store, COUNTER, S(7200), S(1)));
	for (unsigned i = 1; i <= 20000; i++) {
		put(&f, GAUGE, S(i), i % 100 == 50 ? 1000 : 10);
		put(&f, COUNTER, S(i), (double)(5 * (i % 15000))); /* one reset, inside the window */
	}
	n = series_points(f.store, GAUGE, f.cpu, S(20000), S(7200), points, SERIES_MAX_POINTS);
	assert_in_range(n, 400, SERIES_MAX_POINTS);
	for (size_t i = 0; i < n; i++) {
		samples += points[i].n;
		assert_true(points[i].min == 10);
		assert_true(points[i].max == 10 || points[i].max == 1000);
		assert_true(points[i].mean >= 10 && points[i].mean < 100);
		assert_true(i == 0 || points[i].at > points[i - 1].at);
	}
	assert_in_range(samples, 7180, 7220);
	assert_int_equal(points[n - 1].at, S(20000));
	assert_true(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(20000), S(7200), &value));
	assert_true(fabs(value - 19.9) < 0.2);
	assert_true(series_window(f.store, SERIES_MAX, GAUGE, f.cpu, S(20000), S(7200), &value));
	assert_true(value == 1000); /* a peak of one second is not averaged away */
	assert_true(series_window(f.store, SERIES_MIN, GAUGE, f.cpu, S(20000), S(600), &value));
	assert_true(value == 10);
	assert_true(series_increase(f.store, COUNTER, f.cpu, S(20000), S(7200), &increase, &span));
	assert_in_range(span, S(7150), S(7200));
	assert_near(increase, 5 * (double)span / 1e9 - 5); /* the step that fell to 0 is lost to anybody */
	fixture_close(&f);
}

static void samples_that_come_too_often_make_a_series_coarse(void **state)
{
	struct fixture f;
	struct point points[SERIES_MAX_POINTS];
	double value;
	size_t n;

	(void)state;
	fixture_open(&f, 10, 1000000);
	assert_ok(series_demand(f.store, GAUGE, S(60), S(1)));
	for (unsigned i = 0; i < 600; i++) /* 50 a second */
		put(&f, GAUGE, S(1) + i * S(0.02), i);
	n = series_points(f.store, GAUGE, f.cpu, S(13), S(60), points, SERIES_MAX_POINTS);
	assert_in_range(n, 80, 120);
	assert_int_equal(points[0].at < S(1.2), 1); /* nothing of the window was lost */
	assert_true(series_window(f.store, SERIES_MIN, GAUGE, f.cpu, S(13), S(60), &value));
	assert_true(value == 0);
	assert_true(series_window(f.store, SERIES_MAX, GAUGE, f.cpu, S(13), S(60), &value));
	assert_true(value == 599);
	assert_true(series_last(f.store, GAUGE, f.cpu, S(13), S(1.1), &value, NULL));
	assert_true(value == 599);
	fixture_close(&f);
}

static void a_change_is_seen_or_its_absence_known(void **state)
{
	struct fixture f;
	bool changed = false;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_ok(series_demand(f.store, STATE, S(60), S(1)));
	assert_false(series_changed(f.store, STATE, f.cpu, S(1), S(60), &changed));
	put(&f, STATE, S(1), 1);
	assert_false(series_changed(f.store, STATE, f.cpu, S(1), S(60), &changed));
	put(&f, STATE, S(2), 0);
	assert_true(series_changed(f.store, STATE, f.cpu, S(2), S(60), &changed));
	assert_true(changed);
	for (unsigned i = 3; i < 100; i++)
		put(&f, STATE, S(i), 0);
	assert_true(series_changed(f.store, STATE, f.cpu, S(100), S(30), &changed));
	assert_false(changed);
	fixture_close(&f);
}

static void late_and_early_samples(void **state)
{
	struct fixture f;
	mono_ns_t at;
	double value;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_ok(series_demand(f.store, GAUGE, S(60), S(1)));
	batch_reset(f.batch, S(10));
	batch_sample_at(f.batch, GAUGE, f.cpu, S(99), 1); /* it claims to come from the future */
	batch_sample_at(f.batch, GAUGE, f.cpu, S(9), 2);  /* older than the one before it */
	batch_sample_at(f.batch, 5000, f.cpu, S(9), 2);	  /* no such metric */
	batch_sample_at(f.batch, EVENT, f.cpu, S(9), 2);  /* not a sample */
	series_put_batch(f.store, f.batch);
	assert_true(series_last(f.store, GAUGE, f.cpu, S(10), 0, &value, &at));
	assert_int_equal(at, S(10));
	assert_true(value == 1);
	assert_int_equal(stats(&f).dropped_points, 1);
	assert_int_equal(stats(&f).n_series, 1);
	fixture_close(&f);
}

static void series_end_with_their_entity_and_with_demand(void **state)
{
	struct fixture f;
	entity_id other;
	size_t empty;
	double value;

	(void)state;
	fixture_open(&f, 10, 100000);
	empty = stats(&f).bytes;
	other = batch_entity(f.batch, ENTITY_CPU, "1");
	assert_ok(series_demand(f.store, GAUGE, S(60), S(1)));
	assert_ok(series_demand(f.store, COUNTER, S(60), S(1)));
	assert_ok(series_demand(f.store, EVENT, S(60), 0));
	for (unsigned i = 0; i < 50; i++) {
		batch_reset(f.batch, S(i));
		batch_sample(f.batch, GAUGE, f.cpu, i);
		batch_sample(f.batch, COUNTER, f.cpu, i);
		batch_sample(f.batch, GAUGE, other, i);
		(void)batch_event(f.batch, EVENT, f.cpu, S(i), SEVERITY_INFO, 1);
		series_put_batch(f.store, f.batch);
	}
	assert_int_equal(stats(&f).n_series, 4);
	assert_true(stats(&f).bytes > empty + 3 * 50 * 16);
	series_drop_entity(f.store, f.cpu);
	series_drop_entity(f.store, f.cpu);
	assert_int_equal(stats(&f).n_series, 1);
	assert_false(series_last(f.store, COUNTER, f.cpu, S(50), S(60), &value, NULL));
	assert_int_equal(series_event_total(f.store, EVENT, f.cpu, S(50), S(60)), 0);
	assert_true(series_last(f.store, GAUGE, other, S(50), S(60), &value, NULL));

	put(&f, COUNTER, S(51), 3);
	series_forget_demand(f.store);
	assert_ok(series_demand(f.store, COUNTER, S(10), S(1)));
	assert_true(series_last(f.store, GAUGE, other, S(51), S(60), &value, NULL)); /* until the next batch */
	put(&f, COUNTER, S(52), 4);
	assert_int_equal(stats(&f).n_series, 1);
	assert_false(series_last(f.store, GAUGE, other, S(52), S(60), &value, NULL));
	assert_true(series_last(f.store, COUNTER, f.cpu, S(52), S(60), &value, NULL));
	series_drop_entity(f.store, f.cpu);
	assert_int_equal(stats(&f).n_series, 0);
	assert_int_equal(stats(&f).bytes, empty);
	fixture_close(&f);
}

static void too_many_series_are_refused_and_counted(void **state)
{
	struct fixture f;
	char key[8];
	double value;

	(void)state;
	fixture_open(&f, 16, 100000);
	assert_ok(series_demand(f.store, GAUGE, S(5), S(1)));
	batch_reset(f.batch, S(1));
	for (unsigned i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "%u", i);
		batch_sample(f.batch, GAUGE, batch_entity(f.batch, ENTITY_CPU, key), i);
	}
	series_put_batch(f.store, f.batch);
	assert_int_equal(stats(&f).n_series, 16);
	assert_int_equal(stats(&f).refused_series, 4);
	assert_true(series_last(f.store, GAUGE, graph_find(f.graph, ENTITY_CPU, "15"), S(1), S(1), &value, NULL));
	assert_false(series_last(f.store, GAUGE, graph_find(f.graph, ENTITY_CPU, "16"), S(1), S(1), &value, NULL));
	series_drop_entity(f.store, graph_find(f.graph, ENTITY_CPU, "3"));
	batch_reset(f.batch, S(1));
	batch_sample(f.batch, GAUGE, graph_find(f.graph, ENTITY_CPU, "16"), 1);
	series_put_batch(f.store, f.batch);
	assert_true(series_last(f.store, GAUGE, graph_find(f.graph, ENTITY_CPU, "16"), S(1), S(1), &value, NULL));
	fixture_close(&f);
}

static void with_memory_used_up_the_newest_is_still_known(void **state)
{
	struct fixture f;
	double value;

	(void)state;
	fixture_open(&f, 10, 4000); /* some twenty chunks */
	assert_ok(series_demand(f.store, GAUGE, S(400), S(1)));
	for (unsigned i = 1; i <= 400; i++)
		put(&f, GAUGE, S(i), i);
	assert_true(stats(&f).dropped_points > 100);
	assert_true(stats(&f).bytes <= 4000);
	assert_true(series_window(f.store, SERIES_MAX, GAUGE, f.cpu, S(400), S(400), &value));
	assert_true(value == 400);
	assert_false(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(400), S(400), &value)); /* honest about it */
	assert_true(series_window(f.store, SERIES_AVG, GAUGE, f.cpu, S(400), S(20), &value));
	assert_true(value == 390);
	fixture_close(&f);
}

static void a_usual_store_holds_twenty_thousand_series(void **state)
{
	struct fixture f;
	entity_id cpus[4000];
	char key[12];

	(void)state;
	fixture_open(&f, 20000, 12 << 20);
	assert_ok(series_demand(f.store, GAUGE, S(10), S(1)));
	assert_ok(series_demand(f.store, COUNTER, S(10), S(1)));
	assert_ok(series_demand(f.store, STATE, 0, S(1)));
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(key, sizeof(key), "c%u", i);
		cpus[i] = batch_entity(f.batch, ENTITY_CPU, key);
	}
	for (unsigned t = 1; t <= 60; t++) {
		for (uint32_t metric = GAUGE; metric <= STATE; metric++) {
			batch_reset(f.batch, S(t));
			for (unsigned i = 0; i < 4000; i++)
				batch_sample(f.batch, metric, cpus[i], t);
			series_put_batch(f.store, f.batch);
		}
	}
	assert_int_equal(stats(&f).n_series, 12000);
	assert_int_equal(stats(&f).dropped_points, 0);
	assert_true(stats(&f).bytes < 12 << 20);
	fixture_close(&f);
}

/* ---- events ----------------------------------------------------------------------------------------- */

static void events_come_newest_first_with_their_texts(void **state)
{
	const struct event *got[4];
	struct fixture f;
	struct event *e;
	double code;

	(void)state;
	fixture_open(&f, 10, 100000);
	assert_ok(series_demand(f.store, EVENT, S(60), 0));
	for (int i = 1; i <= 3; i++) {
		batch_reset(f.batch, S(i));
		e = batch_event(f.batch, EVENT, f.cpu, S(i), SEVERITY_CRITICAL, 70 + i);
		batch_value_text(f.batch, e, 1, i == 2 ? "python3" : "sh");
		batch_value_number(f.batch, e, 2, i);
		batch_message(f.batch, e, "number %d", i);
		series_put_batch(f.store, f.batch);
	}
	batch_reset(f.batch, S(4)); /* the batch's own texts are gone now */
	assert_int_equal(series_events(f.store, EVENT, f.cpu, S(4), S(60), got, 4), 3);
	assert_int_equal(got[0]->code, 73);
	assert_int_equal(got[1]->code, 72);
	assert_string_equal(got[1]->values[1].text, "python3");
	assert_true(got[1]->values[2].number == 2);
	assert_null(got[1]->values[0].text);
	assert_true(isnan(got[1]->values[9].number));
	assert_string_equal(got[1]->message, "number 2");
	assert_int_equal(series_events(f.store, EVENT, f.cpu, S(4), S(60), got, 1), 1);
	assert_int_equal(got[0]->code, 73);
	assert_int_equal(series_events(f.store, EVENT, f.cpu, S(4), S(2), got, 4), 2);
	assert_int_equal(series_event_total(f.store, EVENT, f.cpu, S(4), S(2)), 2);
	assert_int_equal(series_event_total(f.store, EVENT, f.cpu, S(64), S(60)), 0);
	assert_true(series_last(f.store, EVENT, f.cpu, S(4), S(60), &code, NULL));
	assert_true(code == 73);
	assert_int_equal(series_events(f.store, GAUGE, f.cpu, S(4), S(60), got, 4), 0);
	fixture_close(&f);
}

static void a_storm_of_events_is_counted_whole(void **state)
{
	const struct event *got[SERIES_MAX_EVENTS];
	struct fixture f;

	(void)state;
	fixture_open(&f, 10, 200000);
	assert_ok(series_demand(f.store, EVENT, S(60), 0));
	for (unsigned i = 0; i < 5000; i++)
		put_event(&f, S(100) + i * S(0.01), (int32_t)i); /* 100 a second for 50 s */
	assert_int_equal(series_events(f.store, EVENT, f.cpu, S(150), S(60), got, SERIES_MAX_EVENTS), SERIES_MAX_EVENTS);
	assert_int_equal(got[0]->code, 4999);
	assert_int_equal(got[63]->code, 4936);
	assert_int_equal(series_event_total(f.store, EVENT, f.cpu, S(150), S(60)), 5000);
	assert_in_range(series_event_total(f.store, EVENT, f.cpu, S(150), S(20)), 1790, 2000);
	assert_in_range(series_event_total(f.store, EVENT, f.cpu, S(170), S(60)), 3790, 4000);
	assert_int_equal(series_event_total(f.store, EVENT, f.cpu, S(300), S(60)), 0);
	fixture_close(&f);
}

static void events_are_bounded_and_the_quietest_forget_first(void **state)
{
	const struct event *got[2];
	struct fixture f;
	entity_id cpus[1000];
	char key[12];
	size_t known = 0;

	(void)state;
	fixture_open(&f, 2000, 400000);
	assert_ok(series_demand(f.store, EVENT, S(600), 0));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "c%u", i);
		cpus[i] = batch_entity(f.batch, ENTITY_CPU, key);
		batch_reset(f.batch, S(i) / 10);
		(void)batch_event(f.batch, EVENT, cpus[i], S(i) / 10, SEVERITY_INFO, (int32_t)i);
		series_put_batch(f.store, f.batch);
	}
	assert_true(stats(&f).bytes < 400000);
	for (unsigned i = 0; i < 1000; i++)
		known += series_events(f.store, EVENT, cpus[i], S(100), S(600), got, 2);
	assert_in_range(known, 50, 900);
	assert_int_equal(stats(&f).dropped_events, 1000 - known);
	assert_int_equal(series_events(f.store, EVENT, cpus[999], S(100), S(600), got, 2), 1);
	assert_int_equal(series_events(f.store, EVENT, cpus[0], S(100), S(600), got, 2), 0);
	fixture_close(&f);
}

static void events_of_the_dead_do_not_keep_out_the_living(void **state)
{
	struct fixture f;
	char key[12];
	double value;

	(void)state;
	fixture_open(&f, 20, 100000);
	assert_ok(series_demand(f.store, EVENT, S(600), 0));
	assert_ok(series_demand(f.store, GAUGE, S(5), S(1)));
	for (unsigned i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "c%u", i);
		batch_reset(f.batch, S(i));
		(void)batch_event(f.batch, EVENT, batch_entity(f.batch, ENTITY_CPU, key), S(i), SEVERITY_INFO, 1);
		series_put_batch(f.store, f.batch);
	}
	assert_int_equal(stats(&f).n_series, 20);
	assert_int_equal(stats(&f).refused_series, 0);
	assert_int_equal(stats(&f).dropped_events, 10);
	put(&f, GAUGE, S(31), 5);
	assert_true(series_last(f.store, GAUGE, f.cpu, S(31), S(1), &value, NULL));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_demanded_is_not_kept),
		cmocka_unit_test(too_little_memory_or_room_is_said_at_birth),
		cmocka_unit_test(a_window_needs_two_points_over_half_of_it),
		cmocka_unit_test(known_values_give_known_answers),
		cmocka_unit_test(random_gauges_agree_with_the_naive_model),
		cmocka_unit_test(random_counters_with_resets_agree_with_the_naive_model),
		cmocka_unit_test(a_long_window_is_kept_coarser),
		cmocka_unit_test(samples_that_come_too_often_make_a_series_coarse),
		cmocka_unit_test(a_change_is_seen_or_its_absence_known),
		cmocka_unit_test(late_and_early_samples),
		cmocka_unit_test(series_end_with_their_entity_and_with_demand),
		cmocka_unit_test(too_many_series_are_refused_and_counted),
		cmocka_unit_test(with_memory_used_up_the_newest_is_still_known),
		cmocka_unit_test(a_usual_store_holds_twenty_thousand_series),
		cmocka_unit_test(events_come_newest_first_with_their_texts),
		cmocka_unit_test(a_storm_of_events_is_counted_whole),
		cmocka_unit_test(events_are_bounded_and_the_quietest_forget_first),
		cmocka_unit_test(events_of_the_dead_do_not_keep_out_the_living),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

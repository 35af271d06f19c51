/* SPDX-License-Identifier: Apache-2.0 */
#include "model/series.h"

#include <math.h>

#include "base/cleanup.h"
#include "model/series_table.h"

bool series_last(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t max_age_ns,
		 double *ret_value, mono_ns_t *ret_at)
{
	const struct series *x = series_find(s, metric, id);

	if (!x || mono_since(x->last_at, now) > max_age_ns)
		return false;
	if (ret_value)
		*ret_value = x->last;
	if (ret_at)
		*ret_at = x->last_at;
	return true;
}

/* False: no such series, or it has no point in the window. */
static bool window_start(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
			 struct point_cursor *ret_cursor)
{
	const struct series *x = series_find(s, metric, id);

	if (!x || x->points.n == 0)
		return false;
	point_cursor_start(ret_cursor, &s->pool, &x->points, now > window_ns ? now - window_ns : 0);
	return ret_cursor->left > 0;
}

/* ---- windows ---------------------------------------------------------------------------------------- */

/* Sums over a window; times are seconds after its first point. */
struct sums {
	struct reading first, last;
	size_t n;
	double min, max;
	double weighted, weight;
	double t, tt, v, tv;
};

static void window_sum(struct point_cursor *c, struct sums *ret)
{
	struct sums s = {.n = 0};
	struct reading r;

	while (point_cursor_next(c, &r)) {
		double t;

		if (s.n++ == 0) {
			s.first = r;
			s.min = r.min;
			s.max = r.max;
		}
		t = (double)(r.at - s.first.at) / (double)NS_PER_S;
		s.min = MIN_OF(s.min, r.min);
		s.max = MAX_OF(s.max, r.max);
		s.weighted += r.mean * r.n;
		s.weight += r.n;
		/* Relative to the first value: of large counters only the growth matters. */
		s.t += t;
		s.tt += t * t;
		s.v += r.mean - s.first.mean;
		s.tv += t * (r.mean - s.first.mean);
		s.last = r;
	}
	*ret = s;
}

static bool sums_slope(const struct sums *s, double *ret_value)
{
	double n = (double)s->n, spread = n * s->tt - s->t * s->t;

	if (!(spread > 0))
		return false;
	*ret_value = (n * s->tv - s->t * s->v) / spread;
	return true;
}

static void swap(double *a, double *b)
{
	double t = *a;

	*a = *b;
	*b = t;
}

/* The k-th smallest; reorders. Not qsort(3): that may allocate. */
static double select_kth(double *values, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;; i++, j--) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&values[i], &values[j]);
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[k];
}

/* Nearest rank: the smallest value that at least that share of all does not exceed. */
static double window_percentile(struct point_cursor *c, unsigned percent)
{
	double values[SERIES_MAX_POINTS];
	struct reading r;
	size_t n = 0, rank;

	while (n < SERIES_MAX_POINTS && point_cursor_next(c, &r))
		values[n++] = r.mean;
	rank = (n * percent + 99) / 100;
	return select_kth(values, n, MAX_OF(rank, 1u) - 1);
}

bool series_window(const struct series_store *s, enum series_fn fn, uint32_t metric, entity_id id, mono_ns_t now,
		   uint64_t window_ns, double *ret_value)
{
	struct point_cursor cursor, again;
	struct sums sums;

	if (!window_start(s, metric, id, now, window_ns, &cursor))
		return false;
	again = cursor;
	window_sum(&cursor, &sums);
	if (fn != SERIES_MIN && fn != SERIES_MAX && (sums.n < 2 || sums.last.at - sums.first.at < window_ns / 2))
		return false;
	switch (fn) {
	case SERIES_AVG:
		*ret_value = sums.weighted / sums.weight;
		return true;
	case SERIES_MIN:
		*ret_value = sums.min;
		return true;
	case SERIES_MAX:
		*ret_value = sums.max;
		return true;
	case SERIES_SLOPE:
		return sums_slope(&sums, ret_value);
	case SERIES_P50:
		*ret_value = window_percentile(&again, 50);
		return true;
	case SERIES_P95:
		*ret_value = window_percentile(&again, 95);
		return true;
	case SERIES_P99:
		*ret_value = window_percentile(&again, 99);
		return true;
	}
	return false;
}

bool series_increase(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     double *ret_increase, uint64_t *ret_span_ns)
{
	const struct series *x = series_find(s, metric, id);
	struct reading first, last;
	struct point_cursor cursor;

	if (!window_start(s, metric, id, now, window_ns, &cursor))
		return false;
	(void)point_cursor_next(&cursor, &first);
	point_list_last(&s->pool, &x->points, &last);
	if (cursor.left == 0 || last.at - first.at < window_ns / 2)
		return false;
	*ret_increase = last.last - first.last;
	*ret_span_ns = last.at - first.at;
	return true;
}

bool series_changed(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		    bool *ret_changed)
{
	struct point_cursor cursor;
	struct reading first, r;
	bool changed;

	if (!window_start(s, metric, id, now, window_ns, &cursor))
		return false;
	(void)point_cursor_next(&cursor, &first);
	r = first;
	changed = first.min < first.max;
	while (!changed && point_cursor_next(&cursor, &r))
		changed = r.last != first.last || r.min < r.max;
	/* A change that was seen is one; that none was seen tells something only if we looked for long enough. */
	if (!changed && (r.at == first.at || r.at - first.at < window_ns / 2))
		return false;
	*ret_changed = changed;
	return true;
}

size_t series_points(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     struct point *ret_points, size_t max)
{
	struct point_cursor cursor;
	struct reading r;
	size_t n = 0;

	if (!window_start(s, metric, id, now, window_ns, &cursor))
		return 0;
	while (cursor.left > max)
		(void)point_cursor_next(&cursor, &r);
	while (point_cursor_next(&cursor, &r))
		ret_points[n++] = (struct point){r.at, (float)r.mean, (float)r.min, (float)r.max, r.n, r.last};
	return n;
}

/* ---- events ----------------------------------------------------------------------------------------- */

size_t series_events(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now, uint64_t window_ns,
		     const struct event **ret_events, size_t max)
{
	const struct series *x = series_find(s, metric, id);

	return x && x->events ? event_log_get(x->events, now, window_ns, ret_events, max) : 0;
}

uint64_t series_event_total(const struct series_store *s, uint32_t metric, entity_id id, mono_ns_t now,
			    uint64_t window_ns)
{
	const struct series *x = series_find(s, metric, id);

	return x && x->events ? event_log_total(x->events, now, window_ns) : 0;
}

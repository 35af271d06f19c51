/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/correlate.h"

#include <math.h>

struct track {
	mono_ns_t at[SERIES_MAX_POINTS];
	double value[SERIES_MAX_POINTS];
	size_t n;
};

bool correlate_pairs(const double *a, const double *b, size_t n, double *ret_r)
{
	double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;

	for (size_t i = 0; i < n; i++) {
		mean_a += a[i] / (double)n;
		mean_b += b[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		aa += (a[i] - mean_a) * (a[i] - mean_a);
		bb += (b[i] - mean_b) * (b[i] - mean_b);
		ab += (a[i] - mean_a) * (b[i] - mean_b);
	}
	if (n < 2 || aa <= 0 || bb <= 0)
		return false;
	*ret_r = fmax(-1, fmin(1, ab / sqrt(aa * bb)));
	return true;
}

static void read_track(const struct series_store *series, const struct correlate_side *side, mono_ns_t now,
		       uint64_t over_ns, struct track *ret)
{
	struct point points[SERIES_MAX_POINTS];
	size_t n = series_points(series, side->metric, side->entity, now, over_ns, points, SERIES_MAX_POINTS);

	ret->n = 0;
	for (size_t i = side->is_rate ? 1 : 0; i < n; i++) {
		double x = side->is_rate ? points[i].last - points[i - 1].last : (double)points[i].mean;
		double span = side->is_rate ? (double)mono_since(points[i - 1].at, points[i].at) : 1;

		if (span <= 0 || (side->is_rate && x < 0))
			continue; /* a reset of the counter says nothing about its rate */
		ret->at[ret->n] = points[i].at;
		ret->value[ret->n++] = copysign(1, side->scale) * x / span;
	}
}

/* Median distance would be better; the mean one is enough to tell "same moment" from "another". */
static uint64_t tolerance_of(const struct track *t)
{
	return t->n < 2 ? 0 : (t->at[t->n - 1] - t->at[0]) / (t->n - 1) / 2;
}

bool correlate_series(const struct series_store *series, const struct correlate_side *a, const struct correlate_side *b,
		      mono_ns_t now, uint64_t over_ns, double *ret_r)
{
	struct track ta, tb;
	double xa[SERIES_MAX_POINTS], xb[SERIES_MAX_POINTS];
	uint64_t tolerance;
	size_t n = 0, k = 0;

	read_track(series, a, now, over_ns, &ta);
	read_track(series, b, now, over_ns, &tb);
	tolerance = tolerance_of(&ta) > tolerance_of(&tb) ? tolerance_of(&ta) : tolerance_of(&tb);
	for (size_t i = 0; i < ta.n; i++) {
		while (k + 1 < tb.n && tb.at[k + 1] <= ta.at[i])
			k++;
		if (k >= tb.n || mono_since(ta.at[i], tb.at[k]) + mono_since(tb.at[k], ta.at[i]) > tolerance)
			continue;
		xa[n] = ta.value[i];
		xb[n++] = tb.value[k];
	}
	return n >= CORRELATE_MIN_POINTS && correlate_pairs(xa, xb, n, ret_r);
}

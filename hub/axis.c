// SPDX-License-Identifier: Apache-2.0
#include "hub/axis.h"

#include <math.h>
#include <stdlib.h>

bool axis_add(struct axis *a, wall_ns_t t)
{
	if (t == 0)
		return true;
	if (a->n == AXIS_MAX_TIMES)
		return false;
	a->at[a->n++] = t;
	return true;
}

static int by_time(const void *x, const void *y)
{
	const wall_ns_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

static double room(wall_ns_t from, wall_ns_t to)
{
	return log1p((double)(to - from) / (double)AXIS_UNIT_NS);
}

void axis_lay(struct axis *a, double width)
{
	double sum = 0, at = 0;
	size_t n = 0;

	if (a->n > 1)
		qsort(a->at, a->n, sizeof(a->at[0]), by_time);
	for (size_t i = 0; i < a->n; i++) {
		if (n == 0 || a->at[i] != a->at[n - 1])
			a->at[n++] = a->at[i];
	}
	a->n = n;
	for (size_t i = 1; i < n; i++)
		sum += room(a->at[i - 1], a->at[i]);
	for (size_t i = 0; i < n; i++) {
		at += i ? room(a->at[i - 1], a->at[i]) : 0;
		a->x[i] = sum > 0 ? at / sum * width : 0;
	}
}

double axis_x(const struct axis *a, wall_ns_t t)
{
	if (a->n == 0 || t <= a->at[0])
		return 0;
	for (size_t i = 1; i < a->n; i++) {
		if (t <= a->at[i])
			return a->x[i - 1] + (a->x[i] - a->x[i - 1]) * (double)(t - a->at[i - 1]) /
						     (double)(a->at[i] - a->at[i - 1]);
	}
	return a->x[a->n - 1];
}

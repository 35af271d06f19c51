/* SPDX-License-Identifier: Apache-2.0 */
/* chart.h - what happened when, as an SVG: a row a thing, the words left, its time right.
 *
 * Room: hub.  Owns: nothing; the rows' texts are the caller's and outlive the drawing.  Thread: any.  Clock: none.
 * Bounds: CHART_MAX_ROWS; more are counted and the picture says so. No style, no script: classes of /style.css only.
 *
 * The picture repeats what the page says in words; shapes differ, not only colours.
 */
#ifndef WHY_HUB_CHART_H
#define WHY_HUB_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"

#define CHART_MAX_ROWS 24

enum chart_shape {
	CHART_SEEN,    /* a diamond, and a bar when it lasted */
	CHART_AGAINST, /* the same, hollow */
	CHART_CAUSE,   /* a disc */
	CHART_FELT,    /* a triangle */
	CHART_LASTED,  /* a bar with an arrow (goes on) or an end */
};

struct chart_row {
	const char *group; /* "because": shown where it differs from the row above */
	const char *text;
	const char *about;   /* behind the text; NULL: nothing */
	const char *finding; /* its page; NULL: no link */
	const char *class;   /* "critical" ...; ours */
	wall_ns_t from, to;  /* from 0: to; the same: a moment */
	enum chart_shape shape;
	bool goes_on;
};

struct chart {
	struct chart_row rows[CHART_MAX_ROWS];
	size_t n, left_out;
	wall_ns_t opened; /* gets a line through all rows; 0: none */
	wall_ns_t now;    /* the right end when something goes on; else 0 */
};

/* A row without any time is not taken. */
void chart_add(struct chart *c, const struct chart_row *row);
/* Nothing when there is no row. */
void chart_draw(const struct chart *c, const char *title, struct buf *out);

#endif

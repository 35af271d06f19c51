// SPDX-License-Identifier: Apache-2.0
#include "hub/chart.h"

#include <string.h>

#include "hub/axis.h"
#include "hub/html.h"

/* In the picture's own units. */
#define WIDTH      960
#define LABEL_X    76
#define LABEL_W    300
#define PLOT_X     396
#define PLOT_W     540
#define TOP        48
#define ROW_H      24
#define TICK_ROOM  84 /* a time's words */
#define LENGTH_ROOM 64
#define MAX_TIP    300
#define MAX_LABEL  44

struct drawing {
	const struct chart *chart;
	struct axis axis;
	bool ticked[AXIS_MAX_TIMES]; /* has its time written */
	bool fine;                   /* all within a minute: milliseconds matter */
	double height;
	struct buf *out;
};

void chart_add(struct chart *c, const struct chart_row *row)
{
	struct chart_row r = *row;

	if (r.from == 0)
		r.from = r.to;
	if (r.to < r.from)
		r.to = r.from;
	if (r.from == 0)
		return;
	if (c->n == CHART_MAX_ROWS)
		c->left_out++;
	else
		c->rows[c->n++] = r;
}

static double place(const struct drawing *d, wall_ns_t t)
{
	return PLOT_X + axis_x(&d->axis, t);
}

/* ---- the times above ---- */

static bool has_room(const struct drawing *d, size_t i)
{
	for (size_t k = 0; k < d->axis.n; k++) {
		double apart = d->axis.x[k] - d->axis.x[i];

		if (d->ticked[k] && apart < TICK_ROOM && apart > -TICK_ROOM)
			return false;
	}
	return true;
}

static void choose_ticks(struct drawing *d)
{
	size_t n = d->axis.n;

	for (size_t i = 0; i < n; i++) {
		if (d->axis.at[i] == d->chart->opened)
			d->ticked[i] = true;
	}
	if (n > 1 && has_room(d, n - 1))
		d->ticked[n - 1] = true;
	for (size_t i = 0; i < n; i++)
		d->ticked[i] = d->ticked[i] || has_room(d, i);
}

static void tick_words(const struct drawing *d, wall_ns_t t)
{
	char text[CLOCK_RFC3339_MAX], other[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(t, text);
	clock_format_rfc3339(d->chart->opened ? d->chart->opened : d->axis.at[0], other);
	if (strncmp(text, other, 10) != 0)
		(void)buf_addf(d->out, "%.5s %.5s", text + 5, text + 11);
	else
		(void)buf_addf(d->out, "%.*s", d->fine ? 12 : 8, text + 11);
}

static void draw_tick(const struct drawing *d, size_t i)
{
	double x = d->axis.x[i];
	const char *anchor = x < TICK_ROOM / 2 ? "start" : x > PLOT_W - TICK_ROOM / 2 ? "end" : "middle";
	bool opened = d->axis.at[i] == d->chart->opened;

	(void)buf_addf(d->out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"20\" y2=\"%.0f\"/>",
		       opened ? "at" : "grid", PLOT_X + x, PLOT_X + x, d->height - 4);
	(void)buf_addf(d->out, "<text class=\"t\" x=\"%.1f\" y=\"14\" text-anchor=\"%s\">", PLOT_X + x, anchor);
	if (d->chart->now && d->axis.at[i] == d->chart->now)
		html_add(d->out, "now ");
	tick_words(d, d->axis.at[i]);
	html_add(d->out, "</text>");
}

static void draw_length(const struct drawing *d, size_t from, size_t to)
{
	double room = d->axis.x[to] - d->axis.x[from];
	char text[48];

	if (room < LENGTH_ROOM)
		return;
	clock_format_duration(d->axis.at[to] - d->axis.at[from], text, sizeof(text));
	(void)buf_addf(d->out, "<text class=\"len\" x=\"%.1f\" y=\"34\" text-anchor=\"middle\">",
		       PLOT_X + d->axis.x[from] + room / 2);
	html_text(d->out, text);
	html_add(d->out, "</text>");
}

static void draw_times(const struct drawing *d)
{
	size_t last = AXIS_MAX_TIMES;

	for (size_t i = 0; i < d->axis.n; i++) {
		if (!d->ticked[i])
			continue;
		draw_tick(d, i);
		if (last != AXIS_MAX_TIMES)
			draw_length(d, last, i);
		last = i;
	}
}

/* ---- rows ---- */

static void draw_bar(const struct drawing *d, const struct chart_row *r, double y)
{
	double x = place(d, r->from), w = place(d, r->to) - x;

	if (r->goes_on && w > 7)
		w -= 7;
	(void)buf_addf(d->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", x,
		       y - (r->shape == CHART_LASTED ? 5 : 2), w < 3 ? 3 : w, r->shape == CHART_LASTED ? 10 : 4);
	if (r->shape != CHART_LASTED)
		return;
	if (r->goes_on)
		(void)buf_addf(d->out, "<path d=\"M%.1f %.1fl10 8-10 8z\"/>", x + (w < 3 ? 3 : w), y - 8);
	else
		(void)buf_addf(d->out, "<path d=\"M%.1f %.1fh3v18h-3z\"/>", x + w - 1.5, y - 9);
}

static void draw_shape(const struct drawing *d, const struct chart_row *r, double y)
{
	double x = place(d, r->from);

	if (r->shape == CHART_LASTED || r->to > r->from)
		draw_bar(d, r, y);
	switch (r->shape) {
	case CHART_SEEN:
	case CHART_AGAINST: /* where it was complete */
		(void)buf_addf(d->out, "<path d=\"M%.1f %.1fl6 6-6 6-6-6z\"/>", place(d, r->to), y - 6);
		break;
	case CHART_CAUSE:
		(void)buf_addf(d->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5.5\"/>", x, y);
		break;
	case CHART_FELT:
		(void)buf_addf(d->out, "<path d=\"M%.1f %.1fl6.5 11h-13z\"/>", x, y - 6);
		break;
	case CHART_LASTED:
		break;
	}
}

static void draw_words(const struct drawing *d, const struct chart_row *r, double y)
{
	/* A picture in the picture: it cuts what is too wide, whatever the script. */
	(void)buf_addf(d->out, "<svg x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%d\">", LABEL_X,
		       y - ROW_H / 2.0, LABEL_W, ROW_H);
	if (r->finding) {
		html_add(d->out, "<a href=\"/i/");
		html_path(d->out, r->finding);
		html_add(d->out, "\">");
	}
	(void)buf_addf(d->out, "<text x=\"0\" y=\"%d\">", ROW_H / 2 + 4);
	html_text_cut(d->out, r->text, MAX_LABEL);
	if (r->about) {
		html_add(d->out, " \xc2\xb7 ");
		html_text_cut(d->out, r->about, MAX_LABEL);
	}
	html_add(d->out, "</text>");
	if (r->finding)
		html_add(d->out, "</a>");
	html_add(d->out, "</svg>");
}

static void draw_row(const struct drawing *d, size_t i)
{
	static const char *const shapes[] = { [CHART_SEEN] = "seen", [CHART_AGAINST] = "against", [CHART_CAUSE] = "cause",
					      [CHART_FELT] = "felt", [CHART_LASTED] = "lasted" };
	const struct chart_row *r = &d->chart->rows[i];
	double y = TOP + ROW_H * (double)i + ROW_H / 2.0;

	(void)buf_addf(d->out, "<g class=\"row %s %s\"><title>", shapes[r->shape], r->class ? r->class : "");
	html_text_cut(d->out, r->text, MAX_TIP);
	if (r->about) {
		html_add(d->out, " \xc2\xb7 ");
		html_text_cut(d->out, r->about, MAX_TIP);
	}
	html_add(d->out, "</title>");
	(void)buf_addf(d->out, "<line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", WIDTH, y - ROW_H / 2.0,
		       y - ROW_H / 2.0);
	if (i == 0 || strcmp(r->group, d->chart->rows[i - 1].group) != 0) {
		(void)buf_addf(d->out, "<text class=\"group\" x=\"0\" y=\"%.1f\">", y + 4);
		html_text(d->out, r->group);
		html_add(d->out, "</text>");
	}
	draw_words(d, r, y);
	draw_shape(d, r, y);
	html_add(d->out, "</g>");
}

static void lay(struct drawing *d)
{
	const struct chart *c = d->chart;

	for (size_t i = 0; i < c->n; i++) {
		(void)axis_add(&d->axis, c->rows[i].from);
		(void)axis_add(&d->axis, c->rows[i].to);
	}
	(void)axis_add(&d->axis, c->opened);
	(void)axis_add(&d->axis, c->now);
	axis_lay(&d->axis, PLOT_W);
	d->fine = d->axis.n > 0 && d->axis.at[d->axis.n - 1] - d->axis.at[0] < 60 * NS_PER_S;
	d->height = TOP + ROW_H * (double)c->n + 4;
	choose_ticks(d);
}

void chart_draw(const struct chart *c, const char *title, struct buf *out)
{
	struct drawing d = { .chart = c, .out = out };

	if (c->n == 0)
		return;
	lay(&d);
	(void)buf_addf(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"timeline\"><svg "
			    "class=\"chart\" role=\"img\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\"><title>",
		       WIDTH, d.height, WIDTH, d.height);
	html_text(out, title);
	html_add(out, "</title>");
	draw_times(&d);
	for (size_t i = 0; i < c->n; i++)
		draw_row(&d, i);
	html_add(out, "</svg></div><p class=\"hint\">Times in order, UTC; long gaps are drawn short, their lengths stand "
		      "above.");
	if (c->left_out)
		(void)buf_addf(out, " %zu more are not drawn.", c->left_out);
	html_add(out, "</p>");
}

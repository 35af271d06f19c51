// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/render.h"

#define STATUS_AT  16
#define SUBJECT_AT 28

static void day_of(wall_ns_t t, char *ret_text, size_t size)
{
	time_t seconds = (time_t)(t / NS_PER_S);
	struct tm tm = { 0 };

	(void)localtime_r(&seconds, &tm);
	(void)strftime(ret_text, size, "%A, %e %B %Y", &tm);
}

static void time_of_day(wall_ns_t t, char *ret_text, size_t size)
{
	time_t seconds = (time_t)(t / NS_PER_S);
	struct tm tm = { 0 };
	char clock[32];

	(void)localtime_r(&seconds, &tm);
	(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(ret_text, size, "%s.%03u", clock, (unsigned)(t / NS_PER_MS % 1000));
}

static enum style style_of(const struct answer_line *l)
{
	return l->status && (strcmp(l->status, "resolved") == 0 || strcmp(l->status, "connected") == 0)
		       ? STYLE_GOOD
		       : page_severity_style(l->severity);
}

static void entry(struct page *p, const struct answer_line *l)
{
	char clock[48];

	time_of_day(l->at, clock, sizeof(clock));
	page_pad(p, 2);
	page_text(p, STYLE_DIM, clock);
	page_pad(p, STATUS_AT);
	page_text(p, style_of(l), l->status && l->status[0] ? l->status : l->what ? l->what : "");
	page_pad(p, SUBJECT_AT);
	page_wrap(p, STYLE_PLAIN, SUBJECT_AT, 0, l->text ? l->text : "");
	if (l->subject && l->subject[0])
		page_textf(p, STYLE_DIM, "  %s", l->subject);
	if (l->detail && l->detail[0])
		page_textf(p, STYLE_DIM, "  (%s)", l->detail);
	page_break(p);
}

void render_timeline(struct page *p, const struct answer *a, const struct common *c UNUSED)
{
	char day[64], last_day[64] = "";

	if (a->n_lines == 0) {
		page_text(p, STYLE_PLAIN,
			  a->message && a->message[0] ? a->message
						      : "nothing happened in that time; a longer one: --since 24h");
		page_break(p);
		return;
	}
	for (size_t i = 0; i < a->n_lines; i++) {
		day_of(a->lines[i].at, day, sizeof(day));
		if (strcmp(day, last_day) != 0) {
			page_gap(p);
			page_text(p, STYLE_BOLD, day);
			page_break(p);
		}
		snprintf(last_day, sizeof(last_day), "%s", day);
		entry(p, &a->lines[i]);
	}
	if (a->truncated) {
		page_text(p, STYLE_WARNING, "  not all of it fits: ask for less with --since");
		page_break(p);
	}
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/render.h"

#define WATCH_MS 1000
#define CLEAR    "\033[H\033[J" /* home, erase below: less flicker than erasing all first */

int show_error(int status, const char *sentence)
{
	fprintf(stderr, "why: %s\n", sentence);
	return status;
}

static int write_status(int r)
{
	if (r == 0 || r == -EPIPE)
		return WHY_EXIT_OK;
	return show_error(WHY_EXIT_INTERNAL, r == -EMSGSIZE ? "the output is too large; ask for less" : strerror(-r));
}

int show_page(struct page *p)
{
	(void)fflush(stdout);
	return write_status(page_write(p, STDOUT_FILENO));
}

void show_page_begin(const struct common *c, struct page *ret_page, wall_ns_t now)
{
	struct terminal terminal;

	terminal_probe(STDOUT_FILENO, c->no_color, &terminal);
	page_init(ret_page, &terminal, now);
}

void show_wait(void)
{
	(void)poll(NULL, 0, WATCH_MS);
}

int show_json(void (*write)(const void *what, struct json *j), const void *what)
{
	AUTO_BUF struct buf out;
	struct json j;
	int r;

	buf_init(&out, SHOW_MAX_JSON);
	json_init(&j, &out);
	write(what, &j);
	r = json_end(&j);
	if (r == 0)
		r = buf_add_text(&out, "\n");
	if (r < 0)
		return write_status(r);
	(void)fwrite(out.data, 1, out.len, stdout);
	return fflush(stdout) == 0 || errno == EPIPE ? WHY_EXIT_OK : write_status(-errno);
}

static void write_answer(const void *what, struct json *j)
{
	answer_write_json(what, j);
}

static void write_finding(const void *what, struct json *j)
{
	finding_write_json(what, j);
}

int show_finding_json(const struct finding *f)
{
	return show_json(write_finding, f);
}

/* Refused: the reason goes where errors go, and standard output stays empty. */
static void show_refusal(const struct answer *a)
{
	AUTO(page_done) struct page p;
	struct terminal terminal;

	terminal_probe(STDERR_FILENO, true, &terminal);
	page_init(&p, &terminal, a->as_of);
	render_refusal(&p, a);
	(void)fflush(stderr);
	(void)page_write(&p, STDERR_FILENO);
}

int show_answer(const struct common *c, const struct answer *a)
{
	AUTO(page_done) struct page p = { 0 };
	int status = answer_exit_status(a), r;

	if (c->output != OUTPUT_TEXT) {
		r = show_json(write_answer, a);
	} else if (a->status != ANSWER_OK) {
		show_refusal(a);
		return status;
	} else {
		show_page_begin(c, &p, a->as_of ? a->as_of : clock_wall_now());
		render_answer(&p, a, c);
		r = show_page(&p);
	}
	return r == WHY_EXIT_OK ? status : r;
}

/* ---- pages ---- */

/* The worst of two: critical over warning over unknown over well. */
static int worse(int a, int b)
{
	static const int weight[] = {
		[WHY_EXIT_OK] = 0, [WHY_EXIT_UNKNOWN] = 1, [WHY_EXIT_WARNING] = 2, [WHY_EXIT_CRITICAL] = 3
	};

	return weight[a] >= weight[b] ? a : b;
}

int show_pages(const struct common *c, struct query *q, int (*show)(const struct common *c, const struct answer *a))
{
	char error[ASK_MAX_ERROR], before[sizeof(q->cursor)];
	int worst = WHY_EXIT_OK;

	for (size_t page = 0; page < SHOW_MAX_PAGES; page++) {
		AUTO(answer_free) struct answer *a = NULL;
		int status = ask(c, q, &a, error, sizeof(error));

		if (status != WHY_EXIT_OK)
			return show_error(status, error);
		answer_rank(a);
		if (a->status != ANSWER_OK)
			return show_answer(c, a);
		if (page > 0 && a->n_findings + a->n_lines == 0)
			break; /* the last page was full to the brim */
		status = show(c, a);
		if (status > WHY_EXIT_UNKNOWN)
			return status;
		worst = worse(worst, status);
		text_copy(before, sizeof(before), q->cursor);
		text_copy(q->cursor, sizeof(q->cursor), a->next_cursor);
		if (c->output == OUTPUT_JSON || !q->cursor[0] || strcmp(before, q->cursor) == 0)
			break;
	}
	return worst;
}

/* ---- watching: what would show a change ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t n)
{
	return hash * 1099511628211ULL ^ text_hash(data, n);
}

static uint64_t fingerprint(const struct answer *a)
{
	uint64_t hash = mix(mix(0, &a->status, sizeof(a->status)), &a->evaluated, sizeof(a->evaluated));

	hash = mix(hash, &a->stale, sizeof(a->stale));
	for (size_t i = 0; i < a->n_findings; i++) {
		hash = mix(hash, a->findings[i]->id, strlen(a->findings[i]->id));
		hash = mix(hash, &a->findings[i]->revision, sizeof(a->findings[i]->revision));
	}
	for (size_t i = 0; i < a->n_lines; i++) {
		hash = mix(hash, &a->lines[i].at, sizeof(a->lines[i].at));
		hash = mix(hash, a->lines[i].text ? a->lines[i].text : "",
			   a->lines[i].text ? strlen(a->lines[i].text) : 0);
	}
	return hash;
}

/* On a terminal every second anew: ages go on. Elsewhere, and in JSON (a line each), only what differs. */
static int watch(const struct common *c, const struct query *q)
{
	struct common once = *c;
	char error[ASK_MAX_ERROR], told[ASK_MAX_ERROR] = "";
	uint64_t last = 0;
	bool any = false, redraw = c->output == OUTPUT_TEXT && isatty(STDOUT_FILENO);

	if (once.output == OUTPUT_JSON)
		once.output = OUTPUT_JSONL;
	for (;; show_wait()) {
		AUTO(answer_free) struct answer *a = NULL;
		int status = ask(c, q, &a, error, sizeof(error));

		if (status != WHY_EXIT_OK && (!any || status == WHY_EXIT_USAGE))
			return show_error(status, error);
		if (status != WHY_EXIT_OK) { /* it answered before, so it may again */
			if (strcmp(told, error) != 0)
				(void)show_error(status, error);
			text_copy(told, sizeof(told), error);
			continue;
		}
		told[0] = '\0';
		answer_rank(a);
		if (any && !redraw && fingerprint(a) == last)
			continue;
		if (redraw)
			(void)fputs(CLEAR, stdout);
		else if (any && c->output == OUTPUT_TEXT)
			(void)fputs("\n", stdout);
		last = fingerprint(a);
		any = true;
		status = show_answer(&once, a);
		if (status >= WHY_EXIT_USAGE)
			return status;
	}
}

int show_question(const struct common *c, const struct query *q)
{
	AUTO(answer_free) struct answer *a = NULL;
	char error[ASK_MAX_ERROR];
	int status;

	if (c->watch)
		return watch(c, q);
	status = ask(c, q, &a, error, sizeof(error));
	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	answer_rank(a);
	return show_answer(c, a);
}

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/query.h"
#include "cli/render.h"
#include "cli/show.h"

#define MAX_SEEN 100000

/* ---- all of them, page by page ---- */

static int show_some(const struct common *c, const struct answer *a)
{
	int r = WHY_EXIT_OK;

	if (c->output != OUTPUT_JSONL)
		return show_answer(c, a);
	for (size_t i = 0; i < a->n_findings && r == WHY_EXIT_OK; i++)
		r = show_finding_json(a->findings[i]);
	return r == WHY_EXIT_OK ? answer_exit_status(a) : r;
}

/* ---- as they come ---- */

struct watching {
	const struct common *common;
	struct u64map *seen; /* digest of an id, to the revision told */
	bool caught_up, any, progress;
};

static bool is_news(struct watching *w, const struct finding *f)
{
	uint64_t key = text_hash(f->id, strlen(f->id)), revision;

	if (u64map_get(w->seen, key, &revision) && revision >= f->revision)
		return false;
	(void)u64map_set(w->seen, key, f->revision); /* full: then something may be told twice */
	return true;
}

static int tell(void *arg, const struct finding *f)
{
	struct watching *w = arg;
	AUTO(page_done) struct page p = { 0 };

	w->progress = true;
	if (!f) {
		if (!w->caught_up && !w->any && w->common->output == OUTPUT_TEXT)
			fprintf(stderr, "no open finding; waiting for the next change (Ctrl-C ends)\n");
		w->caught_up = true;
		return WHY_EXIT_OK;
	}
	if (!is_news(w, f) || (f->shadow && !w->common->all && w->common->output == OUTPUT_TEXT))
		return WHY_EXIT_OK;
	/* Of what was there before, only what is still open is of interest, unless the past was asked for. */
	if (!w->caught_up && f->state == FINDING_RESOLVED && w->common->since_ns == 0 && !w->common->all)
		return WHY_EXIT_OK;
	w->any = true;
	if (w->common->output != OUTPUT_TEXT)
		return show_finding_json(f);
	show_page_begin(w->common, &p, clock_wall_now());
	render_change(&p, f);
	return show_page(&p);
}

static int poll_changes(struct watching *w, struct query *q)
{
	char error[ASK_MAX_ERROR];
	bool reached = false;

	if (q->since_ns == 0)
		q->since_ns = 3600 * NS_PER_S; /* resolutions are news too */
	q->only_open = 0;
	for (;; show_wait()) {
		AUTO(answer_free) struct answer *a = NULL;
		int status = ask(w->common, q, &a, error, sizeof(error));

		if (status != WHY_EXIT_OK && !reached)
			return show_error(status, error);
		if (status != WHY_EXIT_OK)
			continue;
		if (a->status != ANSWER_OK)
			return show_answer(w->common, a);
		reached = true;
		for (size_t i = 0; i < a->n_findings; i++) {
			status = tell(w, a->findings[i]);
			if (status != WHY_EXIT_OK)
				return status;
		}
		(void)tell(w, NULL);
	}
}

/* A hub that offers no stream, or is not there at all, is asked the other way, which says what is wrong. */
static int stream_changes(struct watching *w, struct query *q)
{
	char error[ASK_MAX_ERROR], cursor[64] = "";
	bool ever = false;

	for (;; show_wait()) {
		w->progress = false;
		int status = ask_watch(w->common, q, cursor, tell, w, error, sizeof(error));

		ever = ever || w->progress;
		if (status == WHY_EXIT_INTERNAL)
			return status;
		if (status != WHY_EXIT_UNREACHABLE)
			return show_error(status, error);
		if (!ever)
			return poll_changes(w, q);
		error[strcspn(error, "\n")] = '\0'; /* the advice is for who asks in vain, this one will be answered */
		if (w->progress)                    /* each break is told once, not every second */
			fprintf(stderr, "why: %s; asking again until it answers\n", error);
	}
}

static int watch(const struct common *c, struct query *q)
{
	struct watching w = { .common = c };
	int status = u64map_new(MAX_SEEN, &w.seen);

	if (status < 0)
		return show_error(WHY_EXIT_INTERNAL, strerror(-status));
	status = ask_is_local(c) ? poll_changes(&w, q) : stream_changes(&w, q);
	u64map_free(&w.seen);
	return status;
}

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	struct query q;
	char error[512];
	int status = query_make_about(QUERY_LIST, c, words, n_words, &q, error, sizeof(error));

	if (status != WHY_EXIT_OK)
		return show_error(status, error);
	return c->watch ? watch(c, &q) : show_pages(c, &q, show_some);
}

const struct command command_findings = {
	.name = "findings",
	.usage = "why findings [TARGET | --job JOB | --pod POD | --rank JOB:N] [--cause RULE] [--node NODE] [--since TIME] "
		 "[--all] [--watch]",
	.help = "all findings; -o jsonl: one a line, for programs",
	.more = "Open ones; with --since also those resolved within that time; --all also rules on trial and all that "
		"was ever resolved.\n"
		"-o jsonl pages through all of them; -o json is one page of at most 500, `next_cursor` says that there "
		"is more.\n"
		"--watch prints each change as it comes.\n"
		"--cause GROUP.* takes all rules of a group; that there is no such rule is an error (66).",
	.own = " --watch --since --cause --node --job --pod --rank ",
	.run = run,
};

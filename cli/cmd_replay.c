// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/recording.h"
#include "cli/render.h"
#include "cli/show.h"
#include "rules/replay.h"

struct playing {
	const struct common *common;
	struct metrics *metrics;
	struct diags *diags;
	struct ruleset *ruleset;
	struct replay *replay;
	struct answer *answer; /* the last word on every finding */
	int status;
};

static void playing_done(struct playing *p)
{
	answer_free(&p->answer);
	replay_free(&p->replay);
	ruleset_free(&p->ruleset);
	diags_free(&p->diags);
	metrics_free(&p->metrics);
}

/* ---- findings --------------------------------------------------------------------------------------- */

static void keep(struct answer *a, const struct finding *f)
{
	AUTO(finding_free) struct finding *copy = NULL;

	if (finding_copy(f, &copy) < 0) {
		a->truncated = true;
		return;
	}
	for (size_t i = 0; i < a->n_findings; i++) {
		if (strcmp(a->findings[i]->id, f->id) == 0) {
			finding_free(&a->findings[i]);
			a->findings[i] = TAKE_PTR(copy);
			return;
		}
	}
	(void)answer_add_finding(a, &copy); /* full: `truncated` tells */
}

static void on_change(void *arg, const struct finding *f)
{
	struct playing *play = arg;
	AUTO(page_done) struct page p = { 0 };

	if (f->kind == FINDING_CAUSE && f->confidence < play->common->min_confidence)
		return;
	keep(play->answer, f);
	if (play->status != WHY_EXIT_OK || play->common->output == OUTPUT_JSON)
		return;
	if (play->common->output == OUTPUT_JSONL) {
		play->status = show_finding_json(f);
		return;
	}
	if (f->shadow && !play->common->all)
		return;
	show_page_begin(play->common, &p, f->changed_at);
	render_change(&p, f);
	play->status = show_page(&p);
}

static int take(void *arg, const uint8_t *data, size_t n, size_t *ret_used)
{
	struct playing *play = arg;
	int r = replay_feed(play->replay, data, n, on_change, play, ret_used);

	return r == 0 && play->status != WHY_EXIT_OK ? -ECANCELED : r;
}

/* ---- rules ------------------------------------------------------------------------------------------ */

static int load_rules(struct playing *play)
{
	static const char *const usual[] = { OFFLINE_CATALOG, OFFLINE_OWN };
	const struct args_list *given = &play->common->rules;
	char error[1024];
	int r = diags_new(&play->diags);

	if (r == 0)
		r = offline_metrics(&play->metrics);
	if (r < 0)
		return show_error(WHY_EXIT_INTERNAL, strerror(-r));
	if (given->n > 0)
		r = offline_load(given->items, given->n, play->metrics, play->diags, &play->ruleset, error,
				 sizeof(error));
	else /* own rules need not be there */
		r = offline_load(usual, access(OFFLINE_OWN, R_OK) == 0 ? 2 : 1, play->metrics, play->diags,
				 &play->ruleset, error, sizeof(error));
	if (r < 0)
		return show_error(r == -ENOMEM ? WHY_EXIT_INTERNAL : WHY_EXIT_NOT_FOUND, error);
	if (diags_count(play->diags, DIAG_ERROR) > 0)
		fprintf(stderr, "why: some rules were rejected and are not played: `why rules check` says why\n");
	return WHY_EXIT_OK;
}

static int begin(struct playing *play)
{
	struct replay_options options = { .warm_up_ns = REPLAY_WARM_UP_NS };
	int status = load_rules(play), r;

	if (status != WHY_EXIT_OK)
		return status;
	options.metrics = play->metrics;
	r = answer_new(QUERY_EXPLAIN, &play->answer);
	if (r == 0)
		play->answer->rules_digest = arena_strdup(play->answer->arena, play->ruleset->digest);
	if (r == 0)
		r = replay_new(&options, &play->ruleset, &play->replay);
	return r < 0 ? show_error(WHY_EXIT_INTERNAL, strerror(-r)) : WHY_EXIT_OK;
}

/* What there is to say at the end, as of the recording's last moment. */
static int finish(struct playing *play)
{
	struct answer *a = play->answer;
	struct replay_stats stats;
	char span[48];

	replay_stats(play->replay, &stats);
	if (stats.ticks == 0)
		return show_error(WHY_EXIT_BAD_RULES, "there is no tick in this recording");
	a->node = arena_strdup(a->arena, stats.header.node);
	a->target = a->node;
	a->as_of = stats.last;
	a->evaluated = engine_evaluated(replay_engine(play->replay));
	answer_rank(a);
	if (play->common->output == OUTPUT_JSONL)
		return answer_exit_status(a);
	if (play->common->output == OUTPUT_TEXT) {
		page_span(stats.first, stats.last, span, sizeof(span));
		printf("%splayed %llu ticks of %s, %llu samples, %llu events; at its end:\n\n", a->n_findings ? "\n" : "",
		       (unsigned long long)stats.ticks, span, (unsigned long long)stats.samples,
		       (unsigned long long)stats.events);
	}
	if (stats.skipped > 0 || stats.out_of_order > 0)
		fprintf(stderr, "why: left out %llu readings of metrics unknown here, %llu ticks out of order\n",
			(unsigned long long)stats.skipped, (unsigned long long)stats.out_of_order);
	return show_answer(play->common, a);
}

static int run(const struct common *c, const char *const *words, size_t n_words)
{
	AUTO(playing_done) struct playing play = { .common = c };
	int status;

	if (n_words == 0)
		return show_error(WHY_EXIT_USAGE, "which recording? Write it like: why replay /var/lib/why/recorder");
	status = begin(&play);
	for (size_t i = 0; i < n_words && status == WHY_EXIT_OK; i++)
		status = recording_play(words[i], take, &play);
	return status == WHY_EXIT_OK ? finish(&play) : status;
}

const struct command command_replay = {
	.name = "replay",
	.usage = "why replay FILE|FOLDER... [--rules DIR]...",
	.help = "play a recording to the rules: the same readings, the same findings",
	.more = "A folder's segments (NUMBER.why) are played in order. Each change is printed as it comes, then what "
		"holds at the end;\n"
		"-o jsonl: one change a line, byte for byte the same each time; -o json: the end. `-` reads standard "
		"input.\n"
		"Agents keep the last 15 minutes in STATE/recorder and what led to something critical in "
		"STATE/recordings/NAME.\n"
		"Exit status: as `why`, by what is open at the end; 65: no recording, or damaged.",
	.own = " --rules ",
	.run = run,
};

// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/render.h"
#include "cli/show.h"
#include "rules/replay.h"

#define SUFFIX     ".why"
#define CHUNK      (256 * 1024)
#define MAX_BUFFER (2 * CODEC_MAX_FRAME + CHUNK)
#define WARM_UP_NS (3 * NS_PER_S) /* as an agent's */

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

/* ---- files ------------------------------------------------------------------------------------------ */

static int refuse(int status, const char *path, const char *why)
{
	char error[PATH_MAX + 256];
	struct text t;

	text_init(&t, error, sizeof(error));
	text_add_escaped(&t, path, strlen(path));
	text_addf(&t, ": %s", why);
	return show_error(status, error);
}

static int tell_feed(int r, const char *path)
{
	switch (-r) {
	case EBADMSG:
		return refuse(WHY_EXIT_BAD_RULES, path,
			      "no recording, or damaged; what came before the damage was played");
	case ESTALE:
		return refuse(WHY_EXIT_BAD_RULES, path,
			      "a segment of another node or boot: replay the segments of one boot at a time");
	case EPROTONOSUPPORT:
		return refuse(WHY_EXIT_BAD_RULES, path, "written by a newer whyd: use its `why`");
	default:
		return refuse(WHY_EXIT_INTERNAL, path, strerror(-r));
	}
}

/* One segment. A frame cut off at its end is what a crash leaves: said, and no error. */
static int play_fd(struct playing *play, int fd, const char *path)
{
	AUTO_BUF struct buf in;
	AUTO_FREE uint8_t *chunk = malloc(CHUNK);

	if (!chunk)
		return show_error(WHY_EXIT_INTERNAL, "out of memory");
	buf_init(&in, MAX_BUFFER);
	for (;;) {
		ssize_t n = read(fd, chunk, CHUNK);
		size_t used = 0;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(WHY_EXIT_NOT_FOUND, path, strerror(errno));
		if (n == 0)
			break;
		r = buf_add(&in, chunk, (size_t)n);
		if (r == 0)
			r = replay_feed(play->replay, in.data, in.len, on_change, play, &used);
		if (r < 0)
			return tell_feed(r, path);
		if (play->status != WHY_EXIT_OK)
			return play->status;
		memmove(in.data, in.data + used, in.len - used);
		in.len -= used;
	}
	if (in.len > 0)
		(void)refuse(WHY_EXIT_OK, path, "its last frame is cut off; all before it was played");
	return WHY_EXIT_OK;
}

static int play_file(struct playing *play, const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	return play_fd(play, fd, path);
}

static int is_segment(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(SUFFIX) && strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int play_folder(struct playing *play, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_segment, by_name), status = WHY_EXIT_OK;
	char file[PATH_MAX];

	if (n < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	if (n == 0)
		status = refuse(WHY_EXIT_NOT_FOUND, path, "no segments (NUMBER" SUFFIX ") in this folder");
	for (int i = 0; i < n && status == WHY_EXIT_OK; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		status = play_file(play, file);
	}
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return status;
}

static int play_path(struct playing *play, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return play_fd(play, STDIN_FILENO, "standard input");
	if (stat(path, &st) < 0)
		return refuse(errno == EACCES ? WHY_EXIT_DENIED : WHY_EXIT_NOT_FOUND, path, strerror(errno));
	return S_ISDIR(st.st_mode) ? play_folder(play, path) : play_file(play, path);
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
	struct replay_options options = { .warm_up_ns = WARM_UP_NS };
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
		status = play_path(&play, words[i]);
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

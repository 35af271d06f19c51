// SPDX-License-Identifier: Apache-2.0
#include "cli/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/text.h"
#include "cli/offline.h"
#include "cli/recording.h"
#include "cli/show.h"
#include "rules/replay.h"

enum side { IN_FORCE, GIVEN, SIDES };

enum verdict { WOULD_OPEN, WOULD_VANISH, WOULD_DIFFER, THE_SAME, VERDICT_MAX };

/* One rule on one subject, as both sides saw it. */
struct row {
	char *rule, *subject, *name; /* subject: its key, name: for people */
	enum entity_kind kind;
	struct {
		unsigned opened; /* times */
		bool open;       /* at the end */
		enum severity severity;
		wall_ns_t first;
	} seen[SIDES];
};

struct comparison {
	const struct common *common;
	struct row *rows;
	size_t n_rows, n_left_out, n_verdicts[VERDICT_MAX];
	uint32_t n_rules[SIDES];
	struct replay *replay[SIDES];
	struct replay_stats stats;
	enum side side; /* whose findings come in */
	bool failed, tell_progress;
};

static void comparison_done(struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		free(c->rows[i].rule);
		free(c->rows[i].subject);
		free(c->rows[i].name);
	}
	free(c->rows);
	for (unsigned i = 0; i < SIDES; i++)
		replay_free(&c->replay[i]);
}

/* ---- playing ---------------------------------------------------------------------------------------- */

static struct row *find_row(struct comparison *c, const struct finding *f)
{
	const char *subject = f->subject.id ? f->subject.id : "";
	struct row *row;

	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].kind == f->subject.kind && strcmp(c->rows[i].rule, f->rule) == 0 &&
		    strcmp(c->rows[i].subject, subject) == 0)
			return &c->rows[i];
	if (c->n_rows == COMPARE_MAX_ROWS) {
		c->n_left_out++;
		return NULL;
	}
	row = &c->rows[c->n_rows++];
	*row = (struct row){ .rule = strdup(f->rule), .subject = strdup(subject), .kind = f->subject.kind,
			     .name = strdup(f->subject.name ? f->subject.name : subject) };
	c->failed |= !row->rule || !row->subject || !row->name;
	return c->failed ? NULL : row;
}

static void on_change(void *arg, const struct finding *f)
{
	struct comparison *c = arg;
	struct row *row;

	if (c->failed || (f->shadow && !c->common->all) ||
	    (f->kind == FINDING_CAUSE && f->confidence < c->common->min_confidence))
		return;
	row = find_row(c, f);
	if (!row)
		return;
	if (f->state == FINDING_RESOLVED) {
		row->seen[c->side].open = false;
		return;
	}
	if (!row->seen[c->side].open && row->seen[c->side].opened++ == 0)
		row->seen[c->side].first = f->opened_at;
	row->seen[c->side].open = true;
	row->seen[c->side].severity = f->severity;
}

static void tell_progress(struct comparison *c)
{
	struct replay_stats stats;
	char span[48], line[64];

	if (!c->tell_progress)
		return;
	replay_stats(c->replay[GIVEN], &stats);
	page_span(stats.first, stats.last, span, sizeof(span));
	snprintf(line, sizeof(line), "played %s", span);
	fprintf(stderr, "\r%-40s", line);
}

/* Both get the same bytes, so both use the same. */
static int take(void *arg, const uint8_t *data, size_t n, size_t *ret_used)
{
	struct comparison *c = arg;
	int r = 0;

	for (unsigned side = 0; side < SIDES && r == 0; side++) {
		c->side = (enum side)side;
		r = replay_feed(c->replay[side], data, n, on_change, c, ret_used);
	}
	tell_progress(c);
	return r == 0 && c->failed ? -ENOMEM : r;
}

static int begin(struct comparison *c, enum side side, const struct metrics *metrics, struct ruleset **ruleset)
{
	const struct replay_options options = { .metrics = metrics, .warm_up_ns = REPLAY_WARM_UP_NS };
	int r;

	c->n_rules[side] = (*ruleset)->n_causes + (*ruleset)->n_symptoms;
	r = replay_new(&options, ruleset, &c->replay[side]);
	return r < 0 ? show_error(WHY_EXIT_INTERNAL, strerror(-r)) : WHY_EXIT_OK;
}

static int load_in_force(const struct common *common, const struct metrics *metrics, struct ruleset **ret_ruleset)
{
	static const char *const usual[] = { OFFLINE_CATALOG, OFFLINE_OWN };
	AUTO(diags_free) struct diags *diags = NULL;
	const struct args_list *given = &common->rules;
	char error[1024];
	int r = diags_new(&diags);

	if (r < 0)
		return show_error(WHY_EXIT_INTERNAL, strerror(-r));
	if (given->n > 0)
		r = offline_load(given->items, given->n, metrics, diags, ret_ruleset, error, sizeof(error));
	else /* own rules need not be there */
		r = offline_load(usual, access(OFFLINE_OWN, R_OK) == 0 ? 2 : 1, metrics, diags, ret_ruleset, error,
				 sizeof(error));
	if (r < 0)
		return show_error(r == -ENOMEM ? WHY_EXIT_INTERNAL : WHY_EXIT_NOT_FOUND, error);
	if (diags_count(diags, DIAG_ERROR) > 0)
		fprintf(stderr, "why: some of the rules in force were rejected and are not played\n");
	return WHY_EXIT_OK;
}

/* ---- what differs ----------------------------------------------------------------------------------- */

static enum verdict judge(const struct row *row)
{
	if (row->seen[IN_FORCE].opened == 0)
		return WOULD_OPEN;
	if (row->seen[GIVEN].opened == 0)
		return WOULD_VANISH;
	return row->seen[IN_FORCE].opened == row->seen[GIVEN].opened &&
			       row->seen[IN_FORCE].open == row->seen[GIVEN].open &&
			       row->seen[IN_FORCE].severity == row->seen[GIVEN].severity
		       ? THE_SAME
		       : WOULD_DIFFER;
}

static int by_verdict(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = (int)judge(x) - (int)judge(y);

	if (r == 0)
		r = strcmp(x->rule, y->rule);
	if (r == 0)
		r = (int)x->kind - (int)y->kind;
	return r ? r : strcmp(x->subject, y->subject);
}

static const char *const words[VERDICT_MAX] = { "would open", "would vanish", "would differ", "the same" };
static const char *const keys[VERDICT_MAX] = { "opens", "vanishes", "differs", "same" };

static void print_side(struct page *p, const struct row *row, enum side side)
{
	char time[32];

	page_time(p, row->seen[side].first, false, time, sizeof(time));
	page_textf(p, STYLE_PLAIN, "%s from %s", severity_name(row->seen[side].severity), time);
	if (row->seen[side].opened > 1)
		page_textf(p, STYLE_PLAIN, ", %u times", row->seen[side].opened);
	page_text(p, STYLE_PLAIN, row->seen[side].open ? ", open at the end" : ", resolved");
}

static void print_row(struct page *p, const struct row *row)
{
	enum verdict v = judge(row);

	page_text(p, v == WOULD_OPEN ? STYLE_WARNING : STYLE_PLAIN, words[v]);
	page_pad(p, 14);
	page_text(p, STYLE_BOLD, row->rule);
	page_textf(p, STYLE_PLAIN, " on %s %s: ", entity_kind_name(row->kind), row->name);
	if (v == WOULD_DIFFER) {
		print_side(p, row, IN_FORCE);
		page_text(p, STYLE_PLAIN, "; then ");
	}
	print_side(p, row, v == WOULD_VANISH ? IN_FORCE : GIVEN);
	page_break(p);
}

static int print(const struct comparison *c)
{
	AUTO(page_done) struct page p = { 0 };
	char span[48];

	show_page_begin(c->common, &p, c->stats.last);
	for (size_t i = 0; i < c->n_rows; i++)
		if (judge(&c->rows[i]) != THE_SAME || c->common->all)
			print_row(&p, &c->rows[i]);
	page_gap(&p);
	page_span(c->stats.first, c->stats.last, span, sizeof(span));
	page_textf(&p, STYLE_PLAIN, "%zu would open, %zu would vanish, %zu would differ, %zu the same",
		   c->n_verdicts[WOULD_OPEN],
		   c->n_verdicts[WOULD_VANISH], c->n_verdicts[WOULD_DIFFER], c->n_verdicts[THE_SAME]);
	page_break(&p);
	page_textf(&p, STYLE_PLAIN, "%u rules given against %u in force, over %llu ticks of %s of %s", c->n_rules[GIVEN],
		   c->n_rules[IN_FORCE], (unsigned long long)c->stats.ticks, span, c->stats.header.node);
	page_break(&p);
	return show_page(&p);
}

static void write_side(struct json *j, const char *key, const struct row *row, enum side side)
{
	if (row->seen[side].opened == 0)
		return;
	json_key(j, key);
	json_object_begin(j);
	json_key_text(j, "severity", severity_name(row->seen[side].severity));
	json_key_u64(j, "opened", row->seen[side].opened);
	json_key_bool(j, "open", row->seen[side].open);
	json_object_end(j);
}

static void write_all(const void *what, struct json *j)
{
	const struct comparison *c = what;

	json_object_begin(j);
	json_key_text(j, "apiVersion", "why/v1");
	json_key_text(j, "kind", "RuleComparison");
	json_key_text(j, "node", c->stats.header.node);
	json_key_u64(j, "ticks", c->stats.ticks);
	for (unsigned v = 0; v < VERDICT_MAX; v++)
		json_key_u64(j, keys[v], c->n_verdicts[v]);
	json_key_u64(j, "left_out", c->n_left_out);
	json_key(j, "findings");
	json_array_begin(j);
	for (size_t i = 0; i < c->n_rows; i++) {
		json_object_begin(j);
		json_key_text(j, "change", keys[judge(&c->rows[i])]);
		json_key_text(j, "rule", c->rows[i].rule);
		json_key_text(j, "kind", entity_kind_name(c->rows[i].kind));
		json_key_text(j, "subject", c->rows[i].subject);
		write_side(j, "in_force", &c->rows[i], IN_FORCE);
		write_side(j, "given", &c->rows[i], GIVEN);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static int finish(struct comparison *c)
{
	int status;

	replay_stats(c->replay[GIVEN], &c->stats);
	if (c->stats.ticks == 0)
		return show_error(WHY_EXIT_BAD_RULES, "there is no tick in this recording");
	qsort(c->rows, c->n_rows, sizeof(*c->rows), by_verdict);
	for (size_t i = 0; i < c->n_rows; i++)
		c->n_verdicts[judge(&c->rows[i])]++;
	status = c->common->output == OUTPUT_TEXT ? print(c) : show_json(write_all, c);
	if (c->n_left_out > 0)
		fprintf(stderr, "why: more than %d findings: %zu changes are not compared\n", COMPARE_MAX_ROWS,
			c->n_left_out);
	if (status == WHY_EXIT_OK && c->n_verdicts[THE_SAME] < c->n_rows)
		return WHY_EXIT_WARNING;
	return status;
}

int compare_rules(const struct common *common, const struct metrics *metrics, struct ruleset **given)
{
	AUTO(comparison_done) struct comparison c = { .common = common };
	AUTO(ruleset_free) struct ruleset *in_force = NULL;
	int status = load_in_force(common, metrics, &in_force);

	c.tell_progress = isatty(STDERR_FILENO) == 1;
	c.rows = calloc(COMPARE_MAX_ROWS, sizeof(*c.rows));
	if (status == WHY_EXIT_OK && !c.rows)
		status = show_error(WHY_EXIT_INTERNAL, "out of memory");
	if (status == WHY_EXIT_OK)
		status = begin(&c, IN_FORCE, metrics, &in_force);
	if (status == WHY_EXIT_OK)
		status = begin(&c, GIVEN, metrics, given);
	if (status == WHY_EXIT_OK)
		status = recording_play(common->against, take, &c);
	if (c.tell_progress)
		fprintf(stderr, "\r%-40s\r", "");
	return status == WHY_EXIT_OK ? finish(&c) : status;
}

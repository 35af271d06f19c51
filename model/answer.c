/* SPDX-License-Identifier: Apache-2.0 */
#include "model/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define EXIT_USAGE       64
#define EXIT_NOT_FOUND   66
#define EXIT_UNAVAILABLE 69
#define EXIT_DENIED      77
#define EXIT_UNKNOWN     3

#define LEAST_COVERAGE 0.5

static const char *const query_names[] = {
	[QUERY_EXPLAIN] = "explain",   [QUERY_LIST] = "list",	    [QUERY_TIMELINE] = "timeline",
	[QUERY_NOT] = "not",	       [QUERY_FLEET] = "fleet",	    [QUERY_DOCTOR] = "doctor",
	[QUERY_RULES] = "rules",       [QUERY_METRICS] = "metrics", [QUERY_RELOAD] = "reload",
};
_Static_assert(ARRAY_LEN(query_names) == QUERY_KIND_MAX, "a name for every kind of query");

const char *query_kind_name(enum query_kind k)
{
	return (unsigned)k < QUERY_KIND_MAX ? query_names[k] : "?";
}

/* ---- life ------------------------------------------------------------------------------------------- */

int answer_new(enum query_kind query, struct answer **ret_answer)
{
	AUTO(answer_free) struct answer *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->query = query;
	r = arena_new(ANSWER_MAX_BYTES, &a->arena);
	if (r < 0)
		return r;
	*ret_answer = TAKE_PTR(a);
	return 0;
}

void answer_free(struct answer **answer)
{
	if (!*answer)
		return;
	for (size_t i = 0; i < (*answer)->n_findings; i++)
		finding_free(&(*answer)->findings[i]);
	arena_free(&(*answer)->arena);
	free(*answer);
	*answer = NULL;
}

int answer_add_finding(struct answer *a, struct finding **f)
{
	if (a->n_findings == ANSWER_MAX_FINDINGS) {
		a->truncated = true;
		return -ENOSPC;
	}
	a->findings[a->n_findings++] = TAKE_PTR(*f);
	return 0;
}

struct answer_line *answer_add_line(struct answer *a)
{
	/* Room for all at once: lines handed out before stay where they are. */
	if (!a->lines)
		a->lines = arena_alloc_array(a->arena, ANSWER_MAX_LINES, sizeof(*a->lines));
	if (!a->lines || a->n_lines == ANSWER_MAX_LINES) {
		a->truncated = true;
		return NULL;
	}
	return &a->lines[a->n_lines++];
}

struct answer_who *answer_add_who(struct answer *a)
{
	if (!a->who)
		a->who = arena_alloc_array(a->arena, ANSWER_MAX_WHO, sizeof(*a->who));
	if (!a->who || a->n_who == ANSWER_MAX_WHO) {
		a->truncated = true;
		return NULL;
	}
	return &a->who[a->n_who++];
}

/* ---- verdict ---------------------------------------------------------------------------------------- */

/* Findings that count: open ones of rules that are not on trial. */
static bool finding_counts(const struct finding *f)
{
	return f->state != FINDING_RESOLVED && !f->shadow;
}

static enum severity worst_finding(const struct answer *a)
{
	enum severity worst = SEVERITY_INFO;

	for (size_t i = 0; i < a->n_findings; i++)
		if (finding_counts(a->findings[i]))
			worst = MAX_OF(worst, a->findings[i]->severity);
	return worst;
}

static enum severity worst_line(const struct answer *a, bool *ret_unknown)
{
	enum severity worst = SEVERITY_INFO;

	for (size_t i = 0; i < a->n_lines; i++) {
		worst = MAX_OF(worst, a->lines[i].severity);
		*ret_unknown |= a->lines[i].status && strcmp(a->lines[i].status, "unknown") == 0;
	}
	return worst;
}

/* The first that counts is the best once answer_rank has been here. */
static bool is_poorly_covered(const struct answer *a)
{
	for (size_t i = 0; i < a->n_findings; i++)
		if (finding_counts(a->findings[i]))
			return a->findings[i]->kind == FINDING_CAUSE && a->findings[i]->coverage < LEAST_COVERAGE;
	return false;
}

static int severity_exit(enum severity s)
{
	return s >= SEVERITY_CRITICAL ? 2 : s == SEVERITY_WARNING ? 1 : 0;
}

static int fleet_exit(const struct answer *a)
{
	bool unknown = a->n_lines == 0; /* nobody was heard */
	enum severity worst = worst_line(a, &unknown);
	int status = severity_exit(MAX_OF(worst, worst_finding(a)));

	return status == 0 && unknown ? EXIT_UNKNOWN : status;
}

int answer_exit_status(const struct answer *a)
{
	bool unused = false;

	switch (a->status) {
	case ANSWER_OK:
		break;
	case ANSWER_NOT_FOUND:
	case ANSWER_AMBIGUOUS:
		return EXIT_NOT_FOUND;
	case ANSWER_DENIED:
		return EXIT_DENIED;
	case ANSWER_UNAVAILABLE:
		return EXIT_UNAVAILABLE;
	case ANSWER_BAD:
		return EXIT_USAGE;
	}
	switch (a->query) {
	case QUERY_EXPLAIN:
	case QUERY_LIST:
		if (!a->evaluated || a->stale || is_poorly_covered(a))
			return EXIT_UNKNOWN;
		return severity_exit(worst_finding(a));
	case QUERY_FLEET:
		return fleet_exit(a);
	case QUERY_DOCTOR:
		return severity_exit(worst_line(a, &unused));
	case QUERY_NOT:
		return a->verdict && strcmp(a->verdict, "cannot_tell") == 0 ? EXIT_UNKNOWN : 0;
	default:
		return 0;
	}
}

/* ---- headline --------------------------------------------------------------------------------------- */

struct tally {
	size_t causes, explained, unexplained, resolved;
};

static bool is_explained(const struct answer *a, const struct finding *symptom)
{
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		for (size_t k = 0; finding_counts(f) && k < f->n_explains; k++)
			if (strcmp(f->explains[k].finding, symptom->id) == 0)
				return true;
	}
	return false;
}

static struct tally answer_tally(const struct answer *a)
{
	struct tally t = {0};

	for (size_t i = 0; i < a->n_findings; i++) {
		const struct finding *f = a->findings[i];

		if (f->state == FINDING_RESOLVED) {
			t.resolved++;
		} else if (f->shadow) {
			continue;
		} else if (f->kind == FINDING_CAUSE) {
			t.causes++;
			t.explained += f->n_explains + f->more_explains;
		} else if (f->n_because == 0 && !is_explained(a, f)) {
			t.unexplained++;
		}
	}
	return t;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void headline_findings(const struct answer *a, struct text *out)
{
	struct tally t = answer_tally(a);

	if (t.causes > 0) {
		text_addf(out, "%zu cause%s", t.causes, plural(t.causes));
		if (t.explained > 0)
			text_addf(out, " %s %zu symptom%s", t.causes == 1 ? "explains" : "explain", t.explained,
				  plural(t.explained));
	}
	if (t.unexplained > 0)
		text_addf(out, "%s%zu unexplained symptom%s", t.causes > 0 ? ", " : "", t.unexplained,
			  plural(t.unexplained));
	if (t.causes + t.unexplained > 0)
		return;
	if (t.resolved > 0)
		text_addf(out, "no open finding, %zu resolved", t.resolved);
	else
		text_add(out, "no finding");
}

static void headline_diagnosis(const struct answer *a, struct text *out)
{
	struct tally t;

	if (a->evaluated && !a->stale) {
		headline_findings(a, out);
		return;
	}
	text_add(out, a->stale ? "unknown: the agent is silent" : "unknown: not evaluated yet");
	t = answer_tally(a);
	if (t.causes + t.unexplained == 0)
		return;
	text_add(out, "; last known: ");
	headline_findings(a, out);
}

static void headline_lines(const struct answer *a, struct text *out, const char *one)
{
	text_addf(out, "%zu %s%s", a->n_lines, one, plural(a->n_lines));
}

static void headline_doctor(const struct answer *a, struct text *out)
{
	size_t bad = 0;

	for (size_t i = 0; i < a->n_lines; i++)
		bad += a->lines[i].status && strcmp(a->lines[i].status, "ok") != 0;
	if (bad == 0)
		text_addf(out, "all %zu checks passed", a->n_lines);
	else
		text_addf(out, "%zu of %zu checks did not pass", bad, a->n_lines);
}

/* "4 nodes: 1 critical, 1 unknown": the node's own words, because a fleet's findings are not all in the answer. */
static void headline_fleet(const struct answer *a, struct text *out)
{
	static const char *const words[] = { "critical", "warning", "unknown" };
	bool any = false;

	headline_lines(a, out, "node");
	for (size_t w = 0; w < ARRAY_LEN(words); w++) {
		size_t n = 0;

		for (size_t i = 0; i < a->n_lines; i++)
			n += a->lines[i].status && strcmp(a->lines[i].status, words[w]) == 0;
		if (n > 0)
			text_addf(out, "%s%zu %s", any ? ", " : ": ", n, words[w]);
		any |= n > 0;
	}
	if (!any)
		text_add(out, a->n_lines > 0 ? ", all healthy" : " known");
	if (a->n_findings > 0) {
		text_add(out, ", ");
		headline_findings(a, out);
	}
}

static void headline_verdict(const struct answer *a, struct text *out)
{
	for (const char *c = a->verdict ? a->verdict : "cannot_tell"; *c; c++)
		text_add_n(out, *c == '_' ? " " : c, 1);
}

void answer_headline(const struct answer *a, char *ret_text, size_t size)
{
	static const char *const failed[] = {
		[ANSWER_OK] = "",	      [ANSWER_NOT_FOUND] = "not found",	    [ANSWER_AMBIGUOUS] = "ambiguous",
		[ANSWER_DENIED] = "denied",   [ANSWER_UNAVAILABLE] = "unavailable", [ANSWER_BAD] = "malformed question",
	};
	struct text out;

	text_init(&out, ret_text, size);
	if (a->status != ANSWER_OK) {
		text_add(&out, (unsigned)a->status < ARRAY_LEN(failed) ? failed[a->status] : "unknown");
		if (a->message)
			text_addf(&out, ": %s", a->message);
		return;
	}
	switch (a->query) {
	case QUERY_NOT:
		headline_verdict(a, &out);
		break;
	case QUERY_DOCTOR:
		headline_doctor(a, &out);
		break;
	case QUERY_RULES:
		headline_lines(a, &out, "rule");
		break;
	case QUERY_METRICS:
		headline_lines(a, &out, "metric");
		break;
	case QUERY_TIMELINE:
		text_addf(&out, "%zu %s", a->n_lines, a->n_lines == 1 ? "entry" : "entries");
		break;
	case QUERY_FLEET:
		headline_fleet(a, &out);
		break;
	case QUERY_RELOAD:
		text_add(&out, a->message ? a->message : "reloaded");
		break;
	default:
		headline_diagnosis(a, &out);
	}
}

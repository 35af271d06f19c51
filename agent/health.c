/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct visiting {
	struct agent *agent;
	struct answer *answer;
	struct finding_unknown *unknown; /* of health_unknown */
	size_t n_unknown, max_unknown;
	int error;
};

/* A hook that the configuration switched off, or hardware that is not there, is no fault of this machine. */
static bool is_blind(int error)
{
	return error < 0 && error != -ECANCELED && error != -ENODEV;
}

static bool program_reads(const struct agent *a, const struct program *program, const char *source)
{
	for (uint32_t m = 0; m < program->n_metrics; m++) {
		const char *from = metrics_source(a->metrics, program->metrics[m]);
		if (from && strcmp(from, source) == 0)
			return true;
	}
	return false;
}

static bool cause_needs(const struct agent *a, const struct ruleset *rs, const struct cause_rule *c, const char *source)
{
	if (program_reads(a, &rs->programs[c->trigger], source))
		return true;
	for (uint32_t i = 0; i < c->n_requires; i++)
		if (program_reads(a, &rs->programs[c->requires[i].when], source))
			return true;
	return false;
}

/* Causes that cannot be told without a metric of this collector; NULL when there are none. */
static const char *rules_that_need(const struct agent *a, const char *source, struct arena *arena)
{
	const struct ruleset *rs = engine_ruleset(a->engine);
	char buffer[512];
	struct text t;
	text_init(&t, buffer, sizeof(buffer));
	size_t n = 0;
	for (uint32_t i = 0; rs && i < rs->n_causes; i++)
		if (cause_needs(a, rs, &rs->causes[i], source))
			text_addf(&t, "%s%s", n++ ? ", " : "", rs->causes[i].id);
	return n ? arena_strdup(arena, buffer) : NULL;
}

static void note_unknown(void *arg, const struct collector *collector, const char *hook, int error, const char *reason)
{
	struct visiting *v = arg;
	if (!is_blind(error) || v->n_unknown >= v->max_unknown)
		return;
	struct arena *arena = v->answer->arena;
	struct finding_unknown *u = &v->unknown[v->n_unknown++];
	u->what = hook ? arena_printf(arena, "%s (%s)", collector->name, hook) : arena_strdup(arena, collector->name);
	u->why = arena_strdup(arena, reason ? reason : strerror(-error));
	if (!u->what || !u->why)
		v->error = -ENOMEM;
}

int health_unknown(struct agent *a, struct answer *answer)
{
	struct visiting v = { .agent = a, .answer = answer, .max_unknown = 64 };
	v.unknown = arena_alloc_array(answer->arena, v.max_unknown, sizeof(*v.unknown));
	if (!v.unknown)
		return -ENOMEM;
	collecting_visit(a->collecting, note_unknown, &v);
	answer->unknown = v.unknown;
	answer->n_unknown = v.n_unknown;
	return v.error;
}

static const char *status_of(int error)
{
	if (error == 0)
		return "ok";
	return is_blind(error) ? "failed" : "missing";
}

static void note_collector(void *arg, const struct collector *collector, const char *hook, int error, const char *reason)
{
	struct visiting *v = arg;
	struct answer_line *line = answer_add_line(v->answer);
	if (!line)
		return;
	struct arena *arena = v->answer->arena;
	line->what = hook ? arena_printf(arena, "%s: %s", collector->name, hook) : arena_strdup(arena, collector->name);
	line->status = status_of(error);
	line->text = arena_strdup(arena, reason ? reason : error ? strerror(-error) : hook ? "" : collector->help);
	line->detail = error ? rules_that_need(v->agent, collector->name, arena) : NULL;
	line->severity = is_blind(error) ? SEVERITY_WARNING : SEVERITY_INFO;
}

static void note_exporter(void *arg, const struct exporter *exporter, int error, uint64_t lost)
{
	struct visiting *v = arg;
	struct answer_line *line = answer_add_line(v->answer);
	if (!line)
		return;
	line->what = arena_printf(v->answer->arena, "exporter %s", exporter->name);
	const char *trouble = error ? exporting_trouble(v->agent->exporting, exporter) : "";
	line->status = error ? "degraded" : "ok";
	line->text = error ? arena_strdup(v->answer->arena, *trouble ? trouble : strerror(-error)) :
		     lost  ? arena_printf(v->answer->arena, "%llu dropped because it was full", (unsigned long long)lost) :
			     exporter->help;
	line->severity = error || lost ? SEVERITY_WARNING : SEVERITY_INFO;
}

static void note_spool(struct agent *a, struct answer *answer)
{
	struct spool_stats spool;
	struct storing_stats storing;
	spool_stats(a->spool, &spool);
	storing_stats(a->storing, &storing);
	int error = a->no_disk ? a->no_disk : storing_error(a->storing);
	uint64_t dropped = spool.dropped_resolved + spool.dropped_superseded;
	struct answer_line *line = answer_add_line(answer);
	if (!line)
		return;
	line->what = "spool";
	/* Superseded changes are no loss: the hub gets the latest. */
	bool gave_up = storing.lost || spool.dropped_resolved;
	line->status = error ? "failed" : gave_up ? "degraded" : "ok";
	line->text =
		error ? arena_printf(answer->arena, "%s: %s; %llu changes wait in memory, %llu lost",
				     a->settings->state_dir, strerror(-error), (unsigned long long)storing.waiting,
				     (unsigned long long)storing.lost) :
			arena_printf(answer->arena, "%llu changes wait for the hub; %llu dropped%s",
				     (unsigned long long)spool.unacked, (unsigned long long)(dropped + storing.lost),
				     gave_up ? ", among them resolved findings that the hub never hears of: is it well? "
					       "Else raise spool.max_records and spool.max_bytes" : "");
	line->severity = error || gave_up ? SEVERITY_WARNING : SEVERITY_INFO;
}

static void note_losses(struct agent *a, struct answer *answer)
{
	uint64_t lost =
		a->batch->dropped_samples + a->batch->dropped_events + a->batch->dropped_ops + graph_refused(a->graph);
	struct answer_line *line = answer_add_line(answer);
	if (!line)
		return;
	line->what = "readings";
	line->status = lost ? "degraded" : "ok";
	line->text = arena_printf(
		answer->arena,
		"%zu entities known; %llu samples, %llu events, %llu entities or edges dropped for lack of room",
		graph_count(a->graph), (unsigned long long)a->batch->dropped_samples,
		(unsigned long long)a->batch->dropped_events, (unsigned long long)graph_refused(a->graph));
	line->severity = lost ? SEVERITY_WARNING : SEVERITY_INFO;
}

static void note_recorder(struct agent *a, struct answer *answer)
{
	struct answer_line *line = answer_add_line(answer);
	if (!line)
		return;
	line->what = "flight recorder";
	if (!a->recorder) {
		line->status = "failed";
		line->text = "cannot write below the state folder";
		line->severity = SEVERITY_WARNING;
		return;
	}
	struct recorder_stats stats;
	recorder_stats(a->recorder, &stats);
	line->status = stats.missed_ticks ? "degraded" : "ok";
	line->text = arena_printf(answer->arena, "%llu segments, %llu recordings kept, %llu ticks missed",
				  (unsigned long long)stats.segments, (unsigned long long)stats.kept,
				  (unsigned long long)stats.missed_ticks);
}

int health_doctor(struct agent *a, struct answer *answer)
{
	struct visiting v = { .agent = a, .answer = answer };
	collecting_visit(a->collecting, note_collector, &v);
	exporting_visit(a->exporting, note_exporter, &v);
	note_spool(a, answer);
	note_recorder(a, answer);
	note_losses(a, answer);
	return health_unknown(a, answer);
}

static void add_rule(struct answer *answer, const char *id, enum rule_mode mode, bool kept, enum severity severity,
		     enum entity_kind scope, const char *what, const char *pack)
{
	struct answer_line *line = answer_add_line(answer);
	if (!line)
		return;
	line->what = arena_strdup(answer->arena, id);
	line->subject = entity_kind_name(scope);
	line->status = rule_mode_name(mode);
	line->text = arena_printf(answer->arena, "%s of pack %s%s", what, pack ? pack : "?",
				  kept ? "; its last good version: the new one has errors" : "");
	line->severity = severity;
}

int health_rules(struct agent *a, struct answer *answer)
{
	const struct ruleset *rs = engine_ruleset(a->engine);
	for (uint32_t i = 0; rs && i < rs->n_causes; i++)
		add_rule(answer, rs->causes[i].id, rs->causes[i].mode, rs->causes[i].kept, rs->causes[i].severity,
			 rs->causes[i].scope, "cause", rs->causes[i].pack);
	for (uint32_t i = 0; rs && i < rs->n_symptoms; i++)
		add_rule(answer, rs->symptoms[i].id, rs->symptoms[i].mode, rs->symptoms[i].kept, rs->symptoms[i].severity,
			 rs->symptoms[i].scope, "symptom", rs->symptoms[i].pack);
	const struct diags *diags = rulebook_diags(a->rulebook);
	for (size_t i = 0; diags && i < diags_total(diags); i++) {
		const struct diag *d = diags_at(diags, i);
		struct answer_line *line = d && d->severity == DIAG_ERROR ? answer_add_line(answer) : NULL;
		if (!line)
			continue;
		line->what = arena_strdup(answer->arena, d->rule ? d->rule : d->file);
		line->status = "rejected";
		line->text = arena_printf(answer->arena, "%s:%u:%u: error[%s] %s", d->file, d->line, d->column, d->code,
					  d->message);
		line->severity = SEVERITY_WARNING;
	}
	return 0;
}

struct running {
	const char *name;
	int error;
};

static void find_error(void *arg, const struct collector *collector, const char *hook, int error, const char *reason UNUSED)
{
	struct running *r = arg;
	if (!hook && strcmp(collector->name, r->name) == 0)
		r->error = error;
}

int health_metrics(struct agent *a, struct answer *answer)
{
	for (uint32_t i = 0; i < metrics_count(a->metrics); i++) {
		const struct metric_desc *d = metrics_at(a->metrics, i);
		struct answer_line *line = answer_add_line(answer);
		if (!line)
			break;
		struct running r = { .name = metrics_source(a->metrics, i) };
		collecting_visit(a->collecting, find_error, &r);
		line->what = d->name;
		line->subject = entity_kind_name(d->about);
		line->status = status_of(r.error);
		line->text = d->help;
		line->detail = arena_printf(answer->arena, "%s %s, from %s", metric_kind_name(d->kind),
					    unit_name(d->unit), r.name);
	}
	return 0;
}

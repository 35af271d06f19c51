/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/compose_parts.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/judge.h"
#include "rules/relative.h"

static wall_ns_t wall_of(const struct compose *c, mono_ns_t at)
{
	uint64_t ago = mono_since(at, c->view.now);

	return c->wall > ago ? c->wall - ago : 0;
}

/* An event speaks of its own moment, a window of its stretch. */
static void set_stretch(const struct compose *c, struct finding_evidence *out, uint32_t metric, uint64_t window_ns,
			entity_id at)
{
	const struct metric_desc *desc = metric == METRIC_NONE ? NULL : metrics_at(c->view.m->metrics, metric);
	const struct event *newest;
	entity_id holder;

	out->to = c->wall;
	out->from = wall_of(c, c->view.now > window_ns ? c->view.now - window_ns : 0);
	if (!desc || desc->kind != METRIC_EVENT)
		return;
	holder = relative_nearest(c->view.m->graph, at, desc->about);
	if (holder != ENTITY_NONE &&
	    series_events(c->view.m->series, metric, holder, c->view.now, window_ns, &newest, 1) > 0)
		out->from = out->to = wall_of(c, newest->at);
}

static void name_metric(const struct compose *c, struct finding_evidence *out, uint32_t metric)
{
	const struct metric_desc *desc = metric == METRIC_NONE ? NULL : metrics_at(c->view.m->metrics, metric);

	if (!desc)
		return;
	out->metric = desc->name;
	out->source = metrics_source(c->view.m->metrics, metric);
}

static void write_item(struct compose *c, const struct suspect *s, const struct evidence_rule *item, const char *role,
		       struct finding_evidence *out)
{
	struct machine *m = c->view.m;
	struct arena *arena = c->draft->arena;
	struct value observed = {VALUE_UNKNOWN, {0}};
	entity_id at = s->entity;
	uint32_t metric = item->observe_metric;

	(void)judge_at_path(m, &item->via, item->when, s->entity, &at);
	if (item->observe != PROGRAM_NONE)
		observed = machine_run(m, item->observe, at, NULL);
	if (metric == METRIC_NONE && m->ruleset->programs[item->when].n_metrics > 0)
		metric = m->ruleset->programs[item->when].metrics[0];
	*out = (struct finding_evidence){.id = arena_strdup(arena, item->id),
					 .role = role,
					 .observed = NAN,
					 .expected = arena_strdup(arena, item->expected),
					 .unit = item->observe_unit};
	if (observed.type == VALUE_NUMBER)
		out->observed = observed.number;
	if (observed.type == VALUE_TEXT)
		out->observed_text = arena_strdup(arena, observed.text);
	name_metric(c, out, metric);
	set_stretch(c, out, metric, item->window_ns, at);
	out->text = item->show.n_parts > 0 ? compose_template(c, &item->show, at, &observed, item->observe_unit)
					   : arena_strdup(arena, m->ruleset->programs[item->when].source);
}

/* What was said of it when it was true. */
static const struct finding_evidence *said_before(const struct compose *c, const char *id, const char *role)
{
	for (size_t i = 0; c->has_before && i < c->before->n_evidence; i++) {
		const struct finding_evidence *e = &c->before->evidence[i];

		if (e->id && e->role && strcmp(e->id, id) == 0 && strcmp(e->role, role) == 0)
			return e;
	}
	return NULL;
}

static void write_role(struct compose *c, const struct suspect *s, const struct evidence_rule *items, uint32_t n,
		       uint16_t is_true, const char *role)
{
	struct finding *f = c->draft;

	for (uint32_t i = 0; i < n && f->n_evidence < FINDING_MAX_EVIDENCE; i++) {
		const struct finding_evidence *before = said_before(c, items[i].id, role);
		bool now = s->entity != ENTITY_NONE &&
			   judge_at_path(c->view.m, &items[i].via, items[i].when, s->entity, NULL) == TRUTH_TRUE;

		if (now || (!before && (is_true & (1u << i))))
			write_item(c, s, &items[i], role, &f->evidence[f->n_evidence++]);
		else if (before)
			f->evidence[f->n_evidence++] = *before;
	}
}

void compose_evidence(struct compose *c, const struct suspect *s, const struct cause_rule *rule)
{
	const struct score_marks *marks = &s->j.marks;

	write_role(c, s, rule->requires, rule->n_requires, marks->requires_true, "requires");
	write_role(c, s, rule->supports, rule->n_supports, marks->supports_true, "supports");
	write_role(c, s, rule->refutes, rule->n_refutes, marks->refutes_true, "refutes");
}

void compose_symptom_evidence(struct compose *c, const struct suspect *s, const struct symptom_rule *rule)
{
	const struct program *p = &c->view.rs->programs[rule->when];
	struct finding *f = c->draft;
	uint32_t metric = p->n_metrics > 0 ? p->metrics[0] : METRIC_NONE;
	struct finding_evidence *e = &f->evidence[0];

	*e = (struct finding_evidence){.id = "when", .role = "requires", .observed = NAN};
	e->text = arena_strdup(f->arena, p->source);
	e->expected = arena_strdup(f->arena, p->source);
	name_metric(c, e, metric);
	set_stretch(c, e, metric, 0, s->entity);
	e->from = s->opened_wall;
	f->n_evidence = 1;
}

// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/checker.h"
#include "rules/scope.h"

static const char *nearest_metric(struct checker *c, const char *name)
{
	size_t n = metrics_count(c->l->metrics);
	const char **names = arena_alloc_array(c->l->scratch, n + 1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < n; i++)
		names[i] = metrics_at(c->l->metrics, (uint32_t)i)->name;
	return loader_mean(c->l, name, names, n);
}

static const char *nearest_field(struct checker *c, const struct metric_desc *desc, const char *field)
{
	const char *names[METRIC_MAX_FIELDS + 1];
	size_t n = 0;

	for (const struct metric_field *f = desc->fields; f && f->name && n < METRIC_MAX_FIELDS; f++)
		names[n++] = f->name;
	names[n++] = "code";
	return loader_mean(c->l, field, names, n);
}

static bool reachable(struct checker *c, const struct ast *a, enum entity_kind about, const char *what)
{
	if (scope_reaches(c->scope, about))
		return true;
	return checker_fail(c, RULES_E204, a, "give a 'via' path to it, or count_entities()",
			    "%s '%s' is about a %s, which cannot be reached from a %s",
			    what, a->text, entity_kind_name(about), entity_kind_name(c->scope));
}

static bool take_metric(struct checker *c, struct ast *a, uint32_t id)
{
	const struct metric_desc *desc = metrics_at(c->l->metrics, id);

	if (!reachable(c, a, desc->about, "metric"))
		return false;
	a->metric = id;
	a->unit = desc->unit;
	a->ref = desc->kind == METRIC_EVENT ? REF_EVENT : REF_METRIC;
	a->type = desc->kind == METRIC_STATE ? TYPE_STATE : TYPE_NUMBER;
	return true;
}

static bool take_field(struct checker *c, struct ast *a, uint32_t id, const char *field)
{
	const struct metric_desc *desc = metrics_at(c->l->metrics, id);
	int index;

	if (!reachable(c, a, desc->about, "event"))
		return false;
	a->metric = id;
	if (strcmp(field, "code") == 0) {
		a->ref = REF_EVENT;
		a->type = TYPE_NUMBER;
		return true;
	}
	index = metric_field_index(desc, field);
	if (index < 0)
		return checker_fail(c, RULES_E212, a, nearest_field(c, desc, field), "event '%s' has no field '%s'",
				    desc->name, field);
	a->ref = REF_EVENT_FIELD;
	a->field = (uint32_t)index;
	a->unit = desc->fields[index].unit;
	a->type = desc->fields[index].is_text ? TYPE_STRING : TYPE_NUMBER;
	return true;
}

/* metric.field: the longest metric that the name begins with. False without an error: no such metric. */
static bool find_event_field(struct checker *c, const char *name, uint32_t *ret_metric, const char **ret_field)
{
	char prefix[256];
	const char *dot = strrchr(name, '.');
	const struct metric_desc *desc;

	if (!dot || (size_t)(dot - name) >= sizeof(prefix))
		return false;
	text_copy(prefix, (size_t)(dot - name) + 1, name);
	*ret_metric = metrics_find(c->l->metrics, prefix);
	desc = metrics_at(c->l->metrics, *ret_metric);
	*ret_field = dot + 1;
	return desc && desc->kind == METRIC_EVENT;
}

static bool take_attr(struct checker *c, struct ast *a, enum entity_kind kind, const char *attr)
{
	if (!reachable(c, a, kind, "attribute"))
		return false;
	if (!scope_has_attr(kind, attr)) {
		size_t n = 0;

		while (scope_attrs(kind)[n])
			n++;
		loader_warning(c->l, RULES_W103, c->place->at, c->place->base + a->offset, a->length,
			       loader_mean(c->l, attr, scope_attrs(kind), n),
				       "no collector sets attribute '%s' of a %s", attr,
			       entity_kind_name(kind));
	}
	a->ref = REF_ATTR;
	a->about = kind;
	a->attr = loader_strdup(c->l, attr);
	a->type = TYPE_ATTR;
	return a->attr != NULL;
}

static bool take_param(struct checker *c, struct ast *a, const char *name)
{
	struct param *p = loader_find_param(c->l, name);
	const char *names[LOADER_MAX_PARAMS];
	size_t n = c->l->file->n_params;

	if (!p) {
		for (size_t i = 0; i < n; i++)
			names[i] = c->l->file->params[i].name;
		return checker_fail(c, RULES_E213, a, loader_mean(c->l, name, names, n), "pack '%s' has no param '%s'",
				    c->l->file->pack ? c->l->file->pack : "?", name);
	}
	p->used = true;
	a->ref = REF_PARAM;
	a->metric = loader_param_slot(c->l, p);
	a->unit = p->unit;
	a->type = TYPE_NUMBER;
	return true;
}

/* An event's name must be of the metric that the count() around it speaks of. */
static bool check_predicate(struct checker *c, struct ast *a)
{
	if (!c->in_predicate || (a->ref != REF_EVENT && a->ref != REF_EVENT_FIELD))
		return true;
	if (c->predicate_metric == METRIC_NONE)
		c->predicate_metric = a->metric;
	if (c->predicate_metric == a->metric)
		return true;
	return checker_fail(c, RULES_E217, a, "write two count() joined by &&", "this count() speaks of '%s' already",
			    metrics_at(c->l->metrics, c->predicate_metric)->name);
}

static bool resolve(struct checker *c, struct ast *a)
{
	uint32_t id = metrics_find(c->l->metrics, a->text);
	char first[64];
	const char *dot = strchr(a->text, '.'), *field;
	enum entity_kind kind;

	if (strncmp(a->text, "param.", 6) == 0)
		return take_param(c, a, a->text + 6);
	if (id != METRIC_NONE)
		return take_metric(c, a, id);
	if (find_event_field(c, a->text, &id, &field))
		return take_field(c, a, id, field);
	text_copy(first, dot && (size_t)(dot - a->text) < sizeof(first) ? (size_t)(dot - a->text) + 1 : sizeof(first),
		  a->text);
	if (entity_kind_parse(first, &kind) == 0 && (!dot || !strchr(dot + 1, '.'))) {
		if (!dot || scope_has_attr(kind, dot + 1) || (scope_reaches(c->scope, kind) &&
							      !nearest_metric(c, a->text)))
			return take_attr(c, a, kind, dot ? dot + 1 : "name");
	} else if (!dot && scope_has_attr(c->scope, a->text)) {
		return take_attr(c, a, c->scope, a->text);
	}
	return checker_fail(c, RULES_E203, a, nearest_metric(c, a->text), "unknown metric '%s' for scope %s", a->text,
			    entity_kind_name(c->scope));
}

bool checker_resolve(struct checker *c, struct ast *a)
{
	return resolve(c, a) && check_predicate(c, a);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "rules/expr.h"
#include "rules/loader.h"

#define MAX_EXCEPTIONS 32

static struct override *find(const struct loader *l, const char *id)
{
	for (uint32_t i = 0; i < l->overrides.n; i++) {
		struct override *o = list_at(&l->overrides, i);

		if (strcmp(o->id, id) == 0)
			return o;
	}
	return NULL;
}

static void merge(const struct rules_file *file, const struct yaml_node *node, const char *key,
		  const struct yaml_node **ret_node,
		  const struct rules_file **ret_file)
{
	const struct yaml_node *member = yaml_tree_get(node, key);

	if (!member)
		return;
	*ret_node = member;
	*ret_file = file;
}

static void read_override(struct loader *l, const struct yaml_node *node)
{
	struct override *o = find(l, node->key), fresh = { .id = node->key };

	if (!fields_check(l, node, "an override", &keys_override))
		return;
	if (!o) {
		uint32_t index;

		if (list_add(&l->overrides, l->scratch, &fresh, &index) < 0) {
			l->out_of_memory = true;
			return;
		}
		o = list_at(&l->overrides, index);
	}
	o->file = l->file;
	o->node = node;
	merge(l->file, node, "mode", &o->mode, &o->mode_file);
	merge(l->file, node, "severity", &o->severity, &o->severity_file);
	merge(l->file, node, "params", &o->params, &o->params_file);
	merge(l->file, node, "except", &o->except, &o->except_file);
}

void loader_read_overrides(struct loader *l, const struct yaml_node *node)
{
	if (node->kind != YAML_MAPPING) {
		loader_error(l, RULES_E122, node, 0, 1, "override: { mem.cgroup_oom: { mode: shadow } }",
			     "override is a map from rule ids, not a list");
		return;
	}
	for (const struct yaml_node *rule = node->first; rule; rule = rule->next)
		read_override(l, rule);
}

const struct override *loader_find_override(struct loader *l, const char *id)
{
	struct override *o = find(l, id);

	if (o)
		o->used = true;
	return o;
}

/* 2027-03-31: until the end of that day in UTC; or RFC 3339. */
static bool read_until(struct loader *l, const struct yaml_node *at, wall_ns_t *ret_until)
{
	struct tm tm = { 0 };
	const char *end = at->kind == YAML_SCALAR ? strptime(at->text, "%Y-%m-%d", &tm) : NULL;

	if (end && *end == '\0') {
		time_t t = timegm(&tm);

		if (t > 0) {
			*ret_until = ((uint64_t)t + 86400) * NS_PER_S;
			return true;
		}
	}
	if (at->kind == YAML_SCALAR && clock_parse_rfc3339(at->text, ret_until) == 0)
		return true;
	loader_error(l, RULES_E125, at, 0, at->kind == YAML_SCALAR ? at->len : 1, "write 2027-03-31",
		     "'until' is a date");
	return false;
}

static bool read_exception(struct loader *l, const struct yaml_node *node, enum entity_kind scope,
			   struct exception_rule *e)
{
	const struct yaml_node *until = yaml_tree_get(node, "until");

	if (!fields_check(l, node, "an exception", &keys_exception))
		return false;
	if (!yaml_tree_get(node, "match") || !yaml_tree_get(node, "reason")) {
		loader_error(l, RULES_E123, node, 0, 1,
			     "{ match: \"...\", reason: \"...\", owner: ..., until: 2027-03-31 }",
			     "an exception needs 'match' and 'reason'");
		return false;
	}
	e->match = expr_field(l, node, "match", scope);
	if (!until)
		loader_warning(l, RULES_W106, node, 0, 1, "until: 2027-03-31", "this exception has no end");
	return e->match != PROGRAM_NONE && field_text(l, node, "reason", &e->reason) &&
		field_text(l, node, "owner", &e->owner) &&
	       (!until || read_until(l, until, &e->until));
}

static void read_exceptions(struct loader *l, const struct yaml_node *list, enum entity_kind scope,
			    const struct exception_rule **ret_items, uint32_t *ret_n)
{
	struct exception_rule *items;
	uint32_t n = 0;

	if (!fields_is_list(l, list, MAX_EXCEPTIONS))
		return;
	items = loader_alloc(l, list->n_children, sizeof(*items));
	for (const struct yaml_node *node = list->first; items && node; node = node->next)
		if (read_exception(l, node, scope, &items[n]))
			n++;
	*ret_items = items;
	*ret_n = n;
}

static void check_params(struct loader *l, const struct override *o)
{
	struct rules_file *pack = l->file;

	if (!o->params)
		return;
	for (const struct yaml_node *at = o->params->first; at; at = at->next) {
		const struct param *p = loader_find_param(l, at->key);
		const char *names[LOADER_MAX_PARAMS];

		for (size_t i = 0; i < pack->n_params; i++)
			names[i] = pack->params[i].name;
		l->file = (struct rules_file *)o->params_file;
		if (p)
			(void)loader_check_param_value(l, p, at);
		else
			loader_error_key(l, RULES_E130, at, loader_mean(l, at->key, names, pack->n_params),
					 "the pack of '%s' has no param '%s'", o->id, at->key);
		l->file = pack;
	}
}

/* A wrong override must not take the rule out of force: its errors are told, and what is right of it applies. */
void loader_apply_override(struct loader *l, enum entity_kind scope, enum rule_mode *mode, enum severity *severity,
			   const struct exception_rule **ret_exceptions, uint32_t *ret_n)
{
	const struct override *o = l->override;
	struct rules_file *file = l->file;
	const char *rule = l->rule;
	size_t n_errors = l->n_errors;

	if (!o)
		return;
	l->rule = NULL; /* the errors reject nothing */
	check_params(l, o);
	if (o->mode) {
		l->file = (struct rules_file *)o->mode_file;
		(void)field_mode(l, &(struct yaml_node){ .kind = YAML_MAPPING, .first = (struct yaml_node *)o->mode,
							 .n_children = 1 }, mode);
	}
	if (o->severity) {
		l->file = (struct rules_file *)o->severity_file;
		(void)field_severity(l, &(struct yaml_node){ .kind = YAML_MAPPING,
							     .first = (struct yaml_node *)o->severity,
							     .n_children = 1 }, severity);
	}
	if (o->except) {
		l->file = (struct rules_file *)o->except_file;
		read_exceptions(l, o->except, scope, ret_exceptions, ret_n);
	}
	l->file = file;
	l->rule = rule;
	l->n_errors = n_errors;
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rules/expr.h"
#include "rules/loader.h"
#include "rules/path.h"
#include "rules/template.h"

#define LEAST_FRESH_NS (30 * NS_PER_S)

static bool is_missing(struct loader *l, const struct yaml_node *node, const char *key, const char *what)
{
	const struct yaml_node *at = yaml_tree_get(node, key);

	if (at && at->kind == YAML_SCALAR)
		return false;
	loader_error(l, at ? RULES_E122 : RULES_E123, at ? at : node, 0, 1, NULL, "%s needs a '%s'", what, key);
	return true;
}

/* The condition in the scope at the end of `via`, unless count_entities() walks the path itself. */
static void compile_when(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct path *via,
			 uint32_t *ret_when,
			 struct expr_info *info)
{
	const struct yaml_node *at = yaml_tree_get(node, "when");
	struct expr_place place = { .at = at, .scope = path_end(via), .via = via };

	if (via->n_steps && strstr(at->text, "count_entities")) {
		place.scope = scope;
		*ret_when = expr_compile(l, &place, at->text, at->len, EXPR_CONDITION, info);
		if (info->via_taken)
			*via = (struct path){ .from = scope };
		else if (*ret_when != PROGRAM_NONE)
			loader_error(l, RULES_E223, yaml_tree_get(node, "via"), 0, 1,
				     "end the path at the kind that count_entities() counts",
				     "this path is not walked by count_entities()");
		return;
	}
	*ret_when = expr_compile(l, &place, at->text, at->len, EXPR_CONDITION, info);
}

static bool read_item(struct loader *l, const struct yaml_node *node, enum entity_kind scope, const char *role,
		      struct evidence_rule *e)
{
	struct expr_info info = { .observe = PROGRAM_NONE, .observe_metric = METRIC_NONE };
	size_t before = l->n_errors;
	int weight = WEIGHT_MODERATE;

	if (!fields_check(l, node, role, &keys_evidence) || is_missing(l, node, "id", "evidence") ||
	    is_missing(l, node, "when", "evidence"))
		return false;
	if (!path_field(l, node, "via", scope, &e->via))
		return false;
	(void)field_is_id(l, yaml_tree_get(node, "id")->text, yaml_tree_get(node, "id"), false);
	(void)field_text(l, node, "id", &e->id);
	(void)field_text(l, node, "group", &e->group);
	(void)field_word(l, node, "weight", words_weight, &weight);
	e->weight = (enum weight)weight;
	compile_when(l, node, scope, &e->via, &e->when, &info);
	e->observe = info.observe;
	e->observe_unit = info.observe_unit;
	e->observe_metric = info.observe_metric;
	e->expected = info.expected;
	e->window_ns = info.window_ns;
	e->fresh_ns = MAX_OF(info.window_ns, LEAST_FRESH_NS);
	if (e->when != PROGRAM_NONE)
		(void)template_field(l, node, "show", path_end(&e->via), &info, &e->show);
	return l->n_errors == before;
}

void loader_read_evidence(struct loader *l, const struct yaml_node *list, enum entity_kind scope, const char *role,
			  const struct evidence_rule **ret_items, uint32_t *ret_n)
{
	struct evidence_rule *items;
	uint32_t n = 0;

	if (!list || !fields_is_list(l, list, RULESET_MAX_EVIDENCE))
		return;
	items = loader_alloc(l, list->n_children, sizeof(*items));
	for (const struct yaml_node *node = list->first; items && node; node = node->next) {
		if (!read_item(l, node, scope, role, &items[n]))
			continue;
		for (uint32_t i = 0; i < n; i++)
			if (strcmp(items[i].id, items[n].id) == 0)
				loader_error(l, RULES_E127, yaml_tree_get(node, "id"), 0, strlen(items[n].id), NULL,
					     "evidence '%s' is there already", items[n].id);
		n++;
	}
	*ret_items = items;
	*ret_n = n;
}

static bool read_unless(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct unless_rule *u)
{
	struct expr_info info;

	if (!fields_check(l, node, "unless", &keys_unless) || is_missing(l, node, "when", "unless") ||
	    is_missing(l, node, "reason", "unless"))
		return false;
	if (!path_field(l, node, "via", scope, &u->via))
		return false;
	compile_when(l, node, scope, &u->via, &u->when, &info);
	return field_text(l, node, "reason", &u->reason) && u->when != PROGRAM_NONE;
}

void loader_read_unless(struct loader *l, const struct yaml_node *list, enum entity_kind scope,
			const struct unless_rule **ret_items, uint32_t *ret_n)
{
	struct unless_rule *items;
	uint32_t n = 0;

	if (!list || !fields_is_list(l, list, RULESET_MAX_EVIDENCE))
		return;
	items = loader_alloc(l, list->n_children, sizeof(*items));
	for (const struct yaml_node *node = list->first; items && node; node = node->next)
		if (read_unless(l, node, scope, &items[n]))
			n++;
	*ret_items = items;
	*ret_n = n;
}

// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/lexer.h"
#include "rules/loader.h"

static const enum unit type_units[] = { UNIT_NONE, UNIT_RATIO, UNIT_NS, UNIT_BYTES, UNIT_CELSIUS, UNIT_WATTS,
					UNIT_HERTZ, UNIT_CPUS };

/* A value of the param's type: a duration needs its unit, a ratio may be 0.2 or 20%, bytes may be plain. */
static bool parse_value(const struct yaml_node *at, enum unit unit, double *ret_value)
{
	double value;
	enum unit got;

	if (at->kind != YAML_SCALAR || lexer_number(at->text, &value, &got) < 0 ||
	    (got != unit && (got != UNIT_NONE || (unit == UNIT_NS && value != 0))))
		return false;
	*ret_value = value;
	return true;
}

static bool read_value(struct loader *l, const struct yaml_node *at, enum unit unit, double *ret_value)
{
	if (parse_value(at, unit, ret_value))
		return true;
	loader_error(l, RULES_E129, at, 0, at->kind == YAML_SCALAR ? at->len : 1,
		     unit == UNIT_NS ? "write 30s, 5m" : unit == UNIT_BYTES ? "write 512MiB" : unit == UNIT_RATIO
			     ? "write 0.2 or 20%" : NULL,
		     "not a value of the param's type");
	return false;
}

static void read_param(struct loader *l, const struct yaml_node *node)
{
	const struct yaml_node *def = yaml_tree_get(node, "default"), *min = yaml_tree_get(node, "min"),
		*max = yaml_tree_get(node, "max");
	struct param p = { .node = node, .min = -INFINITY, .max = INFINITY };
	struct value slot = { .type = VALUE_NUMBER };
	size_t before = l->n_errors;
	int type = -1;

	if (!fields_check(l, node, "a param", &keys_param))
		return;
	if (!yaml_tree_get(node, "type") || !def) {
		loader_error_key(l, RULES_E129, node, "{ type: ratio, default: 0.2 }",
				 "param '%s' needs a type and a default", node->key);
		return;
	}
	if (strchr(node->key, '.') || !field_is_id(l, node->key, node, true) ||
	    !field_word(l, node, "type", words_param_type, &type)) {
		if (strchr(node->key, '.'))
			loader_error_key(l, RULES_E128, node, NULL, "a param's name has no dot");
		return;
	}
	p.unit = type_units[type];
	if (!read_value(l, def, p.unit, &p.value) || (min && !read_value(l, min, p.unit, &p.min)) ||
	    (max && !read_value(l, max, p.unit, &p.max)))
		return;
	if (p.value < p.min || p.value > p.max)
		loader_error(l, RULES_E129, def, 0, def->len, NULL, "the default of '%s' is outside of its own range",
			     node->key);
	p.name = node->key;
	slot.number = p.value;
	if (l->n_errors == before && list_add(&l->params, l->arena, &slot, &p.slot) < 0)
		l->out_of_memory = true;
	if (l->n_errors == before)
		l->file->params[l->file->n_params++] = p;
}

void loader_read_params(struct loader *l, const struct yaml_node *params)
{
	if (params->kind != YAML_MAPPING) {
		loader_error(l, RULES_E122, params, 0, 1, NULL, "params is a map 'name: { type, default }'");
		return;
	}
	if (params->n_children > LOADER_MAX_PARAMS) {
		loader_error(l, RULES_E126, params, 0, 1, NULL, "a pack has at most %d params", LOADER_MAX_PARAMS);
		return;
	}
	for (const struct yaml_node *node = params->first; node; node = node->next)
		read_param(l, node);
}

struct param *loader_find_param(struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->file->n_params; i++)
		if (strcmp(l->file->params[i].name, name) == 0)
			return &l->file->params[i];
	return NULL;
}

bool loader_check_param_value(struct loader *l, const struct param *p, const struct yaml_node *at)
{
	double value;

	if (!read_value(l, at, p->unit, &value))
		return false;
	if (value >= p->min && value <= p->max)
		return true;
	loader_error(l, RULES_E129, at, 0, at->len, NULL, "'%s' is outside of %g..%g", p->name, p->min, p->max);
	return false;
}

/* The overriding value; a bad one was told by loader_apply_override and counts for nothing. */
static bool overridden(const struct loader *l, const struct param *p, double *ret_value)
{
	const struct yaml_node *at = l->override && l->override->params ? yaml_tree_get(l->override->params, p->name)
		: NULL;

	return at && parse_value(at, p->unit, ret_value) && *ret_value >= p->min && *ret_value <= p->max;
}

uint32_t loader_param_slot(struct loader *l, struct param *p)
{
	struct value slot = { .type = VALUE_NUMBER };
	uint32_t index;

	if (!overridden(l, p, &slot.number))
		return p->slot;
	for (uint32_t i = 0; i < l->params.n; i++) /* a value that is there already serves again */
		if (((const struct value *)list_at(&l->params, i))->number == slot.number)
			return i;
	if (list_add(&l->params, l->arena, &slot, &index) < 0) {
		l->out_of_memory = true;
		return p->slot;
	}
	return index;
}

void loader_warn_unused_params(struct loader *l)
{
	for (size_t i = 0; i < l->file->n_params; i++) {
		const struct param *p = &l->file->params[i];

		if (!p->used)
			diags_add(l->diags, DIAG_WARNING, rules_code_name(RULES_W102), l->file->origin->name,
				  p->node->key_line, p->node->key_column,
				  (uint32_t)strlen(p->name), l->file->origin->text, NULL, NULL,
					  "param '%s' is never used", p->name);
	}
}

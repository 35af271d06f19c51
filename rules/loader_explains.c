// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "rules/loader.h"
#include "rules/parser.h"
#include "rules/path.h"

#define DEFAULT_LEAD_NS (10 * NS_PER_S)
#define DEFAULT_LAG_NS  (300 * NS_PER_S)

/* within: [-lead, lag]. */
static void read_within(struct loader *l, const struct yaml_node *at, struct explain_rule *e)
{
	bool negative = false;
	uint64_t lead, lag;

	if (!at || !fields_is_list(l, at, 2))
		return;
	if (at->n_children != 2) {
		loader_error(l, RULES_E125, at, 0, 1, "within: [-10s, 5m]", "'within' is a list of two times");
		return;
	}
	if (!field_duration_at(l, at->first, &lead, &negative) || !field_duration_at(l, at->first->next, &lag, NULL))
		return;
	if (lead && !negative) {
		loader_error(l, RULES_E125, at->first, 0, at->first->len, "-10s",
			     "the first time of 'within' is before the cause: negative or 0");
		return;
	}
	e->lead_ns = lead;
	e->lag_ns = lag;
}

/* One side of a correlation: a metric, "1 - metric", "-metric"; counters are taken by their rate. */
static bool read_side(struct loader *l, const struct yaml_node *map, const char *key, uint32_t *ret_metric,
		      double *ret_scale, bool *ret_is_rate)
{
	const struct yaml_node *at = yaml_tree_get(map, key);
	const struct metric_desc *desc;
	struct parse_error error;
	struct ast *a;

	if (!at || at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E123, map, 0, 1,
			     "correlate: { a: metric, b: \"1 - metric\", over: 10m, min: 0.6 }",
			     "a correlation needs '%s'", key);
		return false;
	}
	if (parser_parse(at->text, at->len, l->scratch, &a, &error) < 0) {
		loader_error(l, RULES_E201, at, error.offset, error.length, error.hint, "%s", error.message
			     ? error.message : "out of memory");
		return false;
	}
	*ret_scale = 1;
	if (a->kind == AST_BINARY && a->op == OP_SUBTRACT && a->first->kind == AST_NUMBER) {
		*ret_scale = -1;
		a = a->first->next;
	} else if (a->kind == AST_UNARY && a->op == OP_NEGATE) {
		*ret_scale = -1;
		a = a->first;
	}
	*ret_metric = a->kind == AST_NAME ? metrics_find(l->metrics, a->text) : METRIC_NONE;
	desc = metrics_at(l->metrics, *ret_metric);
	if (!desc || desc->kind == METRIC_EVENT || desc->kind == METRIC_STATE) {
		loader_error(l, desc ? RULES_E209 : RULES_E203, at, a->offset, a->length,
			     "a gauge or counter, or 1 minus one", "nothing to correlate");
		return false;
	}
	*ret_is_rate = desc->kind == METRIC_COUNTER;
	return true;
}

static void read_correlate(struct loader *l, const struct yaml_node *node, struct explain_rule *e)
{

	if (!node || !fields_check(l, node, "correlate", &keys_correlate))
		return;
	e->correlate_over_ns = 600 * NS_PER_S;
	e->correlate_min = 0.5;
	e->has_correlate = read_side(l, node, "a", &e->correlate_a, &e->correlate_a_scale, &e->correlate_a_is_rate);
	e->has_correlate = read_side(l, node, "b", &e->correlate_b, &e->correlate_b_scale, &e->correlate_b_is_rate) &&
		e->has_correlate;
	(void)field_duration(l, node, "over", &e->correlate_over_ns);
	(void)field_number(l, node, "min", 0, 1, &e->correlate_min);
	if (e->correlate_over_ns == 0 || e->correlate_over_ns > RULESET_MAX_WINDOW_NS)
		loader_error(l, RULES_E210, node, 0, 1, NULL, "'over' is between 1ms and 24h");
}

static bool read_explain(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct explain_rule *e)
{

	if (!fields_check(l, node, "explains", &keys_explains))
		return false;
	if (!yaml_tree_get(node, "symptom")) {
		loader_error(l, RULES_E123, node, 0, 1, NULL, "'explains' needs a 'symptom'");
		return false;
	}
	e->symptom_index = UINT32_MAX;
	e->lead_ns = DEFAULT_LEAD_NS;
	e->lag_ns = DEFAULT_LAG_NS;
	read_within(l, yaml_tree_get(node, "within"), e);
	read_correlate(l, yaml_tree_get(node, "correlate"), e);
	return field_text(l, node, "symptom", &e->symptom) && path_field(l, node, "via", scope, &e->via);
}

void loader_read_explains(struct loader *l, const struct yaml_node *list, enum entity_kind scope,
			  const struct explain_rule **ret_items, uint32_t *ret_n)
{
	struct explain_rule *items;
	uint32_t n = 0;

	if (!list || !fields_is_list(l, list, RULESET_MAX_LINKS))
		return;
	items = loader_alloc(l, list->n_children, sizeof(*items));
	for (const struct yaml_node *node = list->first; items && node; node = node->next)
		if (read_explain(l, node, scope, &items[n]))
			n++;
	*ret_items = items;
	*ret_n = n;
}

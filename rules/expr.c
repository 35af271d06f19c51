// SPDX-License-Identifier: Apache-2.0
#include "rules/expr.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "rules/checker.h"
#include "rules/emit.h"

/* How far back "the newest event" goes: in a condition, and in a text that names it. */
#define EVENT_WINDOW_CONDITION_NS (60 * NS_PER_S)
#define EVENT_WINDOW_VALUE_NS     (1800 * NS_PER_S)

static const struct ast *leftmost_comparison(const struct ast *a)
{
	while (a->kind == AST_BINARY && (a->op == OP_AND || a->op == OP_OR))
		a = a->first;
	return a->kind == AST_BINARY && ((a->op >= OP_LESS && a->op <= OP_NOT_EQUAL) || a->op == OP_IN) ? a : NULL;
}

static const char *const *states_of(const struct loader *l, const struct ast *a)
{
	return a->type == TYPE_STATE && a->ref == REF_METRIC ? metrics_at(l->metrics, a->metric)->states : NULL;
}

/* Numbers that name something: not to be printed with thousands' commas. */
static bool is_code(const struct ast *a)
{
	return a->ref == REF_EVENT || a->ref == REF_ATTR || (a->ref == REF_EVENT_FIELD && a->unit == UNIT_NONE);
}

static const char *op_text(enum opcode op, bool swapped)
{
	switch (op) {
	case OP_LESS:
		return swapped ? ">" : "<";
	case OP_LESS_EQUAL:
		return swapped ? ">=" : "<=";
	case OP_GREATER:
		return swapped ? "<" : ">";
	case OP_GREATER_EQUAL:
		return swapped ? "<=" : ">=";
	case OP_EQUAL:
		return "==";
	case OP_NOT_EQUAL:
		return "!=";
	default:
		return "in";
	}
}

/* The bound as a person reads it: a param by its value, a state by its name. */
static const char *expected_text(struct loader *l, const struct ast *comparison, const struct ast *bound,
				 bool swapped, const char *text)
{
	const char *op = op_text(comparison->op, swapped);
	const char *result;

	if (bound->kind == AST_NAME && bound->ref == REF_PARAM && bound->unit == UNIT_RATIO)
		result = arena_printf(l->arena, "%s %g%%", op,
				      ((const struct value *)list_at(&l->params, bound->metric))->number * 100);
	else if (bound->kind == AST_NAME && bound->ref == REF_PARAM && bound->unit == UNIT_NS)
		result = arena_printf(l->arena, "%s %gs", op,
				      ((const struct value *)list_at(&l->params, bound->metric))->number / 1e9);
	else if (bound->kind == AST_NAME && bound->ref == REF_PARAM)
		result = arena_printf(l->arena, "%s %g", op,
				      ((const struct value *)list_at(&l->params, bound->metric))->number);
	else
		result = arena_printf(l->arena, "%s %.*s", op, (int)bound->length, text + bound->offset);
	if (!result)
		l->out_of_memory = true;
	return result;
}

/* What a condition looks at: the first comparison's side that is no constant. */
static void observe(struct loader *l, const struct expr_place *place, const struct ast *a, const char *text,
		    struct expr_info *info)
{
	const struct ast *comparison = leftmost_comparison(a), *subject, *bound;
	struct emitted emitted;
	bool swapped;

	if (!comparison)
		return;
	subject = comparison->first;
	bound = subject->next;
	swapped = checker_is_constant(subject);
	if (swapped) {
		subject = bound;
		bound = comparison->first;
	}
	info->observe = emit_program(l, place, subject, text + subject->offset, subject->length,
				     EVENT_WINDOW_CONDITION_NS, &emitted);
	info->observe_unit = subject->unit;
	info->observe_is_code = is_code(subject);
	info->observe_states = states_of(l, subject);
	info->expected = expected_text(l, comparison, bound, swapped, text);
	if (info->observe != PROGRAM_NONE)
		info->observe_metric = emitted.first_metric;
}

static bool parse(struct loader *l, const struct expr_place *place, const char *text, size_t n, struct ast **ret_ast)
{
	struct parse_error error;
	int r = parser_parse(text, n, l->scratch, ret_ast, &error);

	if (r == 0)
		return true;
	if (r == -ENOMEM)
		l->out_of_memory = true;
	else
		loader_error(l, error.is_too_large ? RULES_E215 : error.is_lexical ? RULES_E202 : RULES_E201,
			     place->at, place->base + error.offset, error.length,
			     error.hint, "%s", error.message);
	return false;
}

uint32_t expr_compile(struct loader *l, const struct expr_place *place, const char *text, size_t n, enum expr_want want,
		      struct expr_info *ret_info)
{
	struct checker c = { .l = l, .place = place, .scope = place->scope, .predicate_metric = METRIC_NONE };
	struct expr_info info = { .observe = PROGRAM_NONE, .observe_metric = METRIC_NONE };
	struct emitted emitted = { 0 };
	struct ast *a;
	uint32_t index;

	if (!parse(l, place, text, n, &a) || !checker_check(&c, a))
		return PROGRAM_NONE;
	if (want == EXPR_CONDITION && !checker_want_bool(&c, a))
		return PROGRAM_NONE;
	if (want == EXPR_VALUE && a->type == TYPE_ATTR)
		a->type = TYPE_STRING;
	index = emit_program(l, place, a, text, n, want == EXPR_VALUE ? EVENT_WINDOW_VALUE_NS
			     : EVENT_WINDOW_CONDITION_NS, &emitted);
	if (index == PROGRAM_NONE)
		return PROGRAM_NONE;
	info.type = a->type;
	info.unit = a->unit;
	info.is_code = is_code(a);
	info.states = states_of(l, a);
	info.window_ns = emitted.window_ns;
	info.via_taken = c.via_taken;
	info.observe_metric = emitted.first_metric;
	if (want == EXPR_CONDITION && ret_info)
		observe(l, place, a, text, &info);
	if (want == EXPR_CONDITION && checker_is_constant(a))
		loader_warning(l, RULES_W107, place->at, place->base, n, NULL,
			       "this condition reads nothing: it is always the same");
	if (ret_info)
		*ret_info = info;
	return index;
}

uint32_t expr_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope)
{
	struct expr_place place = { .at = yaml_tree_get(map, key), .scope = scope };

	if (!place.at)
		return PROGRAM_NONE;
	if (place.at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E122, place.at, 0, 1, NULL, "'%s' is an expression", key);
		return PROGRAM_NONE;
	}
	return expr_compile(l, &place, place.at->text, place.at->len, EXPR_CONDITION, NULL);
}

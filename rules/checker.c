// SPDX-License-Identifier: Apache-2.0
#include "rules/checker.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

bool checker_fail(struct checker *c, enum rules_code code, const struct ast *at, const char *hint, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	loader_error(c->l, code, c->place->at, c->place->base + at->offset, at->length, hint, "%s", message);
	return false;
}

static const char *type_word(const struct ast *a)
{
	switch (a->type) {
	case TYPE_BOOL:
		return "true or false";
	case TYPE_NUMBER:
		return a->kind == AST_NUMBER && a->unit == UNIT_NS ? "a time" : "a number";
	case TYPE_STRING:
		return "a text";
	case TYPE_STATE:
		return "a state";
	case TYPE_ATTR:
		return "an attribute";
	default:
		return "a list";
	}
}

bool checker_want_bool(struct checker *c, struct ast *a)
{
	if (a->type == TYPE_BOOL)
		return true;
	if (a->ref == REF_EVENT)
		return checker_fail(c, RULES_E216, a, "write 'count(EVENT, 1m) >= 1'",
				    "an event alone is neither true nor false");
	return checker_fail(c, RULES_E216, a, "compare it with something",
			    "this is %s, but a condition must be true or false", type_word(a));
}

bool checker_want_number(struct checker *c, struct ast *a)
{
	if (a->type == TYPE_ATTR)
		a->type = TYPE_NUMBER;
	if (a->type == TYPE_NUMBER)
		return true;
	return checker_fail(c, RULES_E205, a, NULL, "a number was expected, this is %s", type_word(a));
}

bool checker_want_text(struct checker *c, struct ast *a)
{
	if (a->type == TYPE_ATTR)
		a->type = TYPE_STRING;
	if (a->type == TYPE_STRING)
		return true;
	return checker_fail(c, RULES_E205, a, NULL, "a text was expected, this is %s", type_word(a));
}

bool checker_is_constant(const struct ast *a)
{
	switch (a->kind) {
	case AST_NUMBER:
	case AST_TEXT:
	case AST_BOOL:
		return true;
	case AST_NAME:
		return a->ref == REF_PARAM;
	case AST_CALL:
		return false;
	default:
		for (const struct ast *child = a->first; child; child = child->next)
			if (!checker_is_constant(child))
				return false;
		return true;
	}
}

/* ---- units ---- */

enum unit_class { CLASS_PLAIN, CLASS_TIME, CLASS_BYTES, CLASS_CELSIUS, CLASS_WATTS, CLASS_HERTZ };

static enum unit_class class_of(enum unit unit)
{
	switch (unit) {
	case UNIT_NS:
		return CLASS_TIME;
	case UNIT_BYTES:
		return CLASS_BYTES;
	case UNIT_CELSIUS:
		return CLASS_CELSIUS;
	case UNIT_WATTS:
		return CLASS_WATTS;
	case UNIT_HERTZ:
		return CLASS_HERTZ;
	default:
		return CLASS_PLAIN;
	}
}

static const char *class_word(enum unit unit)
{
	static const char *const words[] = { "a plain number", "a time", "bytes", "degrees", "watts", "hertz" };

	return unit == UNIT_RATIO ? "a ratio" : words[class_of(unit)];
}

static const char *class_example(enum unit unit)
{
	switch (class_of(unit)) {
	case CLASS_TIME:
		return "write a time with its unit: 250ms, 60s, 5m";
	case CLASS_BYTES:
		return "write bytes with their unit: 512MiB, 4096B";
	default:
		return unit == UNIT_RATIO ? "write a ratio as 0.2 or 20%" : NULL;
	}
}

/* A literal without a unit may stand for degrees, watts and hertz, but not for a time or for bytes. */
static bool is_free(const struct ast *a, enum unit other)
{
	if (a->ref == REF_ATTR)
		return true;
	if (a->kind == AST_NUMBER && a->number == 0)
		return true;
	if (a->kind == AST_UNARY)
		return is_free(a->first, other);
	return (a->kind == AST_NUMBER || a->ref == REF_PARAM) && a->unit == UNIT_NONE &&
		class_of(other) != CLASS_TIME &&
	       class_of(other) != CLASS_BYTES;
}

/* A ratio literal only meets ratios and plain computed numbers: `count(...) > 20%` is a mistake. */
static bool units_fit(const struct ast *a, const struct ast *b)
{
	if (is_free(a, b->unit) || is_free(b, a->unit))
		return true;
	if (a->kind == AST_NUMBER && a->unit == UNIT_RATIO && b->ref != REF_NONE && b->unit != UNIT_RATIO)
		return false;
	if (b->kind == AST_NUMBER && b->unit == UNIT_RATIO && a->ref != REF_NONE && a->unit != UNIT_RATIO)
		return false;
	return class_of(a->unit) == class_of(b->unit);
}

static bool check_units(struct checker *c, const struct ast *a, const struct ast *b)
{
	const struct ast *literal = b->kind == AST_NUMBER || checker_is_constant(b) ? b : a;
	const struct ast *other = literal == b ? a : b;

	if (units_fit(a, b))
		return true;
	return checker_fail(c, RULES_E206, literal, class_example(other->unit), "%s is not comparable with %s",
			    class_word(literal->unit),
			    class_word(other->unit));
}

/* ---- operators ---- */

/* state == 'name': the name becomes its number. */
static bool check_state(struct checker *c, const struct ast *state, struct ast *name)
{
	const struct metric_desc *desc = metrics_at(c->l->metrics, state->metric);
	size_t n = 0;

	if (name->kind != AST_TEXT)
		return checker_fail(c, RULES_E205, name, "write the state as a text, e.g. 'down'",
				    "a state is compared with its name");
	for (; desc->states && desc->states[n]; n++) {
		if (strcmp(desc->states[n], name->text) != 0)
			continue;
		name->kind = AST_NUMBER;
		name->type = TYPE_STATE;
		name->number = (double)n;
		return true;
	}
	return checker_fail(c, RULES_E211, name, loader_mean(c->l, name->text, desc->states, n),
			    "'%s' has no state '%s'", desc->name,
			    name->text);
}

static bool check_pair(struct checker *c, struct ast *a, struct ast *b, bool is_order)
{
	if (a->type == TYPE_STATE && a->ref == REF_METRIC && !is_order)
		return b->type == TYPE_STATE || check_state(c, a, b);
	if (b->type == TYPE_STATE && b->ref == REF_METRIC && !is_order)
		return check_state(c, b, a);
	if (a->type == TYPE_ATTR && b->type == TYPE_ATTR)
		return is_order ? checker_want_number(c, a) && checker_want_number(c, b) : checker_want_text(c, a) &&
			checker_want_text(c, b);
	if (a->type == TYPE_BOOL && b->type == TYPE_BOOL && !is_order)
		return true;
	if (!is_order && (a->type == TYPE_STRING || b->type == TYPE_STRING))
		return checker_want_text(c, a) && checker_want_text(c, b);
	return checker_want_number(c, a) && checker_want_number(c, b) && check_units(c, a, b);
}

static bool check_in(struct checker *c, struct ast *a)
{
	struct ast *needle = a->first, *list = needle->next;

	if (list->kind != AST_LIST || list->n_children == 0 || list->n_children > PROGRAM_MAX_STACK - 4)
		return checker_fail(c, RULES_E205, list, "for example: x in [52, 137]",
				    "'in' needs a list of 1 to %d values", PROGRAM_MAX_STACK - 4);
	for (struct ast *member = list->first; member; member = member->next) {
		if (!checker_is_constant(member))
			return checker_fail(c, RULES_E205, member, NULL, "the list of 'in' holds plain values only");
		if (!check_pair(c, needle, member, false))
			return false;
	}
	a->type = TYPE_BOOL;
	return true;
}

static bool check_arithmetic(struct checker *c, struct ast *a)
{
	struct ast *x = a->first, *y = x->next;

	if (!checker_want_number(c, x) || !checker_want_number(c, y))
		return false;
	a->type = TYPE_NUMBER;
	switch (a->op) {
	case OP_MULTIPLY:
		a->unit = class_of(x->unit) != CLASS_PLAIN || (x->kind != AST_NUMBER && x->unit != UNIT_NONE)
			? x->unit : y->unit;
		if (class_of(x->unit) != CLASS_PLAIN && class_of(y->unit) != CLASS_PLAIN)
			return checker_fail(c, RULES_E206, a, NULL, "%s times %s means nothing", class_word(x->unit),
					    class_word(y->unit));
		return true;
	case OP_DIVIDE:
		if (class_of(y->unit) == CLASS_PLAIN && (class_of(x->unit) != CLASS_PLAIN || y->kind == AST_NUMBER)) {
			a->unit = x->unit;
			return true;
		}
		a->unit = class_of(x->unit) == class_of(y->unit) ? UNIT_RATIO : UNIT_NONE;
		return true;
	default:
		if (!check_units(c, x, y))
			return false;
		a->unit = x->unit != UNIT_NONE ? x->unit : y->unit;
		return true;
	}
}

static bool check_binary(struct checker *c, struct ast *a)
{
	struct ast *x = a->first, *y = x->next;
	bool fine = checker_check(c, x);

	/* Both sides are checked, so that one run shows the errors of both. */
	if (a->op == OP_IN && y->kind == AST_LIST) {
		for (struct ast *member = y->first; member; member = member->next)
			fine = checker_check(c, member) && fine;
	} else {
		fine = checker_check(c, y) && fine;
	}
	if (!fine)
		return false;
	switch (a->op) {
	case OP_AND:
	case OP_OR:
		a->type = TYPE_BOOL;
		fine = checker_want_bool(c, x);
		return checker_want_bool(c, y) && fine;
	case OP_EQUAL:
	case OP_NOT_EQUAL:
		a->type = TYPE_BOOL;
		return check_pair(c, x, y, false);
	case OP_LESS:
	case OP_LESS_EQUAL:
	case OP_GREATER:
	case OP_GREATER_EQUAL:
		a->type = TYPE_BOOL;
		return check_pair(c, x, y, true);
	case OP_IN:
		return check_in(c, a);
	default:
		return check_arithmetic(c, a);
	}
}

bool checker_check(struct checker *c, struct ast *a)
{
	switch (a->kind) {
	case AST_NUMBER:
		a->type = TYPE_NUMBER;
		return true;
	case AST_TEXT:
		a->type = TYPE_STRING;
		return true;
	case AST_BOOL:
		a->type = TYPE_BOOL;
		return true;
	case AST_NAME:
		return checker_resolve(c, a);
	case AST_CALL:
		return checker_call(c, a);
	case AST_LIST:
		return checker_fail(c, RULES_E205, a, NULL, "a list stands only behind 'in'");
	case AST_UNARY:
		if (!checker_check(c, a->first))
			return false;
		a->type = a->op == OP_NOT ? TYPE_BOOL : TYPE_NUMBER;
		a->unit = a->first->unit;
		return a->op == OP_NOT ? checker_want_bool(c, a->first) : checker_want_number(c, a->first);
	case AST_BINARY:
		return check_binary(c, a);
	}
	return false;
}

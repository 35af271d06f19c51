/* SPDX-License-Identifier: Apache-2.0 */
/* checker.h - names, types and units of an expression: fills what struct ast leaves open.
 *
 * Room: rules.  Owns: nothing.  Thread: the loader's.  Clock: none.
 */
#ifndef WHY_RULES_CHECKER_H
#define WHY_RULES_CHECKER_H

#include "rules/expr.h"
#include "rules/functions.h"

struct checker {
	struct loader *l;
	const struct expr_place *place;
	enum entity_kind scope;     /* of what is checked now: another one inside count_entities() */
	bool in_predicate;          /* of count(): event names mean the candidate */
	uint32_t predicate_metric;  /* METRIC_NONE: none seen yet */
	bool via_taken;
	unsigned inner;             /* conditions inside conditions: count(), count_entities(), peers() */
};

/* False: there was an error (told). */
bool checker_check(struct checker *c, struct ast *a);
/* Find out what a name means (checker_names.c). */
bool checker_resolve(struct checker *c, struct ast *a);
/* Arguments of a call (checker_calls.c). */
bool checker_call(struct checker *c, struct ast *a);
/* `a` is to be used as text, or as a number. */
bool checker_want_text(struct checker *c, struct ast *a);
bool checker_want_number(struct checker *c, struct ast *a);
bool checker_want_bool(struct checker *c, struct ast *a);
bool checker_is_constant(const struct ast *a);

bool checker_fail(struct checker *c, enum rules_code code, const struct ast *at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif

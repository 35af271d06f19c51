/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h - an expression in a file of rules, from its text to a program: parse, check, emit.
 *
 * Room: rules.  Owns: nothing (programs go into the loader's list).  Thread: the loader's.  Clock: none.
 * Bounds: those of lexer.h, parser.h, program.h.
 */
#ifndef WHY_RULES_EXPR_H
#define WHY_RULES_EXPR_H

#include "rules/loader.h"
#include "rules/parser.h"

enum expr_want { EXPR_CONDITION /* true or false */, EXPR_VALUE /* anything that can be printed */ };

/* Where an expression stands and what it may speak of. */
struct expr_place {
	const struct yaml_node *at; /* the scalar */
	size_t base;                /* of the expression in the scalar's text */
	enum entity_kind scope;
	const struct path *via;     /* count_entities() over its last kind walks it; NULL: none */
};

struct expr_info {
	enum expr_type type;
	enum unit unit;
	bool is_code;
	const char *const *states;
	uint64_t window_ns;      /* the widest it reads */
	bool via_taken;          /* count_entities() used expr_place.via: the condition itself speaks of `scope` */
	/* of a condition: the number (or text) it compares */
	uint32_t observe;        /* program, PROGRAM_NONE */
	enum unit observe_unit;
	bool observe_is_code;
	const char *const *observe_states;
	uint32_t observe_metric; /* METRIC_NONE */
	const char *expected;    /* "> 0.2", NULL */
};

/* Index of the program, PROGRAM_NONE after an error (told). `ret_info` NULL ok. */
uint32_t expr_compile(struct loader *l, const struct expr_place *place, const char *text, size_t n, enum expr_want want,
		      struct expr_info *ret_info);
/* A whole scalar of a map as a condition in `scope`; absent: PROGRAM_NONE without an error. */
uint32_t expr_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope);

#endif

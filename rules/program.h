/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - a condition compiled to a flat list of instructions, and the three-valued values it works on.
 *
 * Room: rules.  Owns: nothing (programs live in the ruleset's arena).  Thread: the loop.  Clock: none.
 * Bounds: PROGRAM_MAX_CODE instructions, PROGRAM_MAX_STACK values; the compiler checks both, so that the
 * machine (rules/machine.c) needs no check a step and always ends: there are no jumps.
 *
 * Logic has three values. Unknown spreads through arithmetic and comparison; `false && unknown` is false,
 * `true || unknown` is true. A metric without a fresh sample, an entity that cannot be reached, a window that
 * is not filled by half: unknown, never 0.
 */
#ifndef WHY_RULES_PROGRAM_H
#define WHY_RULES_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/metric.h"
#include "model/series.h"

#define PROGRAM_MAX_CODE  256
#define PROGRAM_MAX_STACK 32
#define PROGRAM_NONE      UINT32_MAX

enum value_type { VALUE_UNKNOWN, VALUE_BOOL, VALUE_NUMBER, VALUE_TEXT };

struct value {
	enum value_type type;
	union {
		bool truth;
		double number;
		const char *text; /* lives as long as the ruleset, the graph entity or the event it came from */
	};
};

/* "entity" below is the one the program is run for; inside an event predicate, "event" is the candidate. */
enum opcode {
	OP_NUMBER,        /* push .number */
	OP_TEXT,          /* push .text */
	OP_BOOL,          /* push .a != 0 */
	OP_UNKNOWN,       /* push unknown; .text says why */
	/* The latest sample of metric .a on the entity (or on its nearest relative, see below); .number: greatest age in
	 * ns, 0 the usual one. */
	OP_METRIC,
	/* The code of the event: of metric .a, or its field .b. .c is 1 inside a predicate: the candidate. .c is 0
	 * anywhere else: the newest event of .a on the entity (or its nearest relative) within .number ns, unknown when
	 * there is none. */
	OP_EVENT_CODE,
	OP_EVENT_FIELD,
	/* Attribute .text of the entity of kind .a (the entity itself or its nearest relative); a number if it reads as
	 * one and .b is 1. "key" is the key; "name" is what a person calls it (graph_describe). */
	OP_ATTR,
	OP_PARAM,         /* push parameter .a of the rule's pack (overrides may change it at load time only) */
	/* How many events of metric .a on the entity in window .number ns program .b is true for (PROGRAM_NONE: all). */
	OP_COUNT,
	OP_RATE,          /* increase of counter .a in window .number, per second */
	OP_INCREASE,      /* increase of counter .a in window .number */
	OP_WINDOW,        /* series_fn .b of metric .a over window .number */
	OP_CHANGED,       /* metric .a changed within window .number: push bool */
	OP_STALE,         /* metric .a: no sample for .number ns: push bool (never unknown) */
	OP_ABSENT,        /* metric .a has never been seen on the entity: push bool (never unknown) */
	OP_RATIO,         /* increase(.a) / increase(.b) over window .number; unknown when that of .b is 0 */
	OP_NOT, OP_NEGATE,
	OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_MODULO, /* x/0 is unknown */
	OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL, OP_EQUAL, OP_NOT_EQUAL,
	OP_AND, OP_OR,    /* of two values already on the stack: nothing here has side effects */
	OP_IN,            /* pops .a candidates, then the needle: push bool */
	OP_HAS, OP_STARTS_WITH, OP_ENDS_WITH, OP_CONTAINS, /* pop text argument, pop text subject */
	OP_MATCHES,       /* pop text subject; regular expression .b of the ruleset */
	OP_COUNT_ENTITIES,/* entities of kind .a reached from the entity by path .b for which program .c is true */
	/* Other entities of the entity's kind that share its nearest relative of kind .a, for which program .c is true. */
	OP_PEERS,
	OP_FINDING_COUNT, /* findings of rule .text opened within .number ns on this node; 0 ns: open right now */
	OP_MAX,
};

/* "Nearest relative": when the metric or attribute is about another kind than the program's scope, it is read from the
 * nearest entity of that kind over containing edges (process -> container -> pod -> job; process -> cgroup -> its ancestors;
 * anything -> node): rules/relative.c. None: unknown. */
struct insn {
	enum opcode op;
	uint32_t a, b, c;
	double number;
	const char *text;
};

struct program {
	const struct insn *code;
	uint32_t n_code;
	uint32_t max_stack;
	enum entity_kind scope;
	const uint32_t *metrics; /* all it reads, without doubles: demand, wake-up, coverage */
	uint32_t n_metrics;
	const char *source;      /* as written, for people */
};

#endif

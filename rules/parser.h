/* SPDX-License-Identifier: Apache-2.0 */
/* parser.h - an expression as a tree, with CEL's operators and precedence.
 *
 * Room: rules.  Owns: nothing (the tree lives in the caller's arena).  Thread: any.  Clock: none.
 * Bounds: PARSER_MAX_NODES nodes, PARSER_MAX_DEPTH of nesting.
 *
 *   or < and < (== != < <= > >= in) < (+ -) < (* / %) < (! -) < call, list, parentheses
 * Comparisons do not chain: a < b < c is refused.
 */
#ifndef WHY_RULES_PARSER_H
#define WHY_RULES_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "rules/lexer.h"
#include "rules/program.h"

#define PARSER_MAX_NODES 256
#define PARSER_MAX_DEPTH 32

enum ast_kind { AST_NUMBER, AST_TEXT, AST_BOOL, AST_NAME, AST_CALL, AST_UNARY, AST_BINARY, AST_LIST };

/* What the checker finds out about a node. */
enum expr_type { TYPE_NONE, TYPE_BOOL, TYPE_NUMBER, TYPE_STRING, TYPE_ATTR /* text or number, as it is used */,
		 TYPE_STATE };

enum ref_kind { REF_NONE, REF_METRIC, REF_EVENT, REF_EVENT_FIELD, REF_ATTR, REF_PARAM };

struct ast {
	enum ast_kind kind;
	size_t offset, length;  /* in the expression */
	double number;          /* AST_NUMBER; AST_BOOL: 0 or 1 */
	const char *text;       /* AST_TEXT: its content; AST_NAME: a.b.c; AST_CALL: the function */
	struct ast *receiver;   /* AST_CALL written x.f(...), else NULL */
	struct ast *first, *next; /* operands, arguments, members */
	uint32_t n_children;
	enum opcode op;         /* AST_UNARY, AST_BINARY */
	size_t op_offset;       /* of the operator, for AST_BINARY */

	/* filled by the checker */
	enum expr_type type;
	enum unit unit;
	enum ref_kind ref;
	uint32_t metric, field; /* REF_METRIC, REF_EVENT*, REF_PARAM (metric = its position) */
	enum entity_kind about; /* REF_ATTR */
	const char *attr;       /* REF_ATTR */
	int function;           /* AST_CALL: enum function_id */
	uint64_t window_ns;     /* AST_CALL with a window */
};

struct parse_error {
	size_t offset, length;
	const char *message, *hint; /* hint may be NULL */
	int is_lexical;             /* 1: E202, 0: E201 */
	int is_too_large;           /* 1: E215 */
};

/* -EINVAL: *ret_error tells; -ENOMEM. */
int parser_parse(const char *text, size_t n, struct arena *arena, struct ast **ret_ast, struct parse_error *ret_error);

#endif

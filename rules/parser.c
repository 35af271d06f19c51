// SPDX-License-Identifier: Apache-2.0
#include "rules/parser.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct parser {
	struct lexer lexer;
	struct token token;
	struct arena *arena;
	struct parse_error *error;
	unsigned n_nodes, depth;
	int status;
};

static struct ast *parse_or(struct parser *p);

static void *fail(struct parser *p, const struct token *at, const char *message, const char *hint)
{
	if (p->status == 0) {
		bool lexical = at->kind == TOKEN_BAD;

		*p->error = (struct parse_error){ .offset = at->offset, .length = at->length ? at->length : 1, .hint = hint,
						  .message = lexical ? at->text : message, .is_lexical = lexical };
		p->status = -EINVAL;
	}
	return NULL;
}

static void advance(struct parser *p)
{
	lexer_next(&p->lexer, &p->token);
}

static struct ast *node_new(struct parser *p, enum ast_kind kind, size_t offset, size_t length)
{
	struct ast *a;

	if (p->status < 0)
		return NULL;
	if (++p->n_nodes > PARSER_MAX_NODES) {
		fail(p, &p->token, "the expression is too large", "split it into several items");
		p->error->is_too_large = 1;
		return NULL;
	}
	a = arena_alloc(p->arena, sizeof(*a));
	if (!a) {
		p->status = -ENOMEM;
		return NULL;
	}
	a->kind = kind;
	a->offset = offset;
	a->length = length;
	return a;
}

static void append(struct ast *parent, struct ast *child)
{
	struct ast **end = &parent->first;

	while (*end)
		end = &(*end)->next;
	*end = child;
	parent->n_children++;
}

/* Members up to `close`, into `parent`; the opening sign has been read. False: failed. */
static bool parse_members(struct parser *p, struct ast *parent, enum token_kind close, const char *expected)
{
	while (p->status == 0 && p->token.kind != close) {
		struct ast *member = parse_or(p);

		if (!member)
			return false;
		append(parent, member);
		if (p->token.kind == TOKEN_COMMA)
			advance(p);
		else if (p->token.kind != close)
			return fail(p, &p->token, expected, NULL) != NULL;
	}
	parent->length = p->token.offset + p->token.length - parent->offset;
	advance(p);
	return p->status == 0;
}

static struct ast *parse_name(struct parser *p)
{
	struct token name = p->token;
	const char *dot = strrchr(name.text, '.');
	struct ast *a, *receiver;

	advance(p);
	if (p->token.kind != TOKEN_OPEN) {
		a = node_new(p, AST_NAME, name.offset, name.length);
		if (a)
			a->text = name.text;
		return a;
	}
	a = node_new(p, AST_CALL, name.offset, name.length);
	if (!a)
		return NULL;
	a->text = dot ? dot + 1 : name.text;
	if (dot) {
		size_t n = (size_t)(dot - name.text);

		receiver = node_new(p, AST_NAME, name.offset, n);
		if (!receiver)
			return NULL;
		receiver->text = arena_strndup(p->arena, name.text, n);
		if (!receiver->text)
			return p->status = -ENOMEM, NULL;
		a->receiver = receiver;
	}
	advance(p);
	return parse_members(p, a, TOKEN_CLOSE, "',' or ')' was expected") ? a : NULL;
}

static struct ast *parse_primary(struct parser *p)
{
	struct token t = p->token;
	struct ast *a;

	switch (t.kind) {
	case TOKEN_NUMBER:
	case TOKEN_TEXT:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		advance(p);
		a = node_new(p, t.kind == TOKEN_NUMBER ? AST_NUMBER : t.kind == TOKEN_TEXT ? AST_TEXT : AST_BOOL,
			     t.offset, t.length);
		if (!a)
			return NULL;
		a->number = t.kind == TOKEN_TRUE ? 1 : t.number;
		a->unit = t.unit;
		a->text = t.text;
		return a;
	case TOKEN_NAME:
		return parse_name(p);
	case TOKEN_OPEN_LIST:
		a = node_new(p, AST_LIST, t.offset, t.length);
		advance(p);
		return a && parse_members(p, a, TOKEN_CLOSE_LIST, "',' or ']' was expected") ? a : NULL;
	case TOKEN_OPEN:
		advance(p);
		a = parse_or(p);
		if (a && p->token.kind != TOKEN_CLOSE)
			return fail(p, &p->token, "')' was expected", NULL);
		if (a)
			advance(p);
		return a;
	case TOKEN_END:
		return fail(p, &t, "the expression ends here, but a value was expected", NULL);
	default:
		return fail(p, &t, "a value was expected here", "a metric, a number, a 'text' or a function");
	}
}

static struct ast *parse_unary(struct parser *p)
{
	struct token t = p->token;
	struct ast *a, *operand;

	if (t.kind != TOKEN_NOT && t.kind != TOKEN_MINUS)
		return parse_primary(p);
	if (++p->depth > PARSER_MAX_DEPTH) {
		fail(p, &t, "the expression is nested too deeply", NULL);
		p->error->is_too_large = 1;
		return NULL;
	}
	advance(p);
	operand = parse_unary(p);
	p->depth--;
	a = operand ? node_new(p, AST_UNARY, t.offset, operand->offset + operand->length - t.offset) : NULL;
	if (!a)
		return NULL;
	a->op = t.kind == TOKEN_NOT ? OP_NOT : OP_NEGATE;
	append(a, operand);
	return a;
}

static struct ast *binary_new(struct parser *p, enum opcode op, size_t op_offset, struct ast *left, struct ast *right)
{
	struct ast *a = node_new(p, AST_BINARY, left->offset, right->offset + right->length - left->offset);

	if (!a)
		return NULL;
	a->op = op;
	a->op_offset = op_offset;
	append(a, left);
	append(a, right);
	return a;
}

enum level { LEVEL_OR, LEVEL_AND, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY };

static const struct {
	enum token_kind token;
	enum level level;
	enum opcode op;
} operators[] = {
	{ TOKEN_OR, LEVEL_OR, OP_OR },
	{ TOKEN_AND, LEVEL_AND, OP_AND },
	{ TOKEN_EQUAL, LEVEL_COMPARE, OP_EQUAL },
	{ TOKEN_NOT_EQUAL, LEVEL_COMPARE, OP_NOT_EQUAL },
	{ TOKEN_LESS, LEVEL_COMPARE, OP_LESS },
	{ TOKEN_LESS_EQUAL, LEVEL_COMPARE, OP_LESS_EQUAL },
	{ TOKEN_GREATER, LEVEL_COMPARE, OP_GREATER },
	{ TOKEN_GREATER_EQUAL, LEVEL_COMPARE, OP_GREATER_EQUAL },
	{ TOKEN_IN, LEVEL_COMPARE, OP_IN },
	{ TOKEN_PLUS, LEVEL_SUM, OP_ADD },
	{ TOKEN_MINUS, LEVEL_SUM, OP_SUBTRACT },
	{ TOKEN_STAR, LEVEL_PRODUCT, OP_MULTIPLY },
	{ TOKEN_SLASH, LEVEL_PRODUCT, OP_DIVIDE },
	{ TOKEN_PERCENT, LEVEL_PRODUCT, OP_MODULO },
};

static bool operator_at(const struct parser *p, enum level level, enum opcode *ret_op)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].token == p->token.kind && operators[i].level == level) {
			*ret_op = operators[i].op;
			return true;
		}
	return false;
}

static struct ast *parse_level(struct parser *p, enum level level)
{
	struct ast *left;
	enum opcode op;

	if (level == LEVEL_UNARY)
		return parse_unary(p);
	left = parse_level(p, level + 1);
	while (left && operator_at(p, level, &op)) {
		size_t op_offset = p->token.offset;
		struct ast *right;

		advance(p);
		right = parse_level(p, level + 1);
		if (!right)
			return NULL;
		left = binary_new(p, op, op_offset, left, right);
		if (left && level == LEVEL_COMPARE && operator_at(p, level, &op))
			return fail(p, &p->token, "comparisons do not chain", "write 'a < b && b < c'");
	}
	return left;
}

static struct ast *parse_or(struct parser *p)
{
	struct ast *a;

	if (++p->depth > PARSER_MAX_DEPTH) {
		fail(p, &p->token, "the expression is nested too deeply", NULL);
		p->error->is_too_large = 1;
		return NULL;
	}
	a = parse_level(p, LEVEL_OR);
	p->depth--;
	return a;
}

int parser_parse(const char *text, size_t n, struct arena *arena, struct ast **ret_ast, struct parse_error *ret_error)
{
	struct parser p = { .arena = arena, .error = ret_error };
	struct ast *a;

	*ret_error = (struct parse_error){ 0 };
	if (n > LEXER_MAX_BYTES) {
		*ret_error = (struct parse_error){ .length = 1, .message = "the expression is too large",
						   .is_too_large = 1 };
		return -EINVAL;
	}
	lexer_init(&p.lexer, text, n, arena);
	advance(&p);
	a = parse_or(&p);
	if (a && p.token.kind != TOKEN_END)
		fail(&p, &p.token, "an operator was expected here", NULL);
	if (p.status < 0)
		return p.status;
	*ret_ast = a;
	return 0;
}

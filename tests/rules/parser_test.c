// SPDX-License-Identifier: Apache-2.0
#include "rules/parser.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/test.h"

static const char *op_text(enum opcode op)
{
	static const char *const names[OP_MAX] = {
		[OP_NOT] = "!", [OP_NEGATE] = "-", [OP_ADD] = "+", [OP_SUBTRACT] = "-", [OP_MULTIPLY] = "*",
			[OP_DIVIDE] = "/", [OP_MODULO] = "%",
		[OP_LESS] = "<", [OP_LESS_EQUAL] = "<=", [OP_GREATER] = ">", [OP_GREATER_EQUAL] = ">=",
			[OP_EQUAL] = "==", [OP_NOT_EQUAL] = "!=",
		[OP_AND] = "&&", [OP_OR] = "||", [OP_IN] = "in",
	};

	return names[op];
}

static void write_tree(struct buf *b, const struct ast *a)
{
	switch (a->kind) {
	case AST_NUMBER:
		(void)buf_addf(b, "%g", a->number);
		return;
	case AST_BOOL:
		(void)buf_add_text(b, a->number != 0 ? "true" : "false");
		return;
	case AST_TEXT:
		(void)buf_addf(b, "'%s'", a->text);
		return;
	case AST_NAME:
		(void)buf_add_text(b, a->text);
		return;
	case AST_CALL:
		(void)buf_addf(b, "(%s", a->text);
		if (a->receiver) {
			(void)buf_add_text(b, " of ");
			write_tree(b, a->receiver);
		}
		break;
	case AST_LIST:
		(void)buf_add_text(b, "(list");
		break;
	default:
		(void)buf_addf(b, "(%s", op_text(a->op));
		break;
	}
	for (const struct ast *child = a->first; child; child = child->next) {
		(void)buf_add_text(b, " ");
		write_tree(b, child);
	}
	(void)buf_add_text(b, ")");
}

static const struct {
	const char *text, *tree;
} precedence[] = {
	{ "a || b && c", "(|| a (&& b c))" },
	{ "a && b || c", "(|| (&& a b) c)" },
	{ "a || b || c", "(|| (|| a b) c)" },
	{ "a && b == c", "(&& a (== b c))" },
	{ "a == b + c", "(== a (+ b c))" },
	{ "a + b * c", "(+ a (* b c))" },
	{ "a * b + c", "(+ (* a b) c)" },
	{ "a - b - c", "(- (- a b) c)" },
	{ "a / b / c", "(/ (/ a b) c)" },
	{ "a % 2 == 0", "(== (% a 2) 0)" },
	{ "!a && b", "(&& (! a) b)" },
	{ "!(a && b)", "(! (&& a b))" },
	{ "!!a", "(! (! a))" },
	{ "-a * b", "(* (- a) b)" },
	{ "a - -b", "(- a (- b))" },
	{ "a in [1, 2] && b", "(&& (in a (list 1 2)) b)" },
	{ "a + 1 in [1]", "(in (+ a 1) (list 1))" },
	{ "x.y.has('z') || f(a, b > 1)", "(|| (has of x.y 'z') (f a (> b 1)))" },
	{ "count(a.b == 79, 5m) >= 1", "(>= (count (== a.b 79) 3e+11) 1)" },
	{ "(a)", "a" },
	{ "true || false", "(|| true false)" },
	{ "f()", "(f)" },
};

static void test_precedence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(precedence); i++) {
		AUTO(arena_free) struct arena *arena = NULL;
		AUTO_BUF struct buf b;
		struct parse_error error;
		struct ast *a;

		buf_init(&b, 4096);
		assert_ok(arena_new(1 << 20, &arena));
		assert_ok(parser_parse(precedence[i].text, strlen(precedence[i].text), arena, &a, &error));
		write_tree(&b, a);
		assert_string_equal((const char *)b.data, precedence[i].tree);
		assert_int_equal(a->offset + (precedence[i].text[0] == '('), precedence[i].text[0] == '(' ? 2 : 0);
	}
}

static const struct {
	const char *text;
	size_t offset, length;
} wrong[] = {
	{ "", 0, 1 },	      { "a +", 3, 1 },	      { "a b", 2, 1 },	     { "(a", 2, 1 },	     { "a)", 1,
												       1 },	 { "f(a,,b)",
														   4, 1 },
	{ "a < b < c", 6, 1 }, { "a == b != c", 7, 2 }, { "[1, 2", 5, 1 },	     { "f(a b)", 4, 1 },
		    { "&& a", 0, 2 },	 { "a @ b", 2, 1 },
	{ "'x", 0, 2 },	      { "3q > 1", 0, 2 },
};

static void test_errors_point_at_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(arena_free) struct arena *arena = NULL;
		struct parse_error error;
		struct ast *a = NULL;

		assert_ok(arena_new(1 << 20, &arena));
		assert_err(parser_parse(wrong[i].text, strlen(wrong[i].text), arena, &a, &error), EINVAL);
		assert_null(a);
		assert_non_null(error.message);
		assert_int_equal(error.offset, wrong[i].offset);
		assert_int_equal(error.length, wrong[i].length);
	}
}

static void test_bounds(void **state)
{
	AUTO(arena_free) struct arena *arena = NULL;
	char text[LEXER_MAX_BYTES + 2];
	struct parse_error error;
	struct ast *a;

	(void)state;
	assert_ok(arena_new(1 << 20, &arena));
	memset(text, '!', sizeof(text));
	text[40] = 'a';
	assert_err(parser_parse(text, 41, arena, &a, &error), EINVAL);
	assert_true(error.is_too_large);
	assert_ok(parser_parse(text + 20, 21, arena, &a, &error));
	memset(text, ' ', sizeof(text));
	assert_err(parser_parse(text, sizeof(text), arena, &a, &error), EINVAL);
	assert_true(error.is_too_large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_errors_point_at_their_place),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

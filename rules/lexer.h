/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.h - an expression cut into tokens, each with its place.
 *
 * Room: rules.  Owns: nothing (texts go into the caller's arena).  Thread: any.  Clock: none.
 * Bounds: LEXER_MAX_BYTES of expression; one token at a time.
 *
 * A number may carry a unit: 250ms 5m 1h30m (a time, in ns), 512MiB 10GB 0B (bytes), 20% (a ratio).
 * `%` directly behind a number is a ratio unless an operand follows it: 7%2 is a remainder.
 */
#ifndef WHY_RULES_LEXER_H
#define WHY_RULES_LEXER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/metric.h"

#define LEXER_MAX_BYTES 4096

enum token_kind {
	TOKEN_END,
	TOKEN_NUMBER,
	TOKEN_TEXT,
	TOKEN_NAME, /* a.b.c */
	TOKEN_TRUE, TOKEN_FALSE, TOKEN_IN,
	TOKEN_AND, TOKEN_OR, TOKEN_NOT,
	TOKEN_EQUAL, TOKEN_NOT_EQUAL, TOKEN_LESS, TOKEN_LESS_EQUAL, TOKEN_GREATER, TOKEN_GREATER_EQUAL,
	TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH, TOKEN_PERCENT,
	TOKEN_OPEN, TOKEN_CLOSE, TOKEN_OPEN_LIST, TOKEN_CLOSE_LIST, TOKEN_COMMA, TOKEN_DOT,
	TOKEN_BAD,  /* .text says what is wrong */
};

struct token {
	enum token_kind kind;
	size_t offset, length; /* in the expression */
	double number;
	enum unit unit;
	const char *text; /* of TOKEN_TEXT (unescaped), TOKEN_NAME, TOKEN_BAD; in the arena */
};

struct lexer {
	const char *text;
	size_t n, at;
	struct arena *arena;
};

void lexer_init(struct lexer *lx, const char *text, size_t n, struct arena *arena);
/* The next token; TOKEN_END for ever after the last. */
void lexer_next(struct lexer *lx, struct token *ret_token);
/* A whole text as one number with its unit: "5m", "512MiB", "20%", "-3.5". -EINVAL. */
int lexer_number(const char *text, double *ret_value, enum unit *ret_unit);

#endif

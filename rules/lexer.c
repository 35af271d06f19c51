// SPDX-License-Identifier: Apache-2.0
#include "rules/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

static const struct {
	const char *name;
	double factor;
	enum unit unit;
} suffixes[] = {
	{ "ns", 1, UNIT_NS },
	{ "us", 1e3, UNIT_NS },
	{ "ms", 1e6, UNIT_NS },
	{ "s", 1e9, UNIT_NS },
	{ "m", 60e9, UNIT_NS },
	{ "h", 3600e9, UNIT_NS },
	{ "d", 86400e9, UNIT_NS },
	{ "B", 1, UNIT_BYTES },
	{ "kB", 1e3, UNIT_BYTES },
	{ "MB", 1e6, UNIT_BYTES },
	{ "GB", 1e9, UNIT_BYTES },
	{ "TB", 1e12, UNIT_BYTES },
	{ "KiB", 1024., UNIT_BYTES },
	{ "MiB", 1048576., UNIT_BYTES },
	{ "GiB", 1073741824., UNIT_BYTES },
	{ "TiB", 1099511627776., UNIT_BYTES },
};

static const struct {
	const char *text;
	enum token_kind kind;
} symbols[] = {
	{ "&&", TOKEN_AND }, { "||", TOKEN_OR }, { "==", TOKEN_EQUAL }, { "!=", TOKEN_NOT_EQUAL },
	{ "<=", TOKEN_LESS_EQUAL }, { ">=", TOKEN_GREATER_EQUAL }, { "<", TOKEN_LESS }, { ">", TOKEN_GREATER },
	{ "!", TOKEN_NOT }, { "+", TOKEN_PLUS }, { "-", TOKEN_MINUS }, { "*", TOKEN_STAR }, { "/", TOKEN_SLASH },
	{ "%", TOKEN_PERCENT }, { "(", TOKEN_OPEN }, { ")", TOKEN_CLOSE }, { "[", TOKEN_OPEN_LIST },
	{ "]", TOKEN_CLOSE_LIST }, { ",", TOKEN_COMMA }, { ".", TOKEN_DOT },
};

void lexer_init(struct lexer *lx, const char *text, size_t n, struct arena *arena)
{
	*lx = (struct lexer){ .text = text, .n = n, .arena = arena };
}

static char peek(const struct lexer *lx, size_t ahead)
{
	return lx->at + ahead < lx->n ? lx->text[lx->at + ahead] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static void bad(struct token *t, const char *why)
{
	t->kind = TOKEN_BAD;
	t->text = why;
}

/* Digits, a fraction, an exponent: at most 63 bytes. False: not a number. */
static bool read_plain_number(struct lexer *lx, double *ret_value)
{
	char digits[64];
	size_t from = lx->at, n;

	while (is_digit(peek(lx, 0)))
		lx->at++;
	if (peek(lx, 0) == '.' && is_digit(peek(lx, 1)))
		for (lx->at++; is_digit(peek(lx, 0)); lx->at++)
			;
	if (peek(lx, 0) == 'e' && (is_digit(peek(lx, 1)) || ((peek(lx, 1) == '-' || peek(lx, 1) == '+') &&
							     is_digit(peek(lx, 2)))))
		for (lx->at += 2; is_digit(peek(lx, 0)); lx->at++)
			;
	n = lx->at - from;
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, lx->text + from, n);
	digits[n] = '\0';
	return text_parse_double(digits, ret_value) == 0;
}

static const char *const any_suffix = "a time is written 250ms, 5m, 1h30m; a size 512MiB; a ratio 20%";

/* The letters behind a number. False: not a suffix we know. */
static bool read_suffix(struct lexer *lx, double *ret_factor, enum unit *ret_unit)
{
	size_t n = 0;

	while (is_word(peek(lx, n)))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (strlen(suffixes[i].name) != n || memcmp(suffixes[i].name, lx->text + lx->at, n) != 0)
			continue;
		lx->at += n;
		*ret_factor = suffixes[i].factor;
		*ret_unit = suffixes[i].unit;
		return true;
	}
	lx->at += n;
	return false;
}

/* `%` at the cursor: does an operand follow, so that it is a remainder? */
static bool percent_is_operator(const struct lexer *lx)
{
	size_t ahead = 1;

	while (peek(lx, ahead) == ' ')
		ahead++;
	return is_word(peek(lx, ahead)) ? strncmp(lx->text + lx->at + ahead, "in ",
						  MIN_OF((size_t)3, lx->n - lx->at - ahead)) != 0
					: is_digit(peek(lx, ahead)) || peek(lx, ahead) == '(';
}

static void read_number(struct lexer *lx, struct token *t)
{
	double value, factor, sum = 0;
	enum unit unit = UNIT_NONE, part;

	t->kind = TOKEN_NUMBER;
	for (;;) {
		if (!read_plain_number(lx, &value)) {
			bad(t, "not a number");
			return;
		}
		if (!is_word(peek(lx, 0))) {
			if (unit != UNIT_NONE)
				bad(t, any_suffix);
			else if (peek(lx, 0) == '%' && !percent_is_operator(lx))
				lx->at++, value /= 100, unit = UNIT_RATIO;
			sum = value;
			break;
		}
		if (!read_suffix(lx, &factor, &part) || (unit != UNIT_NONE && (part != UNIT_NS || unit != UNIT_NS))) {
			bad(t, any_suffix);
			return;
		}
		unit = part;
		sum += value * factor;
		if (!is_digit(peek(lx, 0)))
			break;
	}
	t->number = sum;
	t->unit = unit;
}

static void read_text(struct lexer *lx, struct token *t)
{
	char quote = peek(lx, 0), *out = arena_alloc(lx->arena, lx->n - lx->at + 1);
	size_t n = 0;

	if (!out) {
		bad(t, "out of memory");
		return;
	}
	for (lx->at++; lx->at < lx->n && lx->text[lx->at] != quote; lx->at++) {
		if (lx->text[lx->at] == '\\' && lx->at + 1 < lx->n)
			lx->at++;
		out[n++] = lx->text[lx->at];
	}
	if (lx->at >= lx->n) {
		bad(t, "a text whose quote is not closed");
		return;
	}
	lx->at++;
	t->kind = TOKEN_TEXT;
	t->text = out;
}

static void read_name(struct lexer *lx, struct token *t)
{
	size_t from = lx->at;

	for (;;) {
		while (is_word(peek(lx, 0)) || is_digit(peek(lx, 0)))
			lx->at++;
		if (peek(lx, 0) != '.' || !(is_word(peek(lx, 1)) || is_digit(peek(lx, 1))))
			break;
		lx->at++;
	}
	t->kind = TOKEN_NAME;
	t->text = arena_strndup(lx->arena, lx->text + from, lx->at - from);
	if (!t->text)
		bad(t, "out of memory");
	else if (strcmp(t->text, "true") == 0)
		t->kind = TOKEN_TRUE;
	else if (strcmp(t->text, "false") == 0)
		t->kind = TOKEN_FALSE;
	else if (strcmp(t->text, "in") == 0)
		t->kind = TOKEN_IN;
}

static void read_symbol(struct lexer *lx, struct token *t)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		size_t n = strlen(symbols[i].text);

		if (lx->n - lx->at < n || memcmp(lx->text + lx->at, symbols[i].text, n) != 0)
			continue;
		lx->at += n;
		t->kind = symbols[i].kind;
		return;
	}
	lx->at++;
	bad(t, "a character that has no meaning here");
}

void lexer_next(struct lexer *lx, struct token *ret_token)
{
	struct token t = { .kind = TOKEN_END };

	while (lx->at < lx->n && strchr(" \t\r\n", lx->text[lx->at]) && lx->text[lx->at])
		lx->at++;
	t.offset = lx->at;
	if (lx->at >= lx->n)
		;
	else if (is_digit(peek(lx, 0)))
		read_number(lx, &t);
	else if (peek(lx, 0) == '\'' || peek(lx, 0) == '"')
		read_text(lx, &t);
	else if (is_word(peek(lx, 0)))
		read_name(lx, &t);
	else
		read_symbol(lx, &t);
	t.length = lx->at - t.offset;
	*ret_token = t;
}

int lexer_number(const char *text, double *ret_value, enum unit *ret_unit)
{
	struct lexer lx;
	struct token t, end;
	bool negative = text[0] == '-';

	/* The arena is used for names and texts only; both are refused before they are read. */
	if (!is_digit(text[negative]))
		return -EINVAL;
	lexer_init(&lx, text + negative, strlen(text) - negative, NULL);
	lexer_next(&lx, &t);
	if (t.kind != TOKEN_NUMBER || lx.at != lx.n)
		return -EINVAL;
	lexer_next(&lx, &end);
	if (end.kind != TOKEN_END)
		return -EINVAL;
	*ret_value = negative ? -t.number : t.number;
	*ret_unit = t.unit;
	return 0;
}

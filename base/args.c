// SPDX-License-Identifier: Apache-2.0
#include "base/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define MAX_CANDIDATES 128
#define HELP_COLUMNS   100

struct parser {
	const struct arg_option *table;
	size_t n;
	int argc, next;
	char *const *argv;
	struct args_words *words;
	void *values;
	char *error;
	size_t error_size;
};

/* One line for people; words of the command line reach a terminal, so they are escaped. */
__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, int r, const char *fmt, ...)
{
	char message[512];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	text_init(&t, p->error, p->error_size);
	text_add_escaped(&t, message, strlen(message));
	return r;
}

/* "--since" or "-s", as the user would write it. */
static const char *option_name(const struct arg_option *option, char buffer[80])
{
	if (option->name)
		(void)snprintf(buffer, 80, "--%s", option->name);
	else
		(void)snprintf(buffer, 80, "-%c", option->letter);
	return buffer;
}

static int bad_value(struct parser *p, const struct arg_option *option, const char *value, int r)
{
	char name[80];

	return fail(p, -EINVAL, "%s: '%.64s' is %s; write %s", option_name(option, name), value,
		    r == -ERANGE	   ? "too large" :
		    option->type == ARG_U64 ? "no whole number" : "no duration",
		    option->type == ARG_U64 ? "a number like 10" : "a duration like 30s or 1h30m");
}

static int store(struct parser *p, const struct arg_option *option, const char *value)
{
	void *field = (char *)p->values + option->offset;
	struct args_list *list = field;
	char name[80];
	int r;

	switch (option->type) {
	case ARG_FLAG:
		*(bool *)field = true;
		return 0;
	case ARG_TEXT:
		*(const char **)field = value;
		return 0;
	case ARG_LIST:
		if (list->n == ARGS_MAX_LIST)
			return fail(p, -E2BIG, "%s: given more than %d times", option_name(option, name), ARGS_MAX_LIST);
		list->items[list->n++] = value;
		return 0;
	case ARG_U64:
		r = text_parse_u64(value, field);
		return r < 0 ? bad_value(p, option, value, r) : 0;
	case ARG_DURATION:
		r = clock_parse_duration(value, field);
		return r < 0 ? bad_value(p, option, value, r) : 0;
	}
	return -EINVAL;
}

/* The option's value is the next word. */
static int store_next(struct parser *p, const struct arg_option *option)
{
	char name[80];

	if (p->next >= p->argc)
		return fail(p, -EINVAL, "%s: needs a value (%s)", option_name(option, name),
			    option->argument ? option->argument : "VALUE");
	return store(p, option, p->argv[p->next++]);
}

static int unknown_long(struct parser *p, const char *word, size_t len)
{
	const char *candidates[MAX_CANDIDATES], *near;
	char name[65];
	size_t n = 0;

	for (size_t i = 0; i < p->n && n < MAX_CANDIDATES; i++)
		if (p->table[i].name)
			candidates[n++] = p->table[i].name;
	(void)snprintf(name, sizeof(name), "%.*s", (int)MIN_OF(len, sizeof(name) - 1), word);
	near = len < sizeof(name) ? text_nearest(name, candidates, n) : NULL;
	if (near)
		return fail(p, -EINVAL, "unknown option '--%s'; did you mean '--%s'?", name, near);
	return fail(p, -EINVAL, "unknown option '--%s'; --help lists all options", name);
}

static int parse_long(struct parser *p, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < p->n; i++) {
		const struct arg_option *option = &p->table[i];

		if (!option->name || strlen(option->name) != len || memcmp(option->name, word, len) != 0)
			continue;
		if (option->type == ARG_FLAG && word[len] == '=')
			return fail(p, -EINVAL, "--%s: takes no value; write it alone", option->name);
		if (option->type == ARG_FLAG)
			return store(p, option, NULL);
		return word[len] == '=' ? store(p, option, word + len + 1) : store_next(p, option);
	}
	return unknown_long(p, word, len);
}

static const struct arg_option *find_letter(const struct parser *p, char letter)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->table[i].letter == letter)
			return &p->table[i];
	return NULL;
}

/* "-abc": flags, the last may take a value: the rest of the word or the next one. */
static int parse_letters(struct parser *p, const char *letters)
{
	int r = 0;

	for (; r == 0 && *letters; letters++) {
		const struct arg_option *option = find_letter(p, *letters);

		if (!option && letters[1] && strlen(letters) == strlen(p->argv[p->next - 1]) - 1)
			return fail(p, -EINVAL, "unknown option '-%.64s'; long options begin with two dashes", letters);
		if (!option)
			return fail(p, -EINVAL, "unknown option '-%c'; --help lists all options", *letters);
		if (option->type != ARG_FLAG)
			return letters[1] ? store(p, option, letters + 1) : store_next(p, option);
		r = store(p, option, NULL);
	}
	return r;
}

static int take_word(struct parser *p, const char *word)
{
	if (!p->words)
		return fail(p, -EINVAL, "'%.64s': no word is expected here; options begin with --", word);
	if (p->words->n == ARGS_MAX_WORDS)
		return fail(p, -E2BIG, "more than %d words", ARGS_MAX_WORDS);
	p->words->items[p->words->n++] = word;
	return 0;
}

int args_parse(const struct arg_option *table, size_t n, int argc, char *const *argv, struct args_words *ret_words,
	       char *ret_error, size_t error_size, void *values)
{
	struct parser p = {
		.table = table, .n = n, .argc = argc, .next = 1, .argv = argv, .words = ret_words,
		.values = values, .error = ret_error, .error_size = error_size,
	};
	bool only_words = false;
	int r = 0;

	if (ret_words)
		ret_words->n = 0;
	while (r == 0 && p.next < argc) {
		const char *word = argv[p.next++];

		if (only_words || word[0] != '-' || !word[1])
			r = take_word(&p, word);
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (word[1] == '-')
			r = parse_long(&p, word + 2);
		else
			r = parse_letters(&p, word + 1);
	}
	return r;
}

/* ---- help ---- */

static void format_left(const struct arg_option *option, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	if (option->letter)
		text_addf(&t, "  -%c%s", option->letter, option->name ? ", " : "");
	else
		text_add(&t, "      ");
	if (option->name)
		text_addf(&t, "--%s", option->name);
	if (option->argument)
		text_addf(&t, " %s", option->argument);
}

static int print_wrapped(const char *help, size_t column, struct buf *out)
{
	size_t at = column;
	int r = 0;

	while (r == 0 && *help) {
		size_t n = strcspn(help, " ");

		if (at > column && at + 1 + n > HELP_COLUMNS) {
			r = buf_addf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			r = buf_add_text(out, " ");
			at++;
		}
		if (r == 0)
			r = buf_add(out, help, n);
		at += n;
		help += n;
		help += strspn(help, " ");
	}
	return r == 0 ? buf_add_text(out, "\n") : r;
}

int args_print_help(const struct arg_option *table, size_t n, struct buf *out)
{
	char left[80];
	size_t width = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		format_left(&table[i], left, sizeof(left));
		width = MAX_OF(width, strlen(left));
	}
	width = MIN_OF(width, (size_t)36);
	for (size_t i = 0; r == 0 && i < n; i++) {
		format_left(&table[i], left, sizeof(left));
		r = buf_addf(out, "%-*s", (int)width, left);
		if (r == 0 && strlen(left) > width)
			r = buf_addf(out, "\n%*s", (int)width, "");
		if (r == 0)
			r = buf_add_text(out, "  ");
		if (r == 0)
			r = print_wrapped(table[i].help, width + 2, out);
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - command line options from a table: parsed, checked, and printed as --help.
 *
 * Room: base.  Owns: nothing (texts point into argv).  Thread: any.  Clock: none.
 * Bounds: ARGS_MAX_LIST values of a repeated option, ARGS_MAX_WORDS words; one more is an error.
 *
 *   struct options { bool help; const char *hub; struct args_list rules; uint64_t since_ns; };
 *   static const struct arg_option table[] = {
 *       { "help", 'h', NULL, "show this help", ARG_FLAG, offsetof(struct options, help) },
 *       { "hub", 0, "HOST:PORT", "the hub to ask", ARG_TEXT, offsetof(struct options, hub) },
 *       { "rules", 0, "DIR", "read rules from DIR too (repeatable)", ARG_LIST, offsetof(struct options, rules) },
 *   };
 *
 * Understood: --name value, --name=value, -n value, -nvalue, -abc for flags, words between options, "--" before
 * words that start with a dash. Not understood on purpose: abbreviated names.
 */
#ifndef WHY_BASE_ARGS_H
#define WHY_BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ARGS_MAX_LIST  32
#define ARGS_MAX_WORDS 64

enum arg_type {
	ARG_FLAG,     /* bool, set true; takes no value */
	ARG_TEXT,     /* const char *; the last one counts */
	ARG_LIST,     /* struct args_list, one more each time */
	ARG_U64,      /* uint64_t */
	ARG_DURATION, /* uint64_t, ns */
};

struct args_list {
	const char *items[ARGS_MAX_LIST];
	size_t n;
};

struct args_words {
	const char *items[ARGS_MAX_WORDS];
	size_t n;
};

struct arg_option {
	const char *name;     /* without dashes; NULL: letter only */
	char letter;          /* 0: none */
	const char *argument; /* as printed in help: "DIR"; NULL for a flag */
	const char *help;
	enum arg_type type;
	size_t offset; /* offsetof its field in `values` */
};

/* Parse argv[1..argc-1] into `values`; fields of options that were not given stay as they are.
 * `ret_words` NULL: words are refused. `ret_error` gets one line that names the wrong word and says what to do.
 * -EINVAL: unknown option, missing or unwanted value, no such value, a word too many (exit 64); -E2BIG: too many
 * values or words. `values` may then be partly set. */
int args_parse(const struct arg_option *table, size_t n, int argc, char *const *argv, struct args_words *ret_words,
	       char *ret_error, size_t error_size, void *values);

/* The options in columns, help wrapped at 100 columns. 0 or buf_add's error. */
int args_print_help(const struct arg_option *table, size_t n, struct buf *out);

#endif

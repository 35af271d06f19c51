/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - typed configuration: a table says what keys there are, a strict YAML file and the command line set them.
 *
 * Room: base.  Owns: nothing (texts live in the caller's arena).  Thread: any.  Clock: none.
 * Bounds: those of yaml_tree; 256 entries in a list; keys of 128 bytes.
 *
 *   struct hub_conf { const char *address; uint64_t timeout_ns; struct conf_list labels; };
 *   static const struct conf_option options[] = {
 *       { "hub.address", CONF_TEXT, "127.0.0.1:7443", offsetof(struct hub_conf, address), .help = "where the hub listens" },
 *       { "hub.timeout", CONF_DURATION, "5s", offsetof(struct hub_conf, timeout_ns), "100ms", "1m", .help = "..." },
 *   };
 *   conf_defaults(options, n, arena, &conf); conf_load(options, n, "whyd.yaml", text, len, arena, diags, &conf);
 *
 * A value that is refused is reported with its line and column and leaves what was there (the default);
 * everything else in the file is applied. A file that is no YAML at all changes nothing.
 */
#ifndef WHY_BASE_CONF_H
#define WHY_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#define CONF_MAX_LIST 256

enum conf_type {
	CONF_TEXT,     /* const char *, never NULL */
	CONF_U64,      /* uint64_t */
	CONF_DURATION, /* uint64_t, ns: "5s", "1h30m" */
	CONF_BYTES,    /* uint64_t: "64MiB" */
	CONF_BOOL,     /* bool: true or false */
	CONF_DOUBLE,   /* double */
	CONF_LIST,     /* struct conf_list of texts */
};

struct conf_list {
	const char *const *items;
	size_t n;
};

struct conf_option {
	const char *key; /* "hub.address": mapping `hub`, member `address` */
	enum conf_type type;
	const char *value; /* the default as text; for a list separated by commas, NULL: "" */
	size_t offset;     /* offsetof its field */
	const char *min, *max; /* as text in the type's own form, for numbers; for a list `max` entries; NULL: no bound */
	const char *choices;   /* for texts: "sqlite|postgresql"; NULL: any */
	const char *help;      /* one sentence without a full stop */
};

/* Set every field to its default. -EINVAL: a default of the table breaks its own type or bounds (a bug of
 * the caller; tests call this once for each table); -ENOMEM. */
int conf_defaults(const struct conf_option *options, size_t n, struct arena *arena, void *conf);

/* Apply a YAML text over what is in `conf`. `name` is printed in diagnostics.
 * 0: all applied; -EINVAL: something was refused, `diags` says where and why, the rest is applied;
 * -EFBIG: the text is above yaml_tree's limits, nothing applied; -ENOMEM. */
int conf_load(const struct conf_option *options, size_t n, const char *name, const char *text, size_t len,
	      struct arena *arena, struct diags *diags, void *conf);

/* One value from the command line; lists are separated by commas. `ret_error` gets a sentence on failure.
 * -ENOENT: no such key; -EINVAL: no such value; -ERANGE: out of bounds; -ENOMEM. The field is untouched then. */
int conf_set(const struct conf_option *options, size_t n, const char *key, const char *value, struct arena *arena,
	     char *ret_error, size_t error_size, void *conf);

/* The table for people, in columns. 0 or buf_add's error. */
int conf_print_help(const struct conf_option *options, size_t n, struct buf *out);

/* What is in force, as the YAML that conf_load reads back to the same. 0 or buf_add's error. */
int conf_print_yaml(const struct conf_option *options, size_t n, const void *conf, struct buf *out);

#endif

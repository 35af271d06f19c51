/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_tree.h - a strict subset of YAML as a tree whose every value knows its line and column.
 *
 * Room: base.  Owns: the tree (in the caller's arena).  Thread: any.  Clock: none.
 * Read through libyaml's events, whose marks give the places. Refused, each with its place: anchors,
 * aliases, tags, merge keys, more than one document, duplicate keys, a key that YAML 1.1 would read
 * as a boolean (on, off, yes, no, y, n, true, false; quoted it is allowed), directives, invalid UTF-8,
 * control, bidi and invisible characters (written raw; escapes in "" are fine).
 * What can be passed over is reported together with what follows it; a syntax error ends the reading.
 * Codes: E100 syntax, E101 limits, E102 UTF-8, E103 characters, E104 duplicate key, E105 anchor or alias,
 * E106 tag, E107 merge key, E108 boolean key, E109 key, E110 document.
 * Bounds: 1 MiB of text, depth 32, 100,000 values. libyaml's scanner is quadratic in flow nesting, but it
 * runs at most 1,024 characters of one line ahead of its events: counting depth there keeps it linear.
 */
#ifndef WHY_BASE_YAML_TREE_H
#define WHY_BASE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

#define YAML_TREE_MAX_BYTES (1024 * 1024)
#define YAML_TREE_MAX_DEPTH 32
#define YAML_TREE_MAX_NODES 100000

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	uint32_t line, column;   /* of the value, from 1; of the opening quote for a quoted scalar */
	const char *text;        /* scalar: its content, NUL-terminated; else NULL */
	size_t len;
	bool quoted;             /* scalar in '' or "" */
	bool block;              /* scalar in | or > */
	bool verbatim;           /* scalar whose content stands in the file byte for byte, on one line */
	const char *key;         /* as a mapping's member: its key, else NULL */
	uint32_t key_line, key_column;
	struct yaml_node *first; /* children in order */
	struct yaml_node *next;  /* next sibling */
	size_t n_children;
};

/* `name` is printed in diagnostics. Empty text gives an empty mapping.
 * -EINVAL: refused, `diags` says where and why; -EFBIG: above the limits, likewise; -ENOMEM. */
int yaml_tree_parse(const char *name, const char *text, size_t n, struct arena *arena, struct diags *diags,
		    struct yaml_node **ret_root);

/* Member of a mapping, NULL when absent or `map` is no mapping. */
const struct yaml_node *yaml_tree_get(const struct yaml_node *map, const char *key);

/* Column of byte `offset` of the scalar's content in the file: exact for plain scalars and for quoted
 * ones without escapes, else the column of the scalar. Lets an expression error point into a string. */
uint32_t yaml_tree_column(const struct yaml_node *scalar, size_t offset);

#endif

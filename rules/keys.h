/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - every key that a file of rules may have: one table a map. The loader checks files against them, and the JSON
 * Schema is made from them.
 *
 * Room: rules.  Owns: nothing (constant).  Thread: any.  Clock: none.  Bounds: none needed.
 */
#ifndef WHY_RULES_KEYS_H
#define WHY_RULES_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum key_kind {
	KEY_TEXT,     /* any plain value */
	KEY_WORD,     /* one of `words` */
	KEY_SCOPE,    /* a kind of entity */
	KEY_ACTION,   /* a remedy */
	KEY_NUMBER,   /* 0.5 or 50% */
	KEY_DURATION, /* 5m */
	KEY_TEXTS,    /* a list of plain values */
	KEY_MAP,      /* a map with the keys `of` */
	KEY_MAPS,     /* a map from ids to such maps */
	KEY_LIST,     /* a list of such maps */
	KEY_MIXED,    /* a list of plain values or such maps */
	KEY_NAMED,    /* a map from any name to a plain value */
	KEY_ENTITIES, /* a map from kinds of entities to maps from names to maps */
	KEY_OPEN,     /* a plain value or a list of them */
};

struct keys;

struct key {
	const char *name;
	enum key_kind kind;
	const char *doc;
	bool needed;
	const struct keys *of;
	const char *const *words; /* NULL-ended */
};

struct keys {
	const char *name;       /* of the map, in the schema */
	const struct key *list; /* ended by a NULL name */
};

extern const struct keys keys_file, keys_pack, keys_param, keys_symptom, keys_clear, keys_hold, keys_cause, keys_evidence,
	keys_unless, keys_explains, keys_correlate, keys_because, keys_confidence, keys_remedy, keys_emits, keys_override,
	keys_exception, keys_test, keys_step, keys_series, keys_expect;

extern const char *const words_severity[], *const words_mode[], *const words_latch[], *const words_weight[],
	*const words_auto[], *const words_state[], *const words_param_type[];

const struct keys *keys_at(size_t i); /* NULL past the last */

/* The JSON Schema (2020-12) of a file of rules, as one value. */
void keys_write_schema(struct json *j);

#endif

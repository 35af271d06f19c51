/* SPDX-License-Identifier: Apache-2.0 */
/* loader.h - what the parts of the loader share while files become a ruleset.
 *
 * Room: rules.  Owns: struct loader (on the stack of ruleset_load).  Thread: one load at a time each.  Clock: none.
 * Bounds: RULESET_MAX_*. An error is told once, at its place, and rejects the rule it stands in, nothing else:
 * functions go on after an error as far as they can, so that one run shows all errors of a rule.
 */
#ifndef WHY_RULES_LOADER_H
#define WHY_RULES_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/yaml_tree.h"
#include "rules/diag_codes.h"
#include "rules/keys.h"
#include "rules/list.h"
#include "rules/ruleset.h"

#define LOADER_MAX_PARAMS 64 /* of a pack */

struct param {
	const char *name;
	enum unit unit;
	double value, min, max;
	bool used;
	uint32_t slot; /* in ruleset.params */
	const struct yaml_node *node;
};

struct rules_file {
	const struct rules_source *origin; /* copied into the ruleset's arena */
	struct yaml_node *root;            /* NULL: cannot be parsed, or is no file of rules */
	const char *pack;
	enum rule_mode mode;
	struct param params[LOADER_MAX_PARAMS];
	size_t n_params;
	bool kept;                         /* the last good text of a file that is broken now */
};

/* Where a cause was written, by position in loader.causes: for what can only be checked once all are there. */
struct cause_place {
	const struct yaml_node *node;
	struct rules_file *file;
};

/* finding('id') in an expression. */
struct finding_ref {
	const char *id;
	const struct yaml_node *at;
	size_t offset, length;
	struct rules_file *file;
};

/* All that overrides say about one rule, merged key by key in the order of the files. */
struct override {
	const char *id;
	const struct rules_file *file;      /* of the last one, for diagnostics */
	const struct yaml_node *node;
	const struct yaml_node *mode, *severity, *params, *except;
	const struct rules_file *mode_file, *severity_file, *params_file, *except_file;
	bool used;
};

struct loader {
	struct arena *arena;   /* the ruleset's */
	struct arena *scratch; /* trees; gone after the load */
	const struct metrics *metrics;
	struct diags *diags;
	const struct ruleset *last;
	struct list files;     /* struct rules_file * */
	struct list overrides; /* struct override */
	struct list programs, paths, regexes, params, symptoms, causes, tests;
	struct list cause_places;  /* struct cause_place, one a cause */
	struct list finding_refs;  /* struct finding_ref */
	struct list rejected;      /* const char *: ids */
	uint32_t n_rejected;
	/* where we are */
	struct rules_file *file;
	const char *rule;                /* id of the rule an error rejects; NULL: none */
	const struct override *override; /* of that rule, NULL */
	size_t n_errors;
	bool out_of_memory;
};

/* ---- telling errors (loader.c) ---- */

/* At byte `offset` of the scalar `at`, `length` bytes long. NULL hint: none. `at` NULL: the file's first line. */
void loader_error(struct loader *l, enum rules_code code, const struct yaml_node *at, size_t offset, size_t length,
		  const char *hint, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* At the key of a member. */
void loader_error_key(struct loader *l, enum rules_code code, const struct yaml_node *member, const char *hint,
		      const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void loader_warning(struct loader *l, enum rules_code code, const struct yaml_node *at, size_t offset, size_t length,
		    const char *hint, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
void *loader_alloc(struct loader *l, size_t n, size_t size); /* in the ruleset's arena; NULL sets out_of_memory */
const char *loader_strdup(struct loader *l, const char *text);
const char *loader_mean(struct loader *l, const char *word, const char *const *candidates,
			size_t n); /* "did you mean 'x'?" or NULL */

/* ---- reading maps (loader_fields.c) ---- */

/* `map` is a mapping and has only these keys. False: it is no mapping. */
bool fields_check(struct loader *l, const struct yaml_node *map, const char *what, const struct keys *keys);
bool fields_is_list(struct loader *l, const struct yaml_node *node, size_t max); /* told when not */
/* Optional members: absent leaves *ret as it is. False: there was an error (told). */
bool field_text(struct loader *l, const struct yaml_node *map, const char *key, const char **ret_text); /* copied */
bool field_duration(struct loader *l, const struct yaml_node *map, const char *key, uint64_t *ret_ns);
bool field_number(struct loader *l, const struct yaml_node *map, const char *key, double min, double max,
		  double *ret_value);
/* `names` NULL-ended; the value is the position. */
bool field_word(struct loader *l, const struct yaml_node *map, const char *key, const char *const *names,
		int *ret_value);
bool field_ids(struct loader *l, const struct yaml_node *map, const char *key, size_t max,
	       const char *const **ret_ids, uint32_t *ret_n);
bool field_is_id(struct loader *l, const char *id, const struct yaml_node *at, bool is_key); /* a.b_c, told when not */
bool field_duration_at(struct loader *l, const struct yaml_node *at, uint64_t *ret_ns, bool *ret_negative);
bool field_severity(struct loader *l, const struct yaml_node *map, enum severity *ret_severity);
bool field_mode(struct loader *l, const struct yaml_node *map, enum rule_mode *ret_mode);
bool field_scope(struct loader *l, const struct yaml_node *map, enum entity_kind *ret_scope); /* mandatory */
const char *field_nearest_kind(struct loader *l, const char *word);

/* ---- the parts of a file ---- */

void loader_read_file(struct loader *l, const struct rules_source *source);         /* loader_file.c: parse, pack,
	params, overrides */
void loader_read_params(struct loader *l, const struct yaml_node *params);          /* loader_params.c */
struct param *loader_find_param(struct loader *l, const char *name);
uint32_t loader_param_slot(struct loader *l,
			   struct param *p);                      /* of the rule at hand: overridden or not */
bool loader_check_param_value(struct loader *l, const struct param *p,
			      const struct yaml_node *at); /* tells what is wrong */
void loader_warn_unused_params(struct loader *l);
void loader_read_overrides(struct loader *l, const struct yaml_node *node);         /* loader_override.c */
const struct override *loader_find_override(struct loader *l, const char *id);
void loader_apply_override(struct loader *l, enum entity_kind scope, enum rule_mode *mode, enum severity *severity,
			   const struct exception_rule **ret_exceptions, uint32_t *ret_n);
bool loader_read_symptom(struct loader *l, const struct yaml_node *node);           /* loader_symptom.c; true: taken */
bool loader_read_cause(struct loader *l, const struct yaml_node *node);             /* loader_cause.c; true: taken */
bool loader_read_hold(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct hold *hold);
void loader_read_evidence(struct loader *l, const struct yaml_node *list, enum entity_kind scope, const char *role,
			  const struct evidence_rule **ret_items, uint32_t *ret_n); /* loader_evidence.c */
void loader_read_unless(struct loader *l, const struct yaml_node *list, enum entity_kind scope,
			const struct unless_rule **ret_items, uint32_t *ret_n);
void loader_read_explains(struct loader *l, const struct yaml_node *list, enum entity_kind scope,
			  const struct explain_rule **ret_items, uint32_t *ret_n);  /* loader_explains.c */
void loader_read_tests(struct loader *l, const struct yaml_node *list);             /* loader_test.c */
void loader_free_regexes(struct loader *l, uint32_t from);
/* Compile one rule of the file at hand; undoes all when there was an error, and remembers it as rejected. */
bool loader_take_rule(struct loader *l, const struct yaml_node *node, bool is_cause); /* loader_file.c */
void loader_take_rules(struct loader *l, struct rules_file *file);
bool loader_has_rule(const struct loader *l, const char *id);
void loader_reject_cause(struct loader *l,
			 uint32_t index);                          /* loader_link.c: take it out again */
void loader_check_links(struct loader *l);
void loader_warn_links(struct loader *l);
void loader_keep(struct loader *l);                                                  /* loader_keep.c: last good versions */
struct rules_file *loader_parse_file(struct loader *l, const struct rules_source *source); /* NULL: refused (told) */
struct rules_file *loader_parse_quietly(struct loader *l, const struct rules_source *source);
/* SHA-256 of a rule as it is in force. */
void loader_digest(struct loader *l, const struct yaml_node *node, char ret_hex[DIGEST_HEX_MAX]);

#endif

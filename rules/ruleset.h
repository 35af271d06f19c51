/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset.h - packs of rules as the engine runs them: checked, compiled, immutable.
 *
 * Room: rules.  Owns: one arena with everything in it.  Thread: read-only once built.  Clock: none (dates of
 * exceptions are compared by the engine with the wall time of the tick).
 * Bounds: RULESET_MAX_* ; a rule past them is rejected alone, with a diagnostic.
 *
 * Made by rules/loader.c from files in the format of docs/rules.md. A rule with an error is rejected alone; when `last` (the
 * ruleset in force) has a good version of it, that version is carried over and marked `kept`.
 */
#ifndef WHY_RULES_RULESET_H
#define WHY_RULES_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/diag.h"
#include "model/finding.h"
#include "model/metric.h"
#include "rules/program.h"

#define RULESET_MAX_RULES     1000 /* causes and symptoms */
#define RULESET_MAX_BYTES     (16 * 1024 * 1024)
#define RULESET_MAX_EVIDENCE  16   /* of each of requires, supports, refutes, unless */
#define RULESET_MAX_LINKS     16
#define RULESET_MAX_STEPS     6    /* of a path */
#define RULESET_MAX_WINDOW_NS (24ULL * 3600 * NS_PER_S)
#define RULESET_MAX_INSTANCES 4096 /* of one rule: active at a time */

/* One step of `via`: to entities of `kind` over outgoing or incoming edges. */
struct path_step {
	enum entity_kind kind;
	bool incoming;
};

struct path {
	enum entity_kind from;
	struct path_step steps[RULESET_MAX_STEPS];
	uint32_t n_steps; /* 0: the entity itself */
	const char *source;
};

/* Text with values in it: "memory limit {cgroup.memory.limit} reached". */
struct template_part {
	const char *literal; /* NULL: a value */
	uint32_t program;    /* of the value */
	enum unit unit;      /* how to print a number */
	bool is_observed;    /* {value}: what the evidence item observed; program is PROGRAM_NONE */
	bool is_code;        /* a number that names something (pid, port, code): printed without thousands' commas or unit */
	const char *const *states; /* the number is a state: print states[number]; else NULL */
};

struct template {
	const struct template_part *parts;
	uint32_t n_parts;
};

enum weight { WEIGHT_WEAK, WEIGHT_MODERATE, WEIGHT_STRONG, WEIGHT_DECISIVE, WEIGHT_MAX }; /* 0.5, 1, 2, 4 log-odds */

struct evidence_rule {
	const char *id;
	uint32_t when;            /* program, in the scope at the end of `via` */
	uint32_t observe;         /* program of the number (or text) it compares, PROGRAM_NONE */
	enum unit observe_unit;
	uint32_t observe_metric;  /* METRIC_NONE */
	const char *expected;     /* "> 0.2", NULL */
	struct path via;
	enum weight weight;
	const char *group;        /* evidence of one source: only the largest counts. NULL */
	struct template show;
	uint64_t window_ns;       /* widest window it reads: the stretch of time it speaks of */
	uint64_t fresh_ns;        /* for want(): a metric nobody delivers unless asked */
};

struct explain_rule {
	const char *symptom;      /* id */
	uint32_t symptom_index;   /* in ruleset.symptoms; UINT32_MAX: not loaded (a warning was given) */
	struct path via;          /* from the cause's scope to the symptom's */
	uint64_t lead_ns, lag_ns; /* symptom may be seen `lead` before .. `lag` after the cause's trigger */
	bool has_correlate;
	uint32_t correlate_a, correlate_b;          /* metrics: a on the cause's entity, b on the symptom's */
	double correlate_a_scale, correlate_b_scale; /* -1 for "1 - x", else 1: only the sign matters to r */
	bool correlate_a_is_rate, correlate_b_is_rate;
	uint64_t correlate_over_ns;
	double correlate_min;
};

struct unless_rule {
	uint32_t when;
	struct path via;
	const char *reason;
};

enum rule_mode { RULE_ENABLED, RULE_SHADOW, RULE_DISABLED, RULE_MODE_MAX };

struct exception_rule {
	uint32_t match;       /* program in the rule's scope */
	const char *reason, *owner;
	wall_ns_t until;      /* 0: for ever */
};

struct hold {
	uint64_t for_ns;
	uint32_t clear_when;     /* PROGRAM_NONE: when the trigger and requires no longer hold */
	uint64_t clear_after_ns; /* clear_when (or quiet) must last this long */
	uint64_t cooldown_ns;
	enum { LATCH_NONE, LATCH_UNTIL_REBOOT, LATCH_UNTIL_ACK } latch;
};

struct symptom_rule {
	const char *id, *pack, *file, *doc;
	char digest[DIGEST_HEX_MAX]; /* of its content: unchanged rules keep their state over a reload */
	enum entity_kind scope;
	enum rule_mode mode;
	enum severity severity;
	uint32_t match;  /* program, PROGRAM_NONE: every entity of the scope */
	uint32_t when;
	struct template title;
	struct hold hold;
	bool kept;       /* last good version of a rule that is now broken */
	const struct rules_source *origin; /* the text it was made from */
	const struct exception_rule *exceptions;
	uint32_t n_exceptions;
};

struct cause_rule {
	const char *id, *pack, *file, *doc;
	char digest[DIGEST_HEX_MAX];
	enum entity_kind scope;
	enum rule_mode mode;
	enum severity severity, severity_alone; /* alone: while nobody is hit; SEVERITY_MAX: the same */
	uint32_t match, trigger; /* match PROGRAM_NONE: every entity of the scope */
	struct template title;
	const struct evidence_rule *requires, *supports, *refutes;
	uint32_t n_requires, n_supports, n_refutes;
	const struct unless_rule *unless;
	uint32_t n_unless;
	const struct explain_rule *explains;
	uint32_t n_explains;
	const char *const *because;           /* cause ids: deeper ones, active on the entity or over because_via */
	const struct path *because_via;       /* one each; n_steps 0: nearest relative or same entity */
	uint32_t n_because;
	const char *const *explained_away_by; /* cause ids: one active on a related entity with more confidence wins */
	uint32_t n_explained_away_by;
	double prior, report_at, act_at;
	struct hold hold;
	const struct path *affects;           /* from scope to process|container|pod|rank|job: who is hit, too */
	uint32_t n_affects;
	enum remedy_action action, then;
	uint32_t escalate_if;                 /* program in scope, PROGRAM_NONE: `then` is only mentioned */
	enum finding_auto automatic;
	struct template remedy_text;
	const struct template *checks;
	uint32_t n_checks;
	const char *emit_condition, *emit_reason, *emit_event;
	const char *const *emit_codes;
	uint32_t n_emit_codes;
	bool kept;
	const struct rules_source *origin; /* the text it was made from */
	const struct exception_rule *exceptions;
	uint32_t n_exceptions;
};

/* What must be kept of a metric, and what wakes whom. */
struct demand {
	uint32_t metric;
	uint64_t window_ns;
};

struct rules_test;   /* inline tests: rules/rules_test.h */
struct rules_source; /* below */

struct ruleset {
	struct arena *arena;
	char digest[DIGEST_HEX_MAX]; /* of everything in force, overrides included */
	const struct program *programs;
	uint32_t n_programs;
	const struct path *paths;    /* of OP_COUNT_ENTITIES */
	uint32_t n_paths;
	void *const *regexes;        /* compiled: regex_t*, of OP_MATCHES; released by ruleset_free */
	uint32_t n_regexes;
	const struct value *params;
	uint32_t n_params;
	const struct symptom_rule *symptoms;
	uint32_t n_symptoms;
	const struct cause_rule *causes;
	uint32_t n_causes;
	const struct demand *demands; /* one a metric, widest window */
	uint32_t n_demands;
	const struct rules_test *tests;
	uint32_t n_tests;
	const struct rules_source *origins; /* the files' texts in force: the last good one of a file that is broken now */
	uint32_t n_origins;
	uint32_t n_rejected;
};

void ruleset_free(struct ruleset **ruleset);
const struct cause_rule *ruleset_cause(const struct ruleset *rs, const char *id);     /* NULL */
const struct symptom_rule *ruleset_symptom(const struct ruleset *rs, const char *id); /* NULL */
const char *rule_mode_name(enum rule_mode mode);
double weight_log_odds(enum weight w);

struct rules_source {
	const char *name; /* path, for diagnostics */
	const char *text;
	size_t len;
};

/* Parse, check, compile. `last` (NULL ok) is the ruleset in force: its good versions are kept where a new one is broken.
 * Files that cannot be parsed at all keep all rules that `last` had from that file.
 * 0 even when rules were rejected: `diags` tells. -ENOMEM; -EMSGSIZE: above RULESET_MAX_BYTES. */
int ruleset_load(const struct rules_source *sources, size_t n_sources, const struct metrics *metrics,
		 const struct ruleset *last, struct diags *diags, struct ruleset **ret_ruleset);

/* Read *.why.yaml (sorted by name) of the folders and load them. A missing folder is a warning W001. Errors as above. */
int ruleset_load_dirs(const char *const *dirs, size_t n_dirs, const struct metrics *metrics, const struct ruleset *last,
		      struct diags *diags, struct ruleset **ret_ruleset);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* finding.h - an answer: a cause with its evidence, its victims, what was ruled out and what to do; or a
 * symptom that nothing explains.
 *
 * Room: model.  Owns: a finding owns one arena that holds all of its texts and lists.  Thread: any, one at a time.
 * Clock: none.  Bounds: FINDING_MAX_*; lists cut there carry `n_more` of what was left out.
 *
 * `id` is stable: it is a digest of node, boot id, rule, subject and the time of the event that opened it, so a
 * finding re-made from the same readings after a crash has the same id, and a second copy is recognised as one.
 * `revision` grows by one with every published change: (id, revision) is what the hub de-duplicates by.
 */
#ifndef WHY_MODEL_FINDING_H
#define WHY_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/batch.h"
#include "model/metric.h"

#define FINDING_ID_SIZE      32 /* "fnd_" and 26 digits of base32, NUL */
#define FINDING_MAX_AFFECTED 64
#define FINDING_MAX_BECAUSE  8
#define FINDING_MAX_EXPLAINS 32
#define FINDING_MAX_EVIDENCE 32
#define FINDING_MAX_RULED    16
#define FINDING_MAX_UNKNOWN  16
#define FINDING_MAX_CHECKS   8
#define FINDING_MAX_ATTRS    24
#define FINDING_MAX_BYTES    (64 * 1024) /* of its arena */

enum finding_state { FINDING_OPEN, FINDING_UPDATED, FINDING_RESOLVED, FINDING_STATE_MAX };
enum finding_kind { FINDING_CAUSE, FINDING_SYMPTOM, FINDING_KIND_MAX };
enum finding_auto { FINDING_AUTO_NEVER, FINDING_AUTO_SUGGEST, FINDING_AUTO_ALLOW, FINDING_AUTO_MAX };

enum remedy_action {
	REMEDY_NONE,
	REMEDY_RESTART_WORKLOAD,
	REMEDY_FIX_WORKLOAD,
	REMEDY_RESTART_SERVICE,
	REMEDY_RESET_GPU,
	REMEDY_RUN_DIAG,
	REMEDY_DRAIN_NODE,
	REMEDY_REBOOT_NODE,
	REMEDY_REPLACE_NODE,
	REMEDY_INSPECT_HARDWARE,
	REMEDY_CONTACT_VENDOR,
	REMEDY_ACTION_MAX,
};

struct finding_attr {
	const char *name, *value;
};

/* An entity as a finding names it: by value, because the entity may be gone when it is read. */
struct finding_entity {
	enum entity_kind kind;
	const char *id;   /* its key */
	const char *name; /* for people: "python3[4242]" */
	struct finding_attr attrs[FINDING_MAX_ATTRS];
	size_t n_attrs;
};

struct finding_explained {
	const char *symptom;           /* id of the symptom rule */
	struct finding_entity subject;
	char finding[FINDING_ID_SIZE]; /* the symptom's own finding, "" when it never had to open */
	wall_ns_t at;
};

struct finding_evidence {
	const char *id;       /* of the item in the rule */
	const char *text;     /* the sentence, filled in */
	const char *metric;   /* the main one, NULL ok */
	double observed;      /* NaN: no number */
	const char *observed_text; /* text value instead of a number; NULL ok */
	const char *expected; /* as in the rule: "> 0.2" */
	enum unit unit;
	wall_ns_t from, to;   /* the stretch of time it speaks of */
	const char *source;   /* collector */
	const char *role;     /* "requires" | "supports" | "refutes" */
};

struct finding_ruled_out {
	const char *rule, *reason;
};

struct finding_unknown {
	const char *what, *why;
};

struct finding {
	struct arena *arena;
	char id[FINDING_ID_SIZE];
	uint64_t revision; /* from 1 */
	enum finding_state state;
	enum finding_kind kind;
	const char *rule, *title;
	enum severity severity;
	double confidence, coverage;
	const char *node;
	struct finding_entity subject;
	struct finding_entity affected[FINDING_MAX_AFFECTED];
	size_t n_affected, more_affected;
	wall_ns_t opened_at, changed_at, resolved_at; /* resolved_at 0: not resolved */
	const char *resolved_reason; /* "cleared" | "explained by fnd_.." | "rule removed" | "reboot" ... NULL */
	char because[FINDING_MAX_BECAUSE][FINDING_ID_SIZE];
	size_t n_because;
	struct finding_explained explains[FINDING_MAX_EXPLAINS];
	size_t n_explains, more_explains;
	struct finding_evidence evidence[FINDING_MAX_EVIDENCE];
	size_t n_evidence;
	struct finding_ruled_out ruled_out[FINDING_MAX_RULED];
	size_t n_ruled_out;
	struct finding_unknown cannot_tell[FINDING_MAX_UNKNOWN];
	size_t n_cannot_tell;
	struct {
		enum remedy_action action, then; /* then REMEDY_NONE: nothing more */
		const char *text;
		const char *check[FINDING_MAX_CHECKS];
		size_t n_check;
		enum finding_auto automatic;
		bool act; /* confidence reached the rule's act_at */
	} remedy;
	const char *doc;          /* URL, NULL ok */
	const char *emit_condition, *emit_reason, *emit_event; /* Kubernetes names, NULL ok */
	const char *rules_digest;
	bool simulated, shadow, flapping;
	uint64_t count; /* occurrences of the trigger since it opened: a storm is one finding */
};

/* Empty, with an arena. -ENOMEM. */
int finding_new(struct finding **ret_finding);
void finding_free(struct finding **finding);
/* Deep copy into a new finding. -ENOMEM; -EMSGSIZE: above FINDING_MAX_BYTES. */
int finding_copy(const struct finding *from, struct finding **ret_finding);

/* Deterministic id, see above. */
void finding_make_id(const char *node, const char *boot_id, const char *rule, enum entity_kind kind, const char *key,
		     mono_ns_t opened_mono, char ret_id[FINDING_ID_SIZE]);

/* One value of the contract's JSON, keys in its order; `apiVersion` is "why/v1". Behind them come revision, count,
 * resolved_reason, doc, shadow, flapping, and more_affected and more_explains where something was left out. Attributes
 * of an entity stand beside its kind, id and name. */
void finding_write_json(const struct finding *f, struct json *j);

const char *finding_state_name(enum finding_state s);
const char *finding_kind_name(enum finding_kind k);
const char *finding_auto_name(enum finding_auto a);
const char *remedy_action_name(enum remedy_action a);
int finding_state_parse(const char *name, enum finding_state *ret);
int finding_kind_parse(const char *name, enum finding_kind *ret);
int finding_auto_parse(const char *name, enum finding_auto *ret);
int remedy_action_parse(const char *name, enum remedy_action *ret); /* all: -EINVAL */
/* "possible" below 0.5, "likely" below 0.85, else "confirmed". */
const char *finding_confidence_word(double confidence);

#endif

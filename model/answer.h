/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - questions people ask and the answers they get, the same from an agent (`--local`) and from the hub.
 *
 * Room: model.  Owns: an answer owns one arena and the findings in it.  Thread: any, one at a time.
 * Clock: none (`now` is passed in).  Bounds: ANSWER_MAX_*; what was cut is said by `truncated`.
 */
#ifndef WHY_MODEL_ANSWER_H
#define WHY_MODEL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "model/finding.h"

#define ANSWER_MAX_FINDINGS 500
#define ANSWER_MAX_LINES    2000
#define ANSWER_MAX_WHO      1024
#define ANSWER_WHO_ATTRS    16
#define ANSWER_MAX_BYTES    (8 * 1024 * 1024)

enum query_kind {
	QUERY_EXPLAIN,  /* target, since_ns */
	QUERY_LIST,     /* findings by filter */
	QUERY_TIMELINE, /* target, since_ns */
	QUERY_NOT,      /* cause, target: why was it not blamed? Agent only; the hub asks the node */
	QUERY_FLEET,    /* hub only */
	QUERY_DOCTOR,   /* agent only; the hub asks the node */
	QUERY_RULES,    /* loaded rules and their modes */
	QUERY_METRICS,  /* the registry, with latest state of each collector */
	QUERY_RELOAD,   /* agent only, local only: reload the rules */
	QUERY_KIND_MAX,
};

/* Target as parsed from the command line: `kind` ENTITY_KIND_MAX means a bare word, to be resolved in the
 * order finding id, node, pod, job. */
struct query {
	enum query_kind kind;
	enum entity_kind target_kind;
	char target[GRAPH_MAX_KEY]; /* "" : this node (agent), the fleet (hub) */
	char node[256];             /* "" : any */
	char cause[128];            /* QUERY_NOT, or filter of QUERY_LIST */
	uint64_t since_ns;          /* 0: open ones only */
	double min_confidence;
	int only_open;              /* QUERY_LIST */
	uint32_t limit;             /* 0: ANSWER_MAX_FINDINGS */
	char cursor[64];            /* QUERY_LIST: where the last page ended */
};

enum answer_status {
	ANSWER_OK,
	ANSWER_NOT_FOUND,   /* no such target; `message` */
	ANSWER_AMBIGUOUS,   /* `candidates` */
	ANSWER_DENIED,
	ANSWER_UNAVAILABLE, /* node does not answer */
	ANSWER_BAD,         /* malformed query; `message` */
};

struct answer_line {       /* timeline entry, doctor item, rule, metric, fleet row: by `query` */
	wall_ns_t at;      /* timeline: when; fleet: last seen; else 0 */
	const char *what;  /* timeline: "finding" "event" "node"; doctor: check; rules: id; metrics: name;
			    * fleet: node */
	const char *subject;
	const char *status;/* doctor: ok|missing|failed|degraded; rules: enabled|shadow|disabled|rejected;
			    * fleet: healthy|warning|critical|unknown */
	const char *text;
	const char *detail;/* doctor: which rules suffer; metrics: unit; may be NULL */
	enum severity severity;
};

/* Who or what the target is, and who belongs to it: for EXPLAIN of one thing. In this order: self, of, in, uses, doubts,
 * members (those in trouble first). Filled by model/who.h. */
struct answer_who {
	const char *role;   /* "self": the target; "of": its rank, job; "in": its container, pod, cgroup; "uses": a device
			     * or mount; "doubt": what cannot be told; "member": what is in it or of it */
	enum entity_kind kind;
	const char *id, *name; /* doubt: name is what cannot be told */
	const char *text;   /* self: a sentence; member: what is wrong with it, "" nothing found; doubt: why; else "" */
	const char *node;   /* "" : not said */
	const char *status; /* member: "critical" "warning" "info" (findings blame it), "affected" (it suffers from one),
			     * "gone", "ok"; else "" */
	struct finding_attr attrs[ANSWER_WHO_ATTRS];
	size_t n_attrs;
};

/* One evidence item of `why not`. */
struct answer_evidence {
	const char *role, *id, *text, *expected;
	int truth;         /* 1 true, 0 false, -1 unknown */
	double observed;   /* NaN: none */
	const char *why;   /* of unknown, NULL ok */
};

struct answer {
	struct arena *arena;
	enum query_kind query;
	enum answer_status status;
	const char *message;     /* for people; NULL when OK and nothing to say */
	const char *target, *node;
	wall_ns_t as_of, agent_last_seen; /* last_seen 0: never, or the agent answers itself */
	const char *agent_version, *rules_digest;
	bool evaluated;          /* false: no full evaluation yet, so "no finding" is not "healthy" */
	bool stale;              /* the agent has been silent for too long: what follows may be old */
	struct finding *findings[ANSWER_MAX_FINDINGS]; /* owned; roots first, ranked (answer_rank) */
	size_t n_findings;
	struct answer_line *lines;
	size_t n_lines;
	struct answer_who *who;
	size_t n_who;
	struct finding_unknown *unknown; /* what this node cannot see, and why */
	size_t n_unknown;
	const char **candidates;
	size_t n_candidates;
	/* QUERY_NOT */
	const char *verdict;     /* "blamed" | "not_blamed" | "cannot_tell" | "vetoed" | "suppressed" | "disabled" */
	struct answer_evidence *evidence;
	size_t n_evidence;
	char next_cursor[64];
	bool truncated;
};

int answer_new(enum query_kind query, struct answer **ret_answer); /* -ENOMEM */
void answer_free(struct answer **answer);
/* The answer owns *f from now on, and *f becomes NULL. -ENOSPC: full; then `truncated` is set and *f stays. */
int answer_add_finding(struct answer *a, struct finding **f);
/* Zeroed new line, or NULL when full (truncated is set). Texts go into a->arena. Lines stay where they are; do not set
 * a->lines otherwise. */
struct answer_line *answer_add_line(struct answer *a);

/* The same for `who`. */
struct answer_who *answer_add_who(struct answer *a);

/* Order findings for a reader: open before resolved, causes without an active deeper cause first, then by severity,
 * confidence times symptoms explained, confidence, time (oldest first), id. Findings that others of the list explain,
 * and causes whose deeper cause is in the list, follow it: a tree, depth first. */
void answer_rank(struct answer *a);

/* Exit status of `why` for this answer: 0 well, 1 warning, 2 critical, 3 unknown (not evaluated, stale, or coverage
 * of the best cause below 0.5), 66 not found or ambiguous, 69 unavailable, 77 denied, 64 bad. Open findings count,
 * those of shadow rules do not. Call answer_rank first: the best is the first. FLEET and DOCTOR go by the worst
 * severity of their lines (FLEET: 3 when a node is "unknown" and nothing is worse), NOT is 3 for "cannot_tell", the
 * others are 0. */
int answer_exit_status(const struct answer *a);

/* "1 cause explains 3 symptoms", "2 causes, 1 unexplained symptom", "no finding", "unknown: ...". */
void answer_headline(const struct answer *a, char *ret_text, size_t size);

/* {"apiVersion":"why/v1","kind":"Explanation"|"FindingList"|"Timeline"|"Not"|"Fleet"|"Doctor"|"RuleList"|"MetricList"|
 *  "Reload","status","message","headline","exit_status","target","node","as_of","agent":{"last_seen","version",
 *  "rules_digest"},"evaluated","stale","who":[{"role","kind"?,"id"?,"name","text","node"?,"status"?,"attrs"?}] (absent
 *  where no one thing was asked for),"findings":[...],"items":[{"at"?,"what","subject"?,"status"?,"text","detail"?,
 *  "severity"}] (the lines; absent from Explanation, FindingList and Not when there is none),"verdict" and
 *  "evidence" (Not),
 *  "unknown":[{"what","why"}],"candidates"?,"next_cursor"?,"truncated"} */
void answer_write_json(const struct answer *a, struct json *j);

const char *query_kind_name(enum query_kind k);

#endif

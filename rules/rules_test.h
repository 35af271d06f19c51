/* SPDX-License-Identifier: Apache-2.0 */
/* rules_test.h - inline tests of a pack in parsed form, and the runner that plays them against the engine.
 *
 * Room: rules.  Owns: nothing (parsed tests live in the ruleset's arena).  Thread: any.
 * Clock: none: a test has its own time, from 0 in steps of `tick_ns`.  Bounds: RULES_TEST_MAX_*.
 */
#ifndef WHY_RULES_RULES_TEST_H
#define WHY_RULES_RULES_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/graph.h"
#include "model/metric.h"
#include "rules/ruleset.h"

#define RULES_TEST_MAX_ENTITIES 64
#define RULES_TEST_MAX_STEPS    256
#define RULES_TEST_MAX_SERIES   64
#define RULES_TEST_MAX_POINTS   4096
#define RULES_TEST_MAX_EXPECTS  64
#define RULES_TEST_MAX_REPLAY_BYTES (64 * 1024 * 1024)
#define RULES_TEST_MAX_NS       (24ULL * 3600 * NS_PER_S)

struct rules_test_attr {
	const char *name, *value;
};

struct rules_test_edge {
	enum edge_kind kind;
	uint32_t to; /* position in entities */
};

struct rules_test_entity {
	const char *name; /* in the test */
	const char *key;  /* in the graph */
	enum entity_kind kind;
	const struct rules_test_attr *attrs;
	uint32_t n_attrs;
	const struct rules_test_edge *edges;
	uint32_t n_edges;
};

struct rules_test_value {
	uint32_t field; /* UINT32_MAX: the code */
	const char *text; /* NULL: a number */
	double number;
};

enum rules_test_step_kind { RULES_TEST_EVENT, RULES_TEST_SET /* from now on */, RULES_TEST_UNSET, RULES_TEST_GONE };

struct rules_test_step {
	enum rules_test_step_kind kind;
	uint64_t at_ns;
	uint32_t target; /* position in entities */
	uint32_t metric;
	double number;   /* RULES_TEST_SET */
	const struct rules_test_value *values;
	uint32_t n_values;
	uint32_t line;
};

struct rules_test_series {
	uint32_t target, metric;
	uint64_t every_ns;
	const double *points; /* NaN: nothing is sampled then */
	uint32_t n_points;
};

struct rules_test_bound {
	bool is_set;
	enum opcode op; /* OP_LESS .. OP_EQUAL */
	double value;
};

struct rules_test_expect {
	uint64_t at_ns;
	const char *rule;
	uint32_t target;                 /* UINT32_MAX: any */
	bool none;                       /* must not be open then (nor, in expect_none, ever) */
	bool resolved;                   /* was open and is not any more */
	const char *const *explains;     /* "symptom" or "symptom/entity" */
	uint32_t n_explains;
	const char *const *because;      /* rule ids */
	uint32_t n_because;
	const char *const *evidence;     /* ids of items that hold */
	uint32_t n_evidence;
	const char *const *ruled_out;    /* rule ids */
	uint32_t n_ruled_out;
	const char *const *affected;     /* names of entities of the test: these are hit, and no others of it */
	uint32_t n_affected;
	bool says_affected;
	struct rules_test_bound confidence, coverage;
	const char *action, *severity, *title; /* title: a part of it. NULL: any */
	uint32_t line, column;
};

struct rules_test {
	const char *name, *file, *pack;
	uint32_t line;
	uint64_t tick_ns;
	const char *replay; /* a recording, relative to the file; NULL */
	const struct rules_test_entity *entities;
	uint32_t n_entities;
	const struct rules_test_step *steps; /* in order of time */
	uint32_t n_steps;
	const struct rules_test_series *series;
	uint32_t n_series;
	const struct rules_test_expect *expects;
	uint32_t n_expects;
	const struct rules_test_expect *nones; /* rule "all": no cause at all */
	uint32_t n_nones;
};

/* Which evidence items of which causes were seen true, and seen false, over all tests of a run. */
struct rules_test_seen;

int rules_test_seen_new(const struct ruleset *rs, struct rules_test_seen **ret_seen); /* -ENOMEM */
void rules_test_seen_free(struct rules_test_seen **seen);
/* Appends "cause: evidence 'id' was never seen false" lines; returns how many items lack one or the other. */
size_t rules_test_seen_print(const struct rules_test_seen *seen, struct buf *out);

/* Play test number `index` of the ruleset against an engine of its own, on a graph of its own. What fails is appended
 * to `out`: FILE:LINE: test 'NAME': what was expected, what there was, and what the evidence said. `seen` (NULL ok) is
 * kept up to date.
 * 0 whether it passed or not; -ENOENT: no such test; -ENOTSUP: it plays a recording: use rules_test_replay;
 * -ENOMEM; else what the loader or the engine said. */
int rules_test_run(const struct ruleset *rs, uint32_t index, const struct metrics *metrics,
		   struct rules_test_seen *seen, struct buf *out,
		   bool *ret_passed);

/* The same for a test that plays a recording (its `replay` is a path): `data` is all of it, segments one behind the
 * other. Times are since its first tick; `entities` of the test only name what is in it, by key. `seen` looks at those
 * and the node. -ENOTSUP: the test plays none; -ENODATA: not one tick in it; -EFBIG: above
 * RULES_TEST_MAX_REPLAY_BYTES; and what replay_feed says: -EBADMSG, -ESTALE, -EPROTONOSUPPORT. */
int rules_test_replay(const struct ruleset *rs, uint32_t index, const struct metrics *metrics, const uint8_t *data,
		      size_t n, struct rules_test_seen *seen, struct buf *out, bool *ret_passed);

#endif

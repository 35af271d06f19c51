/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - runs a program for an entity: three-valued, without side effects, never fails.
 *
 * Room: rules.  Owns: nothing but its counters.  Thread: the loop.  Clock: none (`now` is a field).
 * Bounds: MACHINE_MAX_DEPTH programs inside one another, MACHINE_MAX_STEPS instructions a top-level run; past them the
 * value is unknown. A program must have passed machine_verify once: then no run can read or write out of bounds.
 *
 * An event metric of a collector that is blind, with no event in the window, counts as unknown and not as 0.
 */
#ifndef WHY_RULES_MACHINE_H
#define WHY_RULES_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"
#include "model/series.h"
#include "rules/ruleset.h"

#define MACHINE_MAX_DEPTH 4
#define MACHINE_MAX_STEPS 100000
#define MACHINE_NAMES     8 /* descriptions of entities that one run may hold at a time */

enum truth { TRUTH_UNKNOWN = -1, TRUTH_FALSE = 0, TRUTH_TRUE = 1 };

/* Findings of rule `id` opened within window_ns; 0: open now. */
typedef double (*machine_findings_fn)(const void *arg, const char *id, uint64_t window_ns);

/* Why the last top-level run met an unknown: the first reason it met. */
struct machine_missing {
	uint32_t metric;  /* METRIC_NONE: no metric */
	const char *name; /* attribute or rule, NULL */
	const char *why;  /* NULL: nothing was unknown */
};

/* A window that many rules read is worked out once a tick. Direct-mapped: a collision only costs a second reckoning. */
#define MACHINE_MEMO 2048 /* power of two */

struct machine_memo {
	uint64_t epoch, window_ns;
	entity_id entity;
	uint32_t metric;
	uint16_t op, fn;
	bool known;
	double value;
};

struct machine {
	const struct ruleset *ruleset;
	const struct metrics *metrics;
	const struct graph *graph;
	const struct series_store *series;
	mono_ns_t now;
	uint64_t fresh_ns;  /* greatest age of a latest sample, unless the program names one */
	const bool *blind;  /* by metric id, NULL: none is */
	struct machine_memo *memo; /* MACHINE_MEMO of them; NULL: everything is worked out anew */
	uint64_t epoch;            /* of the tick, from 1: what was memorised in another one is void */
	machine_findings_fn findings; /* NULL: 0 */
	const void *findings_arg;
	struct machine_missing missing;
	uint64_t n_programs; /* run since birth */
	uint64_t n_steps;
	/* inside a run */
	unsigned depth;
	uint64_t last_step;
	unsigned next_name;
	char names[MACHINE_NAMES][GRAPH_MAX_KEY];
};

/* `event` is the candidate of a predicate, NULL otherwise. A text lives until the graph or the series change, or
 * MACHINE_NAMES further names were made. */
struct value machine_run(struct machine *m, uint32_t program, entity_id entity, const struct event *event);

/* A number is true when it is not 0. PROGRAM_NONE: true. */
enum truth machine_truth(struct machine *m, uint32_t program, entity_id entity);
enum truth truth_of(struct value v);
enum truth truth_and(enum truth a, enum truth b);
enum truth truth_not(enum truth a);

/* Check a whole ruleset: stack depths, indexes of metrics, fields, programs, paths, parameters and regular expressions,
 * and that programs nest no deeper than MACHINE_MAX_DEPTH. -EINVAL: `*ret_program` (NULL ok) is not sound. */
int machine_verify(const struct ruleset *rs, const struct metrics *metrics, uint32_t *ret_program);

#endif

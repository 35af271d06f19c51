/* SPDX-License-Identifier: Apache-2.0 */
/* rules_test_play.h - the input of an inline test as the graph and the batches that an engine takes.
 *
 * Room: rules.  Owns: graph and batch.  Thread: any.  Clock: the test's own.  Bounds: those of rules_test.h.
 */
#ifndef WHY_RULES_RULES_TEST_PLAY_H
#define WHY_RULES_RULES_TEST_PLAY_H

#include "model/batch.h"
#include "rules/rules_test.h"

#define RULES_TEST_EPOCH_MONO (7200 * NS_PER_S)                     /* so that no window begins before time does */
#define RULES_TEST_EPOCH_WALL (1767225600ULL * NS_PER_S)            /* 2026-01-01 */

struct test_play {
	const struct rules_test *test;
	const struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	uint64_t epoch_mono; /* the test's 0 */
	wall_ns_t epoch_wall;
	entity_id ids[RULES_TEST_MAX_ENTITIES];
	uint32_t next_step;
	struct { /* what `set:` holds up, tick by tick */
		uint32_t target, metric;
		double value;
	} held[RULES_TEST_MAX_STEPS];
	uint32_t n_held;
};

int test_play_open(struct test_play *p, const struct rules_test *t, const struct metrics *metrics); /* -ENOMEM */
void test_play_close(struct test_play *p);
/* Fill p->batch with what happens after `from_ns` and not after `to_ns` (first: from_ns == to_ns == 0, all at 0). */
void test_play_tick(struct test_play *p, uint64_t from_ns, uint64_t to_ns, bool first);
uint64_t test_play_end(const struct rules_test *t); /* when there is nothing left to check */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* rules_test_check.h - what an inline test expects, against what the engine published.
 *
 * Room: rules.  Owns: copies of the newest state of each finding.  Thread: any.  Clock: the test's own.
 * Bounds: TEST_CHECK_MAX_FINDINGS findings a test.
 */
#ifndef WHY_RULES_RULES_TEST_CHECK_H
#define WHY_RULES_RULES_TEST_CHECK_H

#include "model/finding.h"
#include "rules/engine.h"
#include "rules/rules_test_play.h"

/* A fresh ruleset for an engine to own, made from the texts in force (rules_test_run.c). -ENOMEM. */
int test_load_again(const struct ruleset *rs, const struct metrics *metrics, struct ruleset **ret_ruleset);

#define TEST_CHECK_MAX_FINDINGS 256

struct test_check;

int test_check_new(const struct rules_test *t, const struct ruleset *rs, struct rules_test_seen *seen,
		   struct buf *out, struct test_check **ret_check);
void test_check_free(struct test_check **check);
void test_check_take(struct test_check *c, const struct finding *f);
/* Check what is due at `now_ns` of the test. */
void test_check_tick(struct test_check *c, const struct engine *e, const struct test_play *play, uint64_t now_ns);
void test_check_end(struct test_check *c);
bool test_check_passed(const struct test_check *c);

/* One look at the evidence of all causes for all entities of the test (rules_test_seen.c). */
void test_seen_look(struct rules_test_seen *seen, const struct engine *e, const struct test_play *play,
		    uint64_t now_ns);

#endif

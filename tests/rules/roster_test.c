// SPDX-License-Identifier: Apache-2.0
#include "rules/roster.h"

#include <errno.h>

#include "tests/test.h"

static void test_find_move_remove(void **state)
{
	struct suspect *a, *b;
	struct roster *r;

	(void)state;
	assert_ok(roster_new(4, &r));
	a = roster_add(r, 3, 10);
	b = roster_add(r, 3, 11);
	assert_ptr_equal(roster_find(r, 3, 10), a);
	assert_null(roster_find(r, 4, 10));
	assert_int_equal(r->n_of_rule[3], 2);
	assert_err(roster_move(r, a, 3, 11), EEXIST);
	assert_ok(roster_move(r, a, 3, ENTITY_NONE)); /* kept, but not found any more */
	assert_null(roster_find(r, 3, 10));
	assert_ok(roster_move(r, a, 3, 12));
	assert_ptr_equal(roster_find(r, 3, 12), a);
	roster_remove(r, b);
	assert_null(roster_find(r, 3, 11));
	assert_int_equal(r->n, 1);
	assert_int_equal(r->n_of_rule[3], 1);
	assert_ptr_equal(roster_at(r, r->first_of_rule[3]), a);
	roster_free(&r);
}

static void test_full(void **state)
{
	struct roster *r;

	(void)state;
	assert_ok(roster_new(3, &r));
	for (entity_id id = 1; id <= 3; id++)
		assert_non_null(roster_add(r, 0, id));
	assert_null(roster_add(r, 0, 4));
	assert_int_equal(r->refused, 1);
	roster_remove(r, roster_find(r, 0, 2));
	assert_non_null(roster_add(r, 0, 4));
	roster_free(&r);
}

static void test_one_rule_cannot_take_all(void **state)
{
	struct roster *r;

	(void)state;
	assert_ok(roster_new(RULESET_MAX_INSTANCES + 10, &r));
	for (entity_id id = 1; id <= RULESET_MAX_INSTANCES; id++)
		assert_non_null(roster_add(r, 0, id));
	assert_null(roster_add(r, 0, 999999));
	assert_non_null(roster_add(r, 1, 999999));
	roster_free(&r);
}

static uint32_t next_or_gone(void *arg, const struct suspect *s)
{
	(void)arg;
	return s->rule == 2 ? ROSTER_ORPHAN : s->rule + 1;
}

static void test_renumber(void **state)
{
	struct suspect *a, *b;
	struct roster *r;

	(void)state;
	assert_ok(roster_new(8, &r));
	a = roster_add(r, 1, 10);
	b = roster_add(r, 2, 10);
	roster_renumber(r, next_or_gone, NULL);
	assert_ptr_equal(roster_find(r, 2, 10), a);
	assert_int_equal(b->rule, ROSTER_ORPHAN);
	assert_int_equal(r->n_of_rule[1], 0);
	assert_int_equal(r->n_of_rule[2], 1);
	roster_remove(r, b);
	assert_int_equal(r->n, 1);
	roster_free(&r);
}

/* Against a plain list: adding and removing at random never loses one. */
static void test_random_traffic(void **state)
{
	bool present[5][64] = {0};
	uint64_t random = 99;
	struct roster *r;

	(void)state;
	assert_ok(roster_new(320, &r));
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t rule, entity, n = 0;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		rule = (uint32_t)(random >> 33) % 5;
		entity = (uint32_t)(random >> 40) % 64;
		if (present[rule][entity])
			roster_remove(r, roster_find(r, rule, entity + 1));
		else
			assert_non_null(roster_add(r, rule, entity + 1));
		present[rule][entity] = !present[rule][entity];
		if (i % 100 != 0)
			continue;
		for (uint32_t k = 0; k < 5; k++) {
			uint32_t of_rule = 0, chained = 0;

			for (uint32_t e = 0; e < 64; e++) {
				assert_int_equal(roster_find(r, k, e + 1) != NULL, present[k][e]);
				of_rule += present[k][e];
			}
			for (uint32_t at = r->first_of_rule[k]; at != ROSTER_NONE; at = roster_at(r, at)->next_of_rule)
				chained++;
			assert_int_equal(chained, of_rule);
			n += of_rule;
		}
		assert_int_equal(r->n, n);
	}
	roster_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_move_remove),	 cmocka_unit_test(test_full),
		cmocka_unit_test(test_one_rule_cannot_take_all), cmocka_unit_test(test_renumber),
		cmocka_unit_test(test_random_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

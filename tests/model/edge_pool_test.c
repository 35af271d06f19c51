/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>

#include "model/edge_pool.h"

static int add(struct edge_pool *p, uint32_t from, uint32_t to, uint32_t kind, struct edge_list *out, struct edge_list *in)
{
	struct edge e = {.kind = kind, .slot = {from, to}, .order = {from * 10, to * 10}};

	return edge_pool_add(p, &e, &out[from], &in[to]);
}

static void a_list_is_sorted_by_the_other_side(void **state)
{
	static const uint32_t made[] = {4, 1, 3, 2, 5};
	struct edge_list out[6], in[6];
	struct edge_pool p;
	uint32_t expected = 1;

	(void)state;
	edge_pool_init(&p, 100);
	for (unsigned i = 0; i < 6; i++)
		out[i] = in[i] = EDGE_LIST_EMPTY;
	for (unsigned i = 0; i < 5; i++)
		assert_ok(add(&p, 0, made[i], 0, out, in));
	assert_int_equal(out[0].n, 5);
	for (uint32_t i = out[0].first; i != EDGE_NIL; i = p.edges[i].next[EDGE_FROM])
		assert_int_equal(p.edges[i].slot[EDGE_TO], expected++);
	expected = 5;
	for (uint32_t i = out[0].last; i != EDGE_NIL; i = p.edges[i].prev[EDGE_FROM])
		assert_int_equal(p.edges[i].slot[EDGE_TO], expected--);
	edge_pool_done(&p);
}

static void an_edge_is_found_and_removed_from_both_lists(void **state)
{
	struct edge_list out[3] = {EDGE_LIST_EMPTY, EDGE_LIST_EMPTY, EDGE_LIST_EMPTY};
	struct edge_list in[3] = {EDGE_LIST_EMPTY, EDGE_LIST_EMPTY, EDGE_LIST_EMPTY};
	struct edge_pool p;
	uint32_t i;

	(void)state;
	edge_pool_init(&p, 3);
	assert_ok(add(&p, 0, 1, 7, out, in));
	assert_ok(add(&p, 0, 2, 7, out, in));
	assert_ok(add(&p, 0, 1, 8, out, in));
	assert_err(add(&p, 1, 2, 7, out, in), ENOSPC);
	i = edge_pool_find(&p, &out[0], &in[1], 7, 0, 1);
	assert_int_not_equal(i, EDGE_NIL);
	assert_int_not_equal(edge_pool_find(&p, &out[0], &in[1], 8, 0, 1), i);
	assert_int_equal(edge_pool_find(&p, &out[0], &in[1], 9, 0, 1), EDGE_NIL);
	edge_pool_remove(&p, i, &out[0], &in[1]);
	assert_int_equal(edge_pool_find(&p, &out[0], &in[1], 7, 0, 1), EDGE_NIL);
	assert_int_equal(out[0].n, 2);
	assert_int_equal(in[1].n, 1);
	assert_int_equal(p.n, 2);
	assert_ok(add(&p, 1, 2, 7, out, in)); /* its place is free again */
	assert_int_equal(in[2].n, 2);
	edge_pool_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_sorted_by_the_other_side),
		cmocka_unit_test(an_edge_is_found_and_removed_from_both_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

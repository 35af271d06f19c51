// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;
	unsigned char *pieces[200];
	size_t sizes[200];

	(void)state;
	assert_ok(arena_new(1 << 20, &a));
	for (int round = 0; round < 3; round++) {
		srand(7);
		for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
			sizes[i] = (size_t)rand() % 3000;
			pieces[i] = arena_alloc(a, sizes[i]);
			assert_non_null(pieces[i]);
			assert_int_equal((uintptr_t)pieces[i] % 16, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(pieces[i][k], 0);
			memset(pieces[i], (int)(i | 1), sizes[i]);
		}
		for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(pieces[i][k], (unsigned char)(i | 1));
		arena_reset(a);
		assert_int_equal(arena_used(a), 0);
	}
}

static void the_maximum_holds_and_is_counted(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;

	(void)state;
	assert_ok(arena_new(160, &a));
	assert_non_null(arena_alloc(a, 100)); /* counts as 112 */
	assert_int_equal(arena_used(a), 112);
	assert_null(arena_alloc(a, 49));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 8));
	assert_null(arena_alloc_array(a, SIZE_MAX / 2, 3));
	assert_int_equal(arena_refused(a), 4);
	assert_non_null(arena_alloc(a, 48));
	assert_int_equal(arena_used(a), 160);
	assert_null(arena_alloc(a, 0)); /* even nothing needs an address of its own */
	assert_null(arena_printf(a, "%d", 1));
	assert_int_equal(arena_refused(a), 6);
	arena_reset(a);
	assert_non_null(arena_alloc(a, 160));
	assert_int_equal(arena_refused(a), 6);
}

static void one_piece_may_be_larger_than_a_block(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;
	char *p;

	(void)state;
	assert_ok(arena_new(8 << 20, &a));
	p = arena_alloc(a, 5 << 20);
	assert_non_null(p);
	p[(5 << 20) - 1] = 1;
	assert_non_null(arena_alloc(a, 10));
	assert_null(arena_alloc(a, 4 << 20));
}

static void a_warm_arena_allocates_nothing(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;
	struct mallinfo2 before;

	(void)state;
	assert_ok(arena_new(1 << 20, &a));
	for (int round = 0; round < 4; round++) {
		if (round == 1)
			before = mallinfo2();
		for (int i = 0; i < 500; i++)
			assert_non_null(arena_alloc(a, (size_t)(i * 37 % 1500)));
		arena_reset(a);
	}
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(mallinfo2().uordblks, before.uordblks);
#else
	(void)before;
#endif
}

/* Sizes that never fit what was kept: the empty blocks go back, and the maximum is still reachable. */
static void changing_sizes_do_not_pile_up_blocks(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;
	size_t max = 1 << 20;

	(void)state;
	assert_ok(arena_new(max, &a));
	for (size_t round = 1; round < 200; round++) {
		size_t size = round * 4096 % (max / 2) + 16;

		for (size_t used = 0; used + size <= max; used += size)
			assert_non_null(arena_alloc(a, size));
		arena_reset(a);
	}
	assert_int_equal(arena_refused(a), 0);
#ifndef __SANITIZE_ADDRESS__
	assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < 4 * max);
#endif
}

static void texts_are_copied_and_terminated(void **state)
{
	AUTO(arena_free) struct arena *a = NULL;
	char *p;

	(void)state;
	assert_ok(arena_new(4096, &a));
	assert_null(arena_strdup(a, NULL));
	assert_null(arena_strndup(a, NULL, 5));
	assert_int_equal(arena_refused(a), 0);
	assert_string_equal(arena_strdup(a, "hello"), "hello");
	assert_string_equal(arena_strndup(a, "hello", 2), "he");
	p = arena_strndup(a, "a\0b", 3);
	assert_memory_equal(p, "a\0b", 4);
	assert_null(arena_strndup(a, "x", SIZE_MAX));
	assert_string_equal(arena_printf(a, "%s-%03d", "n", 7), "n-007");
	assert_string_equal(arena_printf(a, "%s", ""), "");
}

static void free_accepts_null(void **state)
{
	struct arena *a = NULL;

	(void)state;
	arena_free(&a);
	assert_ok(arena_new(0, &a));
	assert_null(arena_alloc(a, 1));
	arena_free(&a);
	assert_null(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(the_maximum_holds_and_is_counted),
		cmocka_unit_test(one_piece_may_be_larger_than_a_block),
		cmocka_unit_test(a_warm_arena_allocates_nothing),
		cmocka_unit_test(changing_sizes_do_not_pile_up_blocks),
		cmocka_unit_test(texts_are_copied_and_terminated),
		cmocka_unit_test(free_accepts_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

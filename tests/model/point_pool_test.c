/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>

#include "model/point_pool.h"

#define CHUNKS(n) ((n) * (POINT_CHUNK_BYTES + sizeof(uint32_t)))

static struct reading at(unsigned t)
{
	return (struct reading){.at = t, .mean = t, .min = t - 1, .max = t + 1, .last = t + 0.5, .n = 3};
}

/* A queue of whatever length gives back what was put in, fine or coarse, and its chunks in the end. */
static void a_list_is_a_queue(void **state)
{
	struct reading r;
	struct point_pool p;

	(void)state;
	for (unsigned coarse = 0; coarse < 2; coarse++) {
		struct point_list l = {.coarse = coarse};
		unsigned in = 1, out = 1;

		assert_ok(point_pool_init(&p, CHUNKS(20)));
		for (unsigned step = 0; step < 1000; step++) {
			if (step % 7 < 4 + (step / 100) % 2 && in - out < 60) {
				r = at(in++);
				assert_ok(point_list_push(&p, &l, &r));
			} else if (in > out) {
				point_list_first(&p, &l, &r);
				assert_int_equal(r.at, out++);
				point_list_pop(&p, &l);
			}
			assert_int_equal(l.n, in - out);
			if (l.n == 0)
				continue;
			point_list_last(&p, &l, &r);
			assert_int_equal(r.at, in - 1);
			assert_true(r.last == in - 1 + 0.5);
			assert_true(r.max == (coarse ? in - 1 + 1.0 : in - 1 + 0.5));
			assert_int_equal(r.n, coarse ? 3 : 1);
		}
		point_list_clear(&p, &l);
		assert_int_equal(p.n_taken, 0);
		point_pool_done(&p);
	}
}

static void a_walk_begins_at_the_first_point_in_time(void **state)
{
	struct point_list l = {0};
	struct point_cursor c;
	struct point_pool p;
	struct reading r;

	(void)state;
	assert_ok(point_pool_init(&p, CHUNKS(10)));
	for (unsigned t = 1; t <= 45; t++) {
		r = at(2 * t);
		assert_ok(point_list_push(&p, &l, &r));
	}
	for (unsigned i = 0; i < 3; i++)
		point_list_pop(&p, &l); /* 8..90 are left */
	for (unsigned from = 0; from < 95; from++) {
		unsigned expected = from < 8 ? 8 : from + from % 2;

		point_cursor_start(&c, &p, &l, from);
		while (point_cursor_next(&c, &r)) {
			assert_int_equal(r.at, expected);
			expected += 2;
		}
		assert_int_equal(expected, from <= 90 ? 92 : from + from % 2);
	}
	r = at(1000);
	point_list_replace_last(&p, &l, &r);
	point_cursor_start(&c, &p, &l, 91);
	assert_true(point_cursor_next(&c, &r));
	assert_int_equal(r.at, 1000);
	assert_false(point_cursor_next(&c, &r));
	point_pool_done(&p);
}

static void a_full_pool_says_so(void **state)
{
	struct point_list a = {0}, b = {0};
	struct reading r = at(1);
	struct point_pool p;

	(void)state;
	assert_ok(point_pool_init(&p, CHUNKS(2)));
	for (unsigned i = 0; i < 16; i++)
		assert_ok(point_list_push(&p, &a, &r));
	assert_true(point_list_is_packed(&a));
	assert_err(point_list_push(&p, &a, &r), ENOSPC);
	assert_err(point_list_push(&p, &b, &r), ENOSPC);
	assert_int_equal(a.n, 16);
	assert_int_equal(b.n, 0);
	for (unsigned i = 0; i < 8; i++)
		point_list_pop(&p, &a);
	assert_ok(point_list_push(&p, &b, &r));
	assert_false(point_list_is_packed(&b));
	point_pool_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_a_queue),
		cmocka_unit_test(a_walk_begins_at_the_first_point_in_time),
		cmocka_unit_test(a_full_pool_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

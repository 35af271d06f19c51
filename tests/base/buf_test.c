// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

static void grows_to_its_maximum_exactly(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_null(b.data);
	for (int i = 0; i < 100; i++)
		assert_ok(buf_add(&b, "0123456789", 10));
	assert_int_equal(b.len, 1000);
	assert_int_equal(b.data[1000], 0);
	assert_int_equal(b.size, 1001);
	assert_false(b.overflow);
	assert_ok(buf_add(&b, NULL, 0));
	assert_err(buf_add(&b, "x", 1), EMSGSIZE);
	assert_true(b.overflow);
	assert_int_equal(b.len, 1000);
	assert_memory_equal(b.data + 990, "0123456789", 11);
}

static void a_refused_piece_leaves_nothing(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_ok(buf_add_text(&b, "abc"));
	assert_err(buf_addf(&b, "%s", "defghi"), EMSGSIZE);
	assert_string_equal((char *)b.data, "abc");
	assert_null(buf_extend(&b, 6));
	assert_err(buf_add(&b, "defghi", SIZE_MAX), EMSGSIZE);
	assert_int_equal(b.len, 3);
	/* What fits still does; the flag stays for the check at the end. */
	assert_ok(buf_addf(&b, "%d", 12345));
	assert_string_equal((char *)b.data, "abc12345");
	assert_true(b.overflow);
	buf_reset(&b);
	assert_false(b.overflow);
	assert_int_equal(b.len, 0);
	assert_string_equal((char *)b.data, "");
}

static void extend_is_zeroed_even_when_reused(void **state)
{
	AUTO_BUF struct buf b;
	uint8_t *p;

	(void)state;
	buf_init(&b, 100);
	assert_ok(buf_add_text(&b, "xxxxxxxxxxxxxxxxxxxx"));
	buf_reset(&b);
	p = buf_extend(&b, 10);
	assert_non_null(p);
	for (int i = 0; i < 11; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(b.len, 10);
	assert_non_null(buf_extend(&b, 0));
}

static void formats_longer_than_any_stack_buffer(void **state)
{
	AUTO_BUF struct buf b;

	(void)state;
	buf_init(&b, 100000);
	assert_ok(buf_addf(&b, "%050000d", 7));
	assert_int_equal(b.len, 50000);
	assert_int_equal(b.data[49999], '7');
}

static void done_twice_and_used_again(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_ok(buf_add_text(&b, ""));
	assert_string_equal((char *)b.data, "");
	assert_err(buf_add_text(&b, "a"), EMSGSIZE);
	buf_done(&b);
	buf_done(&b);
	assert_null(b.data);
	assert_false(b.overflow);
	assert_int_equal(b.max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum_exactly),
		cmocka_unit_test(a_refused_piece_leaves_nothing),
		cmocka_unit_test(extend_is_zeroed_even_when_reused),
		cmocka_unit_test(formats_longer_than_any_stack_buffer),
		cmocka_unit_test(done_twice_and_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

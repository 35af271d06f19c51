// SPDX-License-Identifier: Apache-2.0
#include "proto/items.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/test.h"

static void test_items_of_one_field_in_order(void **state)
{
	/* 1: "ab"; 2: varint 300; 3: eight bytes; 4: four bytes; 1: ""; 2: "x"; 1: "c" */
	static const uint8_t message[] = { 0x0a, 2, 'a', 'b', 0x10, 0xac, 0x02, 0x19, 1, 2, 3, 4, 5, 6, 7, 8,
					   0x25, 1, 2, 3, 4, 0x0a, 0, 0x12, 1, 'x', 0x0a, 1, 'c' };
	const uint8_t *item;
	size_t at = 0, n;

	(void)state;
	assert_int_equal(items_next(message, sizeof(message), 1, &at, &item, &n), 1);
	assert_int_equal(n, 2);
	assert_memory_equal(item, "ab", 2);
	assert_int_equal(items_next(message, sizeof(message), 1, &at, &item, &n), 1);
	assert_int_equal(n, 0);
	assert_int_equal(items_next(message, sizeof(message), 1, &at, &item, &n), 1);
	assert_int_equal(n, 1);
	assert_int_equal(*item, 'c');
	assert_int_equal(items_next(message, sizeof(message), 1, &at, &item, &n), 0);
	at = 0;
	assert_int_equal(items_next(message, sizeof(message), 2, &at, &item, &n), 1);
	assert_int_equal(*item, 'x');
	/* A number in a field of messages is no item. */
	at = 0;
	assert_int_equal(items_next(message, 7, 2, &at, &item, &n), 0);
	assert_int_equal(items_next(NULL, 0, 1, &(size_t){0}, &item, &n), 0);
}

static void test_what_is_no_protobuf_ends(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\x0a", 1 },                                             /* no length */
		{ "\x0a\x05" "abc", 5 },                                   /* shorter than it says */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },        /* longer than memory */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* a number of too many bytes */
		{ "\x0b", 1 },                                             /* a group */
		{ "\x0e", 1 },                                             /* no such wire type */
		{ "\x19\x01", 2 },                                         /* eight bytes, of which one is there */
		{ "\x10\xff", 2 },                                         /* a number that does not end */
		{ "\xff", 1 },                                             /* a key that does not end */
	};
	const uint8_t *item;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t at = 0;

		assert_int_equal(items_next((const uint8_t *)bad[i].bytes, bad[i].n, 1, &at, &item, &n), -EBADMSG);
		assert_int_equal(at, bad[i].n);
		assert_int_equal(items_next((const uint8_t *)bad[i].bytes, bad[i].n, 1, &at, &item, &n), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_of_one_field_in_order),
		cmocka_unit_test(test_what_is_no_protobuf_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/records.h"

#define MAX 200

struct pet {
	unsigned age;
	char name[8];
};

static int kept_open(void **state)
{
	struct records *r = NULL;

	assert_ok(records_new(MAX, sizeof(struct pet), offsetof(struct pet, name), sizeof(((struct pet *)0)->name), &r));
	*state = r;
	return 0;
}

static int kept_close(void **state)
{
	struct records *r = *state;

	records_free(&r);
	assert_null(r);
	records_free(&r);
	return 0;
}

static struct pet *take(struct records *r, unsigned i)
{
	char name[8];

	(void)snprintf(name, sizeof(name), "p%u", i);
	return records_take(r, name);
}

static unsigned walk(const struct records *r)
{
	unsigned sum = 0;
	size_t cursor = 0;

	for (struct pet *p; (p = records_next(r, &cursor));)
		sum += p->age;
	return sum;
}

static void what_is_taken_is_found_with_its_key_and_zero(void **state)
{
	struct records *r = *state;

	assert_null(records_find(r, "cat"));
	struct pet *cat = records_take(r, "cat");
	assert_string_equal(cat->name, "cat");
	assert_int_equal(cat->age, 0);
	cat->age = 7;
	assert_ptr_equal(records_take(r, "cat"), cat);
	assert_ptr_equal(records_find(r, "cat"), cat);
	assert_int_equal(cat->age, 7);
	assert_int_equal(records_count(r), 1);
}

static void a_key_that_is_none_is_refused_and_counted(void **state)
{
	struct records *r = *state;

	assert_null(records_take(r, ""));
	assert_null(records_take(r, "eight888"));
	assert_non_null(records_take(r, "seven77"));
	assert_int_equal(records_refused(r), 2);
	assert_int_equal(records_count(r), 1);
}

static void records_outlive_growth_and_the_end_of_others(void **state)
{
	struct records *r = *state;

	for (unsigned i = 0; i < MAX; i++)
		take(r, i)->age = i;
	assert_int_equal(walk(r), MAX * (MAX - 1) / 2);
	records_remove(r, records_find(r, "p17"));
	records_remove(r, records_find(r, "p3"));
	assert_null(records_find(r, "p17"));
	assert_int_equal(walk(r), MAX * (MAX - 1) / 2 - 17 - 3);
	struct pet *again = take(r, 1017); /* in the place of one that went, with nothing of it */
	assert_int_equal(again->age, 0);
	assert_int_equal(((struct pet *)records_find(r, "p199"))->age, 199);
	assert_int_equal(records_count(r), MAX - 1);
}

static void one_too_many_is_refused_and_counted(void **state)
{
	struct records *r = *state;

	for (unsigned i = 0; i < MAX; i++)
		assert_non_null(take(r, i));
	assert_null(take(r, MAX));
	assert_int_equal(records_refused(r), 1);
	assert_non_null(take(r, 5)); /* known already */
	records_remove(r, records_find(r, "p0"));
	assert_non_null(take(r, MAX));
	assert_int_equal(records_count(r), MAX);
}

static void the_one_at_hand_may_be_removed_in_a_walk(void **state)
{
	struct records *r = *state;
	size_t cursor = 0;

	for (unsigned i = 0; i < 10; i++)
		take(r, i)->age = i;
	for (struct pet *p; (p = records_next(r, &cursor));)
		if (p->age % 2)
			records_remove(r, p);
	assert_int_equal(walk(r), 0 + 2 + 4 + 6 + 8);
	assert_int_equal(records_count(r), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_taken_is_found_with_its_key_and_zero, kept_open, kept_close),
		cmocka_unit_test_setup_teardown(a_key_that_is_none_is_refused_and_counted, kept_open, kept_close),
		cmocka_unit_test_setup_teardown(records_outlive_growth_and_the_end_of_others, kept_open, kept_close),
		cmocka_unit_test_setup_teardown(one_too_many_is_refused_and_counted, kept_open, kept_close),
		cmocka_unit_test_setup_teardown(the_one_at_hand_may_be_removed_in_a_walk, kept_open, kept_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

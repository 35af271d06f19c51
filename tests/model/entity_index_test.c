/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/entity_index.h"

static void a_key_is_found_by_its_kind(void **state)
{
	struct entity_index x;

	(void)state;
	assert_int_equal(entity_index_init(&x, 4), 0);
	entity_index_add(&x, ENTITY_CGROUP, "/a", 7);
	entity_index_add(&x, ENTITY_MOUNT, "/a", 8);
	assert_int_equal(entity_index_find(&x, ENTITY_CGROUP, "/a"), 7);
	assert_int_equal(entity_index_find(&x, ENTITY_MOUNT, "/a"), 8);
	assert_int_equal(entity_index_find(&x, ENTITY_MOUNT, "/b"), ENTITY_INDEX_NONE);
	entity_index_remove(&x, ENTITY_CGROUP, "/a");
	entity_index_remove(&x, ENTITY_CGROUP, "/never");
	assert_int_equal(entity_index_find(&x, ENTITY_CGROUP, "/a"), ENTITY_INDEX_NONE);
	assert_int_equal(entity_index_find(&x, ENTITY_MOUNT, "/a"), 8);
	entity_index_done(&x);
}

/* Removal moves entries: after every one all the others must still be found. */
static void churn_loses_nobody(void **state)
{
	static char keys[300][8];
	struct entity_index x;
	bool there[300] = {0};
	uint32_t seed = 3;

	(void)state;
	assert_int_equal(entity_index_init(&x, 300), 0);
	for (unsigned i = 0; i < 300; i++)
		snprintf(keys[i], sizeof(keys[i]), "%u", i);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned i;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % 300;
		if (there[i])
			entity_index_remove(&x, ENTITY_PROCESS, keys[i]);
		else
			entity_index_add(&x, ENTITY_PROCESS, keys[i], i);
		there[i] = !there[i];
		for (unsigned k = 0; k < 300; k++)
			assert_int_equal(entity_index_find(&x, ENTITY_PROCESS, keys[k]), there[k] ? k : ENTITY_INDEX_NONE);
	}
	entity_index_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_by_its_kind),
		cmocka_unit_test(churn_loses_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

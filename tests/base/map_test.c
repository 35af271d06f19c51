// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

/* A model that cannot be wrong: an array indexed by the key. */
#define KEYS 300
#define MAX  192 /* 3/4 of 256 slots: as full as a table gets */

static void u64_against_a_model(void **state)
{
	AUTO(u64map_free) struct u64map *m = NULL;
	bool present[KEYS] = { false };
	uint64_t values[KEYS], v, key;
	size_t count = 0, cursor, seen;

	(void)state;
	assert_ok(u64map_new(MAX, &m));
	srand(1);
	for (uint64_t i = 0; i < 200000; i++) {
		unsigned k = (unsigned)rand() % KEYS;
		uint64_t real = (uint64_t)k << 32; /* keys that differ in the high half only */

		if (rand() % 2) {
			int r = u64map_set(m, real, i);

			if (!present[k] && count == MAX) {
				assert_int_equal(r, -ENOSPC);
				continue;
			}
			assert_ok(r);
			count += !present[k];
			present[k] = true;
			values[k] = i;
		} else {
			assert_int_equal(u64map_remove(m, real), present[k]);
			count -= present[k];
			present[k] = false;
		}
		assert_int_equal(u64map_count(m), count);
		if (i % 500 != 0)
			continue;
		for (unsigned n = 0; n < KEYS; n++) {
			assert_int_equal(u64map_get(m, (uint64_t)n << 32, &v), present[n]);
			if (present[n])
				assert_int_equal(v, values[n]);
		}
		for (cursor = seen = 0; u64map_next(m, &cursor, &key, &v); seen++)
			assert_true(present[key >> 32] && values[key >> 32] == v);
		assert_int_equal(seen, count);
	}
}

static void u64_full_replaces_but_takes_nothing_new(void **state)
{
	AUTO(u64map_free) struct u64map *m = NULL;
	uint64_t v = 0;

	(void)state;
	assert_ok(u64map_new(2, &m));
	assert_ok(u64map_set(m, 0, 10));
	assert_ok(u64map_set(m, UINT64_MAX, 11));
	assert_err(u64map_set(m, 5, 12), ENOSPC);
	assert_int_equal(u64map_refused(m), 1);
	assert_ok(u64map_set(m, 0, 13));
	assert_true(u64map_get(m, 0, &v));
	assert_int_equal(v, 13);
	assert_true(u64map_get(m, UINT64_MAX, NULL));
	assert_false(u64map_get(m, 5, &v));
	assert_int_equal(v, 13);
	u64map_clear(m);
	assert_int_equal(u64map_count(m), 0);
	assert_false(u64map_get(m, 0, NULL));
	assert_ok(u64map_set(m, 5, 12));
}

static void a_map_of_none(void **state)
{
	struct u64map *m = NULL;
	struct strmap *s = NULL;
	size_t cursor = 0;

	(void)state;
	u64map_free(&m);
	strmap_free(&s);
	assert_ok(u64map_new(0, &m));
	assert_err(u64map_set(m, 1, 1), ENOSPC);
	assert_false(u64map_remove(m, 1));
	assert_false(u64map_next(m, &cursor, NULL, NULL));
	u64map_free(&m);
	assert_null(m);
	assert_err(u64map_new(SIZE_MAX, &m), ENOMEM);
	assert_err(strmap_new(SIZE_MAX, 8, &s), ENOMEM);
	assert_null(m);
}

static void str_against_a_model(void **state)
{
	AUTO(strmap_free) struct strmap *m = NULL;
	bool present[KEYS] = { false };
	uint32_t values[KEYS], v;
	size_t count = 0, cursor, seen;
	const char *key;
	char name[16];

	(void)state;
	assert_ok(strmap_new(MAX, 15, &m));
	srand(2);
	for (uint32_t i = 0; i < 100000; i++) {
		unsigned k = (unsigned)rand() % KEYS;

		(void)snprintf(name, sizeof(name), "k%u", k);
		if (rand() % 2) {
			int r = strmap_set(m, name, i);

			if (!present[k] && count == MAX) {
				assert_int_equal(r, -ENOSPC);
				continue;
			}
			assert_ok(r);
			count += !present[k];
			present[k] = true;
			values[k] = i;
		} else {
			assert_int_equal(strmap_remove(m, name), present[k]);
			count -= present[k];
			present[k] = false;
		}
		assert_int_equal(strmap_count(m), count);
		if (i % 500 != 0)
			continue;
		for (unsigned n = 0; n < KEYS; n++) {
			(void)snprintf(name, sizeof(name), "k%u", n);
			assert_int_equal(strmap_get(m, name, &v), present[n]);
			if (present[n])
				assert_int_equal(v, values[n]);
		}
		for (cursor = seen = 0; strmap_next(m, &cursor, &key, &v); seen++)
			assert_int_equal(values[atoi(key + 1)], v);
		assert_int_equal(seen, count);
	}
}

static void str_owns_its_keys_and_their_length(void **state)
{
	AUTO(strmap_free) struct strmap *m = NULL;
	char key[] = "abcd";
	uint32_t v = 0;

	(void)state;
	assert_ok(strmap_new(3, 4, &m));
	assert_ok(strmap_set(m, key, 1));
	key[0] = 'x';
	assert_true(strmap_get(m, "abcd", &v));
	assert_int_equal(v, 1);
	assert_false(strmap_get(m, key, NULL));
	assert_err(strmap_set(m, "abcde", 2), ENAMETOOLONG);
	assert_ok(strmap_set(m, "", 3));
	assert_true(strmap_get(m, "", &v));
	assert_int_equal(v, 3);
	assert_ok(strmap_set(m, "b", 4));
	assert_err(strmap_set(m, "c", 5), ENOSPC);
	assert_ok(strmap_set(m, "b", 6));
	assert_int_equal(strmap_refused(m), 2);
	strmap_clear(m);
	assert_int_equal(strmap_count(m), 0);
	assert_false(strmap_get(m, "", NULL));
	assert_ok(strmap_set(m, "c", 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_against_a_model),
		cmocka_unit_test(u64_full_replaces_but_takes_nothing_new),
		cmocka_unit_test(a_map_of_none),
		cmocka_unit_test(str_against_a_model),
		cmocka_unit_test(str_owns_its_keys_and_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

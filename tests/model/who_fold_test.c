/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/who.h"

static struct answer *answer;

static int setup(void **state UNUSED)
{
	return answer_new(QUERY_EXPLAIN, &answer);
}

static int teardown(void **state UNUSED)
{
	answer_free(&answer);
	return 0;
}

static void add(enum entity_kind kind, const char *id, const char *role, const char *rank, bool gone)
{
	struct finding_entity e = { .kind = kind, .id = id, .name = id };

	if (role)
		e.attrs[e.n_attrs++] = (struct finding_attr){ "role", role };
	if (rank)
		e.attrs[e.n_attrs++] = (struct finding_attr){ "rank", rank };
	who_member(answer, &e, "n", gone);
}

static const char *folded(size_t i, size_t max_parts, size_t *ret_told)
{
	static size_t list[ANSWER_MAX_WHO];
	static char line[512];
	size_t n = who_alike(answer, i, list);
	struct text t;

	text_init(&t, line, sizeof(line));
	*ret_told = who_add_names(&t, answer, list, n, max_parts);
	return line;
}

static void test_numbers_are_ranges(void **state UNUSED)
{
	char id[32];
	size_t told;

	for (unsigned i = 0; i < 12; i++) {
		(void)snprintf(id, sizeof(id), "j:1/%u", i);
		if (i != 3 && i != 9)
			add(ENTITY_RANK, id, NULL, NULL, false);
	}
	assert_string_equal(folded(0, 99, &told), "0-2, 4-8, 10, 11");
	assert_int_equal(told, 10);
	assert_string_equal(folded(0, 2, &told), "0-2, 4-8");
	assert_int_equal(told, 8);
	/* A number too large to be one is a name. */
	add(ENTITY_RANK, "j:1/99999999999999999999999", NULL, NULL, false);
	assert_non_null(strstr(folded(0, 99, &told), ", 99999999999999999999999"));
}

static void test_only_what_is_alike_is_folded(void **state UNUSED)
{
	size_t told;

	add(ENTITY_RANK, "s:1/exec-1", "executor", "exec-1", false);
	add(ENTITY_RANK, "s:1/exec-2", "executor", "exec-2", false);
	add(ENTITY_RANK, "s:1/driver", "driver", NULL, false);
	add(ENTITY_RANK, "s:1/exec-3", "executor", "exec-3", true);
	add(ENTITY_PROCESS, "7/7", NULL, NULL, false);
	assert_string_equal(folded(0, 99, &told), "exec-1, exec-2");
	assert_string_equal(folded(2, 99, &told), "driver");
	assert_string_equal(folded(3, 99, &told), "exec-3");
	assert_string_equal(who_role(&answer->who[0]), "executor");
	assert_string_equal(who_role(&answer->who[4]), "process");
	/* A member's own name may hold a slash. */
	answer->n_who = 0;
	add(ENTITY_RANK, "airflow:d/load/2", "task", "load/2", false);
	assert_string_equal(folded(0, 99, &told), "load/2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers_are_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_is_alike_is_folded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

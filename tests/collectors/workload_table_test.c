/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "collectors/workload_table.h"

static struct workload_table table;

static int open_table(void **state)
{
	(void)state;
	return workload_table_open(&table);
}

static int close_table(void **state)
{
	(void)state;
	workload_table_close(&table);
	workload_table_close(&table); /* twice is harmless */
	return 0;
}

static struct workload_member *add(uint32_t pid, uint64_t start, uint64_t whose, bool main)
{
	struct workload_member *m = workload_table_add(&table, pid, start, 1);

	assert_non_null(m);
	(void)workload_table_claim(&table, m, whose, main);
	return m;
}

static void pid_and_start_are_the_key(void **state)
{
	struct workload_member *first, *second;

	(void)state;
	first = add(7, 100, 1, true);
	second = add(7, 101, 2, true);
	assert_ptr_equal(workload_table_find(&table, 7, 100), first);
	assert_ptr_equal(workload_table_find(&table, 7, 101), second);
	assert_null(workload_table_find(&table, 7, 102));
	assert_null(workload_table_find(&table, 8, 100));
	assert_ptr_equal(workload_table_by_pid(&table, 7, 200), second);
	assert_null(workload_table_by_pid(&table, 7, 100)); /* younger than what it should be the parent of */
	workload_table_remove(&table, first); /* the older one does not take the newer one's pid with it */
	assert_ptr_equal(workload_table_by_pid(&table, 7, 200), second);
	assert_null(workload_table_find(&table, 7, 100));
}

static void a_rank_has_one_main_process_that_lives(void **state)
{
	struct workload_member *first, *second;

	(void)state;
	first = add(7, 100, 55, true);
	second = add(8, 100, 55, false);
	assert_ptr_equal(workload_table_main(&table, 55), first);
	workload_table_end(&table, second, 2);
	assert_ptr_equal(workload_table_main(&table, 55), first);
	assert_int_equal(table.n_main, 1);
	workload_table_end(&table, first, 3);
	workload_table_end(&table, first, 4);
	assert_null(workload_table_main(&table, 55));
	assert_int_equal(table.n_main, 0);
	assert_int_equal(first->since, 3);
	second = add(9, 200, 55, true);
	assert_ptr_equal(workload_table_main(&table, 55), second);
	workload_table_remove(&table, first); /* long after */
	assert_ptr_equal(workload_table_main(&table, 55), second);
	assert_true(workload_table_claim(&table, second, 66, true));
	assert_null(workload_table_main(&table, 55));
	assert_int_equal(table.n_main, 1);
}

static void main_processes_are_never_pushed_out(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WORKLOAD_MAX_MEMBERS; i++)
		(void)add(1000 + i, i, i + 1, true);
	struct workload_member *more = workload_table_add(&table, 1, 1, 1);
	assert_false(workload_table_claim(&table, more, 99999, true));
	assert_int_equal(table.refused, 1);
	assert_null(workload_table_main(&table, 99999));
	/* Others come and go in what is left. */
	for (uint32_t i = 0; i < 3 * WORKLOAD_SLOTS; i++)
		(void)add(100000 + i, i, 77777, false);
	for (uint32_t i = 0; i < WORKLOAD_MAX_MEMBERS; i++)
		assert_non_null(workload_table_find(&table, 1000 + i, i));
	assert_non_null(workload_table_find(&table, 100000 + 3 * WORKLOAD_SLOTS - 1, 3 * WORKLOAD_SLOTS - 1));
	assert_null(workload_table_find(&table, 100000, 0));
	assert_true(table.n_used <= WORKLOAD_SLOTS);
	size_t cursor = 0, n = 0;
	while (workload_table_next(&table, &cursor))
		n++;
	assert_int_equal(n, table.n_used);
}

static void variables_are_kept_as_they_were(void **state)
{
	static struct env_values env, back;
	struct workload_member *m = add(7, 100, 1, true);

	(void)state;
	assert_false(workload_table_env(m, &back));
	assert_false(workload_table_keep_env(&table, m, &env, IDENTITY_PROC)); /* there is nothing to keep */
	env_values_set(&env, ENV_RANK, "3", 1);
	env_values_set(&env, ENV_MASTER_ADDR, "", 0);
	env_values_set(&env, ENV_TORCHELASTIC_RUN_ID, "a \xc3\xa4", 4);
	env.cut[ENV_RANK] = true;
	assert_true(workload_table_keep_env(&table, m, &env, IDENTITY_EXEC));
	assert_int_equal(m->env_source, IDENTITY_EXEC);
	assert_true(workload_table_env(m, &back));
	assert_memory_equal(&env, &back, sizeof(env));
	assert_true(workload_table_has_env(m, &env));
	env_values_set(&env, ENV_WORLD_SIZE, "4", 1);
	assert_false(workload_table_has_env(m, &env));
	assert_true(table.env_bytes > 0);
	workload_table_end(&table, m, 2);
	assert_int_equal(table.env_bytes, 0); /* what has ended is judged no more */
}

static void kept_variables_have_a_bound(void **state)
{
	static struct env_values env;
	char value[ENV_VALUE_MAX];
	size_t kept = 0;

	(void)state;
	memset(value, 'v', sizeof(value));
	for (unsigned k = 0; k < ENV_KEY_MAX; k++)
		env_values_set(&env, (enum env_key)k, value, sizeof(value) - 1);
	for (uint32_t i = 0; i < 4000; i++)
		kept += workload_table_keep_env(&table, add(10 + i, i, i + 1, true), &env, IDENTITY_EXEC);
	assert_true(kept > 100 && kept < 4000);
	assert_true(table.env_bytes <= WORKLOAD_MAX_ENV_BYTES);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, open_table, close_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(pid_and_start_are_the_key),
		WITH_TABLE(a_rank_has_one_main_process_that_lives),
		WITH_TABLE(main_processes_are_never_pushed_out),
		WITH_TABLE(variables_are_kept_as_they_were),
		WITH_TABLE(kept_variables_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

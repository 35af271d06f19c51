// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/facts.h"
#include "identity/label_key.h"
#include "tests/identity/facts.h"
#include "tests/test.h"

#define BYTES(f, literal) ((f).argv = literal, (f).argv_len = sizeof(literal) - 1)

static void numbers_are_digits_alone(void **state)
{
	(void)state;
	static const char *const bad[] = { "",        " 1",  "1 ",  "+1",         "-1",
					   "0x1",     "1.0", "1e1", "1000000000", "99999999999999999999",
					   "\xd9\xa1" };
	uint32_t n = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(facts_number(bad[i], &n));
	assert_false(facts_number(NULL, &n));
	assert_int_equal(n, 7);
	assert_true(facts_number("0", &n));
	assert_int_equal(n, 0);
	assert_true(facts_number("007", &n));
	assert_int_equal(n, 7);
	assert_true(facts_number("999999999", &n));
	assert_int_equal(n, 999999999);
}

static void a_value_that_is_empty_or_cut_is_none(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RANK=\0WORLD_SIZE=4");
	assert_null(facts_env(&k.facts, ENV_RANK));
	assert_string_equal(facts_env(&k.facts, ENV_WORLD_SIZE), "4");
	k.env.cut[ENV_WORLD_SIZE] = true;
	assert_null(facts_env(&k.facts, ENV_WORLD_SIZE));
	k.facts.env = NULL;
	assert_null(facts_env(&k.facts, ENV_RANK));
}

static void a_label_as_long_as_a_cut_one_is_none(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char value[LABEL_VALUE_MAX];
	const char *labels[] = { "dag_id", value, "run_id", "", NULL };

	memset(value, 'x', sizeof(value));
	value[LABEL_VALUE_MAX - 2] = '\0';
	k.labels = labels;
	assert_non_null(facts_label(&k.facts, "dag_id"));
	value[LABEL_VALUE_MAX - 2] = 'x';
	value[LABEL_VALUE_MAX - 1] = '\0';
	assert_null(facts_label(&k.facts, "dag_id"));
	assert_null(facts_label(&k.facts, "run_id"));
	k.facts.label = NULL;
	assert_null(facts_label(&k.facts, "dag_id"));
}

static void arguments_by_their_place(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	size_t n;

	BYTES(k.facts, "a\0\0bc");
	assert_memory_equal(facts_argument(&k.facts, 0, &n), "a", 1);
	assert_int_equal(n, 1);
	assert_non_null(facts_argument(&k.facts, 1, &n));
	assert_int_equal(n, 0);
	assert_memory_equal(facts_argument(&k.facts, 2, &n), "bc", 2);
	assert_int_equal(n, 2);
	assert_null(facts_argument(&k.facts, 3, &n));
	k.facts.argv = NULL;
	assert_null(facts_argument(&k.facts, 0, &n));
}

static void flags_with_and_without_equals(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char v[8];

	BYTES(k.facts, "p\0--app-id\0"
		       "a1\0--executor_id=7\0--empty=\0--long=12345678\0--app\0x\0--last");
	assert_true(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	assert_string_equal(v, "a1");
	assert_true(facts_flag(&k.facts, "executor-id", v, sizeof(v)));
	assert_string_equal(v, "7");
	assert_true(facts_flag(&k.facts, "app", v, sizeof(v)));
	assert_string_equal(v, "x");
	assert_false(facts_flag(&k.facts, "empty", v, sizeof(v)));
	assert_false(facts_flag(&k.facts, "long", v, sizeof(v)));
	assert_false(facts_flag(&k.facts, "last", v, sizeof(v)));
	assert_false(facts_flag(&k.facts, "absent", v, sizeof(v)));
	assert_string_equal(v, "x");
}

static void the_last_value_may_have_been_cut_by_the_buffer(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char v[8];

	BYTES(k.facts, "p\0--app-id\0"
		       "a1");
	assert_false(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	BYTES(k.facts, "p\0--app-id\0"
		       "a1\0");
	assert_true(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	BYTES(k.facts, "p\0--app-id\0");
	assert_false(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	BYTES(k.facts, "p\0--app-id");
	assert_false(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	BYTES(k.facts, "p\0--app-id=a1");
	assert_false(facts_flag(&k.facts, "app-id", v, sizeof(v)));
}

static void hostile_values_are_escaped(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char v[32];

	BYTES(k.facts, "p\0--app-id\0\033[31m\xff\0");
	assert_true(facts_flag(&k.facts, "app-id", v, sizeof(v)));
	assert_string_equal(v, "\\x1B[31m\\xFF");
}

static void programs_by_name(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const struct {
		const char *command, *program;
	} cases[] = {
		{ "/usr/bin/python3.11 -u train.py x", "train.py" },
		{ "python -m torch.distributed.run train.py", "torch.distributed.run" },
		{ "python3 -W ignore -X dev -u /opt/bin/torchrun t.py", "torchrun" },
		{ "python3 -c code", "python3" },
		{ "python3", "python3" },
		{ "/usr/bin/torchrun t.py", "torchrun" },
		{ "-bash", "bash" },
		{ "/bin/sh -c x", "sh" },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		known_argv(&k, cases[i].command);
		assert_true(facts_program(&k.facts, name, sizeof(name)));
		assert_string_equal(name, cases[i].program);
	}
	k.facts.argv = NULL;
	assert_false(facts_program(&k.facts, name, sizeof(name)));
	BYTES(k.facts, "");
	assert_false(facts_program(&k.facts, name, sizeof(name)));
	BYTES(k.facts, "\0\0");
	assert_false(facts_program(&k.facts, name, sizeof(name)));
}

static void wrappers_start_what_is_meant(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "/usr/bin/tini -s -- python train.py");
	assert_true(facts_is_wrapper(&k.facts));
	known_argv(&k, "python train.py");
	assert_false(facts_is_wrapper(&k.facts));
	k.facts.argv = NULL;
	assert_false(facts_is_wrapper(&k.facts));
}

static void a_place_is_a_container_or_the_node(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char place[96];

	facts_place(&k.facts, place, sizeof(place));
	assert_string_equal(place, "n1");
	known_cgroup(&k, CGROUP_HOLDER_CONTAINER, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	facts_place(&k.facts, place, sizeof(place));
	assert_string_equal(place, "0123456789ab");
	known_cgroup(&k, CGROUP_HOLDER_YARN, "container_e17_1700000000000_0001_01_000002");
	facts_place(&k.facts, place, sizeof(place));
	assert_string_equal(place, "container_e17_1700000000000_0001_01_000002");
	k.facts.cgroup = NULL;
	k.facts.node = NULL;
	facts_place(&k.facts, place, sizeof(place));
	assert_string_equal(place, "");
}

static void a_kubernetes_name_needs_its_name(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	struct membership m = { .job = "" };

	k.facts.pod_namespace = "ml";
	assert_false(facts_job_of_kubernetes(&k.facts, NULL, &m));
	assert_string_equal(m.job, "");
	assert_true(facts_job_of_kubernetes(&k.facts, "a/b", &m));
	assert_string_equal(m.job, "ml/a%2Fb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_alone),
		cmocka_unit_test(a_value_that_is_empty_or_cut_is_none),
		cmocka_unit_test(a_label_as_long_as_a_cut_one_is_none),
		cmocka_unit_test(arguments_by_their_place),
		cmocka_unit_test(flags_with_and_without_equals),
		cmocka_unit_test(the_last_value_may_have_been_cut_by_the_buffer),
		cmocka_unit_test(hostile_values_are_escaped),
		cmocka_unit_test(programs_by_name),
		cmocka_unit_test(wrappers_start_what_is_meant),
		cmocka_unit_test(a_place_is_a_container_or_the_node),
		cmocka_unit_test(a_kubernetes_name_needs_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

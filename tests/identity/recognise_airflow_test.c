// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const annotated[] = {
	/* annotations come before labels of the same key */
	"dag_id",
	"etl",
	"task_id",
	"transform",
	"run_id",
	"scheduled__2026-01-01T00:00:00+00:00",
	"try_number",
	"2",
	"map_index",
	"3",
	"airflow_version",
	"2.10.5",
	"kubernetes_executor",
	"True",
	NULL,
};
static const char *const pod_operator[] = {
	/* labels alone, made safe */
	"dag_id",     "etl", "task_id",         "transform", "run_id", "scheduled__2026-01-01T0000000000-da4d1ce7b",
	"try_number", "1",   "airflow_version", "2.10.5",    NULL,
};
#define RUN "etl/scheduled__2026-01-01T00:00:00+00:00"
#define CHILD                                                                               \
	"AIRFLOW_CTX_DAG_OWNER=me\0AIRFLOW_CTX_DAG_ID=etl\0AIRFLOW_CTX_TASK_ID=transform\0" \
	"AIRFLOW_CTX_EXECUTION_DATE=2026-01-01T00:00:00+00:00\0AIRFLOW_CTX_TRY_NUMBER=1\0"  \
	"AIRFLOW_CTX_DAG_RUN_ID=scheduled__2026-01-01T00:00:00+00:00"

static void what_a_task_starts(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, CHILD);
	known_argv(&k, "/usr/bin/bash -c ./transform.sh");
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform");
	assert_string_equal(k.is[0].role, "task");
	assert_attr(&k, "attempt", "1");
}

static void a_pod_of_the_kubernetes_executor(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, annotated);
	k.facts.pod_namespace = "air";
	assert_is(&k, "airflow:" RUN "@air", "airflow:" RUN "@air/transform[3]");
	assert_attr(&k, "attempt", "2");
	KNOWN_ENV(&k, CHILD "\0AIRFLOW_IS_K8S_EXECUTOR_POD=True");
	assert_is(&k, "airflow:" RUN "@air", "airflow:" RUN "@air/transform[3]");
	assert_string_equal(k.is[0].conflict, "");
}

static void labels_made_safe_do_not_disagree(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, pod_operator);
	assert_is(&k, "airflow:etl/scheduled__2026-01-01T0000000000-da4d1ce7b",
		  "airflow:etl/scheduled__2026-01-01T0000000000-da4d1ce7b/transform");
	KNOWN_ENV(&k, CHILD);
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform");
	assert_string_equal(k.is[0].conflict, "");
}

static void other_labels_do(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const other[] = {
		"dag_id",          "etl",    "task_id", "load", "run_id", "scheduled__2026-01-01T00:00:00+00:00",
		"airflow_version", "2.10.5", NULL
	};

	known_labels(&k, other);
	KNOWN_ENV(&k, CHILD);
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform");
	assert_string_equal(k.is[0].conflict, "task: AIRFLOW_CTX_TASK_ID says transform, task_id says load");
}

static void the_title_of_airflow_2(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	k.facts.argv = "airflow task runner: etl transform scheduled__2026-01-01T00:00:00+00:00 17";
	k.facts.argv_len = strlen(k.facts.argv) + 1;
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform");
	assert_int_equal(k.is[0].source, IDENTITY_PROC);
	KNOWN_ENV(&k, CHILD);
	k.facts.argv = "airflow task runner: etl load scheduled__2026-01-01T00:00:00+00:00 17";
	k.facts.argv_len = strlen(k.facts.argv);
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform");
	assert_string_equal(k.is[0].conflict, "task: AIRFLOW_CTX_TASK_ID says transform, arguments says load");
}

static void the_arguments_of_airflow_2(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "/usr/bin/python3 /usr/local/bin/airflow tasks run etl transform "
		       "scheduled__2026-01-01T00:00:00+00:00 --local --subdir "
		       "DAGS_FOLDER/etl.py --map-index 4");
	assert_is(&k, "airflow:" RUN, "airflow:" RUN "/transform[4]");
	known_argv(&k, "airflow tasks run etl");
	assert_int_equal(known_recognise(&k), 0);
	known_argv(&k, "airflow scheduler");
	assert_int_equal(known_recognise(&k), 0);
}

static void the_title_of_airflow_3(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	k.facts.argv = "airflow worker -- 4d828a62-a417-4936-a7a6-2b3fabacecab";
	k.facts.argv_len = strlen(k.facts.argv);
	assert_is(&k, "airflow:4d828a62-a417-4936-a7a6-2b3fabacecab", NULL);
	k.facts.argv = "airflow worker -- LocalExecutor: 4d828a62-a417-4936-a7a6-2b3fabacecab";
	k.facts.argv_len = strlen(k.facts.argv);
	assert_is(&k, "airflow:4d828a62-a417-4936-a7a6-2b3fabacecab", NULL);
	k.facts.argv = "airflow worker -- LocalExecutor";
	k.facts.argv_len = strlen(k.facts.argv);
	assert_int_equal(known_recognise(&k), 0);
}

static void names_with_separators_stay_apart(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AIRFLOW_CTX_DAG_ID=a/b\0AIRFLOW_CTX_TASK_ID=t/u\0AIRFLOW_CTX_DAG_RUN_ID=c");
	assert_is(&k, "airflow:a%2Fb/c", "airflow:a%2Fb/c/t%2Fu");
	known_reset(&k);
	KNOWN_ENV(&k, "AIRFLOW_CTX_DAG_ID=a\0AIRFLOW_CTX_TASK_ID=u\0AIRFLOW_CTX_DAG_RUN_ID=b/c");
	assert_is(&k, "airflow:a/b%2Fc", "airflow:a/b%2Fc/u");
}

static void labels_of_others_with_such_keys_mean_nothing(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "dag_id", "etl", "task_id", "t", "run_id", "r", NULL };

	known_labels(&k, labels);
	assert_int_equal(known_recognise(&k), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_task_starts),
		cmocka_unit_test(a_pod_of_the_kubernetes_executor),
		cmocka_unit_test(labels_made_safe_do_not_disagree),
		cmocka_unit_test(other_labels_do),
		cmocka_unit_test(the_title_of_airflow_2),
		cmocka_unit_test(the_arguments_of_airflow_2),
		cmocka_unit_test(the_title_of_airflow_3),
		cmocka_unit_test(names_with_separators_stay_apart),
		cmocka_unit_test(labels_of_others_with_such_keys_mean_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_run(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "MLFLOW_RUN_ID=0123abcd\0MLFLOW_EXPERIMENT_NAME=llama\0MLFLOW_EXPERIMENT_ID=7\0MLFLOW_TRACKING_"
		      "URI=https://u:p@h\0"
		      "MLFLOW_TRACKING_TOKEN=secret");
	assert_is(&k, "mlflow:0123abcd", NULL);
	assert_job_attr(&k, "experiment", "llama");
	assert_job_attr(&k, "experiment_id", "7");
}

static void an_experiment_is_no_run(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "MLFLOW_EXPERIMENT_NAME=llama");
	assert_int_equal(known_recognise(&k), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run),
		cmocka_unit_test(an_experiment_is_no_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

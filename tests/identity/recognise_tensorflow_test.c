// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_worker_of_a_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "TF_CONFIG={\"cluster\": {\"chief\": [\"h0:2222\"], \"ps\": [\"h1:2222\", \"h2:2222\"], "
		      "\"worker\": [\"h3:2222\", "
		      "\"h4:2222\", \"h5:2222\"]}, \"task\": {\"type\": \"worker\", \"index\": 1}, \"rpc_layer\": "
		      "\"grpc\"}");
	assert_is(&k, "tensorflow:h0:2222", "tensorflow:h0:2222/worker-1");
	assert_string_equal(k.is[0].role, "worker");
	assert_job_attr(&k, "world_size", "6");
}

static void every_task_names_the_same_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "TF_CONFIG={\"task\": {\"type\": \"chief\", \"index\": 0}, \"cluster\": {\"worker\": "
		      "[\"h3:2222\"], \"chief\": "
		      "[\"h0:2222\"]}}");
	assert_is(&k, "tensorflow:h0:2222", "tensorflow:h0:2222/chief-0");
}

static void a_local_cluster_is_told_by_place(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "TF_CONFIG={\"cluster\": {\"worker\": [\"localhost:12345\", \"localhost:23456\"]}, \"task\": "
		      "{\"type\": \"worker\", "
		      "\"index\": 0}}");
	assert_is(&k, "tensorflow:localhost:12345@n1", "tensorflow:localhost:12345@n1/worker-0");
}

static void what_is_no_such_text_is_nothing(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const envs[] = { "TF_CONFIG=", "TF_CONFIG=x", "TF_CONFIG={}", "TF_CONFIG=[]",
					    "TF_CONFIG={\"task\":{}}" };

	for (size_t i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
		known_reset(&k);
		known_env(&k, envs[i], strlen(envs[i]));
		assert_int_equal(known_recognise(&k), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_of_a_cluster),
		cmocka_unit_test(every_task_names_the_same_cluster),
		cmocka_unit_test(a_local_cluster_is_told_by_place),
		cmocka_unit_test(what_is_no_such_text_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const worker0[] = {
	"training.kubeflow.org/job-name",
	"llama",
	"training.kubeflow.org/operator-name",
	"pytorchjob-controller",
	"training.kubeflow.org/replica-index",
	"0",
	"training.kubeflow.org/replica-type",
	"worker",
	NULL,
};

static void the_labels_of_a_pod_name_the_job_and_no_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker0);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "pytorchjob:ml/llama", NULL);
	assert_string_equal(k.is[0].role, "worker");
	assert_int_equal(k.is[0].source, IDENTITY_CRI);
	assert_attr(&k, "replica", "worker-0");
	assert_job_attr(&k, "namespace", "ml");
}

static void rank_is_what_the_operator_set(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker0);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "RANK=1\0WORLD_SIZE=2\0MASTER_ADDR=llama-master-0\0MASTER_PORT=23456\0PYTHONUNBUFFERED=1");
	known_argv(&k, "python /opt/train.py");
	assert_is(&k, "pytorchjob:ml/llama", "pytorchjob:ml/llama/1");
	assert_string_equal(k.is[0].role, "rank");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
	assert_attr(&k, "replica", "worker-0");
	assert_job_attr(&k, "world_size", "2");
}

static void torchrun_inside_numbers_the_ranks(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker0);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "RANK=9\0LOCAL_RANK=1\0WORLD_SIZE=16\0MASTER_ADDR=llama-worker-0\0MASTER_PORT="
		      "23456\0TORCHELASTIC_RUN_ID=llama\0"
		      "TORCHELASTIC_RESTART_COUNT=0\0PET_NNODES=2");
	assert_is(&k, "pytorchjob:ml/llama", "pytorchjob:ml/llama/9");
	assert_int_equal(k.n, 1);
	assert_job_attr(&k, "torchrun_run", "llama@ml");
	assert_job_attr(&k, "world_size", "16");
}

static void the_agent_in_a_pod_is_no_rank_though_the_operator_set_one(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker0);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "RANK=1\0WORLD_SIZE=2\0MASTER_ADDR=llama-master-0\0MASTER_PORT=23456");
	known_argv(&k, "/usr/bin/python3 /usr/local/bin/torchrun --nnodes 2 train.py");
	assert_is(&k, "pytorchjob:ml/llama", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	known_argv(&k, "bash -c torchrun");
	assert_is(&k, "pytorchjob:ml/llama", NULL);
}

static void queues_are_attributes(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const queued[] = {
		"training.kubeflow.org/job-name",
		"llama",
		"training.kubeflow.org/operator-name",
		"pytorchjob-controller",
		"kueue.x-k8s.io/queue-name",
		"team-a",
		"kueue.x-k8s.io/workload",
		"pytorchjob-llama-1a2b3",
		NULL,
	};

	known_labels(&k, queued);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "pytorchjob:ml/llama", NULL);
	assert_job_attr(&k, "queue", "team-a");
	assert_job_attr(&k, "kueue_workload", "ml/pytorchjob-llama-1a2b3");
	assert_int_equal(k.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_labels_of_a_pod_name_the_job_and_no_rank),
		cmocka_unit_test(rank_is_what_the_operator_set),
		cmocka_unit_test(torchrun_inside_numbers_the_ranks),
		cmocka_unit_test(the_agent_in_a_pod_is_no_rank_though_the_operator_set_one),
		cmocka_unit_test(queues_are_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

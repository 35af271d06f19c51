// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const worker2[] = {
	"volcano.sh/job-name",
	"sim",
	"volcano.sh/task-spec",
	"worker",
	"volcano.sh/task-index",
	"2",
	"volcano.sh/queue-name",
	"gold",
	"scheduling.k8s.io/group-name",
	"sim-7c1e",
	NULL,
};

static void a_task_of_a_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker2);
	k.facts.pod_namespace = "hpc";
	assert_is(&k, "volcano:hpc/sim", "volcano:hpc/sim/worker-2");
	assert_job_attr(&k, "queue", "gold");
}

static void the_index_may_be_a_variable(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const old[] = { "volcano.sh/job-name", "sim", "volcano.sh/task-spec", "ps", NULL };

	known_labels(&k, old);
	k.facts.pod_namespace = "hpc";
	KNOWN_ENV(&k, "VC_TASK_INDEX=1\0VK_TASK_INDEX=1");
	assert_is(&k, "volcano:hpc/sim", "volcano:hpc/sim/ps-1");
}

static void a_group_of_another_operator_is_only_said(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const pytorch[] = { "training.kubeflow.org/job-name",
					       "llama",
					       "training.kubeflow.org/operator-name",
					       "pytorchjob-controller",
					       "scheduling.k8s.io/group-name",
					       "llama-gang",
					       NULL };

	known_labels(&k, pytorch);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "pytorchjob:ml/llama", NULL);
	assert_job_attr(&k, "volcano_job", "ml/llama-gang");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_of_a_job),
		cmocka_unit_test(the_index_may_be_a_variable),
		cmocka_unit_test(a_group_of_another_operator_is_only_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

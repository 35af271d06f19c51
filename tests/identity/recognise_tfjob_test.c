// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const ps0[] = {
	"training.kubeflow.org/job-name",
	"mnist",
	"training.kubeflow.org/operator-name",
	"tfjob-controller",
	"training.kubeflow.org/replica-index",
	"0",
	"training.kubeflow.org/replica-type",
	"ps",
	NULL,
};

static void a_task_of_tf_config(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, ps0);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "TF_CONFIG={\"cluster\":{\"ps\":[\"mnist-ps-0.ml.svc:2222\"],\"worker\":[\"mnist-worker-0.ml.svc:"
		      "2222\","
		      "\"mnist-worker-1.ml.svc:2222\"]},\"task\":{\"type\":\"ps\",\"index\":0},\"environment\":"
		      "\"cloud\"}");
	assert_is(&k, "tfjob:ml/mnist", "tfjob:ml/mnist/ps-0");
	assert_string_equal(k.is[0].role, "ps");
	assert_job_attr(&k, "world_size", "3");
}

static void labels_alone_name_the_task(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, ps0);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "tfjob:ml/mnist", "tfjob:ml/mnist/ps-0");
	assert_attr(&k, "replica", "ps-0");
	/* The kernel half carries the beginning of a long text. */
	KNOWN_ENV(&k, "TF_CONFIG={\"cluster\":{\"chief\":[\"mnist-chief-0.ml.svc:2222\"],\"ps\":[\"mnist-p");
	k.env.cut[ENV_TF_CONFIG] = true;
	assert_is(&k, "tfjob:ml/mnist", "tfjob:ml/mnist/ps-0");
	known_argv(&k, "bash -c train");
	assert_is(&k, "tfjob:ml/mnist", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_of_tf_config),
		cmocka_unit_test(labels_alone_name_the_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

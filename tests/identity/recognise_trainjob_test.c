// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const node1[] = {
	"jobset.sigs.k8s.io/jobset-name",
	"bert",
	"jobset.sigs.k8s.io/replicatedjob-name",
	"node",
	"jobset.sigs.k8s.io/job-index",
	"0",
	"jobset.sigs.k8s.io/restart-attempt",
	"2",
	"batch.kubernetes.io/job-name",
	"bert-node-0",
	"batch.kubernetes.io/job-completion-index",
	"1",
	"trainer.kubeflow.org/trainjob-ancestor-step",
	"trainer",
	NULL,
};
static const char *const dataset[] = {
	"jobset.sigs.k8s.io/jobset-name", "bert", "jobset.sigs.k8s.io/replicatedjob-name", "dataset-initializer", NULL,
};

static void a_rank_of_torchrun_in_a_node(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, node1);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "PET_NNODES=2\0PET_NPROC_PER_NODE=4\0PET_NODE_RANK=1\0PET_MASTER_ADDR=bert-node-0-0.bert\0PET_"
		      "MASTER_PORT=29500\0"
		      "JOB_COMPLETION_INDEX=1\0RANK=6\0LOCAL_RANK=2\0WORLD_SIZE=8\0MASTER_ADDR=bert-node-0-0."
		      "bert\0MASTER_PORT=29500\0"
		      "TORCHELASTIC_RUN_ID=none\0GROUP_RANK=1");
	assert_is(&k, "trainjob:ml/bert", "trainjob:ml/bert/6");
	assert_int_equal(k.n, 1);
	assert_attr(&k, "node_rank", "1");
	assert_attr(&k, "attempt", "2");
	assert_job_attr(&k, "nodes", "2");
	assert_job_attr(&k, "world_size", "8");
}

static void the_agent_of_a_node(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, node1);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "PET_NNODES=2\0PET_NODE_RANK=1\0PET_MASTER_ADDR=bert-node-0-0.bert\0PET_MASTER_PORT=29500");
	known_argv(&k, "/usr/bin/python3 /usr/local/bin/torchrun /opt/train.py");
	assert_is(&k, "trainjob:ml/bert", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	assert_attr(&k, "node_rank", "1");
}

static void an_initializer_is_a_member(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, dataset);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "trainjob:ml/bert", "trainjob:ml/bert/dataset-initializer");
	assert_string_equal(k.is[0].role, "initializer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rank_of_torchrun_in_a_node),
		cmocka_unit_test(the_agent_of_a_node),
		cmocka_unit_test(an_initializer_is_a_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

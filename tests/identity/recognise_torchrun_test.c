// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

/* What torch/distributed/elastic/agent/server/local_elastic_agent.py gives to a worker. */
#define WORKER                                                                                                        \
	"PATH=/usr/"                                                                                                  \
	"bin\0RANK=5\0LOCAL_RANK=1\0GROUP_RANK=1\0ROLE_RANK=5\0ROLE_NAME=default\0LOCAL_WORLD_SIZE=4\0WORLD_SIZE=8\0" \
	"GROUP_WORLD_SIZE=2\0ROLE_WORLD_SIZE=8\0TORCHELASTIC_RESTART_COUNT=2\0TORCHELASTIC_MAX_RESTARTS=3\0"          \
	"TORCHELASTIC_USE_AGENT_STORE=True\0TORCH_NCCL_ASYNC_ERROR_HANDLING=1\0"
#define CONTAINER "3f4e5d6c7b8a9f0e3f4e5d6c7b8a9f0e3f4e5d6c7b8a9f0e3f4e5d6c7b8a9f0e"

static void a_worker_is_a_rank_of_its_rendezvous(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=node-1\0MASTER_PORT=40123\0TORCHELASTIC_RUN_ID=llama-7b\0CUDA_VISIBLE_"
			     "DEVICES=2,3");
	assert_is(&k, "torchrun:llama-7b", "torchrun:llama-7b/5");
	assert_string_equal(k.is[0].role, "rank");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
	assert_attr(&k, "local_rank", "1");
	assert_attr(&k, "restart", "2");
	assert_attr(&k, "node_rank", "1");
	assert_attr(&k, "devices", "2,3");
	assert_job_attr(&k, "world_size", "8");
	assert_job_attr(&k, "max_restarts", "3");
	assert_string_equal(k.is[0].conflict, "");
}

static void with_virtual_local_rank_the_rank_still_counts(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RANK=7\0LOCAL_RANK=0\0WORLD_SIZE=8\0TORCHELASTIC_RUN_ID=x\0CUDA_VISIBLE_DEVICES=7");
	assert_is(&k, "torchrun:x", "torchrun:x/7");
	assert_attr(&k, "devices", "7");
}

static void after_a_restart_master_may_be_another_and_the_job_the_same(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=node-2\0MASTER_PORT=51234\0TORCHELASTIC_RUN_ID=llama-7b");
	assert_is(&k, "torchrun:llama-7b", "torchrun:llama-7b/5");
}

static void run_id_none_is_named_by_its_master(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=node-1\0MASTER_PORT=29500\0TORCHELASTIC_RUN_ID=none");
	assert_is(&k, "torchrun:node-1:29500", "torchrun:node-1:29500/5");
}

static void the_default_address_of_everybody_is_told_apart_by_place(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=127.0.0.1\0MASTER_PORT=29500\0TORCHELASTIC_RUN_ID=none");
	assert_is(&k, "torchrun:127.0.0.1:29500@n1", "torchrun:127.0.0.1:29500@n1/5");
	k.facts.node = "n2";
	assert_is(&k, "torchrun:127.0.0.1:29500@n2", "torchrun:127.0.0.1:29500@n2/5");
	known_cgroup(&k, CGROUP_HOLDER_CONTAINER, CONTAINER);
	assert_is(&k, "torchrun:127.0.0.1:29500@3f4e5d6c7b8a", "torchrun:127.0.0.1:29500@3f4e5d6c7b8a/5");
}

static void names_resolved_in_a_namespace_are_named_with_it(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=train-0.train\0MASTER_PORT=29500\0TORCHELASTIC_RUN_ID=none");
	k.facts.pod_namespace = "ml";
	assert_is(&k, "torchrun:train-0.train:29500@ml", "torchrun:train-0.train:29500@ml/5");
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "TORCHELASTIC_RUN_ID=100");
	k.facts.pod_namespace = "ml";
	assert_is(&k, "torchrun:100@ml", "torchrun:100@ml/5");
}

static void standalone_has_a_name_of_its_own(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=localhost\0MASTER_PORT=0\0TORCHELASTIC_RUN_ID=7f9c24e8-3b1d-4a57-9f01-"
			     "aa12bb34cc56");
	k.facts.pod_namespace = "ml";
	assert_is(&k, "torchrun:7f9c24e8-3b1d-4a57-9f01-aa12bb34cc56",
		  "torchrun:7f9c24e8-3b1d-4a57-9f01-aa12bb34cc56/5");
}

static void a_launch_by_hand_is_a_rank_too(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RANK=3\0WORLD_SIZE=4\0MASTER_ADDR=10.0.0.1\0MASTER_PORT=1234");
	known_argv(&k, "/usr/bin/python3 -u train.py --epochs 3");
	assert_is(&k, "torchrun:10.0.0.1:1234", "torchrun:10.0.0.1:1234/3");
	assert_attr(&k, "restart", NULL);
}

static void the_agent_is_its_jobs_launcher(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "HOME=/root");
	known_argv(&k, "/opt/venv/bin/python3 -u /opt/venv/bin/torchrun --nnodes=2 --rdzv_id=llama-7b --rdzv-endpoint "
		       "node-1:29400 train.py");
	assert_is(&k, "torchrun:llama-7b", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	assert_int_equal(k.is[0].source, IDENTITY_PROC);
	known_argv(&k, "python3 -m torch.distributed.run --nnodes 2 --master_addr node-1 --master_port=1234 train.py");
	assert_is(&k, "torchrun:node-1:1234", NULL);
	known_argv(&k, "torchrun --nproc-per-node 4 train.py");
	assert_is(&k, "torchrun:127.0.0.1:29500@n1", NULL);
}

static void the_agent_is_told_by_variables_too(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "PET_NNODES=2\0PET_NODE_RANK=1\0PET_MASTER_ADDR=job-node-0-0.job\0PET_MASTER_PORT=29500");
	known_argv(&k, "/usr/bin/python3 /usr/local/bin/torchrun train.py");
	assert_is(&k, "torchrun:job-node-0-0.job:29500", NULL);
	assert_attr(&k, "node_rank", "1");
}

static void an_agent_that_makes_up_its_name_has_none_yet(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "HOME=/root");
	known_argv(&k, "torchrun --standalone --nproc-per-node 4 train.py");
	assert_int_equal(known_recognise(&k), 0);
}

static void a_worker_that_calls_itself_torchrun_stays_a_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "TORCHELASTIC_RUN_ID=x");
	known_argv(&k, "torchrun");
	assert_is(&k, "torchrun:x", "torchrun:x/5");
}

static void a_shell_with_the_variables_of_a_rank_starts_it(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RANK=3\0WORLD_SIZE=4\0MASTER_ADDR=10.0.0.1\0MASTER_PORT=1234");
	known_argv(&k, "/bin/bash run.sh");
	assert_is(&k, "torchrun:10.0.0.1:1234", NULL);
	assert_string_equal(k.is[0].role, "launcher");
}

static void what_is_no_rank_is_refused(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const envs[] = {
		"RANK=-1", "RANK=", "RANK=three", "RANK=1e3", "RANK=0x1", "RANK=4294967296", "RANK= 1", "RANK=8",
	};

	for (size_t i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
		known_reset(&k);
		known_env(&k, envs[i], strlen(envs[i]));
		KNOWN_ENV(&k, "WORLD_SIZE=8\0MASTER_ADDR=a\0MASTER_PORT=1");
		assert_int_equal(known_recognise(&k), 0);
	}
	known_reset(&k);
	KNOWN_ENV(&k, "RANK=3"); /* somebody else's word */
	assert_int_equal(known_recognise(&k), 0);
	KNOWN_ENV(&k, "WORLD_SIZE=4"); /* no name to go by */
	assert_int_equal(known_recognise(&k), 0);
}

static void a_run_id_that_was_cut_names_nothing(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	char entry[300] = "TORCHELASTIC_RUN_ID=";

	memset(entry + strlen(entry), 'x', 200);
	known_env(&k, entry, strlen(entry));
	KNOWN_ENV(&k, "RANK=0\0WORLD_SIZE=1");
	assert_int_equal(known_recognise(&k), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_a_rank_of_its_rendezvous),
		cmocka_unit_test(with_virtual_local_rank_the_rank_still_counts),
		cmocka_unit_test(after_a_restart_master_may_be_another_and_the_job_the_same),
		cmocka_unit_test(run_id_none_is_named_by_its_master),
		cmocka_unit_test(the_default_address_of_everybody_is_told_apart_by_place),
		cmocka_unit_test(names_resolved_in_a_namespace_are_named_with_it),
		cmocka_unit_test(standalone_has_a_name_of_its_own),
		cmocka_unit_test(a_launch_by_hand_is_a_rank_too),
		cmocka_unit_test(the_agent_is_its_jobs_launcher),
		cmocka_unit_test(the_agent_is_told_by_variables_too),
		cmocka_unit_test(an_agent_that_makes_up_its_name_has_none_yet),
		cmocka_unit_test(a_worker_that_calls_itself_torchrun_stays_a_rank),
		cmocka_unit_test(a_shell_with_the_variables_of_a_rank_starts_it),
		cmocka_unit_test(what_is_no_rank_is_refused),
		cmocka_unit_test(a_run_id_that_was_cut_names_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

/* What torch/distributed/elastic/agent/server/local_elastic_agent.py gives to a worker. */
#define WORKER                                                                                                         \
	"PATH=/usr/bin\0RANK=5\0LOCAL_RANK=1\0GROUP_RANK=1\0ROLE_RANK=5\0ROLE_NAME=default\0LOCAL_WORLD_SIZE=4\0WORLD_SIZE=8\0"  \
	"GROUP_WORLD_SIZE=2\0ROLE_WORLD_SIZE=8\0TORCHELASTIC_RESTART_COUNT=2\0TORCHELASTIC_MAX_RESTARTS=3\0"              \
	"TORCHELASTIC_USE_AGENT_STORE=True\0TORCH_NCCL_ASYNC_ERROR_HANDLING=1\0"

static void a_worker_is_a_rank_of_its_rendezvous(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, WORKER "MASTER_ADDR=node-1\0MASTER_PORT=40123\0TORCHELASTIC_RUN_ID=llama-7b");
	assert_is(&k, "torchrun:llama-7b", "torchrun:llama-7b/5");
	assert_string_equal(k.is[0].role, "rank");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
	assert_attr(&k, "local_rank", "1");
	assert_attr(&k, "restart", "2");
	assert_attr(&k, "node_rank", "1");
	assert_job_attr(&k, "world_size", "8");
	assert_string_equal(k.is[0].conflict, "");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_a_rank_of_its_rendezvous),
		cmocka_unit_test(after_a_restart_master_may_be_another_and_the_job_the_same),
		cmocka_unit_test(run_id_none_is_named_by_its_master),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

#define TASK                                                                                                       \
	"SLURM_JOB_ID=4711\0SLURM_JOB_NAME=llama\0SLURM_JOB_PARTITION=gpu\0SLURM_CLUSTER_NAME=c1\0SLURM_STEP_NUM_" \
	"TASKS=8\0"                                                                                                \
	"SLURM_LOCALID=2\0SLURM_NODEID=1\0SLURM_STEP_GPUS=0,1\0SLURM_JOB_NODELIST=n[1-2]\0"

static void slurm_cgroup(struct known *k, const char *job, const char *step, const char *task)
{
	known_cgroup(k, CGROUP_HOLDER_SLURM, "");
	strncpy(k->cgroup.slurm_job, job, sizeof(k->cgroup.slurm_job) - 1);
	strncpy(k->cgroup.slurm_step, step, sizeof(k->cgroup.slurm_step) - 1);
	strncpy(k->cgroup.slurm_task, task, sizeof(k->cgroup.slurm_task) - 1);
}

static void a_task_of_step_0_is_its_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=6");
	slurm_cgroup(&k, "4711", "0", "2");
	assert_is(&k, "slurm:4711", "slurm:4711/6");
	assert_string_equal(k.is[0].role, "rank");
	assert_string_equal(k.is[0].job_name, "llama");
	assert_string_equal(k.is[0].conflict, "");
	assert_attr(&k, "local_rank", "2");
	assert_attr(&k, "node_rank", "1");
	assert_attr(&k, "devices", "0,1");
	assert_job_attr(&k, "queue", "gpu");
	assert_job_attr(&k, "cluster", "c1");
	assert_job_attr(&k, "world_size", "8");
}

/* Of srun of Slurm 22.05.8 with an array job, as it was seen; the path is that of its memory controller (v1). */
static void a_real_task_of_an_array(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "SLURMD_NODENAME=vm\0SLURM_ARRAY_JOB_ID=2\0SLURM_ARRAY_TASK_COUNT=2\0SLURM_ARRAY_TASK_ID=1\0"
		      "SLURM_CLUSTER_NAME=whytest\0SLURM_DISTRIBUTION=block\0SLURM_GTIDS=0,1\0SLURM_JOBID=3\0SLURM_JOB_"
		      "ID=3\0"
		      "SLURM_JOB_NAME=batchy\0SLURM_JOB_NODELIST=vm\0SLURM_JOB_PARTITION=debug\0SLURM_LOCALID=1\0SLURM_"
		      "NODEID=0\0"
		      "SLURM_NPROCS=2\0SLURM_NTASKS=2\0SLURM_PROCID=1\0SLURM_STEPID=0\0SLURM_STEP_ID=0\0SLURM_STEP_NUM_"
		      "TASKS=2\0"
		      "SLURM_TASK_PID=18045\0SLURM_WORKING_CLUSTER=whytest:127.0.0.1:26817:9728:109\0");
	assert_true(cgroup_form_parse("/slurm_vm/uid_0/job_3/step_0/task_1", &k.cgroup));
	k.facts.cgroup = &k.cgroup;
	assert_is(&k, "slurm:3", "slurm:3/1");
	assert_string_equal(k.is[0].job_name, "batchy");
	assert_string_equal(k.is[0].conflict, "");
	assert_job_attr(&k, "array_job", "2");
	assert_job_attr(&k, "world_size", "2");
}

static void another_step_stands_before_its_ranks(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=3\0SLURM_PROCID=6");
	assert_is(&k, "slurm:4711", "slurm:4711/3.6");
}

static void the_batch_script_is_no_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_PROCID=0");
	slurm_cgroup(&k, "4711", "batch", "0");
	known_argv(&k, "/bin/bash /var/spool/slurmd/job04711/slurm_script");
	assert_is(&k, "slurm:4711", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	known_argv(&k, "python3 prepare.py");
	assert_is(&k, "slurm:4711", NULL);
	assert_attr(&k, "step", "batch");
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=4294967291\0SLURM_PROCID=0");
	slurm_cgroup(&k, "4711", "batch", "0");
	assert_is(&k, "slurm:4711", NULL);
	assert_string_equal(k.is[0].conflict, "");
}

static void the_cgroup_alone_names_the_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	slurm_cgroup(&k, "4711", "0", "2");
	assert_is(&k, "slurm:4711", NULL);
	assert_int_equal(k.is[0].source, IDENTITY_CGROUP);
}

static void array_tasks_are_jobs_of_one_array(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_ARRAY_JOB_ID=4700\0SLURM_ARRAY_TASK_ID=11\0SLURM_RESTART_COUNT=1\0SLURM_STEP_ID="
			   "0\0SLURM_PROCID=0");
	assert_is(&k, "slurm:4711", "slurm:4711/0");
	assert_job_attr(&k, "array_job", "4700");
	assert_job_attr(&k, "array_task", "11");
	assert_job_attr(&k, "restart", "1");
}

static void torchrun_under_srun_numbers_by_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=1\0RANK=13\0LOCAL_RANK=5\0WORLD_SIZE=16\0TORCHELASTIC_RUN_ID="
			   "4711\0"
			   "MASTER_ADDR=n1\0MASTER_PORT=29500\0PMI_RANK=1\0PMI_SIZE=2");
	assert_is(&k, "slurm:4711", "slurm:4711/13");
	assert_int_equal(k.n, 1);
	assert_attr(&k, "local_rank", "5");
	assert_attr(&k, "task", "1");
	assert_job_attr(&k, "world_size", "16");
	assert_string_equal(k.is[0].conflict, "");
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=2\0SLURM_PROCID=1\0RANK=13\0WORLD_SIZE=16\0TORCHELASTIC_RUN_ID=4711");
	assert_is(&k, "slurm:4711", "slurm:4711/2.13");
}

static void its_agent_and_its_shell_are_no_ranks(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=1\0PMI_RANK=1\0PMI_SIZE=2");
	known_argv(&k, "/usr/bin/python3 /usr/bin/torchrun --nnodes 2 train.py");
	assert_is(&k, "slurm:4711", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	known_argv(&k, "bash -c train");
	assert_is(&k, "slurm:4711", NULL);
	known_argv(&k, "srun python3 train.py");
	assert_is(&k, "slurm:4711", NULL);
}

static void torchrun_in_the_batch_script_numbers_by_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_PROCID=0\0RANK=3\0WORLD_SIZE=4\0TORCHELASTIC_RUN_ID=none\0MASTER_ADDR=127.0.0."
			   "1\0MASTER_PORT=29500");
	slurm_cgroup(&k, "4711", "batch", "");
	assert_is(&k, "slurm:4711", "slurm:4711/3");
}

static void ranks_set_by_hand_that_differ_from_slurms_are_said(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=2\0RANK=3\0WORLD_SIZE=8\0MASTER_ADDR=n1\0MASTER_PORT=1");
	assert_is(&k, "slurm:4711", "slurm:4711/3");
	assert_string_equal(k.is[0].conflict, "rank: torchrun says 3, slurm says 2");
}

static void the_cgroups_task_may_disagree(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=6");
	slurm_cgroup(&k, "4711", "0", "6"); /* by number in the step */
	assert_is(&k, "slurm:4711", "slurm:4711/6");
	assert_string_equal(k.is[0].conflict, "");
	slurm_cgroup(&k, "4711", "0", "5");
	assert_is(&k, "slurm:4711", "slurm:4711/6");
	assert_string_equal(k.is[0].conflict, "rank: SLURM_PROCID says 6, cgroup says task 5");
}

static void the_environment_at_exec_outweighs_the_cgroup_and_that_proc(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_STEP_ID=0\0SLURM_PROCID=6");
	slurm_cgroup(&k, "4712", "0", "");
	assert_is(&k, "slurm:4711", "slurm:4711/6");
	assert_string_equal(k.is[0].conflict, "job: SLURM_JOB_ID says 4711, cgroup says 4712");
	k.facts.env_source = IDENTITY_PROC;
	assert_is(&k, "slurm:4712", "slurm:4712/6");
}

static void the_new_name_of_a_job_in_a_path_is_no_conflict(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, TASK "SLURM_JOB_SLUID=s7N3X4Q2\0SLURM_STEP_ID=0\0SLURM_PROCID=6");
	slurm_cgroup(&k, "s7N3X4Q2", "0", "");
	assert_is(&k, "slurm:4711", "slurm:4711/6");
	assert_string_equal(k.is[0].conflict, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_of_step_0_is_its_rank),
		cmocka_unit_test(a_real_task_of_an_array),
		cmocka_unit_test(another_step_stands_before_its_ranks),
		cmocka_unit_test(the_batch_script_is_no_rank),
		cmocka_unit_test(the_cgroup_alone_names_the_job),
		cmocka_unit_test(array_tasks_are_jobs_of_one_array),
		cmocka_unit_test(torchrun_under_srun_numbers_by_rank),
		cmocka_unit_test(its_agent_and_its_shell_are_no_ranks),
		cmocka_unit_test(torchrun_in_the_batch_script_numbers_by_rank),
		cmocka_unit_test(ranks_set_by_hand_that_differ_from_slurms_are_said),
		cmocka_unit_test(the_cgroups_task_may_disagree),
		cmocka_unit_test(the_environment_at_exec_outweighs_the_cgroup_and_that_proc),
		cmocka_unit_test(the_new_name_of_a_job_in_a_path_is_no_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

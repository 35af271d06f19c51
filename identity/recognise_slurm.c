// SPDX-License-Identifier: Apache-2.0
/* Slurm. A job's steps number their tasks anew: step 0 is meant when none is named, another stands before the rank
 * ("1.3"). The batch script and what it starts without srun are of the job, and no rank. */
#include <string.h>

#include "identity/recogniser.h"
#include "identity/statement.h"

/* Slurm's numbers of the steps that have names. */
static const char *step_name(const char *step)
{
	static const char *const names[][2] = { { "4294967291", "batch" },
						{ "4294967292", "extern" },
						{ "4294967290", "interactive" } };

	for (size_t i = 0; step && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(step, names[i][0]) == 0)
			return names[i][1];
	return step;
}

static const char *settle_job(const struct identity_facts *f, const struct cgroup_form *cgroup, struct membership *m)
{
	struct statement said[2] = { statement_env(f, ENV_SLURM_JOB_ID) };
	const char *sluid = facts_env(f, ENV_SLURM_JOB_SLUID);

	/* Since 26.05 a path may have the other name of the same job. */
	if (cgroup && !(sluid && strcmp(sluid, cgroup->slurm_job) == 0))
		said[1] = (struct statement){ cgroup->slurm_job[0] ? cgroup->slurm_job : NULL, IDENTITY_CGROUP,
					      "cgroup" };
	return statement_settle(m, "job", said, 2);
}

static const char *settle_step(const struct identity_facts *f, const struct cgroup_form *cgroup, struct membership *m)
{
	struct statement said[2] = { statement_env(f, ENV_SLURM_STEP_ID) };

	said[0].value = step_name(said[0].value);
	if (cgroup)
		said[1] = (struct statement){ cgroup->slurm_step[0] ? step_name(cgroup->slurm_step) : NULL,
					      IDENTITY_CGROUP, "cgroup" };
	return statement_settle(m, "step", said, 2);
}

/* The task's folder is named by its number on the node or in the step, by version. */
static void check_task(const struct identity_facts *f, const struct cgroup_form *cgroup, uint32_t rank,
		       struct membership *m)
{
	uint32_t task, local;

	if (cgroup && facts_number(cgroup->slurm_task, &task) && task != rank &&
	    facts_env_number(f, ENV_SLURM_LOCALID, &local) && task != local)
		membership_conflict(m, "rank: SLURM_PROCID says %u, cgroup says task %u", rank, task);
}

static void set_rank(const struct identity_facts *f, const struct cgroup_form *cgroup, const char *step,
		     struct membership *m)
{
	static const char *const launchers[] = { "srun", "mpirun", "mpiexec", "ssh", NULL };
	uint32_t step_number, rank;

	m->role = "launcher";
	if (!step || !facts_number(step, &step_number) || !facts_env_number(f, ENV_SLURM_PROCID, &rank) ||
	    facts_is_wrapper(f) || facts_program_is(f, launchers))
		return;
	m->role = "rank";
	if (step_number == 0)
		(void)membership_memberf(m, "%u", rank);
	else
		(void)membership_memberf(m, "%u.%u", step_number, rank);
	check_task(f, cgroup, rank, m);
	membership_attr(m, "local_rank", facts_env(f, ENV_SLURM_LOCALID));
}

static bool recognise_slurm(const struct identity_facts *f, struct membership *m)
{
	const struct cgroup_form *cgroup = f->cgroup && f->cgroup->holder == CGROUP_HOLDER_SLURM ? f->cgroup : NULL;
	const char *job = settle_job(f, cgroup, m), *step;

	if (!job || !membership_job_part(m, '\0', job))
		return false;
	step = settle_step(f, cgroup, m);
	set_rank(f, cgroup, step, m);
	membership_attr(m, "step", step);
	membership_attr(m, "node_rank", facts_env(f, ENV_SLURM_NODEID));
	membership_attr(m, "devices", facts_env(f, ENV_SLURM_STEP_GPUS));
	membership_name(m, facts_env(f, ENV_SLURM_JOB_NAME));
	membership_job_attr(m, "world_size", facts_env(f, ENV_SLURM_STEP_NUM_TASKS));
	membership_job_attr(m, "queue", facts_env(f, ENV_SLURM_JOB_PARTITION));
	membership_job_attr(m, "cluster", facts_env(f, ENV_SLURM_CLUSTER_NAME));
	membership_job_attr(m, "array_job", facts_env(f, ENV_SLURM_ARRAY_JOB_ID));
	membership_job_attr(m, "array_task", facts_env(f, ENV_SLURM_ARRAY_TASK_ID));
	membership_job_attr(m, "restart", facts_env(f, ENV_SLURM_RESTART_COUNT));
	return true;
}

const struct recogniser recogniser_slurm = {
	.name = "slurm",
	.system = "Slurm",
	.what = "job: id; member: RANK of the program, else SLURM_PROCID, with its step unless that is 0; launcher: "
		"batch script",
	.from = "SLURM_*; path of the cgroup (v1, v2)",
	.tested = "real program: Slurm 22.05 with cgroup v1, tests/real/slurm; exact text (cgroup v2, 26.05)",
	.layer = RECOGNISER_JOB,
	.as_attr = "slurm_job",
	.recognise = recognise_slurm,
};

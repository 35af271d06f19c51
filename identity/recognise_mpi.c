// SPDX-License-Identifier: Apache-2.0
/* Open MPI, MPICH, Intel MPI. Who started them names the run only where PMIx does: else the ranks count inside a JOB
 * alone. */
#include <string.h>

#include "identity/recogniser.h"

/* srun gives PMI and PMIx variables to plain programs as well; it numbers them as Slurm's recogniser does. */
static bool find_rank(const struct identity_facts *f, uint32_t *ret_rank, const char **ret_size, struct membership *m)
{
	uint32_t other;

	*ret_size = facts_env(f, ENV_OMPI_COMM_WORLD_SIZE);
	if (facts_env_number(f, ENV_OMPI_COMM_WORLD_RANK, ret_rank)) {
		if (facts_env_number(f, ENV_PMIX_RANK, &other) && other != *ret_rank)
			membership_conflict(m, "rank: OMPI_COMM_WORLD_RANK says %u, PMIX_RANK says %u", *ret_rank,
					    other);
		return true;
	}
	*ret_size = facts_env(f, ENV_PMI_SIZE);
	return facts_env_number(f, ENV_PMI_RANK, ret_rank) || facts_env_number(f, ENV_PMIX_RANK, ret_rank);
}

static bool recognise_mpi(const struct identity_facts *f, struct membership *m)
{
	static const char *const launchers[] = {
		"mpirun", "mpirun.openmpi", "mpirun.real", "mpiexec", "mpiexec.openmpi", "mpiexec.hydra",
		"orterun", "orted", "prte", "prted", "prterun", "hydra_pmi_proxy", "hydra_bstrap_proxy",
		"horovodrun", "srun", NULL,
	};
	const char *local = facts_env(f, ENV_OMPI_COMM_WORLD_LOCAL_RANK), *size,
		   *run = facts_env(f, ENV_PMIX_NAMESPACE);
	uint32_t rank, world;

	m->source = f->env_source;
	if (facts_program_is(f, launchers)) {
		m->source = IDENTITY_PROC;
		m->role = "launcher";
		return true;
	}
	if (!find_rank(f, &rank, &size, m) || (facts_number(size, &world) && rank >= world))
		return false;
	if (facts_is_wrapper(f)) {
		m->role = "launcher";
	} else {
		m->role = "rank";
		(void)membership_memberf(m, "%u", rank);
		membership_attr(m, "local_rank", local ? local : facts_env(f, ENV_MPI_LOCALRANKID));
		membership_attr(m, "devices", facts_env(f, ENV_CUDA_VISIBLE_DEVICES));
	}
	membership_job_attr(m, "world_size", size);
	if (run)
		(void)membership_job_part(m, '\0', run);
	return true;
}

const struct recogniser recogniser_mpi = {
	.name = "mpi",
	.system = "Open MPI, MPICH, Intel MPI",
	.what = "job: PMIx namespace; member: rank; launcher: mpirun, orted, prted, hydra",
	.from = "OMPI_COMM_WORLD_*, PMIX_*, PMI_*; arguments",
	.tested = "exact text",
	.layer = RECOGNISER_RANKS,
	.as_attr = "mpi_run",
	.recognise = recognise_mpi,
};

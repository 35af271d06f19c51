// SPDX-License-Identifier: Apache-2.0
#include "identity/kubeflow.h"
#include "identity/recogniser.h"

static bool recognise_mpijob(const struct identity_facts *f, struct membership *m)
{
	return kubeflow_job(f, "mpi", m);
}

const struct recogniser recogniser_mpijob = {
	.name = "mpijob",
	.system = "Kubeflow MPIJob",
	.what = "job: namespace/name; member: rank of Open MPI, MPICH or Intel MPI; launcher; replica",
	.from = "labels training.kubeflow.org/job-name, operator-name, replica-type, replica-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "mpijob",
	.recognise = recognise_mpijob,
};

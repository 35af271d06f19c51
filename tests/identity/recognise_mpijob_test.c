// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const worker1[] = {
	"training.kubeflow.org/job-name",
	"hpl",
	"training.kubeflow.org/operator-name",
	"mpi-operator",
	"training.kubeflow.org/replica-index",
	"1",
	"training.kubeflow.org/job-role",
	"worker",
	NULL,
};
static const char *const launcher[] = {
	"training.kubeflow.org/job-name",
	"hpl",
	"training.kubeflow.org/operator-name",
	"mpijob-controller",
	"training.kubeflow.org/job-role",
	"launcher",
	"training.kubeflow.org/replica-type",
	"launcher",
	NULL,
};

static void a_rank_by_open_mpi(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker1);
	k.facts.pod_namespace = "hpc";
	KNOWN_ENV(&k, "OMPI_COMM_WORLD_RANK=12\0OMPI_COMM_WORLD_LOCAL_RANK=4\0OMPI_COMM_WORLD_SIZE=16\0PMIX_RANK="
		      "12\0PMIX_NAMESPACE=2374762497");
	assert_is(&k, "mpijob:hpc/hpl", "mpijob:hpc/hpl/12");
	assert_attr(&k, "local_rank", "4");
	assert_job_attr(&k, "world_size", "16");
	assert_job_attr(&k, "mpi_run", "2374762497");
}

static void the_launcher_pod_has_no_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, launcher);
	k.facts.pod_namespace = "hpc";
	assert_is(&k, "mpijob:hpc/hpl", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	KNOWN_ENV(&k, "OMPI_MCA_orte_default_hostfile=/etc/mpi/hostfile");
	known_argv(&k, "mpirun -n 16 /opt/hpl");
	assert_is(&k, "mpijob:hpc/hpl", NULL);
}

static void sshd_and_orted_of_a_worker_are_of_the_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, worker1);
	k.facts.pod_namespace = "hpc";
	known_argv(&k, "/usr/sbin/sshd -De");
	assert_is(&k, "mpijob:hpc/hpl", NULL);
	assert_string_equal(k.is[0].role, "worker");
	known_argv(&k, "orted -mca ess env");
	assert_is(&k, "mpijob:hpc/hpl", NULL);
	assert_string_equal(k.is[0].role, "launcher");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rank_by_open_mpi),
		cmocka_unit_test(the_launcher_pod_has_no_rank),
		cmocka_unit_test(sshd_and_orted_of_a_worker_are_of_the_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

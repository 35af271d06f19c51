// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_member_is_told_by_job_and_index(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = {
		"jobset.sigs.k8s.io/jobset-name",
		"sim",
		"jobset.sigs.k8s.io/replicatedjob-name",
		"workers",
		"jobset.sigs.k8s.io/job-index",
		"1",
		"batch.kubernetes.io/job-completion-index",
		"3",
		"batch.kubernetes.io/job-name",
		"sim-workers-1",
		"jobset.sigs.k8s.io/restart-attempt",
		"0",
		NULL,
	};

	known_labels(&k, labels);
	k.facts.pod_namespace = "hpc";
	assert_is(&k, "jobset:hpc/sim", "jobset:hpc/sim/workers-1-3");
	assert_int_equal(k.n, 1);
	assert_attr(&k, "attempt", "0");
	KNOWN_ENV(&k, "RANK=7\0WORLD_SIZE=8\0MASTER_ADDR=sim-workers-0-0\0MASTER_PORT=1");
	assert_is(&k, "jobset:hpc/sim", "jobset:hpc/sim/7");
	assert_attr(&k, "worker", "workers-1-3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_is_told_by_job_and_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

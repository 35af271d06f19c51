// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void open_mpi(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "OMPI_COMM_WORLD_RANK=3\0OMPI_COMM_WORLD_LOCAL_RANK=1\0OMPI_COMM_WORLD_SIZE=4\0PMIX_RANK=3\0"
		      "PMIX_NAMESPACE=prterun-node1-4242@1");
	assert_is(&k, "mpi:prterun-node1-4242%401", "mpi:prterun-node1-4242%401/3");
	assert_attr(&k, "local_rank", "1");
	assert_job_attr(&k, "world_size", "4");
}

static void ranks_without_a_name_of_the_run_count_only_within_a_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "PMI_RANK=2\0PMI_SIZE=4\0MPI_LOCALRANKID=0");
	assert_int_equal(known_recognise(&k), 0);
	KNOWN_ENV(&k, "AZUREML_RUN_ID=train-1");
	assert_is(&k, "azureml:train-1", "azureml:train-1/2");
	assert_attr(&k, "local_rank", "0");
}

static void who_disagrees_is_said(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "OMPI_COMM_WORLD_RANK=3\0OMPI_COMM_WORLD_SIZE=4\0PMIX_RANK=2\0PMIX_NAMESPACE=x");
	assert_is(&k, "mpi:x", "mpi:x/3");
	assert_string_equal(k.is[0].conflict, "rank: OMPI_COMM_WORLD_RANK says 3, PMIX_RANK says 2");
}

static void a_rank_above_the_size_is_none(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "OMPI_COMM_WORLD_RANK=4\0OMPI_COMM_WORLD_SIZE=4\0PMIX_NAMESPACE=x");
	assert_int_equal(known_recognise(&k), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_mpi),
		cmocka_unit_test(ranks_without_a_name_of_the_run_count_only_within_a_job),
		cmocka_unit_test(who_disagrees_is_said),
		cmocka_unit_test(a_rank_above_the_size_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

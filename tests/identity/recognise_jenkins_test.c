// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_build(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "BUILD_TAG=jenkins-team-train-12\0JOB_NAME=team/"
		      "train\0BUILD_NUMBER=12\0BUILD_ID=12\0NODE_NAME=built-in\0EXECUTOR_NUMBER=0\0"
		      "BUILD_URL=https://u:p@jenkins/job/team/job/train/12/");
	assert_is(&k, "jenkins:team/train#12", NULL);
	assert_string_equal(k.is[0].role, "build");
	assert_attr(&k, "node", "built-in");
}

static void words_that_others_use_are_not_enough(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "JOB_NAME=x\0BUILD_NUMBER=3\0BUILD_TAG=release-3");
	assert_int_equal(known_recognise(&k), 0);
	known_reset(&k);
	KNOWN_ENV(&k, "JOB_NAME=x\0BUILD_NUMBER=latest\0BUILD_TAG=jenkins-x-3");
	assert_int_equal(known_recognise(&k), 0);
}

static void a_build_that_trains(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "BUILD_TAG=jenkins-x-3\0JOB_NAME=x\0BUILD_NUMBER=3\0RANK=0\0WORLD_SIZE=2\0TORCHELASTIC_RUN_ID=r");
	assert_is(&k, "torchrun:r", "torchrun:r/0");
	assert_job_attr(&k, "jenkins_build", "x#3");
	assert_int_equal(k.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_build),
		cmocka_unit_test(words_that_others_use_are_not_enough),
		cmocka_unit_test(a_build_that_trains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

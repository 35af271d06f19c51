// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static const char *const executor[] = {
	"spark-app-selector",
	"spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726",
	"spark-app-name",
	"daily-report",
	"spark-exec-id",
	"7",
	"spark-role",
	"executor",
	"spark-exec-resourceprofile-id",
	"0",
	"spark-exec-inactive",
	"false",
	"spark-version",
	"3.5.1",
	NULL,
};
static const char *const driver[] = {
	"spark-app-selector",
	"spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726",
	"spark-app-name",
	"daily-report",
	"spark-role",
	"driver",
	"sparkoperator.k8s.io/app-name",
	"report",
	NULL,
};
#define APP "spark:spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726"

static void an_executor_on_kubernetes_by_its_variables(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "SPARK_APPLICATION_ID=spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726\0SPARK_EXECUTOR_ID=7\0SPARK_"
		      "EXECUTOR_POD_NAME=r-exec-7\0"
		      "SPARK_RESOURCE_PROFILE_ID=0\0SPARK_DRIVER_URL=spark://CoarseGrainedScheduler@r:7078");
	assert_is(&k, APP, APP "/exec-7");
	assert_string_equal(k.is[0].role, "executor");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
	assert_attr(&k, "resource_profile", "0");
}

static void and_by_its_labels(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	k.facts.pod_namespace = "spark";
	k.labels = executor; /* more than the list has: the others stay unasked */
	assert_is(&k, APP, APP "/exec-7");
	assert_string_equal(k.is[0].job_name, "daily-report");
	assert_job_attr(&k, "namespace", "spark");
}

static void and_by_its_arguments(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "/opt/java/bin/java -Dspark.driver.port=7078 -Xmx1g -cp /opt/spark/jars/* "
		       "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend --driver-url "
		       "spark://CoarseGrainedScheduler@r:7078 "
		       "--executor-id 7 --cores 2 --app-id spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726 --hostname 10.1.2.3 "
		       "--resourceProfileId 0 "
		       "--podName r-exec-7");
	assert_is(&k, APP, APP "/exec-7");
	assert_int_equal(k.is[0].source, IDENTITY_PROC);
}

static void sources_that_disagree_are_said(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	k.labels = executor;
	KNOWN_ENV(&k, "SPARK_APPLICATION_ID=spark-6f1b3e2d4c5a4b0e9d8c7b6a59483726\0SPARK_EXECUTOR_ID=8");
	assert_is(&k, APP, APP "/exec-8");
	assert_string_equal(k.is[0].conflict, "executor: SPARK_EXECUTOR_ID says 8, spark-exec-id says 7");
	k.facts.env_source = IDENTITY_PROC; /* which the process may have written itself */
	assert_is(&k, APP, APP "/exec-7");
}

static void the_driver(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, driver);
	assert_is(&k, APP, APP "/driver");
	assert_string_equal(k.is[0].role, "driver");
	assert_string_equal(k.is[0].job_name, "report");
}

static void an_executor_on_yarn(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "CONTAINER_ID=container_e17_1700000000000_0042_02_000003\0NM_HOST=n1");
	known_argv(&k, "/usr/lib/jvm/java/bin/java -server -Xmx4096m "
		       "org.apache.spark.executor.YarnCoarseGrainedExecutorBackend --driver-url "
		       "spark://CoarseGrainedScheduler@n0:4040 --executor-id 2 --hostname n1 --cores 4 --app-id "
		       "application_1700000000000_0042");
	assert_is(&k, "spark:application_1700000000000_0042", "spark:application_1700000000000_0042/exec-2");
	assert_job_attr(&k, "attempt", "2");
	assert_attr(&k, "container", "container_e17_1700000000000_0042_02_000003");
	assert_string_equal(k.is[0].conflict, "");
}

static void the_master_on_yarn_is_named_by_its_container(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_cgroup(&k, CGROUP_HOLDER_YARN, "container_1700000000000_0042_01_000001");
	known_argv(&k, "java org.apache.spark.deploy.yarn.ApplicationMaster --class Report --jar r.jar");
	assert_is(&k, "spark:application_1700000000000_0042", "spark:application_1700000000000_0042/driver");
	known_argv(&k, "java org.apache.spark.deploy.yarn.ExecutorLauncher --arg n0:4040");
	assert_is(&k, "spark:application_1700000000000_0042", NULL);
	assert_string_equal(k.is[0].role, "launcher");
	known_argv(&k, "java org.apache.hadoop.mapred.YarnChild"); /* not Spark's */
	assert_int_equal(known_recognise(&k), 0);
}

static void an_executor_of_a_standalone_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "/usr/lib/jvm/java-17-openjdk-amd64/bin/java -cp /opt/spark/conf/:/opt/spark/jars/* -Xmx1024M "
		       "org.apache.spark.executor.CoarseGrainedExecutorBackend --driver-url "
		       "spark://CoarseGrainedScheduler@h:40000 --executor-id 1 "
		       "--hostname 127.0.0.1 --cores 1 --app-id app-20261121110101-0000 --resourceProfileId 0 "
		       "--worker-url spark://Worker@127.0.0.1:1");
	assert_is(&k, "spark:app-20261121110101-0000", "spark:app-20261121110101-0000/exec-1");
}

static void ranks_around_an_executor_are_not_its_own(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "java org.apache.spark.executor.CoarseGrainedExecutorBackend --executor-id 1 --app-id "
		       "app-20261121110101-0000");
	KNOWN_ENV(&k, "SLURM_JOB_ID=5\0SLURM_STEP_ID=0\0SLURM_PROCID=3\0PMI_RANK=3\0PMI_SIZE=4");
	assert_is(&k, "spark:app-20261121110101-0000", "spark:app-20261121110101-0000/exec-1");
	assert_job_attr(&k, "slurm_job", "5/3");
}

static void arguments_of_others_and_odd_containers_name_nothing(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const containers[] = {
		"container_",     "container_e",       "container_e17_",   "container_1_2",
		"container_1_2_", "container_x_1_1_1", "container_1__1_1", "container_1_2_99999999999999999999_1",
	};

	known_argv(&k, "python3 tool.py --app-id app-1 --executor-id 3");
	assert_int_equal(known_recognise(&k), 0);
	known_argv(&k, "java org.apache.spark.deploy.yarn.ApplicationMaster");
	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
		known_cgroup(&k, CGROUP_HOLDER_YARN, containers[i]);
		assert_int_equal(known_recognise(&k), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_executor_on_kubernetes_by_its_variables),
		cmocka_unit_test(and_by_its_labels),
		cmocka_unit_test(and_by_its_arguments),
		cmocka_unit_test(sources_that_disagree_are_said),
		cmocka_unit_test(the_driver),
		cmocka_unit_test(an_executor_on_yarn),
		cmocka_unit_test(the_master_on_yarn_is_named_by_its_container),
		cmocka_unit_test(an_executor_of_a_standalone_cluster),
		cmocka_unit_test(ranks_around_an_executor_are_not_its_own),
		cmocka_unit_test(arguments_of_others_and_odd_containers_name_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

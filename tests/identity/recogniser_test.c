// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static struct membership of(const char *scheduler, const char *job, const char *member)
{
	struct membership m = { .scheduler = scheduler, .role = "" };

	strncpy(m.job, job, sizeof(m.job) - 1);
	strncpy(m.member, member, sizeof(m.member) - 1);
	return m;
}

static void the_table_is_in_layers_and_says_what_docs_need(void **state)
{
	(void)state;
	size_t n;
	const struct recogniser *const *all = recognisers_all(&n);

	assert_true(n >= 20);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || all[i]->layer >= all[i - 1]->layer ||
			    all[i - 1]->layer == RECOGNISER_APPLICATION);
		assert_true(all[i]->name && all[i]->system && all[i]->what && all[i]->from && all[i]->tested);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all[i]->name, all[j]->name);
	}
}

static void nothing_known_is_nothing(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	struct identity_facts nothing = { .env = NULL };

	assert_int_equal(recognise(&nothing, k.is), 0);
	assert_int_equal(known_recognise(&k), 0);
	KNOWN_ENV(&k, "HOME=/root\0PATH=/bin");
	known_argv(&k, "/usr/bin/python3 train.py");
	assert_int_equal(known_recognise(&k), 0);
}

static void torchrun_in_a_pytorchjob_in_kueue(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = {
		"training.kubeflow.org/job-name",
		"llama",
		"training.kubeflow.org/operator-name",
		"pytorchjob-controller",
		"training.kubeflow.org/replica-index",
		"0",
		"training.kubeflow.org/replica-type",
		"master",
		"kueue.x-k8s.io/queue-name",
		"a",
		"kueue.x-k8s.io/workload",
		"wl",
		NULL,
	};

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "RANK=0\0LOCAL_RANK=0\0WORLD_SIZE=16\0TORCHELASTIC_RUN_ID=none\0MASTER_ADDR=llama-master-"
		      "0\0MASTER_PORT=23456");
	assert_is(&k, "pytorchjob:ml/llama", "pytorchjob:ml/llama/0");
	assert_int_equal(k.n, 2);
	assert_string_equal(k.is[1].scheduler, "kueue");
	assert_job_attr(&k, "queue", "a");
}

static void a_driver_that_an_airflow_task_submitted_is_sparks(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AIRFLOW_CTX_DAG_ID=etl\0AIRFLOW_CTX_TASK_ID=submit\0AIRFLOW_CTX_DAG_RUN_ID=r1\0SPARK_"
		      "APPLICATION_ID=spark-1");
	known_argv(&k, "java org.apache.spark.deploy.SparkSubmit --deploy-mode client");
	assert_is(&k, "spark:spark-1", "spark:spark-1/driver");
	assert_int_equal(k.n, 2);
	assert_string_equal(k.is[1].scheduler, "airflow");
	assert_job_attr(&k, "airflow_task", "etl/r1/submit");
}

static void a_submission_without_an_application_is_airflows(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AIRFLOW_CTX_DAG_ID=etl\0AIRFLOW_CTX_TASK_ID=submit\0AIRFLOW_CTX_DAG_RUN_ID=r1");
	known_argv(&k, "java org.apache.spark.deploy.SparkSubmit --master yarn");
	assert_is(&k, "airflow:etl/r1", "airflow:etl/r1/submit");
}

static void torchrun_in_an_airflow_task_is_its_own(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AIRFLOW_CTX_DAG_ID=etl\0AIRFLOW_CTX_TASK_ID=train\0AIRFLOW_CTX_DAG_RUN_ID=r1\0RANK=1\0WORLD_"
		      "SIZE=4\0"
		      "TORCHELASTIC_RUN_ID=7f9c24e8-3b1d-4a57-9f01-aa12bb34cc56");
	assert_is(&k, "torchrun:7f9c24e8-3b1d-4a57-9f01-aa12bb34cc56",
		  "torchrun:7f9c24e8-3b1d-4a57-9f01-aa12bb34cc56/1");
	assert_job_attr(&k, "airflow_task", "etl/r1/train");
}

static void ray_in_kuberay_takes_no_rank_from_around(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=02000000\0RAY_CLUSTER_NAME=rc\0RAY_CLUSTER_NAMESPACE=ml\0OMPI_COMM_WORLD_RANK="
		      "3\0OMPI_COMM_WORLD_SIZE=4");
	assert_is(&k, "ray:ml/rc/02000000", NULL);
}

static void torchrun_inside_an_application_numbers_in_it(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "SPARK_APPLICATION_ID=spark-1\0SPARK_EXECUTOR_ID=3\0RANK=1\0WORLD_SIZE=2\0TORCHELASTIC_RUN_ID="
		      "x\0LOCAL_RANK=0");
	known_argv(&k, "python3 train.py");
	assert_is(&k, "spark:spark-1", "spark:spark-1/1");
	assert_attr(&k, "executor", "exec-3");
}

static void never_more_than_fit(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = {
		"ray.io/cluster",
		"c",
		"volcano.sh/job-name",
		"v",
		"kueue.x-k8s.io/workload",
		"w",
		"batch.kubernetes.io/job-name",
		"b",
		"com.docker.compose.project",
		"p",
		"com.docker.swarm.service.name",
		"s",
		NULL,
	};

	known_labels(&k, labels);
	KNOWN_ENV(&k, "SPARK_APPLICATION_ID=spark-1\0SLURM_JOB_ID=1\0AZUREML_RUN_ID=r\0MLFLOW_RUN_ID=m");
	k.facts.otel_service = "o";
	assert_int_equal(known_recognise(&k), RECOGNISED_MAX);
	assert_string_equal(k.is[0].scheduler, "spark");
}

static void many_systems_around_a_rank_do_not_hide_it(void **state)
{
	static const char *const labels[] = {
		"training.kubeflow.org/job-name", "llama", "training.kubeflow.org/operator-name", "pytorchjob-controller",
		"scheduling.k8s.io/group-name", "g", "kueue.x-k8s.io/workload", "w", "batch.kubernetes.io/job-name", "b",
		"com.docker.compose.project", "p", NULL,
	};
	struct known k;

	(void)state;
	known_reset(&k);
	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "SLURM_JOB_ID=1\0RANK=3\0WORLD_SIZE=4\0TORCHELASTIC_RUN_ID=x\0MLFLOW_RUN_ID=m");
	assert_is(&k, "pytorchjob:ml/llama", "pytorchjob:ml/llama/3");
	assert_int_equal(k.n, RECOGNISED_MAX);
}

static void asking_allocates_nothing(void **state)
{
	struct known k;
	size_t before;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "SLURM_JOB_ID=1\0RANK=3\0WORLD_SIZE=4\0TORCHELASTIC_RUN_ID=x\0MLFLOW_RUN_ID=m");
	known_argv(&k, "/usr/bin/python3 -u train.py");
	before = mallinfo2().uordblks;
	for (int i = 0; i < 1000; i++)
		(void)known_recognise(&k);
	assert_int_equal(mallinfo2().uordblks, before);
}

static void what_the_parent_knew_better_is_inherited(void **state)
{
	struct membership slurm = of("slurm", "5", ""), rank = of("slurm", "5", "3"), other = of("slurm", "6", "0");
	struct membership unit = of("systemd", "x.service@n1", ""), project = of("compose", "shop@n1", "web-1");
	struct membership cluster = of("ray", "n1", "");
	struct membership ray = of("ray", "n1/01000000", ""), run = of("torchrun", "x", "1"), numbered = rank;

	(void)state;
	membership_job_attr(&numbered, "torchrun_run", "x");
	assert_true(recognise_is_inherited("slurm:5", true, NULL));    /* a helper with no variable of the list */
	assert_true(recognise_is_inherited("slurm:5", true, &slurm));  /* a shell that a rank starts */
	assert_true(recognise_is_inherited("slurm:5", true, &unit));   /* and what it starts without its variables */
	assert_true(recognise_is_inherited("spark:a", true, &slurm));  /* pyspark's daemon below an executor in Slurm */
	assert_true(recognise_is_inherited("spark:a", true, &rank));
	assert_true(recognise_is_inherited("spark:a", true, &project));
	assert_true(recognise_is_inherited("ray:s/01000000", false, &ray));
	assert_false(recognise_is_inherited("ray:n1", false, &ray)); /* the raylet knows its cluster only */
	assert_true(recognise_is_inherited("ray:n1/01000000", false, &cluster)); /* and a worker's child no more than that */
	assert_false(recognise_is_inherited("spark:a", true, &numbered)); /* torchrun inside an executor */
	assert_false(recognise_is_inherited("spark:a", true, &run));
	assert_false(recognise_is_inherited("slurm:5", false, &rank)); /* a rank that the agent starts */
	assert_false(recognise_is_inherited("slurm:5", false, &slurm));
	assert_false(recognise_is_inherited("slurm:5", true, &rank));
	assert_false(recognise_is_inherited("slurm:5", true, &other));
	assert_false(recognise_is_inherited("systemd:slurmd.service@n1", false, &rank));
	assert_false(recognise_is_inherited("systemd:docker.service@n1", false, &project));
	assert_false(recognise_is_inherited("unheard-of:1", true, &rank));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_in_layers_and_says_what_docs_need),
		cmocka_unit_test(nothing_known_is_nothing),
		cmocka_unit_test(torchrun_in_a_pytorchjob_in_kueue),
		cmocka_unit_test(a_driver_that_an_airflow_task_submitted_is_sparks),
		cmocka_unit_test(a_submission_without_an_application_is_airflows),
		cmocka_unit_test(torchrun_in_an_airflow_task_is_its_own),
		cmocka_unit_test(ray_in_kuberay_takes_no_rank_from_around),
		cmocka_unit_test(torchrun_inside_an_application_numbers_in_it),
		cmocka_unit_test(never_more_than_fit),
		cmocka_unit_test(many_systems_around_a_rank_do_not_hide_it),
		cmocka_unit_test(asking_allocates_nothing),
		cmocka_unit_test(what_the_parent_knew_better_is_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

#define WORKER                                                                                     \
	"/usr/bin/python3 /opt/ray/_private/workers/default_worker.py --node-ip-address=10.0.0.2 " \
	"--gcs-address=10.0.0.1:6379 "                                                             \
	"--session-name=session_2026-11-21_11-31-33_123456_4242 --redis-password=hunter2 --node-id=aa"

static void a_worker_is_of_its_job_before_and_after_its_title(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=01000000\0RAY_RAYLET_PID=77");
	known_argv(&k, WORKER);
	assert_is(&k, "ray:n1/01000000", NULL);
	assert_job_attr(&k, "session", "session_2026-11-21_11-31-33_123456_4242");
	assert_string_equal(k.is[0].role, "worker");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
}

/* Ray 2.60, as it was seen: the title takes the place of all arguments, the rest is zero. */
static void a_real_title_after_the_arguments(void **state)
{
	char title[886] = "ray::Learner.step";
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=01000000\0RAY_AUTH_MODE=token\0RAY_RAYLET_PID=25234\0RAY_CLIENT_MODE=0");
	k.facts.argv = title;
	k.facts.argv_len = sizeof(title);
	assert_is(&k, "ray:n1/01000000", NULL);
	assert_attr(&k, "function", "Learner.step");
	known_reset(&k);
	(void)strcpy(title, "ray::DashboardAgent");
	k.facts.argv = title;
	k.facts.argv_len = sizeof(title);
	KNOWN_ENV(&k, "RAY_CLIENT_MODE=0\0RAY_LD_PRELOAD_ON_WORKERS=0");
	assert_int_equal(known_recognise(&k), 0);
}

static void a_title_says_what_it_runs(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=01000000\0RAY_RAYLET_PID=77");
	k.facts.argv = "ray::Trainer.step\0\0\0";
	k.facts.argv_len = 20;
	assert_is(&k, "ray:n1/01000000", NULL);
	assert_attr(&k, "function", "Trainer.step");
	k.facts.argv = "ray::IDLE";
	k.facts.argv_len = 9;
	known_recognise(&k);
	assert_attr(&k, "function", NULL);
}

static void kuberay_names_the_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "ray.io/cluster",
					      "rc",
					      "ray.io/node-type",
					      "worker",
					      "ray.io/group",
					      "gpu",
					      "ray.io/originated-from-cr-name",
					      "tune-llama",
					      "ray.io/originated-from-crd",
					      "RayJob",
					      NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	KNOWN_ENV(&k, "RAY_JOB_ID=02000000\0RAY_CLUSTER_NAME=rc\0RAY_CLUSTER_NAMESPACE=ml\0RAY_NODE_TYPE_NAME=gpu\0"
		      "RAY_JOB_SUBMISSION_ID=raysubmit_1");
	known_argv(&k, WORKER);
	assert_is(&k, "ray:ml/rc/02000000", NULL);
	assert_string_equal(k.is[0].job_name, "tune-llama");
	assert_attr(&k, "group", "gpu");
	assert_job_attr(&k, "submission", "raysubmit_1");
	known_reset(&k);
	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "ray:ml/rc", NULL); /* the pod */
}

static void raylet_and_gcs_are_of_the_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	known_argv(&k, "/opt/ray/core/src/ray/raylet/raylet --raylet_socket_name=x --session-name=s1");
	assert_is(&k, "ray:n1", NULL);
	assert_string_equal(k.is[0].role, "raylet");
	known_argv(&k, "/opt/ray/core/src/ray/gcs/gcs_server --session-name=s1");
	assert_is(&k, "ray:n1", NULL);
	assert_string_equal(k.is[0].role, "gcs");
}

static void a_worker_started_in_advance_has_no_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=ffffffff\0RAY_RAYLET_PID=77");
	known_argv(&k, WORKER);
	assert_is(&k, "ray:n1", NULL);
	known_reset(&k); /* one that spills objects */
	KNOWN_ENV(&k, "RAY_RAYLET_PID=77\0RAY_CLUSTER_NAME=rc\0RAY_NODE_TYPE_NAME=gpu");
	assert_is(&k, "ray:rc", NULL);
	assert_string_equal(k.is[0].role, "worker");
	assert_int_equal(k.is[0].source, IDENTITY_EXEC);
	assert_attr(&k, "group", "gpu");
}

static void in_slurm_the_job_names_the_cluster(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "RAY_JOB_ID=01000000\0SLURM_JOB_ID=4711\0SLURM_STEP_ID=0\0SLURM_PROCID=1\0PMI_RANK=1\0PMI_SIZE="
		      "2");
	assert_is(&k, "ray:slurm-4711/01000000", NULL);
	assert_job_attr(&k, "slurm_job", "4711/1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_of_its_job_before_and_after_its_title),
		cmocka_unit_test(a_real_title_after_the_arguments),
		cmocka_unit_test(a_title_says_what_it_runs),
		cmocka_unit_test(kuberay_names_the_cluster),
		cmocka_unit_test(raylet_and_gcs_are_of_the_cluster),
		cmocka_unit_test(a_worker_started_in_advance_has_no_job),
		cmocka_unit_test(in_slurm_the_job_names_the_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

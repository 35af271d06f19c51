// SPDX-License-Identifier: Apache-2.0
/* Spark on Kubernetes, on YARN, standalone: the application is the job, an executor "exec-N", the driver "driver". */
#include <stdio.h>
#include <string.h>

#include "identity/recogniser.h"
#include "identity/statement.h"

#define DIGITS         "0123456789"
#define APP_LABEL      "spark-app-selector"
#define EXECUTOR_LABEL "spark-exec-id"

static bool is_backend(const struct identity_facts *f)
{
	static const char *const classes[] = {
		"org.apache.spark.executor.CoarseGrainedExecutorBackend",
		"org.apache.spark.executor.YarnCoarseGrainedExecutorBackend",
		"org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (facts_has_argument(f, classes[i]))
			return true;
	return false;
}

/* "container_e17_1700000000000_0001_02_000003" is of application_1700000000000_0001, attempt 2. The numbers stay as
 * written. */
static bool yarn_application(const char *container, char *ret_application, size_t size, uint32_t *ret_attempt)
{
	const char *at = container, *app;
	char attempt[16];
	size_t started, number;

	if (!at || strncmp(at, "container_", 10) != 0)
		return false;
	at += 10;
	if (*at == 'e' && strspn(at + 1, DIGITS) > 0 && at[1 + strspn(at + 1, DIGITS)] == '_')
		at += strspn(at + 1, DIGITS) + 2;
	started = strspn(at, DIGITS);
	if (started == 0 || at[started] != '_')
		return false;
	app = at + started + 1;
	number = strspn(app, DIGITS);
	if (number == 0 || app[number] != '_' || strspn(app + number + 1, DIGITS) >= sizeof(attempt))
		return false;
	(void)snprintf(attempt, sizeof(attempt), "%.*s", (int)strspn(app + number + 1, DIGITS), app + number + 1);
	return facts_number(attempt, ret_attempt) &&
	       snprintf(ret_application, size, "application_%.*s", (int)(started + 1 + number), at) < (int)size;
}

/* The master of an application on YARN is not told its id, but its container is named after it. */
static void ask_yarn(const struct identity_facts *f, struct statement *said, char *application, size_t size,
		     struct membership *m)
{
	const char *container = facts_env(f, ENV_CONTAINER_ID);
	enum identity_source source = f->env_source;
	char number[16];
	uint32_t attempt;

	if (f->cgroup && f->cgroup->holder == CGROUP_HOLDER_YARN) {
		container = f->cgroup->container_id;
		source = IDENTITY_CGROUP;
	}
	if (!yarn_application(container, application, size, &attempt))
		return;
	(void)snprintf(number, sizeof(number), "%u", attempt);
	*said = (struct statement){ application, source, "YARN container" };
	membership_attr(m, "container", container);
	membership_job_attr(m, "attempt", number);
}

static void set_member(const struct identity_facts *f, const char *executor, struct membership *m)
{
	const char *role = facts_label(f, "spark-role");

	if (executor && strcmp(executor, "driver") != 0) {
		m->role = "executor";
		(void)membership_memberf(m, "exec-%s", executor);
	} else if ((executor || (role && strcmp(role, "driver") == 0)) ||
		   facts_has_argument(f, "org.apache.spark.deploy.yarn.ApplicationMaster") ||
		   facts_has_argument(f, "org.apache.spark.deploy.SparkSubmit")) {
		m->role = "driver";
		(void)membership_member(m, "driver");
	} else {
		m->role = "launcher";
	}
}

static bool recognise_spark(const struct identity_facts *f, struct membership *m)
{
	char app[ENV_VALUE_MAX] = "", executor[ENV_VALUE_MAX] = "", application[64];
	const bool backend = is_backend(f),
		   on_yarn = backend || facts_has_argument(f, "org.apache.spark.deploy.yarn.ApplicationMaster") ||
			     facts_has_argument(f, "org.apache.spark.deploy.yarn.ExecutorLauncher");
	struct statement executors[3] = { statement_env(f, ENV_SPARK_EXECUTOR_ID), statement_label(f, EXECUTOR_LABEL) };
	struct statement ids[4] = { statement_env(f, ENV_SPARK_APPLICATION_ID), statement_label(f, APP_LABEL) };
	const char *name, *job;

	if (backend) {
		(void)facts_flag(f, "app-id", app, sizeof(app));
		(void)facts_flag(f, "executor-id", executor, sizeof(executor));
		ids[2] = statement_argument(app);
		executors[2] = statement_argument(executor);
	}
	if (on_yarn)
		ask_yarn(f, &ids[3], application, sizeof(application), m);
	job = statement_settle(m, "application", ids, 4);
	if (!job || !membership_job_part(m, '\0', job))
		return false;
	set_member(f, statement_settle(m, "executor", executors, 3), m);
	name = facts_label(f, "sparkoperator.k8s.io/app-name");
	if (!name)
		name = facts_label(f, "spark-app-name");
	membership_name(m, name);
	membership_attr(m, "resource_profile", facts_env(f, ENV_SPARK_RESOURCE_PROFILE_ID));
	membership_job_attr(m, "namespace", f->pod_namespace);
	return true;
}

const struct recogniser recogniser_spark = {
	.name = "spark",
	.system = "Spark on Kubernetes, on YARN, standalone",
	.what = "job: application id; member: executor, driver; attempt (YARN)",
	.from = "SPARK_APPLICATION_ID, SPARK_EXECUTOR_ID; labels spark-app-selector, spark-exec-id, spark-role; "
		"arguments of the executor backends; id of the YARN container",
	.tested = "real program: Spark 4.3 standalone, tests/real/spark; exact text (Kubernetes, YARN)",
	.layer = RECOGNISER_APPLICATION,
	.as_attr = "spark_application",
	.recognise = recognise_spark,
};

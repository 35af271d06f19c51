// SPDX-License-Identifier: Apache-2.0
/* Azure ML. A run's name may be chosen, so that it is unique in its workspace only. */
#include "identity/recogniser.h"

static bool recognise_azureml(const struct identity_facts *f, struct membership *m)
{
	const char *run = facts_env(f, ENV_AZUREML_RUN_ID), *workspace = facts_env(f, ENV_AZUREML_ARM_WORKSPACE_NAME);

	if (!membership_job_part(m, '\0', run) || (workspace && !membership_job_part(m, '@', workspace)))
		return false;
	m->source = f->env_source;
	m->role = "worker";
	membership_name(m, run);
	membership_job_attr(m, "workspace", workspace);
	membership_job_attr(m, "experiment", facts_env(f, ENV_AZUREML_ARM_PROJECT_NAME));
	membership_job_attr(m, "framework", facts_env(f, ENV_AZUREML_FRAMEWORK));
	return true;
}

const struct recogniser recogniser_azureml = {
	.name = "azureml",
	.system = "Azure Machine Learning",
	.what = "job: run@workspace; member: RANK; experiment",
	.from = "AZUREML_RUN_ID, AZUREML_ARM_WORKSPACE_NAME, AZUREML_ARM_PROJECT_NAME",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "azureml_run",
	.recognise = recognise_azureml,
};

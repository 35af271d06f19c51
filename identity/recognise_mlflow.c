// SPDX-License-Identifier: Apache-2.0
/* MLflow, when the launcher sets the run. start_run() within a program shows nowhere. */
#include "identity/recogniser.h"

static bool recognise_mlflow(const struct identity_facts *f, struct membership *m)
{
	if (!membership_job_part(m, '\0', facts_env(f, ENV_MLFLOW_RUN_ID)))
		return false;
	m->source = f->env_source;
	m->role = "run";
	membership_job_attr(m, "experiment", facts_env(f, ENV_MLFLOW_EXPERIMENT_NAME));
	membership_job_attr(m, "experiment_id", facts_env(f, ENV_MLFLOW_EXPERIMENT_ID));
	return true;
}

const struct recogniser recogniser_mlflow = {
	.name = "mlflow",
	.system = "MLflow",
	.what = "job: run id; experiment",
	.from = "MLFLOW_RUN_ID, MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = "mlflow_run",
	.recognise = recognise_mlflow,
};

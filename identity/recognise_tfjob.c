// SPDX-License-Identifier: Apache-2.0
#include "identity/kubeflow.h"
#include "identity/recogniser.h"

static bool recognise_tfjob(const struct identity_facts *f, struct membership *m)
{
	return kubeflow_job(f, "tf", m);
}

const struct recogniser recogniser_tfjob = {
	.name = "tfjob",
	.system = "Kubeflow TFJob",
	.what = "job: namespace/name; member: task type and index of TF_CONFIG; replica",
	.from = "labels training.kubeflow.org/job-name, operator-name, replica-type, replica-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "tfjob",
	.recognise = recognise_tfjob,
};

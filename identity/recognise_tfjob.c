// SPDX-License-Identifier: Apache-2.0
#include "identity/kubeflow.h"
#include "identity/recogniser.h"

static bool recognise_tfjob(const struct identity_facts *f, struct membership *m)
{
	const char *type = facts_label(f, "training.kubeflow.org/replica-type");
	const char *index = facts_label(f, "training.kubeflow.org/replica-index");

	if (!kubeflow_job(f, "tf", m))
		return false;
	if (type && index) /* a pod is one task */
		(void)membership_memberf(m, "%s-%s", type, index);
	return true;
}

const struct recogniser recogniser_tfjob = {
	.name = "tfjob",
	.system = "Kubeflow TFJob",
	.what = "job: namespace/name; member: task type and index, of TF_CONFIG or labels",
	.from = "labels training.kubeflow.org/job-name, operator-name, replica-type, replica-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "tfjob",
	.recognise = recognise_tfjob,
};

// SPDX-License-Identifier: Apache-2.0
#include "identity/kubeflow.h"
#include "identity/recogniser.h"

static bool recognise_pytorchjob(const struct identity_facts *f, struct membership *m)
{
	return kubeflow_job(f, "pytorch", m);
}

const struct recogniser recogniser_pytorchjob = {
	.name = "pytorchjob",
	.system = "Kubeflow PyTorchJob (v1)",
	.what = "job: namespace/name; member: RANK of torchrun or of the operator; replica",
	.from = "labels training.kubeflow.org/job-name, operator-name, replica-type, replica-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "pytorchjob",
	.recognise = recognise_pytorchjob,
};

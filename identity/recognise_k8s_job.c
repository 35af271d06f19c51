// SPDX-License-Identifier: Apache-2.0
#include "identity/recogniser.h"

static bool recognise_k8s_job(const struct identity_facts *f, struct membership *m)
{
	const char *index = facts_label(f, "batch.kubernetes.io/job-completion-index");

	if (facts_label(f, "jobset.sigs.k8s.io/jobset-name"))
		return false; /* one of the Jobs of a set, which is recognised by itself */
	if (!facts_job_of_kubernetes(f, facts_label(f, "batch.kubernetes.io/job-name"), m))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "worker";
	if (index)
		(void)membership_member(m, index);
	return true;
}

const struct recogniser recogniser_k8s_job = {
	.name = "k8s_job",
	.system = "Kubernetes Job",
	.what = "job: namespace/name; member: RANK, or the completion index",
	.from = "labels batch.kubernetes.io/job-name, job-completion-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = NULL, /* what made the Job has the same name */
	.recognise = recognise_k8s_job,
};

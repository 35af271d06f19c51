// SPDX-License-Identifier: Apache-2.0
#include "identity/recogniser.h"

static bool recognise_jobset(const struct identity_facts *f, struct membership *m)
{
	const char *part = facts_label(f, "jobset.sigs.k8s.io/replicatedjob-name");
	const char *job = facts_label(f, "jobset.sigs.k8s.io/job-index");
	const char *index = facts_label(f, "batch.kubernetes.io/job-completion-index");

	if (!facts_job_of_kubernetes(f, facts_label(f, "jobset.sigs.k8s.io/jobset-name"), m))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "worker";
	membership_attr(m, "attempt", facts_label(f, "jobset.sigs.k8s.io/restart-attempt"));
	if (part && job && index)
		(void)membership_memberf(m, "%s-%s-%s", part, job, index);
	return true;
}

const struct recogniser recogniser_jobset = {
	.name = "jobset",
	.system = "Kubernetes JobSet",
	.what = "job: namespace/name; member: RANK, or replicated job, its index and completion index; attempt",
	.from = "labels jobset.sigs.k8s.io/*, batch.kubernetes.io/job-completion-index",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "jobset",
	.recognise = recognise_jobset,
};

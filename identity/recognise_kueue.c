// SPDX-License-Identifier: Apache-2.0
/* Kueue queues what others run: their names come first. Of pods without an operator it names the group. */
#include "identity/recogniser.h"

static bool recognise_kueue(const struct identity_facts *f, struct membership *m)
{
	static const char *const labels[] = { "kueue.x-k8s.io/pod-group-name", "kueue.x-k8s.io/workload",
					      "scheduling.x-k8s.io/pod-group" };
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]) && !name; i++)
		name = facts_label(f, labels[i]);
	if (!facts_job_of_kubernetes(f, name, m))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "worker";
	return true;
}

const struct recogniser recogniser_kueue = {
	.name = "kueue",
	.system = "Kueue, pod groups",
	.what = "job: namespace/workload, where nothing else names one; queue of every job",
	.from = "labels kueue.x-k8s.io/pod-group-name, workload, queue-name; scheduling.x-k8s.io/pod-group",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "kueue_workload",
	.recognise = recognise_kueue,
};

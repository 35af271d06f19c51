// SPDX-License-Identifier: Apache-2.0
#include "identity/recogniser.h"

static bool recognise_volcano(const struct identity_facts *f, struct membership *m)
{
	const char *name = facts_label(f, "volcano.sh/job-name"), *task = facts_label(f, "volcano.sh/task-spec");
	const char *index = facts_label(f, "volcano.sh/task-index");

	/* A pod group without a Volcano job is another operator's, which is recognised by itself. */
	if (!facts_job_of_kubernetes(f, name ? name : facts_label(f, "scheduling.k8s.io/group-name"), m))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "task";
	if (!index)
		index = facts_env(f, ENV_VC_TASK_INDEX);
	if (name && task && index)
		(void)membership_memberf(m, "%s-%s", task, index);
	return true;
}

const struct recogniser recogniser_volcano = {
	.name = "volcano",
	.system = "Volcano",
	.what = "job: namespace/name; member: RANK, or task and its index; queue",
	.from = "labels volcano.sh/job-name, task-spec, task-index, queue-name; scheduling.k8s.io/group-name",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "volcano_job",
	.recognise = recognise_volcano,
};

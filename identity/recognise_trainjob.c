// SPDX-License-Identifier: Apache-2.0
/* Kubeflow Trainer v2. The ancestor label is on the Job and not always on its pods; the names that the runtimes give to
 * the replicated jobs are. */
#include <string.h>

#include "identity/recogniser.h"

static bool is_one_of(const char *word, const char *const *words)
{
	for (; word && *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool recognise_trainjob(const struct identity_facts *f, struct membership *m)
{
	static const char *const parts[] = { "node", "launcher", "dataset-initializer", "model-initializer", NULL };
	static const char *const initializers[] = { "dataset-initializer", "model-initializer", NULL };
	const char *ancestor = facts_label(f, "trainer.kubeflow.org/trainjob-ancestor-step");
	const char *part = facts_label(f, "jobset.sigs.k8s.io/replicatedjob-name");
	const char *index = facts_env(f, ENV_JOB_COMPLETION_INDEX);

	if ((!ancestor && !is_one_of(part, parts)) ||
	    !facts_job_of_kubernetes(f, facts_label(f, "jobset.sigs.k8s.io/jobset-name"), m))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "worker";
	if (is_one_of(ancestor, initializers) || is_one_of(part, initializers)) {
		m->role = "initializer";
		(void)membership_member(m, is_one_of(ancestor, initializers) ? ancestor : part);
	} else if (part && strcmp(part, "launcher") == 0) {
		m->role = "launcher";
	}
	membership_attr(m, "node_rank", index ? index : facts_label(f, "batch.kubernetes.io/job-completion-index"));
	membership_attr(m, "attempt", facts_label(f, "jobset.sigs.k8s.io/restart-attempt"));
	membership_job_attr(m, "nodes", facts_env(f, ENV_PET_NNODES));
	return true;
}

const struct recogniser recogniser_trainjob = {
	.name = "trainjob",
	.system = "Kubeflow TrainJob (v2)",
	.what = "job: namespace/name; member: RANK, or the initializer; node; attempt",
	.from = "labels trainer.kubeflow.org/trainjob-ancestor-step, jobset.sigs.k8s.io/*; PET_*, JOB_COMPLETION_INDEX",
	.tested = "exact text",
	.layer = RECOGNISER_JOB,
	.as_attr = "trainjob",
	.recognise = recognise_trainjob,
};

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/recogniser.h"

static bool recognise_jenkins(const struct identity_facts *f, struct membership *m)
{
	const char *tag = facts_env(f, ENV_BUILD_TAG), *job = facts_env(f, ENV_JOB_NAME),
		   *build = facts_env(f, ENV_BUILD_NUMBER);
	uint32_t number;

	/* JOB_NAME and BUILD_NUMBER are words that others use as well. */
	if (!tag || strncmp(tag, "jenkins-", 8) != 0 || !job || !facts_number(build, &number))
		return false;
	/* Folders are told apart by '/'; behind the last '#' is the number, so that no two builds share an id. */
	if (!membership_job_whole(m, job) || !membership_job_part(m, '#', build))
		return false;
	m->source = f->env_source;
	m->role = "build";
	membership_attr(m, "node", facts_env(f, ENV_NODE_NAME));
	membership_attr(m, "executor", facts_env(f, ENV_EXECUTOR_NUMBER));
	return true;
}

const struct recogniser recogniser_jenkins = {
	.name = "jenkins",
	.system = "Jenkins",
	.what = "job: name#build; executor",
	.from = "BUILD_TAG, JOB_NAME, BUILD_NUMBER, NODE_NAME, EXECUTOR_NUMBER",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = "jenkins_build",
	.recognise = recognise_jenkins,
};

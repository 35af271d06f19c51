// SPDX-License-Identifier: Apache-2.0
#include "identity/kubeflow.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *role_of(const char *type)
{
	static const char *const roles[] = { "launcher", "master", "worker", "ps", "chief", "evaluator" };

	for (size_t i = 0; type && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcasecmp(type, roles[i]) == 0)
			return roles[i];
	return "worker";
}

bool kubeflow_job(const struct identity_facts *f, const char *operator_word, struct membership *m)
{
	const char *made_by = facts_label(f, "training.kubeflow.org/operator-name");
	const char *type = facts_label(f, "training.kubeflow.org/replica-type");
	const char *index = facts_label(f, "training.kubeflow.org/replica-index");
	const char *role = facts_label(f, "training.kubeflow.org/job-role");
	char replica[128];

	if (!made_by || !strcasestr(made_by, operator_word) ||
	    !facts_job_of_kubernetes(f, facts_label(f, "training.kubeflow.org/job-name"), m))
		return false;
	m->role = role_of(type ? type : role);
	m->source = IDENTITY_CRI;
	if (type) {
		(void)snprintf(replica, sizeof(replica), "%s%s%s", type, index ? "-" : "", index ? index : "");
		membership_attr(m, "replica", replica);
	}
	return true;
}

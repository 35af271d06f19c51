// SPDX-License-Identifier: Apache-2.0
/* Docker Swarm. The job is the stack, or a service deployed without one; a task is SERVICE.SLOT.ID, of which the id
 * changes with every restart and the slot does not. */
#include <string.h>

#include "identity/recogniser.h"

static bool recognise_swarm(const struct identity_facts *f, struct membership *m)
{
	const char *stack = facts_label(f, "com.docker.stack.namespace");
	const char *service = facts_label(f, "com.docker.swarm.service.name");
	const char *task = facts_label(f, "com.docker.swarm.task.name");
	size_t n = service ? strlen(service) : 0;

	if (!service || !membership_job_part(m, '\0', stack ? stack : service))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "service";
	membership_attr(m, "service", service);
	if (task && strncmp(task, service, n) == 0 && task[n] == '.')
		(void)membership_memberf(m, "%.*s", (int)(n + 1 + strcspn(task + n + 1, ".")), task);
	return true;
}

const struct recogniser recogniser_swarm = {
	.name = "swarm",
	.system = "Docker Swarm",
	.what = "job: stack, or service; member: service and slot",
	.from = "labels com.docker.stack.namespace, com.docker.swarm.service.name, com.docker.swarm.task.name",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = "swarm_service",
	.recognise = recognise_swarm,
};

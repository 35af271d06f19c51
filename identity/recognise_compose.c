// SPDX-License-Identifier: Apache-2.0
/* Docker Compose (and Podman's, which writes the same labels). A project is of one machine. */
#include "identity/recogniser.h"

static bool recognise_compose(const struct identity_facts *f, struct membership *m)
{
	const char *project = facts_label(f, "com.docker.compose.project");
	const char *service = facts_label(f, "com.docker.compose.service");
	const char *number = facts_label(f, "com.docker.compose.container-number");

	if (!membership_job_part(m, '\0', project) || (f->node && !membership_job_part(m, '@', f->node)))
		return false;
	m->source = IDENTITY_CRI;
	m->role = "service";
	if (service) {
		(void)membership_memberf(m, "%s%s%s", service, number ? "-" : "", number ? number : "");
		membership_attr(m, "service", service);
	}
	return true;
}

const struct recogniser recogniser_compose = {
	.name = "compose",
	.system = "Docker Compose, Podman Compose",
	.what = "job: project@node; member: service and container number",
	.from = "labels com.docker.compose.project, service, container-number",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = "compose_project",
	.recognise = recognise_compose,
};

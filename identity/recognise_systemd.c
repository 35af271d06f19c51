// SPDX-License-Identifier: Apache-2.0
/* A plain service: what is left when nothing else is known. */
#include <string.h>

#include "identity/recogniser.h"

static bool recognise_systemd(const struct identity_facts *f, struct membership *m)
{
	const char *unit = f->cgroup && f->cgroup->holder == CGROUP_HOLDER_UNIT ? f->cgroup->unit : "";
	const char *end = strrchr(unit, '.');

	/* Scopes and user@1000.service are people's sessions. */
	if (!end || strcmp(end, ".service") != 0 || strncmp(unit, "user@", 5) == 0)
		return false;
	if (!membership_job_part(m, '\0', unit) || (f->node && !membership_job_part(m, '@', f->node)))
		return false;
	m->source = IDENTITY_CGROUP;
	m->role = "service";
	membership_name(m, unit);
	return true;
}

const struct recogniser recogniser_systemd = {
	.name = "systemd",
	.system = "systemd services",
	.what = "job: unit@node",
	.from = "path of the cgroup",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = NULL,
	.recognise = recognise_systemd,
};

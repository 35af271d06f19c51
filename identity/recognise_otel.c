// SPDX-License-Identifier: Apache-2.0
/* A program that publishes an OpenTelemetry process context says its own name. */
#include "identity/recogniser.h"

static bool recognise_otel(const struct identity_facts *f, struct membership *m)
{
	if (!membership_job_part(m, '\0', f->otel_service) ||
	    (f->pod_namespace && !membership_job_part(m, '@', f->pod_namespace)))
		return false;
	m->source = IDENTITY_OTEL;
	m->role = "service";
	return true;
}

const struct recogniser recogniser_otel = {
	.name = "otel",
	.system = "OpenTelemetry process context",
	.what = "job: service.name",
	.from = "mapping OTEL_CTX of the process",
	.tested = "exact text",
	.layer = RECOGNISER_AROUND,
	.as_attr = "service",
	.recognise = recognise_otel,
};

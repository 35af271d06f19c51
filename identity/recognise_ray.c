// SPDX-License-Identifier: Apache-2.0
/* Ray. A job's id counts from 1 in every cluster, so that the cluster is named before it: by KubeRay, by the Slurm job
 * that it runs in, else by the node alone. The session would be better than the node, but a worker has it in its
 * arguments only until it writes its title over them: one job would have two names, by when its workers were looked
 * at. */
#include <stdio.h>
#include <string.h>

#include "identity/recogniser.h"

#define NO_JOB "ffffffff" /* a worker that was started in advance */

static bool name_cluster(const struct identity_facts *f, struct membership *m)
{
	const char *name = facts_env(f, ENV_RAY_CLUSTER_NAME), *space = facts_env(f, ENV_RAY_CLUSTER_NAMESPACE);
	char text[ENV_VALUE_MAX + 16];

	if (!name)
		name = facts_label(f, "ray.io/cluster");
	if (name) {
		if (!space)
			space = f->pod_namespace;
		membership_job_attr(m, "namespace", space);
		return (!space || membership_job_part(m, '\0', space)) && membership_job_part(m, '/', name);
	}
	if (facts_env(f, ENV_SLURM_JOB_ID)) {
		(void)snprintf(text, sizeof(text), "slurm-%s", facts_env(f, ENV_SLURM_JOB_ID));
		return membership_job_part(m, '\0', text);
	}
	if (facts_flag(f, "session-name", text, sizeof(text)))
		membership_job_attr(m, "session", text);
	facts_place(f, text, sizeof(text));
	return membership_job_part(m, '\0', text);
}

/* "ray::train_epoch", "ray::Trainer.step": what a worker does now. */
static void say_function(const struct identity_facts *f, struct membership *m)
{
	char title[160];

	if (facts_argument_text(f, 0, title, sizeof(title)) && strncmp(title, "ray::", 5) == 0 &&
	    strcmp(title, "ray::IDLE") != 0)
		membership_attr(m, "function", title + 5);
}

static const char *role_of(const struct identity_facts *f, const char *job)
{
	static const struct {
		const char *const program[2], *role;
	} roles[] = { { { "raylet" }, "raylet" }, { { "gcs_server" }, "gcs" } };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (facts_program_is(f, roles[i].program))
			return roles[i].role;
	return job ? "worker" : "";
}

static bool recognise_ray(const struct identity_facts *f, struct membership *m)
{
	const char *job = facts_env(f, ENV_RAY_JOB_ID), *made_by = facts_label(f, "ray.io/originated-from-cr-name");
	const char *kind = facts_label(f, "ray.io/node-type"), *group = facts_label(f, "ray.io/group");
	/* A worker that spills objects is of no job. */
	const char *raylet = facts_env(f, ENV_RAY_RAYLET_PID), *role = role_of(f, job ? job : raylet);

	if (role[0] == '\0' && !facts_env(f, ENV_RAY_CLUSTER_NAME) && !facts_label(f, "ray.io/cluster"))
		return false;
	m->source = facts_label(f, "ray.io/cluster") ? IDENTITY_CRI : IDENTITY_PROC;
	if ((job || raylet || facts_env(f, ENV_RAY_CLUSTER_NAME)) && f->env_source < m->source)
		m->source = f->env_source;
	m->role = role[0] != '\0' ? role : "worker";
	if (!name_cluster(f, m) || (job && strcmp(job, NO_JOB) != 0 && !membership_job_part(m, '/', job)))
		return false;
	membership_name(m, made_by);
	say_function(f, m);
	membership_attr(m, "node_type", kind);
	membership_attr(m, "group", group ? group : facts_env(f, ENV_RAY_NODE_TYPE_NAME));
	membership_job_attr(m, "submission", facts_env(f, ENV_RAY_JOB_SUBMISSION_ID));
	return true;
}

const struct recogniser recogniser_ray = {
	.name = "ray",
	.system = "Ray, KubeRay",
	.what = "job: cluster/job id; role: worker, raylet, gcs; function: what a worker runs now",
	.from = "RAY_JOB_ID, RAY_RAYLET_PID, RAY_CLUSTER_*; labels ray.io/*; the node, where nobody names the cluster; "
		"title ray::NAME",
	.tested = "real program: Ray 2.60, tests/real/ray; exact text (KubeRay)",
	.layer = RECOGNISER_APPLICATION,
	.as_attr = "ray_job",
	.recognise = recognise_ray,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_form.h - what the path of a cgroup says about who runs in it: container, pod, Slurm step, YARN container, unit.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: paths of GRAPH_MAX_KEY bytes; every field is cut to its size, and an id that does not fit is no id.
 *
 * One table of forms (cgroup_form.c), each with the systems that write it. The deepest container of a path is meant (a
 * kind or k3s node is a container itself); what lies below a container's cgroup belongs to it.
 */
#ifndef WHY_IDENTITY_CGROUP_FORM_H
#define WHY_IDENTITY_CGROUP_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum cgroup_holder {
	CGROUP_HOLDER_NONE,       /* nothing that the table knows */
	CGROUP_HOLDER_CONTAINER,  /* container_id is set, pod_uid when it is in a pod */
	CGROUP_HOLDER_POD,        /* a pod's own cgroup: pod_uid */
	CGROUP_HOLDER_SLURM,      /* slurm_job, and step and task when the path goes so deep */
	CGROUP_HOLDER_YARN,       /* container_id is YARN's: container_e17_1700000000000_0001_01_000002 */
	CGROUP_HOLDER_UNIT,       /* a systemd service or scope that is none of the above: unit */
};

struct cgroup_form {
	enum cgroup_holder holder;
	const char *form;          /* row of the table, for doctor and docs: "kubepods, systemd driver" */
	const char *runtime;       /* "containerd" "cri-o" "docker" "podman" "" unknown; static text */
	char container_id[80];     /* 64 hex digits, or YARN's */
	char pod_uid[48];          /* as Kubernetes writes it, with '-' */
	char qos[12];              /* "guaranteed" "burstable" "besteffort" */
	char slurm_job[24], slurm_step[16], slurm_task[12], slurm_node[64];
	char unit[128];            /* "nginx.service" */
	size_t n_holder;           /* how many bytes of the path are the holder's own cgroup; the rest lies below it */
};

/* Always fills *ret_form. True when holder is not NONE. Conmon's and other helpers' cgroups are NONE. */
bool cgroup_form_parse(const char *path, struct cgroup_form *ret_form);

/* The rows, for docs/workloads.md: false past the last. */
bool cgroup_form_row(size_t i, const char **ret_form, const char **ret_written_by, const char **ret_example);

#endif

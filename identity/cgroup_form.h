/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_form.h - what the path of a cgroup says about who runs in it: container, pod, Slurm step, YARN container, unit.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: paths shorter than GRAPH_MAX_KEY; every field has its size, and an id that does not fit is no id.
 *
 * One table of forms (cgroup_form.c), each with the systems that write it. The deepest container of a path is meant (a
 * kind or k3s node is a container itself); what lies below a container's cgroup belongs to it. What lies around the
 * holder stays said: a Slurm step inside a pod has the container and the pod too, a container inside a Slurm step has the
 * job, a container that a unit runs has the unit.
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
	const char *form;          /* row of the table: "kubepods, systemd driver, containerd"; "" none */
	const char *runtime;       /* "containerd" "cri-o" "docker" "podman" "yarn", "" unknown; static text */
	char container_id[80];     /* 64 hex digits, or YARN's */
	char pod_uid[48];          /* as Kubernetes writes it, with '-'; a static pod's may be a hash without */
	char qos[12];              /* of the pod: "guaranteed" "burstable" "besteffort" */
	char slurm_job[24], slurm_step[16], slurm_task[12], slurm_node[64]; /* job: a number, or a SLUID */
	char unit[128];            /* "nginx.service"; of Talos the name alone */
	size_t n_holder;           /* how many bytes of the path are the holder's own cgroup; the rest lies below it */
};

/* Always fills *ret_form. True when holder is not NONE. The cgroups of conmon and its like are NONE, or belong to the
 * container or Slurm step around them. A path with ".." at its start, as it looks from inside a cgroup namespace, is
 * read; with ".." further on it is NONE. */
bool cgroup_form_parse(const char *path, struct cgroup_form *ret_form);

/* The rows, for docs/workloads.md: false past the last. */
bool cgroup_form_row(size_t i, const char **ret_form, const char **ret_written_by, const char **ret_example);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* docker_cgroups.h - containers that their cgroups show, for when nobody can be asked about them.
 *
 * Room: runtimes.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: the caller's array; DOCKER_CGROUPS_LOOK names of each folder.
 *
 * The folders where Docker and rootful Podman put containers by default, with either cgroup driver;
 * identity/cgroup_form.h says which form a path has. Those of a user's Podman, and of containers below another parent,
 * are not looked for.
 */
#ifndef WHY_RUNTIMES_DOCKER_CGROUPS_H
#define WHY_RUNTIMES_DOCKER_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtimes/docker_json.h"

#define DOCKER_CGROUPS_LOOK 8192

struct docker_cgroup {
	char id[DOCKER_ID_MAX];
	bool podman;
};

/* How many are filled. */
size_t docker_cgroups_find(int root_fd, struct docker_cgroup *ret_cgroups, size_t max);

#endif

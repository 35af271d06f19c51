/* SPDX-License-Identifier: Apache-2.0 */
/* uses_mounts.h - which mount of the node a path of a process lies on, whatever its own namespace calls it.
 *
 * Room: collectors.  Owns: two mount tables: the node's, and that of the process asked about last.  Thread: the loop.
 * Clock: none.  Bounds: USES_MAX_MOUNTS mounts and 1 MiB of the node's table, an eighth of both of a process's; what is
 * above is counted, and paths on it fall to the mount they would be on without it.
 *
 * Only texts of /proc are read: no path is ever looked up, so that a dead NFS server cannot hold the agent up. A mount
 * is known across namespaces by its device number; a container's overlay is where its upper folder lies.
 */
#ifndef WHY_COLLECTORS_USES_MOUNTS_H
#define WHY_COLLECTORS_USES_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/graph.h"

#define USES_MAX_MOUNTS 8192

struct uses_mounts;

int uses_mounts_new(int root_fd, struct uses_mounts **ret_mounts); /* -ENOMEM */
void uses_mounts_free(struct uses_mounts **mounts);
/* Read the node's table again. -errno: there is none, the old one stays. */
int uses_mounts_refresh(struct uses_mounts *m);
/* Paths asked from now on are those of the process behind this folder of /proc. -errno: it has no table, or has ended.
 */
int uses_mounts_enter(struct uses_mounts *m, int proc_fd);

/* Entity of the mount that `path` lies on, else ENTITY_NONE; then *ret_major and *ret_minor are its device's, 0 and 0
 * when it has none. */
entity_id uses_mounts_find(const struct uses_mounts *m, const char *path, const struct graph *graph,
			   uint32_t *ret_major, uint32_t *ret_minor);
uint64_t uses_mounts_cut(const struct uses_mounts *m); /* tables that did not fit, since birth */

#endif

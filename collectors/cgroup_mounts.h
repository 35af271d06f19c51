/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_mounts.h - which cgroup hierarchies are mounted below the root, and a folder descriptor of each.
 *
 * Room: collectors.  Owns: the descriptors.  Thread: the loop.  Clock: none.
 * Bounds: one descriptor a hierarchy; a mount table above 1 MiB is read as far as that.
 */
#ifndef WHY_COLLECTORS_CGROUP_MOUNTS_H
#define WHY_COLLECTORS_CGROUP_MOUNTS_H

#include "collectors/cgroup_tree.h"

struct cgroup_mounts {
	enum cgroup_mode mode;
	int fd[CGROUP_HIER_MAX];              /* -1: not mounted */
	enum cgroup_hier home[CGROUP_HIER_MAX]; /* whose files and ids a controller uses: itself, or UNIFIED */
};

/* -ENOENT: no cgroup file system; -ENOMEM. On failure nothing is open. */
int cgroup_mounts_open(int root_fd, struct cgroup_mounts *ret_mounts);
void cgroup_mounts_close(struct cgroup_mounts *m); /* accepts a closed one */

/* "/a/b" of a kernel id, by its file handle. -ESTALE: no such cgroup; -EPERM: needs CAP_DAC_READ_SEARCH;
 * -EXDEV: not below the mount; -ENAMETOOLONG; -EIO. */
int cgroup_mounts_path_of_id(const struct cgroup_mounts *m, enum cgroup_hier hier, uint64_t id, char *ret_path,
			     size_t size);

#endif

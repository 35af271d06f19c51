/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_cgroup.h - the cgroup behind a key that the kernel half reports.
 *
 * Room: collectors.  Owns: a reference to the shared cgroup tree.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: none of its own.
 *
 * The shared tree knows the cgroup, or, when it was removed before anybody looked, the path that the kernel half
 * copied while it existed.
 */
#ifndef WHY_COLLECTORS_KERNEL_CGROUP_H
#define WHY_COLLECTORS_KERNEL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/task_cgroup.h"
#include "collectors/cgroup_tree.h"

#define KERNEL_CGROUP_PATH_MAX 512

struct kernel_cgroup {
	struct cgroup_tree *tree; /* NULL: no cgroup file system is mounted */
	int paths_fd;             /* map key -> struct task_cgroup_path; not owned */
};

/* Never fails: without a mounted cgroup file system the kernel's paths are all there is. */
void kernel_cgroup_open(struct kernel_cgroup *k, const struct collect_env *env, int paths_fd);
void kernel_cgroup_close(struct kernel_cgroup *k);
void kernel_cgroup_refresh(struct kernel_cgroup *k, mono_ns_t now, struct batch *b);

/* For the kernel half's knob: 1 when controllers live in v1 hierarchies. */
uint32_t kernel_cgroup_v1(const struct collect_env *env);

/* Entity, or ENTITY_NONE when neither knows the key. A cgroup that only the kernel half still knows is made and marked
 * gone at once. */
entity_id kernel_cgroup_entity(struct kernel_cgroup *k, uint64_t key, struct batch *b);
/* Tasks were seen in it at `now`. */
void kernel_cgroup_saw_tasks(struct kernel_cgroup *k, uint64_t key, mono_ns_t now);
/* Path from the root of its hierarchy, "" when unknown. */
void kernel_cgroup_path(struct kernel_cgroup *k, uint64_t key, char *ret_path, size_t size);

/* Root first from what the kernel copied leaf first; "/" without levels. -EBADMSG: not such a record. */
int kernel_cgroup_join(const struct task_cgroup_path *path, char *ret_path, size_t size);

#endif

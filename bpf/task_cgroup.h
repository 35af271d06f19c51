/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* task_cgroup.h - how the kernel half names the cgroup of a task: a 64-bit key, and the path behind it.
 *
 * Room: bpf (both halves).  Bounds: a path is kept leaf first, up to TASK_CGROUP_MAX_LEVELS names of less than
 * TASK_CGROUP_NAME_BYTES in TASK_CGROUP_PATH_BYTES; a longer one is cut and said to be (`cut`).
 *
 * A kernfs id is unique within its hierarchy only, so the key carries the hierarchy in its top four bits.
 */
#ifndef WHY_BPF_TASK_CGROUP_H
#define WHY_BPF_TASK_CGROUP_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TASK_CGROUP_MAX_LEVELS 16
#define TASK_CGROUP_NAME_BYTES 128
#define TASK_CGROUP_PATH_BYTES 512

/* The same numbers as enum cgroup_hier in collectors/cgroup_tree.h. */
#define TASK_CGROUP_UNIFIED 0
#define TASK_CGROUP_CPU     1
#define TASK_CGROUP_MEMORY  3
#define TASK_CGROUP_PIDS    4

#define TASK_CGROUP_KEY(hier, id) (((__u64)(hier) << 60) | ((id) & 0x0fffffffffffffffULL))
#define TASK_CGROUP_HIER(key)     ((__u32)((key) >> 60))
#define TASK_CGROUP_ID(key)       ((key) & 0x0fffffffffffffffULL)

struct task_cgroup_path {
	__u32 len; /* bytes of `names` in use */
	__u16 levels;
	__u16 cut; /* 1: names towards the root are missing */
	char names[TASK_CGROUP_PATH_BYTES]; /* leaf first, each ended by NUL; the root has no name */
};
_Static_assert(sizeof(struct task_cgroup_path) == 8 + TASK_CGROUP_PATH_BYTES, "no padding");

#endif

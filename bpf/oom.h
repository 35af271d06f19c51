/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* oom.h - what bpf/oom.bpf.c tells collectors/oom.c.
 *
 * Room: bpf (both halves).  Bounds: OOM_MAX_CGROUPS cgroups are followed, OOM_HISTORY looks at each.
 */
#ifndef WHY_BPF_OOM_H
#define WHY_BPF_OOM_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define OOM_MAX_CGROUPS 4096
#define OOM_MAX_LEVELS  24
#define OOM_HISTORY     16 /* a power of two */

enum oom_found {
	OOM_NONE,   /* no ancestor's limit was hit: the machine ran out */
	OOM_LOCKED, /* the kernel holds the OOM lock of that cgroup */
	OOM_FULL,   /* nearest ancestor that is at its limit and counted an OOM */
};

struct oom_event {
	__u64 at_ns;          /* CLOCK_MONOTONIC */
	__u64 start_ns;       /* of the victim, since boot; 0: this kernel tells the pid only */
	__u64 cgroup;         /* key of the victim's cgroup, see bpf/task_cgroup.h */
	__u64 memory_cgroup;  /* key of its memory cgroup */
	__u64 limit_cgroup;   /* key of the memory cgroup whose limit was hit, 0 none */
	__u64 limit_pages, usage_pages;
	__u64 memory_pages;   /* in use by the victim's memory cgroup */
	__u64 rss_pages;      /* anonymous, file and shared pages of the victim, give or take a few per CPU */
	__u32 pid, ppid, uid;
	__u32 found;          /* enum oom_found */
	__u32 with_swap;      /* the limit is on memory and swap together (v1) */
	__u32 has_rss;
	char comm[16];
};
_Static_assert(sizeof(struct oom_event) == 72 + 24 + 16, "no padding");

/* Memory in use by one cgroup, in pages, at the last OOM_HISTORY looks. */
struct oom_usage {
	__u64 tick; /* of the last look */
	__u64 first_tick;
	__u64 pages[OOM_HISTORY]; /* at tick % OOM_HISTORY */
};
_Static_assert(sizeof(struct oom_usage) == 16 + 8 * OOM_HISTORY, "no padding");

struct oom_state {
	__u64 tick;
	__u64 missed; /* kills for which the ring had no room */
	__u64 untold; /* cgroups above OOM_MAX_CGROUPS */
};
_Static_assert(sizeof(struct oom_state) == 24, "no padding");

#endif

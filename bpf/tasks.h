/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tasks.h - what bpf/tasks.bpf.c tells collectors/tasks.c.
 *
 * Room: bpf (both halves).  Bounds: TASKS_MAX_CGROUPS cgroups, TASKS_MAX_PER_KIND processes of each kind a tick,
 * TASKS_MAX_PARENTS parents of zombies.
 */
#ifndef WHY_BPF_TASKS_H
#define WHY_BPF_TASKS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TASKS_MAX_CGROUPS   4096
#define TASKS_MAX_PER_KIND  16
#define TASKS_MAX_PARENTS   256
#define TASKS_OVERFLOW_KEY  0ULL /* stands for the cgroups above TASKS_MAX_CGROUPS, and for tasks without one */

enum tasks_kind { TASKS_BLOCKED, TASKS_STOPPED, TASKS_FDS, TASKS_KIND_MAX };

/* Of one cgroup. The first four only grow; the rest is of iteration `tick`. */
struct tasks_cgroup {
	__u64 run_ns, delay_ns, voluntary, involuntary;
	__u64 tick;
	__u32 threads, processes;
	__u32 runnable, blocked, stopped, zombie;
	__u32 cpus_allowed; /* the most that any of its tasks may use */
	__u32 reserved;
};
_Static_assert(sizeof(struct tasks_cgroup) == 72, "no padding");

/* A process that matters in this tick. */
struct tasks_process {
	__u64 cgroup;   /* key, see bpf/task_cgroup.h */
	__u64 start_ns; /* since boot */
	__u64 value;    /* BLOCKED, STOPPED: ns in that state, 0: no longer; FDS: lowest descriptor that may be free */
	__u64 limit;    /* FDS: RLIMIT_NOFILE */
	__u32 pid, ppid, uid;
	__u32 terminal; /* 1: it has a controlling terminal */
	char comm[16];
};
_Static_assert(sizeof(struct tasks_process) == 64, "no padding");

struct tasks_matter {
	__u32 n[4]; /* by kind; the fourth is unused */
	struct tasks_process of[TASKS_KIND_MAX][TASKS_MAX_PER_KIND];
};
_Static_assert(sizeof(struct tasks_matter) == 16 + 64 * TASKS_KIND_MAX * TASKS_MAX_PER_KIND, "no padding");

/* Of one parent of zombies. */
struct tasks_parent {
	struct tasks_process process; /* value: zombie children */
	__u64 tick;
};
_Static_assert(sizeof(struct tasks_parent) == 72, "no padding");

/* Settings of one iteration, and what it could not take in. */
struct tasks_control {
	__u64 tick;
	__u64 now_ns;         /* the loop's `now`, CLOCK_MONOTONIC */
	__u64 born_ns;        /* since boot, set by the first iteration: older tasks start without a history */
	__u64 matter_dropped; /* processes that mattered above TASKS_MAX_PER_KIND */
	__u64 cgroups_dropped;/* tasks counted under TASKS_OVERFLOW_KEY because the map was full */
	__u64 untracked;      /* tasks for which no storage could be had */
};
_Static_assert(sizeof(struct tasks_control) == 48, "no padding");

#endif

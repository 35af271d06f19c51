/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tasks.h - what bpf/tasks.bpf.c tells collectors/tasks.c.
 *
 * Room: bpf (both halves).  Bounds: TASKS_MAX_CGROUPS cgroups, TASKS_MAX_PER_KIND processes of each kind a tick,
 * TASKS_MAX_PARENTS parents of zombies, TASKS_MAX_RANKS ranks with TASKS_MAX_MEMBERS processes together.
 */
#ifndef WHY_BPF_TASKS_H
#define WHY_BPF_TASKS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TASKS_MAX_CGROUPS   4096
#define TASKS_MAX_PER_KIND  16
#define TASKS_MAX_PARENTS   256
#define TASKS_MAX_RANKS     1024
#define TASKS_MAX_MEMBERS   2048
#define TASKS_SAMPLE_NS     50000000ULL /* the members' main threads are looked at so often, while there are any */
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

/* A process of a rank: value in the map `members` under its tgid. */
struct tasks_member {
	__u32 slot;     /* of its rank */
	__u32 reserved;
	__u64 start_ns; /* since boot, as found by the iterator; 0: not seen yet */
	__u64 cgroup;   /* key, where it was last */
};
_Static_assert(sizeof(struct tasks_member) == 24, "no padding");

/* Of one rank, over all threads of its processes. The first two only grow; the rest is of iteration `tick`. */
struct tasks_rank {
	__u64 run_ns, delay_ns;
	__u64 tick;
	__u64 top_run_ns, top_delay_ns; /* of the thread that wanted to run most since the last tick */
	__u64 read_bytes, write_bytes;  /* of the processes that live */
	__u32 processes, threads;
	__u32 states;                   /* TASKS_IS_* of its main threads, ored */
	__u32 reserved;
};
_Static_assert(sizeof(struct tasks_rank) == 72, "no padding");

/* What the main threads of a rank's processes were found doing, taken together: the first of these that any of them does.
 * Only grows. */
enum tasks_doing { TASKS_DOING_BUSY, TASKS_DOING_STOPPED, TASKS_DOING_IO, TASKS_DOING_IDLE, TASKS_DOING_MAX };
struct tasks_looks {
	__u64 n[TASKS_DOING_MAX];
};
_Static_assert(sizeof(struct tasks_looks) == 32, "no padding");

#define TASKS_IS_BUSY    1u /* runs or waits for a CPU */
#define TASKS_IS_STOPPED 2u /* by a signal or a debugger */
#define TASKS_IS_IO      4u /* waits in the kernel, uninterruptible */

/* One process to look at; those of one rank follow each other. */
struct tasks_looked_at {
	__u32 pid, slot;
};
_Static_assert(sizeof(struct tasks_looked_at) == 8, "no padding");

/* Settings of one iteration, and what it could not take in. */
struct tasks_control {
	__u64 tick;
	__u64 now_ns;         /* the loop's `now`, CLOCK_MONOTONIC */
	__u64 born_ns;        /* since boot, set by the first iteration: older tasks start without a history */
	__u64 matter_dropped; /* processes that mattered above TASKS_MAX_PER_KIND */
	__u64 cgroups_dropped;/* tasks counted under TASKS_OVERFLOW_KEY because the map was full */
	__u64 untracked;      /* tasks for which no storage could be had */
	__u32 n_members;      /* processes in `members`; 0: nobody asks */
	__u32 n_looked_at;    /* of them in `looked_at`; 0 ends the timer */
	__u32 looking;        /* 1: the timer runs */
	__u32 reserved;
};
_Static_assert(sizeof(struct tasks_control) == 64, "no padding");

#endif

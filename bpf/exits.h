/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* exits.h - what bpf/exits.bpf.c tells collectors/exits.c.
 *
 * Room: bpf (both halves).  Bounds: EXITS_MAX_KNOWN processes are followed; rates per CPU, see the knobs there.
 */
#ifndef WHY_BPF_EXITS_H
#define WHY_BPF_EXITS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define EXITS_MAX_KNOWN      8192
#define EXITS_FILENAME_BYTES 128

enum exits_what {
	EXITS_EXIT,   /* the last thread of a process ended */
	EXITS_SIGNAL, /* a signal that kills or stops was sent */
	EXITS_EXEC,   /* a known process runs another program */
};

struct exits_task {
	__u64 cgroup;   /* key, see bpf/task_cgroup.h */
	__u64 start_ns; /* since boot */
	__u32 pid, ppid, uid, reserved;
	char comm[16];
};
_Static_assert(sizeof(struct exits_task) == 48, "no padding");

struct exits_event {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 what;  /* enum exits_what */
	__u32 known; /* EXIT, EXEC: user space has an entity for it */
	struct exits_task task;   /* who ended, execs or is hit */
	struct exits_task sender; /* SIGNAL */
	__u64 lifetime_ns;        /* EXIT */
	__s32 signo;              /* SIGNAL; EXIT: killed by it, else 0 */
	__s32 exit_code;          /* EXIT: 0..255 */
	__u8 core;                /* EXIT: memory was dumped */
	__u8 by_kernel;           /* SIGNAL: sent by the kernel itself (fault, OOM, death of the pid namespace) */
	__u8 same_process;        /* SIGNAL */
	__u8 handled;             /* SIGNAL: the process catches it */
	__s32 si_code;            /* SIGNAL */
	__u32 above;              /* SIGNAL: the sender is the parent of the process, or of its parent, ...; by the
				   * kernel: `sender` was the first process of its pid namespace and has ended */
	__u32 reserved;
	char filename[EXITS_FILENAME_BYTES]; /* EXEC */
};
_Static_assert(sizeof(struct exits_event) == 16 + 96 + 8 + 24 + EXITS_FILENAME_BYTES, "no padding");

/* Per-CPU counters, in this order. */
enum exits_count {
	EXITS_N_EXECS,
	EXITS_N_EXITS,
	EXITS_N_ABNORMAL,
	EXITS_N_MISSED_RATE, /* events above the rate */
	EXITS_N_MISSED_RING, /* events for which a ring had no room */
	EXITS_N_MAX,
};

struct exits_counts {
	__u64 n[EXITS_N_MAX];
};
_Static_assert(sizeof(struct exits_counts) == 8 * EXITS_N_MAX, "no padding");

#endif

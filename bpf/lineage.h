/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lineage.h - what bpf/lineage.bpf.c tells collectors/lineage.c.
 *
 * Room: bpf (both halves).
 * Bounds: names of less than LINEAGE_NAME_BYTES, values of less than LINEAGE_VALUE_BYTES, or LINEAGE_LONG_BYTES of a name
 * that is marked so and while there is room (longer ones are cut), at most LINEAGE_MAX_VALUES of them and
 * LINEAGE_DATA_BYTES in a record; LINEAGE_MAX_STRINGS variables of an environment are looked at (one above 4 KiB counts
 * for several), the rest is said to be unread.
 */
#ifndef WHY_BPF_LINEAGE_H
#define WHY_BPF_LINEAGE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define LINEAGE_NAME_BYTES  40
#define LINEAGE_VALUE_BYTES 128
#define LINEAGE_MAX_KEYS    256
#define LINEAGE_MAX_VALUES  64
#define LINEAGE_LONG_BYTES  3072
#define LINEAGE_DATA_BYTES  6144
#define LINEAGE_MAX_STRINGS 1024

/* Most variables are turned away by their first four bytes (with the '=' of a name of three): one bit of
 * LINEAGE_PREFIX_WORDS * 64 is set for each name of the list. */
#define LINEAGE_PREFIX_WORDS 64
#define LINEAGE_PREFIX_BIT(word) (((__u32)(word) * 0x9E3779B1U) >> 20)

struct lineage_name {
	char name[LINEAGE_NAME_BYTES]; /* filled up with NUL */
};

#define LINEAGE_NAME_LONG 0x10000U /* in the map `names`, beside the number in the list */
#define LINEAGE_KEY_CUT   0x8000U /* in `keys`: the value was longer */

/* Of one exec. Only the first `len` bytes of data are sent. */
struct lineage_record {
	__u64 start_ns; /* since boot */
	__u64 cgroup;   /* key, see bpf/task_cgroup.h */
	__u32 pid, ppid, uid;
	__u32 n_values, untaken;
	__u32 unread;   /* 1: the environment was not read to its end */
	__u32 len;
	__u32 reserved;
	char comm[16];
	__u16 keys[LINEAGE_MAX_VALUES]; /* number in the list */
	char data[LINEAGE_DATA_BYTES];  /* values in the order of keys, each ended by NUL */
};
_Static_assert(sizeof(struct lineage_record) == 64 + 2 * LINEAGE_MAX_VALUES + LINEAGE_DATA_BYTES, "no padding");

/* A process in the map `owners`; START in clock ticks after boot, as in its entity's key. */
struct lineage_key {
	__u64 start_ticks;
	__u32 pid;
	__u32 reserved;
};
_Static_assert(sizeof(struct lineage_key) == 16, "no padding");

/* The nearest process at or above it that was started with a variable of the list. */
struct lineage_owner_of {
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};
_Static_assert(sizeof(struct lineage_owner_of) == 16, "no padding");

enum lineage_count {
	LINEAGE_N_EXECS,
	LINEAGE_N_MISSED_RATE, /* environment not looked at: too many execs on this CPU */
	LINEAGE_N_MISSED_RING, /* looked at, and no room to tell */
	LINEAGE_N_UNKEPT,      /* descendants for which there was no room */
	LINEAGE_N_MAX,
};

struct lineage_counts {
	__u64 n[LINEAGE_N_MAX];
};

#endif

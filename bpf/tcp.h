/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tcp.h - what bpf/tcp.bpf.c tells collectors/tcp.c.
 *
 * Room: bpf (both halves).  Bounds: TCP_MAX_PEERS peers (least recently used leave), TCP_MAX_FLOWS sockets followed.
 */
#ifndef WHY_BPF_TCP_H
#define WHY_BPF_TCP_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TCP_MAX_PEERS 4096
#define TCP_MAX_FLOWS 8192

/* IPv4 as ::ffff:a.b.c.d. */
struct tcp_address {
	__u8 byte[16];
};

/* Of all flows to one peer; the first four only grow. */
struct tcp_peer {
	__u64 segments;    /* with data, sent (again) */
	__u64 retransmits; /* of them, sent again */
	__u64 resets_in, resets_out;
	__u64 tick;        /* of all that follows */
	__u64 rtt_us_sum;  /* smoothed round trips of its flows */
	__u32 n_rtt;
	__u32 heard;          /* flows on which something came since the round before */
	__u32 closed_windows; /* flows with data to send for which the peer has had no room for four seconds */
	__u32 stuck_long, stuck_short; /* flows whose oldest segment was sent four times or more, by its length */
	__u32 stuck_bytes;    /* the longest such segment */
};
_Static_assert(sizeof(struct tcp_peer) == 72, "no padding");

/* A connection that did not come about. */
struct tcp_failure {
	__u64 at_ns;    /* CLOCK_MONOTONIC */
	__u64 tried_ns; /* for so long */
	__u64 cgroup;   /* key, see bpf/task_cgroup.h */
	__u64 start_ns; /* of the process, since boot */
	__u32 pid, ppid, uid;
	__u32 error;       /* errno; 0: the program gave up before the kernel did */
	__u32 retransmits; /* SYNs sent again */
	__u16 port;        /* of the peer */
	__u16 reserved;
	struct tcp_address peer;
	char comm[16];
};
_Static_assert(sizeof(struct tcp_failure) == 32 + 24 + 32, "no padding");

/* A listening socket, printed by the iterator. */
struct tcp_listener {
	__u64 cgroup;
	__u64 start_ns; /* of the process that listens, 0 unknown */
	__u32 pid, ppid, uid;
	__u32 queue, queue_limit;
	__u32 drops;
	__u32 netns;
	__u16 port, family;
	struct tcp_address address;
	char comm[16];
};
_Static_assert(sizeof(struct tcp_listener) == 16 + 32 + 32, "no padding");

struct tcp_state {
	__u64 tick;
	__u64 segments, retransmits;        /* over all peers */
	__u64 flows, flows_new;             /* counted by the last iteration; made since */
	__u64 untracked;                    /* sockets not followed for want of room */
	__u64 missed_rate, missed_ring;     /* failures not told */
};
_Static_assert(sizeof(struct tcp_state) == 64, "no padding");

#endif

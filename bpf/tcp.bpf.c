// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tcp.bpf.c - loss by peer, connections that fail, accept queues that overflow, in all network namespaces.
 *
 * The kernel counts segments and retransmits of every socket itself. So nothing is hooked on the way of a packet: a
 * small storage on each socket (made when it connects, is accepted, listens, or retransmits) remembers what was read
 * last, and an iterator over these storages adds the growth to its peer once a second. Ratios are true ratios: both
 * counts are of the same flows over the same time.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/task_cgroup.bpf.h"
#include "bpf/tcp.h"

#define FAMILY_INET  2
#define FAMILY_INET6 10
#define PROTO_TCP    6

#define ADDRESS_NOT_AVAILABLE 99 /* EADDRNOTAVAIL */

#define STUCK_AFTER   4    /* times the same segment was sent: three seconds */
#define LONG_SEGMENT  1000 /* bytes; what a tunnel takes away never makes a shorter one too long */
#define MAX_DEPTH     20   /* of the tree of what is not acknowledged */
#define CLOSED_NS     4000000000ULL

#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT    2
#define STATE_CLOSE       7
#define STATE_CLOSE_WAIT  8
#define STATE_LISTEN      10

/* Knob: failures told a second on one CPU. */
const volatile __u32 failures_per_s = 50;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct tcp_state control = {};

struct flow {
	__u64 began_ns;
	__u64 cgroup, start_ns; /* of the process that connects or listens; 0 unknown */
	__u32 pid, ppid, uid;
	__u32 segments, retransmits, segs_in; /* as last read */
	char comm[16];
	__u32 una;     /* the first byte that the peer has not acknowledged */
	__u64 una_ns;  /* since when it is that one */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TCP_MAX_PEERS);
	__type(key, struct tcp_address);
	__type(value, struct tcp_peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} failures SEC(".maps");

struct budget {
	__u64 second;
	__u64 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

static __always_inline bool allowed(__u64 now)
{
	__u32 zero = 0;
	struct budget *b = bpf_map_lookup_elem(&budgets, &zero);

	if (!b)
		return false;
	if (b->second != now >> 30) {
		b->second = now >> 30;
		b->used = 0;
	}
	if (b->used++ < failures_per_s)
		return true;
	__sync_fetch_and_add(&control.missed_rate, 1);
	return false;
}

static __always_inline void map_ipv4(__u32 v4, struct tcp_address *a)
{
	__builtin_memset(a, 0, sizeof(*a));
	a->byte[10] = a->byte[11] = 0xff;
	__builtin_memcpy(a->byte + 12, &v4, 4);
}

/* Only fields that every kind of socket has, the small ones of TIME_WAIT and SYN_RECV too. False: neither IP. */
static __always_inline bool peer_of(const struct sock *sk, struct tcp_address *a)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == FAMILY_INET) {
		map_ipv4(BPF_CORE_READ(sk, __sk_common.skc_daddr), a);
		return true;
	}
	if (family != FAMILY_INET6)
		return false;
	BPF_CORE_READ_INTO(a, sk, __sk_common.skc_v6_daddr);
	return true;
}

static __always_inline struct tcp_peer *peer_get(const struct sock *sk)
{
	static const struct tcp_peer zero = {};
	struct tcp_address a;
	struct tcp_peer *p;

	if (!peer_of(sk, &a))
		return NULL;
	p = bpf_map_lookup_elem(&peers, &a);
	if (p)
		return p;
	bpf_map_update_elem(&peers, &a, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&peers, &a);
}

static __always_inline bool is_tcp(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == PROTO_TCP;
}

static __always_inline void own(struct flow *f, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	f->pid = BPF_CORE_READ(task, tgid);
	f->ppid = BPF_CORE_READ(task, real_parent, tgid);
	f->uid = BPF_CORE_READ(task, cred, uid.val);
	f->start_ns = BPF_CORE_READ(leader, start_boottime);
	BPF_CORE_READ_STR_INTO(&f->comm, leader, comm);
	f->cgroup = task_cgroup_named(task);
}

static __always_inline __u32 segments_of(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;

	return BPF_CORE_READ(tp, data_segs_out);
}

static __always_inline __u32 retransmits_of(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;

	return BPF_CORE_READ(tp, total_retrans);
}

static __always_inline bool has_room(void)
{
	if (control.flows + control.flows_new < TCP_MAX_FLOWS) {
		__sync_fetch_and_add(&control.flows_new, 1);
		return true;
	}
	__sync_fetch_and_add(&control.untracked, 1);
	return false;
}

/* Add what the flow did since it was last read. 32-bit counters: the difference survives a wrap. */
static __always_inline void add_growth(const struct sock *sk, struct flow *f, struct tcp_peer *p)
{
	__u32 segments = segments_of(sk), retransmits = retransmits_of(sk);
	__u32 more = segments - f->segments, again = retransmits - f->retransmits;

	f->segments = segments;
	f->retransmits = retransmits;
	if (!more && !again)
		return;
	__sync_fetch_and_add(&control.segments, more);
	__sync_fetch_and_add(&control.retransmits, again);
	if (!p)
		p = peer_get(sk);
	if (!p)
		return;
	__sync_fetch_and_add(&p->segments, more);
	__sync_fetch_and_add(&p->retransmits, again);
}

static __always_inline void tell_failure(const struct sock *sk, struct flow *f)
{
	const struct inet_sock *inet = (const void *)sk;
	__u32 error = BPF_CORE_READ(sk, sk_err), again = retransmits_of(sk);
	__u64 now = bpf_ktime_get_ns();
	struct tcp_failure *e;

	/* It never got a port of its own: the kernel refused at once, and leaves no error on the socket. */
	if (!error && !again && !BPF_CORE_READ(inet, inet_sport))
		error = ADDRESS_NOT_AVAILABLE;
	/* Closed by the program at once: it changed its mind, nothing failed. */
	if (!error && !again)
		return;
	if (!allowed(now))
		return;
	e = bpf_ringbuf_reserve(&failures, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&control.missed_ring, 1);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->at_ns = now;
	e->tried_ns = now - f->began_ns;
	e->cgroup = f->cgroup;
	e->start_ns = f->start_ns;
	e->pid = f->pid;
	e->ppid = f->ppid;
	e->uid = f->uid;
	e->error = error;
	e->retransmits = again;
	e->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	peer_of(sk, &e->peer);
	__builtin_memcpy(e->comm, f->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_set, struct sock *sk, int old, int new)
{
	struct flow *f;

	if (!is_tcp(sk))
		return 0;
	f = bpf_sk_storage_get(&flows, sk, NULL, 0);
	if (new == STATE_CLOSE) {
		if (!f)
			return 0;
		if (old == STATE_SYN_SENT)
			tell_failure(sk, f);
		else if (old != STATE_LISTEN)
			add_growth(sk, f, NULL);
		bpf_sk_storage_delete(&flows, sk);
		return 0;
	}
	if (f || (new != STATE_SYN_SENT && new != STATE_LISTEN && new != STATE_ESTABLISHED))
		return 0;
	if (!has_room())
		return 0;
	f = bpf_sk_storage_get(&flows, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!f)
		return 0;
	f->began_ns = bpf_ktime_get_ns();
	/* Only these two are reached by the program itself; an accepted connection is made by a packet. */
	if (new == STATE_SYN_SENT || new == STATE_LISTEN)
		own(f, (void *)bpf_get_current_task());
	return 0;
}

/* A flow that was there before us, seen when it first retransmits. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmitted, struct sock *sk)
{
	struct flow *f = bpf_sk_storage_get(&flows, sk, NULL, 0);

	if (f || !is_tcp(sk) || !has_room())
		return 0;
	f = bpf_sk_storage_get(&flows, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!f)
		return 0;
	f->segments = segments_of(sk) - 1;
	f->retransmits = retransmits_of(sk) - 1;
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	struct tcp_peer *p = peer_get(sk);

	if (p)
		__sync_fetch_and_add(&p->resets_in, 1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, const struct sock *sk)
{
	struct tcp_peer *p;

	if (!sk) /* to a port where nobody listens */
		return 0;
	p = peer_get(sk);
	if (p)
		__sync_fetch_and_add(&p->resets_out, 1);
	return 0;
}

static __always_inline void print_listener(struct seq_file *seq, const struct sock *sk, const struct flow *f)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct tcp_listener l = {};

	l.cgroup = f->cgroup;
	l.start_ns = f->start_ns;
	l.pid = f->pid;
	l.ppid = f->ppid;
	l.uid = f->uid;
	l.queue = BPF_CORE_READ(sk, sk_ack_backlog);
	l.queue_limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	l.drops = BPF_CORE_READ(sk, sk_drops.counter);
	l.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	l.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	l.family = family;
	if (family == FAMILY_INET)
		map_ipv4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), &l.address);
	else
		BPF_CORE_READ_INTO(&l.address, sk, __sk_common.skc_v6_rcv_saddr);
	__builtin_memcpy(l.comm, f->comm, sizeof(l.comm));
	bpf_seq_write(seq, &l, sizeof(l));
}

/* Bytes of the first segment that is not acknowledged: the one that is sent again. 0: there is none. */
static __always_inline __u32 first_unacknowledged(const struct sock *sk)
{
	struct rb_node *node = BPF_CORE_READ(sk, tcp_rtx_queue.rb_node), *left;

	if (!node)
		return 0;
	for (int i = 0; i < MAX_DEPTH; i++) {
		left = BPF_CORE_READ(node, rb_left);
		if (!left)
			break;
		node = left;
	}
	/* The node of the tree is the first member of a sk_buff. */
	return BPF_CORE_READ((const struct sk_buff *)node, len);
}

/* What the flow waits for: the peer that lets nothing in, or an acknowledgement that never comes. */
static __always_inline void add_waits(const struct sock *sk, struct flow *f, struct tcp_peer *p)
{
	const struct tcp_sock *tp = (const void *)sk;
	const struct inet_connection_sock *icsk = (const void *)sk;
	__u32 una = BPF_CORE_READ(tp, snd_una), segs_in = BPF_CORE_READ(tp, segs_in), bytes;
	__u64 now = bpf_ktime_get_ns();

	if (segs_in != f->segs_in)
		p->heard++;
	f->segs_in = segs_in;
	if (una != f->una || !f->una_ns) {
		f->una = una;
		f->una_ns = now;
	}
	if (!BPF_CORE_READ(tp, packets_out)) {
		if (BPF_CORE_READ(tp, write_seq) != una && BPF_CORE_READ(tp, snd_wnd) < BPF_CORE_READ(tp, mss_cache) &&
		    now - f->una_ns > CLOSED_NS)
			p->closed_windows++;
		return;
	}
	if (BPF_CORE_READ(icsk, icsk_retransmits) < STUCK_AFTER)
		return;
	bytes = first_unacknowledged(sk);
	if (bytes >= LONG_SEGMENT)
		p->stuck_long++;
	else
		p->stuck_short++;
	if (bytes > p->stuck_bytes)
		p->stuck_bytes = bytes;
}

SEC("iter/bpf_sk_storage_map")
int each_flow(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct flow *f = ctx->value;
	const struct tcp_sock *tp = (const void *)sk;
	struct tcp_peer *p;
	__u32 rtt_us;
	__u8 state;

	if (!sk || !f)
		return 0;
	control.flows++;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == STATE_LISTEN) {
		print_listener(ctx->meta->seq, sk, f);
		return 0;
	}
	if (state == STATE_SYN_SENT || state == STATE_CLOSE)
		return 0;
	p = peer_get(sk);
	if (!p)
		return 0;
	add_growth(sk, f, p);
	if (p->tick != control.tick) {
		p->tick = control.tick;
		p->rtt_us_sum = 0;
		p->n_rtt = p->heard = p->closed_windows = p->stuck_long = p->stuck_short = p->stuck_bytes = 0;
	}
	if (state == STATE_ESTABLISHED || state == STATE_CLOSE_WAIT)
		add_waits(sk, f, p);
	rtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	if (!rtt_us)
		return 0;
	p->rtt_us_sum += rtt_us;
	p->n_rtt++;
	return 0;
}

/* Run once at the start: the sockets that were there before us, with their owners, whatever their namespace. */
SEC("iter/task_file")
int each_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *sock;
	struct sock *sk;
	struct flow *f;
	__u8 state;

	if (!task || !file || task->pid != task->tgid)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk || !is_tcp(sk))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != STATE_LISTEN && state != STATE_ESTABLISHED)
		return 0;
	if (bpf_sk_storage_get(&flows, sk, NULL, 0) || !has_room())
		return 0;
	f = bpf_sk_storage_get(&flows, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!f)
		return 0;
	f->segments = segments_of(sk);
	f->retransmits = retransmits_of(sk);
	own(f, task);
	return 0;
}

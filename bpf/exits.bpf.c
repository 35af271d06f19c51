// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* exits.bpf.c - processes that end badly, and who sent the signal; ordinary ones are only counted.
 *
 * Two rings: `deaths` carries fatal signals, deaths by signal and the end of processes that have an entity, and is
 * limited so high that only a flood meets it; `chatter` (exit codes, execs of known processes, stops) is limited low,
 * so that 10,000 failing commands a second cannot push the first one out. The limit is asked before any ring
 * memory is reserved, and what it refused is counted.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/exits.h"
#include "bpf/task_cgroup.bpf.h"

/* Knobs, events a second on one CPU. */
const volatile __u32 deaths_per_s = 500;
const volatile __u32 chatter_per_s = 50;
/* An ordinary failure (exit code 1..125) of a process that lived shorter is only counted: shells make them all day. */
const volatile __u64 failure_min_ns = 1000000000ULL;

/* 1 to do as on kernels that do not tell which thread was the last, for tests. */
const volatile __u32 without_group_dead = 0;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAX_ANCESTORS 16
#define PF_EXITING    0x00000004

#define SIG_QUIT 3
#define SIG_ABRT 6
#define SIG_KILL 9
#define SIG_TERM 15
#define SIG_STOP 19
#define SIG_TSTP 20

#define BIT_OF(sig) (1U << (sig))
/* INT QUIT ILL ABRT BUS FPE KILL SEGV TERM XCPU XFSZ SYS */
#define FATAL_SIGNALS                                                                                                  \
	(BIT_OF(2) | BIT_OF(3) | BIT_OF(4) | BIT_OF(6) | BIT_OF(7) | BIT_OF(8) | BIT_OF(9) | BIT_OF(11) | BIT_OF(15) |  \
	 BIT_OF(24) | BIT_OF(25) | BIT_OF(31))
#define STOP_SIGNALS (BIT_OF(SIG_STOP) | BIT_OF(SIG_TSTP))
/* Told even when the process catches them: they ask it to end. */
#define ASKING_SIGNALS (BIT_OF(SIG_TERM) | BIT_OF(SIG_QUIT) | BIT_OF(SIG_ABRT) | BIT_OF(SIG_KILL))

#define RESULT_DELIVERED 0
#define RESULT_LOSE_INFO 4

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} deaths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} chatter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXITS_MAX_KNOWN);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} known SEC(".maps"); /* tgid -> start in clock ticks */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exits_counts);
} counts SEC(".maps");

struct ended_key {
	__u64 start_ns;
	__u64 pid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ended_key);
	__type(value, __u8);
} ended SEC(".maps"); /* before Linux 6.16: processes whose end was seen */

struct budget {
	__u64 second;
	__u32 deaths, chatter;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

static __always_inline void count(enum exits_count what)
{
	__u32 zero = 0;
	struct exits_counts *c = bpf_map_lookup_elem(&counts, &zero);

	if (c)
		c->n[what]++;
}

static __always_inline bool allowed(bool important, __u64 now)
{
	__u32 zero = 0;
	struct budget *b = bpf_map_lookup_elem(&budgets, &zero);
	__u64 second = now >> 30;

	if (!b)
		return false;
	if (b->second != second) {
		b->second = second;
		b->deaths = b->chatter = 0;
	}
	if (important ? b->deaths++ < deaths_per_s : b->chatter++ < chatter_per_s)
		return true;
	count(EXITS_N_MISSED_RATE);
	return false;
}

static __always_inline struct exits_event *reserve(bool important, __u64 now, __u32 what)
{
	struct exits_event *e = NULL;

	if (!allowed(important, now))
		return NULL;
	if (important)
		e = bpf_ringbuf_reserve(&deaths, sizeof(*e), 0);
	else
		e = bpf_ringbuf_reserve(&chatter, sizeof(*e), 0);
	if (!e) {
		count(EXITS_N_MISSED_RING);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->at_ns = now;
	e->what = what;
	return e;
}

static __always_inline void describe(struct task_struct *task, struct exits_task *t)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	t->cgroup = task_cgroup_named(task);
	t->start_ns = BPF_CORE_READ(leader, start_boottime);
	t->pid = BPF_CORE_READ(task, tgid);
	t->ppid = BPF_CORE_READ(task, real_parent, tgid);
	t->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&t->comm, leader, comm);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u32 tgid = task->tgid;
	struct exits_event *e;

	count(EXITS_N_EXECS);
	if (!bpf_map_lookup_elem(&known, &tgid))
		return 0;
	e = reserve(false, bpf_ktime_get_ns(), EXITS_EXEC);
	if (!e)
		return 0;
	e->known = 1;
	describe(task, &e->task);
	bpf_probe_read_kernel_str(e->filename, sizeof(e->filename), BPF_CORE_READ(bprm, filename));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* First process of its pid namespace: the main process of a container. */
static __always_inline bool is_namespace_init(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = pid ? BPF_CORE_READ(pid, level) : 0;
	__s32 nr = 0;

	if (!level || level > 32)
		return false;
	bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr));
	return nr == 1;
}

static __always_inline bool failure_matters(struct task_struct *task, __u32 code)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	if ((code & 0x7f) || ((code >> 8) & 0xff) >= 126)
		return true;
	if (bpf_ktime_get_boot_ns() - BPF_CORE_READ(leader, start_boottime) >= failure_min_ns)
		return true;
	return is_namespace_init(task);
}

struct trace_event_raw_sched_process_exit___new {
	bool group_dead; /* Linux 6.16 and later */
} __attribute__((preserve_access_index));

/* Threads that are killed together are all counted out of signal->live before the first of them gets here, so that
 * more than one finds it to be 0. */
static __always_inline bool is_last_thread(const unsigned long long *ctx, struct task_struct *task)
{
	struct signal_struct *sig = BPF_CORE_READ(task, signal);
	struct ended_key key = {};
	__u8 one = 1;

	if (!without_group_dead && bpf_core_field_exists(struct trace_event_raw_sched_process_exit___new, group_dead))
		return *(const volatile __u64 *)&ctx[1] & 0xff;
	if (!sig || BPF_CORE_READ(sig, live.counter) != 0)
		return false;
	key.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	key.pid = BPF_CORE_READ(task, tgid);
	return bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST) != -17; /* EEXIST */
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exit, struct task_struct *task)
{
	struct signal_struct *sig = BPF_CORE_READ(task, signal);
	__u32 tgid = task->tgid, is_known = 0, code, signo;
	struct exits_event *e;
	__u64 now;

	if (!sig || !is_last_thread(ctx, task))
		return 0;
	count(EXITS_N_EXITS);
	code = BPF_CORE_READ(sig, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	if (bpf_map_lookup_elem(&known, &tgid))
		is_known = bpf_map_delete_elem(&known, &tgid) == 0;
	if (code)
		count(EXITS_N_ABNORMAL);
	if (!is_known && (!code || !failure_matters(task, code)))
		return 0;
	now = bpf_ktime_get_ns();
	signo = code & 0x7f;
	e = reserve(signo || is_known, now, EXITS_EXIT);
	if (!e)
		return 0;
	e->known = is_known;
	describe(task, &e->task);
	e->lifetime_ns = bpf_ktime_get_boot_ns() - e->task.start_ns;
	e->signo = signo;
	e->exit_code = (code >> 8) & 0xff;
	e->core = !!(code & 0x80);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Address of the handler: 0 the default action, 1 ignored, else caught. */
static __always_inline __u64 handler_of(struct task_struct *task, int sig)
{
	struct sighand_struct *hand = BPF_CORE_READ(task, sighand);
	__u64 handler = 0;

	if (hand)
		bpf_probe_read_kernel(&handler, sizeof(handler),
				      (void *)hand + bpf_core_field_offset(struct sighand_struct, action) +
					      (sig - 1) * bpf_core_type_size(struct k_sigaction));
	return handler;
}

/* A supervisor, a batch system or a test runner that ends what it started, however far down. */
static __always_inline bool is_above(__u32 pid, struct task_struct *task)
{
	int i;

	for (i = 0; i < MAX_ANCESTORS && task; i++) {
		task = BPF_CORE_READ(task, real_parent);
		if (BPF_CORE_READ(task, tgid) == pid)
			return true;
		if (BPF_CORE_READ(task, tgid) <= 1)
			return false;
	}
	return false;
}

/* The first process of a pid namespace ends, and the kernel takes the others with it: nobody chose them. */
static __always_inline bool is_namespace_end(struct task_struct *task, int sig)
{
	return sig == SIG_KILL && (BPF_CORE_READ(task, flags) & PF_EXITING) &&
	       is_namespace_init(BPF_CORE_READ(task, group_leader));
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
{
	struct task_struct *sender = (void *)bpf_get_current_task();
	struct exits_event *e;
	__s32 si_code = 0;
	__u64 handler;
	bool stops, by_kernel;

	if (sig < 1 || sig > 31 || !((FATAL_SIGNALS | STOP_SIGNALS) & BIT_OF(sig)))
		return 0;
	if (result != RESULT_DELIVERED && result != RESULT_LOSE_INFO)
		return 0;
	handler = handler_of(task, sig);
	if (handler == 1 || (handler && !(ASKING_SIGNALS & BIT_OF(sig))))
		return 0;
	stops = STOP_SIGNALS & BIT_OF(sig);
	/* 0: kill() and the like; 1: the kernel itself, no siginfo. */
	by_kernel = (__u64)info == 1;
	if ((__u64)info > 1) {
		si_code = BPF_CORE_READ(info, si_code);
		by_kernel = si_code > 0;
	}
	e = reserve(!stops, bpf_ktime_get_ns(), EXITS_SIGNAL);
	if (!e)
		return 0;
	describe(task, &e->task);
	describe(sender, &e->sender);
	e->signo = sig;
	e->si_code = si_code;
	e->by_kernel = by_kernel;
	e->handled = handler > 1;
	e->same_process = e->task.pid == e->sender.pid;
	if (by_kernel)
		e->above = is_namespace_end(sender, sig);
	else
		e->above = !e->same_process && is_above(e->sender.pid, task);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tasks.bpf.c - once a second over all tasks: CPU time, waiting for a CPU and states, summed by cgroup.
 *
 * Counters of a cgroup must not fall when a task exits, so that what is added is each task's growth since it was
 * last looked at, kept in task storage (freed with the task by the kernel, no lookup by pid, no stale entries). What
 * a task used after the last look, and all of a task that lived less than a second, is added when it exits. A task
 * that is exiting is left to the exit hook until that has run, so that nothing is added twice. (Left over: the
 * iterator may read a task's flags just before it begins to exit; then at most one tick of one task counts twice.)
 *
 * The processes of ranks are known to user space, which lists them in `members`; their threads are summed by rank on
 * the way. Once a second is too coarse to tell how long a rank waits for storage, and the kernel keeps no such sum
 * unless it was told to (delayacct): so a timer looks at their main threads, and at nothing else, 20 times a second.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/task_cgroup.bpf.h"
#include "bpf/tasks.h"

#define PF_EXITING   0x00000004
#define PF_KTHREAD   0x00200000
#define RLIM_NOFILE  7
#define EXIT_ZOMBIE_ 0x20

#define STATE_UNINTERRUPTIBLE 0x02
#define STATE_STOPPED         0x04
#define STATE_NOLOAD          0x400

#define STATE_TRACED          0x08
#define CLOCK_MONOTONIC_      1

#define BLOCKED_MIN_NS 1000000000ULL

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct tasks_control control = {};

struct task_last {
	__u64 run, delay, voluntary, involuntary;
	__u64 since;    /* when `kind` was first seen, without a switch since */
	__u64 switches; /* at that time */
	__u32 kind;     /* STATE_UNINTERRUPTIBLE, STATE_STOPPED or 0 */
	__u8 exited;    /* the exit hook has added the rest */
	__u8 told_state;/* kind + 1 that user space was told of */
	__u8 told_fds;
	__u8 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_last);
} last_of_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct tasks_cgroup);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tasks_matter);
} matter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS_MAX_PARENTS);
	__type(key, __u32);
	__type(value, struct tasks_parent);
} parents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct tasks_member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TASKS_MAX_RANKS);
	__type(key, __u32);
	__type(value, struct tasks_rank);
} ranks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TASKS_MAX_RANKS);
	__type(key, __u32);
	__type(value, struct tasks_looks);
} looks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TASKS_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct tasks_looked_at);
} looked_at SEC(".maps");

struct looker {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct looker);
} lookers SEC(".maps");

struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
void bpf_task_release(struct task_struct *p) __ksym __weak;

struct task_struct___old {
	volatile long state; /* before Linux 5.14 */
} __attribute__((preserve_access_index));

static __always_inline __u32 task_state(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return (__u32)BPF_CORE_READ(old, state);
	return task->__state;
}

static __always_inline struct tasks_cgroup *cgroup_get(__u64 key, struct kernfs_node *kn)
{
	static const struct tasks_cgroup zero = {};
	struct tasks_cgroup *c = bpf_map_lookup_elem(&cgroups, &key);

	if (c)
		return c;
	if (bpf_map_update_elem(&cgroups, &key, &zero, BPF_NOEXIST) == 0 && key)
		task_cgroup_remember(key, kn);
	c = bpf_map_lookup_elem(&cgroups, &key);
	if (c)
		return c;
	__sync_fetch_and_add(&control.cgroups_dropped, 1);
	key = TASKS_OVERFLOW_KEY;
	return bpf_map_lookup_elem(&cgroups, &key);
}

static __always_inline void read_counters(struct task_struct *task, struct task_last *now)
{
	now->run = task->se.sum_exec_runtime;
	now->delay = 0;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		now->delay = task->sched_info.run_delay;
	now->voluntary = task->nvcsw;
	now->involuntary = task->nivcsw;
}

static __always_inline __u64 grown(__u64 from, __u64 to)
{
	return to > from ? to - from : 0;
}

static __always_inline void add_growth(struct tasks_cgroup *c, struct task_last *from, struct task_last *to)
{
	/* Most tasks sleep: nothing changes without a switch or some run time. */
	if (from->run == to->run && from->delay == to->delay && from->voluntary == to->voluntary)
		return;
	__sync_fetch_and_add(&c->run_ns, grown(from->run, to->run));
	__sync_fetch_and_add(&c->delay_ns, grown(from->delay, to->delay));
	__sync_fetch_and_add(&c->voluntary, grown(from->voluntary, to->voluntary));
	__sync_fetch_and_add(&c->involuntary, grown(from->involuntary, to->involuntary));
	from->run = to->run;
	from->delay = to->delay;
	from->voluntary = to->voluntary;
	from->involuntary = to->involuntary;
}

static __always_inline void describe(struct task_struct *task, __u64 cgroup, struct tasks_process *p)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	p->cgroup = cgroup;
	p->start_ns = BPF_CORE_READ(leader, start_boottime);
	p->pid = BPF_CORE_READ(task, tgid);
	p->ppid = BPF_CORE_READ(task, real_parent, tgid);
	p->uid = BPF_CORE_READ(task, cred, uid.val);
	p->terminal = BPF_CORE_READ(task, signal, tty) != NULL;
	BPF_CORE_READ_STR_INTO(&p->comm, leader, comm);
}

static __always_inline void tell(struct task_struct *task, __u64 cgroup, __u32 kind, __u64 value, __u64 limit)
{
	struct tasks_matter *m;
	struct tasks_process *p;
	__u32 zero = 0, n;

	m = bpf_map_lookup_elem(&matter, &zero);
	if (!m || kind >= TASKS_KIND_MAX)
		return;
	n = m->n[kind];
	/* Threads of one process follow each other: one entry, the worst of them. */
	if (n > 0 && n <= TASKS_MAX_PER_KIND) {
		p = &m->of[kind][n - 1];
		if (p->pid == BPF_CORE_READ(task, tgid)) {
			if (value > p->value)
				p->value = value;
			return;
		}
	}
	if (n >= TASKS_MAX_PER_KIND) {
		control.matter_dropped++;
		return;
	}
	p = &m->of[kind][n];
	describe(task, cgroup, p);
	p->value = value;
	p->limit = limit;
	m->n[kind] = n + 1;
}

/* How long it has been in D or T: from the first look that found it there, if it has not been switched since. */
static __always_inline void follow_state(struct task_struct *task, __u64 key, struct task_last *last, __u32 kind)
{
	__u64 switches = last->voluntary + last->involuntary;
	__u64 blocked_ns;

	if (kind != last->kind || switches != last->switches) {
		if (last->told_state) {
			tell(task, key, last->told_state - 1, 0, 0);
			last->told_state = 0;
		}
		last->kind = kind;
		last->switches = switches;
		last->since = control.now_ns;
		return;
	}
	if (!kind)
		return;
	blocked_ns = grown(last->since, control.now_ns);
	if (kind == STATE_UNINTERRUPTIBLE && blocked_ns < BLOCKED_MIN_NS)
		return;
	kind = kind == STATE_STOPPED ? TASKS_STOPPED : TASKS_BLOCKED;
	tell(task, key, kind, blocked_ns, 0);
	last->told_state = kind + 1;
}

/* files->next_fd: all descriptors below it are in use. A lower bound that costs three reads. */
static __always_inline void follow_fds(struct task_struct *task, __u64 key, struct task_last *last)
{
	struct files_struct *files = task->files;
	struct signal_struct *sig = task->signal;
	__u64 used, limit;

	if (!files || !sig)
		return;
	used = files->next_fd;
	limit = sig->rlim[RLIM_NOFILE].rlim_cur;
	if (!limit || (used * 2 < limit && !last->told_fds))
		return;
	tell(task, key, TASKS_FDS, used, limit);
	last->told_fds = used * 4 >= limit; /* followed down to a quarter, told once more below it */
}

static __always_inline void count_zombie(struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	struct kernfs_node *kn = NULL;
	struct tasks_parent *p, fresh = {};
	__u32 tgid = BPF_CORE_READ(parent, tgid);

	p = bpf_map_lookup_elem(&parents, &tgid);
	if (!p) {
		describe(parent, task_cgroup_key(parent, &kn), &fresh.process);
		fresh.process.value = 1;
		fresh.tick = control.tick;
		bpf_map_update_elem(&parents, &tgid, &fresh, BPF_NOEXIST);
		return;
	}
	if (p->tick != control.tick) {
		describe(parent, task_cgroup_key(parent, &kn), &p->process);
		p->process.value = 0;
		p->tick = control.tick;
	}
	p->process.value++;
}

static __always_inline void start_tick(struct tasks_cgroup *c)
{
	if (c->tick == control.tick)
		return;
	c->tick = control.tick;
	c->threads = c->processes = 0;
	c->runnable = c->blocked = c->stopped = c->zombie = 0;
	c->cpus_allowed = 0;
}

/* Kind of its state: STATE_UNINTERRUPTIBLE, STATE_STOPPED, 0; counted on the way. */
static __always_inline __u32 count_state(struct task_struct *task, struct tasks_cgroup *c, bool leader)
{
	__u32 exit_state = task->exit_state, state;

	if (exit_state) {
		/* A leader waits as a zombie for its other threads: no zombie yet. */
		if (leader && exit_state == EXIT_ZOMBIE_ && BPF_CORE_READ(task, signal, live.counter) == 0) {
			c->zombie++;
			count_zombie(task);
		}
		return 0;
	}
	c->threads++;
	if (leader)
		c->processes++;
	state = task_state(task);
	if (state == 0) {
		c->runnable++;
		return 0;
	}
	if (state & STATE_STOPPED) {
		c->stopped++;
		return STATE_STOPPED;
	}
	if ((state & STATE_UNINTERRUPTIBLE) && !(state & STATE_NOLOAD)) {
		c->blocked++;
		return STATE_UNINTERRUPTIBLE;
	}
	return 0;
}

/* ---- ranks ---- */

static __always_inline __u32 doing_of(struct task_struct *task)
{
	__u32 state = task_state(task);

	if (state == 0)
		return TASKS_IS_BUSY;
	if (state & (STATE_STOPPED | STATE_TRACED))
		return TASKS_IS_STOPPED;
	if ((state & STATE_UNINTERRUPTIBLE) && !(state & STATE_NOLOAD))
		return TASKS_IS_IO;
	return 0;
}

static __always_inline void count_member(struct task_struct *task, __u64 cgroup, bool leader, __u64 run_ns, __u64 delay_ns)
{
	__u32 tgid = task->tgid, slot;
	struct tasks_member *member = bpf_map_lookup_elem(&members, &tgid);
	struct tasks_rank *r;

	if (!member)
		return;
	slot = member->slot;
	r = bpf_map_lookup_elem(&ranks, &slot);
	if (!r)
		return;
	if (r->tick != control.tick) {
		r->tick = control.tick;
		r->top_run_ns = r->top_delay_ns = 0;
		r->read_bytes = r->write_bytes = 0;
		r->processes = r->threads = r->states = 0;
	}
	r->threads++;
	r->run_ns += run_ns;
	r->delay_ns += delay_ns;
	if (run_ns + delay_ns > r->top_run_ns + r->top_delay_ns) {
		r->top_run_ns = run_ns;
		r->top_delay_ns = delay_ns;
	}
	if (bpf_core_field_exists(task->ioac.read_bytes)) {
		r->read_bytes += task->ioac.read_bytes;
		r->write_bytes += task->ioac.write_bytes;
	}
	if (!leader)
		return;
	r->processes++;
	r->states |= doing_of(task);
	member->start_ns = task->start_boottime;
	member->cgroup = cgroup;
	if (bpf_core_field_exists(task->ioac.read_bytes)) {
		r->read_bytes += BPF_CORE_READ(task, signal, ioac.read_bytes);
		r->write_bytes += BPF_CORE_READ(task, signal, ioac.write_bytes);
	}
}

static __always_inline void count_look(__u32 slot, __u32 is)
{
	struct tasks_looks *l = bpf_map_lookup_elem(&looks, &slot);

	if (!l)
		return;
	if (is & TASKS_IS_BUSY)
		l->n[TASKS_DOING_BUSY]++;
	else if (is & TASKS_IS_STOPPED)
		l->n[TASKS_DOING_STOPPED]++;
	else if (is & TASKS_IS_IO)
		l->n[TASKS_DOING_IO]++;
	else
		l->n[TASKS_DOING_IDLE]++;
}

struct look {
	__u32 slot, is, any;
};

static long look_at(__u32 i, struct look *l)
{
	struct tasks_looked_at *at = bpf_map_lookup_elem(&looked_at, &i);
	struct task_struct *task;

	if (!at || i >= control.n_looked_at)
		return 1;
	if (l->any && at->slot != l->slot) {
		count_look(l->slot, l->is);
		l->any = l->is = 0;
	}
	task = bpf_task_from_pid(at->pid);
	if (!task)
		return 0;
	l->slot = at->slot;
	l->is |= doing_of(task);
	l->any = 1; /* a count would make the verifier follow every number of rounds */
	bpf_task_release(task);
	return 0;
}

static int look_around(void *map, int *key, struct looker *looker)
{
	struct look l = {};

	bpf_loop(TASKS_MAX_MEMBERS, look_at, &l, 0);
	if (l.any)
		count_look(l.slot, l.is);
	if (control.n_looked_at)
		bpf_timer_start(&looker->timer, TASKS_SAMPLE_NS, 0);
	else
		control.looking = 0;
	return 0;
}

/* Run by user space when there is somebody to look at and the timer does not run. */
SEC("syscall")
int start_looking(void *ctx)
{
	__u32 zero = 0;
	struct looker *looker = bpf_map_lookup_elem(&lookers, &zero);

	if (!looker || !bpf_task_from_pid || control.looking)
		return 0;
	bpf_timer_init(&looker->timer, &lookers, CLOCK_MONOTONIC_);
	bpf_timer_set_callback(&looker->timer, look_around);
	if (bpf_timer_start(&looker->timer, TASKS_SAMPLE_NS, 0) == 0)
		control.looking = 1;
	return 0;
}

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_last now = {}, *last;
	struct kernfs_node *kn = NULL;
	struct tasks_cgroup *c;
	__u64 key, run_ns, delay_ns;
	__u32 kind, cpus;
	bool leader;

	if (!control.born_ns)
		control.born_ns = bpf_ktime_get_boot_ns();
	if (!task)
		return 0;
	leader = task->pid == task->tgid;
	key = task_cgroup_key_fast(task, &kn);
	c = cgroup_get(key, kn);
	if (!c)
		return 0;
	start_tick(c);
	kind = count_state(task, c, leader);
	cpus = task->nr_cpus_allowed;
	if (cpus > c->cpus_allowed && !(task->flags & PF_KTHREAD))
		c->cpus_allowed = cpus;

	last = bpf_task_storage_get(&last_of_task, task, NULL, 0);
	if ((task->flags & PF_EXITING) && (!last || !last->exited))
		return 0;
	read_counters(task, &now);
	if (!last) {
		last = bpf_task_storage_get(&last_of_task, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!last) {
			control.untracked++;
			return 0;
		}
		if (task->start_boottime < control.born_ns)
			*last = now;
	}
	run_ns = grown(last->run, now.run);
	delay_ns = grown(last->delay, now.delay);
	add_growth(c, last, &now);
	if (task->exit_state)
		return 0;
	if (control.n_members)
		count_member(task, key, leader, run_ns, delay_ns);
	follow_state(task, key, last, kind);
	if (leader)
		follow_fds(task, key, last);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exit, struct task_struct *task)
{
	struct task_last now = {}, none = {}, *last;
	struct kernfs_node *kn = NULL;
	struct tasks_cgroup *c;

	if (!control.born_ns)
		return 0;
	last = bpf_task_storage_get(&last_of_task, task, NULL, 0);
	if (!last) {
		if (task->start_boottime < control.born_ns)
			return 0;
		last = &none;
	}
	c = cgroup_get(task_cgroup_key_fast(task, &kn), kn);
	if (!c)
		return 0;
	read_counters(task, &now);
	add_growth(c, last, &now);
	last->exited = 1;
	return 0;
}

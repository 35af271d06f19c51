// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* oom.bpf.c - who was chosen by the OOM killer, and the limit of which cgroup was hit.
 *
 * mark_victim does not tell why. While a memory cgroup is out of memory the kernel holds `oom_lock` on it and all
 * below it: the topmost ancestor of the victim that has it is the one. Kernels without that field, and limits that
 * were lowered below the usage, fall back to the nearest ancestor that is at its limit and has itself counted an OOM.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/oom.h"
#include "bpf/task_cgroup.bpf.h"

#define SLACK_PAGES 128
#define NO_LIMIT    (~0ULL >> 13) /* PAGE_COUNTER_MAX is LONG_MAX / PAGE_SIZE; no page is smaller than 4 KiB */

/* Knob: 1 to do as on kernels without the field, for tests. */
const volatile __u32 without_lock = 0;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct oom_state control = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} kills SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OOM_MAX_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct oom_usage);
} usage SEC(".maps");

struct mm_rss_stat___old {
	atomic_long_t count[4];
} __attribute__((preserve_access_index));
struct mm_struct___old {
	struct mm_rss_stat___old rss_stat; /* before Linux 6.2 */
} __attribute__((preserve_access_index));

static __always_inline struct mem_cgroup *memcg_of_css(struct cgroup_subsys_state *css)
{
	return css ? (void *)css - bpf_core_field_offset(struct mem_cgroup, css) : NULL;
}

static __always_inline struct cgroup_subsys_state *memory_css(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	if (set)
		bpf_probe_read_kernel(&css, sizeof(css), (void *)set + bpf_core_field_offset(struct css_set, subsys) +
					      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * 8);
	return css;
}

static __always_inline __u64 css_key(struct cgroup_subsys_state *css, struct kernfs_node **ret_kn)
{
	*ret_kn = BPF_CORE_READ(css, cgroup, kn);
	return TASK_CGROUP_KEY(TASK_CGROUP_MEMORY, BPF_CORE_READ(*ret_kn, id));
}

static __always_inline bool counted_oom(struct mem_cgroup *memcg)
{
	__s64 n = 0;

	if (!bpf_core_field_exists(memcg->memory_events_local))
		return true;
	bpf_probe_read_kernel(&n, sizeof(n), (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory_events_local) +
				      bpf_core_enum_value(enum memcg_memory_event, MEMCG_OOM) * 8);
	return n > 0;
}

struct counter {
	__u64 usage, max;
};

static __always_inline struct counter memory_of(struct mem_cgroup *memcg)
{
	struct counter c = { BPF_CORE_READ(memcg, memory.usage.counter), BPF_CORE_READ(memcg, memory.max) };

	return c;
}

static __always_inline struct counter memsw_of(struct mem_cgroup *memcg)
{
	struct counter c = { BPF_CORE_READ(memcg, memsw.usage.counter), BPF_CORE_READ(memcg, memsw.max) };

	return c;
}

static __always_inline bool is_full(struct counter c)
{
	return c.max < NO_LIMIT && c.usage + SLACK_PAGES >= c.max;
}

static __always_inline void find_limit(struct oom_event *e, struct cgroup_subsys_state *css)
{
	struct cgroup_subsys_state *locked = NULL, *full = NULL;
	struct kernfs_node *kn;
	struct mem_cgroup *memcg;
	struct counter c;
	int i;

	for (i = 0; i < OOM_MAX_LEVELS && css; i++) {
		memcg = memcg_of_css(css);
		if (!without_lock && bpf_core_field_exists(memcg->oom_lock) && BPF_CORE_READ(memcg, oom_lock))
			locked = css;
		if (!full && counted_oom(memcg) &&
		    (is_full(memory_of(memcg)) || (cgroup_v1 && is_full(memsw_of(memcg)))))
			full = css;
		css = BPF_CORE_READ(css, parent);
	}
	if (!locked && !full)
		return;
	e->found = locked ? OOM_LOCKED : OOM_FULL;
	css = locked ? locked : full;
	memcg = memcg_of_css(css);
	c = memory_of(memcg);
	if (cgroup_v1 && !is_full(c) && is_full(memsw_of(memcg))) {
		c = memsw_of(memcg);
		e->with_swap = 1;
	}
	e->limit_pages = c.max;
	e->usage_pages = c.usage;
	e->limit_cgroup = css_key(css, &kn);
	task_cgroup_remember(e->limit_cgroup, kn);
}

static __always_inline __u64 rss_of(struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;
	__s64 sum = 0, n;
	int i;

	if (bpf_core_field_exists(struct mm_rss_stat___old, count))
		return BPF_CORE_READ(old, rss_stat.count[0].counter) + BPF_CORE_READ(old, rss_stat.count[1].counter) +
		       BPF_CORE_READ(old, rss_stat.count[3].counter);
	for (i = 0; i < 4; i++) {
		n = 0;
		if (i == 2) /* swap entries */
			continue;
		bpf_probe_read_kernel(&n, sizeof(n), (void *)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
					      i * bpf_core_type_size(struct percpu_counter) +
					      bpf_core_field_offset(struct percpu_counter, count));
		if (n > 0)
			sum += n;
	}
	return sum;
}

static __always_inline struct oom_event *kill_reserve(void)
{
	struct oom_event *e = bpf_ringbuf_reserve(&kills, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&control.missed, 1);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->at_ns = bpf_ktime_get_ns();
	return e;
}

/* Linux 6.10 and later: the task itself. */
SEC("tp_btf/mark_victim")
int BPF_PROG(victim_task, struct task_struct *task)
{
	struct cgroup_subsys_state *css = memory_css(task);
	struct oom_event *e = kill_reserve();
	struct kernfs_node *kn = NULL;
	struct task_struct *leader;
	struct mm_struct *mm;

	if (!e)
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	e->start_ns = BPF_CORE_READ(leader, start_boottime);
	e->pid = BPF_CORE_READ(task, tgid);
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&e->comm, leader, comm);
	mm = BPF_CORE_READ(task, mm);
	if (mm) {
		e->rss_pages = rss_of(mm);
		e->has_rss = 1;
	}
	e->cgroup = task_cgroup_named(task);
	if (css) {
		e->memory_cgroup = css_key(css, &kn);
		e->memory_pages = memory_of(memcg_of_css(css)).usage;
		task_cgroup_remember(e->memory_cgroup, kn);
		find_limit(e, css);
	}
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Before: its pid only. The task that allocates stands for it: it is in the cgroup that is out of memory. */
SEC("tp_btf/mark_victim")
int BPF_PROG(victim_pid, int pid)
{
	struct cgroup_subsys_state *css = memory_css((void *)bpf_get_current_task());
	struct oom_event *e = kill_reserve();

	if (!e)
		return 0;
	e->pid = pid;
	if (css)
		find_limit(e, css);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Linux 6.1 and later: memory in use by every cgroup, so that a kill can name who grew. */
SEC("iter/cgroup")
int each_cgroup(struct bpf_iter__cgroup *ctx)
{
	static const struct oom_usage zero = {};
	struct cgroup *cgrp = ctx->cgroup;
	struct cgroup_subsys_state *css = NULL;
	struct kernfs_node *kn = NULL;
	struct oom_usage *u;
	__u64 key;

	if (!cgrp)
		return 0;
	bpf_probe_read_kernel(&css, sizeof(css), (void *)cgrp + bpf_core_field_offset(struct cgroup, subsys) +
				      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * 8);
	if (!css)
		return 0;
	key = css_key(css, &kn);
	u = bpf_map_lookup_elem(&usage, &key);
	if (!u) {
		bpf_map_update_elem(&usage, &key, &zero, BPF_NOEXIST);
		u = bpf_map_lookup_elem(&usage, &key);
		if (!u) {
			control.untold++;
			return 0;
		}
		u->first_tick = control.tick;
	}
	u->tick = control.tick;
	u->pages[control.tick & (OOM_HISTORY - 1)] = BPF_CORE_READ(memcg_of_css(css), memory.usage.counter);
	return 0;
}

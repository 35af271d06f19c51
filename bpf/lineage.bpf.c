// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* lineage.bpf.c - programs started with a variable of the allow-list in their environment, and who descends from them.
 *
 * The environment is read where the kernel has just put it, before the program's first instruction: what a process
 * writes over it later changes nothing. Strings are read one by one into a buffer of this CPU; only values of listed
 * names go on from there, and the buffer is wiped before the program ends, because the others are people's secrets.
 *
 * The step of the loop is a function of its own with numbers for arguments: the verifier looks at it once, so that a
 * plain bounded loop of 1,024 steps loads on every kernel (5.10 too) and bpf_loop() is not needed.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/lineage.h"
#include "bpf/task_cgroup.bpf.h"

/* Knobs: environments looked at in a second on one CPU; nanoseconds of a clock tick. */
const volatile __u32 execs_per_s = 1000;
const volatile __u64 tick_ns = 10000000;
/* First bytes of the names of the list, see LINEAGE_PREFIX_BIT. */
const volatile __u64 prefixes[LINEAGE_PREFIX_WORDS] = {};

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TEXT_BYTES 4096

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LINEAGE_MAX_KEYS);
	__type(key, struct lineage_name);
	__type(value, __u32);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct lineage_key);
	__type(value, struct lineage_owner_of);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lineage_counts);
} counts SEC(".maps");

struct budget {
	__u64 second;
	__u64 execs;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

struct scratch {
	char text[TEXT_BYTES]; /* one variable, or a part of one */
	__u64 at, end;         /* of the environment, in the process */
	__u64 seen[LINEAGE_MAX_KEYS / 64];
	__u32 inside;          /* `at` is within a variable */
	struct lineage_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[TEXT_BYTES]);
} nothing SEC(".maps");

static __always_inline void count(enum lineage_count what)
{
	__u32 zero = 0;
	struct lineage_counts *c = bpf_map_lookup_elem(&counts, &zero);

	if (c)
		c->n[what]++;
}

static __always_inline bool allowed(void)
{
	__u32 zero = 0;
	struct budget *b = bpf_map_lookup_elem(&budgets, &zero);
	__u64 second = bpf_ktime_get_ns() >> 30;

	if (!b)
		return false;
	if (b->second != second) {
		b->second = second;
		b->execs = 0;
	}
	return b->execs++ < execs_per_s;
}

/* The value begins behind the '=' at `equals`; `n` bytes were read of the variable, with the NUL. */
static __always_inline void take_value(struct scratch *s, __u32 name, __u32 equals, __u32 n)
{
	struct lineage_record *r = &s->record;
	__u32 i = r->n_values, len = r->len, max = LINEAGE_VALUE_BYTES, key = name & ~LINEAGE_NAME_LONG;
	__u64 bit = 1ULL << (key & 63);
	long got;

	if (key >= LINEAGE_MAX_KEYS || equals >= LINEAGE_NAME_BYTES || s->seen[key >> 6] & bit)
		return; /* the first of several is the one that getenv() finds */
	s->seen[key >> 6] |= bit;
	if (i >= LINEAGE_MAX_VALUES || len > LINEAGE_DATA_BYTES - LINEAGE_VALUE_BYTES) {
		r->untaken++;
		return;
	}
	if (name & LINEAGE_NAME_LONG && len <= LINEAGE_DATA_BYTES - LINEAGE_LONG_BYTES) {
		max = LINEAGE_LONG_BYTES;
		got = bpf_probe_read_kernel_str(r->data + len, LINEAGE_LONG_BYTES, s->text + equals + 1);
	} else {
		got = bpf_probe_read_kernel_str(r->data + len, LINEAGE_VALUE_BYTES, s->text + equals + 1);
	}
	if (got <= 0)
		return;
	r->keys[i] = key | (n - equals - 1 > max ? LINEAGE_KEY_CUT : 0);
	r->n_values = i + 1;
	r->len = len + (got & 4095);
}

/* One variable. 1: that was the last. */
__noinline int take_variable(__u32 zero)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	struct lineage_name name = {};
	__u32 bit, equals, inside, *key;
	long n;

	if (!s || s->at >= s->end)
		return 1;
	n = bpf_probe_read_user_str(s->text, TEXT_BYTES, (void *)s->at);
	if (n <= 0) {
		s->record.unread = 1;
		return 1;
	}
	inside = s->inside;
	s->inside = n == TEXT_BYTES;
	s->at += s->inside ? TEXT_BYTES - 1 : n;
	if (inside || n < 5)
		return 0;
	bit = LINEAGE_PREFIX_BIT(*(__u32 *)s->text);
	if (!(prefixes[(bit >> 6) & (LINEAGE_PREFIX_WORDS - 1)] & 1ULL << (bit & 63)))
		return 0;
#pragma unroll
	for (equals = 0; equals < LINEAGE_NAME_BYTES; equals++) {
		if (s->text[equals] == '=')
			break;
		if (!s->text[equals])
			return 0;
		name.name[equals] = s->text[equals];
	}
	if (equals == LINEAGE_NAME_BYTES)
		return 0;
	key = bpf_map_lookup_elem(&names, &name);
	if (key)
		take_value(s, *key, equals, n);
	return 0;
}

static __always_inline void wipe(struct scratch *s)
{
	__u32 zero = 0;
	void *zeroes = bpf_map_lookup_elem(&nothing, &zero);

	if (zeroes)
		bpf_probe_read_kernel(s->text, TEXT_BYTES, zeroes);
}

static __always_inline struct lineage_key key_of(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct lineage_key key = { .start_ticks = leader->start_boottime / tick_ns, .pid = task->tgid };

	return key;
}

static __always_inline void own(struct task_struct *task)
{
	struct lineage_key key = key_of(task);
	struct lineage_owner_of self = { .start_ns = task->group_leader->start_boottime, .pid = task->tgid };

	if (bpf_map_update_elem(&owners, &key, &self, BPF_ANY) < 0)
		count(LINEAGE_N_UNKEPT);
}

static __always_inline void tell(struct task_struct *task, struct lineage_record *r)
{
	__u32 len = r->len;

	r->cgroup = task_cgroup_named(task);
	r->start_ns = task->group_leader->start_boottime;
	r->pid = task->tgid;
	r->ppid = task->real_parent->tgid;
	r->uid = task->cred->uid.val;
	__builtin_memset(r->comm, 0, sizeof(r->comm));
	BPF_CORE_READ_STR_INTO(&r->comm, task, comm);
	if (len > LINEAGE_DATA_BYTES)
		return;
	if (bpf_ringbuf_output(&execs, r, __builtin_offsetof(struct lineage_record, data) + len, 0) < 0)
		count(LINEAGE_N_MISSED_RING);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lineage_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	struct scratch *s;
	__u32 zero = 0, i;

	count(LINEAGE_N_EXECS);
	s = bpf_map_lookup_elem(&scratches, &zero);
	if (!mm || !s)
		return 0;
	if (!allowed()) {
		count(LINEAGE_N_MISSED_RATE);
		return 0;
	}
	s->at = mm->env_start;
	s->end = mm->env_end;
	s->inside = 0;
	__builtin_memset(s->seen, 0, sizeof(s->seen));
	s->record.n_values = s->record.untaken = s->record.unread = s->record.len = s->record.reserved = 0;
	for (i = 0; i < LINEAGE_MAX_STRINGS; i++)
		if (take_variable(0))
			break;
	if (i == LINEAGE_MAX_STRINGS && s->at < s->end)
		s->record.unread = 1;
	wipe(s);
	if (!s->record.n_values)
		return 0;
	own(task);
	tell(task, &s->record);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lineage_fork, struct task_struct *parent, struct task_struct *child)
{
	struct lineage_owner_of *found, owner;
	struct lineage_key key;

	if (child->pid != child->tgid)
		return 0; /* a thread */
	key = key_of(parent);
	found = bpf_map_lookup_elem(&owners, &key);
	if (!found)
		return 0;
	owner = *found;
	key = key_of(child);
	if (bpf_map_update_elem(&owners, &key, &owner, BPF_ANY) < 0)
		count(LINEAGE_N_UNKEPT);
	return 0;
}

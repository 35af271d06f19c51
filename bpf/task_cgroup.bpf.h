/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* task_cgroup.bpf.h - kernel half only: the cgroup key of a task, and the path remembered under that key.
 *
 * Room: bpf.  Bounds: `cgroup_paths` is an LRU; what fell out is looked up by id in user space.
 *
 * With cgroup v1 a task is in one cgroup a hierarchy: the first of cpu, memory, pids and unified is taken in which it
 * is not in the root, so that a task which somebody moved in one hierarchy only counts there. The path is copied while
 * the cgroup still exists: after a kill it is often gone before user space gets to ask.
 */
#ifndef WHY_BPF_TASK_CGROUP_BPF_H
#define WHY_BPF_TASK_CGROUP_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/task_cgroup.h"

/* Knob: 1 when controllers are on v1 hierarchies (v1, hybrid). */
const volatile __u32 cgroup_v1 = 0;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, struct task_cgroup_path);
} cgroup_paths SEC(".maps");

struct task_cgroup_scratch {
	struct task_cgroup_path path;
	__u64 busy; /* an iterator may be interrupted by a hook on its CPU: that one's path is looked up by id later */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_cgroup_scratch);
} cgroup_path_scratch SEC(".maps");

struct kernfs_node___old {
	struct kernfs_node *parent; /* before Linux 6.15 */
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *task_cgroup_parent(struct kernfs_node *kn)
{
	struct kernfs_node___old *old = (void *)kn;

	if (bpf_core_field_exists(old->parent))
		return BPF_CORE_READ(old, parent);
	return BPF_CORE_READ(kn, __parent);
}

static __always_inline void task_cgroup_remember(__u64 key, struct kernfs_node *kn)
{
	__u32 zero = 0, off = 0, level;
	struct task_cgroup_scratch *scratch;
	struct task_cgroup_path *path;

	if (bpf_map_lookup_elem(&cgroup_paths, &key))
		return;
	scratch = bpf_map_lookup_elem(&cgroup_path_scratch, &zero);
	if (!scratch || scratch->busy)
		return;
	*(volatile __u64 *)&scratch->busy = 1;
	path = &scratch->path;
	path->cut = 1;
	path->levels = 0;
	for (level = 0; level < TASK_CGROUP_MAX_LEVELS + 1; level++) {
		struct kernfs_node *parent = task_cgroup_parent(kn);
		const char *name;
		long n;

		if (!parent) {
			path->cut = 0;
			break;
		}
		if (off > TASK_CGROUP_PATH_BYTES - TASK_CGROUP_NAME_BYTES)
			break;
		name = BPF_CORE_READ(kn, name);
		n = bpf_probe_read_kernel_str(path->names + off, TASK_CGROUP_NAME_BYTES, name);
		if (n <= 0)
			break;
		off += n & (TASK_CGROUP_NAME_BYTES * 2 - 1);
		path->levels = level + 1;
		kn = parent;
	}
	path->len = off;
	bpf_map_update_elem(&cgroup_paths, &key, path, BPF_ANY);
	*(volatile __u64 *)&scratch->busy = 0;
}

#define TASK_CGROUP_SUBSYS(id) bpf_core_enum_value(enum cgroup_subsys_id, id)
#define TASK_CGROUP_CSS(set, id)                                                                                       \
	(*(struct cgroup_subsys_state **)((void *)(set) + bpf_core_field_offset(struct css_set, subsys) +              \
					  TASK_CGROUP_SUBSYS(id) * 8))

static __always_inline struct cgroup *task_cgroup_of_subsys(struct css_set *set, __u32 id)
{
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css), (void *)set + bpf_core_field_offset(struct css_set, subsys) + id * 8);
	return css ? BPF_CORE_READ(css, cgroup) : NULL;
}

/* Take `cgrp` unless one below a root was found before. */
static __always_inline void task_cgroup_prefer(struct cgroup *cgrp, __u32 hier, __s32 *level, __u32 *best_hier,
					       struct kernfs_node **kn)
{
	if (!cgrp || *level > 0)
		return;
	*level = BPF_CORE_READ(cgrp, level); /* the unified one is asked last and stands for the root */
	*best_hier = hier;
	*kn = BPF_CORE_READ(cgrp, kn);
}

/* Key of the task's cgroup; 0 when it has none any more. Its node in *ret_kn. */
static __always_inline __u64 task_cgroup_key(struct task_struct *task, struct kernfs_node **ret_kn)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct kernfs_node *kn = NULL;
	__u32 hier = TASK_CGROUP_UNIFIED;
	__s32 level = -1;

	if (!set)
		return 0;
	if (cgroup_v1) {
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id))
			task_cgroup_prefer(task_cgroup_of_subsys(set, TASK_CGROUP_SUBSYS(cpu_cgrp_id)),
					   TASK_CGROUP_CPU, &level, &hier, &kn);
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
			task_cgroup_prefer(task_cgroup_of_subsys(set, TASK_CGROUP_SUBSYS(memory_cgrp_id)),
					   TASK_CGROUP_MEMORY, &level, &hier, &kn);
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
			task_cgroup_prefer(task_cgroup_of_subsys(set, TASK_CGROUP_SUBSYS(pids_cgrp_id)),
					   TASK_CGROUP_PIDS, &level, &hier, &kn);
	}
	task_cgroup_prefer(BPF_CORE_READ(set, dfl_cgrp), TASK_CGROUP_UNIFIED, &level, &hier, &kn);
	if (!kn)
		return 0;
	*ret_kn = kn;
	return TASK_CGROUP_KEY(hier, BPF_CORE_READ(kn, id));
}

/* The task's cgroup in one v1 hierarchy if that is below its root, by plain loads; else `other`. */
#define TASK_CGROUP_BELOW_ROOT(set, id, other)                                                                         \
	({                                                                                                             \
		struct cgroup *below_ = (other);                                                                       \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, id)) {                                           \
			struct cgroup_subsys_state *css_ = TASK_CGROUP_CSS(set, id);                                   \
			if (css_ && css_->cgroup->level > 0)                                                           \
				below_ = css_->cgroup;                                                                 \
		}                                                                                                      \
		below_;                                                                                                \
	})

/* As task_cgroup_key, by plain loads, at half the cost, where the verifier knows that `task` is one: for what runs for
 * each task. */
static __always_inline __u64 task_cgroup_key_fast(struct task_struct *task, struct kernfs_node **ret_kn)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgrp = NULL;
	__u32 hier = TASK_CGROUP_CPU;

	if (cgroup_v1) {
		cgrp = TASK_CGROUP_BELOW_ROOT(set, cpu_cgrp_id, NULL);
		if (!cgrp) {
			hier = TASK_CGROUP_MEMORY;
			cgrp = TASK_CGROUP_BELOW_ROOT(set, memory_cgrp_id, NULL);
		}
		if (!cgrp) {
			hier = TASK_CGROUP_PIDS;
			cgrp = TASK_CGROUP_BELOW_ROOT(set, pids_cgrp_id, NULL);
		}
	}
	if (!cgrp) {
		hier = TASK_CGROUP_UNIFIED;
		cgrp = set->dfl_cgrp;
	}
	*ret_kn = cgrp->kn;
	return TASK_CGROUP_KEY(hier, cgrp->kn->id);
}

/* The same, and its path is remembered for user space. */
static __always_inline __u64 task_cgroup_named(struct task_struct *task)
{
	struct kernfs_node *kn = NULL;
	__u64 key = task_cgroup_key(task, &kn);

	if (key)
		task_cgroup_remember(key, kn);
	return key;
}

#endif

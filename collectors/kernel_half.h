/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_half.h - the life of a BPF skeleton whose programs may each be refused by the kernel.
 *
 * Room: collectors.  Owns: skeleton, links, ring reader, what libbpf said.  Thread: the loop.  Clock: none.
 * Bounds: KERNEL_HALF_MAX_HOOKS programs; each refusal costs one more load.
 *
 * A program that the kernel refuses is left out and the rest is loaded again without it: one missing hook
 * costs one metric. libbpf's own words never reach stderr; they become the reason that `why doctor` prints.
 */
#ifndef WHY_COLLECTORS_KERNEL_HALF_H
#define WHY_COLLECTORS_KERNEL_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "collectors/collector.h"

#define KERNEL_HALF_MAX_HOOKS 16

struct kernel_hook {
	char name[64]; /* program, as "tp_btf/oom/mark_victim" */
	char program[32];
	int error;     /* 0: works; else errno */
	bool unused;   /* a twin of a program that works: not reported */
	char reason[192];
};

struct kernel_half_ops {
	void *(*open)(void);
	void (*destroy)(void *skel);
	/* Set knobs and sizes before the load; called again for each attempt. NULL ok. */
	void (*set)(void *skel, const struct collect_env *env, void *arg);
};

/* Wraps what bpftool generated for bpf/STEM.bpf.c as `STEM_kernel_half_open` and `_destroy`. */
#define KERNEL_HALF_WRAP(stem)                                                                                         \
	static void *stem##_kernel_half_open(void)                                                                     \
	{                                                                                                              \
		return stem##_bpf__open();                                                                             \
	}                                                                                                              \
	static void stem##_kernel_half_destroy(void *skel)                                                             \
	{                                                                                                              \
		stem##_bpf__destroy(skel);                                                                             \
	}

struct kernel_half {
	void *skel;
	struct bpf_object *object; /* of skel */
	const struct kernel_half_ops *ops;
	struct bpf_link *links[KERNEL_HALF_MAX_HOOKS];
	struct kernel_hook hooks[KERNEL_HALF_MAX_HOOKS];
	size_t n_hooks;
};

/* For a collector's probe(): 0 when BPF programs can be expected to load. -ENOSYS: fixture root, or a kernel without
 * BTF; -EPERM: a capability is missing. The reason is one sentence. */
int kernel_half_probe(const struct collect_env *env, char *ret_reason, size_t size);

/* Open, load and attach; iterators are left to kernel_half_iterate, `syscall` programs to who runs them. -errno: nothing
 * could be loaded; then hooks[] says why and kernel_half_close must still be called. */
int kernel_half_open(struct kernel_half *k, const struct kernel_half_ops *ops, const struct collect_env *env, void *arg);
void kernel_half_close(struct kernel_half *k); /* accepts zeroed and half-open */

/* True when the program was loaded, and attached or is an iterator. */
bool kernel_half_works(const struct kernel_half *k, const char *program);
/* Mark a program that is only another form of one that works, so that it is not reported. */
void kernel_half_unused(struct kernel_half *k, const char *program);

/* A link for an iterator; run it by kernel_half_iterate. `info` says over which map or cgroup, NULL: over all.
 * -ENOENT: the program was refused; else from the kernel, kept as the hook's reason. */
int kernel_half_attach_iterator(struct kernel_half *k, struct bpf_program *program, const union bpf_iter_link_info *info,
				struct bpf_link **ret_link);
/* Run an iterator to its end, dropping what it prints. -errno from the kernel. */
int kernel_half_iterate(struct bpf_link *link);
/* The same; what it prints goes to `out`, as far as there is room. */
int kernel_half_iterate_into(struct bpf_link *link, void *out, size_t size, size_t *ret_len);

/* One line a hook, in the form collector.hooks wants it. */
void kernel_half_say(const struct kernel_half *k, void (*say)(void *arg, const char *hook, int error, const char *reason),
		     void *arg);

/* Sum of a per-CPU array's u64 counters at `index`. -errno from the kernel. */
int kernel_half_sum(int map_fd, uint32_t index, uint64_t *ret_values, size_t n_values);

/* ---- ring ---- */

struct kernel_ring {
	struct ring_buffer *ring;
	unsigned left;  /* of the drain that runs */
	int (*take)(void *arg, const void *data, size_t size);
	void *arg;
};

/* -errno from libbpf. `take` is called for each record by kernel_ring_drain. */
int kernel_ring_open(struct kernel_ring *r, int map_fd, int (*take)(void *arg, const void *data, size_t size), void *arg);
int kernel_ring_add(struct kernel_ring *r, int map_fd); /* a second ring, same `take` */
void kernel_ring_close(struct kernel_ring *r);
int kernel_ring_fd(const struct kernel_ring *r);               /* -1: none */
int kernel_ring_drain(struct kernel_ring *r, unsigned max);    /* how many were taken */

#endif

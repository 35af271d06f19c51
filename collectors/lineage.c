// SPDX-License-Identifier: Apache-2.0
#include "collectors/lineage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"

#include "bpf/lineage.h"
#include "bpf/lineage.skel.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"

_Static_assert(LINEAGE_NAME_BYTES == ENV_KEY_NAME_MAX && LINEAGE_VALUE_BYTES == ENV_VALUE_MAX, "both halves agree");
_Static_assert(ENV_KEY_MAX <= LINEAGE_MAX_KEYS, "the kernel half has room for the list");

struct lineage {
	struct kernel_half kernel;
	struct lineage_bpf *skel;
	struct kernel_ring ring;
	lineage_exec_fn on_exec;
	void *arg;
	uint64_t tick_ns;
	struct lineage_exec exec; /* of the record that is being taken */
};

KERNEL_HALF_WRAP(lineage)

static struct lineage_name padded(const char *name)
{
	struct lineage_name padded = { 0 };
	memcpy(padded.name, name, strnlen(name, sizeof(padded.name) - 1));
	return padded;
}

static void lineage_set(void *skel, const struct collect_env *env, void *arg)
{
	struct lineage_bpf *s = skel;
	const struct lineage *l = arg;
	for (unsigned i = 0; i < ENV_KEY_MAX; i++) {
		struct lineage_name name = padded(env_key_name((enum env_key)i));
		uint32_t word;
		size_t len = strlen(name.name);
		name.name[MIN_OF(len, sizeof(name.name) - 1)] = '='; /* counts in a name of three */
		memcpy(&word, name.name, sizeof(word));
		word = LINEAGE_PREFIX_BIT(word);
		s->rodata->prefixes[word / 64] |= UINT64_C(1) << word % 64;
	}
	s->rodata->tick_ns = l->tick_ns;
	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_map__set_max_entries(s->maps.execs, env->ring_kib * 1024);
	(void)bpf_map__set_max_entries(s->maps.owners, LINEAGE_MAX_PROCESSES);
}

static const struct kernel_half_ops lineage_kernel_half = {
	.open = lineage_kernel_half_open,
	.destroy = lineage_kernel_half_destroy,
	.set = lineage_set,
};

/* Until this is done the programs that are attached find no name and tell nothing. */
static int fill_names(const struct lineage *l)
{
	int fd = bpf_map__fd(l->skel->maps.names);
	for (uint32_t i = 0; i < ENV_KEY_MAX; i++) {
		struct lineage_name name = padded(env_key_name((enum env_key)i));
		/* The task, which is what matters, stands at the end of TF_CONFIG; env_values_set makes it short. */
		uint32_t number = i == ENV_TF_CONFIG ? i | LINEAGE_NAME_LONG : i;
		if (bpf_map_update_elem(fd, &name, &number, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* The record is the kernel half's; still nothing in it is believed beyond its size. */
static int lineage_take(void *arg, const void *data, size_t size)
{
	const struct lineage_record *r = data;
	struct lineage *l = arg;
	size_t head = offsetof(struct lineage_record, data), at = 0;
	if (size < head || r->len > size - head || r->n_values > LINEAGE_MAX_VALUES)
		return 0;
	memset(&l->exec, 0, sizeof(l->exec));
	l->exec.pid = r->pid;
	l->exec.ppid = r->ppid;
	l->exec.uid = r->uid;
	l->exec.start_ns = r->start_ns;
	l->exec.cgroup = r->cgroup;
	l->exec.untaken = r->untaken;
	l->exec.unread = r->unread;
	memcpy(l->exec.comm, r->comm, sizeof(l->exec.comm));
	for (uint32_t i = 0; i < r->n_values && at < r->len; i++) {
		uint32_t key = r->keys[i] & ~LINEAGE_KEY_CUT;
		size_t n = strnlen(r->data + at, r->len - at);
		if (key < ENV_KEY_MAX) {
			env_values_set(&l->exec.env, (enum env_key)key, r->data + at, n);
			l->exec.env.cut[key] |= (r->keys[i] & LINEAGE_KEY_CUT) != 0;
		}
		at += n + 1;
	}
	l->on_exec(l->arg, &l->exec);
	return 0;
}

void lineage_close(struct lineage **lineage)
{
	struct lineage *l = *lineage;
	*lineage = NULL;
	if (!l)
		return;
	kernel_ring_close(&l->ring);
	kernel_half_close(&l->kernel);
	free(l);
}

int lineage_open(const struct collect_env *env, lineage_exec_fn on_exec, void *arg, struct lineage **ret_lineage)
{
	char reason[256];
	int r = kernel_half_probe(env, reason, sizeof(reason));
	if (r < 0)
		return r;
	AUTO(lineage_close) struct lineage *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->on_exec = on_exec;
	l->arg = arg;
	l->tick_ns = NS_PER_S / (uint64_t)(env->ticks_per_s > 0 ? env->ticks_per_s : 100);
	r = kernel_half_open(&l->kernel, &lineage_kernel_half, env, l);
	if (r < 0)
		return r;
	l->skel = l->kernel.skel;
	r = fill_names(l);
	if (r < 0)
		return r;
	r = kernel_ring_open(&l->ring, bpf_map__fd(l->skel->maps.execs), lineage_take, l);
	if (r < 0)
		return r;
	*ret_lineage = TAKE_PTR(l);
	return 0;
}

int lineage_event_fd(const struct lineage *l)
{
	return kernel_ring_fd(&l->ring);
}

int lineage_drain(struct lineage *l, unsigned max)
{
	return kernel_ring_drain(&l->ring, max);
}

int lineage_paths_fd(const struct lineage *l)
{
	return bpf_map__fd(l->skel->maps.cgroup_paths);
}

static struct lineage_key key_of(const struct lineage *l, uint32_t pid, uint64_t start_ns)
{
	return (struct lineage_key){ .start_ticks = start_ns / l->tick_ns, .pid = pid };
}

int lineage_owner(const struct lineage *l, uint32_t pid, uint64_t start_ns, uint32_t *ret_pid, uint64_t *ret_start_ns)
{
	struct lineage_key key = key_of(l, pid, start_ns);
	struct lineage_owner_of owner;
	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.owners), &key, &owner) < 0)
		return -errno;
	*ret_pid = owner.pid;
	*ret_start_ns = owner.start_ns;
	return 0;
}

int lineage_adopt(struct lineage *l, uint32_t pid, uint64_t start_ns, uint32_t owner_pid, uint64_t owner_start_ns)
{
	struct lineage_key key = key_of(l, pid, start_ns);
	struct lineage_owner_of owner = { .start_ns = owner_start_ns, .pid = owner_pid };
	return bpf_map_update_elem(bpf_map__fd(l->skel->maps.owners), &key, &owner, BPF_ANY) < 0 ? -errno : 0;
}

uint64_t lineage_missed(const struct lineage *l)
{
	struct lineage_counts c;
	if (kernel_half_sum(bpf_map__fd(l->skel->maps.counts), 0, (uint64_t *)c.n, LINEAGE_N_MAX) < 0)
		return 0;
	return c.n[LINEAGE_N_MISSED_RATE] + c.n[LINEAGE_N_MISSED_RING];
}

void lineage_hooks(const struct lineage *l, void (*say)(void *arg, const char *hook, int error, const char *reason),
		   void *arg)
{
	kernel_half_say(&l->kernel, say, arg);
}

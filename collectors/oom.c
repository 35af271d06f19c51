/* SPDX-License-Identifier: Apache-2.0 */
/* oom.c - who the OOM killer chose, the limit of which cgroup was hit, and who had grown.
 *
 * Bounds: OOM_MAX_CGROUPS cgroups are followed, looked at every 5 s for 80 s. Who grew is told from these looks; a
 * cgroup that grew and vanished between two of them is not seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "bpf/oom.h"
#include "bpf/oom.skel.h"
#include "collectors/collector.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "collectors/process.h"
#include "collectors/self.h"

#define CHUNK 128

enum { CGROUP_KILL, NODE_KILL, VICTIM, N_METRICS };
enum { PID, COMM, CGROUP, RSS, LIMIT, USAGE, GROWER, GROWN };

static const struct metric_field kill_fields[] = {
	[PID] = { "victim_pid", 0, UNIT_NONE, "process that was chosen" },
	[COMM] = { "victim_comm", 1, UNIT_NONE, "its name" },
	[CGROUP] = { "victim_cgroup", 1, UNIT_NONE, "path of its memory cgroup" },
	[RSS] = { "victim_rss", 0, UNIT_BYTES, "memory it held" },
	[LIMIT] = { "limit", 0, UNIT_BYTES, "the limit that was hit; absent when the machine ran out" },
	[USAGE] = { "usage", 0, UNIT_BYTES, "memory in use by the cgroup with that limit" },
	[GROWER] = { "grower_cgroup", 1, UNIT_NONE,
		"path of the cgroup, at or below the limit, that grew most in the last 80 s" },
	[GROWN] = { "grower_bytes", 0, UNIT_BYTES, "by how much" },
	{ NULL, 0, UNIT_NONE, NULL },
};

static const struct metric_field victim_fields[] = {
	{ "limit_cgroup", 1, UNIT_NONE, "path of the cgroup whose limit was hit; absent when the machine ran out" },
	{ "constraint", 1, UNIT_NONE, "memcg, or none: the machine (or its NUMA policy) ran out" },
	{ NULL, 0, UNIT_NONE, NULL },
};

static const struct metric_desc metrics[N_METRICS] = {
	[CGROUP_KILL] = { "cgroup.oom.kill", METRIC_EVENT, UNIT_NONE, ENTITY_CGROUP,
		"the OOM killer chose a process because the memory limit of this cgroup was hit", kill_fields, NULL },
	[NODE_KILL] = { "node.oom.kill", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		"the OOM killer chose a process and no cgroup's limit explains it: the machine ran out of memory",
			kill_fields, NULL },
	[VICTIM] = { "proc.oom.killed", METRIC_EVENT, UNIT_NONE, ENTITY_PROCESS, "the OOM killer chose this process",
		     victim_fields, NULL },
};

struct oom {
	struct kernel_half kernel;
	struct oom_bpf *skel;
	struct kernel_ring ring;
	struct kernel_cgroup cgroups;
	struct bpf_link *link; /* of each_cgroup; NULL until the first collect, or not to be had */
	bool tried_link;
	int root_fd;
	long ticks_per_s, page_bytes;
	uint64_t missed_before;
	struct batch *out;
	uint64_t keys[CHUNK];
	struct oom_usage values[CHUNK];
};

KERNEL_HALF_WRAP(oom)

/* Since Linux 6.10 mark_victim hands over the task, before that its pid. */
static bool victim_is_task(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool is_task = false;

	if (!btf)
		return false;
	int id = btf__find_by_name_kind(btf, "btf_trace_mark_victim", BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	while (t && (btf_is_typedef(t) || btf_is_ptr(t)))
		t = btf__type_by_id(btf, t->type);
	if (t && btf_is_func_proto(t) && btf_vlen(t) >= 2) {
		t = btf__type_by_id(btf, btf_params(t)[1].type);
		is_task = t && btf_is_ptr(t);
	}
	btf__free(btf);
	return is_task;
}

static void oom_set(void *skel, const struct collect_env *env, void *arg)
{
	struct oom_bpf *s = skel;
	bool *is_task = arg;

	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_program__set_autoload(*is_task ? s->progs.victim_pid : s->progs.victim_task, false);
	(void)bpf_map__set_max_entries(s->maps.kills, env->ring_kib * 1024);
}

static const struct kernel_half_ops oom_kernel_half = {
	.open = oom_kernel_half_open,
	.destroy = oom_kernel_half_destroy,
	.set = oom_set,
};

static void oom_close(void *state)
{
	struct oom *o = state;

	if (!o)
		return;
	if (o->link)
		(void)bpf_link__destroy(o->link);
	kernel_ring_close(&o->ring);
	kernel_half_close(&o->kernel);
	kernel_cgroup_close(&o->cgroups);
	free(o);
}

static void oom_cleanup(struct oom **o)
{
	oom_close(*o);
}

static int oom_take(void *arg, const void *data, size_t size);

static int oom_open(const struct collect_env *env, void **ret_state)
{
	AUTO(oom_cleanup) struct oom *o = calloc(1, sizeof(*o));
	bool is_task = victim_is_task();
	int r;

	if (!o)
		return -ENOMEM;
	o->root_fd = env->root_fd;
	o->ticks_per_s = env->ticks_per_s;
	o->page_bytes = env->page_bytes;
	r = kernel_half_open(&o->kernel, &oom_kernel_half, env, &is_task);
	if (r < 0)
		return r;
	kernel_half_unused(&o->kernel, is_task ? "victim_pid" : "victim_task");
	o->skel = o->kernel.skel;
	kernel_cgroup_open(&o->cgroups, env, bpf_map__fd(o->skel->maps.cgroup_paths));
	r = kernel_ring_open(&o->ring, bpf_map__fd(o->skel->maps.kills), oom_take, o);
	if (r < 0)
		return r;
	*ret_state = TAKE_PTR(o);
	return 0;
}

/* ---- who grew ---- */

struct grower {
	char path[KERNEL_CGROUP_PATH_MAX];
	uint64_t pages;
};

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strcmp(top, "/") == 0 || (strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

/* Growth from the oldest look that is kept to the last one, or to `now_pages` when that is known. */
static uint64_t growth_of(const struct oom_usage *u, uint64_t tick, uint64_t now_pages)
{
	uint64_t oldest = tick >= OOM_HISTORY ? tick - OOM_HISTORY + 1 : 1;

	if (u->first_tick > oldest)
		oldest = u->first_tick;
	uint64_t from = u->pages[oldest % OOM_HISTORY], to = now_pages ? now_pages : u->pages[u->tick % OOM_HISTORY];
	return to > from ? to - from : 0;
}

/* The deepest of those that explain most of the growth: an ancestor grows by what its children grow. */
static void grower_offer(struct grower *best, const char *path, uint64_t pages)
{
	bool deeper = best->path[0] && strlen(path) > strlen(best->path) && is_below(path, best->path);
	bool above = best->path[0] && strlen(path) < strlen(best->path) && is_below(best->path, path);

	if (pages == 0)
		return;
	if (deeper ? pages * 5 >= best->pages * 4 : above ? pages * 4 > best->pages * 5 : pages > best->pages) {
		(void)text_copy(best->path, sizeof(best->path), path);
		best->pages = pages;
	}
}

static void find_grower(struct oom *o, const struct oom_event *e, const char *limit_path, struct grower *ret)
{
	int fd = bpf_map__fd(o->skel->maps.usage);
	uint64_t tick = o->skel->bss->control.tick;
	uint32_t cursor = 0, n;
	void *in = NULL;
	bool more = tick > 0;

	ret->path[0] = '\0';
	ret->pages = 0;
	while (more) {
		n = CHUNK;
		int r = bpf_map_lookup_batch(fd, in, &cursor, o->keys, o->values, &n, NULL);
		if (r < 0 && errno != ENOENT)
			return;
		more = r == 0;
		in = &cursor;
		for (uint32_t i = 0; i < n; i++) {
			char path[KERNEL_CGROUP_PATH_MAX];
			kernel_cgroup_path(&o->cgroups, o->keys[i], path, sizeof(path));
			uint64_t now = o->keys[i] == e->memory_cgroup ? e->memory_pages :
				       o->keys[i] == e->limit_cgroup  ? e->usage_pages :
									0;
			if (path[0] && is_below(path, limit_path))
				grower_offer(ret, path, growth_of(&o->values[i], tick, now));
		}
	}
	/* A cgroup younger than the last look has grown by all that it uses. */
	struct oom_usage seen;
	char path[KERNEL_CGROUP_PATH_MAX];
	kernel_cgroup_path(&o->cgroups, e->memory_cgroup, path, sizeof(path));
	if (tick > 1 && path[0] && bpf_map_lookup_elem(fd, &e->memory_cgroup, &seen) < 0 && is_below(path, limit_path))
		grower_offer(ret, path, e->memory_pages);
}

/* ---- events ---- */

/* Kernels that tell the pid only: the rest from /proc, while the victim is still there. */
static void ask_proc(struct oom *o, struct oom_event *e)
{
	char path[40], data[1024];
	unsigned long long start = 0;
	unsigned ppid = 0;

	(void)snprintf(path, sizeof(path), "proc/%u/stat", e->pid);
	if (file_read_at(o->root_fd, path, data, sizeof(data), NULL) < 0)
		return;
	const char *open = strchr(data, '('), *close = strrchr(data, ')'), *at = close;
	if (!open || !close || close < open)
		return;
	memcpy(e->comm, open + 1, MIN_OF((size_t)(close - open - 1), sizeof(e->comm)));
	(void)sscanf(close + 1, " %*c %u", &ppid);
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at && sscanf(at, " %llu", &start) == 1)
		e->start_ns = start * (NS_PER_S / (uint64_t)o->ticks_per_s);
	e->ppid = ppid;
}

static void tell_kill(struct oom *o, const struct oom_event *e, entity_id limit, const char *limit_path, const char *comm)
{
	bool machine = limit == ENTITY_NONE;
	char path[KERNEL_CGROUP_PATH_MAX], bytes[32];
	struct batch *b = o->out;
	double page = (double)o->page_bytes;
	struct grower g;

	find_grower(o, e, machine ? "/" : limit_path, &g);
	struct event *v = batch_event(b, machine ? NODE_KILL : CGROUP_KILL, machine ? graph_node(b->graph) : limit, e->at_ns,
				      SEVERITY_CRITICAL, 0);
	batch_value_number(b, v, PID, e->pid);
	if (comm[0])
		batch_value_text(b, v, COMM, comm);
	kernel_cgroup_path(&o->cgroups, e->memory_cgroup, path, sizeof(path));
	if (path[0])
		batch_value_text(b, v, CGROUP, path);
	if (e->has_rss)
		batch_value_number(b, v, RSS, (double)e->rss_pages * page);
	if (e->limit_cgroup) {
		batch_value_number(b, v, LIMIT, (double)e->limit_pages * page);
		batch_value_number(b, v, USAGE, (double)e->usage_pages * page);
	}
	if (g.path[0]) {
		batch_value_text(b, v, GROWER, g.path);
		batch_value_number(b, v, GROWN, (double)g.pages * page);
	}
	text_format_bytes((double)e->limit_pages * page, bytes, sizeof(bytes));
	if (machine)
		batch_message(b, v, "the machine ran out of memory; %s[%u] was chosen", comm, e->pid);
	else
		batch_message(b, v, "%s hit its memory%s limit of %s; %s[%u] was chosen", limit_path,
			      e->with_swap ? "+swap" : "", bytes, comm, e->pid);
}

static int oom_take(void *arg, const void *data, size_t size)
{
	char comm[PROCESS_COMM_MAX], limit_path[KERNEL_CGROUP_PATH_MAX] = "";
	entity_id limit = ENTITY_NONE, victim;
	struct oom *o = arg;
	struct oom_event e;

	if (size < sizeof(e))
		return 0;
	memcpy(&e, data, sizeof(e));
	if (!e.start_ns)
		ask_proc(o, &e);
	process_comm(e.comm, comm);
	if (e.limit_cgroup) {
		kernel_cgroup_path(&o->cgroups, e.limit_cgroup, limit_path, sizeof(limit_path));
		limit = kernel_cgroup_entity(&o->cgroups, e.limit_cgroup, o->out);
	}
	tell_kill(o, &e, limit, limit_path, comm);
	if (!e.start_ns)
		return 0;
	const struct process_seen seen = {
		.pid = e.pid,
		.ppid = e.ppid,
		.uid = e.uid,
		.start_ns = e.start_ns,
		/* Before Linux 6.10 only the pid is told: the victim is somewhere below the limit. */
		.cgroup = e.cgroup ? e.cgroup : e.memory_cgroup ? e.memory_cgroup : e.limit_cgroup,
		.comm = e.comm,
	};
	victim = process_entity(&seen, o->ticks_per_s, &o->cgroups, o->out);
	batch_attr(o->out, victim, PROCESS_OOM, "yes");
	struct event *v = batch_event(o->out, VICTIM, victim, e.at_ns, SEVERITY_CRITICAL, 0);
	if (limit_path[0])
		batch_value_text(o->out, v, 0, limit_path);
	batch_value_text(o->out, v, 1, e.limit_cgroup ? "memcg" : "none");
	batch_message(o->out, v, "%s[%u] was chosen by the OOM killer", comm, e.pid);
	return 0;
}

static int oom_event_fd(void *state)
{
	return kernel_ring_fd(&((struct oom *)state)->ring);
}

static int oom_drain(void *state, unsigned max, struct batch *b)
{
	struct oom *o = state;

	o->out = b;
	return kernel_ring_drain(&o->ring, max);
}

/* The iterator starts from the root of the memory hierarchy, which the tree knows after its first walk. */
static void link_iterator(struct oom *o)
{
	union bpf_iter_link_info info = { .cgroup = { .order = BPF_CGROUP_ITER_DESCENDANTS_PRE } };
	const struct cgroup_node *root = o->cgroups.tree ? cgroup_tree_by_path(o->cgroups.tree, "/") : NULL;
	AUTO_CLOSE int fd = -1;

	if (o->tried_link || !root)
		return;
	o->tried_link = true;
	if (cgroup_tree_open_file(o->cgroups.tree, root, CGROUP_HIER_MEMORY, ".", O_RDONLY | O_DIRECTORY, &fd) < 0)
		return;
	info.cgroup.cgroup_fd = (uint32_t)fd;
	(void)kernel_half_attach_iterator(&o->kernel, o->skel->progs.each_cgroup, &info, &o->link);
}

static void forget_removed(struct oom *o)
{
	int fd = bpf_map__fd(o->skel->maps.usage);
	uint64_t tick = o->skel->bss->control.tick, key, next;
	int r = bpf_map_get_next_key(fd, NULL, &next);

	for (unsigned i = 0; r == 0 && i < OOM_MAX_CGROUPS; i++) {
		struct oom_usage u;
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &u) == 0 && u.tick + OOM_HISTORY < tick)
			(void)bpf_map_delete_elem(fd, &key);
	}
}

static int oom_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct oom *o = state;
	struct oom_state *control = &o->skel->bss->control;

	kernel_cgroup_refresh(&o->cgroups, now, b);
	self_counters()->bpf_drops += control->missed - o->missed_before;
	o->missed_before = control->missed;
	link_iterator(o);
	if (!o->link)
		return 0;
	control->tick++;
	(void)kernel_half_iterate(o->link);
	if (control->tick % OOM_HISTORY == 0)
		forget_removed(o);
	return 0;
}

static void oom_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg)
{
	kernel_half_say(&((struct oom *)state)->kernel, say, arg);
}

const struct collector collector_oom = {
	.name = "oom",
	.help = "victims of the OOM killer and the limit that was hit, by a BPF tracepoint",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 5000,
	.caps = 1ULL << 39 | 1ULL << 38, /* CAP_BPF, CAP_PERFMON */
	.probe = kernel_half_probe,
	.open = oom_open,
	.collect = oom_collect,
	.event_fd = oom_event_fd,
	.drain = oom_drain,
	.hooks = oom_hooks,
	.close = oom_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - all tasks once a second by a BPF task iterator: who ran, who waited for a CPU, who is stuck.
 *
 * Bounds: TASKS_MAX_CGROUPS cgroups, TASKS_MAX_PER_KIND processes of each kind, 16 parents of zombies a tick; ranks: see
 * task_ranks.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "bpf/tasks.h"
#include "bpf/tasks.skel.h"
#include "collectors/collector.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "collectors/process.h"
#include "collectors/task_ranks.h"

#define MAX_PARENTS_TOLD   16
#define MIN_ZOMBIES        8
#define FORGET_AFTER_TICKS 60
#define CHUNK              256

enum {
	RUN_TIME,
	RUN_DELAY,
	VOLUNTARY,
	INVOLUNTARY,
	RUN_DELAY_RATIO,
	DEMAND,
	RUN,
	CPUS_ALLOWED,
	THREADS,
	PROCESSES,
	RUNNABLE,
	BLOCKED,
	STOPPED,
	ZOMBIE,
	NODE_RUN_DELAY_RATIO,
	NODE_DEMAND,
	NODE_PROCESSES,
	NODE_THREADS,
	NODE_RUNNABLE,
	NODE_BLOCKED,
	NODE_STOPPED,
	NODE_ZOMBIE,
	NODE_UNTOLD,
	PROC_BLOCKED_TIME,
	PROC_STOPPED_TIME,
	PROC_FD_RATIO,
	PROC_FD_LIMIT,
	PROC_ZOMBIES,
	RANKS,
	N_METRICS = RANKS + TASK_RANKS_N_METRICS,
};

static const struct metric_desc metrics[N_METRICS] = {
	[RUN_TIME] = { "cgroup.sched.run_time", METRIC_COUNTER, UNIT_NS, ENTITY_CGROUP,
		       "CPU time that the cgroup's tasks used, exited ones included", NULL, NULL },
	[RUN_DELAY] = { "cgroup.sched.run_delay", METRIC_COUNTER, UNIT_NS, ENTITY_CGROUP,
			"time that its tasks were runnable and waited for a CPU", NULL, NULL },
	[VOLUNTARY] = { "cgroup.sched.voluntary_switches", METRIC_COUNTER, UNIT_NONE, ENTITY_CGROUP,
			"times that a task of it gave up the CPU by itself", NULL, NULL },
	[INVOLUNTARY] = { "cgroup.sched.involuntary_switches", METRIC_COUNTER, UNIT_NONE, ENTITY_CGROUP,
			  "times that a task of it was taken off the CPU", NULL, NULL },
	[RUN_DELAY_RATIO] = { "cgroup.sched.run_delay_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_CGROUP,
			      "share of its runnable time that was spent waiting for a CPU", NULL, NULL },
	[DEMAND] = { "cgroup.sched.demand", METRIC_GAUGE, UNIT_CPUS, ENTITY_CGROUP,
		"CPUs that its tasks would have used without waiting: run time and delay by wall time", NULL, NULL },
	[RUN] = { "cgroup.sched.run", METRIC_GAUGE, UNIT_CPUS, ENTITY_CGROUP,
		"CPUs that its tasks used", NULL, NULL },
	[CPUS_ALLOWED] = { "cgroup.cpus_allowed", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
			   "CPUs that the least restricted of its tasks may run on", NULL, NULL },
	[THREADS] = { "cgroup.tasks.threads", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP, "threads in it", NULL, NULL },
	[PROCESSES] = { "cgroup.tasks.processes", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
		"processes in it", NULL, NULL },
	[RUNNABLE] = { "cgroup.tasks.runnable", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
		       "threads that run or wait for a CPU at the moment of reading", NULL, NULL },
	[BLOCKED] = { "cgroup.tasks.blocked", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
		      "threads in uninterruptible sleep (D)", NULL, NULL },
	[STOPPED] = { "cgroup.tasks.stopped", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
		"threads stopped by a signal (T)",
		      NULL, NULL },
	[ZOMBIE] = { "cgroup.tasks.zombie", METRIC_GAUGE, UNIT_NONE, ENTITY_CGROUP,
		     "processes that ended and were not waited for (Z)", NULL, NULL },
	[NODE_RUN_DELAY_RATIO] = { "node.sched.run_delay_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_NODE,
				   "share of all tasks' runnable time that was spent waiting for a CPU", NULL, NULL },
	[NODE_DEMAND] = { "node.sched.demand", METRIC_GAUGE, UNIT_CPUS, ENTITY_NODE,
			  "CPUs that all tasks would have used without waiting", NULL, NULL },
	[NODE_PROCESSES] = { "node.tasks.processes", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "processes", NULL, NULL },
	[NODE_THREADS] = { "node.tasks.threads", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "threads", NULL, NULL },
	[NODE_RUNNABLE] = { "node.tasks.runnable", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		"threads that run or wait for a CPU",
			    NULL, NULL },
	[NODE_BLOCKED] = { "node.tasks.uninterruptible", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			   "threads in uninterruptible sleep (D), counted task by task", NULL, NULL },
	[NODE_STOPPED] = { "node.tasks.stopped", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		"threads stopped by a signal (T)",
			   NULL, NULL },
	[NODE_ZOMBIE] = { "node.tasks.zombie", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			  "processes that ended and were not waited for (Z)", NULL, NULL },
	[NODE_UNTOLD] = { "node.tasks.untold", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		"stuck processes, cgroups and tasks that did not fit into the kernel half's tables", NULL, NULL },
	[PROC_BLOCKED_TIME] = { "proc.state.blocked_time", METRIC_GAUGE, UNIT_NS, ENTITY_PROCESS,
		"for how long a thread of it has been in uninterruptible sleep (D), at least; above 1 s only",
				NULL, NULL },
	[PROC_STOPPED_TIME] = { "proc.state.stopped_time", METRIC_GAUGE, UNIT_NS, ENTITY_PROCESS,
				"for how long it has been stopped by a signal (T), at least", NULL, NULL },
	[PROC_FD_RATIO] = { "proc.fd.used_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_PROCESS,
		"lowest descriptor that may be free by its limit; told from one half on, until below a quarter",
			    NULL, NULL },
	[PROC_FD_LIMIT] = { "proc.fd.limit", METRIC_GAUGE, UNIT_NONE, ENTITY_PROCESS,
		"its limit of open descriptors", NULL, NULL },
	[PROC_ZOMBIES] = { "proc.zombie_children", METRIC_GAUGE, UNIT_NONE, ENTITY_PROCESS,
			   "children that ended and that it has not waited for; told from eight on", NULL, NULL },
	TASK_RANKS_METRICS(RANKS),
};

struct tasks {
	struct kernel_half kernel;
	struct tasks_bpf *skel;
	struct bpf_link *link;
	struct kernel_cgroup cgroups;
	struct task_ranks *ranks;
	long ticks_per_s;
	mono_ns_t last_now;
	struct u64map *slots;           /* key -> position in `before` */
	struct tasks_cgroup *before;    /* as of the last tick, TASKS_MAX_CGROUPS of them */
	uint64_t *before_key;
	uint8_t *was_seen;
	uint64_t *keys;                 /* CHUNK */
	struct tasks_cgroup *values;    /* CHUNK */
	entity_id zombie_parents[MAX_PARENTS_TOLD];
	size_t n_zombie_parents;
	uint32_t free_slots[TASKS_MAX_CGROUPS];
	size_t n_free;
};

KERNEL_HALF_WRAP(tasks)

static void tasks_set(void *skel, const struct collect_env *env, void *arg)
{
	struct tasks_bpf *s = skel;

	(void)arg;
	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_map__set_max_entries(s->maps.cgroup_paths, 2048);
}

static const struct kernel_half_ops tasks_kernel_half = {
	.open = tasks_kernel_half_open,
	.destroy = tasks_kernel_half_destroy,
	.set = tasks_set,
};

static void tasks_close(void *state)
{
	struct tasks *t = state;

	if (!t)
		return;
	if (t->link)
		(void)bpf_link__destroy(t->link);
	task_ranks_free(&t->ranks);
	kernel_half_close(&t->kernel);
	kernel_cgroup_close(&t->cgroups);
	u64map_free(&t->slots);
	free(t->before);
	free(t->before_key);
	free(t->was_seen);
	free(t->keys);
	free(t->values);
	free(t);
}

static void tasks_cleanup(struct tasks **t)
{
	tasks_close(*t);
}

static int open_ranks(struct tasks *t)
{
	const struct task_ranks_maps maps = {
		.members = bpf_map__fd(t->skel->maps.members),
		.ranks = bpf_map__fd(t->skel->maps.ranks),
		.looks = bpf_map__fd(t->skel->maps.looks),
		.looked_at = bpf_map__fd(t->skel->maps.looked_at),
		.start_looking = kernel_half_works(&t->kernel, "start_looking")
				 ? bpf_program__fd(t->skel->progs.start_looking) : -1,
	};

	return task_ranks_new(&maps, t->ticks_per_s, RANKS, &t->ranks);
}

static int tasks_open(const struct collect_env *env, void **ret_state)
{
	AUTO(tasks_cleanup) struct tasks *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->ticks_per_s = env->ticks_per_s;
	t->before = calloc(TASKS_MAX_CGROUPS + 1, sizeof(*t->before));
	t->before_key = calloc(TASKS_MAX_CGROUPS + 1, sizeof(*t->before_key));
	t->was_seen = calloc(TASKS_MAX_CGROUPS + 1, 1);
	t->keys = calloc(CHUNK, sizeof(*t->keys));
	t->values = calloc(CHUNK, sizeof(*t->values));
	if (!t->before || !t->before_key || !t->was_seen || !t->keys || !t->values ||
	    u64map_new(TASKS_MAX_CGROUPS + 1, &t->slots) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < TASKS_MAX_CGROUPS; i++)
		t->free_slots[t->n_free++] = TASKS_MAX_CGROUPS - 1 - i;
	r = kernel_half_open(&t->kernel, &tasks_kernel_half, env, NULL);
	if (r < 0)
		return r;
	t->skel = t->kernel.skel;
	r = kernel_half_attach_iterator(&t->kernel, t->skel->progs.each_task, NULL, &t->link);
	if (r < 0)
		return r;
	r = open_ranks(t);
	if (r < 0)
		return r;
	kernel_cgroup_open(&t->cgroups, env, bpf_map__fd(t->skel->maps.cgroup_paths));
	*ret_state = TAKE_PTR(t);
	return 0;
}

struct growth {
	double run_ns, delay_ns;
};

static void add_node(struct tasks_cgroup *sum, const struct tasks_cgroup *c)
{
	sum->threads += c->threads;
	sum->processes += c->processes;
	sum->runnable += c->runnable;
	sum->blocked += c->blocked;
	sum->stopped += c->stopped;
	sum->zombie += c->zombie;
}

static void cgroup_write(struct batch *b, entity_id id, const struct tasks_cgroup *c, const struct growth *g, double wall_ns)
{
	double runnable_ns = g->run_ns + g->delay_ns;

	batch_sample(b, RUN_TIME, id, (double)c->run_ns);
	batch_sample(b, RUN_DELAY, id, (double)c->delay_ns);
	batch_sample(b, VOLUNTARY, id, (double)c->voluntary);
	batch_sample(b, INVOLUNTARY, id, (double)c->involuntary);
	batch_sample(b, THREADS, id, c->threads);
	batch_sample(b, PROCESSES, id, c->processes);
	batch_sample(b, RUNNABLE, id, c->runnable);
	batch_sample(b, BLOCKED, id, c->blocked);
	batch_sample(b, STOPPED, id, c->stopped);
	batch_sample(b, ZOMBIE, id, c->zombie);
	if (c->cpus_allowed)
		batch_sample(b, CPUS_ALLOWED, id, c->cpus_allowed);
	if (wall_ns <= 0)
		return;
	batch_sample(b, RUN_DELAY_RATIO, id, runnable_ns > 0 ? g->delay_ns / runnable_ns : 0);
	batch_sample(b, DEMAND, id, runnable_ns / wall_ns);
	batch_sample(b, RUN, id, g->run_ns / wall_ns);
}

/* Slot of a key; a new one has no `before`. -1: none is free. */
static int slot_of(struct tasks *t, uint64_t key, bool *ret_is_new)
{
	uint64_t slot;

	*ret_is_new = false;
	if (u64map_get(t->slots, key, &slot))
		return (int)slot;
	if (t->n_free == 0)
		return -1;
	slot = t->free_slots[t->n_free - 1];
	if (u64map_set(t->slots, key, slot) < 0)
		return -1;
	t->n_free--;
	memset(&t->before[slot], 0, sizeof(t->before[slot]));
	t->before_key[slot] = key;
	t->was_seen[slot] = 0;
	*ret_is_new = true;
	return (int)slot;
}

static void slot_forget(struct tasks *t, int slot)
{
	uint64_t key = t->before_key[slot];

	(void)bpf_map_delete_elem(bpf_map__fd(t->skel->maps.cgroups), &key);
	(void)u64map_remove(t->slots, key);
	t->free_slots[t->n_free++] = (uint32_t)slot;
}

static void take_cgroup(struct tasks *t, uint64_t key, struct tasks_cgroup *c, double wall_ns, struct tasks_cgroup *node,
			struct growth *sum, struct batch *b)
{
	uint64_t tick = t->skel->bss->control.tick;
	bool is_new;
	int slot = slot_of(t, key, &is_new);

	if (slot < 0)
		return;
	if (c->tick != tick) {
		/* No task was seen in it. Its counters stay; zero tasks is told once. */
		c->threads = c->processes = c->runnable = c->blocked = c->stopped = c->zombie = c->cpus_allowed = 0;
		if (tick - c->tick > FORGET_AFTER_TICKS && c->run_ns == t->before[slot].run_ns) {
			slot_forget(t, slot);
			return;
		}
	}
	struct tasks_cgroup *before = &t->before[slot];
	struct growth g = {
		.run_ns = c->run_ns > before->run_ns ? (double)(c->run_ns - before->run_ns) : 0,
		.delay_ns = c->delay_ns > before->delay_ns ? (double)(c->delay_ns - before->delay_ns) : 0,
	};
	add_node(node, c);
	sum->run_ns += g.run_ns;
	sum->delay_ns += g.delay_ns;
	*before = *c;
	bool seen = c->tick == tick || g.run_ns > 0;
	bool tell = seen || t->was_seen[slot];
	t->was_seen[slot] = seen;
	if (key != TASKS_OVERFLOW_KEY && tell) {
		entity_id id = kernel_cgroup_entity(&t->cgroups, key, b);
		if (c->tick == tick)
			kernel_cgroup_saw_tasks(&t->cgroups, key, b->now);
		if (id != ENTITY_NONE)
			cgroup_write(b, id, c, &g, wall_ns);
	}
}

static int take_cgroups(struct tasks *t, double wall_ns, struct tasks_cgroup *node, struct growth *sum, struct batch *b)
{
	int fd = bpf_map__fd(t->skel->maps.cgroups);
	uint32_t cursor = 0, n;
	void *in = NULL;

	for (unsigned rounds = 0; rounds < TASKS_MAX_CGROUPS; rounds++) {
		n = CHUNK;
		int r = bpf_map_lookup_batch(fd, in, &cursor, t->keys, t->values, &n, NULL);
		if (r < 0 && errno != ENOENT)
			return errno == ENOSPC ? 0 : -errno;
		for (uint32_t i = 0; i < n; i++)
			take_cgroup(t, t->keys[i], &t->values[i], wall_ns, node, sum, b);
		if (r < 0)
			return 0;
		in = &cursor;
	}
	return 0;
}

static entity_id entity_of(struct tasks *t, const struct tasks_process *p, struct batch *b)
{
	struct process_seen seen = {
		.pid = p->pid,
		.ppid = p->ppid,
		.uid = p->uid,
		.start_ns = p->start_ns,
		.cgroup = p->cgroup,
		.comm = p->comm,
	};

	return process_entity(&seen, t->ticks_per_s, &t->cgroups, b);
}

static void take_matter(struct tasks *t, struct batch *b)
{
	int fd = bpf_map__fd(t->skel->maps.matter);
	struct tasks_matter m;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &m) < 0)
		return;
	for (uint32_t kind = 0; kind < TASKS_KIND_MAX; kind++) {
		for (uint32_t i = 0; i < m.n[kind] && i < TASKS_MAX_PER_KIND; i++) {
			const struct tasks_process *p = &m.of[kind][i];
			entity_id id = entity_of(t, p, b);
			if (kind == TASKS_STOPPED)
				batch_attr(b, id, "terminal", p->terminal ? "yes" : "no");
			if (kind == TASKS_BLOCKED)
				batch_sample(b, PROC_BLOCKED_TIME, id, (double)p->value);
			if (kind == TASKS_STOPPED)
				batch_sample(b, PROC_STOPPED_TIME, id, (double)p->value);
			if (kind == TASKS_FDS && p->limit) {
				batch_sample(b, PROC_FD_RATIO, id, MIN_OF((double)p->value / (double)p->limit, 1.0));
				batch_sample(b, PROC_FD_LIMIT, id, (double)p->limit);
			}
		}
	}
	memset(m.n, 0, sizeof(m.n));
	(void)bpf_map_update_elem(fd, &zero, &m, BPF_ANY);
}

/* Parents of many zombies; one that is no longer among them is told once as having none. */
static void take_parents(struct tasks *t, struct batch *b)
{
	entity_id now[MAX_PARENTS_TOLD];
	struct tasks_parent p;
	uint32_t key, next;
	size_t n = 0;
	int fd = bpf_map__fd(t->skel->maps.parents);
	int r = bpf_map_get_next_key(fd, NULL, &next);

	for (unsigned i = 0; r == 0 && i < TASKS_MAX_PARENTS; i++) {
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &p) < 0)
			continue;
		if (p.tick != t->skel->bss->control.tick) {
			(void)bpf_map_delete_elem(fd, &key);
			continue;
		}
		if (p.process.value < MIN_ZOMBIES || n >= MAX_PARENTS_TOLD)
			continue;
		now[n] = entity_of(t, &p.process, b);
		batch_sample(b, PROC_ZOMBIES, now[n++], (double)p.process.value);
	}
	for (size_t i = 0; i < t->n_zombie_parents; i++) {
		bool still = false;
		for (size_t j = 0; j < n; j++)
			still = still || now[j] == t->zombie_parents[i];
		if (!still && graph_exists(b->graph, t->zombie_parents[i]))
			batch_sample(b, PROC_ZOMBIES, t->zombie_parents[i], 0);
	}
	memcpy(t->zombie_parents, now, n * sizeof(now[0]));
	t->n_zombie_parents = n;
}

static void node_write(struct batch *b, const struct tasks_cgroup *c, const struct growth *g, double wall_ns,
		       const struct tasks_control *control, uint64_t ranks_untold)
{
	entity_id node = graph_node(b->graph);
	double runnable_ns = g->run_ns + g->delay_ns;

	batch_sample(b, NODE_PROCESSES, node, c->processes);
	batch_sample(b, NODE_THREADS, node, c->threads);
	batch_sample(b, NODE_RUNNABLE, node, c->runnable);
	batch_sample(b, NODE_BLOCKED, node, c->blocked);
	batch_sample(b, NODE_STOPPED, node, c->stopped);
	batch_sample(b, NODE_ZOMBIE, node, c->zombie);
	batch_sample(b, NODE_UNTOLD, node,
		     (double)(control->matter_dropped + control->cgroups_dropped + control->untracked + ranks_untold));
	if (wall_ns <= 0)
		return;
	batch_sample(b, NODE_RUN_DELAY_RATIO, node, runnable_ns > 0 ? g->delay_ns / runnable_ns : 0);
	batch_sample(b, NODE_DEMAND, node, runnable_ns / wall_ns);
}

static int tasks_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct tasks *t = state;
	struct tasks_control *control = &t->skel->bss->control;
	double wall_ns = t->last_now ? (double)mono_since(t->last_now, now) : 0;
	struct tasks_cgroup node = { 0 };
	struct growth sum = { 0 };

	if (t->last_now && now <= t->last_now)
		return 0;
	kernel_cgroup_refresh(&t->cgroups, now, b);
	task_ranks_ask(t->ranks, b->graph, control);
	control->now_ns = now;
	control->tick++;
	int r = kernel_half_iterate(t->link);
	if (r < 0)
		return r;
	t->last_now = now;
	r = take_cgroups(t, wall_ns, &node, &sum, b);
	if (r < 0)
		return r;
	task_ranks_take(t->ranks, control, wall_ns, &t->cgroups, b);
	take_matter(t, b);
	take_parents(t, b);
	node_write(b, &node, &sum, wall_ns, control, task_ranks_untold(t->ranks));
	return 0;
}

static void tasks_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg)
{
	struct tasks *t = state;

	kernel_half_say(&t->kernel, say, arg);
}

const struct collector collector_tasks = {
	.name = "tasks",
	.help = "CPU time, waiting and states of all tasks, by cgroup, from a BPF task iterator",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.caps = 1ULL << 39 | 1ULL << 38, /* CAP_BPF, CAP_PERFMON */
	.probe = kernel_half_probe,
	.open = tasks_open,
	.collect = tasks_collect,
	.hooks = tasks_hooks,
	.close = tasks_close,
};

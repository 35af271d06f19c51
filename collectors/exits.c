/* SPDX-License-Identifier: Apache-2.0 */
/* exits.c - processes that ended badly, and who sent the signal, by BPF tracepoints.
 *
 * Bounds: EXITS_MAX_KNOWN processes are followed to their end; MAX_*_PER_S events a second of processes that had
 * no entity yet (each makes one); what is above is counted in node.proc.missed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "bpf/exits.h"
#include "bpf/exits.skel.h"
#include "collectors/collector.h"
#include "collectors/kernel_cgroup.h"
#include "collectors/kernel_half.h"
#include "collectors/process.h"

#define MAX_DEATHS_PER_S   30
#define MAX_CRASHES_PER_S  30 /* of their own: a storm of kills does not hide a crash */
#define MAX_FAILURES_PER_S 10
#define RECHECK_TICKS      16
#define INIT_PID_NS_INODE  0xEFFFFFFCU

enum { PROC_EXEC, PROC_EXIT, SIGNAL_FATAL, SIGNAL_STOP, N_ABNORMAL, N_EXECS, N_EXITS, N_MISSED, N_METRICS };

static const struct metric_field exec_fields[] = {
	{ "comm", 1, UNIT_NONE, "name after the exec" },
	{ "filename", 1, UNIT_NONE, "program, as given to execve" },
	{ "ppid", 0, UNIT_NONE, "parent" },
	{ NULL, 0, UNIT_NONE, NULL },
};

enum { EXIT_COMM, EXIT_SIGNAL, EXIT_CODE, EXIT_CORE, EXIT_LIFETIME, EXIT_CGROUP };
static const struct metric_field exit_fields[] = {
	[EXIT_COMM] = { "comm", 1, UNIT_NONE, "its name" },
	[EXIT_SIGNAL] = { "signal", 0, UNIT_NONE, "signal that killed it, 0 none" },
	[EXIT_CODE] = { "exit_code", 0, UNIT_NONE, "0..255" },
	[EXIT_CORE] = { "core", 0, UNIT_NONE, "1: its memory was dumped" },
	[EXIT_LIFETIME] = { "lifetime", 0, UNIT_NS, "how long it lived" },
	[EXIT_CGROUP] = { "cgroup", 1, UNIT_NONE, "path of its cgroup" },
	{ NULL, 0, UNIT_NONE, NULL },
};

enum { SIG_COMM, SIG_SENDER_PID, SIG_SENDER_COMM, SIG_SENDER_UID, SIG_SENDER_CGROUP, SIG_BY_KERNEL, SIG_SAME, SIG_CGROUP,
       SIG_HANDLED, SIG_ABOVE };
static const struct metric_field signal_fields[] = {
	[SIG_COMM] = { "comm", 1, UNIT_NONE, "name of the process that is hit" },
	[SIG_SENDER_PID] = { "sender_pid", 0, UNIT_NONE, "absent when the kernel sent it" },
	[SIG_SENDER_COMM] = { "sender_comm", 1, UNIT_NONE, "\"kernel\" when the kernel sent it" },
	[SIG_SENDER_UID] = { "sender_uid", 0, UNIT_NONE, "absent when the kernel sent it" },
	[SIG_SENDER_CGROUP] = { "sender_cgroup", 1, UNIT_NONE, "path, absent when the kernel sent it" },
	[SIG_BY_KERNEL] = { "by_kernel", 0, UNIT_NONE,
		"1: a fault, the OOM killer, the end of a pid namespace; 0: a program" },
	[SIG_SAME] = { "same_process", 0, UNIT_NONE, "1: it sent the signal to itself, or caused the fault" },
	[SIG_CGROUP] = { "cgroup", 1, UNIT_NONE, "path of the cgroup of the process that is hit" },
	[SIG_HANDLED] = { "handled", 0, UNIT_NONE, "1: the process catches this signal, so that it may go on" },
	[SIG_ABOVE] = { "sender_above", 0, UNIT_NONE,
		"1: the sender is its parent, or a parent of that, up to 16 generations, or the first process of its pid "
		"namespace (its container's) has ended and the kernel takes all others with it" },
	{ NULL, 0, UNIT_NONE, NULL },
};

static const struct metric_desc metrics[N_METRICS] = {
	[PROC_EXEC] = { "proc.exec", METRIC_EVENT, UNIT_NONE, ENTITY_PROCESS,
		"a process already known runs another program; at most 50 a second and CPU", exec_fields, NULL },
	[PROC_EXIT] = { "proc.exit", METRIC_EVENT, UNIT_NONE, ENTITY_PROCESS,
		"a process was killed by a signal (code: its number) or failed (code: exit code); failures of "
		"processes "
			"that lived less than 1 s only when known, main process of a container, or from 126 on",
			exit_fields, NULL },
	[SIGNAL_FATAL] = { "proc.signal.fatal", METRIC_EVENT, UNIT_NONE, ENTITY_PROCESS,
		"a signal (code: its number) was sent that ends the process or asks it to", signal_fields, NULL },
	[SIGNAL_STOP] = { "proc.signal.stop", METRIC_EVENT, UNIT_NONE, ENTITY_PROCESS,
			  "SIGSTOP or SIGTSTP (code: its number) was sent", signal_fields, NULL },
	[N_ABNORMAL] = { "node.proc.abnormal_exits", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			 "processes that ended by a signal or with an exit code other than 0", NULL, NULL },
	[N_EXECS] = { "node.proc.execs", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE, "programs started", NULL, NULL },
	[N_EXITS] = { "node.proc.exits", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE, "processes ended", NULL, NULL },
	[N_MISSED] = { "node.proc.missed", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
		       "ends and signals that were not told one by one, because there were too many", NULL, NULL },
};

struct exits {
	struct kernel_half kernel;
	struct exits_bpf *skel;
	struct kernel_ring ring;
	struct kernel_cgroup cgroups;
	struct u64map *known; /* pid -> start in ticks, as told to the kernel half */
	int root_fd;
	long ticks_per_s;
	bool sees_all_pids;   /* /proc shows the pids that the kernel half reports */
	uint32_t self_pid;    /* of the agent, 0 unknown: what it does to its own children is told by whyd.collector.* */
	struct batch *out;    /* of the drain that runs */
	uint64_t second;      /* of the budgets */
	unsigned deaths, crashes, failures;
	uint64_t untold, missed_before;
	unsigned ticks;
};

KERNEL_HALF_WRAP(exits)

static void exits_set(void *skel, const struct collect_env *env, void *arg)
{
	struct exits_bpf *s = skel;

	(void)arg;
	s->rodata->cgroup_v1 = kernel_cgroup_v1(env);
	(void)bpf_map__set_max_entries(s->maps.deaths, env->ring_kib * 1024);
	(void)bpf_map__set_max_entries(s->maps.chatter, env->ring_kib * 1024);
}

static const struct kernel_half_ops exits_kernel_half = {
	.open = exits_kernel_half_open,
	.destroy = exits_kernel_half_destroy,
	.set = exits_set,
};

static void exits_close(void *state)
{
	struct exits *x = state;

	if (!x)
		return;
	kernel_ring_close(&x->ring);
	kernel_half_close(&x->kernel);
	kernel_cgroup_close(&x->cgroups);
	u64map_free(&x->known);
	free(x);
}

static void exits_cleanup(struct exits **x)
{
	exits_close(*x);
}

static int exits_take(void *arg, const void *data, size_t size);

static int exits_open(const struct collect_env *env, void **ret_state)
{
	AUTO(exits_cleanup) struct exits *x = calloc(1, sizeof(*x));
	struct stat ns;
	int r;

	if (!x)
		return -ENOMEM;
	x->root_fd = env->root_fd;
	x->ticks_per_s = env->ticks_per_s;
	x->sees_all_pids = stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino == INIT_PID_NS_INODE;
	x->self_pid = x->sees_all_pids ? env->self_pid : 0;
	r = u64map_new(EXITS_MAX_KNOWN, &x->known);
	if (r < 0)
		return r;
	r = kernel_half_open(&x->kernel, &exits_kernel_half, env, NULL);
	if (r < 0)
		return r;
	x->skel = x->kernel.skel;
	kernel_cgroup_open(&x->cgroups, env, bpf_map__fd(x->skel->maps.cgroup_paths));
	r = kernel_ring_open(&x->ring, bpf_map__fd(x->skel->maps.deaths), exits_take, x);
	if (r < 0)
		return r;
	r = kernel_ring_add(&x->ring, bpf_map__fd(x->skel->maps.chatter));
	if (r < 0)
		return r;
	*ret_state = TAKE_PTR(x);
	return 0;
}

static entity_id entity_of(struct exits *x, const struct exits_task *t)
{
	struct process_seen seen = {
		.pid = t->pid,
		.ppid = t->ppid,
		.uid = t->uid,
		.start_ns = t->start_ns,
		.cgroup = t->cgroup,
		.comm = t->comm,
	};

	return process_entity(&seen, x->ticks_per_s, &x->cgroups, x->out);
}

static bool is_crash(uint32_t signo)
{
	return signo == SIGILL || signo == SIGTRAP || signo == SIGABRT || signo == SIGBUS || signo == SIGFPE ||
	       signo == SIGSEGV || signo == SIGSYS;
}

/* Each event of an unknown process makes an entity that lingers: a flood may not fill the graph. */
static bool budget(struct exits *x, const struct exits_event *e, bool important)
{
	uint64_t second = e->at_ns / NS_PER_S;

	if (e->known)
		return true;
	if (second != x->second) {
		x->second = second;
		x->deaths = x->crashes = x->failures = 0;
	}
	if (!important ? x->failures++ < MAX_FAILURES_PER_S
	    : is_crash(e->signo) ? x->crashes++ < MAX_CRASHES_PER_S
				 : x->deaths++ < MAX_DEATHS_PER_S)
		return true;
	x->untold++;
	return false;
}

static void take_exit(struct exits *x, const struct exits_event *e)
{
	char comm[PROCESS_COMM_MAX], path[KERNEL_CGROUP_PATH_MAX], lived[32];

	if (e->known)
		(void)u64map_remove(x->known, e->task.pid);
	bool ours = x->self_pid && e->task.ppid == x->self_pid;
	if ((ours && !e->known) || !budget(x, e, e->signo != 0))
		return;
	entity_id id = entity_of(x, &e->task);
	if (!ours && (e->signo || e->exit_code)) {
		struct event *v = batch_event(x->out, PROC_EXIT, id, e->at_ns,
					      e->signo ? SEVERITY_WARNING : SEVERITY_INFO,
					      e->signo ? e->signo : e->exit_code);
		process_comm(e->task.comm, comm);
		kernel_cgroup_path(&x->cgroups, e->task.cgroup, path, sizeof(path));
		clock_format_duration(e->lifetime_ns, lived, sizeof(lived));
		batch_value_text(x->out, v, EXIT_COMM, comm);
		batch_value_number(x->out, v, EXIT_SIGNAL, e->signo);
		batch_value_number(x->out, v, EXIT_CODE, e->exit_code);
		batch_value_number(x->out, v, EXIT_CORE, e->core);
		batch_value_number(x->out, v, EXIT_LIFETIME, (double)e->lifetime_ns);
		if (path[0])
			batch_value_text(x->out, v, EXIT_CGROUP, path);
		const char *name = e->signo ? sigabbrev_np(e->signo) : NULL;
		if (e->signo)
			batch_message(x->out, v, "%s[%u] was killed by SIG%s after %s%s", comm, e->task.pid,
				      name ? name : "?", lived, e->core ? ", core dumped" : "");
		else
			batch_message(x->out, v, "%s[%u] exited with code %d after %s", comm, e->task.pid, e->exit_code,
				      lived);
	}
	/* What ended it stays with it while it lingers; collectors/workload.c makes of it how a rank ended. */
	if (e->signo)
		batch_attr_u64(x->out, id, PROCESS_EXIT_SIGNAL, (uint64_t)e->signo);
	else
		batch_attr_u64(x->out, id, PROCESS_EXIT_CODE, (uint64_t)e->exit_code);
	batch_attr_u64(x->out, id, PROCESS_LIFETIME_NS, e->lifetime_ns);
	batch_gone(x->out, id);
}

static void take_signal(struct exits *x, const struct exits_event *e)
{
	bool stop = e->signo == SIGSTOP || e->signo == SIGTSTP;
	char comm[PROCESS_COMM_MAX], sender[PROCESS_COMM_MAX], path[KERNEL_CGROUP_PATH_MAX];

	if ((x->self_pid && e->sender.pid == x->self_pid && e->task.ppid == x->self_pid) || !budget(x, e, !stop))
		return;
	entity_id id = entity_of(x, &e->task);
	struct event *v = batch_event(x->out, stop ? SIGNAL_STOP : SIGNAL_FATAL, id, e->at_ns,
				      e->handled || stop ? SEVERITY_INFO : SEVERITY_WARNING, e->signo);
	const char *name = sigabbrev_np(e->signo);
	process_comm(e->task.comm, comm);
	process_comm(e->sender.comm, sender);
	if (!stop) {
		batch_attr_u64(x->out, id, PROCESS_SIGNAL, (uint64_t)e->signo);
		batch_attr(x->out, id, PROCESS_SENDER_COMM, e->by_kernel ? "kernel" : sender);
		if (e->by_kernel)
			batch_attr(x->out, id, PROCESS_SENDER_PID, NULL);
		else
			batch_attr_u64(x->out, id, PROCESS_SENDER_PID, e->sender.pid);
		batch_attr(x->out, id, PROCESS_SENDER_ABOVE, e->above ? "yes" : NULL);
	}
	batch_value_text(x->out, v, SIG_COMM, comm);
	batch_value_text(x->out, v, SIG_SENDER_COMM, e->by_kernel ? "kernel" : sender);
	batch_value_number(x->out, v, SIG_BY_KERNEL, e->by_kernel);
	batch_value_number(x->out, v, SIG_SAME, e->same_process);
	batch_value_number(x->out, v, SIG_HANDLED, e->handled);
	kernel_cgroup_path(&x->cgroups, e->task.cgroup, path, sizeof(path));
	if (path[0])
		batch_value_text(x->out, v, SIG_CGROUP, path);
	if (e->by_kernel && e->above) {
		batch_value_number(x->out, v, SIG_ABOVE, 1);
		batch_message(x->out, v, "the kernel sent SIG%s to %s[%u], because %s[%u], the first process of its pid "
			      "namespace, has ended", name ? name : "?", comm, e->task.pid, sender, e->sender.pid);
		return;
	}
	if (e->by_kernel) {
		batch_message(x->out, v, "the kernel sent SIG%s to %s[%u]", name ? name : "?", comm, e->task.pid);
		return;
	}
	batch_value_number(x->out, v, SIG_SENDER_PID, e->sender.pid);
	batch_value_number(x->out, v, SIG_SENDER_UID, e->sender.uid);
	batch_value_number(x->out, v, SIG_ABOVE, e->above);
	kernel_cgroup_path(&x->cgroups, e->sender.cgroup, path, sizeof(path));
	if (path[0])
		batch_value_text(x->out, v, SIG_SENDER_CGROUP, path);
	batch_message(x->out, v, "%s[%u] sent SIG%s to %s[%u]", sender, e->sender.pid, name ? name : "?", comm, e->task.pid);
}

static void take_exec(struct exits *x, const struct exits_event *e)
{
	char comm[PROCESS_COMM_MAX], filename[EXITS_FILENAME_BYTES * 4];
	struct text t;

	entity_id id = entity_of(x, &e->task);
	struct event *v = batch_event(x->out, PROC_EXEC, id, e->at_ns, SEVERITY_INFO, 0);
	process_comm(e->task.comm, comm);
	text_init(&t, filename, sizeof(filename));
	text_add_escaped(&t, e->filename, strnlen(e->filename, sizeof(e->filename)));
	batch_value_text(x->out, v, 0, comm);
	batch_value_text(x->out, v, 1, filename);
	batch_value_number(x->out, v, 2, e->task.ppid);
}

static int exits_take(void *arg, const void *data, size_t size)
{
	const struct exits_event *e = data;
	struct exits *x = arg;

	if (size < sizeof(*e))
		return 0;
	if (e->what == EXITS_EXIT)
		take_exit(x, e);
	else if (e->what == EXITS_SIGNAL)
		take_signal(x, e);
	else if (e->what == EXITS_EXEC)
		take_exec(x, e);
	return 0;
}

static int exits_event_fd(void *state)
{
	return kernel_ring_fd(&((struct exits *)state)->ring);
}

static int exits_drain(void *state, unsigned max, struct batch *b)
{
	struct exits *x = state;

	x->out = b;
	return kernel_ring_drain(&x->ring, max);
}

/* Start time of the process in ticks, from field 22 of its stat. -ENOENT: there is none. */
static int start_of(const struct exits *x, uint32_t pid, uint64_t *ret_ticks)
{
	char path[40], data[1024];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", pid);
	int r = file_read_at(x->root_fd, path, data, sizeof(data), NULL);
	if (r < 0)
		return r;
	const char *at = strrchr(data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %lu", ret_ticks) == 1 ? 0 : -EBADMSG;
}

static bool is_alive(const struct exits *x, uint32_t pid, uint64_t start_ticks)
{
	uint64_t ticks;

	if (!x->sees_all_pids)
		return true;
	int r = start_of(x, pid, &ticks);
	return r == 0 ? ticks == start_ticks : r != -ENOENT && r != -ESRCH;
}

/* Tell the kernel half of a process that somebody made an entity for, so that its end is reported. */
static void follow(struct exits *x, struct batch *b, entity_id id, uint32_t pid, uint64_t start)
{
	int fd = bpf_map__fd(x->skel->maps.known);

	if (u64map_set(x->known, pid, start) < 0)
		return;
	if (bpf_map_update_elem(fd, &pid, &start, BPF_ANY) < 0) {
		(void)u64map_remove(x->known, pid);
		return;
	}
	/* It may have ended before the kernel half knew it. */
	if (!is_alive(x, pid, start)) {
		(void)bpf_map_delete_elem(fd, &pid);
		(void)u64map_remove(x->known, pid);
		batch_gone(b, id);
	}
}

/* Those that came in this turn at once: what is worth an entity may not live until the next tick. */
static void exits_settle(void *state, mono_ns_t now, struct batch *b)
{
	struct exits *x = state;
	uint64_t start, told;
	uint32_t pid;

	(void)now;
	for (size_t i = 0, n = b->n_ops; i < n; i++) {
		entity_id id = b->ops[i].a;
		if (b->ops[i].kind != BATCH_OP_ENTITY || graph_kind(b->graph, id) != ENTITY_PROCESS ||
		    graph_is_gone(b->graph, id, NULL) || process_key_parse(graph_key(b->graph, id), &pid, &start) < 0)
			continue;
		if (!u64map_get(x->known, pid, &told) || told != start)
			follow(x, b, id, pid, start);
	}
}

static void follow_all(struct exits *x, struct batch *b, bool recheck)
{
	int fd = bpf_map__fd(x->skel->maps.known);
	size_t cursor = 0;
	entity_id id;

	while ((id = graph_next(b->graph, ENTITY_PROCESS, &cursor)) != ENTITY_NONE) {
		uint64_t start, told;
		uint32_t pid;
		const char *key = graph_key(b->graph, id);
		if (!key || process_key_parse(key, &pid, &start) < 0)
			continue;
		bool known = u64map_get(x->known, pid, &told) && told == start;
		/* The kernel half forgets a process when it ends: not there means that the report was lost. */
		if (known && recheck && bpf_map_lookup_elem(fd, &pid, &told) < 0)
			known = false;
		if (!known)
			follow(x, b, id, pid, start);
	}
}

static int exits_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct exits *x = state;
	entity_id node = graph_node(b->graph);
	struct exits_counts c;

	kernel_cgroup_refresh(&x->cgroups, now, b);
	int r = kernel_half_sum(bpf_map__fd(x->skel->maps.counts), 0, (uint64_t *)c.n, EXITS_N_MAX);
	if (r < 0)
		return r;
	uint64_t missed = c.n[EXITS_N_MISSED_RATE] + c.n[EXITS_N_MISSED_RING];
	follow_all(x, b, missed != x->missed_before || ++x->ticks % RECHECK_TICKS == 0);
	x->missed_before = missed;
	if (kernel_half_works(&x->kernel, "task_exec"))
		batch_sample(b, N_EXECS, node, (double)c.n[EXITS_N_EXECS]);
	if (kernel_half_works(&x->kernel, "task_exit")) {
		batch_sample(b, N_EXITS, node, (double)c.n[EXITS_N_EXITS]);
		batch_sample(b, N_ABNORMAL, node, (double)c.n[EXITS_N_ABNORMAL]);
	}
	batch_sample(b, N_MISSED, node, (double)(missed + x->untold));
	return 0;
}

static void exits_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg)
{
	kernel_half_say(&((struct exits *)state)->kernel, say, arg);
}

const struct collector collector_exits = {
	.name = "exits",
	.help = "processes that ended badly, and senders of fatal and stop signals, by BPF tracepoints",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.caps = 1ULL << 39 | 1ULL << 38, /* CAP_BPF, CAP_PERFMON */
	.probe = kernel_half_probe,
	.open = exits_open,
	.collect = exits_collect,
	.event_fd = exits_event_fd,
	.drain = exits_drain,
	.settle = exits_settle,
	.hooks = exits_hooks,
	.close = exits_close,
};

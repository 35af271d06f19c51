/* SPDX-License-Identifier: Apache-2.0 */
/* workload.c - whose process it is: rank, executor, task, job, container; and how members end.
 *
 * Bounds: WORKLOAD_MAX_MEMBERS main processes; MAX_SCAN_* of /proc a tick; what is above is counted.
 *
 * What is known of a process comes from the kernel half at exec (collectors/lineage.h), before anybody asks. /proc is
 * walked once at the start for those that were there before, and slowly ever after: for titles that a process gives
 * itself, and for what the kernel half could not tell. How a process ended is written into its entity by the
 * collectors that see it (exits, oom); this one reads the graph, not their events.
 *
 * Order within a turn: collectors are drained in an order that turns, and a rank may start and die within one turn. So
 * nothing is concluded while draining: settle() comes after all of them. It takes first what is left in the
 * kernel half's ring (a program's start is in it before its end can be in another), then walks the changes that the
 * batch holds: new process entities get their identity, gone ones are told as rank.ended, new labels have their
 * containers' processes judged again. All that is in the same batch, so that rules see it at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "collectors/process.h"
#include "collectors/workload_metric.h"
#include "collectors/workload_state.h"

#define INIT_PID_NS_INODE 0xEFFFFFFCU
#define MAX_SCAN_FIRST    1024 /* processes a tick until all were seen once */
#define MAX_SCAN_BLIND    128  /* ... while the kernel half is missing */
#define MAX_SCAN          32
#define MAX_SCAN_RECENT   64 /* pids given out lately, a tick */
#define MAX_JUDGED_RECENT 16
#define MAX_CHECK_BLIND   128  /* members a tick, whether they are still there */
#define MAX_CHECK         32
#define MAX_ENTITIES      512  /* of other collectors, identified in a turn */
#define MAX_EXECS         4096 /* taken in one settle */
#define MAX_PLACES        4096

static void workload_close(void *state)
{
	struct workload *w = state;

	if (!w)
		return;
	lineage_close(&w->lineage);
	kernel_cgroup_close(&w->cgroups);
	workload_table_close(&w->table);
	workload_scan_close(&w->scan);
	u64map_free(&w->places);
	free(w);
}

static void workload_cleanup(struct workload **w)
{
	workload_close(*w);
}

static void on_exec(void *arg, const struct lineage_exec *exec)
{
	struct workload *w = arg;

	if (workload_judge_like_parent(w, exec))
		return;
	workload_subject_exec(&w->subject, w->root_fd, exec, w->ticks_per_s, &w->cgroups);
	(void)workload_judge(w, exec->cgroup, false);
	workload_subject_forget(&w->subject);
}

/* "9021.34 17000.12": seconds since boot. UINT64_MAX: not known, and nothing is younger. */
static uint64_t uptime_ticks(const struct workload *w)
{
	char text[64];
	double seconds = 0;

	if (file_read_at(w->root_fd, "proc/uptime", text, sizeof(text), NULL) < 0 || sscanf(text, "%lf", &seconds) != 1 ||
	    !(seconds >= 0 && seconds < 1e10))
		return UINT64_MAX;
	return (uint64_t)((seconds + 0.01) * (double)w->ticks_per_s);
}

static int workload_open(const struct collect_env *env, void **ret_state)
{
	AUTO(workload_cleanup) struct workload *w = calloc(1, sizeof(*w));
	struct stat ns;

	if (!w)
		return -ENOMEM;
	w->root_fd = env->root_fd;
	w->ticks_per_s = env->ticks_per_s > 0 ? env->ticks_per_s : 100;
	w->proc_is_ours = env->fixture || (stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino == INIT_PID_NS_INODE);
	int r = workload_table_open(&w->table);
	if (r == 0)
		r = u64map_new(MAX_PLACES, &w->places);
	if (r < 0)
		return r;
	w->lineage_error = lineage_open(env, on_exec, w, &w->lineage);
	w->opened_ticks = uptime_ticks(w);
	kernel_cgroup_open(&w->cgroups, env, w->lineage ? lineage_paths_fd(w->lineage) : -1);
	w->scans = (w->proc_is_ours || !w->lineage) && workload_scan_open(&w->scan, env->root_fd) == 0;
	*ret_state = TAKE_PTR(w);
	return 0;
}

/* ---- a tick ---- */

/* True: it was new, and has been judged. */
static bool scan_one(struct workload *w, uint32_t pid, bool listed)
{
	AUTO_CLOSE int fd = -1;
	struct proc_stat stat;

	if (proc_facts_glance(w->root_fd, pid, &stat) < 0 || stat.pid != pid || stat.kernel_thread || stat.ended ||
	    workload_table_find(&w->table, stat.pid, stat.start_ticks) || !workload_scan_is_new(&w->scan, &stat))
		return false;
	if (workload_subject_proc(&w->subject, w->root_fd, pid, &fd) < 0 || w->subject.stat.start_ticks != stat.start_ticks)
		return false;
	/* By its number /proc shows also a thread that is no process. */
	if (!listed && !proc_facts_is_process(fd, pid))
		return false;
	workload_subject_read(&w->subject, fd);
	(void)workload_judge(w, 0, false);
	workload_subject_forget(&w->subject);
	return true;
}

/* Who was forked a moment ago, newest first: a task that gives itself a title may live for seconds only. */
static void scan_recent(struct workload *w)
{
	unsigned judged = 0;
	uint32_t after, pid;

	if (!workload_scan_recent(&w->scan, w->root_fd, MAX_SCAN_RECENT, &after, &pid))
		return;
	for (; pid > after && judged < MAX_JUDGED_RECENT; pid--)
		judged += scan_one(w, pid, false);
}

static void scan_some(struct workload *w)
{
	uint64_t missed = w->lineage ? lineage_missed(w->lineage) : 0;
	uint32_t pid;

	/* What the kernel half missed is found in one quicker round. */
	if (missed != w->missed_before)
		w->hurry_until = w->scan.rounds + 2;
	w->missed_before = missed;
	bool blind = !w->lineage || w->scan.rounds < w->hurry_until;
	unsigned max = w->scan.rounds == 0 ? MAX_SCAN_FIRST : blind ? MAX_SCAN_BLIND : MAX_SCAN;

	for (unsigned i = 0; i < max && workload_scan_next(&w->scan, &pid); i++)
		(void)scan_one(w, pid, true);
}

static int workload_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct workload *w = state;
	entity_id node = graph_node(b->graph);

	w->now = now;
	w->out = b;
	kernel_cgroup_refresh(&w->cgroups, now, b);
	if (w->scans) {
		scan_some(w);
		scan_recent(w);
		workload_end_check(w, w->lineage ? MAX_CHECK : MAX_CHECK_BLIND);
	}
	workload_end_count(w);
	batch_sample(b, WORKLOAD_NODE_MEMBERS, node, (double)w->table.n_used);
	batch_sample(b, WORKLOAD_NODE_UNTOLD, node,
		     (double)(w->table.refused + w->missed_before));
	return 0;
}

/* ---- a turn ---- */

static int workload_event_fd(void *state)
{
	struct workload *w = state;

	return w->lineage ? lineage_event_fd(w->lineage) : -1;
}

static int workload_drain(void *state, unsigned max, struct batch *b)
{
	struct workload *w = state;

	w->now = b->now;
	w->out = b;
	return w->lineage ? lineage_drain(w->lineage, max) : 0;
}

static struct workload_member *member_of(struct workload *w, entity_id process)
{
	const char *key = graph_key(w->out->graph, process);
	uint64_t start_ticks;
	uint32_t pid;

	return key && process_key_parse(key, &pid, &start_ticks) == 0 ?
			workload_table_find(&w->table, pid, start_ticks) : NULL;
}

/* In the order in which things happened: who was asked to end after another had ended did not end first. */
static void take_op(struct workload *w, const struct batch_op *op, unsigned *n_entities)
{
	struct workload_member *m;

	workload_place_note(w, op);
	if (graph_kind(w->out->graph, op->a) != ENTITY_PROCESS)
		return;
	if (op->kind == BATCH_OP_ENTITY && (*n_entities)++ < MAX_ENTITIES)
		workload_judge_entity(w, op->a);
	if (op->kind == BATCH_OP_ATTR && strcmp(op->name, PROCESS_SIGNAL) == 0 && (m = member_of(w, op->a)) != NULL)
		workload_end_asked(w, m, op->value);
	if (op->kind == BATCH_OP_GONE && (m = member_of(w, op->a)) != NULL) {
		m->process = op->a;
		workload_end_member(w, m);
	}
}

/* Ops were lost for want of room: look at everything that may have changed. */
static void take_all(struct workload *w)
{
	size_t cursor = 0;
	unsigned n = 0;
	entity_id id;
	struct workload_member *m;

	while (n < MAX_ENTITIES && (id = graph_next(w->out->graph, ENTITY_PROCESS, &cursor)) != ENTITY_NONE)
		if (!graph_attr(w->out->graph, id, "identity") && !graph_attr(w->out->graph, id, "unresolved")) {
			workload_judge_entity(w, id);
			n++;
		}
	cursor = 0;
	while ((m = workload_table_next(&w->table, &cursor)))
		if (m->process != ENTITY_NONE && graph_is_gone(w->out->graph, m->process, NULL))
			workload_end_member(w, m);
	w->all_places = true;
}

static void workload_settle(void *state, mono_ns_t now, struct batch *b)
{
	struct workload *w = state;
	unsigned n_entities = 0;

	w->now = now;
	w->out = b;
	if (w->lineage)
		(void)lineage_drain(w->lineage, MAX_EXECS);
	/* What follows adds ops of its own; those need no second look. */
	size_t n_ops = b->n_ops;
	for (size_t i = 0; i < n_ops; i++)
		take_op(w, &b->ops[i], &n_entities);
	if (b->dropped_ops != w->ops_dropped)
		take_all(w);
	workload_place_settle(w);
	workload_subject_forget(&w->subject);
	w->ops_dropped = b->dropped_ops;
}

static void workload_hooks(void *state, void (*say)(void *arg, const char *hook, int error, const char *reason), void *arg)
{
	const struct workload *w = state;
	char known[128];

	if (w->lineage)
		lineage_hooks(w->lineage, say, arg);
	else
		say(arg, "programs at exec", w->lineage_error,
		    "without the kernel half members are found by looking through /proc, up to minutes late, and not at all "
		    "when they live shorter");
	(void)snprintf(known, sizeof(known), "%zu known, %" PRIu64 " without room, %" PRIu64 " execs missed",
			w->table.n_used,
		       w->table.refused, w->lineage ? lineage_missed(w->lineage) : 0);
	say(arg, "processes of jobs", 0, known);
}

const struct collector collector_workload = {
	.name = "workload",
	.help = "whose process it is: rank, executor or task, job, container; and how members end",
	.metrics = workload_metrics,
	.n_metrics = WORKLOAD_N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.open = workload_open,
	.collect = workload_collect,
	.event_fd = workload_event_fd,
	.drain = workload_drain,
	.settle = workload_settle,
	.hooks = workload_hooks,
	.close = workload_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* workload_state.h - what the parts of the workload collector share: who belongs to whom, and the batch they write into.
 *
 * Room: collectors.  Owns: all that is in it.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: those of the parts.
 *
 * workload.c drives it, workload_judge.c finds out whose a process is, workload_end.c says how members end and
 * which jobs are over, workload_place.c follows the labels of containers and pods.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_STATE_H
#define WHY_COLLECTORS_WORKLOAD_STATE_H

#include "collectors/collector.h"
#include "collectors/workload_scan.h"
#include "collectors/workload_subject.h"
#include "collectors/workload_table.h"

#define WORKLOAD_MAX_JOBS 1024

struct workload_job {
	entity_id job;
	uint32_t processes, members;
	double restarts;     /* NaN: not told */
	mono_ns_t empty_since; /* 0: it has processes */
};

struct workload {
	int root_fd;
	long ticks_per_s;
	bool proc_is_ours; /* /proc shows the pids that the kernel half tells */
	uint64_t opened_ticks;   /* since boot, as starts of processes */
	struct lineage *lineage; /* NULL: no kernel half */
	int lineage_error;
	struct kernel_cgroup cgroups;
	struct workload_table table;
	struct workload_scan scan;
	bool scans;
	uint64_t missed_before; /* execs that the kernel half could not tell */
	unsigned hurry_until;   /* round of the scan */
	struct workload_subject subject; /* who is judged now */
	struct membership found[RECOGNISED_MAX];
	struct u64map *places; /* containers and pods whose labels have changed, this turn */
	bool all_places;       /* there were too many */
	bool any_again;        /* some member is to be judged again */
	size_t hand;           /* of the round over members: who is still there */
	struct workload_job jobs[WORKLOAD_MAX_JOBS];
	size_t n_jobs;
	uint64_t ops_dropped;  /* of the batch, when it was looked at last */
	mono_ns_t now;
	struct batch *out;
};

/* ---- workload_judge.c ---- */

/* Whose is w->subject? The member that it is now, NULL: nobody's. `asked`: it has an entity for another reason, so that
 * also what is known from its cgroup or its container alone is of use. */
struct workload_member *workload_judge(struct workload *w, uint64_t cgroup_key, bool asked);
/* Most programs that a rank starts: true, it is that rank's by its parent, and no more need be asked. */
bool workload_judge_like_parent(struct workload *w, const struct lineage_exec *exec);
/* Give the process entity `id`, which another collector made, its identity. */
void workload_judge_entity(struct workload *w, entity_id id);
/* The same member again: labels came since. */
void workload_judge_again(struct workload *w, struct workload_member *m);
/* Find or make the member's process entity, with all that belongs to it. */
entity_id workload_judge_show(struct workload *w, struct workload_member *m);

/* ---- workload_end.c ---- */

/* A signal that ends it or asks it to was sent: `number` as text. */
void workload_end_asked(struct workload *w, struct workload_member *m, const char *number);
/* Its process entity is gone: say so of its rank. */
void workload_end_member(struct workload *w, struct workload_member *m);
/* Look whether a few of the members are still there, oldest look first. */
void workload_end_check(struct workload *w, unsigned max);
/* Count jobs and members; let go of jobs and ranks that are over. */
void workload_end_count(struct workload *w);

/* ---- workload_place.c ---- */

/* One change of the graph in this batch: does it concern the labels of a container or pod? */
void workload_place_note(struct workload *w, const struct batch_op *op);
/* Link those noted to the rank or job that they are wholly, and have their processes judged again. */
void workload_place_settle(struct workload *w);

#endif

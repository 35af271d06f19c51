/* SPDX-License-Identifier: Apache-2.0 */
/* task_ranks.h - what the ranks of jobs did since the last tick: ran, waited for a CPU or the disk, stood still, idled.
 *
 * Room: collectors.  Owns: memory; the maps are those of bpf/tasks.bpf.c.  Thread: the loop.  Clock: none.
 * Bounds: TASKS_MAX_RANKS ranks with TASKS_MAX_MEMBERS processes together; what is above is counted (task_ranks_untold).
 *
 * Part of the collector `tasks`, whose iterator does the reading. Which process is a rank's is what the graph says
 * (process OF rank): children that are linked to the rank count to it. Only a rank that has a living process is told of.
 */
#ifndef WHY_COLLECTORS_TASK_RANKS_H
#define WHY_COLLECTORS_TASK_RANKS_H

#include <stdint.h>

#include "collectors/kernel_cgroup.h"
#include "model/batch.h"
#include "model/metric.h"

/* Positions in the collector's table, after `first` others. */
enum task_ranks_metric {
	TASK_RANKS_CPU,
	TASK_RANKS_RUN_DELAY_RATIO,
	TASK_RANKS_HELD_RATIO,
	TASK_RANKS_STOPPED_TIME,
	TASK_RANKS_IO_WAIT_RATIO,
	TASK_RANKS_IDLE_RATIO,
	TASK_RANKS_IO_READ,
	TASK_RANKS_IO_WRITTEN,
	TASK_RANKS_PROCESSES,
	TASK_RANKS_JOB_RANKS,
	TASK_RANKS_JOB_IDLE,
	TASK_RANKS_JOB_HELD,
	TASK_RANKS_N_METRICS,
};

#define TASK_RANKS_METRICS(first)                                                                                      \
	[(first) + TASK_RANKS_CPU] = { "rank.cpu", METRIC_GAUGE, UNIT_CPUS, ENTITY_RANK,                              \
		"CPUs that its processes used", NULL, NULL },                                                          \
	[(first) + TASK_RANKS_RUN_DELAY_RATIO] = { "rank.run_delay_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_RANK,     \
		"share of its runnable time that it waited for a CPU, throttling included", NULL, NULL },              \
	[(first) + TASK_RANKS_HELD_RATIO] = { "rank.held_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_RANK,               \
		"share of the last second in which the host kept it from running: stopped, waiting for a CPU, or "    \
		"uninterruptible in the kernel",                                                                       \
		NULL, NULL },                                                                                          \
	[(first) + TASK_RANKS_STOPPED_TIME] = { "rank.stopped_time", METRIC_GAUGE, UNIT_NS, ENTITY_RANK,              \
		"for how long it has been stopped by a signal or a debugger; 0 when it is not", NULL, NULL },          \
	[(first) + TASK_RANKS_IO_WAIT_RATIO] = { "rank.io_wait_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_RANK,         \
		"share of the last second in which it did nothing but wait in the kernel, mostly for storage; "         \
		"sampled 20 times a second",                                                                           \
		NULL, NULL },                                                                                          \
	[(first) + TASK_RANKS_IDLE_RATIO] = { "rank.idle_ratio", METRIC_GAUGE, UNIT_RATIO, ENTITY_RANK,               \
		"share of the last second in which it waited by itself: for another rank, a device, a timer", NULL,    \
		NULL },                                                                                                \
	[(first) + TASK_RANKS_IO_READ] = { "rank.io.read", METRIC_COUNTER, UNIT_BYTES, ENTITY_RANK,                   \
		"bytes that its processes had disks read", NULL, NULL },                                               \
	[(first) + TASK_RANKS_IO_WRITTEN] = { "rank.io.written", METRIC_COUNTER, UNIT_BYTES, ENTITY_RANK,             \
		"bytes that its processes gave to disks to write", NULL, NULL },                                       \
	[(first) + TASK_RANKS_PROCESSES] = { "rank.processes", METRIC_GAUGE, UNIT_NONE, ENTITY_RANK,                  \
		"living processes that are known to be its own", NULL, NULL },                                         \
	[(first) + TASK_RANKS_JOB_RANKS] = { "job.ranks", METRIC_GAUGE, UNIT_NONE, ENTITY_JOB,                        \
		"members of it that live on this node", NULL, NULL },                                                  \
	[(first) + TASK_RANKS_JOB_IDLE] = { "job.ranks_idle", METRIC_GAUGE, UNIT_NONE, ENTITY_JOB,                    \
		"of these, those that waited by themselves for more than 80 % of the last second", NULL, NULL },       \
	[(first) + TASK_RANKS_JOB_HELD] = { "job.ranks_held", METRIC_GAUGE, UNIT_NONE, ENTITY_JOB,                    \
		"of these, those that the host kept from running for more than half of the last second", NULL, NULL }

struct task_ranks_maps {
	int members, ranks, looks, looked_at; /* of the skeleton, not owned */
	int start_looking;                    /* program that starts the timer; -1: this kernel refused it */
};

struct task_ranks;
struct tasks_control;

/* `first`: of its metrics in the collector's table. -ENOMEM. */
int task_ranks_new(const struct task_ranks_maps *maps, long ticks_per_s, uint32_t first, struct task_ranks **ret_ranks);
void task_ranks_free(struct task_ranks **ranks);

/* Before an iteration: tell the kernel half which processes are ranks', as the graph has it now. */
void task_ranks_ask(struct task_ranks *t, const struct graph *g, struct tasks_control *control);
/* After it: samples, and the cgroup that each process was found in. `wall_ns` 0: the first tick. */
void task_ranks_take(struct task_ranks *t, const struct tasks_control *control, double wall_ns,
		     struct kernel_cgroup *cgroups, struct batch *b);

/* Ranks and processes for which there was no room, at the last look. */
uint64_t task_ranks_untold(const struct task_ranks *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* kernlog_patterns.h - what lines of the kernel log mean: the events, and the table of patterns that give them.
 *
 * Room: collectors.  Owns: nothing but constants.  Thread: any.  Clock: none.
 * Bounds: KERNLOG_MAX_PATTERNS, see kernlog_match.h for the form of a template.
 *
 * Captures of a template are named as the event's fields; `key` is the entity's key, `nvme` a controller whose first disk
 * is meant, `_` is thrown away. Of lines of NVIDIA's driver a row finds only the anchor, the rest is xid_line.h's.
 * To add a line: a row in kernlog_patterns.c. Rows of one kind are tried in order until one fits.
 */
#ifndef WHY_COLLECTORS_KERNLOG_PATTERNS_H
#define WHY_COLLECTORS_KERNLOG_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/batch.h"
#include "model/metric.h"

#define KERNLOG_MAX_PATTERNS 64

enum kernlog_kind {
	KERNLOG_OOM,
	KERNLOG_SEGFAULT,
	KERNLOG_GENERAL_PROTECTION,
	KERNLOG_HUNG_TASK,
	KERNLOG_SOFT_LOCKUP,
	KERNLOG_HARD_LOCKUP,
	KERNLOG_RCU_STALL,
	KERNLOG_IO_ERROR,
	KERNLOG_NVME_TIMEOUT,
	KERNLOG_FS_ERROR,
	KERNLOG_FS_READONLY,
	KERNLOG_MCE,
	KERNLOG_MEMORY_FAILURE,
	KERNLOG_EDAC,
	KERNLOG_AER,
	KERNLOG_XID,
	KERNLOG_SXID,
	KERNLOG_GPU_DRIVER,
	KERNLOG_FORK_REJECTED,
	KERNLOG_NFS_UNRESPONSIVE,
	KERNLOG_NFS_OK,
	KERNLOG_CONNTRACK_FULL,
	KERNLOG_NEIGHBOUR_OVERFLOW,
	KERNLOG_SYN_FLOOD,
	KERNLOG_LINK_DOWN,
	KERNLOG_LINK_UP,
	KERNLOG_TX_TIMEOUT,
	KERNLOG_KINDS, /* below: not from a pattern */
	KERNLOG_LOST = KERNLOG_KINDS,
	KERNLOG_FORGED,
	KERNLOG_SUPPRESSED,
	KERNLOG_RECORDS,
	KERNLOG_XID_LINES,
	KERNLOG_METRICS,
};

enum kernlog_step {
	KERNLOG_EVENT,       /* the line is the event */
	KERNLOG_OOM_CONTEXT, /* says whose limit was hit; the kill follows */
	KERNLOG_OOM_KILL,    /* says who was killed; closes the report */
	KERNLOG_GPU_LINE,    /* of NVIDIA's driver: collectors/xid_line.h reads it */
};

struct kernlog_pattern {
	const char *anchor;
	const char *template_text;
	enum kernlog_kind kind;
	enum severity severity;
	bool hardware; /* a forged one is worth an event of its own */
	enum kernlog_step step;
};

extern const struct kernlog_pattern kernlog_patterns[];
extern const size_t kernlog_n_patterns;
extern const struct metric_desc kernlog_metrics[KERNLOG_METRICS];

/* Fields of KERNLOG_OOM by position. */
enum {
	OOM_CONSTRAINT,
	OOM_VICTIM_PID,
	OOM_VICTIM_COMM,
	OOM_CGROUP,
	OOM_TASK_CGROUP,
	OOM_TOTAL_VM,
	OOM_ANON_RSS,
	OOM_FILE_RSS,
	OOM_SHMEM_RSS,
};

#endif

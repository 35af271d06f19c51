/* SPDX-License-Identifier: Apache-2.0 */
/* workload_metric.h - what the workload collector may emit.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_METRIC_H
#define WHY_COLLECTORS_WORKLOAD_METRIC_H

#include "model/metric.h"

enum workload_metric {
	WORKLOAD_JOB_MEMBERS,
	WORKLOAD_JOB_RESTARTS,
	WORKLOAD_RANK_ENDED,
	WORKLOAD_RANK_RUNNING,
	WORKLOAD_NODE_MEMBERS,
	WORKLOAD_NODE_UNTOLD,
	WORKLOAD_N_METRICS,
};

/* Fields of rank.ended. */
enum workload_ended {
	ENDED_HOW,
	ENDED_EXIT_CODE,
	ENDED_SIGNAL,
	ENDED_SENDER_PID,
	ENDED_SENDER_COMM,
	ENDED_BY_OWN_JOB,
	ENDED_ASKED,
	ENDED_OOM,
	ENDED_LIFETIME,
	ENDED_COMM,
	ENDED_PID,
	ENDED_EARLIER,
};

extern const struct metric_desc workload_metrics[WORKLOAD_N_METRICS];

#endif

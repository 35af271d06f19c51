/* SPDX-License-Identifier: Apache-2.0 */
/* cri_metric.h - what the collector cri may emit.
 *
 * Room: runtimes.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 */
#ifndef WHY_RUNTIMES_CRI_METRIC_H
#define WHY_RUNTIMES_CRI_METRIC_H

#include "model/metric.h"

enum {
	CRI_RESTARTS,
	CRI_POD_RESTARTS,
	CRI_CONTAINER_EXITED,
	CRI_SILENT,
	CRI_LOST,
	CRI_RECOVERED,
	CRI_REFUSED,
	CRI_N_METRICS,
};

enum { EXITED_REASON, EXITED_NAME, EXITED_POD, EXITED_IMAGE, EXITED_RESTART_COUNT, EXITED_LIFETIME };
enum { LOST_RUNTIME, LOST_SOCKET, LOST_REASON };

extern const struct metric_desc cri_metrics[CRI_N_METRICS];

#endif

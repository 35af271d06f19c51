/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet_metric.h - what the collector kubelet may emit.
 *
 * Room: runtimes.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 */
#ifndef WHY_RUNTIMES_KUBELET_METRIC_H
#define WHY_RUNTIMES_KUBELET_METRIC_H

#include "model/metric.h"

enum {
	KUBELET_POD_FAILED,
	KUBELET_POD_WAITING,
	KUBELET_SILENT,
	KUBELET_LOST,
	KUBELET_RECOVERED,
	KUBELET_REFUSED,
	KUBELET_N_METRICS,
};

extern const struct metric_desc kubelet_metrics[KUBELET_N_METRICS];

#endif

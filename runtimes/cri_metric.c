// SPDX-License-Identifier: Apache-2.0
#include "runtimes/cri_metric.h"

static const struct metric_field exited_fields[] = {
	[EXITED_REASON] = { "reason", 1, UNIT_NONE, "what the runtime calls it: OOMKilled, Error, Completed" },
	[EXITED_NAME] = { "name", 1, UNIT_NONE, "name of the container in its pod" },
	[EXITED_POD] = { "pod", 1, UNIT_NONE, "namespace/name; absent when not known" },
	[EXITED_IMAGE] = { "image", 1, UNIT_NONE, "its image" },
	[EXITED_RESTART_COUNT] = { "restart_count", 0, UNIT_NONE, "how often it had been started again before" },
	[EXITED_LIFETIME] = { "lifetime", 0, UNIT_NS, "from start to end by the runtime's clock; absent when not told" },
	{ NULL, 0, UNIT_NONE, NULL },
};

static const struct metric_field lost_fields[] = {
	[LOST_RUNTIME] = { "runtime", 1, UNIT_NONE, "containerd, cri-o, docker" },
	[LOST_SOCKET] = { "socket", 1, UNIT_NONE, "where it listens" },
	[LOST_REASON] = { "reason", 1, UNIT_NONE, "what came of asking" },
	{ NULL, 0, UNIT_NONE, NULL },
};

const struct metric_desc cri_metrics[CRI_N_METRICS] = {
	[CRI_RESTARTS] = { "container.restarts", METRIC_COUNTER, UNIT_NONE, ENTITY_CONTAINER,
			   "How often this container of the pod has been started again; each start is another container",
			   NULL, NULL },
	[CRI_POD_RESTARTS] = { "pod.restarts", METRIC_COUNTER, UNIT_NONE, ENTITY_POD,
			       "How often containers of the pod have been started again, summed over their names", NULL,
			       NULL },
	[CRI_CONTAINER_EXITED] = { "container.exited", METRIC_EVENT, UNIT_NONE, ENTITY_CONTAINER,
				   "A container has ended (code: its exit code)", exited_fields, NULL },
	[CRI_SILENT] = { "runtime.cri.silent", METRIC_GAUGE, UNIT_NS, ENTITY_NODE,
			 "How long the container runtime that is silent for longest has not answered; 0: all answer", NULL,
			 NULL },
	[CRI_LOST] = { "runtime.cri.lost", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		       "A container runtime has stopped answering, or has gone", lost_fields, NULL },
	[CRI_RECOVERED] = { "runtime.cri.recovered", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
			    "A container runtime answers again", lost_fields, NULL },
	[CRI_REFUSED] = { "runtime.cri.refused", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			  "Containers and sandboxes that a runtime listed and that could not be read, or for which there "
			  "was no room",
			  NULL, NULL },
};

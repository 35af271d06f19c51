// SPDX-License-Identifier: Apache-2.0
#include "runtimes/kubelet_metric.h"

static const struct metric_field failed_fields[] = {
	{ "reason", 1, UNIT_NONE,
	  "Why: Evicted, NodeShutdown, DeadlineExceeded; else which container ended with what" },
	{ 0 },
};
static const struct metric_field waiting_fields[] = {
	{ "container", 1, UNIT_NONE, "Name of the container" },
	{ "reason", 1, UNIT_NONE, "CrashLoopBackOff, ImagePullBackOff, CreateContainerConfigError" },
	{ "restart_count", 0, UNIT_NONE, "How often it has been started again" },
	{ 0 },
};
static const struct metric_field lost_fields[] = {
	{ "socket", 1, UNIT_NONE, "Where the kubelet listens" },
	{ "reason", 1, UNIT_NONE, "What came of asking" },
	{ 0 },
};

const struct metric_desc kubelet_metrics[KUBELET_N_METRICS] = {
	[KUBELET_POD_FAILED] = { "pod.failed", METRIC_EVENT, UNIT_NONE, ENTITY_POD, "A pod has failed, evictions included",
			 failed_fields, NULL },
	[KUBELET_POD_WAITING] = { "pod.waiting", METRIC_EVENT, UNIT_NONE, ENTITY_POD,
			  "A container of a pod does not start, and the kubelet says why", waiting_fields, NULL },
	[KUBELET_SILENT] = { "runtime.kubelet.silent", METRIC_GAUGE, UNIT_NS, ENTITY_NODE,
		     "How long the kubelet has not answered on its sockets; 0: it answers", NULL, NULL },
	[KUBELET_LOST] = { "runtime.kubelet.lost", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		   "The kubelet has stopped answering on a socket, or the socket has gone", lost_fields, NULL },
	[KUBELET_RECOVERED] = { "runtime.kubelet.recovered", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
			"The kubelet answers again on a socket", lost_fields, NULL },
	[KUBELET_REFUSED] = { "runtime.kubelet.refused", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			      "Pods that the kubelet listed and that could not be read, or that had no room", NULL,
			      NULL },
};

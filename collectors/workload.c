/* SPDX-License-Identifier: Apache-2.0 */
/* workload.c - whose process it is: rank, executor, task, job, container. */
#include <errno.h>
#include <stdlib.h>

#include "collectors/collector.h"
#include "collectors/workload_metric.h"

static int workload_open(const struct collect_env *env, void **ret_state)
{
	void *w = calloc(1, 1);

	(void)env;
	if (!w)
		return -ENOMEM;
	*ret_state = w;
	return 0;
}

static int workload_collect(void *state, mono_ns_t now, struct batch *b)
{
	(void)state;
	(void)now;
	(void)b;
	return 0;
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
	.close = free,
};

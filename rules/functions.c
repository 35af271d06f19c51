// SPDX-License-Identifier: Apache-2.0
#include "rules/functions.h"

#include <string.h>

static const struct function functions[FUNCTION_ID_MAX] = {
	[FUNCTION_COUNT] = { "count", 0, 2, 2, "count(EVENT CONDITION, 5m)",
			     "events in the window for which the condition is true" },
	[FUNCTION_RATE] = { "rate", 0, 2, 2, "rate(COUNTER, 1m)", "growth of a counter, per second" },
	[FUNCTION_INCREASE] = { "increase", 0, 2, 2, "increase(COUNTER, 1m)", "growth of a counter over the window" },
	[FUNCTION_AVG] = { "avg", 0, 2, 2, "avg(GAUGE, 1m)", "mean over the window" },
	[FUNCTION_MIN] = { "min", 0, 2, 2, "min(GAUGE, 1m)", "smallest sample of the window" },
	[FUNCTION_MAX_OF] = { "max", 0, 2, 2, "max(GAUGE, 1m)", "largest sample of the window" },
	[FUNCTION_SLOPE] = { "slope", 0, 2, 2, "slope(GAUGE, 10m)", "least-squares slope over the window, per second" },
	[FUNCTION_P50] = { "p50", 0, 2, 2, "p50(GAUGE, 5m)", "median of the window" },
	[FUNCTION_P95] = { "p95", 0, 2, 2, "p95(GAUGE, 5m)", "95th percentile of the window" },
	[FUNCTION_P99] = { "p99", 0, 2, 2, "p99(GAUGE, 5m)", "99th percentile of the window" },
	[FUNCTION_LAST] = { "last", 0, 1, 2, "last(METRIC, 1m)", "latest sample, not older than the window" },
	[FUNCTION_RATIO] = { "ratio", 0, 3, 3, "ratio(COUNTER, COUNTER, 1m)",
			     "growth of the first over growth of the second" },
	[FUNCTION_CHANGED] = { "changed", 0, 2, 2, "changed(METRIC, 5m)", "the value changed within the window" },
	[FUNCTION_STALE] = { "stale", 0, 2, 2, "stale(METRIC, 30s)", "no sample for so long" },
	[FUNCTION_ABSENT] = { "absent", 0, 1, 1, "absent(METRIC)", "never seen on the entity" },
	[FUNCTION_COUNT_ENTITIES] = { "count_entities", 0, 2, 3,
				      "count_entities(process, CONDITION, 'cgroup <- process')",
				      "entities reached over the path for which the condition is true" },
	[FUNCTION_PEERS] = { "peers", 0, 3, 3, "peers(nic, node, CONDITION)",
			     "others of its kind in the same node (pod, job, cgroup) for which the condition is true" },
	[FUNCTION_FINDING] = { "finding", 0, 1, 1, "finding('mem.node_oom')", "the cause is open on this node now" },
	[FUNCTION_HAS] = { "has", 1, 1, 1, "TEXT.has('word')", "the text contains the word whole" },
	[FUNCTION_STARTS_WITH] = { "startsWith", 1, 1, 1, "TEXT.startsWith('x')", "" },
	[FUNCTION_ENDS_WITH] = { "endsWith", 1, 1, 1, "TEXT.endsWith('x')", "" },
	[FUNCTION_CONTAINS] = { "contains", 1, 1, 1, "TEXT.contains('x')", "" },
	[FUNCTION_MATCHES] = { "matches", 1, 1, 1, "TEXT.matches('^a+$')", "POSIX extended regular expression" },
};

const struct function *function_at(int id)
{
	return id >= 0 && id < FUNCTION_ID_MAX ? &functions[id] : NULL;
}

int function_find(const char *name, int is_method)
{
	for (int i = 0; i < FUNCTION_ID_MAX; i++)
		if (functions[i].is_method == is_method && strcmp(functions[i].name, name) == 0)
			return i;
	return -1;
}

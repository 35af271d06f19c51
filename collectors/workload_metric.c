/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/workload_metric.h"

static const struct metric_field ended_fields[] = {
	[ENDED_HOW] = { "how", 1, UNIT_NONE,
			"exit (by itself), signal, oom (chosen by the OOM killer), unknown (nobody saw it end)" },
	[ENDED_EXIT_CODE] = { "exit_code", 0, UNIT_NONE, "0..255; absent when a signal ended it, or when unknown" },
	[ENDED_SIGNAL] = { "signal", 0, UNIT_NONE, "signal that ended it; 0 none; absent when unknown" },
	[ENDED_SENDER_PID] = { "sender_pid", 0, UNIT_NONE,
			       "who sent that signal; absent when the kernel did, or when unknown" },
	[ENDED_SENDER_COMM] = { "sender_comm", 1, UNIT_NONE, "its name; \"kernel\" when the kernel sent it" },
	[ENDED_BY_OWN_JOB] = { "by_own_job", 0, UNIT_NONE,
			       "1: the sender belongs to the same job, or started it (a launcher that ends the other "
			       "ranks), or the first process of its container took it along" },
	[ENDED_ASKED] = { "asked", 0, UNIT_NONE,
			  "1: its end was wanted: its own job, what started it, a container runtime or the service "
			  "manager killed it, or it ended after a signal that asks to end (SIGTERM, SIGINT, SIGHUP, "
			  "SIGQUIT), caught or not" },
	[ENDED_OOM] = { "oom", 0, UNIT_NONE, "1: the OOM killer chose it" },
	[ENDED_LIFETIME] = { "lifetime", 0, UNIT_NS, "how long it lived; absent when unknown" },
	[ENDED_COMM] = { "comm", 1, UNIT_NONE, "name of the process" },
	[ENDED_PID] = { "pid", 0, UNIT_NONE, "its pid" },
	[ENDED_EARLIER] = { "earlier", 0, UNIT_NONE,
			    "members of the same job on this node that ended badly, or were asked to end, within 12 min "
			    "before it and while it lived: above 0 it followed them; tasks and executors do not follow "
			    "each other" },
	{ NULL, 0, UNIT_NONE, NULL },
};

const struct metric_desc workload_metrics[WORKLOAD_N_METRICS] = {
	[WORKLOAD_JOB_MEMBERS] = { "job.members", METRIC_GAUGE, UNIT_NONE, ENTITY_JOB,
				   "ranks, executors and tasks of the job whose main process runs on this node", NULL,
				   NULL },
	[WORKLOAD_JOB_RESTARTS] = { "job.restarts", METRIC_GAUGE, UNIT_NONE, ENTITY_JOB,
				    "how often the job's own launcher has started its members again, as it tells them",
				    NULL, NULL },
	[WORKLOAD_RANK_ENDED] = { "rank.ended", METRIC_EVENT, UNIT_NONE, ENTITY_RANK,
				  "the main process of a rank, executor or task has ended (code: its exit code or signal)",
				  ended_fields, NULL },
	[WORKLOAD_RANK_RUNNING] = { "rank.running", METRIC_GAUGE, UNIT_NONE, ENTITY_RANK,
				    "1: its main process runs; 0: it has ended and was not started again, whatever of its "
				    "other "
				    "processes is left",
				    NULL, NULL },
	[WORKLOAD_NODE_MEMBERS] = { "node.workload.members", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
				    "processes known to belong to a job", NULL, NULL },
	[WORKLOAD_NODE_UNTOLD] = { "node.workload.untold", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
				   "members for which there was no room, and programs started that were not told, because "
				   "there were too many",
				   NULL, NULL },
};

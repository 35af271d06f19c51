/* SPDX-License-Identifier: Apache-2.0 */
/* workload_subject.h - all that is known of one process while it is judged whose it is.
 *
 * Room: collectors.  Owns: its buffers (one subject is used again and again; it is large).  Thread: the loop.
 * Clock: none.  Bounds: WORKLOAD_ARGV_BYTES of arguments, wiped when the next process is looked at or
 * workload_subject_forget is called.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_SUBJECT_H
#define WHY_COLLECTORS_WORKLOAD_SUBJECT_H

#include "collectors/kernel_cgroup.h"
#include "collectors/lineage.h"
#include "collectors/proc_facts.h"
#include "identity/recogniser.h"
#include "model/graph.h"

#define WORKLOAD_ARGV_BYTES (32 * 1024) /* Java's class path comes before what matters */

struct workload_subject {
	struct proc_stat stat;
	struct env_values own_env; /* when it was read from /proc, or got back from the table */
	struct env_values exec_env; /* what the kernel half told, where /proc had to complete it */
	const struct env_values *env;
	enum identity_source env_source;
	int env_error; /* why env is NULL: -EACCES ...; 0 not asked */
	char argv[WORKLOAD_ARGV_BYTES];
	size_t argv_len;
	char path[PROC_FACTS_PATH_BYTES]; /* of its cgroup, "" unknown */
	struct cgroup_form form;
	char otel_service[128];
	int proc_fd; /* of /proc/PID, borrowed; -1: it has ended, or /proc is not asked */
};

/* What the kernel half told of a program that was started, completed from /proc with arguments, while it lives.
 * `exec` must outlive the subject's use. */
void workload_subject_exec(struct workload_subject *s, int root_fd, const struct lineage_exec *exec, long ticks_per_s,
			   struct kernel_cgroup *cgroups);
/* Start and parent only; then the rest. -ESRCH, -ENOENT: no such process; -EBADMSG. */
int workload_subject_proc(struct workload_subject *s, int root_fd, uint32_t pid, int *ret_proc_fd);
void workload_subject_read(struct workload_subject *s, int proc_fd);
/* Arguments and cgroup alone; environment stays. */
void workload_subject_read_argv(struct workload_subject *s, int proc_fd);
void workload_subject_forget(struct workload_subject *s);

/* Container by the cgroup's path, ENTITY_NONE when it names none, or (made == NULL) when the graph has none. */
entity_id workload_subject_container(const struct workload_subject *s, const struct graph *g, struct batch *made);

/* recognise() with the labels of that container and its pod. */
size_t workload_subject_recognise(const struct workload_subject *s, const struct graph *g, entity_id container,
				  struct membership ret[RECOGNISED_MAX]);
/* That its labels alone make it a member's: without them it says nothing of itself. */
bool workload_subject_only_labels(const struct workload_subject *s, const struct graph *g);
/* The same of a container or pod from its labels alone. */
size_t workload_place_recognise(const struct graph *g, entity_id place, struct membership ret[RECOGNISED_MAX]);

/* The pod that a container is in. */
entity_id workload_pod_of(const struct graph *g, entity_id container);

#endif

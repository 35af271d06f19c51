/* SPDX-License-Identifier: Apache-2.0 */
/* membership.h - which job a process, container or pod is a member of, and as what.
 *
 * Room: identity.  Owns: nothing (texts by value).  Thread: any.  Clock: none.  Bounds: the sizes below; cut at UTF-8.
 *
 * Every workload system comes down to one shape: a job "scheduler:id" with members; a member is a rank, an executor, a
 * task, a driver. In the graph the job is an ENTITY_JOB with key "scheduler:id", the member an ENTITY_RANK with key
 * "scheduler:id/MEMBER". A process that belongs to a job without being one of its members (a launcher, an elastic agent)
 * has `member` "" and is OF the job itself.
 */
#ifndef WHY_IDENTITY_MEMBERSHIP_H
#define WHY_IDENTITY_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>

#define MEMBERSHIP_MAX_ATTRS 8

/* Where a statement comes from, most trusted first. */
enum identity_source {
	IDENTITY_EXEC,    /* environment at exec, captured in the kernel */
	IDENTITY_CGROUP,  /* path of the cgroup */
	IDENTITY_CRI,     /* container runtime */
	IDENTITY_KUBELET, /* kubelet, pod-resources */
	IDENTITY_PROC,    /* /proc: a process may have written it itself */
	IDENTITY_OTEL,    /* OpenTelemetry process context: so may this */
	IDENTITY_SOURCE_MAX,
};

const char *identity_source_name(enum identity_source source); /* "environment at exec" */

struct membership_attr {
	const char *name; /* static text: "world_size" "local_rank" "restart" "attempt" "task" "queue" "namespace" ... */
	char value[128];
};

struct membership {
	const char *scheduler;  /* static text, as in the table of docs/workloads.md: "torchrun" "slurm" "spark" "airflow" */
	char job[256];          /* id without the scheduler; never "" in a result */
	char job_name[128];     /* what people call it; "" when that is the id */
	char member[128];       /* "3", "exec-7", "transform[2]"; "" none */
	const char *role;       /* static text: "rank" "executor" "driver" "task" "launcher" "worker" "service" ... */
	enum identity_source source; /* the most trusted that it rests on */
	struct membership_attr attrs[MEMBERSHIP_MAX_ATTRS]; /* of the member, or of the process when member is "" */
	size_t n_attrs;
	struct membership_attr job_attrs[MEMBERSHIP_MAX_ATTRS];
	size_t n_job_attrs;
	char conflict[192];     /* sources that disagree: "rank: environment says 3, title says 2"; "" none */
};

/* Escaped and cut to size. No value (NULL, ""), a name that is there already, or no room: left out. */
void membership_attr(struct membership *m, const char *name, const char *value);
void membership_job_attr(struct membership *m, const char *name, const char *value);
const char *membership_attr_of(const struct membership *m, const char *name); /* of the member; NULL */
const char *membership_job_attr_of(const struct membership *m, const char *name);

/* Add to the id, which is made of parts: `separator` before it unless the id is empty. In a part '%', '/' and '@' appear
 * as %25, %2F and %40, so that no two lists of parts make the same id; membership_job_whole adds a text as it is.
 * False: it does not fit, and the id is empty. */
bool membership_job_part(struct membership *m, char separator, const char *part);
bool membership_job_whole(struct membership *m, const char *text);
bool membership_member(struct membership *m, const char *member); /* false: does not fit, and it is empty */
bool membership_memberf(struct membership *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void membership_name(struct membership *m, const char *name); /* job_name, escaped and cut; NULL: stays */
/* Several sentences are kept apart by "; ". */
void membership_conflict(struct membership *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Keys of the graph, always terminated. False: does not fit, or an empty id (of the member: an empty member). In a member
 * '%' and '/' appear as %25 and %2F: what stands behind a rank key's last '/' is the whole member. */
bool membership_job_key(const struct membership *m, char *ret_key, size_t size);
bool membership_member_key(const struct membership *m, char *ret_key, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* recogniser.h - from what is known of a process, container or pod to whose it is: one table entry a workload system.
 *
 * Room: identity.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: RECOGNISED_MAX memberships of one process.
 *
 * A recogniser is a pure function of facts, in recognise_NAME.c, with a line in recognisers.def and a test from exact texts.
 * The order of recognisers.def is the order of precedence: what runs a job inside comes first (torchrun inside a PyTorchJob
 * inside Slurm): the first membership is the process's own, the others are said as attributes of that job ("slurm_job").
 */
#ifndef WHY_IDENTITY_RECOGNISER_H
#define WHY_IDENTITY_RECOGNISER_H

#include <stdbool.h>
#include <stddef.h>

#include "identity/cgroup_form.h"
#include "identity/env_key.h"
#include "identity/membership.h"

#define RECOGNISED_MAX 4

/* What is known. Absent parts are NULL. Nothing is kept. */
struct identity_facts {
	const struct env_values *env;       /* NULL: of a pod or container only labels are known */
	enum identity_source env_source;    /* IDENTITY_EXEC, or IDENTITY_PROC */
	const char *argv;                   /* /proc/PID/cmdline as it is: NUL between arguments, or a rewritten title */
	size_t argv_len;
	const char *comm;
	const struct cgroup_form *cgroup;
	/* Value of a label or annotation of the pod, else of the container; NULL. */
	const char *(*label)(const void *arg, const char *key);
	const void *label_arg;
	const char *pod_namespace, *pod_name, *container_name;
	const char *otel_service;           /* service.name of the OpenTelemetry process context */
};

struct recogniser {
	const char *name;          /* == file stem without "recognise_" == scheduler */
	const char *system;        /* "PyTorch torchrun / torchelastic" */
	const char *what, *from;   /* for docs/workloads.md: what is recognised, from where */
	const char *tested;        /* "real program", "real wire", "exact text", with what */
	/* True: *ret is filled. *ret is zeroed before. */
	bool (*recognise)(const struct identity_facts *facts, struct membership *ret);
};

const struct recogniser *const *recognisers_all(size_t *ret_n);

/* All that fit, in order of precedence, at most RECOGNISED_MAX. The first carries `conflict` when others disagree on what
 * they should agree on. How many. */
size_t recognise(const struct identity_facts *facts, struct membership ret[RECOGNISED_MAX]);

#endif

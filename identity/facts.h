/* SPDX-License-Identifier: Apache-2.0 */
/* facts.h - what is known of one process, container or pod, and how a recogniser asks for it.
 *
 * Room: identity.  Owns: nothing; the caller's facts must outlive the call.  Thread: any.  Clock: none.
 * Bounds: `argv_len` bytes of arguments are looked at. The caller's buffer should hold 32 KiB: Java's class path comes
 * before the arguments that matter.
 *
 * All of it is hostile. A value that was cut is no value: two long names with the same beginning must not become one
 * job.
 */
#ifndef WHY_IDENTITY_FACTS_H
#define WHY_IDENTITY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/cgroup_form.h"
#include "identity/env_key.h"
#include "identity/membership.h"

/* What is known. Absent parts are NULL. Nothing is kept. */
struct identity_facts {
	const struct env_values *env;    /* NULL: of a pod or container only labels are known */
	enum identity_source env_source; /* IDENTITY_EXEC, or IDENTITY_PROC */
	const char *argv;                /* /proc/PID/cmdline as it is: NUL between arguments, or a rewritten title */
	size_t argv_len;
	const char *comm;
	const struct cgroup_form *cgroup;
	/* Value of a label or annotation of the pod, else of the container; NULL. */
	const char *(*label)(const void *arg, const char *key);
	const void *label_arg;
	const char *pod_namespace, *pod_name, *container_name;
	const char *otel_service; /* service.name of the OpenTelemetry process context */
	const char *node;         /* this node's name, behind what is unique on one node only */
};

/* Value of a variable: NULL when absent, empty or cut. */
const char *facts_env(const struct identity_facts *f, enum env_key key);
/* Value of a label: NULL when absent, empty, or as long as a label that was cut. */
const char *facts_label(const struct identity_facts *f, const char *key);

/* A count or an index: decimal digits only, at most 999,999,999. */
bool facts_number(const char *value, uint32_t *ret_number);
bool facts_env_number(const struct identity_facts *f, enum env_key key, uint32_t *ret_number);

/* Argument `i`, not terminated within ret_n; NULL past the last. Argument 0 of a rewritten title is the title. */
const char *facts_argument(const struct identity_facts *f, size_t i, size_t *ret_n);
/* The whole of it, escaped. False: past the last, empty, or it does not fit. */
bool facts_argument_text(const struct identity_facts *f, size_t i, char *ret_text, size_t size);
/* The value of "--name VALUE" or "--name=VALUE", escaped; '-' and '_' within a name are the same. False: not there,
 * empty, or it does not fit. */
bool facts_flag(const struct identity_facts *f, const char *name, char *ret_value, size_t size);
/* Some argument is exactly `word`, or ends in "/word" when `word` has no '/'. */
bool facts_has_argument(const struct identity_facts *f, const char *word);
/* The program by its name: "python3 -u -m torch.distributed.run x" is "torch.distributed.run", "/bin/sh x" is "sh",
 * "python3 /opt/train.py" is "train.py". False: no arguments known. */
bool facts_program(const struct identity_facts *f, char *ret_name, size_t size);
/* facts_program is one of these; NULL ends the list. */
bool facts_program_is(const struct identity_facts *f, const char *const *names);
/* A shell, an init of a container, or another program that runs only to start the one that is meant. */
bool facts_is_wrapper(const struct identity_facts *f);

/* What is unique on one node or in one container only is named with it: the container's id (12 digits, YARN's whole),
 * else the node; "" not known. */
void facts_place(const struct identity_facts *f, char *ret_place, size_t size);
/* Name the job "HOST:PORT@WHERE" (port may be NULL): an address of this machine only with facts_place, another with the
 * namespace of the pod, in which names are resolved. False: no host, or it does not fit; the id is then empty. */
bool facts_job_at(const struct identity_facts *f, const char *host, const char *port, struct membership *m);
/* Name the job "NAMESPACE/NAME", and say the namespace and the queue (Kueue, Volcano) as its attributes. */
bool facts_job_of_kubernetes(const struct identity_facts *f, const char *name, struct membership *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet_known.h - a pod or container that a kubelet has told of; kept in records, by name.
 *
 * Room: runtimes.  Owns: nothing.  Thread: the collector's.  Clock: none.
 * Bounds: KUBELET_MAX_KNOWN of them.
 */
#ifndef WHY_RUNTIMES_KUBELET_KNOWN_H
#define WHY_RUNTIMES_KUBELET_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/graph.h"
#include "proto/cri.h"

#define KUBELET_MAX_KNOWN 4096
#define KUBELET_KEY_MAX   (GRAPH_MAX_KEY + CRI_MAX_NAME)

struct kubelet_known {
	bool is_container;
	bool ended;          /* container: it runs no more; its next start is another id */
	bool granted;        /* container: it was given devices, so that its id is wanted */
	entity_id entity;    /* container: ENTITY_NONE while its id is not known */
	mono_ns_t seen_at, running_at; /* running_at: a container runtime listed it as running */
	char state[64];      /* phase of a pod, what a container waits for */
	char id[CRI_MAX_ID]; /* container: "" not known */
	char key[KUBELET_KEY_MAX]; /* "namespace/pod", "namespace/pod/container" */
};

#endif

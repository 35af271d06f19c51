/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet_table.h - the pods and containers that a kubelet has told of, by name.
 *
 * Room: runtimes.  Owns: its entries.  Thread: the collector's.  Clock: none.
 * Bounds: KUBELET_TABLE_MAX entries; more are refused and counted.
 */
#ifndef WHY_RUNTIMES_KUBELET_TABLE_H
#define WHY_RUNTIMES_KUBELET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/graph.h"
#include "proto/cri.h"

#define KUBELET_TABLE_MAX   4096
#define KUBELET_KEY_MAX     (GRAPH_MAX_KEY + CRI_MAX_NAME)

struct kubelet_known {
	bool used, is_container;
	bool ended;          /* container: it runs no more; its next start is another id */
	bool granted;        /* container: it was given devices, so that its id is wanted */
	entity_id entity;    /* container: ENTITY_NONE while its id is not known */
	mono_ns_t seen_at, running_at; /* running_at: a container runtime listed it as running */
	char state[64];      /* phase of a pod, what a container waits for */
	char id[CRI_MAX_ID]; /* container: "" not known */
	char key[KUBELET_KEY_MAX]; /* "namespace/pod", "namespace/pod/container" */
};

struct kubelet_table;

int kubelet_table_new(struct kubelet_table **ret_table); /* -ENOMEM */
void kubelet_table_free(struct kubelet_table **table);
/* Find or make; valid until the next take. NULL: full (counted), or a key that is none. */
struct kubelet_known *kubelet_table_take(struct kubelet_table *t, const char *key);
struct kubelet_known *kubelet_table_find(struct kubelet_table *t, const char *key); /* NULL */
void kubelet_table_remove(struct kubelet_table *t, struct kubelet_known *k);
/* All entries: start with *cursor 0. NULL at the end. Removing the one returned is allowed. */
struct kubelet_known *kubelet_table_next(struct kubelet_table *t, size_t *cursor);
uint64_t kubelet_table_refused(const struct kubelet_table *t);

#endif

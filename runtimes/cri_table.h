/* SPDX-License-Identifier: Apache-2.0 */
/* cri_table.h - the containers and sandboxes that runtimes have told of, by id.
 *
 * Room: runtimes.  Owns: its entries.  Thread: the collector's.  Clock: none.
 * Bounds: CRI_TABLE_MAX entries; more are refused and counted.
 */
#ifndef WHY_RUNTIMES_CRI_TABLE_H
#define WHY_RUNTIMES_CRI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/graph.h"
#include "proto/cri.h"

#define CRI_TABLE_MAX 8192

struct cri_known {
	bool used, sandbox;
	uint8_t runtime;       /* which one told of it */
	bool written;          /* what the list says is in the graph */
	bool ask;              /* its status is to be asked for */
	bool was_running;      /* we have seen it not yet ended */
	bool ready;            /* sandbox */
	enum cri_state state;  /* container, as last written */
	uint32_t round;        /* of the listing that it was last in */
	uint32_t restarts;
	entity_id entity, pod; /* pod: ENTITY_NONE not known */
	int64_t created_at;    /* sandbox */
	mono_ns_t ask_at;      /* not before */
	char id[CRI_MAX_ID];
	char name[64];         /* container; cut, to tell which are one after the other */
};

struct cri_table;

int cri_table_new(struct cri_table **ret_table); /* -ENOMEM */
void cri_table_free(struct cri_table **table);

struct cri_known *cri_table_find(struct cri_table *t, const char *id); /* NULL; valid until the next take */
/* Find or make; what is made has its id, and nothing else. NULL: full (counted). */
struct cri_known *cri_table_take(struct cri_table *t, const char *id);
void cri_table_remove(struct cri_table *t, struct cri_known *k);
/* All entries: start with *cursor 0. NULL at the end. Removing the one returned is allowed. */
struct cri_known *cri_table_next(struct cri_table *t, size_t *cursor);

size_t cri_table_count(const struct cri_table *t);
uint64_t cri_table_refused(const struct cri_table *t);

#endif

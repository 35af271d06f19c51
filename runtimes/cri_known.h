/* SPDX-License-Identifier: Apache-2.0 */
/* cri_known.h - a container or sandbox that a runtime has told of; kept in records, by id.
 *
 * Room: runtimes.  Owns: nothing.  Thread: the collector's.  Clock: none.
 * Bounds: CRI_MAX_KNOWN of them.
 */
#ifndef WHY_RUNTIMES_CRI_KNOWN_H
#define WHY_RUNTIMES_CRI_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/graph.h"
#include "proto/cri.h"

#define CRI_MAX_KNOWN 8192

struct cri_known {
	bool sandbox;
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

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* self.h - what the agent says about itself: its cost, its losses, and the places where it is blind.
 *
 * Room: collectors.  Owns: one set of counters for the process.  Thread: the loop.  Clock: none.
 * Bounds: none needed; no call allocates.
 *
 * The agent adds to self_counters() wherever it loses something, and says by the self_emit_ functions that a
 * collector failed, hung or came back. The collector `self` samples the counters each tick.
 */
#ifndef WHY_COLLECTORS_SELF_H
#define WHY_COLLECTORS_SELF_H

#include <stdint.h>

#include "model/batch.h"

struct self_counters {
	uint64_t state_errors;     /* writes to the state folder that failed */
	uint64_t dropped_samples;  /* the sums since birth of the agent, as batch.h counts them */
	uint64_t dropped_events;
	uint64_t refused_entities;
	uint64_t bpf_drops;        /* records lost by full ring buffers and maps; the BPF collectors add to it */
};

struct self_counters *self_counters(void);

/* The folder whose free space is watched; NULL or "" stops that. Cut at 4,095 bytes. */
void self_set_state_dir(const char *path);

/* `first` is the registry's first id of the collector `self`. Each leaves the batch's metric base at `first`. */
void self_emit_failed(struct batch *b, uint32_t first, const char *collector, mono_ns_t at, int error,
		      const char *reason);
void self_emit_stalled(struct batch *b, uint32_t first, const char *collector, mono_ns_t at, uint64_t waited_ns,
		       uint64_t deadline_ns);
void self_emit_recovered(struct batch *b, uint32_t first, const char *collector, mono_ns_t at);
void self_emit_rule_rejected(struct batch *b, uint32_t first, mono_ns_t at, const char *file, const char *rule,
			     const char *message);
void self_emit_state_full(struct batch *b, uint32_t first, mono_ns_t at, int error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - the one thread that writes to the store: a bounded queue, committed in groups, told to the origin once it
 * is safe.
 *
 * Room: hub.  Owns: its thread and queue; borrows the store, of which it is the only writer.
 * Thread: put, note, retain and stats from any; the hooks are called on the writer's thread.
 * Clock: reads it (stored_at).
 * Bounds: max_records and max_bytes in the queue; past either a put is refused, the caller holds the batch and stops
 * reading from its peer until `room` is called. A commit takes at most WRITER_MAX_GROUP records, and waits at most
 * WRITER_GATHER_MS for them.
 *
 * When the store fails (disk full), the group is kept and tried again every second: nothing is acked, the queue
 * fills, the agents' spools hold what comes.
 */
#ifndef WHY_HUB_WRITER_H
#define WHY_HUB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/record.h"
#include "hub/store.h"

#define WRITER_MAX_GROUP 1000
#define WRITER_GATHER_MS 20
#define WRITER_MAX_NOTES 20000

struct writer;

struct writer_hooks {
	void (*stored)(void *arg, const struct record_batch *b); /* it is safe: ack it */
	void (*changed)(void *arg);                              /* findings changed in this commit: wake the watchers */
	void (*room)(void *arg);                                 /* puts were refused and there is room again */
	void *arg;
};

struct writer_stats {
	uint64_t queued_records, queued_bytes, refused_puts, dropped_notes;
	uint64_t stored, known, foreign, commits, failures, deleted;
	int last_error; /* 0, or the -errno the store failed with and has not yet recovered from */
};

/* -ENOMEM, -EAGAIN (no thread). */
int writer_new(const struct store *store, const struct writer_hooks *hooks, size_t max_records, size_t max_bytes,
	       struct writer **ret_writer);
/* Takes *b, which becomes NULL. -ENOBUFS: full, *b stays with the caller, `room` will be called. */
int writer_put(struct writer *w, struct record_batch **b);
/* Texts are copied. -ENOBUFS: dropped and counted (a node's last_seen gets older than it is). */
int writer_note(struct writer *w, const struct store_note *note);
/* Delete what is too old or too much, bit by bit, between commits. */
void writer_retain(struct writer *w, const struct store_retention *retention);
void writer_stats(struct writer *w, struct writer_stats *ret_stats);
/* Commit what is queued (one try), end the thread, free. Accepts a pointer to NULL. */
void writer_free(struct writer **writer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - what the agent must not forget: findings not yet acked, findings still open, and where it had read to.
 *
 * Room: exporters.  Owns: a SQLite database in the state folder (WAL).  Thread: the loop.
 * Clock: none.  Bounds: `max_records` and `max_bytes` of unacked changes; past either, the oldest resolved findings of
 * which the hub knows nothing go first and whole, then superseded changes, then the last word on findings that the hub
 * believes open; the latest change of an open finding is never dropped. Each is counted.
 *
 * One tick is one transaction: its findings, their open state and the collectors' positions are stored together or
 * not at all. After `kill -9` the agent reads on from the stored position and makes again, with the same ids, only what
 * had not been stored; so nothing is lost and nothing doubled. The sequence number of a record is never used twice.
 */
#ifndef WHY_EXPORTERS_SPOOL_H
#define WHY_EXPORTERS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/finding.h"

struct spool;

struct spool_options {
	const char *path;      /* of the database file */
	uint64_t max_records;  /* e.g. 100,000 */
	uint64_t max_bytes;    /* e.g. 64 MiB */
	const char *node;      /* NULL: whoever's. Of another node (this one was renamed): what it remembers is forgotten */
};

/* Open or create. A damaged database is moved aside (FILE.damaged-TIME stays for inspection, one at most) and a new one
 * begun: `ret_damaged`. -EBUSY: another process has it open; -EPROTONOSUPPORT: made by a newer version; -EACCES, -ENOSPC,
 * -EROFS ...: as SQLite met them. */
int spool_open(const struct spool_options *options, struct spool **ret_spool, bool *ret_damaged);
void spool_close(struct spool **spool);

/* Identity of this database, made at creation and by spool_send_open_again: with it and a sequence number the hub knows a
 * record. 32 hex digits. */
const char *spool_id(const struct spool *s);

/* ---- the transaction of a tick ---- */
int spool_begin(struct spool *s);
/* `opened_mono` goes with the finding for restoring it. -EMSGSIZE, -ENOMEM: this change is not stored, the tick is well.
 * -ENOSPC and others of the disk: nothing of this tick will be stored; the caller keeps the findings in the engine. */
int spool_put(struct spool *s, const struct finding *f, mono_ns_t opened_mono);
/* Remember a value by name: a collector's position ("kernlog"), boot id, anything small. */
int spool_set(struct spool *s, const char *name, const char *value);
/* All or nothing: after an error (-ENOSPC: the disk is full) the tick is rolled back; the next may succeed. With a critical
 * finding in it the tick is on the disk when this returns; else it survives the death of the process, not a power cut. */
int spool_commit(struct spool *s);

int spool_get(struct spool *s, const char *name, char *ret_value, size_t size); /* -ENOENT */

/* Findings that were open at the last commit. */
int spool_visit_open(struct spool *s, void (*visit)(void *arg, const struct finding *f, mono_ns_t opened_mono), void *arg);
/* Findings changed since `since` (wall), newest first, at most max: for `why --local --since`. Kept a day after resolving,
 * 4,096 at most. */
int spool_visit_history(struct spool *s, wall_ns_t since, size_t max, void (*visit)(void *arg, const struct finding *f),
			void *arg);

/* ---- the way to the hub ---- */
/* Records with a sequence above `after`, oldest first, packed as in proto/why.proto; stops at max_n or max_bytes. */
struct spool_record {
	uint64_t seq;
	const uint8_t *data; /* packed finding; valid during the call */
	size_t n;
};
int spool_visit_unacked(struct spool *s, uint64_t after, size_t max_n, size_t max_bytes,
			int (*visit)(void *arg, const struct spool_record *r), void *arg);
int spool_ack(struct spool *s, uint64_t up_to_seq); /* cumulative: records up to it are forgotten */
/* For a hub that knows less than was acked (another one, or one that lost its disk): what is open goes again, unless it is
 * still on its way. `as_another`: for a hub that knows numbers which this spool never gave out. It is a copy then, or was
 * put back to an older state, and takes a new identity: under the old one its new records would be taken for known. */
int spool_send_open_again(struct spool *s, bool as_another);

struct spool_stats {
	uint64_t unacked, last_seq, acked_seq, dropped_resolved, dropped_superseded, errors;
	uint64_t bytes;
};
void spool_stats(const struct spool *s, struct spool_stats *ret_stats);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* storing.h - findings and the place in the kernel log on their way into the spool: together, and again until it works.
 *
 * Room: agent.  Owns: packed copies of what could not be stored yet.  Thread: the loop.  Clock: `now` is passed in.
 * Bounds: STORING_MAX changes and STORING_BYTES wait, packed; past either the oldest goes, counted.
 *
 * A turn is one transaction. While the disk refuses (full, read-only, broken) everything of the turns since waits here
 * and the stored place in the log stays where it was: after a `kill -9` in that time the log is read again from there.
 * What waits is tried again every STORING_RETRY_NS. Findings taken up from another boot are closed in the transaction
 * that stores this boot's id.
 */
#ifndef WHY_AGENT_STORING_H
#define WHY_AGENT_STORING_H

#include <stdbool.h>

#include "exporters/spool.h"

#define STORING_MAX      4096
#define STORING_BYTES    (8UL << 20)
#define STORING_RETRY_NS NS_PER_S

struct storing;

/* Reads from the spool what an earlier run left there. The spool outlives it. -ENOMEM. */
int storing_new(struct spool *spool, const char *boot_id, struct storing **ret_storing);
void storing_free(struct storing **storing);

bool storing_same_boot(const struct storing *s);     /* as when the spool was last written */
bool storing_known_node(const struct storing *s);    /* the spool is not new: an agent was here before */
uint64_t storing_position(const struct storing *s);  /* where this boot's kernel log was read to; 0: not known */

/* One change published in this turn. Never fails: what cannot even be packed is counted as lost. */
void storing_put(struct storing *s, const struct finding *f, mono_ns_t opened_mono);

/* End of the turn: store what waits, and `position` with it; a position alone at most once a second. 1: findings were
 * stored; 0: there was nothing to do, or it is not yet time to try again; -errno: nothing was stored and all of it
 * waits (-ENOSPC ...). */
int storing_commit(struct storing *s, uint64_t position, mono_ns_t now);

int storing_error(const struct storing *s); /* of the last attempt; 0 well */
struct storing_stats {
	uint64_t waiting, lost, failures;
};
void storing_stats(const struct storing *s, struct storing_stats *ret_stats);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* orphans.h - findings that are open in the store and that no agent remembers any more.
 *
 * An agent closes what it opened, over restarts too, for its spool remembers. When the spool itself is lost (a new disk, a
 * reinstalled node), what it left open would be open for ever. Its next agent comes with a spool of which nothing was ever
 * acked: then the hub closes what is open of that node. What is still so is found again, under another id.
 *
 * Room: hub.  Owns: nothing.  Thread: the reader's.  Clock: none.  Bounds: ORPHANS_MAX at once, the rest at a later hello.
 */
#ifndef WHY_HUB_ORPHANS_H
#define WHY_HUB_ORPHANS_H

#include "base/clock.h"
#include "hub/record.h"
#include "hub/store.h"
#include "proto/frame.h"

#define ORPHANS_MAX   256
#define ORPHANS_SPOOL "hub" /* the records' spool; their numbers are ns since 1970 */

/* How far the spool was taken; and when nothing of it ever was, the open findings of its node, resolved, for the writer
 * (else *ret_batch stays as it is). -ENOMEM; as the reader. */
int orphans_position(const struct store_reader *reader, const struct frame_hello *h, wall_ns_t now, uint64_t *ret_seq,
		     struct record_batch **ret_batch);

#endif

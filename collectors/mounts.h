/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.h - naming the mount that hangs, for whoever runs the collector `mounts` in a child of its own.
 *
 * Room: collectors.  Owns: nothing.  Thread: the loop.  Clock: none.
 * Bounds: one mount that may hang is asked a collect().
 *
 * A mount of a remote or FUSE file system may hang, and then no answer comes that could name it. So each collect()
 * announces the mount that the *next* one asks: attribute "next" of the entity collector "mounts". When the deadline of
 * a collect() is missed, that is the mount.
 */
#ifndef WHY_COLLECTORS_MOUNTS_H
#define WHY_COLLECTORS_MOUNTS_H

#include "model/batch.h"

/* Say mount.statfs_stalled on the announced mount, or, where none was announced, on the mount "/". `first` is the
 * registry's first id of the collector `mounts`; the batch's metric base is left at it. */
void mounts_emit_stalled(struct batch *b, uint32_t first, mono_ns_t at, uint64_t waited_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* recorder.h - the flight recorder: the last 15 minutes of readings on disk, kept when something critical opens.
 *
 * Room: agent.  Owns: STATE/recorder/ and STATE/recordings/.  Thread: the loop.  Clock: `now` is passed in.
 * Bounds: RECORDER_SEGMENTS files of RECORDER_SEGMENT_NS each and `max_bytes` together; past it the oldest goes. At
 * most RECORDER_MAX_KEPT recordings are kept, the oldest goes. A full disk pauses it for a minute, counted.
 *
 * A segment begins with a header and the whole entity graph, so each can be replayed alone. Keeping a recording is hard
 * links, not copies: the loop is not held up while the machine is in trouble. `why replay FOLDER` reads the segments in
 * order.
 */
#ifndef WHY_AGENT_RECORDER_H
#define WHY_AGENT_RECORDER_H

#include "model/batch.h"
#include "model/codec.h"

#define RECORDER_SEGMENTS   16
#define RECORDER_SEGMENT_NS (60 * NS_PER_S)
#define RECORDER_MAX_KEPT   16

struct recorder;

/* Segments of an earlier run stay until they are pushed out: what came before a crash is worth most. -ENOENT, -EACCES,
 * -ENOMEM. */
int recorder_open(const char *state_dir, const struct metrics *metrics, const char *node, const char *boot_id,
		  uint64_t max_bytes, struct recorder **ret_recorder);
void recorder_close(struct recorder **recorder);

/* Append a tick. -ENOSPC, -EIO ...: it was not recorded, and the recorder pauses. */
int recorder_put(struct recorder *r, const struct batch *b, wall_ns_t wall);

/* Keep what there is (and what follows in the segment under way) as STATE/recordings/NAME/. -EEXIST is success. */
int recorder_keep(struct recorder *r, const char *name);

struct recorder_stats {
	uint64_t bytes, segments, kept, errors, missed_ticks;
};
void recorder_stats(const struct recorder *r, struct recorder_stats *ret_stats);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h - a recording played to the engine: the same findings, byte for byte, as when it was recorded.
 *
 * Room: rules.  Owns: a graph, a batch, an engine.  Thread: any, one at a time.
 * Clock: none: the times are in the recording.
 * Bounds: the options'; a frame is at most CODEC_MAX_FRAME.
 *
 * Equal holds for the same rules and the same options as the live engine's, from a recording that begins when the engine
 * began. One that begins in the middle of a life lacks what came before: windows that reach back are unknown at first.
 * After each tick entities that are long gone are dropped, as the agent does.
 */
#ifndef WHY_RULES_REPLAY_H
#define WHY_RULES_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "model/codec.h"
#include "rules/engine.h"

struct replay_options {
	const struct metrics *metrics;
	size_t max_entities, max_samples, max_events; /* of a batch; 0: 65,536 entities, 65,536 samples, 8,192 events */
	size_t max_instances, max_series, max_series_bytes; /* 0: 20,000, 20,000, 12 MiB */
	uint64_t interval_ns; /* 0: 1 s */
	uint64_t warm_up_ns;
};

#define REPLAY_WARM_UP_NS (3 * NS_PER_S) /* as an agent's */

struct replay;

/* The replay owns the ruleset from then on, and *ruleset becomes NULL. -ENOMEM. */
int replay_new(const struct replay_options *options, struct ruleset **ruleset, struct replay **ret_replay);
void replay_free(struct replay **replay);

/* Play as many whole frames as there are; *ret_used is how many bytes they were: keep the rest and come again with more.
 * Segments of one recording are fed one behind the other. -EBADMSG: damaged, or a tick before the first header; what came
 * before it was played, *ret_used tells how far. -ESTALE: a segment of another node or boot. -EPROTONOSUPPORT: written by
 * a newer version. -EINVAL: the ruleset is not sound. -ENOMEM. */
int replay_feed(struct replay *r, const uint8_t *data, size_t n, engine_publish_fn publish, void *arg, size_t *ret_used);

/* `tick` is called behind each tick, when all its findings have been published, with the tick's own times. NULL: no more. */
typedef void (*replay_tick_fn)(void *arg, uint64_t now, wall_ns_t wall);
void replay_on_tick(struct replay *r, replay_tick_fn tick, void *arg);

struct replay_stats {
	uint64_t ticks, samples, events, skipped; /* skipped: readings of metrics that are not in the registry */
	uint64_t out_of_order;                    /* ticks before the one played last: left out */
	wall_ns_t first, last;
	struct codec_header header; /* of the first segment */
};
void replay_stats(const struct replay *r, struct replay_stats *ret_stats);
/* For questions about the end of the recording (engine_visit_open, engine_why_not); NULL before the first header. */
struct engine *replay_engine(struct replay *r);
struct graph *replay_graph(struct replay *r); /* likewise */

#endif

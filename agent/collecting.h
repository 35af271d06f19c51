/* SPDX-License-Identifier: Apache-2.0 */
/* collecting.h - which collectors run, when each is due, and what becomes of one that fails.
 *
 * Room: agent.  Owns: the state of every open collector.  Thread: the loop.  Clock: the loop's.
 * Bounds: COLLECTING_MAX collectors. One that fails is asked again after twice the time, up to a minute, and its failure is
 * an event once, not every time; one that cannot run here is kept with its reason, for `why doctor`, and one that has
 * nothing to read yet (-ENOENT, -ENODEV) is looked for again every 30 s.
 */
#ifndef WHY_AGENT_COLLECTING_H
#define WHY_AGENT_COLLECTING_H

#include <stdbool.h>

#include "base/conf.h"
#include "base/loop.h"
#include "collectors/collector.h"
#include "rules/engine.h"

#define COLLECTING_MAX 64

struct collecting;

/* Called when a collector has something to drain, or a child has answered: the agent then runs collecting_drain. */
typedef void (*collecting_wake_fn)(void *arg, mono_ns_t now);

/* Registers every collector's metrics in `metrics` and opens those that can run. -ENOMEM, or metrics_add's errors. */
int collecting_open(struct loop *loop, const struct collect_env *env, struct metrics *metrics,
		    const struct conf_list *disabled, collecting_wake_fn wake, void *arg,
		    struct collecting **ret_collecting);
void collecting_close(struct collecting **collecting);

/* Read all that is due at `now`. */
void collecting_collect(struct collecting *c, mono_ns_t now, struct batch *out);

/* Take in events; at most `max` of each collector. True: some have more. Then switch the waiting on again. */
bool collecting_drain(struct collecting *c, mono_ns_t now, unsigned max, struct batch *out);

/* After the last drain or collect of a turn: each collector sees the whole batch and completes it. */
void collecting_settle(struct collecting *c, mono_ns_t now, struct batch *out);

/* Hand deep probes to the collectors that own the metrics. */
void collecting_want(struct collecting *c, const struct graph *graph, const struct want *wants, size_t n);

/* Where a collector has read to; 0: nothing to remember. */
uint64_t collecting_position(const struct collecting *c, const char *name);

/* First metric id of collector `self`: what the agent's own events are written with. */
uint32_t collecting_self_first(const struct collecting *c);

/* One line for each collector, then for each of its hooks: for `why doctor`. `error` 0 is well; `hook` NULL is the
 * collector. */
typedef void (*collecting_status_fn)(void *arg, const struct collector *collector, const char *hook, int error,
				     const char *reason);
void collecting_visit(struct collecting *c, collecting_status_fn visit, void *arg);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* isolate.h - runs a collector that may hang in a child process, with a deadline; a missed deadline is a reading.
 *
 * Room: collectors.  Owns: the child, the socket to it.  Thread: the loop (parent), its only thread (child).
 * Clock: the parent is told `now`; the child is told it in each request.
 * Bounds: one request under way; at most one child (a process stuck in the kernel is not killed by SIGKILL: it is left,
 * counted, and no further child is started until it is gone). Respawns back off, doubling from 1 s to 5 min.
 *
 * The child is this same program started again (/proc/self/exe with `--isolated NAME`), because gRPC's threads do not
 * survive a plain fork. Its end of the SOCK_SEQPACKET pair is descriptor ISOLATE_FD, the root is ISOLATE_ROOT_FD, the
 * memory of struct collect_marks ISOLATE_MARK_FD; nothing else is open. Requests are fixed structs
 * (collectors/isolate_wire.h), batches come back as frames of model/codec.h.
 */
#ifndef WHY_COLLECTORS_ISOLATE_H
#define WHY_COLLECTORS_ISOLATE_H

#include "collectors/collector.h"

#define ISOLATE_FD      3
#define ISOLATE_ROOT_FD 4
#define ISOLATE_MARK_FD 5

struct isolate;

/* Nothing is started yet. `metrics` is the parent's registry; `self_first` is the id of collector `self`'s first metric,
 * for the events about stalled and failed collectors. All references outlive the isolate. -ENOMEM, -EMFILE. */
int isolate_open(const struct collector *collector, const struct collect_env *env, const struct metrics *metrics,
		 uint32_t self_first, struct isolate **ret_isolate);
void isolate_close(struct isolate **isolate); /* kills and reaps the child; does not wait for one that is stuck */

/* Ask the child for a reading, starting it if need be. -EBUSY: the last request is under way; -EAGAIN: backing off. */
int isolate_request(struct isolate *i, mono_ns_t now);

/* Readable when isolate_drain has something to do. Constant over the isolate's life. */
int isolate_event_fd(const struct isolate *i);

/* Take in what the child sent, notice its death, kill it past its deadline; readings and events go to `out`.
 * Call when event_fd is readable and when isolate_due has come. Never blocks. How many samples and events were added. */
int isolate_drain(struct isolate *i, mono_ns_t now, struct batch *out);

/* When isolate_drain must be called even if nothing is readable: the deadline under way, or when a child that missed it is
 * to be told again because it is stuck; UINT64_MAX: none. */
mono_ns_t isolate_due(const struct isolate *i);

struct isolate_stats {
	uint64_t requests, replies, missed_deadlines, deaths, starts;
	bool running, stuck; /* stuck: a killed child has not gone away */
	bool failing;        /* said to fail or stall, and not yet to have recovered */
};
void isolate_stats(const struct isolate *i, struct isolate_stats *ret_stats);

/* What main() of the agent calls when it was started with --isolated NAME: serves requests on ISOLATE_FD until the socket
 * closes.
 * Returns the exit status: 0 the parent closed it; 64 no such collector; 70 the socket or the memory failed. */
int isolate_child_main(const char *name);
int isolate_child_serve(const struct collector *collector); /* the same for a collector that is not in collectors.def */

#endif

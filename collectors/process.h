/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - the entity of a process that the kernel half described.
 *
 * Room: collectors.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: the caller's.
 *
 * Key "PID/START" with START in clock ticks after boot, as field 22 of /proc/PID/stat: a pid that is used again
 * is another process.
 */
#ifndef WHY_COLLECTORS_PROCESS_H
#define WHY_COLLECTORS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "collectors/kernel_cgroup.h"
#include "model/batch.h"

#define PROCESS_KEY_MAX  32
#define PROCESS_COMM_MAX 80 /* 16 bytes, each perhaps escaped */

/* Attributes that say how a process ended, written by the collectors that see it (exits, oom) for those that tell of
 * the process by other names: a signal is the last one that ends or asks to end, whether or not it did. */
#define PROCESS_EXIT_CODE   "exit_code"   /* 0..255 */
#define PROCESS_EXIT_SIGNAL "exit_signal" /* the signal that ended it */
#define PROCESS_LIFETIME_NS "lifetime_ns"
#define PROCESS_SIGNAL      "signal"      /* sent to it */
#define PROCESS_SENDER_PID  "sender_pid"  /* absent: the kernel */
#define PROCESS_SENDER_COMM "sender_comm" /* "kernel" */
#define PROCESS_SENDER_ABOVE "sender_above" /* "yes": it had started it, or it was its container's first process */
#define PROCESS_OOM         "oom"         /* "yes": the OOM killer chose it */

struct process_seen {
	uint32_t pid, ppid, uid;
	uint64_t start_ns; /* since boot */
	uint64_t cgroup;   /* key of the kernel half, 0 unknown */
	const char *comm;  /* 16 bytes, perhaps not terminated */
};

void process_key(uint32_t pid, uint64_t start_ns, long ticks_per_s, char ret_key[PROCESS_KEY_MAX]);
/* Its pid and start in ticks. -EINVAL: not such a key. */
int process_key_parse(const char *key, uint32_t *ret_pid, uint64_t *ret_start_ticks);
/* Hostile bytes escaped; always terminated. */
void process_comm(const char comm[16], char ret_text[PROCESS_COMM_MAX]);

/* Find or make it, with attributes pid, comm, uid, ppid and the edge IN its cgroup (or IN the node when that is
 * unknown). ENTITY_NONE: the graph is full. */
entity_id process_entity(const struct process_seen *p, long ticks_per_s, struct kernel_cgroup *cgroups, struct batch *b);

#endif

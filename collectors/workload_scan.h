/* SPDX-License-Identifier: Apache-2.0 */
/* workload_scan.h - /proc, a few processes at a time, and which of them are new.
 *
 * Room: collectors.  Owns: the open folder, what was seen.  Thread: the loop.  Clock: none.
 * Bounds: SCAN_MAX_SEEN processes are remembered; more are looked at again.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_SCAN_H
#define WHY_COLLECTORS_WORKLOAD_SCAN_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/proc_facts.h"

#define SCAN_MAX_SEEN 32768

struct workload_scan {
	DIR *folder;
	struct u64map *seen; /* pid -> start, and a few bits of the name */
	unsigned rounds;     /* whole ones that are done */
	uint32_t last_pid[2]; /* that the kernel had given out one and two calls of workload_scan_recent ago; 0 unknown */
};

int workload_scan_open(struct workload_scan *s, int root_fd); /* -ENOENT ...: no /proc; -ENOMEM */
void workload_scan_close(struct workload_scan *s);            /* accepts zeroed */
/* The next pid of the folder. False: a round is over, the next call begins anew. */
bool workload_scan_next(struct workload_scan *s, uint32_t *ret_pid);
/* Pids above *ret_after up to *ret_to were given out between the last two calls: by now who got one has said what it is
 * called. At most `max`, the newest. False: none, or the kernel does not tell. */
bool workload_scan_recent(struct workload_scan *s, int root_fd, uint32_t max, uint32_t *ret_after, uint32_t *ret_to);
/* Whether this process was not there, or had another name, when it was asked last. */
bool workload_scan_is_new(struct workload_scan *s, const struct proc_stat *stat);
/* Whether that was ever asked of it, as far as is remembered. */
bool workload_scan_saw(const struct workload_scan *s, uint32_t pid, uint64_t start_ticks);

#endif

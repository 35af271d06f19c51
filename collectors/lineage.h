/* SPDX-License-Identifier: Apache-2.0 */
/* lineage.h - programs started with a known environment, and who descends from them, from the kernel itself.
 *
 * Room: collectors.  Owns: the kernel half bpf/lineage.bpf.c, its ring.  Thread: the loop.  Clock: none.
 * Bounds: LINEAGE_MAX_PROCESSES processes are remembered (least recently used go first); 1,000 execs a second on a CPU
 * are looked at, 1,024 variables of each, 64 values taken (bpf/lineage.h); what was refused is counted.
 *
 * At exec the kernel half reads the new environment, compares names with identity/env_keys.def and sends the values of
 * those alone: a whole environment never leaves the process. A process that was forked and has not exec'd, or has exec'd
 * without such a variable, belongs to what its parent belonged to, also when that parent is gone.
 */
#ifndef WHY_COLLECTORS_LINEAGE_H
#define WHY_COLLECTORS_LINEAGE_H

#include <stdint.h>

#include "collectors/collector.h"
#include "identity/env_key.h"

#define LINEAGE_MAX_PROCESSES 32768

struct lineage;

struct lineage_exec {
	uint32_t pid, ppid, uid;
	uint64_t start_ns;     /* since boot */
	uint64_t cgroup;       /* key, see bpf/task_cgroup.h; resolve by kernel_cgroup_* with lineage_paths_fd */
	char comm[16];
	struct env_values env; /* of the allow-list */
	uint32_t untaken;      /* variables of the list for which the record had no room */
	bool unread;           /* the environment was not read to its end */
};

typedef void (*lineage_exec_fn)(void *arg, const struct lineage_exec *exec);

/* `on_exec` is called by lineage_drain. -ENOSYS, -EPERM: no kernel half here (ret_lineage is untouched). */
int lineage_open(const struct collect_env *env, lineage_exec_fn on_exec, void *arg, struct lineage **ret_lineage);
void lineage_close(struct lineage **lineage);
int lineage_event_fd(const struct lineage *l);
int lineage_drain(struct lineage *l, unsigned max); /* how many were taken */
int lineage_paths_fd(const struct lineage *l);      /* map of cgroup paths, for kernel_cgroup_open */

/* The nearest process at or above (pid, start) that exec'd with a variable of the list, known also when it has gone, and
 * when its exec was missed for want of room. `start_ns` needs to be right to the clock tick only, as /proc and an
 * entity's key have it; what comes back may be so too. -ENOENT: none is known. */
int lineage_owner(const struct lineage *l, uint32_t pid, uint64_t start_ns, uint32_t *ret_pid, uint64_t *ret_start_ns);

/* Say that (pid, start) belongs to `owner`, itself or one above it: for processes that are older than the kernel half,
 * whose environment was found in /proc. Those that they fork from now on follow. -ENOMEM. */
int lineage_adopt(struct lineage *l, uint32_t pid, uint64_t start_ns, uint32_t owner_pid, uint64_t owner_start_ns);

uint64_t lineage_missed(const struct lineage *l); /* execs not looked at or not told because there were too many */
void lineage_hooks(const struct lineage *l, void (*say)(void *arg, const char *hook, int error, const char *reason),
		   void *arg);

#endif

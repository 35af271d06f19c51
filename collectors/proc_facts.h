/* SPDX-License-Identifier: Apache-2.0 */
/* proc_facts.h - what /proc says of one process: start, parent, allow-listed environment, arguments, cgroup.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: PROC_FACTS_ENV_BYTES of an environment are looked through, in pieces of a page that are wiped after use; the
 * caller's buffers hold the rest. A process may have written its environment and arguments itself.
 *
 * The descriptor of /proc/PID stays with the process it was opened for: once that has ended every read fails, also
 * when the pid is in use again, so that two processes are never mixed.
 */
#ifndef WHY_COLLECTORS_PROC_FACTS_H
#define WHY_COLLECTORS_PROC_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/cgroup_form.h"
#include "identity/env_key.h"

#define PROC_FACTS_ENV_BYTES  (256 * 1024)
#define PROC_FACTS_ARGV_BYTES 4096
#define PROC_FACTS_PATH_BYTES 512

struct proc_stat {
	uint32_t pid, ppid, uid;
	uint64_t start_ticks; /* after boot */
	char comm[16];
	bool kernel_thread, ended; /* ended: a zombie */
};

/* -ENOENT: no such process; else from open(2). */
int proc_facts_open(int root_fd, uint32_t pid, int *ret_fd);
/* -ESRCH or -ENOENT: it has ended; -EBADMSG: not what the kernel writes. */
int proc_facts_stat(int proc_fd, struct proc_stat *ret_stat);
/* The same by one open, without the owner (uid 0): for a look that is repeated often. */
int proc_facts_glance(int root_fd, uint32_t pid, struct proc_stat *ret_stat);
/* True: a process. False: one of the other threads of a process, which /proc shows to who asks by number; or it has
 * ended. */
bool proc_facts_is_process(int proc_fd, uint32_t pid);
/* Zeroes *ret_env and takes what is on the list; how many. -EACCES, -EPERM: may not be read; -ESRCH, -ENOENT: it has ended;
 * *ret_env is all zero then. `ret_cut` (NULL ok): the environment was longer than is looked through. */
int proc_facts_env(int proc_fd, struct env_values *ret_env, bool *ret_cut);
/* Arguments as they are, NUL between them, cut at `size` - 1 and terminated. Wipe them after use. Errors as above. */
int proc_facts_argv(int proc_fd, char *ret_argv, size_t size, size_t *ret_len);
/* The path that tells most of who runs in it, and its form: with several hierarchies the one that names a container, a
 * pod, a step; else the deepest. -ENODATA: no path at all; errors as above. */
int proc_facts_cgroup(int proc_fd, char ret_path[PROC_FACTS_PATH_BYTES], struct cgroup_form *ret_form);

#endif

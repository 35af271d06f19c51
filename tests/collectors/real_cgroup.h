/* SPDX-License-Identifier: Apache-2.0 */
/* real_cgroup.h - a cgroup made on this machine for a test, v1 or v2, and children that live in it.
 *
 * Room: tests.  Owns: the cgroup's folder, until real_cgroup_remove.
 */
#ifndef WHY_TESTS_COLLECTORS_REAL_CGROUP_H
#define WHY_TESTS_COLLECTORS_REAL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct real_cgroup {
	char folder[160]; /* in the controller's hierarchy */
	char key[64];     /* "/why-test-..." */
	bool v2;          /* the controller's files are v2 files */
};

/* `controller` "cpu", "memory", "pids", or "" for the unified hierarchy. False: not possible here, and why is printed. */
bool real_cgroup_make(const char *controller, struct real_cgroup *ret_cgroup);
void real_cgroup_remove(struct real_cgroup *c); /* kills what is in it */

bool real_cgroup_write(const struct real_cgroup *c, const char *file, const char *text);
/* Number behind `key` in the file, or the file's only number when key is NULL; -1: not there. */
double real_cgroup_read(const struct real_cgroup *c, const char *file, const char *key);

/* A child that moves itself into the cgroup, then runs `body(arg)` and exits with what it returns. */
pid_t real_cgroup_run(const struct real_cgroup *c, int (*body)(void *arg), void *arg);
bool real_cgroup_holds(const struct real_cgroup *c, pid_t pid); /* it has moved in */
int real_cgroup_wait(pid_t pid); /* exit status, or 128 + signal */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* scene.h - real processes and cgroups for tests of what the kernel reports.
 *
 * Room: tests.  Owns: nothing; the caller ends what it starts.
 */
#ifndef WHY_TESTS_COLLECTORS_SCENE_H
#define WHY_TESTS_COLLECTORS_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/collectors/harness.h"

#define SCENE_PATH_MAX 256

/* A child named `comm` that runs fn(arg) and exits with its result. Fails the test. */
pid_t scene_spawn(const char *comm, int (*fn)(void *arg), void *arg);
int scene_sleep(void *arg); /* a body: sleeps until killed */
int scene_spin(void *arg);  /* a body: computes until killed */
/* SIGKILL and reap; returns the wait status. */
int scene_end(pid_t pid);
int scene_wait(pid_t pid); /* reap; returns the wait status */
/* "PID/START" of a living process, as its entity's key. */
void scene_key(pid_t pid, char *ret_key, size_t size);

/* A new cgroup "/NAME-PID" in the hierarchy of `controller` (v1 or v2). False: this machine has none; `ret_folder` is
 * then unset. `ret_path` is the entity's key. */
bool scene_cgroup(const char *controller, const char *name, char ret_folder[SCENE_PATH_MAX], char ret_path[SCENE_PATH_MAX]);
void scene_cgroup_set(const char *folder, const char *file, const char *text); /* fails the test */
long long scene_cgroup_get(const char *folder, const char *file);
bool scene_cgroup_has(const char *folder, const char *file);
void scene_cgroup_enter(const char *folder, pid_t pid);
void scene_cgroup_remove(const char *folder);

/* A harness on the real root for a collector that needs BPF; skips the test, with the reason, where it cannot load. */
struct harness *scene_harness(const struct collector *c);
/* Drain until an event of `metric` is there (at most about 5 s), NULL when none came. Events of the last drain are in
 * the batch. */
const struct event *scene_await(struct harness *h, const char *metric, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* workload_table.h - the processes known to belong to a job, by pid and start.
 *
 * Room: collectors.  Owns: its slots and the allow-listed variables kept with them.  Thread: the loop.
 * Clock: none (`now` is passed in).
 * Bounds: WORKLOAD_MAX_MEMBERS main processes that live (further ones are refused and counted), as many others, which
 * make room for each other, oldest first; WORKLOAD_MAX_ENV_BYTES of variables in all.
 *
 * A main process is the first of its rank, executor, task or launcher; what it starts belongs to the same one without
 * being it. Pid and start together are the key everywhere: a pid that is in use again finds nothing.
 */
#ifndef WHY_COLLECTORS_WORKLOAD_TABLE_H
#define WHY_COLLECTORS_WORKLOAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "identity/env_key.h"
#include "identity/membership.h"
#include "model/graph.h"

#define WORKLOAD_MAX_MEMBERS   4096
#define WORKLOAD_MAX_ENV_BYTES (4 << 20)
#define WORKLOAD_NONE          UINT32_MAX

struct workload_member {
	uint64_t start_ticks;
	uint32_t pid, ppid, uid; /* pid 0: the slot is free */
	char comm[16];
	entity_id process;    /* ENTITY_NONE: has none (yet) */
	entity_id rank, job;  /* rank ENTITY_NONE: belongs to the job itself */
	entity_id container, cgroup;
	uint64_t whose;       /* hash of the member's key, or of the job's: equal means the same rank */
	mono_ns_t since;      /* when it came in; of one that ended: when that was seen */
	mono_ns_t asked;         /* when a signal was sent that ends it or asks it to; 0 never */
	mono_ns_t wanted;        /* when one was sent that only asks: SIGTERM and the like; 0 never */
	mono_ns_t missing;       /* since when /proc has it no more; 0 it has */
	const char *role;        /* static text */
	enum identity_source source, env_source;
	bool second;             /* of a rank (or launcher) whose main process is another */
	bool failed;             /* it ended badly */
	bool main, ended, again; /* again: to be judged again, because labels came */
	char *env;               /* what was taken of its environment, packed; NULL none */
	size_t env_len;
};

struct workload_table {
	struct workload_member *slots; /* WORKLOAD_SLOTS */
	struct u64map *by_key, *by_pid, *by_whose;
	size_t n_slots;          /* ever used */
	size_t n_used, n_main;   /* n_main: alive */
	size_t hand;             /* of the clock that frees slots */
	size_t env_bytes;
	uint64_t refused;
};

#define WORKLOAD_SLOTS (2 * WORKLOAD_MAX_MEMBERS)

int workload_table_open(struct workload_table *t); /* -ENOMEM */
void workload_table_close(struct workload_table *t); /* accepts zeroed */

/* NULL: not known. Valid until the next add. */
struct workload_member *workload_table_find(struct workload_table *t, uint32_t pid, uint64_t start_ticks);
/* The latest with that pid that started at or before `not_after_ticks`: a parent is older than its child. */
struct workload_member *workload_table_by_pid(struct workload_table *t, uint32_t pid, uint64_t not_after_ticks);

/* The main process of a rank that has not ended; NULL none. */
struct workload_member *workload_table_main(struct workload_table *t, uint64_t whose);
/* From now on it is that one's; as its main process or not. False: there is no room for one more main process (counted). */
bool workload_table_claim(struct workload_table *t, struct workload_member *m, uint64_t whose, bool main);

/* A new one, zeroed but for its key. NULL: no room, counted in `refused`. */
struct workload_member *workload_table_add(struct workload_table *t, uint32_t pid, uint64_t start_ticks, mono_ns_t now);
void workload_table_end(struct workload_table *t, struct workload_member *m, mono_ns_t now);
void workload_table_remove(struct workload_table *t, struct workload_member *m);
/* Walk: *cursor 0 at the start, NULL at the end. Removing the one just returned is allowed. */
struct workload_member *workload_table_next(struct workload_table *t, size_t *cursor);

/* Keep what was taken of its environment, and get it back. False: there is nothing (or no room was left). */
bool workload_table_keep_env(struct workload_table *t, struct workload_member *m, const struct env_values *env,
			     enum identity_source source);
/* It was started with exactly these variables. */
bool workload_table_has_env(const struct workload_member *m, const struct env_values *env);
bool workload_table_env(const struct workload_member *m, struct env_values *ret_env);

#endif

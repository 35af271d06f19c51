/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - a /proc made by hand, and the workload collector on it.
 *
 * Room: tests.  Owns: a folder below /tmp, until world_close.
 */
#ifndef WHY_TESTS_COLLECTORS_WORLD_H
#define WHY_TESTS_COLLECTORS_WORLD_H

#include <stdint.h>

#include "base/buf.h"
#include "tests/collectors/harness.h"

#define WORLD_SECRET "hunter2-do-not-tell"

struct world {
	char root[128];
	struct harness *h; /* opened by the first tick */
	mono_ns_t now;
};

struct made {
	uint32_t pid, ppid;
	uint64_t start;
	const char *comm, *cgroup;
	const char *argv[8];
	const char *env[12];
};

int world_open(void **state); /* for cmocka */
int world_close(void **state);
void world_process(struct world *w, const struct made *p);
void world_process_end(struct world *w, uint32_t pid);
/* A worker of torchrun, child of 100, of the run "llama", with secrets beside. */
void world_rank(struct world *w, uint32_t pid, uint64_t start, const char *rank);
/* A turn with collect() and settle(). */
void world_tick(struct world *w);
/* An empty batch for what another collector writes; harness_settle() ends it. */
void world_begin(struct world *w);
/* Another collector makes the entity of a process. */
entity_id world_made_by_others(struct world *w, const char *key);

entity_id world_entity(struct world *w, enum entity_kind kind, const char *key); /* fails the test when there is none */
const char *world_attr(struct world *w, enum entity_kind kind, const char *key, const char *name); /* "(none)" */
/* The key of the only one of `kind` that it is OF, or IN; "" none. */
const char *world_next(struct harness *h, entity_id id, enum entity_kind kind);
/* Batch and graph as they go into a recording. */
void world_bytes(struct harness *h, mono_ns_t now, struct buf *out);

#endif

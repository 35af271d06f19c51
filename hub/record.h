/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one change of a finding as the hub stores it: the packed bytes, and the few columns questions are asked by.
 *
 * Room: hub.  Owns: a batch owns one arena that holds its records.  Thread: one at a time (made where the message
 * arrives, then handed to the writer).  Clock: none.
 * Bounds: RECORD_BATCH_MAX_BYTES a batch, RECORD_BATCH_MAX records; RECORD_MAX_ENTITIES searchable names a record.
 */
#ifndef WHY_HUB_RECORD_H
#define WHY_HUB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/finding.h"
#include "proto/frame.h"

#define RECORD_BATCH_MAX       1024
#define RECORD_BATCH_MAX_BYTES (4 * 1024 * 1024)
#define RECORD_MAX_HOLDERS     5 /* rank, job, pod, container, cgroup of the subject */
#define RECORD_MAX_ENTITIES    (1 + RECORD_MAX_HOLDERS + FINDING_MAX_AFFECTED + FINDING_MAX_EXPLAINS)
#define RECORD_MAX_NODE        256
#define RECORD_SPOOL_SIZE      40

/* A thing the finding is about, that holds it, or that suffers from it, so that a question for the thing finds it. */
struct record_entity {
	enum entity_kind kind;
	const char *key;
	const char *other; /* what a person types instead: pod without namespace, job without scheduler, a GPU's UUID,
			    * a process's pid; "" none */
	const char *called; /* what people call it: a job's or container's name, a rank's job's name, a pod's uid; else the
			     * name that the finding gives it; "" none */
};

struct record {
	uint64_t seq;
	const char *id;
	uint64_t revision;
	enum finding_state state;
	enum finding_kind kind;
	enum severity severity;
	bool shadow; /* of a rule on trial: counts for nobody's health */
	wall_ns_t opened_at, changed_at, resolved_at;
	const char *rule, *title;
	struct record_entity *entities; /* the subject first */
	size_t n_entities;
	const uint8_t *data; /* the packed finding, as it came */
	size_t n_data;
};

/* What one message of an agent asks to be stored: all of it or nothing. */
struct record_batch {
	struct record_batch *next; /* of the writer's queue */
	struct arena *arena;
	const char *node, *spool_id;
	uint64_t origin;   /* whom to tell once it is stored (a stream of rpc_server); 0: nobody */
	uint64_t last_seq; /* acked by storing this batch, even where records were refused */
	struct record *records;
	size_t n_records, max_records;
};

/* -ENOMEM; -EMSGSIZE: a name is too long, or max_records above RECORD_BATCH_MAX. */
int record_batch_new(const char *node, const char *spool_id, size_t max_records, struct record_batch **ret_batch);
void record_batch_free(struct record_batch **batch);

/* Check a packed finding and append it. `ret_field` (NULL ok) names what is wrong.
 * -EBADMSG: not a finding, or one of another node: an agent speaks for its own node only; -ENOSPC: max_records;
 * -ENOMEM: past the batch's bytes. Nothing is appended then. */
int record_batch_add(struct record_batch *b, uint64_t seq, const uint8_t *data, size_t n, const char **ret_field);

struct record_reading {
	struct record_batch *batch;
	uint64_t bad;      /* records left out: malformed, or of another node */
	const char *field; /* what was wrong with the last of them */
};

/* A batch as it came from an agent. -EBADMSG, -EMSGSIZE: not what it says; -ENOMEM. */
int record_batch_read(const char *node, const char *spool_id, uint64_t origin, const struct frame_received *from,
		      struct record_reading *ret_reading);

/* Not empty, below 254 bytes, valid UTF-8, no spaces, slashes or control characters. */
bool record_is_node_name(const char *node);

/* What `record_entity.other` is for a key: the part behind the last '/' of a pod, behind the first ':' of a job or
 * rank. "" none. */
const char *record_entity_other(enum entity_kind kind, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - what was read in one tick: samples, events, and the changes of the entity graph that go with them.
 *
 * Room: model.  Owns: its arrays and the events' texts.  Thread: the loop (or a child process of its own).
 * Clock: none; the time of a sample is passed in.
 * Bounds: `max_samples`, `max_events`, `max_ops` at birth; overflow drops the newest and counts it, and
 * never fails a collector. No allocation after birth.
 *
 * A batch is bound to one graph: batch_entity and its kin apply at once and are journalled as ops, so that
 * model/codec.h can write the batch into a recording, or across a socket, and replay it elsewhere. Only what
 * changed the graph is journalled: saying the same again every tick costs a look-up and no op.
 * Texts of events are UTF-8 whatever came in: bytes that are not appear as \xNN.
 */
#ifndef WHY_MODEL_BATCH_H
#define WHY_MODEL_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "model/graph.h"
#include "model/metric.h"

#define BATCH_MAX_TEXT    513  /* of a text value, with its NUL */
#define BATCH_MAX_MESSAGE 1024 /* of a message, with its NUL */

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITY_MAX };

struct sample {
	uint32_t metric;
	entity_id entity;
	mono_ns_t at;
	double value;
};
_Static_assert(sizeof(struct sample) == 24, "samples are copied in bulk");

struct event_value {
	const char *text; /* NULL: absent, or the field is a number */
	double number;    /* NaN: absent */
};

struct event {
	uint32_t metric;
	entity_id entity;
	mono_ns_t at;
	enum severity severity;
	int32_t code;        /* the event's own number: a signal, an errno, an Xid; 0 when it has none */
	const char *message; /* for a person; NULL ok. Lives as long as the batch */
	uint32_t n_values;
	struct event_value values[METRIC_MAX_FIELDS]; /* in the order of the metric's fields */
	uint8_t simulated; /* came from an injected source (--kmsg FILE) */
};

enum batch_op_kind { BATCH_OP_ENTITY, BATCH_OP_ATTR, BATCH_OP_LINK, BATCH_OP_UNLINK, BATCH_OP_GONE };

struct batch_op {
	enum batch_op_kind kind;
	enum entity_kind entity_kind; /* BATCH_OP_ENTITY */
	enum edge_kind edge;          /* BATCH_OP_LINK, BATCH_OP_UNLINK */
	entity_id a, b;            /* BATCH_OP_ENTITY: b is a again when it was gone and came back */
	const char *name;  /* key of an entity, name of an attribute */
	const char *value; /* attribute; NULL removes */
};

struct batch {
	struct graph *graph;
	mono_ns_t now;
	struct sample *samples;
	size_t n_samples, max_samples;
	struct event *events;
	size_t n_events, max_events;
	struct batch_op *ops;
	size_t n_ops, max_ops;
	struct arena *texts;
	uint64_t dropped_samples, dropped_events, dropped_ops; /* since birth */
	uint64_t refused_entities; /* since birth: the graph was full, or the key bad */
	uint32_t metric_base;      /* see batch_set_metric_base */
};

/* -ENOMEM. `graph` is not owned. */
int batch_new(struct graph *graph, size_t max_samples, size_t max_events, size_t max_ops, struct batch **ret_batch);
void batch_free(struct batch **batch);
void batch_reset(struct batch *b, mono_ns_t now); /* empty it for the tick at `now`; counters stay */

/* ---- for collectors; none of these fails the caller ---- */

/* Find or make an entity; ENTITY_NONE when the graph is full (counted) or the key is bad: samples and
 * events on ENTITY_NONE are dropped and counted, so a collector need not check. */
entity_id batch_entity(struct batch *b, enum entity_kind kind, const char *key);
void batch_attr(struct batch *b, entity_id id, const char *name, const char *value);
void batch_attr_u64(struct batch *b, entity_id id, const char *name, uint64_t value);
void batch_link(struct batch *b, enum edge_kind kind, entity_id from, entity_id to);
void batch_unlink(struct batch *b, enum edge_kind kind, entity_id from, entity_id to);
void batch_gone(struct batch *b, entity_id id);

/* A reading that the machine cannot give is not written at all: absent is not zero. NaN and infinities are dropped.
 * A sample on an entity that the graph no longer holds is dropped and counted. */
void batch_sample(struct batch *b, uint32_t metric, entity_id entity, double value);
void batch_sample_at(struct batch *b, uint32_t metric, entity_id entity, mono_ns_t at, double value);

/* Start an event; fill its values by batch_value_*, the message by batch_message. NULL when there is no
 * room or the entity is none (counted): the value functions accept NULL and do nothing. */
struct event *batch_event(struct batch *b, uint32_t metric, entity_id entity, mono_ns_t at, enum severity severity,
			  int32_t code);
/* Copied, cut at 512 bytes. */
void batch_value_text(struct batch *b, struct event *e, unsigned field, const char *text);
void batch_value_number(struct batch *b, struct event *e, unsigned field, double number);
void batch_message(struct batch *b, struct event *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Metric ids in a collector are positions in its own table; the registry's offset is set by the caller of
 * collect() for the time of the call and added by the functions above. */
void batch_set_metric_base(struct batch *b, uint32_t first);

const char *severity_name(enum severity s);
int severity_parse(const char *name, enum severity *ret_severity); /* -EINVAL */

#endif

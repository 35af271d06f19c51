/* SPDX-License-Identifier: Apache-2.0 */
/* metric.h - what a reading is: name, kind, unit, the entity it is about; and the registry of all of them.
 *
 * Room: model.  Owns: the registry's name index.  Thread: the loop (read-only once built).  Clock: none.
 * Bounds: METRIC_MAX metrics, METRIC_MAX_FIELDS fields of an event.
 *
 * Names are `subject.thing.quality`; the unit is no part of the name. Values are in base units.
 * The descriptor table in the collector is the only place that defines a metric: the rule checker,
 * `why rules metrics`, docs/metrics.md and the OTel and Prometheus names are made from it.
 */
#ifndef WHY_MODEL_METRIC_H
#define WHY_MODEL_METRIC_H

#include <stddef.h>
#include <stdint.h>

#define METRIC_MAX        1024
#define METRIC_MAX_FIELDS 12
#define METRIC_NONE       UINT32_MAX

/* Kinds of entity: what a reading can be about. Keys (unique within kind on one node):
 *   node       the node's name                 cpu      "0"            numa   "0"
 *   gpu        PCI address "0000:5e:00.0"      nic      "eth0"         disk   "nvme0n1"
 *   mount      the mount point "/data"         cgroup   path "/a/b" ("/" is the root)
 *   container  64-digit id                     pod      "namespace/name"
 *   process    "PID/START", START in clock ticks after boot (field 22 of /proc/PID/stat)
 *   job        "scheduler:id"                  rank     "scheduler:id/N"
 *   link       a remote peer, "10.0.0.2", or one port of it, "10.0.0.2:443", "[fd00::1]:443"
 *   socket     a local listening socket, "tcp:0.0.0.0:29500"
 *   collector  a collector of this agent by name: what a missed deadline or a blind spot is about */
enum entity_kind {
	ENTITY_NODE,
	ENTITY_CPU,
	ENTITY_NUMA,
	ENTITY_GPU,
	ENTITY_NIC,
	ENTITY_DISK,
	ENTITY_MOUNT,
	ENTITY_CGROUP,
	ENTITY_CONTAINER,
	ENTITY_POD,
	ENTITY_PROCESS,
	ENTITY_JOB,
	ENTITY_RANK,
	ENTITY_LINK,
	ENTITY_SOCKET,
	ENTITY_COLLECTOR,
	ENTITY_KIND_MAX,
};

enum metric_kind {
	METRIC_GAUGE,   /* a level */
	METRIC_COUNTER, /* only grows; a fall is a reset */
	METRIC_STATE,   /* a small set of named values, see metric_desc.states */
	METRIC_EVENT,   /* occurrences, each with a code and fields */
	METRIC_KIND_MAX,
};

enum unit {
	UNIT_NONE,    /* a count or a code */
	UNIT_RATIO,   /* 0..1 */
	UNIT_NS,
	UNIT_BYTES,
	UNIT_CELSIUS,
	UNIT_WATTS,
	UNIT_HERTZ,
	UNIT_CPUS,    /* CPU seconds a second */
	UNIT_MAX,
};

/* One named field of an event metric. */
struct metric_field {
	const char *name;  /* "sender_comm"; a number `lines` says for how many the event stands: findings count them */
	int is_text;       /* 1: text, 0: number */
	enum unit unit;    /* of a number */
	const char *help;
};

struct metric_desc {
	const char *name; /* "cgroup.memory.current" */
	enum metric_kind kind;
	enum unit unit;
	enum entity_kind about;
	const char *help;
	const struct metric_field *fields; /* METRIC_EVENT: NULL, or ended by a field with name NULL */
	const char *const *states;         /* METRIC_STATE: names by value, NULL-ended; else NULL */
};

const char *entity_kind_name(enum entity_kind kind); /* "cgroup"; "?" for a wrong number */
int entity_kind_parse(const char *name, enum entity_kind *ret_kind); /* -EINVAL */
const char *metric_kind_name(enum metric_kind kind);
const char *unit_name(enum unit unit); /* UCUM as OTel uses it: "1", "ns", "By", "Cel", "W", "Hz", "{cpu}", "" */

struct metrics;

/* An empty registry. -ENOMEM. */
int metrics_new(struct metrics **ret_metrics);
void metrics_free(struct metrics **metrics);

/* Append a table; ids are positions: the first of the table gets *ret_first (NULL ok). The table is kept by
 * reference and must live as long (static). `source` is the collector's name, kept by reference too.
 * -EEXIST: a name is taken (nothing of the table is added); -EINVAL: a descriptor is malformed (name not
 * [a-z0-9_.], no help, too many fields, unit missing); -ENOSPC: above METRIC_MAX. */
int metrics_add(struct metrics *m, const char *source, const struct metric_desc *table, size_t n, uint32_t *ret_first);

size_t metrics_count(const struct metrics *m);
const struct metric_desc *metrics_at(const struct metrics *m, uint32_t id); /* NULL past the end */
const char *metrics_source(const struct metrics *m, uint32_t id);           /* collector's name, NULL past the end */
uint32_t metrics_find(const struct metrics *m, const char *name);           /* METRIC_NONE when unknown */
int metric_field_index(const struct metric_desc *desc, const char *field);  /* -ENOENT */

#endif

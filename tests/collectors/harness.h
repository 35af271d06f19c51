/* SPDX-License-Identifier: Apache-2.0 */
/* harness.h - one collector on a fixture root or the real one, and its batch by metric name.
 *
 * Room: tests.  Owns: registry, graph, batch and the collector's state.
 *
 *	struct harness *h = harness_open(&collector_memory, "tests/collectors/fixtures/v2");
 *	harness_collect(h, 1 * NS_PER_S);
 *	assert_true(harness_value(h, "node.memory.total", ENTITY_NODE, HARNESS_NODE) > 0);
 *	harness_close(&h);
 */
#ifndef WHY_TESTS_COLLECTORS_HARNESS_H
#define WHY_TESTS_COLLECTORS_HARNESS_H

#include <stdbool.h>

#include "collectors/collector.h"

#define HARNESS_NODE "testnode"

struct harness {
	const struct collector *collector;
	struct collect_env env;
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	void *state;
	uint32_t first; /* of the collector's metrics; never 0, so that a forgotten offset shows */
	int root_fd;
	char boot_id[40];
	char reason[256]; /* of a probe that failed */
};

/* `root` NULL: the real root, kernel hooks allowed. Fails the test when it cannot be opened. */
struct harness *harness_open(const struct collector *c, const char *root);
/* The same in two steps, to change `env` in between. */
struct harness *harness_new(const struct collector *c, const char *root);
int harness_start(struct harness *h); /* the collector's open() */
int harness_probe(struct harness *h);
void harness_close(struct harness **h);

/* Empty the batch, collect at `now`. Returns what collect() returned. */
int harness_collect(struct harness *h, mono_ns_t now);
/* Empty the batch, drain at most `max`. */
int harness_drain(struct harness *h, unsigned max, mono_ns_t now);
/* Complete what is in the batch (of the last collect or drain), at the same `now`. */
void harness_settle(struct harness *h);
/* Wait at most `timeout_ms` for event_fd to be readable. */
bool harness_wait(struct harness *h, int timeout_ms);
/* Forget the collector's state and open it again on the same graph, as after a restart. */
int harness_restart(struct harness *h);

/* The last sample of the metric on that entity in the batch; NaN when absent. */
double harness_get(struct harness *h, const char *metric, enum entity_kind kind, const char *key);
/* The same; fails the test when absent, naming the metric. */
double harness_value(struct harness *h, const char *metric, enum entity_kind kind, const char *key);
bool harness_has(struct harness *h, const char *metric, enum entity_kind kind, const char *key);
double harness_node(struct harness *h, const char *metric); /* harness_value on the node */

/* Events of the metric in the batch; `i` counts them. NULL past the last. */
const struct event *harness_event(struct harness *h, const char *metric, size_t i);
size_t harness_events(struct harness *h, const char *metric);
const char *harness_event_key(struct harness *h, const struct event *e); /* of its entity */
const char *harness_text(struct harness *h, const struct event *e, const char *field);   /* NULL: absent */
double harness_number(struct harness *h, const struct event *e, const char *field);      /* NaN: absent */

/* Write a file, making its folders. Fails the test. For fixtures made on the fly. */
void harness_write(const char *folder, const char *path, const char *text);
/* A fresh folder under /tmp, and its removal with all that is in it (one file system). */
char *harness_folder(char *ret_path, size_t size);
void harness_remove(const char *folder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* scene.h - an engine on a small node: rules from a text, readings by name, what was published as a list.
 *
 * Room: tests.  Owns: all of it.  Time starts at SCENE_START and moves by scene_tick.
 */
#ifndef WHY_TESTS_RULES_SCENE_H
#define WHY_TESTS_RULES_SCENE_H

#include "model/batch.h"
#include "model/finding.h"
#include "rules/engine.h"
#include "tests/rules/pack.h"

#define SCENE_START (1000 * NS_PER_S)
#define SCENE_WALL  (1700000000ULL * NS_PER_S)
#define SCENE_MAX   4096

struct scene {
	struct pack pack;
	struct graph *graph;
	struct batch *batch;
	struct engine *engine;
	mono_ns_t now;
	int64_t wall_off_ns; /* the wall clock goes wrong by this from the next tick on */
	struct finding *said[SCENE_MAX]; /* copies, in order */
	size_t n_said;
	struct buf json; /* one line each */
};

/* A pack with a bit of everything: two symptoms, an event, a level, a share, a deeper cause, flapping. */
extern const char scene_rules[];

/* A second of a busy little node at random: counters, levels, kills, deaths, things that come and go. */
void scene_random(struct scene *s, uint64_t *random);

/* warm_up_s 0: evaluated from the first tick on. */
void scene_open(struct scene *s, const char *rules, unsigned warm_up_s);
void scene_close(struct scene *s);
/* Another engine on the same graph and rules, as after a restart: nothing is known any more. */
void scene_restart(struct scene *s, const char *rules, unsigned warm_up_s);

entity_id scene_entity(struct scene *s, enum entity_kind kind, const char *key);
void scene_link(struct scene *s, enum edge_kind edge, entity_id from, entity_id to);
void scene_sample(struct scene *s, const char *metric, entity_id id, double value);
struct event *scene_event(struct scene *s, const char *metric, entity_id id, int code);
void scene_tick(struct scene *s, uint64_t ahead_ns); /* the batch so far, at now + ahead */
/* `n` empty ticks of a second. */
void scene_wait(struct scene *s, unsigned n);

/* The last thing said of `rule`, NULL: nothing. */
const struct finding *scene_last(const struct scene *s, const char *rule);
size_t scene_count(const struct scene *s, const char *rule, enum finding_state state);
/* Id of the evidence item in the finding, NULL: it is not there. */
const struct finding_evidence *scene_evidence(const struct finding *f, const char *id);
void scene_forget(struct scene *s); /* what was said so far */

#endif

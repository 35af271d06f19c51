/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - readings in, findings out: the same readings always give the same findings.
 *
 * Room: rules.  Owns: rule instances, open findings, the series store.  Thread: the loop.
 * Clock: none: `now` and `wall` come with each tick.  Bounds: `max_instances`, RULESET_MAX_INSTANCES a rule; overflow is
 * counted and opens a finding about itself. No allocation on a tick in which nothing opens, changes or resolves.
 *
 * A tick: take in the batch; wake the rules whose trigger reads what came; advance the instances that are active;
 * select roots, link explains and because; publish what changed, in a fixed order (rule, then entity).
 * Cost is in proportion to what changed and what is active, not to rules times entities.
 */
#ifndef WHY_RULES_ENGINE_H
#define WHY_RULES_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/answer.h"
#include "model/batch.h"
#include "model/finding.h"
#include "model/graph.h"
#include "model/series.h"
#include "rules/ruleset.h"

struct engine_options {
	const struct metrics *metrics;
	struct graph *graph; /* read; entities are expired by the caller */
	const char *node, *boot_id;
	size_t max_instances;	 /* e.g. 20,000 */
	size_t max_series;	 /* e.g. 20,000 */
	size_t max_series_bytes; /* e.g. 12 MiB */
	uint64_t interval_ns;	 /* usual tick */
	uint64_t
		warm_up_ns; /* until then after the first tick: not `evaluated`; events are judged at once all the same */
};

struct engine;

/* Texts of `options` are copied; metrics and graph must outlive the engine. */
int engine_new(const struct engine_options *options, struct engine **ret_engine); /* -ENOMEM */
void engine_free(struct engine **engine);

/* Put a ruleset in force at `now`; the engine owns it from then on, and *ruleset becomes NULL. State of rules whose
 * digest is unchanged survives; findings of rules that are gone resolve with "rule removed" at the next tick.
 * An open finding whose rule has changed stays open under the new rule; what was only suspected starts anew.
 * -ENOMEM, -EINVAL (a program is not sound, or more than RULESET_MAX_RULES): the old one stays in force and *ruleset stays
 * the caller's. */
int engine_use(struct engine *e, struct ruleset **ruleset, mono_ns_t now);
const struct ruleset *engine_ruleset(const struct engine *e); /* NULL before the first engine_use */

/* One change of a finding; `f` is valid during the call only. */
typedef void (*engine_publish_fn)(void *arg, const struct finding *f);

/* 0; -EINVAL: `now` is before the last tick's. */
int engine_tick(struct engine *e, const struct batch *in, mono_ns_t now, wall_ns_t wall, engine_publish_fn publish,
		void *arg);

/* An entity leaves the graph: forget its series; findings about it stay and clear by time. Given to graph_expire. */
void engine_drop_entity(struct engine *e, entity_id id);

/* Take back a finding that was open before a restart (same boot: it goes on, same id, next revision; other boot: it is
 * resolved with reason "reboot" at the first tick unless its rule latches). The engine copies. Before the first tick only.
 * -ENOENT: its rule is not in force: it will be resolved as "rule removed". */
int engine_restore(struct engine *e, const struct finding *f, bool same_boot, mono_ns_t opened_mono);
/* Monotonic time at which an open finding was opened, for persisting; 0 when not open. */
mono_ns_t engine_opened_mono(const struct engine *e, const char *finding_id);

/* Deep probes the rules want now: metric on entity until. Returns how many there are; fills up to max. */
struct want {
	uint32_t metric;
	entity_id entity;
	mono_ns_t until;
};
size_t engine_wants(const struct engine *e, struct want *ret_wants, size_t max);

/* A person has taken note of an open finding: a latch `until_ack` lets go. -ENOENT: no such open finding. */
int engine_ack(struct engine *e, const char *finding_id);

/* All findings now open (causes, unexplained symptoms; shadow ones too), by visiting. */
void engine_visit_open(const struct engine *e, engine_publish_fn visit, void *arg);

/* Why is `cause` not blamed for `target` (or, ENTITY_NONE: for any entity of its scope, the nearest miss)? Fills verdict
 * and evidence.
 * -ENOENT: no such cause (candidates by nearest names are filled); -ESRCH: no entity of its scope. */
int engine_why_not(const struct engine *e, const char *cause, entity_id target, mono_ns_t now, wall_ns_t wall,
		   struct answer *ret_answer);

/* The first full evaluation is done, of one rule at least: where no rules are, nothing is known to be well. */
bool engine_evaluated(const struct engine *e);

struct engine_stats {
	uint64_t ticks, programs_run, opened, resolved, refused_instances;
	size_t n_instances, n_open;
	struct series_stats series;
};
void engine_stats(const struct engine *e, struct engine_stats *ret_stats);

#endif

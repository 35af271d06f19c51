/* SPDX-License-Identifier: Apache-2.0 */
/* engine_state.h - what the files of the engine share: engine.c, engine_tick.c, engine_publish.c, engine_rules.c,
 * engine_ask.c, engine_wants.c.
 *
 * Room: rules.  Owns: see engine.h.  Thread: the loop.  Clock: none.  Bounds: see engine.h; ENGINE_HISTORY openings.
 */
#ifndef WHY_RULES_ENGINE_STATE_H
#define WHY_RULES_ENGINE_STATE_H

#include "rules/blind.h"
#include "rules/causality.h"
#include "rules/compose.h"
#include "rules/engine.h"
#include "rules/wake.h"

#define ENGINE_HISTORY      1024 /* openings that finding('x') can count */
#define ENGINE_MAX_WANTS    256
#define ENGINE_WANT_NS      (10 * NS_PER_S)
#define ENGINE_GRACE_NS     (3 * NS_PER_S)  /* an unexplained symptom waits so long for its cause */
#define ENGINE_FRESH_NS     (90 * NS_PER_S) /* a latest sample older than this is no reading any more */
#define ENGINE_SAY_AGAIN_NS (10 * NS_PER_S) /* affected entities come and go: said at most so often, later more rarely */
#define ENGINE_KEPT_MAX     (512 * 1024)

struct opening {
	uint64_t rule; /* hash of its id */
	mono_ns_t at;
};

struct engine {
	struct engine_options options;
	char *node, *boot_id;
	struct series_store *series;
	struct ruleset *rs;
	struct kin *kin;
	struct wake *wake;
	struct roster *roster;
	struct causality *causality;
	struct blind blind;
	struct machine m;
	struct machine_memo *memo;
	struct compose compose;
	struct buf scratch;
	uint32_t *changed; /* positions to publish in this tick */
	uint32_t n_changed;
	struct opening history[ENGINE_HISTORY];
	uint32_t n_history;
	struct want wants[ENGINE_MAX_WANTS];
	size_t n_wants;
	mono_ns_t first_tick, last_tick;
	wall_ns_t wall;
	uint64_t ticks, opened, resolved;
	engine_publish_fn publish;
	void *publish_arg;
	/* the finding about the engine itself */
	uint64_t refused_before, full_revision;
	mono_ns_t refused_at, full_opened;
	wall_ns_t full_opened_wall;
	char full_id[FINDING_ID_SIZE];
};

/* The rule of a suspect, whichever kind it is; not of an orphan. */
const char *engine_rule_id(const struct engine *e, const struct suspect *s);
const struct hold *engine_hold(const struct engine *e, const struct suspect *s);
wall_ns_t engine_wall_of(const struct engine *e, mono_ns_t at);

/* engine_publish.c */
void engine_mark_opened(struct engine *e, struct suspect *s, bool again); /* give it an id */
void engine_publish_changes(struct engine *e);
void engine_publish_full(struct engine *e); /* about refused instances */

/* engine_wants.c */
void engine_find_wants(struct engine *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* roster.h - the suspects: every (rule, entity) that is not at rest, with the state that lives from tick to tick.
 *
 * Room: rules.  Owns: the suspects and the findings kept with them.  Thread: the loop.  Clock: none.
 * Bounds: `max` suspects, RULESET_MAX_INSTANCES of one rule; past them roster_add refuses and counts. Memory is
 * reserved at birth and touched only as it comes into use.
 */
#ifndef WHY_RULES_ROSTER_H
#define WHY_RULES_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/finding.h"
#include "model/graph.h"
#include "rules/instance.h"
#include "rules/judge.h"
#include "rules/kept.h"

#define ROSTER_NONE   UINT32_MAX
#define ROSTER_ORPHAN UINT32_MAX /* .rule of a suspect whose rule is gone */

enum suspect_say { SUSPECT_SAY_NOTHING, SUSPECT_SAY_OPEN, SUSPECT_SAY_UPDATE, SUSPECT_SAY_RESOLVED };

struct suspect {
	uint32_t rule;    /* symptoms first, then causes; or ROSTER_ORPHAN */
	entity_id entity; /* ENTITY_NONE: not in the graph (restored and not seen yet, or dropped) */
	bool is_symptom;
	struct instance life;
	char id[FINDING_ID_SIZE]; /* "": never opened */
	mono_ns_t trigger_at;     /* of the event or sample that started it */
	mono_ns_t again_at;       /* of the latest event that its trigger counts; 0 none */
	mono_ns_t opened_mono;
	wall_ns_t opened_wall;
	mono_ns_t watch_until;    /* an event counts until then */
	uint64_t revision, count;
	struct score_marks seen;  /* evidence since it was triggered */
	bool by_event, simulated;
	bool published;           /* the reader of findings holds it as open */
	bool awaited;             /* restored: its entity has not been seen again yet */
	struct kept *kept;        /* as last published */

	/* what was said last, to tell a meaningful change from noise */
	double said_confidence;
	uint64_t said_count, said_links, said_affected;
	bool said_flapping;
	mono_ns_t said_at;

	/* of this tick */
	struct judgement j;
	enum truth triggered;        /* of the tick before, then of this one */
	mono_ns_t woken_at;          /* 0: not woken */
	uint32_t n_events;
	enum instance_change change;
	uint32_t explained_by;       /* symptom: position of the open cause that explains it best */
	bool held_back;              /* symptom: a pending cause would explain it */
	bool excused;                /* symptom: what there was of it has been explained */
	uint64_t links;              /* cause: digest of the symptoms it is linked to */
	enum suspect_say say;        /* what is to be published of it */
	mono_ns_t lone_since;        /* symptom: open without an explanation since; 0 not */
	uint32_t yields_to;          /* cause: position of the one that explains it away */
	uint32_t next_of_rule, prev_of_rule;
	uint32_t listed_at;          /* position in the list */
	char end[128];               /* why it is resolved */
};

struct roster {
	struct suspect *suspects;
	uint32_t *list; /* positions in use, in no order */
	uint32_t n;
	uint32_t max, n_used;
	uint32_t *free;
	uint32_t n_free;
	struct u64map *by_pair;
	uint32_t first_of_rule[RULESET_MAX_RULES];
	uint32_t n_of_rule[RULESET_MAX_RULES];
	uint64_t refused;
};

int roster_new(size_t max, struct roster **ret_roster); /* -ENOMEM */
void roster_free(struct roster **roster);

struct suspect *roster_at(const struct roster *r, uint32_t position);
uint32_t roster_position(const struct roster *r, const struct suspect *s);
struct suspect *roster_find(const struct roster *r, uint32_t rule, entity_id entity); /* NULL */
bool roster_is_full(const struct roster *r, uint32_t rule); /* as a whole, or for this rule */
/* NULL: full, or the rule has RULESET_MAX_INSTANCES (counted). `entity` may be ENTITY_NONE, `rule` ROSTER_ORPHAN. */
struct suspect *roster_add(struct roster *r, uint32_t rule, entity_id entity);
void roster_remove(struct roster *r, struct suspect *s);
/* Change what it is about; -EEXIST: there is one for that pair. */
int roster_move(struct roster *r, struct suspect *s, uint32_t rule, entity_id entity);
/* Make the lists by rule anew after the rules were numbered anew: `renumber` gives the new number or ROSTER_ORPHAN. */
void roster_renumber(struct roster *r, uint32_t (*renumber)(void *arg, const struct suspect *s), void *arg);

#endif

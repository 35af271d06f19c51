/* SPDX-License-Identifier: Apache-2.0 */
/* wake_index.h - from each metric to the rules whose trigger reads it, made once from a ruleset.
 *
 * Room: rules.  Owns: its tables.  Thread: the loop (read-only once built).  Clock: none.
 * Bounds: WAKE_MAX_PREDICATES predicates a metric of a trigger; past them every event of the metric wakes the rule.
 */
#ifndef WHY_RULES_WAKE_INDEX_H
#define WHY_RULES_WAKE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/gate.h"
#include "rules/ruleset.h"

#define WAKE_MAX_PREDICATES 4

enum wake_how {
	WAKE_SAME, /* the entity of the reading */
	WAKE_UP,   /* the relative of the rule's scope that contains it */
	WAKE_ALL,  /* every entity of the rule's scope: the reading is about something wider, or elsewhere */
};

struct wake_link {
	uint32_t rule;
	enum entity_kind scope;
	enum wake_how how;
	struct gates gates; /* of samples */
	uint32_t pace_s;    /* while it is not suspected, it is looked at so often: a thirtieth of its window, 5 s at most */
	uint32_t predicates[WAKE_MAX_PREDICATES]; /* of events */
	uint32_t n_predicates;
	bool any_event;
	uint64_t event_window_ns;
};

struct wake_metric {
	struct wake_link *links;
	uint32_t n_links;
	bool remembers; /* some gate needs the sample before */
	/* All gates of all links in one: what passes none of these need not be tried on each. */
	double lowest_above, highest_below;
	bool by_move;
};

struct wake_absence {
	uint32_t rule;
	enum entity_kind scope;
};

struct wake_index {
	struct wake_metric *metrics; /* by metric id */
	uint32_t n_metrics;
	struct wake_absence *by_absence; /* rules whose trigger asks whether something is missing */
	uint32_t n_by_absence;
};

int wake_index_new(const struct ruleset *rs, const struct metrics *metrics, struct wake_index **ret_index); /* -ENOMEM */
void wake_index_free(struct wake_index **index);

static inline const struct wake_metric *wake_index_of(const struct wake_index *x, uint32_t metric)
{
	return metric < x->n_metrics ? &x->metrics[metric] : NULL;
}

#endif

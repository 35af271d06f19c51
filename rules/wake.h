/* SPDX-License-Identifier: Apache-2.0 */
/* wake.h - which rule to look at for which entity, given what has just come in.
 *
 * Room: rules.  Owns: an index from metric to the rules whose trigger reads it, and the last value of each series in it.
 * Thread: the loop.  Clock: none.  Bounds: WAKE_MAX_CALLS pairs a tick, `max_series` remembered values; past the first,
 * pairs are left out and counted; past the second every sample wakes. No allocation after birth.
 *
 * Rules are numbered through: symptoms first, then causes (wake_rule_count). A sample wakes a rule only when it passes a
 * gate (rules/gate.h); an event when a predicate of the trigger takes it. A reading about a narrower entity wakes the
 * rule for the relative that contains it; one about a wider entity wakes it for all entities of the rule's scope.
 */
#ifndef WHY_RULES_WAKE_H
#define WHY_RULES_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/batch.h"
#include "rules/machine.h"

#define WAKE_MAX_CALLS	16384
#define WAKE_ABSENCE_NS (5 * NS_PER_S) /* triggers that ask for absence are looked at this often */

struct wake_call {
	uint32_t rule;
	entity_id entity;
	mono_ns_t at;	       /* of the first event, else of the first sample */
	mono_ns_t watch_until; /* an event counts until then: look again at each tick */
	uint32_t n_events;     /* events that the trigger counts; one with a field `lines` counts so often */
	bool simulated;
};

struct wake;

/* `rs` and `metrics` must outlive it. Disabled rules are left out. -ENOMEM. */
int wake_new(const struct ruleset *rs, const struct metrics *metrics, size_t max_series, uint64_t fresh_ns,
	     struct wake **ret_wake);
void wake_free(struct wake **wake);

/* One entry a pair, in order of arrival; valid until the next call. */
size_t wake_batch(struct wake *w, struct machine *m, const struct batch *in, const struct wake_call **ret_calls);

void wake_drop_entity(struct wake *w, entity_id id);
uint64_t wake_dropped(const struct wake *w); /* pairs left out since birth */

/* True when the trigger of rule `rule` reads `metric`. */
bool wake_reads(const struct wake *w, uint32_t rule, uint32_t metric);

uint32_t wake_rule_count(const struct ruleset *rs);

#endif

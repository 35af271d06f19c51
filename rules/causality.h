/* SPDX-License-Identifier: Apache-2.0 */
/* causality.h - which cause explains which symptom, which lies deeper, which yields to which: made anew each tick.
 *
 * Room: rules.  Owns: its list of links.  Thread: the loop.  Clock: none.
 * Bounds: CAUSALITY_MAX_LINKS links a tick; further ones are counted. No allocation after birth.
 *
 * A cause explains a symptom when the symptom is at the end of `via`, was first seen no earlier than `lead` before the
 * cause was triggered and no later than `lag` after it last held, and, where the rule asks for it, their series move
 * together (too few samples to tell: time order alone decides).
 */
#ifndef WHY_RULES_CAUSALITY_H
#define WHY_RULES_CAUSALITY_H

#include "rules/kin.h"
#include "rules/roster.h"

#define CAUSALITY_MAX_LINKS 4096

struct causal_link {
	uint32_t cause, symptom; /* positions in the roster */
	uint32_t explain;        /* which of the rule's explains */
};

struct causality {
	struct causal_link links[CAUSALITY_MAX_LINKS];
	size_t n_links;
	uint64_t refused;
	uint32_t active[CAUSALITY_MAX_LINKS]; /* scratch: causes that may explain something away */
};

struct causality_view {
	const struct ruleset *rs;
	const struct kin *kin;
	const struct roster *roster;
	struct machine *m;
	mono_ns_t now;
};

/* Link causes that are open or hold right now to open symptoms. */
void causality_link(struct causality *c, const struct causality_view *v);
/* Set yields_to of causes that another, more believed one explains away. */
void causality_yield(struct causality *c, const struct causality_view *v);
/* After the causes were stepped: set explained_by and held_back of symptoms. */
void causality_explain(struct causality *c, const struct causality_view *v);
/* Open deeper causes of an open cause: positions, at most `max`; the same order in a replay. */
size_t causality_because(const struct causality_view *v, const struct suspect *s, uint32_t *ret_positions, size_t max);

/* Order of publication: causes before symptoms, then rule, then entity. */
int causality_order(const struct causality_view *v, const struct suspect *a, const struct suspect *b);
void causality_sort(const struct causality_view *v, uint32_t *positions, size_t n);

/* Spreads the bits of a number: sums of these are digests of sets, whatever the order. */
uint64_t causality_mix(uint64_t x);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* score.h - how much a cause is to be believed, from its prior and its evidence.
 *
 * Room: rules.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: RULESET_MAX_EVIDENCE items of a role.
 *
 * confidence = 1 / (1 + exp(-(logit(prior) + weights of true supports - weights of true refutes))).
 * Of the items of one group only the largest counts: two readings of one fact are one fact. A true decisive refutation
 * is a veto, because added up it would only bring the sum back to the prior.
 * coverage = share of the evidence weight that could be evaluated; a requirement counts as strong.
 */
#ifndef WHY_RULES_SCORE_H
#define WHY_RULES_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/ruleset.h"

/* One bit an item, in the order of the rule. An item that is neither known nor true is unknown. */
struct score_marks {
	uint16_t requires_true, requires_known;
	uint16_t supports_true, supports_known;
	uint16_t refutes_true, refutes_known;
};
_Static_assert(RULESET_MAX_EVIDENCE <= 16, "one bit an item");

struct score {
	double confidence, coverage;
	bool vetoed;      /* a decisive refutation is true */
	uint32_t veto_by; /* which of refutes */
};

void score_cause(const struct cause_rule *rule, const struct score_marks *marks, struct score *ret_score);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - what a rule says about one entity right now.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: JUDGE_MAX_REACHED entities at the end of a `via`.
 *
 * Evidence at the end of a path is true when it is true for any entity there; unknown when it is true for none and
 * unknown for some, or when there is none. While a finding is open its evidence stays counted once seen (`seen`): a burst
 * that explains a death does not become less true because its window has passed.
 */
#ifndef WHY_RULES_JUDGE_H
#define WHY_RULES_JUDGE_H

#include "rules/machine.h"
#include "rules/score.h"

#define JUDGE_MAX_REACHED 1024

struct judgement {
	enum truth match, trigger, requires;
	enum truth holds;  /* all that is needed to open */
	enum truth clears; /* clear_when, or else that trigger and requires do not hold any more */
	bool refuted;      /* vetoed, excepted or suppressed: also ends what is open */
	const struct exception_rule *exception; /* that took it out, NULL */
	const struct unless_rule *unless;       /* that suppresses it, NULL */
	struct score_marks marks;               /* of now and of `seen` together */
	struct score score;
};

void judge_symptom(struct machine *m, const struct symptom_rule *rule, entity_id entity, wall_ns_t wall,
		   struct judgement *ret_judgement);
/* `seen`: marks kept since it was triggered, NULL: none. Unless `whole`, what cannot hold is not weighed: a rule whose
 * trigger or requirements are false costs no more than these. */
void judge_cause(struct machine *m, const struct cause_rule *rule, entity_id entity, wall_ns_t wall, bool whole,
		 const struct score_marks *seen, struct judgement *ret_judgement);

/* One item; *ret_at (NULL ok) is the entity that decided, or the first that was looked at, ENTITY_NONE when none was
 * reached. */
enum truth judge_at_path(struct machine *m, const struct path *via, uint32_t when, entity_id entity, entity_id *ret_at);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* phrase.h - values and templates as people read them.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none.  Bounds: the caller's text.
 *
 * Texts that came from outside (a process names itself) are escaped. What is not known prints as "?".
 */
#ifndef WHY_RULES_PHRASE_H
#define WHY_RULES_PHRASE_H

#include "base/text.h"
#include "rules/machine.h"

void phrase_value(struct text *t, struct value v, enum unit unit);
/* `observed` stands for {value}, with its unit; NULL: there is none. */
void phrase_template(struct text *t, struct machine *m, const struct template *template, entity_id entity,
		     const struct value *observed, enum unit observed_unit);

/* "no fresh sample of cgroup.memory.current", from why the machine met an unknown. */
void phrase_missing(struct text *t, const struct metrics *metrics, const struct machine_missing *missing);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* kin.h - how the causes of a ruleset refer to one another, by number instead of by name; made once.
 *
 * Room: rules.  Owns: its table.  Thread: the loop (read-only once built).  Clock: none.  Bounds: KIN_MAX of each.
 *
 * Numbers here are positions in ruleset.causes.
 */
#ifndef WHY_RULES_KIN_H
#define WHY_RULES_KIN_H

#include <stdint.h>

#include "rules/ruleset.h"

#define KIN_MAX  16
#define KIN_NONE UINT32_MAX /* named, but not loaded */

struct kin {
	uint32_t because[KIN_MAX]; /* in the order of the rule */
	uint32_t n_because;
	uint32_t away[KIN_MAX];    /* explained_away_by */
	uint32_t n_away;
	uint32_t rivals[KIN_MAX];  /* explain a symptom that this one explains, or explain it away: to be ruled out */
	uint32_t n_rivals;
};

int kin_new(const struct ruleset *rs, struct kin **ret_kin); /* one a cause; free() it. -ENOMEM */

#endif

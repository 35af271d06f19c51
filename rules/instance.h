/* SPDX-License-Identifier: Apache-2.0 */
/* instance.h - the life of one rule on one entity: when its finding opens, clears, comes back, or flaps.
 *
 * Room: rules.  Owns: nothing.  Thread: the loop.  Clock: none (`now` is passed in).
 * Bounds: INSTANCE_FLAP_CLOSES remembered closings.
 *
 *   IDLE     -> PENDING   it holds
 *   PENDING  -> OPEN      it held for hold.for_ns          -> IDLE  it does not hold any more
 *   OPEN     -> CLEARING  it clears                        (unknown keeps it open, for INSTANCE_BLIND_NS at most)
 *   CLEARING -> OPEN      it does not clear any more       -> RESTING  it cleared for hold.clear_after_ns: resolved
 *   RESTING  -> OPEN      it holds again within the cooldown: the same finding goes on, nobody is paged anew
 *   RESTING  -> PENDING   it holds again after the cooldown: a new finding
 *   RESTING  -> IDLE      nothing for the cooldown and INSTANCE_FLAP_NS
 *
 * Flapping: what would close for the third time within INSTANCE_FLAP_NS stays open instead, marked, until it has been
 * clear for INSTANCE_FLAP_NS. A latched finding does not clear until a reboot or an acknowledgement.
 */
#ifndef WHY_RULES_INSTANCE_H
#define WHY_RULES_INSTANCE_H

#include <stdbool.h>

#include "base/clock.h"
#include "rules/machine.h"
#include "rules/ruleset.h"

#define INSTANCE_FLAP_NS     (1800 * NS_PER_S)
#define INSTANCE_FLAP_CLOSES 3
#define INSTANCE_BLIND_NS    (900 * NS_PER_S)

enum instance_state { INSTANCE_IDLE, INSTANCE_PENDING, INSTANCE_OPEN, INSTANCE_CLEARING, INSTANCE_RESTING };

struct instance {
	enum instance_state state;
	mono_ns_t since;       /* of the state */
	mono_ns_t held_at;     /* when it last held; 0 never */
	mono_ns_t known_at;    /* open: when it was last known whether it clears */
	mono_ns_t closed_at[INSTANCE_FLAP_CLOSES]; /* newest first; 0 none */
	bool flapping, acknowledged;
};

struct instance_input {
	mono_ns_t now;
	enum truth holds;  /* it may open */
	enum truth clears;
	bool may_open;     /* false before the first full evaluation: it waits as pending */
	bool may_resolve;  /* likewise */
	bool refuted;      /* vetoed, suppressed, explained away: it ends at once, whatever the latch says */
};

enum instance_change {
	INSTANCE_SAME,
	INSTANCE_OPENED,   /* a new finding */
	INSTANCE_REOPENED, /* the finding that was resolved is open again */
	INSTANCE_RESOLVED,
	INSTANCE_FLAPS,    /* it would have closed: it stays open, flapping from now on */
	INSTANCE_OVER,     /* nothing to remember: forget it */
};

enum instance_change instance_step(struct instance *i, const struct hold *hold, const struct instance_input *in);

/* Take up a life that was open before a restart. */
void instance_resume(struct instance *i, bool flapping, mono_ns_t now);

bool instance_is_open(const struct instance *i); /* OPEN or CLEARING */

#endif

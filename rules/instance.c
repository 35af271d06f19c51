/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/instance.h"

#include <string.h>

#include "base/cleanup.h"

bool instance_is_open(const struct instance *i)
{
	return i->state == INSTANCE_OPEN || i->state == INSTANCE_CLEARING;
}

static void enter(struct instance *i, enum instance_state state, mono_ns_t now)
{
	i->state = state;
	i->since = now;
}

void instance_resume(struct instance *i, bool flapping, mono_ns_t now)
{
	*i = (struct instance){.held_at = now, .known_at = now, .flapping = flapping};
	enter(i, INSTANCE_OPEN, now);
}

static enum instance_change open_now(struct instance *i, mono_ns_t now, enum instance_change change)
{
	enter(i, INSTANCE_OPEN, now);
	i->known_at = now;
	i->acknowledged = false;
	return change;
}

static enum instance_change resolve(struct instance *i, mono_ns_t now)
{
	memmove(&i->closed_at[1], &i->closed_at[0], sizeof(i->closed_at) - sizeof(i->closed_at[0]));
	i->closed_at[0] = now;
	if (i->flapping) {
		i->flapping = false;
		memset(&i->closed_at[1], 0, sizeof(i->closed_at) - sizeof(i->closed_at[0]));
	}
	enter(i, INSTANCE_RESTING, now);
	return INSTANCE_RESOLVED;
}

/* True when closing now would be the third time within the window. */
static bool would_flap(const struct instance *i, mono_ns_t now)
{
	mono_ns_t earlier = i->closed_at[INSTANCE_FLAP_CLOSES - 2];

	return !i->flapping && earlier != 0 && mono_since(earlier, now) <= INSTANCE_FLAP_NS;
}

static bool is_latched(const struct instance *i, const struct hold *hold)
{
	return hold->latch == LATCH_UNTIL_REBOOT || (hold->latch == LATCH_UNTIL_ACK && !i->acknowledged);
}

static enum instance_change step_clearing(struct instance *i, const struct hold *hold, const struct instance_input *in)
{
	uint64_t quiet = i->flapping ? MAX_OF(hold->clear_after_ns, INSTANCE_FLAP_NS) : hold->clear_after_ns;

	if (!in->may_resolve || is_latched(i, hold) || mono_since(i->since, in->now) < quiet)
		return INSTANCE_SAME;
	if (would_flap(i, in->now)) {
		i->flapping = true;
		return INSTANCE_FLAPS; /* stays CLEARING: the quiet time goes on counting */
	}
	return resolve(i, in->now);
}

static enum instance_change step_open(struct instance *i, const struct hold *hold, const struct instance_input *in)
{
	if (in->refuted && in->may_resolve)
		return resolve(i, in->now);
	if (in->clears != TRUTH_UNKNOWN)
		i->known_at = in->now;
	if (in->clears == TRUTH_FALSE && i->state == INSTANCE_CLEARING)
		enter(i, INSTANCE_OPEN, in->now);
	if (in->clears == TRUTH_TRUE && i->state == INSTANCE_OPEN)
		enter(i, INSTANCE_CLEARING, in->now);
	if (in->clears == TRUTH_UNKNOWN && mono_since(i->known_at, in->now) >= INSTANCE_BLIND_NS && in->may_resolve &&
	    !is_latched(i, hold))
		return resolve(i, in->now);
	return i->state == INSTANCE_CLEARING ? step_clearing(i, hold, in) : INSTANCE_SAME;
}

static enum instance_change step_pending(struct instance *i, const struct hold *hold, const struct instance_input *in)
{
	if (in->holds == TRUTH_FALSE ||
	    (in->holds == TRUTH_UNKNOWN && mono_since(i->held_at, in->now) >= INSTANCE_BLIND_NS)) {
		/* Closings of the last half hour are remembered, or it could never be seen to flap. */
		enter(i, i->closed_at[0] != 0 ? INSTANCE_RESTING : INSTANCE_IDLE, in->now);
		return INSTANCE_SAME;
	}
	if (in->holds == TRUTH_TRUE && in->may_open && mono_since(i->since, in->now) >= hold->for_ns)
		return open_now(i, in->now, INSTANCE_OPENED);
	return INSTANCE_SAME;
}

static enum instance_change step_resting(struct instance *i, const struct hold *hold, const struct instance_input *in)
{
	mono_ns_t closed = i->closed_at[0];

	if (in->holds == TRUTH_TRUE) {
		if (mono_since(closed, in->now) < hold->cooldown_ns)
			return open_now(i, in->now, INSTANCE_REOPENED);
		enter(i, INSTANCE_PENDING, in->now);
		return step_pending(i, hold, in);
	}
	return mono_since(closed, in->now) >= MAX_OF(hold->cooldown_ns, INSTANCE_FLAP_NS) ? INSTANCE_OVER
											  : INSTANCE_SAME;
}

enum instance_change instance_step(struct instance *i, const struct hold *hold, const struct instance_input *in)
{
	if (in->holds == TRUTH_TRUE)
		i->held_at = in->now;
	switch (i->state) {
	case INSTANCE_IDLE:
		if (in->holds != TRUTH_TRUE)
			return INSTANCE_SAME;
		enter(i, INSTANCE_PENDING, in->now);
		return step_pending(i, hold, in);
	case INSTANCE_PENDING:
		return step_pending(i, hold, in);
	case INSTANCE_RESTING:
		return step_resting(i, hold, in);
	default:
		return step_open(i, hold, in);
	}
}

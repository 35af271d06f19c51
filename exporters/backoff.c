// SPDX-License-Identifier: Apache-2.0
#include "exporters/backoff.h"

#include <sys/random.h>

#include "base/cleanup.h"

void backoff_init(struct backoff *b, uint64_t min_ns, uint64_t max_ns)
{
	*b = (struct backoff){.min_ns = min_ns, .max_ns = max_ns, .step_ns = min_ns};
}

void backoff_reset(struct backoff *b)
{
	b->step_ns = b->min_ns;
}

uint64_t backoff_spread(uint64_t max_ns)
{
	uint64_t random = 0;

	/* Without randomness (it never fails after boot) all wait the full time: slower, not wrong. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random) || max_ns == 0)
		return max_ns;
	return random % max_ns + 1;
}

uint64_t backoff_next(struct backoff *b)
{
	uint64_t step = b->step_ns;

	b->step_ns = MIN_OF(step * 2, b->max_ns);
	return step / 2 + backoff_spread(step - step / 2);
}

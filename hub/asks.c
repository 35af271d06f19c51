// SPDX-License-Identifier: Apache-2.0
#include "hub/asks.h"

#include <errno.h>
#include <stdlib.h>

struct slot {
	uint64_t id; /* 0: free */
	struct ask ask;
};

struct asks {
	uint64_t last_id;
	size_t n;
	struct slot slots[AGENTS_MAX_ASKS];
};

int asks_new(struct asks **ret_asks)
{
	struct asks *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*ret_asks = a;
	return 0;
}

void asks_free(struct asks **asks)
{
	free(*asks);
	*asks = NULL;
}

int asks_add(struct asks *a, const struct ask *ask, uint64_t *ret_id)
{
	for (size_t i = 0; i < AGENTS_MAX_ASKS; i++) {
		if (a->slots[i].id)
			continue;
		a->slots[i] = (struct slot){ ++a->last_id, *ask };
		a->n++;
		*ret_id = a->last_id;
		return 0;
	}
	return -ENOBUFS;
}

static bool take(struct asks *a, struct slot *s, struct ask *ret_ask)
{
	*ret_ask = s->ask;
	*s = (struct slot){ 0 };
	a->n--;
	return true;
}

bool asks_take(struct asks *a, uint64_t id, uint64_t stream, struct ask *ret_ask)
{
	for (size_t i = 0; a->n > 0 && id && i < AGENTS_MAX_ASKS; i++) {
		if (a->slots[i].id == id && a->slots[i].ask.stream == stream)
			return take(a, &a->slots[i], ret_ask);
	}
	return false;
}

bool asks_take_of(struct asks *a, uint64_t stream, struct ask *ret_ask)
{
	for (size_t i = 0; a->n > 0 && i < AGENTS_MAX_ASKS; i++) {
		if (a->slots[i].id && a->slots[i].ask.stream == stream)
			return take(a, &a->slots[i], ret_ask);
	}
	return false;
}

bool asks_take_due(struct asks *a, mono_ns_t now, struct ask *ret_ask)
{
	for (size_t i = 0; a->n > 0 && i < AGENTS_MAX_ASKS; i++) {
		if (a->slots[i].id && a->slots[i].ask.deadline <= now)
			return take(a, &a->slots[i], ret_ask);
	}
	return false;
}

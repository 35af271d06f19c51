/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

static void reset_rules(struct roster *r)
{
	for (uint32_t i = 0; i < RULESET_MAX_RULES; i++) {
		r->first_of_rule[i] = ROSTER_NONE;
		r->n_of_rule[i] = 0;
	}
}

int roster_new(size_t max, struct roster **ret_roster)
{
	struct roster *r AUTO(roster_free) = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->max = (uint32_t)max;
	r->suspects = calloc(max, sizeof(*r->suspects));
	r->list = calloc(max, sizeof(*r->list));
	r->free = calloc(max, sizeof(*r->free));
	if (!r->suspects || !r->list || !r->free || u64map_new(max, &r->by_pair) < 0)
		return -ENOMEM;
	reset_rules(r);
	*ret_roster = TAKE_PTR(r);
	return 0;
}

void roster_free(struct roster **roster)
{
	struct roster *r = *roster;

	if (!r)
		return;
	for (uint32_t i = 0; r->suspects && i < r->n; i++)
		kept_free(&r->suspects[r->list[i]].kept);
	free(r->suspects);
	free(r->list);
	free(r->free);
	u64map_free(&r->by_pair);
	free(r);
	*roster = NULL;
}

struct suspect *roster_at(const struct roster *r, uint32_t position)
{
	return &r->suspects[position];
}

uint32_t roster_position(const struct roster *r, const struct suspect *s)
{
	return (uint32_t)(s - r->suspects);
}

static uint64_t pair_of(uint32_t rule, entity_id entity)
{
	return (uint64_t)rule << 32 | entity;
}

/* Orphans and those without an entity are not found by pair. */
static bool has_pair(uint32_t rule, entity_id entity)
{
	return rule != ROSTER_ORPHAN && entity != ENTITY_NONE;
}

struct suspect *roster_find(const struct roster *r, uint32_t rule, entity_id entity)
{
	uint64_t at;

	if (!has_pair(rule, entity) || !u64map_get(r->by_pair, pair_of(rule, entity), &at))
		return NULL;
	return &r->suspects[at];
}

static void chain_in(struct roster *r, struct suspect *s)
{
	uint32_t at = roster_position(r, s);

	s->prev_of_rule = s->next_of_rule = ROSTER_NONE;
	if (s->rule == ROSTER_ORPHAN)
		return;
	s->next_of_rule = r->first_of_rule[s->rule];
	if (s->next_of_rule != ROSTER_NONE)
		r->suspects[s->next_of_rule].prev_of_rule = at;
	r->first_of_rule[s->rule] = at;
	r->n_of_rule[s->rule]++;
}

static void chain_out(struct roster *r, struct suspect *s)
{
	if (s->rule == ROSTER_ORPHAN)
		return;
	if (s->prev_of_rule != ROSTER_NONE)
		r->suspects[s->prev_of_rule].next_of_rule = s->next_of_rule;
	else
		r->first_of_rule[s->rule] = s->next_of_rule;
	if (s->next_of_rule != ROSTER_NONE)
		r->suspects[s->next_of_rule].prev_of_rule = s->prev_of_rule;
	r->n_of_rule[s->rule]--;
}

bool roster_is_full(const struct roster *r, uint32_t rule)
{
	return r->n == r->max || (rule != ROSTER_ORPHAN && r->n_of_rule[rule] >= RULESET_MAX_INSTANCES);
}

struct suspect *roster_add(struct roster *r, uint32_t rule, entity_id entity)
{
	struct suspect *s;
	uint32_t at;

	if (roster_is_full(r, rule)) {
		r->refused++;
		return NULL;
	}
	at = r->n_free > 0 ? r->free[r->n_free - 1] : r->n_used;
	if (has_pair(rule, entity) && u64map_set(r->by_pair, pair_of(rule, entity), at) < 0) {
		r->refused++;
		return NULL;
	}
	if (r->n_free > 0)
		r->n_free--;
	else
		r->n_used++;
	s = &r->suspects[at];
	*s = (struct suspect){.rule = rule, .entity = entity, .explained_by = ROSTER_NONE, .yields_to = ROSTER_NONE};
	s->listed_at = r->n;
	r->list[r->n++] = at;
	chain_in(r, s);
	return s;
}

void roster_remove(struct roster *r, struct suspect *s)
{
	uint32_t at = roster_position(r, s), last = r->list[r->n - 1];

	if (has_pair(s->rule, s->entity))
		(void)u64map_remove(r->by_pair, pair_of(s->rule, s->entity));
	chain_out(r, s);
	kept_free(&s->kept);
	r->list[s->listed_at] = last;
	r->suspects[last].listed_at = s->listed_at;
	r->n--;
	r->free[r->n_free++] = at;
}

int roster_move(struct roster *r, struct suspect *s, uint32_t rule, entity_id entity)
{
	if (roster_find(r, rule, entity))
		return -EEXIST;
	if (has_pair(s->rule, s->entity))
		(void)u64map_remove(r->by_pair, pair_of(s->rule, s->entity));
	chain_out(r, s);
	s->rule = rule;
	s->entity = entity;
	if (has_pair(rule, entity))
		(void)u64map_set(r->by_pair, pair_of(rule, entity),
				 roster_position(r, s)); /* one was just removed, or there is room for `max` */
	chain_in(r, s);
	return 0;
}

void roster_renumber(struct roster *r, uint32_t (*renumber)(void *arg, const struct suspect *s), void *arg)
{
	u64map_clear(r->by_pair);
	reset_rules(r);
	for (uint32_t i = 0; i < r->n; i++) {
		struct suspect *s = &r->suspects[r->list[i]];

		s->rule = s->rule == ROSTER_ORPHAN ? ROSTER_ORPHAN : renumber(arg, s);
		if (has_pair(s->rule, s->entity))
			(void)u64map_set(r->by_pair, pair_of(s->rule, s->entity), r->list[i]);
		chain_in(r, s);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/kin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static uint32_t number_of(const struct ruleset *rs, const char *id)
{
	for (uint32_t i = 0; i < rs->n_causes; i++)
		if (strcmp(rs->causes[i].id, id) == 0)
			return i;
	return KIN_NONE;
}

static void add_rival(struct kin *k, uint32_t self, uint32_t rival)
{
	if (rival == KIN_NONE || rival == self || k->n_rivals == KIN_MAX)
		return;
	for (uint32_t i = 0; i < k->n_rivals; i++)
		if (k->rivals[i] == rival)
			return;
	k->rivals[k->n_rivals++] = rival;
}

static bool share_symptom(const struct cause_rule *a, const struct cause_rule *b)
{
	for (uint32_t i = 0; i < a->n_explains; i++)
		for (uint32_t k = 0; k < b->n_explains; k++)
			if (a->explains[i].symptom_index != UINT32_MAX &&
			    a->explains[i].symptom_index == b->explains[k].symptom_index)
				return true;
	return false;
}

static void fill(const struct ruleset *rs, uint32_t self, struct kin *k)
{
	const struct cause_rule *rule = &rs->causes[self];

	for (uint32_t i = 0; i < rule->n_because && i < KIN_MAX; i++)
		k->because[k->n_because++] = number_of(rs, rule->because[i]);
	for (uint32_t i = 0; i < rule->n_explained_away_by && i < KIN_MAX; i++) {
		k->away[k->n_away++] = number_of(rs, rule->explained_away_by[i]);
		add_rival(k, self, k->away[i]);
	}
	for (uint32_t i = 0; i < rs->n_causes && rule->n_explains > 0; i++)
		if (rs->causes[i].mode != RULE_DISABLED && share_symptom(rule, &rs->causes[i]))
			add_rival(k, self, i);
}

int kin_new(const struct ruleset *rs, struct kin **ret_kin)
{
	struct kin *kin = calloc(rs->n_causes + 1, sizeof(*kin));

	if (!kin)
		return -ENOMEM;
	for (uint32_t i = 0; i < rs->n_causes; i++)
		fill(rs, i, &kin[i]);
	*ret_kin = kin;
	return 0;
}

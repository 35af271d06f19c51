// SPDX-License-Identifier: Apache-2.0
#include "rules/ruleset.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

void ruleset_free(struct ruleset **ruleset)
{
	struct ruleset *rs = *ruleset;

	if (!rs)
		return;
	for (uint32_t i = 0; i < rs->n_regexes; i++)
		regfree(rs->regexes[i]);
	arena_free(&rs->arena);
	free(rs);
	*ruleset = NULL;
}

const struct cause_rule *ruleset_cause(const struct ruleset *rs, const char *id)
{
	for (uint32_t i = 0; i < rs->n_causes; i++)
		if (strcmp(rs->causes[i].id, id) == 0)
			return &rs->causes[i];
	return NULL;
}

const struct symptom_rule *ruleset_symptom(const struct ruleset *rs, const char *id)
{
	for (uint32_t i = 0; i < rs->n_symptoms; i++)
		if (strcmp(rs->symptoms[i].id, id) == 0)
			return &rs->symptoms[i];
	return NULL;
}

const char *rule_mode_name(enum rule_mode mode)
{
	static const char *const names[RULE_MODE_MAX] = { "enabled", "shadow", "disabled" };

	return mode < RULE_MODE_MAX ? names[mode] : "?";
}

double weight_log_odds(enum weight w)
{
	static const double log_odds[WEIGHT_MAX] = { 0.5, 1, 2, 4 };

	return w < WEIGHT_MAX ? log_odds[w] : 0;
}

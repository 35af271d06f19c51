// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "rules/lexer.h"
#include "rules/loader.h"

#define MAX_TEXT_BYTES 4096
#define MAX_ID_BYTES   128
#define MAX_KEYS       32 /* of one map */

static bool wrong_kind(struct loader *l, const struct yaml_node *at, const char *expected)
{
	loader_error(l, RULES_E122, at, 0, 1, NULL, "%s was expected here", expected);
	return false;
}

/* What was perhaps meant by an unknown key. */
static const char *near_key(struct loader *l, const char *word, const struct keys *keys)
{
	const char *names[MAX_KEYS];
	size_t n = 0;

	for (; n < ARRAY_LEN(names) && keys->list[n].name; n++)
		names[n] = keys->list[n].name;
	return loader_mean(l, word, names, n);
}

bool fields_check(struct loader *l, const struct yaml_node *map, const char *what, const struct keys *keys)
{
	if (map->kind != YAML_MAPPING)
		return wrong_kind(l, map, "a map 'key: value'");
	for (const struct yaml_node *member = map->first; member; member = member->next) {
		const struct key *k = keys->list;

		while (k->name && strcmp(k->name, member->key) != 0)
			k++;
		if (!k->name)
			loader_error_key(l, RULES_E121, member, near_key(l, member->key, keys),
					 "unknown key '%s' in %s", member->key, what);
	}
	return true;
}

bool fields_is_list(struct loader *l, const struct yaml_node *node, size_t max)
{
	if (node->kind != YAML_SEQUENCE)
		return wrong_kind(l, node, "a list");
	if (node->n_children <= max)
		return true;
	loader_error(l, RULES_E126, node, 0, 1, NULL, "at most %zu of them, here are %zu", max, node->n_children);
	return false;
}

static const struct yaml_node *scalar(struct loader *l, const struct yaml_node *map, const char *key, bool *fine)
{
	const struct yaml_node *at = yaml_tree_get(map, key);

	if (!at || at->kind == YAML_SCALAR)
		return at;
	*fine = wrong_kind(l, at, "a plain value");
	return NULL;
}

bool field_text(struct loader *l, const struct yaml_node *map, const char *key, const char **ret_text)
{
	bool fine = true;
	const struct yaml_node *at = scalar(l, map, key, &fine);
	const char *copy;

	if (!at)
		return fine;
	if (at->len > MAX_TEXT_BYTES) {
		loader_error(l, RULES_E126, at, 0, 1, NULL, "a text has at most %d bytes", MAX_TEXT_BYTES);
		return false;
	}
	copy = loader_strdup(l, at->text);
	if (!copy)
		return false;
	*ret_text = copy;
	return true;
}

bool field_duration_at(struct loader *l, const struct yaml_node *at, uint64_t *ret_ns, bool *ret_negative)
{
	double value;
	enum unit unit;

	if (at->kind == YAML_SCALAR && lexer_number(at->text, &value, &unit) == 0 && (unit == UNIT_NS || value == 0) &&
	    fabs(value) <= 366. * 86400e9 && (value >= 0 || ret_negative)) {
		*ret_ns = (uint64_t)fabs(value);
		if (ret_negative)
			*ret_negative = value < 0;
		return true;
	}
	loader_error(l, RULES_E125, at, 0, at->kind == YAML_SCALAR ? at->len : 1, "write 250ms, 30s, 5m, 2h or 1d",
		     "not a duration");
	return false;
}

bool field_duration(struct loader *l, const struct yaml_node *map, const char *key, uint64_t *ret_ns)
{
	const struct yaml_node *at = yaml_tree_get(map, key);

	return !at || field_duration_at(l, at, ret_ns, NULL);
}

bool field_number(struct loader *l, const struct yaml_node *map, const char *key, double min, double max,
		  double *ret_value)
{
	bool fine = true;
	const struct yaml_node *at = scalar(l, map, key, &fine);
	double value;
	enum unit unit;

	if (!at)
		return fine;
	if (lexer_number(at->text, &value, &unit) < 0 || (unit != UNIT_NONE && unit != UNIT_RATIO) || value < min ||
	    value > max) {
		loader_error(l, RULES_E125, at, 0, at->len, NULL, "'%s' is a number from %g to %g", key, min, max);
		return false;
	}
	*ret_value = value;
	return true;
}

bool field_word(struct loader *l, const struct yaml_node *map, const char *key, const char *const *names,
		int *ret_value)
{
	bool fine = true;
	const struct yaml_node *at = scalar(l, map, key, &fine);
	char all[256];
	struct text t;
	size_t n = 0;

	if (!at)
		return fine;
	text_init(&t, all, sizeof(all));
	for (; names[n]; n++) {
		if (strcmp(names[n], at->text) == 0) {
			*ret_value = (int)n;
			return true;
		}
		text_addf(&t, "%s%s", n ? ", " : "", names[n]);
	}
	loader_error(l, RULES_E124, at, 0, at->len, loader_mean(l, at->text, names, n), "'%s' is one of %s", key, all);
	return false;
}

bool field_is_id(struct loader *l, const char *id, const struct yaml_node *at, bool is_key)
{
	bool fine = islower((unsigned char)id[0]) && strlen(id) <= MAX_ID_BYTES;

	for (const char *p = id; *p && fine; p++)
		fine = islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_' ||
			(*p == '.' && p[1] && p[1] != '.');
	if (fine)
		return true;
	if (is_key)
		loader_error_key(l, RULES_E128, at, "small letters, digits, '_' and '.'", "'%s' is not a valid id", id);
	else
		loader_error(l, RULES_E128, at, 0, at->len, "small letters, digits, '_' and '.'",
			     "'%s' is not a valid id", id);
	return false;
}

bool field_ids(struct loader *l, const struct yaml_node *map, const char *key, size_t max,
	       const char *const **ret_ids, uint32_t *ret_n)
{
	const struct yaml_node *list = yaml_tree_get(map, key);
	const char **ids;
	uint32_t n = 0;

	if (!list)
		return true;
	if (!fields_is_list(l, list, max))
		return false;
	ids = loader_alloc(l, list->n_children, sizeof(*ids));
	if (!ids)
		return false;
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		if (item->kind != YAML_SCALAR)
			return wrong_kind(l, item, "a text");
		ids[n] = loader_strdup(l, item->text);
		if (!ids[n++])
			return false;
	}
	*ret_ids = ids;
	*ret_n = n;
	return true;
}

const char *field_nearest_kind(struct loader *l, const char *word)
{
	const char *names[ENTITY_KIND_MAX];

	for (unsigned k = 0; k < ENTITY_KIND_MAX; k++)
		names[k] = entity_kind_name((enum entity_kind)k);
	return loader_mean(l, word, names, ENTITY_KIND_MAX);
}

bool field_severity(struct loader *l, const struct yaml_node *map, enum severity *ret_severity)
{
	int value = (int)*ret_severity;

	if (!field_word(l, map, "severity", words_severity, &value))
		return false;
	*ret_severity = (enum severity)value;
	return true;
}

bool field_mode(struct loader *l, const struct yaml_node *map, enum rule_mode *ret_mode)
{
	int value = (int)*ret_mode;

	if (!field_word(l, map, "mode", words_mode, &value))
		return false;
	*ret_mode = (enum rule_mode)value;
	return true;
}

bool field_scope(struct loader *l, const struct yaml_node *map, enum entity_kind *ret_scope)
{
	bool fine = true;
	const struct yaml_node *at = scalar(l, map, "scope", &fine);

	if (!fine)
		return false;
	if (!at) {
		loader_error_key(l, RULES_E123, map, "scope: process", "'%s' has no scope", map->key ? map->key
				 : "rule");
		return false;
	}
	if (entity_kind_parse(at->text, ret_scope) == 0)
		return true;
	loader_error(l, RULES_E124, at, 0, at->len, field_nearest_kind(l, at->text),
		     "there is no kind of entity '%s'", at->text);
	return false;
}

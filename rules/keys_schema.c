// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "model/finding.h"
#include "rules/keys.h"

#define ID_PATTERN       "^[a-z][a-z0-9_]*([.][a-z0-9_]+)*$"
#define DURATION_PATTERN "^-?([0-9.]+(ns|us|ms|s|m|h|d))+$|^-?0$"

/* What YAML may make of a plain value. */
static void write_plain(struct json *j)
{
	json_key(j, "type");
	json_array_begin(j);
	json_text(j, "string");
	json_text(j, "number");
	json_text(j, "boolean");
	json_array_end(j);
}

static void write_ref(struct json *j, const struct keys *of)
{
	char ref[64];

	(void)snprintf(ref, sizeof(ref), "#/$defs/%s", of->name);
	json_key_text(j, "$ref", ref);
}

static void write_enum(struct json *j, const char *const *words)
{
	json_key(j, "enum");
	json_array_begin(j);
	for (size_t i = 0; words[i]; i++)
		json_text(j, words[i]);
	json_array_end(j);
}

static void write_names(struct json *j, const char *(*name)(unsigned), unsigned n)
{
	json_key(j, "enum");
	json_array_begin(j);
	for (unsigned i = 0; i < n; i++)
		json_text(j, name(i));
	json_array_end(j);
}

static const char *kind_name(unsigned i)
{
	return entity_kind_name((enum entity_kind)i);
}

static const char *action_name(unsigned i)
{
	return remedy_action_name((enum remedy_action)i);
}

/* A member `key` that is a schema of plain values. */
static void write_plain_at(struct json *j, const char *key)
{
	json_key(j, key);
	json_object_begin(j);
	write_plain(j);
	json_object_end(j);
}

static void write_ref_at(struct json *j, const char *key, const struct keys *of)
{
	json_key(j, key);
	json_object_begin(j);
	write_ref(j, of);
	json_object_end(j);
}

static void write_ids(struct json *j)
{
	json_key(j, "propertyNames");
	json_object_begin(j);
	json_key_text(j, "pattern", ID_PATTERN);
	json_object_end(j);
}

static void write_mixed(struct json *j, const struct keys *of)
{
	json_key_text(j, "type", "array");
	json_key(j, "items");
	json_object_begin(j);
	json_key(j, "anyOf");
	json_array_begin(j);
	json_object_begin(j);
	write_plain(j);
	json_object_end(j);
	json_object_begin(j);
	write_ref(j, of);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
}

static void write_open(struct json *j)
{
	json_key(j, "anyOf");
	json_array_begin(j);
	json_object_begin(j);
	write_plain(j);
	json_object_end(j);
	json_object_begin(j);
	json_key_text(j, "type", "array");
	write_plain_at(j, "items");
	json_object_end(j);
	json_array_end(j);
}

/* { process: { p: { pid: 42, uses: [g] } } } */
static void write_entities(struct json *j)
{
	json_key_text(j, "type", "object");
	json_key(j, "propertyNames");
	json_object_begin(j);
	write_names(j, kind_name, ENTITY_KIND_MAX);
	json_object_end(j);
	json_key(j, "additionalProperties");
	json_object_begin(j);
	json_key_text(j, "type", "object");
	json_key(j, "additionalProperties");
	json_object_begin(j);
	json_key_text(j, "type", "object");
	json_key(j, "additionalProperties");
	json_object_begin(j);
	write_open(j);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
}

static void write_kind(struct json *j, const struct key *k)
{
	switch (k->kind) {
	case KEY_TEXT:
		write_plain(j);
		break;
	case KEY_WORD:
		write_enum(j, k->words);
		break;
	case KEY_SCOPE:
		write_names(j, kind_name, ENTITY_KIND_MAX);
		break;
	case KEY_ACTION:
		write_names(j, action_name, REMEDY_ACTION_MAX);
		break;
	case KEY_NUMBER:
	case KEY_DURATION:
		json_key(j, "type");
		json_array_begin(j);
		json_text(j, "string");
		json_text(j, "number");
		json_array_end(j);
		json_key_text(j, "pattern", k->kind == KEY_NUMBER ? "^[0-9.eE+-]+ ?%?$" : DURATION_PATTERN);
		break;
	case KEY_TEXTS:
		json_key_text(j, "type", "array");
		write_plain_at(j, "items");
		break;
	case KEY_MAP:
		write_ref(j, k->of);
		break;
	case KEY_MAPS:
		json_key_text(j, "type", "object");
		write_ids(j);
		write_ref_at(j, "additionalProperties", k->of);
		break;
	case KEY_LIST:
		json_key_text(j, "type", "array");
		write_ref_at(j, "items", k->of);
		break;
	case KEY_MIXED:
		write_mixed(j, k->of);
		break;
	case KEY_NAMED:
		json_key_text(j, "type", "object");
		write_plain_at(j, "additionalProperties");
		break;
	case KEY_ENTITIES:
		write_entities(j);
		break;
	case KEY_OPEN:
		write_open(j);
		break;
	}
}

static void write_keys(struct json *j, const struct keys *keys)
{
	json_key_text(j, "type", "object");
	json_key_bool(j, "additionalProperties", false);
	json_key(j, "properties");
	json_object_begin(j);
	for (const struct key *k = keys->list; k->name; k++) {
		json_key(j, k->name);
		json_object_begin(j);
		json_key_text_nonempty(j, "description", k->doc);
		write_kind(j, k);
		json_object_end(j);
	}
	json_object_end(j);
	json_key(j, "required");
	json_array_begin(j);
	for (const struct key *k = keys->list; k->name; k++)
		if (k->needed)
			json_text(j, k->name);
	json_array_end(j);
}

void keys_write_schema(struct json *j)
{
	json_object_begin(j);
	json_key_text(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_key_text(j, "title", "rules of whyd, language why/v1");
	write_ref(j, &keys_file);
	json_key(j, "$defs");
	json_object_begin(j);
	for (size_t i = 0; keys_at(i); i++) {
		json_key(j, keys_at(i)->name);
		json_object_begin(j);
		write_keys(j, keys_at(i));
		json_object_end(j);
	}
	json_object_end(j);
	json_object_end(j);
}

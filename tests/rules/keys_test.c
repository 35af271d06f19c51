// SPDX-License-Identifier: Apache-2.0
/* The schema is what the loader reads: every key of every table, and every file of rules of this tree fits it. */
#include "rules/keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/yaml_tree.h"
#include "tests/test.h"

static json_t *schema;

static int setup(void **state)
{
	AUTO_BUF struct buf b;
	struct json j;

	(void)state;
	buf_init(&b, 1 << 20);
	json_init(&j, &b);
	keys_write_schema(&j);
	assert_ok(json_end(&j));
	schema = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(schema);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

static const json_t *resolve(const json_t *s)
{
	const char *ref = json_string_value(json_object_get(s, "$ref"));

	if (!ref)
		return s;
	assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
	s = json_object_get(json_object_get(schema, "$defs"), ref + 8);
	assert_non_null(s);
	return s;
}

static void test_every_key_is_in_it(void **state)
{
	size_t tables = 0;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
			    "https://json-schema.org/draft/2020-12/schema");
	for (; keys_at(tables); tables++) {
		const json_t *def = json_object_get(json_object_get(schema, "$defs"), keys_at(tables)->name);
		size_t n = 0;

		assert_true(json_is_false(json_object_get(def, "additionalProperties")));
		for (const struct key *k = keys_at(tables)->list; k->name; k++, n++) {
			assert_non_null(json_object_get(json_object_get(def, "properties"), k->name));
			if (k->kind == KEY_WORD)
				assert_non_null(k->words);
			if (k->kind == KEY_MAP || k->kind == KEY_MAPS || k->kind == KEY_LIST || k->kind == KEY_MIXED)
				assert_non_null(k->of);
		}
		assert_int_equal(json_object_size(json_object_get(def, "properties")), n);
	}
	assert_int_equal(json_object_size(json_object_get(schema, "$defs")), tables);
}

/* Every $ref leads somewhere. */
static void check_refs(const json_t *s)
{
	const char *key;
	json_t *value;
	size_t i;

	(void)resolve(s);
	if (json_is_object(s))
		json_object_foreach((json_t *)s, key, value)
			check_refs(value);
	if (json_is_array(s))
		json_array_foreach(s, i, value)
			check_refs(value);
}

static void test_refs(void **state)
{
	(void)state;
	check_refs(schema);
}

/* As much of a validator as this schema needs: types, keys, words and what is mandatory. */
static bool fits(const json_t *s, const struct yaml_node *n);

static bool fits_any(const json_t *list, const struct yaml_node *n)
{
	const json_t *s;
	size_t i;

	json_array_foreach(list, i, s)
		if (fits(s, n))
			return true;
	return false;
}

static bool is_of_type(const json_t *type, const struct yaml_node *n)
{
	const char *word = json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);
	const char *is = n->kind == YAML_MAPPING ? "object" : n->kind == YAML_SEQUENCE ? "array" : "string";

	return !word || strcmp(word, is) == 0;
}

static bool fits_enum(const json_t *words, const struct yaml_node *n)
{
	const json_t *w;
	size_t i;

	if (n->kind != YAML_SCALAR)
		return false;
	json_array_foreach(words, i, w)
		if (strcmp(json_string_value(w), n->text) == 0)
			return true;
	return false;
}

static bool fits_members(const json_t *s, const struct yaml_node *n)
{
	const json_t *required = json_object_get(s, "required"), *r;
	size_t i;

	json_array_foreach(required, i, r)
		if (!yaml_tree_get(n, json_string_value(r)))
			return false;
	for (const struct yaml_node *m = n->first; m; m = m->next) {
		const json_t *p = json_object_get(json_object_get(s, "properties"), m->key);

		if (!p)
			p = json_object_get(s, "additionalProperties");
		if (!p || json_is_false(p) || !fits(p, m)) {
			print_message("%u: '%s' does not fit\n", m->line, m->key);
			return false;
		}
	}
	return true;
}

static bool fits(const json_t *s, const struct yaml_node *n)
{
	s = resolve(s);
	if (json_object_get(s, "anyOf"))
		return fits_any(json_object_get(s, "anyOf"), n);
	if (json_object_get(s, "enum"))
		return fits_enum(json_object_get(s, "enum"), n);
	if (!is_of_type(json_object_get(s, "type"), n))
		return false;
	if (n->kind == YAML_MAPPING)
		return fits_members(s, n);
	for (const struct yaml_node *m = n->kind == YAML_SEQUENCE ? n->first : NULL; m; m = m->next)
		if (!fits(json_object_get(s, "items"), m))
			return false;
	return true;
}

static bool text_fits(const char *text)
{
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO(arena_free) struct arena *arena = NULL;
	struct yaml_node *root;

	assert_ok(diags_new(&diags));
	assert_ok(arena_new(64 << 20, &arena));
	assert_ok(yaml_tree_parse("x", text, strlen(text), arena, diags, &root));
	return fits(schema, root);
}

static size_t check_folder(const char *path)
{
	static char text[1 << 20];
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (!strstr(e->d_name, ".why.yaml"))
			continue;
		assert_ok(file_read_at(dirfd(d), e->d_name, text, sizeof(text), NULL));
		if (!text_fits(text))
			print_message("%s/%s does not fit the schema\n", path, e->d_name);
		assert_true(text_fits(text));
		n++;
	}
	(void)closedir(d);
	return n;
}

static void test_the_rules_of_this_tree_fit(void **state)
{
	(void)state;
	assert_true(check_folder("rules/catalog") > 3);
	assert_true(check_folder("tests/rules/samples") > 3);
}

static void test_what_does_not_fit(void **state)
{
	(void)state;
	assert_true(text_fits("rules: why/v1\nsymptoms: { a.b: { scope: node, when: x > 1, for: 5s } }\n"));
	assert_false(text_fits("pack: { name: t }\n"));
	assert_false(text_fits("rules: why/v2\n"));
	assert_false(text_fits("rules: why/v1\nsymptom: {}\n"));
	assert_false(text_fits("rules: why/v1\nsymptoms: { a.b: { scope: house, when: x > 1 } }\n"));
	assert_false(text_fits("rules: why/v1\nsymptoms: { a.b: { scope: node } }\n"));
	assert_false(text_fits("rules: why/v1\nsymptoms: [a]\n"));
	assert_false(text_fits("rules: why/v1\npack: { name: t, mode: off }\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_in_it),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_the_rules_of_this_tree_fit),
		cmocka_unit_test(test_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/yaml_tree.h"

static struct arena *arena;
static struct diags *diags;

static int set_up(void **state)
{
	(void)state;
	if (arena_new(64 << 20, &arena) < 0)
		return -1;
	return diags_new(&diags);
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	diags_free(&diags);
	return 0;
}

static const struct yaml_node *parse(const char *text)
{
	struct yaml_node *root = NULL;

	assert_ok(yaml_tree_parse("t.yaml", text, strlen(text), arena, diags, &root));
	assert_int_equal(diags_total(diags), 0);
	return root;
}

static void assert_at(const struct yaml_node *node, uint32_t line, uint32_t column, const char *text)
{
	assert_non_null(node);
	assert_int_equal(node->kind, YAML_SCALAR);
	assert_string_equal(node->text, text);
	assert_int_equal(node->len, strlen(text));
	assert_int_equal(node->line, line);
	assert_int_equal(node->column, column);
}

static void every_value_knows_its_place(void **state)
{
	const struct yaml_node *root = parse("rules: why/v1   # comment\n"
					     "list:\n"
					     "  - { id: slow, when: \"a < 9\" }\n"
					     "  - 'two'\n"
					     "  - k:   v\r\n"
					     "    empty:\n"
					     "    text: |\n"
					     "      one\n"
					     "      two\n");
	const struct yaml_node *list = yaml_tree_get(root, "list"), *item = list->first;

	(void)state;
	assert_int_equal(root->kind, YAML_MAPPING);
	assert_int_equal(root->n_children, 2);
	assert_at(yaml_tree_get(root, "rules"), 1, 8, "why/v1");
	assert_int_equal(list->kind, YAML_SEQUENCE);
	assert_int_equal(list->key_line, 2);
	assert_int_equal(list->key_column, 1);
	assert_int_equal(list->line, 3);
	assert_int_equal(list->column, 3);
	assert_int_equal(list->n_children, 3);
	assert_int_equal(item->kind, YAML_MAPPING);
	assert_int_equal(item->column, 5);
	assert_null(item->key);
	assert_at(yaml_tree_get(item, "id"), 3, 11, "slow");
	assert_at(yaml_tree_get(item, "when"), 3, 23, "a < 9");
	assert_int_equal(yaml_tree_get(item, "when")->key_column, 17);
	assert_true(yaml_tree_get(item, "when")->quoted);
	assert_at(item->next, 4, 5, "two");
	item = item->next->next;
	assert_at(yaml_tree_get(item, "k"), 5, 10, "v");
	assert_at(yaml_tree_get(item, "empty"), 6, 11, "");
	assert_false(yaml_tree_get(item, "empty")->quoted);
	assert_at(yaml_tree_get(item, "text"), 7, 11, "one\ntwo\n");
	assert_true(yaml_tree_get(item, "text")->block);
	assert_null(item->next);
	assert_null(yaml_tree_get(root, "absent"));
	assert_null(yaml_tree_get(list, "id"));
}

static void columns_count_bytes(void **state)
{
	const struct yaml_node *root = parse("\xC3\xBC\xF0\x9F\x98\x80: {a: \xE2\x82\xAC, b: x}\nc: y\n");

	(void)state;
	assert_at(yaml_tree_get(root->first, "a"), 1, 13, "\xE2\x82\xAC");
	assert_at(yaml_tree_get(root->first, "b"), 1, 21, "x");
	assert_at(yaml_tree_get(root, "c"), 2, 4, "y");
}

static void an_offset_in_a_text_is_a_column(void **state)
{
	const struct yaml_node *root = parse("a: plain text\n"
					     "b: \"quoted\"\n"
					     "c: \"es\\tcape\"\n"
					     "d: 'it''s'\n"
					     "e: |\n"
					     "  block\n"
					     "f: 'single'\n"
					     "g: two\n"
					     "  lines\n"
					     "h: \"\"\n");

	(void)state;
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "a"), 0), 4);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "a"), 6), 10);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "a"), 10), 14);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "a"), 11), 4); /* past the end */
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "b"), 0), 5);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "b"), 5), 10);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "c"), 3), 4);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "d"), 3), 4);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "e"), 2), 4);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "f"), 2), 7);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "g"), 5), 4);
	assert_int_equal(yaml_tree_column(yaml_tree_get(root, "h"), 0), 5);
}

static void nothing_is_an_empty_mapping(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n", "\xEF\xBB\xBF" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct yaml_node *root = parse(texts[i]);

		assert_int_equal(root->kind, YAML_MAPPING);
		assert_int_equal(root->n_children, 0);
	}
}

static void a_byte_order_mark_moves_nothing(void **state)
{
	(void)state;
	assert_at(yaml_tree_get(parse("\xEF\xBB\xBFkey: v\n"), "key"), 1, 6, "v");
}

/* "CODE LINE:COLUMN" of the first diagnostic. */
static void assert_refused(const char *text, size_t n, int err, const char *expected)
{
	struct yaml_node *root = NULL;
	const struct diag *d;
	char found[64];

	diags_free(&diags);
	assert_ok(diags_new(&diags));
	assert_int_equal(yaml_tree_parse("t.yaml", text, n, arena, diags, &root), -err);
	assert_null(root);
	d = diags_at(diags, 0);
	assert_non_null(d);
	(void)snprintf(found, sizeof(found), "%s %u:%u", d->code, d->line, d->column);
	assert_string_equal(found, expected);
	assert_string_equal(d->file, "t.yaml");
}

static void refusals_say_where(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "a: 1\nb: &x 2\n", "E105 2:4" },
		{ "a: &x {b: 1}\n", "E105 1:4" },
		{ "&x a: 1\n", "E105 1:1" },
		{ "a:\n  - *x\n", "E105 2:5" },
		{ "*x : 1\n", "E105 1:1" },
		{ "a: !!str 1\n", "E106 1:4" },
		{ "a: ! 1\n", "E106 1:4" },
		{ "a: [!x 1]\n", "E106 1:5" },
		{ "!m a: 1\n", "E106 1:1" },
		{ "a: 1\n<<: {b: 2}\n", "E107 2:1" },
		{ "a: 1\nb: {a: 1, a: 2}\n", "E104 2:11" },
		{ "a: 1\nb: 2\n\"a\": 3\n", "E104 3:1" },
		{ "on: 1\n", "E108 1:1" },
		{ "a:\n  Off: 1\n", "E108 2:3" },
		{ "{a: 1, y: 2}\n", "E108 1:8" },
		{ "TRUE: 1\n", "E108 1:1" },
		{ "a: 1\n? [b]\n: 2\n", "E109 2:3" },
		{ "{{a: 1}: 2}\n", "E109 1:2" },
		{ ": 1\n", "E100 1:1" },
		{ "{: 1}\n", "E100 1:2" },
		{ "?\n: 1\n", "E109 1:2" },
		{ "\"\": 1\n", "E109 1:1" },
		{ "a: 1\n---\nb: 2\n", "E110 2:1" },
		{ "a: 1\n...\nb: 2\n", "E100 3:1" },
		{ "%YAML 1.1\n---\na: 1\n", "E110 1:1" },
		{ "%TAG ! tag:x,2000:\n---\na: 1\n", "E110 1:1" },
		{ "a: 1\nb: \xFF\n", "E102 2:4" },
		{ "a: \xC3\xBC \xC3\n", "E102 1:7" },
		{ "a: x\x07y\n", "E103 1:5" },
		{ "a: 1\rb: 2\n", "E103 1:5" },
		{ "a: \xE2\x80\xAE" "b\n", "E103 1:4" }, /* a bidi override */
		{ "a: 1\xC2\x85" "b: 2\n", "E103 1:5" },  /* a line end to YAML, to no editor */
		{ "a: 1\n\xEF\xBB\xBF" "b: 2\n", "E103 2:1" },
		{ "a: \"x\n", "E100 2:1" },
		{ "a: [1, 2\n", "E100 2:1" },
		{ "a: b: c\n", "E100 1:5" },
		{ "a: 1\n\tb: 2\n", "E100 2:1" },
		{ "a: \xC3\xBC: c\n", "E100 1:6" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text), EINVAL, cases[i].expected);
	assert_refused("a: 1\0b: 2", 9, EINVAL, "E103 1:5");
	assert_refused("a: 1\n\"x\\0y\": 2", 14, EINVAL, "E109 2:1");
}

static void what_looks_like_it_is_not_refused(void **state)
{
	const struct yaml_node *root = parse("'on': 1\n\"y\": 2\nonly: on\nstar: '*x'\nsum: a & b\n"
					     "not: a !b\nlist: [yes, no]\n'<<': 3\n");

	(void)state;
	assert_int_equal(root->n_children, 8);
	assert_at(yaml_tree_get(root, "only"), 3, 7, "on");
}

static void all_mistakes_are_told_in_one_go(void **state)
{
	struct yaml_node *root = NULL;
	const char *text = "off: 1\na: &x 5\nb: !!str 6\na: 7\n<<: 8\n";

	(void)state;
	assert_err(yaml_tree_parse("t", text, strlen(text), arena, diags, &root), EINVAL);
	assert_int_equal(diags_count(diags, DIAG_ERROR), 5);
	assert_string_equal(diags_at(diags, 4)->code, "E104");
	assert_string_equal(diags_at(diags, 4)->message, "duplicate key 'a', first at line 2");
	assert_string_equal(diags_at(diags, 0)->source, "off: 1");
}

static char *repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	size_t len = strlen(piece);
	char *text = malloc(strlen(head) + len * n + strlen(tail) + 1), *p = text;

	assert_non_null(text);
	p = stpcpy(p, head);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, piece);
	strcpy(p, tail);
	return text;
}

static void depth_ends_at_its_maximum(void **state)
{
	AUTO_FREE char *open32 = repeat("", "[", 32, ""), *good = repeat(open32, "]", 32, "");
	AUTO_FREE char *bad = repeat("", "[", 33, "]");

	(void)state;
	(void)parse(good);
	assert_refused(bad, strlen(bad), EFBIG, "E101 1:33");
}

/* Each would take minutes if depth were counted behind libyaml. There is no clock here: it must end, that is all. */
static void deep_nesting_is_refused_at_once(void **state)
{
	static const char *const pieces[] = { "[", "{", "[\n", "{a: ", "- ", "[? ", "{\"a\":" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		AUTO_FREE char *text = repeat("", pieces[i], YAML_TREE_MAX_BYTES / strlen(pieces[i]), "");
		struct yaml_node *root = NULL;
		int r = yaml_tree_parse("t", text, strlen(text), arena, diags, &root);

		assert_true(r == -EFBIG || r == -EINVAL);
		assert_null(root);
		assert_true(arena_used(arena) < 100000); /* it stopped early */
	}
}

static void values_end_at_their_maximum(void **state)
{
	AUTO_FREE char *good = repeat("[", "a,", YAML_TREE_MAX_NODES - 1, "]");
	AUTO_FREE char *bad = repeat("[", "a,", YAML_TREE_MAX_NODES, "]");

	(void)state;
	assert_int_equal(parse(good)->n_children, YAML_TREE_MAX_NODES - 1);
	assert_refused(bad, strlen(bad), EFBIG, "E101 1:200000");
}

static void size_ends_at_its_maximum(void **state)
{
	AUTO_FREE char *text = repeat("", "#", YAML_TREE_MAX_BYTES + 1, "");

	(void)state;
	text[YAML_TREE_MAX_BYTES] = '\0';
	(void)parse(text);
	assert_refused(text, YAML_TREE_MAX_BYTES + 1, EFBIG, "E101 1:1");
}

static void many_keys_are_not_quadratic(void **state)
{
	AUTO_FREE char *text = malloc(YAML_TREE_MAX_BYTES);
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 80000; i++)
		n += (size_t)sprintf(text + n, "k%d: 1\n", i);
	assert_int_equal(parse(text)->n_children, 80000);
	n += (size_t)sprintf(text + n, "k7: 1\n");
	assert_refused(text, n, EINVAL, "E104 80001:1");
}

static void a_full_arena_is_no_memory(void **state)
{
	AUTO(arena_free) struct arena *small = NULL;
	struct yaml_node *root = NULL;

	(void)state;
	assert_ok(arena_new(300, &small));
	assert_err(yaml_tree_parse("t", "a: 1\nb: 2\nc: 3\nd: 4\n", 20, small, diags, &root), ENOMEM);
	assert_null(root);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_value_knows_its_place),
		T(columns_count_bytes),
		T(an_offset_in_a_text_is_a_column),
		T(nothing_is_an_empty_mapping),
		T(a_byte_order_mark_moves_nothing),
		T(refusals_say_where),
		T(what_looks_like_it_is_not_refused),
		T(all_mistakes_are_told_in_one_go),
		T(depth_ends_at_its_maximum),
		T(deep_nesting_is_refused_at_once),
		T(values_end_at_their_maximum),
		T(size_ends_at_its_maximum),
		T(many_keys_are_not_quadratic),
		T(a_full_arena_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

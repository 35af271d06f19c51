// SPDX-License-Identifier: Apache-2.0
#include "rules/loader_test.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "rules/lexer.h"

static bool is_loaded(struct loader *l, const char *rule)
{
	return strcmp(rule, "all") == 0 || loader_has_rule(l, rule);
}

static bool check_rule(struct loader *l, const struct yaml_node *at, size_t offset, size_t length, const char *rule)
{
	uint32_t n = l->causes.n + l->symptoms.n;
	const char **names;

	if (is_loaded(l, rule))
		return true;
	names = arena_alloc_array(l->scratch, n + 1, sizeof(*names));
	for (uint32_t i = 0; names && i < n; i++)
		names[i] = i < l->causes.n ? ((const struct cause_rule *)list_at(&l->causes, i))->id
					   : ((const struct symptom_rule *)list_at(&l->symptoms, i - l->causes.n))->id;
	loader_error(l, RULES_E323, at, offset, length, names ? loader_mean(l, rule, names, n) : NULL,
		     "there is no rule '%s'", rule);
	return false;
}

/* "rule" or "rule/entity". */
static bool read_reference(struct loader *l, const struct rules_test *t, const struct yaml_node *at,
			   const char **ret_rule, uint32_t *ret_target)
{
	const char *slash;
	char rule[160];

	if (at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E122, at, 0, 1, NULL, "the id of a rule was expected");
		return false;
	}
	slash = strchr(at->text, '/');
	text_copy(rule, slash && (size_t)(slash - at->text) < sizeof(rule) ? (size_t)(slash - at->text) + 1
		  : sizeof(rule), at->text);
	*ret_target = UINT32_MAX;
	*ret_rule = loader_strdup(l, rule);
	if (!check_rule(l, at, 0, strlen(rule), rule))
		return false;
	if (!slash)
		return true;
	*ret_target = loader_test_target(l, t, at, (size_t)(slash + 1 - at->text), slash + 1);
	return *ret_target != UINT32_MAX;
}

/* ">= 0.95", "< 50%". */
static bool read_bound(struct loader *l, const struct yaml_node *map, const char *key, struct rules_test_bound *b)
{
	static const struct {
		const char *text;
		enum opcode op;
	} ops[] = { { ">=", OP_GREATER_EQUAL }, { "<=", OP_LESS_EQUAL }, { "==", OP_EQUAL }, { ">", OP_GREATER },
		    { "<", OP_LESS } };
	const struct yaml_node *at = yaml_tree_get(map, key);
	enum unit unit;

	if (!at)
		return true;
	for (size_t i = 0; at->kind == YAML_SCALAR && i < ARRAY_LEN(ops); i++) {
		size_t n = strlen(ops[i].text);

		if (strncmp(at->text, ops[i].text, n) != 0)
			continue;
		n += strspn(at->text + n, " ");
		if (lexer_number(at->text + n, &b->value, &unit) < 0)
			break;
		b->op = ops[i].op;
		b->is_set = true;
		return true;
	}
	loader_error(l, RULES_E322, at, 0, at->kind == YAML_SCALAR ? at->len : 1, "\">= 0.9\"",
		     "'%s' is a comparison with a number", key);
	return false;
}

static bool check_explained(struct loader *l, const struct rules_test *t, const struct yaml_node *list)
{
	const char *rule;
	uint32_t target;
	bool fine = true;

	for (const struct yaml_node *item = list ? list->first : NULL; item; item = item->next)
		fine = read_reference(l, t, item, &rule, &target) && fine;
	return fine;
}

static bool read_state(struct loader *l, const struct yaml_node *node, struct rules_test_expect *e)
{
	int state = 0;

	if (!field_word(l, node, "state", words_state, &state))
		return false;
	e->resolved = state == 1;
	e->none = state == 2;
	return true;
}

/* Names of entities of the test. An empty list says something: nobody is hit. */
static bool read_affected(struct loader *l, const struct rules_test *t, const struct yaml_node *list,
			  struct rules_test_expect *e)
{
	e->says_affected = list != NULL;
	for (const struct yaml_node *node = list ? list->first : NULL; node; node = node->next)
		if (loader_test_target(l, t, node, 0, node->text) == UINT32_MAX)
			return false;
	return true;
}

static bool read_expect(struct loader *l, const struct rules_test *t, const struct yaml_node *node,
			struct rules_test_expect *e)
{
	const struct yaml_node *finding, *target;

	if (!fields_check(l, node, "an expectation", &keys_expect))
		return false;
	finding = yaml_tree_get(node, "finding");
	target = yaml_tree_get(node, "target");
	if (!finding || !yaml_tree_get(node, "at")) {
		loader_error(l, RULES_E322, node, 0, 1, "{ at: 10s, finding: mem.cgroup_oom, target: c }",
			     "an expectation has 'at' and 'finding'");
		return false;
	}
	e->line = node->line;
	e->column = node->column;
	if (!field_duration(l, node, "at", &e->at_ns) || !read_reference(l, t, finding, &e->rule, &e->target) ||
	    !read_state(l, node, e))
		return false;
	if (e->at_ns > RULES_TEST_MAX_NS) {
		loader_error(l, RULES_E125, yaml_tree_get(node, "at"), 0, 1, NULL, "a test lasts at most 24h");
		return false;
	}
	if (target && target->kind == YAML_SCALAR)
		e->target = loader_test_target(l, t, target, 0, target->text);
	if (target && e->target == UINT32_MAX)
		return false;
	return field_ids(l, node, "explains", RULESET_MAX_LINKS, &e->explains, &e->n_explains) &&
		check_explained(l, t, yaml_tree_get(node, "explains")) &&
	       field_ids(l, node, "because", RULESET_MAX_LINKS, &e->because, &e->n_because) &&
		       check_explained(l, t, yaml_tree_get(node, "because")) &&
	       field_ids(l, node, "evidence", RULESET_MAX_LINKS, &e->evidence, &e->n_evidence) &&
	       field_ids(l, node, "affected", RULESET_MAX_LINKS, &e->affected, &e->n_affected) &&
		       read_affected(l, t, yaml_tree_get(node, "affected"), e) &&
	       field_ids(l, node, "ruled_out", RULESET_MAX_LINKS, &e->ruled_out, &e->n_ruled_out) &&
		       read_bound(l, node, "confidence", &e->confidence) &&
	       read_bound(l, node, "coverage", &e->coverage) && field_text(l, node, "action", &e->action) &&
	       field_text(l, node, "severity", &e->severity) && field_text(l, node, "title", &e->title);
}

static void read_expects(struct loader *l, const struct yaml_node *list, struct rules_test *t)
{
	struct rules_test_expect *items;

	if (!list || !fields_is_list(l, list, RULES_TEST_MAX_EXPECTS))
		return;
	items = loader_alloc(l, list->n_children, sizeof(*items));
	t->expects = items;
	for (const struct yaml_node *node = list->first; items && node; node = node->next)
		if (read_expect(l, t, node, &items[t->n_expects]))
			t->n_expects++;
}

/* expect_none: a list of rules, or all. */
static void read_nones(struct loader *l, const struct yaml_node *node, struct rules_test *t)
{
	struct rules_test_expect *items;
	bool is_word = node && node->kind == YAML_SCALAR;

	if (!node || (!is_word && !fields_is_list(l, node, RULES_TEST_MAX_EXPECTS)))
		return;
	items = loader_alloc(l, is_word ? 1 : node->n_children, sizeof(*items));
	t->nones = items;
	for (const struct yaml_node *at = is_word ? node : node->first; items && at; at = is_word ? NULL : at->next) {
		struct rules_test_expect *e = &items[t->n_nones];

		e->none = true;
		e->line = at->line;
		e->column = at->column;
		if (read_reference(l, t, at, &e->rule, &e->target))
			t->n_nones++;
	}
}

static void check_recorded(struct loader *l, const struct yaml_node *node)
{
	static const char *const inputs[] = { "timeline", "series", "every" };

	for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
		if (yaml_tree_get(node, inputs[i]))
			loader_error_key(l, RULES_E324, yaml_tree_get(node, inputs[i]), "write two tests",
					 "what happens is in the recording: '%s' has no place here", inputs[i]);
}

static bool read_test(struct loader *l, const struct yaml_node *node, struct rules_test *t)
{
	size_t before = l->n_errors;

	if (!fields_check(l, node, "a test", &keys_test))
		return false;
	t->tick_ns = NS_PER_S;
	t->line = node->line;
	t->file = l->file->origin->name;
	t->pack = l->file->pack;
	(void)field_text(l, node, "name", &t->name);
	(void)field_text(l, node, "replay", &t->replay);
	(void)field_duration(l, node, "every", &t->tick_ns);
	if (t->replay)
		check_recorded(l, node);
	if (!t->name)
		loader_error(l, RULES_E123, node, 0, 1, NULL, "the test has no name");
	if (t->tick_ns < NS_PER_MS)
		loader_error(l, RULES_E125, yaml_tree_get(node, "every"), 0, 1, NULL, "'every' is at least 1ms");
	loader_test_entities(l, yaml_tree_get(node, "entities"), t);
	if (l->n_errors != before)
		return false;
	loader_test_timeline(l, yaml_tree_get(node, "timeline"), t);
	loader_test_series(l, yaml_tree_get(node, "series"), t);
	read_expects(l, yaml_tree_get(node, "expect"), t);
	read_nones(l, yaml_tree_get(node, "expect_none"), t);
	if (l->n_errors == before && t->n_expects + t->n_nones == 0)
		loader_error(l, RULES_E322, node, 0, 1, "expect: [...] or expect_none: [...]",
			     "the test expects nothing");
	return l->n_errors == before;
}

void loader_read_tests(struct loader *l, const struct yaml_node *list)
{
	l->rule = NULL;
	if (!fields_is_list(l, list, 1000))
		return;
	for (const struct yaml_node *node = list->first; node && !l->out_of_memory; node = node->next) {
		struct rules_test t = { 0 };

		if (read_test(l, node, &t) && list_add(&l->tests, l->arena, &t, NULL) < 0)
			l->out_of_memory = true;
	}
}

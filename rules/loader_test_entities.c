// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "rules/loader_test.h"

static const struct {
	const char *word;
	enum edge_kind kind;
} edge_words[] = {
	{ "in", EDGE_IN }, { "of", EDGE_OF }, { "uses", EDGE_USES }, { "near", EDGE_NEAR }, { "lies_on", EDGE_ON },
		{ "child", EDGE_CHILD },
};

static int edge_kind_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(edge_words); i++)
		if (strcmp(edge_words[i].word, word) == 0)
			return (int)edge_words[i].kind;
	return -1;
}

uint32_t loader_test_target(struct loader *l, const struct rules_test *t, const struct yaml_node *at, size_t offset,
			    const char *name)
{
	const char *names[RULES_TEST_MAX_ENTITIES] = {NULL};

	for (uint32_t i = 0; i < t->n_entities; i++) {
		if (strcmp(t->entities[i].name, name) == 0)
			return i;
		names[i] = t->entities[i].name;
	}
	loader_error(l, RULES_E320, at, offset, strlen(name), loader_mean(l, name, names, t->n_entities),
		     "the test has no entity '%s'", name);
	return UINT32_MAX;
}

static bool add_edge(struct loader *l, const struct rules_test *t, struct rules_test_entity *e,
		     struct rules_test_edge *edges, const struct yaml_node *at,
		     int kind)
{
	uint32_t to;

	if (at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E122, at, 0, 1, NULL, "the name of an entity was expected");
		return false;
	}
	to = loader_test_target(l, t, at, 0, at->text);
	if (to == UINT32_MAX)
		return false;
	if (!graph_edge_allowed(e->kind, t->entities[to].kind)) {
		loader_error(l, RULES_E222, at, 0, at->len, "see the edges in docs/rules.md",
			     "there is no edge from a %s to a %s", entity_kind_name(e->kind),
			     entity_kind_name(t->entities[to].kind));
		return false;
	}
	edges[e->n_edges++] = (struct rules_test_edge){ .kind = (enum edge_kind)kind, .to = to };
	return true;
}

static void read_members(struct loader *l, const struct yaml_node *node, struct rules_test *t,
			 struct rules_test_entity *e)
{
	size_t n_edges = 0;
	struct rules_test_edge *edges;
	struct rules_test_attr *attrs = loader_alloc(l, node->n_children, sizeof(*attrs));

	for (const struct yaml_node *member = node->first; member; member = member->next)
		n_edges += member->kind == YAML_SEQUENCE ? member->n_children : 1;
	edges = loader_alloc(l, n_edges, sizeof(*edges));
	if (!attrs || !edges)
		return;
	e->attrs = attrs;
	e->edges = edges;
	for (const struct yaml_node *member = node->first; member; member = member->next) {
		int kind = edge_kind_of(member->key);

		if (kind >= 0 && member->kind == YAML_SEQUENCE) {
			for (const struct yaml_node *item = member->first; item; item = item->next)
				(void)add_edge(l, t, e, edges, item, kind);
		} else if (kind >= 0) {
			(void)add_edge(l, t, e, edges, member, kind);
		} else if (member->kind != YAML_SCALAR) {
			loader_error(l, RULES_E122, member, 0, 1, NULL, "an attribute is a plain value");
		} else if (strcmp(member->key, "key") != 0) {
			attrs[e->n_attrs++] = (struct rules_test_attr){ .name = loader_strdup(l, member->key),
									.value = loader_strdup(l, member->text) };
		}
	}
}

/* What the graph calls it: as written under 'key', or what its kind usually looks like. */
static const char *key_of(struct loader *l, const struct yaml_node *node, enum entity_kind kind)
{
	const struct yaml_node *key = yaml_tree_get(node, "key"), *pid = yaml_tree_get(node, "pid"),
		*path = yaml_tree_get(node, "path");
	const char *text;

	if (key && key->kind == YAML_SCALAR && key->len)
		return loader_strdup(l, key->text);
	if (kind == ENTITY_PROCESS)
		text = arena_printf(l->arena, "%s/1", pid && pid->kind == YAML_SCALAR ? pid->text : node->key);
	else if (kind == ENTITY_CGROUP)
		text = path && path->kind == YAML_SCALAR && path->len ? arena_strdup(l->arena, path->text)
			: arena_printf(l->arena, "/%s", node->key);
	else
		text = arena_strdup(l->arena, node->key);
	if (!text)
		l->out_of_memory = true;
	return text;
}

static void read_kind(struct loader *l, const struct yaml_node *map, struct rules_test *t,
		      struct rules_test_entity *entities)
{
	enum entity_kind kind;

	if (entity_kind_parse(map->key, &kind) < 0) {
		loader_error_key(l, RULES_E124, map, field_nearest_kind(l, map->key),
				 "there is no kind of entity '%s'", map->key);
		return;
	}
	if (map->kind != YAML_MAPPING) {
		loader_error(l, RULES_E122, map, 0, 1, "process: { p: { pid: 42, in: c } }",
			     "a map from names to entities was expected");
		return;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		if (t->n_entities == RULES_TEST_MAX_ENTITIES) {
			loader_error_key(l, RULES_E126, node, NULL, "a test has at most %d entities",
					 RULES_TEST_MAX_ENTITIES);
			return;
		}
		if (node->kind != YAML_MAPPING) {
			loader_error(l, RULES_E122, node, 0, 1, "{} for one without attributes",
				     "a map of attributes was expected");
			continue;
		}
		entities[t->n_entities++] = (struct rules_test_entity){ .name = loader_strdup(l, node->key),
									.key = key_of(l, node, kind), .kind = kind };
	}
}

/* There is always a node; most tests need not name it. */
static void add_node(struct loader *l, struct rules_test *t, struct rules_test_entity *entities)
{
	for (uint32_t i = 0; i < t->n_entities; i++)
		if (entities[i].kind == ENTITY_NODE)
			return;
	if (t->n_entities < RULES_TEST_MAX_ENTITIES)
		entities[t->n_entities++] = (struct rules_test_entity){ .name = loader_strdup(l, "node"),
									.key = loader_strdup(l, "test-node"),
									.kind = ENTITY_NODE };
}

void loader_test_entities(struct loader *l, const struct yaml_node *map, struct rules_test *t)
{
	struct rules_test_entity *entities = loader_alloc(l, RULES_TEST_MAX_ENTITIES, sizeof(*entities));
	uint32_t at = 0;

	if (!entities)
		return;
	t->entities = entities;
	if (!map) {
		add_node(l, t, entities);
		return;
	}
	if (map->kind != YAML_MAPPING) {
		loader_error(l, RULES_E122, map, 0, 1, NULL, "entities is a map from kinds to maps");
		return;
	}
	for (const struct yaml_node *kind = map->first; kind; kind = kind->next)
		read_kind(l, kind, t, entities);
	add_node(l, t, entities);
	for (const struct yaml_node *kind = map->first; kind; kind = kind->next)
		for (const struct yaml_node *node = kind->first; node && kind->kind == YAML_MAPPING &&
		     at < t->n_entities; node = node->next)
			if (node->kind == YAML_MAPPING && strcmp(entities[at].name, node->key) == 0)
				read_members(l, node, t, &entities[at++]);
}

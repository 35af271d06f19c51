// SPDX-License-Identifier: Apache-2.0
#include "rules/path.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "model/graph.h"

struct cursor {
	struct loader *l;
	const struct yaml_node *at;
	size_t base, offset;
	const char *text;
};

static void skip_blanks(struct cursor *c)
{
	while (c->text[c->offset] == ' ')
		c->offset++;
}

static bool read_kind(struct cursor *c, enum entity_kind *ret_kind, size_t *ret_offset, size_t *ret_length)
{
	char word[64];
	size_t n = 0;

	skip_blanks(c);
	while (isalnum((unsigned char)c->text[c->offset + n]) || c->text[c->offset + n] == '_')
		n++;
	*ret_offset = c->offset;
	*ret_length = n ? n : 1;
	text_copy(word, n + 1 < sizeof(word) ? n + 1 : sizeof(word), c->text + c->offset);
	c->offset += n;
	if (n && entity_kind_parse(word, ret_kind) == 0)
		return true;
	loader_error(c->l, RULES_E220, c->at, c->base + *ret_offset, *ret_length, n ? field_nearest_kind(c->l, word)
		     : "for example: cgroup <- process",
		     n ? "there is no kind of entity '%s'" : "a kind of entity was expected%s", n ? word : "");
	return false;
}

static bool read_arrow(struct cursor *c, bool *ret_incoming)
{
	skip_blanks(c);
	if (strncmp(c->text + c->offset, "<-", 2) == 0 || strncmp(c->text + c->offset, "->", 2) == 0) {
		*ret_incoming = c->text[c->offset] == '<';
		c->offset += 2;
		return true;
	}
	loader_error(c->l, RULES_E220, c->at, c->base + c->offset, 1, "for example: cgroup <- process -> gpu",
		     "an arrow '->' or '<-' was expected");
	return false;
}

static bool read_step(struct cursor *c, enum entity_kind from, struct path_step *ret_step)
{
	size_t offset, length;
	bool allowed;

	if (!read_arrow(c, &ret_step->incoming) || !read_kind(c, &ret_step->kind, &offset, &length))
		return false;
	allowed = ret_step->incoming ? graph_edge_allowed(ret_step->kind, from)
		: graph_edge_allowed(from, ret_step->kind);
	if (allowed)
		return true;
	allowed = ret_step->incoming ? graph_edge_allowed(from, ret_step->kind)
		: graph_edge_allowed(ret_step->kind, from);
	loader_error(c->l, RULES_E222, c->at, c->base + offset, length, allowed ? "turn the arrow round"
		     : "see the edges in docs/rules.md",
		     "there is no edge %s %s %s", entity_kind_name(from), ret_step->incoming ? "<-" : "->",
			     entity_kind_name(ret_step->kind));
	return false;
}

bool path_parse(struct loader *l, const struct yaml_node *at, size_t base, const char *text, enum entity_kind scope,
		struct path *ret_path)
{
	struct cursor c = { .l = l, .at = at, .base = base, .text = text };
	struct path p = { .source = loader_strdup(l, text) };
	enum entity_kind from;
	size_t offset, length;

	if (!read_kind(&c, &p.from, &offset, &length))
		return false;
	if (scope != ENTITY_KIND_MAX && p.from != scope) {
		loader_error(l, RULES_E221, at, base + offset, length, NULL,
			     "the path begins at a %s, the rule is about a %s", entity_kind_name(p.from),
			     entity_kind_name(scope));
		return false;
	}
	from = p.from;
	for (skip_blanks(&c); c.text[c.offset]; skip_blanks(&c)) {
		if (p.n_steps == RULESET_MAX_STEPS) {
			loader_error(l, RULES_E126, at, base + c.offset, 1, NULL, "a path has at most %d steps",
				     RULESET_MAX_STEPS);
			return false;
		}
		if (!read_step(&c, from, &p.steps[p.n_steps]))
			return false;
		from = p.steps[p.n_steps++].kind;
	}
	*ret_path = p;
	return true;
}

bool path_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope,
		struct path *ret_path)
{
	const struct yaml_node *at = yaml_tree_get(map, key);

	if (!at) {
		*ret_path = (struct path){ .from = scope };
		return true;
	}
	if (at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E122, at, 0, 1, "for example: cgroup <- process", "'%s' is a path", key);
		return false;
	}
	return path_parse(l, at, 0, at->text, scope, ret_path);
}

enum entity_kind path_end(const struct path *p)
{
	return p->n_steps ? p->steps[p->n_steps - 1].kind : p->from;
}

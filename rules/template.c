// SPDX-License-Identifier: Apache-2.0
#include "rules/template.h"

#include <ctype.h>
#include <string.h>

struct builder {
	struct loader *l;
	const struct yaml_node *at;
	enum entity_kind scope;
	const struct expr_info *observed;
	struct template_part parts[TEMPLATE_MAX_PARTS];
	uint32_t n_parts;
	char literal[TEMPLATE_MAX_BYTES + 1];
	size_t n_literal;
};

static bool add_part(struct builder *b, const struct template_part *part, size_t offset)
{
	if (b->n_parts == TEMPLATE_MAX_PARTS) {
		loader_error(b->l, RULES_E126, b->at, offset, 1, NULL, "a text has at most %d values",
			     TEMPLATE_MAX_PARTS / 2);
		return false;
	}
	b->parts[b->n_parts++] = *part;
	return true;
}

static bool flush_literal(struct builder *b, size_t offset)
{
	struct template_part part = { .program = PROGRAM_NONE };

	if (b->n_literal == 0)
		return true;
	b->literal[b->n_literal] = '\0';
	b->n_literal = 0;
	part.literal = loader_strdup(b->l, b->literal);
	return part.literal && add_part(b, &part, offset);
}

static bool add_observed(struct builder *b, size_t offset, size_t n)
{
	struct template_part part = { .program = PROGRAM_NONE, .is_observed = true };

	if (!b->observed || b->observed->observe == PROGRAM_NONE) {
		loader_error(b->l, RULES_E203, b->at, offset, n, "name the metric itself",
			     "{value} has no meaning here: nothing is compared");
		return false;
	}
	part.unit = b->observed->observe_unit;
	part.is_code = b->observed->observe_is_code;
	part.states = b->observed->observe_states;
	return add_part(b, &part, offset);
}

static bool add_value(struct builder *b, size_t offset, size_t n)
{
	const char *text = b->at->text + offset;
	struct expr_place place = { .at = b->at, .base = offset, .scope = b->scope };
	struct template_part part = { 0 };
	struct expr_info info;

	if (n == 5 && memcmp(text, "value", 5) == 0)
		return add_observed(b, offset, n);
	part.program = expr_compile(b->l, &place, text, n, EXPR_VALUE, &info);
	if (part.program == PROGRAM_NONE)
		return false;
	part.unit = info.unit;
	part.is_code = info.is_code;
	part.states = info.states;
	return add_part(b, &part, offset);
}

/* The closing brace of the value that begins at `from`; texts in quotes are skipped. at->len: none. */
static size_t find_close(const struct yaml_node *at, size_t from)
{
	char quote = '\0';

	for (size_t i = from; i < at->len; i++) {
		char c = at->text[i];

		if (quote ? c == quote : c == '\'' || c == '"')
			quote = quote ? '\0' : c;
		else if (!quote && c == '}')
			return i;
		else if (!quote && c == '{')
			break;
	}
	return at->len;
}

static bool read_brace(struct builder *b, size_t *at)
{
	size_t close = find_close(b->at, *at + 1);
	bool fine;

	if (close == b->at->len) {
		loader_error(b->l, RULES_E230, b->at, *at, 1, "write {{ for a brace", "this brace is not closed");
		return false;
	}
	fine = flush_literal(b, *at) && add_value(b, *at + 1, close - *at - 1);
	*at = close;
	return fine;
}

static bool compile(struct builder *b)
{
	const struct yaml_node *at = b->at;
	bool fine = true;

	for (size_t i = 0; i < at->len; i++) {
		char c = at->text[i], next = i + 1 < at->len ? at->text[i + 1] : '\0';

		if (c == '{' && (isalpha((unsigned char)next) || next == '(')) {
			fine = read_brace(b, &i) && fine;
			if (b->n_parts == TEMPLATE_MAX_PARTS || i >= at->len)
				return false;
			continue;
		}
		if ((c == '{' || c == '}') && next == c)
			i++;
		b->literal[b->n_literal++] = c;
	}
	return flush_literal(b, 0) && fine;
}

bool template_compile(struct loader *l, const struct yaml_node *at, enum entity_kind scope,
		      const struct expr_info *observed,
		      struct template *ret_template)
{
	struct builder *b = arena_alloc(l->scratch, sizeof(*b));
	struct template_part *parts;

	if (at->kind != YAML_SCALAR) {
		loader_error(l, RULES_E122, at, 0, 1, NULL, "a text was expected");
		return false;
	}
	if (at->len > TEMPLATE_MAX_BYTES) {
		loader_error(l, RULES_E126, at, 0, 1, NULL, "a text has at most %d bytes", TEMPLATE_MAX_BYTES);
		return false;
	}
	if (!b) {
		l->out_of_memory = true;
		return false;
	}
	b->l = l;
	b->at = at;
	b->scope = scope;
	b->observed = observed;
	if (!compile(b))
		return false;
	parts = loader_alloc(l, b->n_parts, sizeof(*parts));
	if (!parts)
		return false;
	if (b->n_parts)
		memcpy(parts, b->parts, b->n_parts * sizeof(*parts));
	*ret_template = (struct template){ .parts = parts, .n_parts = b->n_parts };
	return true;
}

bool template_field(struct loader *l, const struct yaml_node *map, const char *key, enum entity_kind scope,
		    const struct expr_info *observed, struct template *ret_template)
{
	const struct yaml_node *at = yaml_tree_get(map, key);

	return !at || template_compile(l, at, scope, observed, ret_template);
}

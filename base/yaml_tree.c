// SPDX-License-Identifier: Apache-2.0
#include "base/yaml_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A byte of the text and where it is. libyaml counts code points, we count bytes; marks grow, so walking
 * on from the last place keeps the whole conversion linear. */
struct place {
	size_t index;  /* code points from the start */
	size_t offset; /* bytes from the start */
	size_t line_start;
	uint32_t line;
};

struct frame {
	struct yaml_node *node;
	struct yaml_node *last; /* child */
	const char *key;        /* a mapping's key that waits for its value */
	uint32_t key_line, key_column;
};

struct reader {
	const char *name, *text;
	size_t n;
	struct arena *arena;
	struct diags *diags;
	struct place place;
	struct frame stack[YAML_TREE_MAX_DEPTH];
	size_t depth, n_nodes, n_documents;
	struct yaml_node *root;
	bool refused;
};

static void step(const struct reader *rd, struct place *p)
{
	bool newline = rd->text[p->offset] == '\n';

	do
		p->offset++;
	while (p->offset < rd->n && ((unsigned char)rd->text[p->offset] & 0xC0) == 0x80);
	p->index++;
	if (newline) {
		p->line++;
		p->line_start = p->offset;
	}
}

static struct place place_of(struct reader *rd, size_t index)
{
	if (index < rd->place.index)
		rd->place = (struct place){ .line = 1 }; /* half a million fuzzed texts never came here */
	while (rd->place.index < index && rd->place.offset < rd->n)
		step(rd, &rd->place);
	return rd->place;
}

static uint32_t column_of(const struct place *p)
{
	return (uint32_t)(p->offset - p->line_start) + 1;
}

__attribute__((format(printf, 6, 7))) static void refuse(struct reader *rd, const char *code, const struct place *at,
							 size_t length, const char *hint, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	rd->refused = true;
	diags_add(rd->diags, DIAG_ERROR, code, rd->name, at->line, column_of(at), (uint32_t)length, rd->text, NULL, hint,
		  "%s", message);
}

/* ---- before libyaml sees the text ---- */

static int check_text(struct reader *rd)
{
	struct place p = { .line = 1 };
	uint32_t code;

	for (; p.offset < rd->n; step(rd, &p)) {
		if (text_decode(rd->text + p.offset, rd->n - p.offset, &code) == 0) {
			refuse(rd, "E102", &p, 1, "save the file as UTF-8", "invalid UTF-8 (byte 0x%02X)",
			       (unsigned)(unsigned char)rd->text[p.offset]);
			return -EINVAL;
		}
		if (code == '\t' || code == '\n' || (code == '\r' && rd->text[p.offset + 1] == '\n'))
			continue;
		if (text_is_unsafe(code) || code == 0xFFFE || code == 0xFFFF) {
			refuse(rd, "E103", &p, 1, "remove it; in \"\" it can be written as an escape",
			       "invisible or control character U+%04X", (unsigned)code);
			return -EINVAL;
		}
	}
	return 0;
}

/* ---- building ---- */

static struct yaml_node *node_new(struct reader *rd, enum yaml_kind kind, const struct place *at)
{
	struct yaml_node *node = arena_alloc(rd->arena, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->line = at->line;
		node->column = column_of(at);
	}
	return node;
}

static bool waits_for_key(const struct reader *rd)
{
	const struct frame *top = rd->depth > 0 ? &rd->stack[rd->depth - 1] : NULL;

	return top && top->node->kind == YAML_MAPPING && !top->key;
}

static void append(struct reader *rd, struct yaml_node *node)
{
	struct frame *top;

	if (rd->depth == 0) {
		rd->root = node;
		return;
	}
	top = &rd->stack[rd->depth - 1];
	node->key = top->key;
	node->key_line = top->key_line;
	node->key_column = top->key_column;
	top->key = NULL;
	*(top->last ? &top->last->next : &top->node->first) = node;
	top->last = node;
	top->node->n_children++;
}

static int count_node(struct reader *rd, const struct place *at)
{
	if (rd->n_nodes++ < YAML_TREE_MAX_NODES)
		return 0;
	refuse(rd, "E101", at, 1, NULL, "more than %d values", YAML_TREE_MAX_NODES);
	return -EFBIG;
}

static bool is_yaml11_boolean(const char *s)
{
	static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

static void check_properties(struct reader *rd, const struct place *at, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		refuse(rd, "E105", at, strlen((const char *)anchor) + 1, "write the value out where it is needed",
		       "anchors are not allowed (&%s)", (const char *)anchor);
	if (tag)
		refuse(rd, "E106", at, 1, "remove it", "tags are not allowed (%s)", (const char *)tag);
}

static int take_key(struct reader *rd, const struct place *at, const yaml_event_t *event)
{
	struct frame *top = &rd->stack[rd->depth - 1];
	const char *key = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (len == 0 || strlen(key) != len)
		refuse(rd, "E109", at, 1, NULL, len == 0 ? "a key is empty" : "a key holds a NUL character");
	else if (plain && strcmp(key, "<<") == 0)
		refuse(rd, "E107", at, len, "write the members out", "merge keys are not allowed");
	else if (plain && is_yaml11_boolean(key))
		refuse(rd, "E108", at, len, "put it in quotes", "key '%s' is a boolean for YAML 1.1", key);
	top->key = arena_strndup(rd->arena, key, len);
	top->key_line = at->line;
	top->key_column = column_of(at);
	return top->key ? 0 : -ENOMEM;
}

/* Does the content stand in the file byte for byte, so that offsets in one are offsets in the other? */
static bool is_verbatim(const struct reader *rd, const struct yaml_node *node, const struct place *at, size_t end)
{
	size_t from = at->offset + node->quoted;

	return !node->block && end >= from + node->quoted && end - from - node->quoted == node->len &&
	       memcmp(rd->text + from, node->text, node->len) == 0;
}

static int take_scalar(struct reader *rd, const yaml_event_t *event)
{
	yaml_scalar_style_t style = event->data.scalar.style;
	struct place at = place_of(rd, event->start_mark.index), end;
	struct yaml_node *node;
	int r;

	check_properties(rd, &at, event->data.scalar.anchor, event->data.scalar.tag);
	if (waits_for_key(rd))
		return take_key(rd, &at, event);
	r = count_node(rd, &at);
	if (r < 0)
		return r;
	node = node_new(rd, YAML_SCALAR, &at);
	if (!node)
		return -ENOMEM;
	node->len = event->data.scalar.length;
	node->text = arena_strndup(rd->arena, (const char *)event->data.scalar.value, node->len);
	if (!node->text)
		return -ENOMEM;
	node->quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	node->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	end = place_of(rd, event->end_mark.index);
	node->verbatim = is_verbatim(rd, node, &at, end.offset);
	append(rd, node);
	return 0;
}

static int open_collection(struct reader *rd, const yaml_event_t *event, enum yaml_kind kind)
{
	struct place at = place_of(rd, event->start_mark.index);
	struct yaml_node *node;
	int r;

	if (kind == YAML_SEQUENCE)
		check_properties(rd, &at, event->data.sequence_start.anchor, event->data.sequence_start.tag);
	else
		check_properties(rd, &at, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	if (waits_for_key(rd)) {
		refuse(rd, "E109", &at, 1, "a key is a plain or quoted text", "a key is a list or a mapping");
		return -EINVAL;
	}
	if (rd->depth == YAML_TREE_MAX_DEPTH) {
		refuse(rd, "E101", &at, 1, NULL, "nested deeper than %d levels", YAML_TREE_MAX_DEPTH);
		return -EFBIG;
	}
	r = count_node(rd, &at);
	if (r < 0)
		return r;
	node = node_new(rd, kind, &at);
	if (!node)
		return -ENOMEM;
	append(rd, node);
	rd->stack[rd->depth++] = (struct frame){ .node = node };
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	if (order != 0)
		return order;
	if ((*x)->key_line != (*y)->key_line)
		return (*x)->key_line < (*y)->key_line ? -1 : 1;
	return (*x)->key_column < (*y)->key_column ? -1 : (*x)->key_column > (*y)->key_column;
}

/* Sorted rather than hashed: no choice of keys makes it slow. */
static int check_duplicates(struct reader *rd, const struct yaml_node *map)
{
	AUTO_FREE const struct yaml_node **members = NULL;
	size_t n = 0;

	if (map->n_children < 2)
		return 0;
	members = malloc(map->n_children * sizeof(*members));
	if (!members)
		return -ENOMEM;
	for (const struct yaml_node *m = map->first; m; m = m->next)
		members[n++] = m;
	qsort(members, n, sizeof(*members), by_key);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(members[i - 1]->key, members[i]->key) != 0)
			continue;
		rd->refused = true;
		diags_add(rd->diags, DIAG_ERROR, "E104", rd->name, members[i]->key_line, members[i]->key_column,
			  (uint32_t)strlen(members[i]->key), rd->text, NULL, "remove one of the two",
			  "duplicate key '%s', first at line %u", members[i]->key, members[i - 1]->key_line);
	}
	return 0;
}

static int close_collection(struct reader *rd)
{
	const struct yaml_node *node = rd->stack[--rd->depth].node;

	return node->kind == YAML_MAPPING ? check_duplicates(rd, node) : 0;
}

static int take_alias(struct reader *rd, const yaml_event_t *event)
{
	struct place at = place_of(rd, event->start_mark.index);

	refuse(rd, "E105", &at, strlen((const char *)event->data.alias.anchor) + 1, "write the value out",
	       "aliases are not allowed (*%s)", (const char *)event->data.alias.anchor);
	return -EINVAL;
}

static int open_document(struct reader *rd, const yaml_event_t *event)
{
	struct place at = place_of(rd, event->start_mark.index);

	if (event->data.document_start.version_directive ||
	    event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end) {
		refuse(rd, "E110", &at, 1, "remove the line", "%%YAML and %%TAG directives are not allowed");
		return -EINVAL;
	}
	if (rd->n_documents++ == 0)
		return 0;
	refuse(rd, "E110", &at, 1, "put it in a file of its own", "a second document begins");
	return -EINVAL;
}

static int take_event(struct reader *rd, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return open_document(rd, event);
	case YAML_ALIAS_EVENT:
		return take_alias(rd, event);
	case YAML_SCALAR_EVENT:
		return take_scalar(rd, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(rd, event, YAML_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		return open_collection(rd, event, YAML_MAPPING);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(rd);
	default:
		return 0;
	}
}

static int syntax_error(struct reader *rd, const yaml_parser_t *parser)
{
	struct place at;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	at = place_of(rd, parser->problem_mark.index);
	if (parser->context)
		refuse(rd, "E100", &at, 1, NULL, "%s, %s (line %zu)", parser->problem ? parser->problem : "no YAML",
		       parser->context, parser->context_mark.line + 1);
	else
		refuse(rd, "E100", &at, 1, NULL, "%s", parser->problem ? parser->problem : "no YAML");
	return -EINVAL;
}

static int read_events(struct reader *rd, yaml_parser_t *parser)
{
	yaml_event_t event;
	bool done = false;
	int r = 0;

	while (r == 0 && !done) {
		if (!yaml_parser_parse(parser, &event))
			return syntax_error(rd, parser);
		done = event.type == YAML_STREAM_END_EVENT;
		r = take_event(rd, &event);
		yaml_event_delete(&event);
	}
	return r;
}

int yaml_tree_parse(const char *name, const char *text, size_t n, struct arena *arena, struct diags *diags,
		    struct yaml_node **ret_root)
{
	AUTO_FREE char *copy = NULL;
	AUTO_FREE struct reader *rd = calloc(1, sizeof(*rd));
	AUTO(yaml_parser_delete) yaml_parser_t parser = { 0 };
	int r;

	if (n > YAML_TREE_MAX_BYTES) {
		diags_add(diags, DIAG_ERROR, "E101", name, 1, 1, 1, NULL, NULL, NULL, "larger than %d bytes",
			  YAML_TREE_MAX_BYTES);
		return -EFBIG;
	}
	if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		n -= 3;
	}
	copy = malloc(n + 1); /* terminated: diagnostics cut their line out of it */
	if (!rd || !copy || !yaml_parser_initialize(&parser))
		return -ENOMEM;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*rd = (struct reader){ .name = name, .text = copy, .n = n, .arena = arena, .diags = diags };
	rd->place.line = 1;
	r = check_text(rd);
	if (r < 0)
		return r;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)copy, n);
	r = read_events(rd, &parser);
	if (r < 0)
		return r;
	if (rd->refused)
		return -EINVAL;
	if (!rd->root) {
		rd->root = node_new(rd, YAML_MAPPING, &(struct place){ .line = 1 });
		if (!rd->root)
			return -ENOMEM;
	}
	*ret_root = rd->root;
	return 0;
}

const struct yaml_node *yaml_tree_get(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *m = map->first; m; m = m->next)
		if (strcmp(m->key, key) == 0)
			return m;
	return NULL;
}

uint32_t yaml_tree_column(const struct yaml_node *scalar, size_t offset)
{
	if (!scalar->verbatim || offset > scalar->len)
		return scalar->column;
	return scalar->column + scalar->quoted + (uint32_t)offset;
}

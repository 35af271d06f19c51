// SPDX-License-Identifier: Apache-2.0
#include "base/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf_value.h"
#include "base/text.h"
#include "base/yaml_tree.h"

#define MAX_KEY_BYTES  128
#define MAX_CANDIDATES 128

struct loader {
	const struct conf_option *options;
	size_t n;
	const char *name, *text;
	struct arena *arena;
	struct diags *diags;
	void *conf;
	bool refused;
};

int conf_defaults(const struct conf_option *options, size_t n, struct arena *arena, void *conf)
{
	char error[CONF_ERROR_MAX];

	for (size_t i = 0; i < n; i++) {
		int r = conf_value_set_text(&options[i], options[i].value ? options[i].value : "", arena, error, conf);

		if (r < 0)
			return r == -ENOMEM ? r : -EINVAL;
	}
	return 0;
}

/* ---- the file ---- */

__attribute__((format(printf, 6, 7))) static void refuse(struct loader *l, const char *code, uint32_t line, uint32_t column,
							 size_t length, const char *fmt, ...)
{
	char message[CONF_ERROR_MAX + MAX_KEY_BYTES + 32], *hint;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	/* "what is wrong; what to do" */
	hint = strstr(message, "; ");
	if (hint) {
		*hint = '\0';
		hint += 2;
	}
	l->refused = true;
	diags_add(l->diags, DIAG_ERROR, code, l->name, line, column, (uint32_t)length, l->text, NULL, hint, "%s", message);
}

static size_t source_length(const struct yaml_node *node)
{
	return node->verbatim ? node->len + 2U * node->quoted : 1;
}

static const struct conf_option *find_option(const struct conf_option *options, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].key, key) == 0)
			return &options[i];
	return NULL;
}

static bool is_group(const struct loader *l, const char *path, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->options[i].key, path, len) == 0 && l->options[i].key[len] == '.')
			return true;
	return false;
}

/* What may stand at this level: the members of the group `path[0..group_len]` ("" or "hub."). */
static size_t members_of(const struct loader *l, const char *path, size_t group_len, const char **ret_members)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n && n < MAX_CANDIDATES; i++) {
		const char *member = l->options[i].key + group_len, *copy;

		if (strncmp(l->options[i].key, path, group_len) != 0)
			continue;
		copy = arena_strndup(l->arena, member, strcspn(member, "."));
		if (copy)
			ret_members[n++] = copy;
	}
	return n;
}

static void refuse_unknown(struct loader *l, const struct yaml_node *node, const char *path, size_t group_len)
{
	const char *candidates[MAX_CANDIDATES], *near;
	size_t n = members_of(l, path, group_len, candidates);

	near = text_nearest(node->key, candidates, n);
	if (near) {
		refuse(l, "E120", node->key_line, node->key_column, strlen(node->key),
		       "unknown key '%s'; did you mean '%s'?", path, near);
		return;
	}
	/* Perhaps the right word in the wrong group. */
	for (size_t i = 0; i < l->n; i++) {
		const char *dot = strrchr(l->options[i].key, '.');

		if (strcmp(dot ? dot + 1 : l->options[i].key, node->key) != 0)
			continue;
		refuse(l, "E120", node->key_line, node->key_column, strlen(node->key),
		       "unknown key '%s'; did you mean '%s'?", path, l->options[i].key);
		return;
	}
	refuse(l, "E120", node->key_line, node->key_column, strlen(node->key), "unknown key '%s'; remove it", path);
}

static int apply_list(struct loader *l, const struct conf_option *option, const struct yaml_node *node)
{
	AUTO_FREE const char **items = NULL;
	char error[CONF_ERROR_MAX];
	size_t n = 0;
	int r;

	items = calloc(node->n_children + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (item->kind != YAML_SCALAR || strlen(item->text) != item->len || (item->len == 0 && !item->quoted)) {
			refuse(l, "E121", item->line, item->column, source_length(item),
			       "an entry of '%s' is no text; write one text each", option->key);
			return 0;
		}
		items[n++] = item->text;
	}
	r = conf_value_set_list(option, items, n, l->arena, error, l->conf);
	if (r < 0 && r != -ENOMEM)
		refuse(l, "E121", node->line, node->column, 1, "'%s' %s", option->key, error);
	return r == -ENOMEM ? r : 0;
}

static int apply(struct loader *l, const struct conf_option *option, const struct yaml_node *node)
{
	char error[CONF_ERROR_MAX];
	int r;

	if (option->type == CONF_LIST && node->kind == YAML_SEQUENCE)
		return apply_list(l, option, node);
	if (option->type == CONF_LIST) {
		refuse(l, "E121", node->line, node->column, source_length(node),
		       "'%s' takes a list; write [a, b], or one '- ' line for each", option->key);
		return 0;
	}
	if (node->kind != YAML_SCALAR) {
		refuse(l, "E121", node->line, node->column, 1, "'%s' takes one value, not a %s; write %s", option->key,
		       node->kind == YAML_SEQUENCE ? "list" : "mapping", conf_value_form(option->type));
		return 0;
	}
	if (node->len == 0 && !node->quoted) {
		refuse(l, "E121", node->line, node->column, 1, "'%s' has no value; write %s, or remove the line",
		       option->key, conf_value_form(option->type));
		return 0;
	}
	if (strlen(node->text) != node->len) {
		refuse(l, "E121", node->line, node->column, source_length(node), "'%s' holds a NUL character", option->key);
		return 0;
	}
	r = conf_value_set_text(option, node->text, l->arena, error, l->conf);
	if (r < 0 && r != -ENOMEM)
		refuse(l, "E121", node->line, node->column, source_length(node), "'%s' %s", option->key, error);
	return r == -ENOMEM ? r : 0;
}

/* The depth of the recursion is that of the table's keys. */
static int walk(struct loader *l, const struct yaml_node *map, char *path, size_t group_len)
{
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct conf_option *option;
		size_t len;
		int r = 0;

		(void)snprintf(path + group_len, MAX_KEY_BYTES - group_len, "%s", node->key);
		len = strlen(path);
		option = strchr(node->key, '.') ? NULL : find_option(l->options, l->n, path);
		if (option) {
			r = apply(l, option, node);
		} else if (strchr(node->key, '.') || !is_group(l, path, len) || len + 2 > MAX_KEY_BYTES) {
			refuse_unknown(l, node, path, group_len);
		} else if (node->kind == YAML_MAPPING) {
			path[len] = '.';
			path[len + 1] = '\0';
			r = walk(l, node, path, len + 1);
		} else if (node->kind != YAML_SCALAR || node->len > 0 || node->quoted) {
			refuse(l, "E121", node->line, node->column, source_length(node),
			       "'%s' is a group of keys, not a value; indent its keys below it", path);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int conf_load(const struct conf_option *options, size_t n, const char *name, const char *text, size_t len,
	      struct arena *arena, struct diags *diags, void *conf)
{
	AUTO(arena_free) struct arena *scratch = NULL;
	struct loader l = { .options = options, .n = n, .name = name, .arena = arena, .diags = diags, .conf = conf };
	char path[MAX_KEY_BYTES] = "";
	struct yaml_node *root;
	int r;

	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3; /* as yaml_tree does, so that columns agree */
		len -= 3;
	}
	/* The tree of the largest file allowed; only what is configured stays in the caller's arena. */
	r = arena_new(32 * YAML_TREE_MAX_BYTES, &scratch);
	if (r == 0)
		r = yaml_tree_parse(name, text, len, scratch, diags, &root);
	if (r < 0)
		return r;
	l.text = arena_strndup(scratch, text, len);
	if (!l.text)
		return -ENOMEM;
	if (root->kind != YAML_MAPPING && (root->kind != YAML_SCALAR || root->len > 0 || root->quoted))
		refuse(&l, "E121", root->line, root->column, 1, "the file is no mapping; write 'key: value' lines");
	else
		r = walk(&l, root, path, 0);
	return r == 0 && l.refused ? -EINVAL : r;
}

/* ---- the command line ---- */

int conf_set(const struct conf_option *options, size_t n, const char *key, const char *value, struct arena *arena,
	     char *ret_error, size_t error_size, void *conf)
{
	const struct conf_option *option = find_option(options, n, key);
	const char *candidates[MAX_CANDIDATES], *near;
	char error[CONF_ERROR_MAX];
	struct text t;
	int r;

	text_init(&t, ret_error, error_size);
	if (option) {
		r = conf_value_set_text(option, value, arena, error, conf);
		if (r == -ENOMEM)
			text_addf(&t, "'%s': out of memory", key);
		else if (r < 0)
			text_addf(&t, "'%s' %s", key, error);
		return r;
	}
	for (size_t i = 0; i < n && i < MAX_CANDIDATES; i++)
		candidates[i] = options[i].key;
	near = text_nearest(key, candidates, MIN_OF(n, (size_t)MAX_CANDIDATES));
	text_add(&t, "unknown key '");
	text_add_escaped(&t, key, strnlen(key, MAX_KEY_BYTES));
	if (near)
		text_addf(&t, "'; did you mean '%s'?", near);
	else
		text_add(&t, "'; --help lists all keys");
	return -ENOENT;
}

// SPDX-License-Identifier: Apache-2.0
/* The half of conf.h that prints: the table for people, the values in force as YAML. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "base/conf_value.h"

static const char *type_name(enum conf_type type)
{
	static const char *const names[] = {
		[CONF_TEXT] = "text", [CONF_U64] = "number",    [CONF_DURATION] = "duration", [CONF_BYTES] = "size",
		[CONF_BOOL] = "bool", [CONF_DOUBLE] = "number", [CONF_LIST] = "list",
	};

	return names[type];
}

static int print_bounds(const struct conf_option *option, struct buf *out)
{
	if (option->choices)
		return buf_addf(out, " (%s)", option->choices);
	if (option->type == CONF_LIST)
		return option->max ? buf_addf(out, " (at most %s)", option->max) : 0;
	if (option->min && option->max)
		return buf_addf(out, " (%s to %s)", option->min, option->max);
	if (option->min || option->max)
		return buf_addf(out, " (%s %s)", option->min ? "from" : "up to", option->min ? option->min : option->max);
	return 0;
}

int conf_print_help(const struct conf_option *options, size_t n, struct buf *out)
{
	size_t key_width = 3, value_width = 7;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		key_width = MAX_OF(key_width, strlen(options[i].key));
		value_width = MAX_OF(value_width, options[i].value ? strlen(options[i].value) : 0);
	}
	value_width = MIN_OF(value_width, (size_t)28);
	r = buf_addf(out, "  %-*s  %-8s  %-*s  %s\n", (int)key_width, "key", "type", (int)value_width, "default", "meaning");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *value = options[i].value && *options[i].value ? options[i].value : "-";

		r = buf_addf(out, "  %-*s  %-8s  %-*s  %s", (int)key_width, options[i].key, type_name(options[i].type),
			     (int)value_width, value, options[i].help ? options[i].help : "");
		if (r == 0)
			r = print_bounds(&options[i], out);
		if (r == 0)
			r = buf_add_text(out, "\n");
	}
	return r;
}

static bool is_first_of_group(const struct conf_option *options, size_t i, size_t len)
{
	for (size_t k = 0; k < i; k++)
		if (strncmp(options[k].key, options[i].key, len) == 0)
			return false;
	return true;
}

static int indent(struct buf *out, unsigned depth)
{
	return buf_addf(out, "%*s", (int)depth * 2, "");
}

/* All options below the group that options[i].key[0..len] names ("" is the file). Every group is printed once, at
 * its first option, wherever the others stand in the table. */
static int print_group(const struct conf_option *options, size_t n, size_t first, size_t len, unsigned depth,
		       const void *conf, struct buf *out)
{
	int r = 0;

	for (size_t i = first; r == 0 && i < n; i++) {
		const char *member = options[i].key + len, *dot;

		if (len > 0 && strncmp(options[i].key, options[first].key, len) != 0)
			continue;
		dot = strchr(member, '.');
		if (dot && !is_first_of_group(options, i, (size_t)(dot + 1 - options[i].key)))
			continue;
		r = indent(out, depth);
		if (r == 0)
			r = buf_addf(out, "%.*s:%s", (int)strcspn(member, "."), member, dot ? "\n" : " ");
		if (r == 0)
			r = dot ? print_group(options, n, i, (size_t)(dot + 1 - options[i].key), depth + 1, conf, out) :
				  conf_value_print(&options[i], conf, out);
		if (r == 0 && !dot)
			r = buf_add_text(out, "\n");
	}
	return r;
}

int conf_print_yaml(const struct conf_option *options, size_t n, const void *conf, struct buf *out)
{
	return print_group(options, n, 0, 0, 0, conf, out);
}

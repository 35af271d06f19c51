/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attr_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/graph.h"

#define ATTR_MAX_NAME 64

void attr_list_done(struct attr_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->attrs[i].name);
	free(l->attrs);
	*l = (struct attr_list){0};
}

static bool name_is_valid(const char *name)
{
	size_t len = strnlen(name, ATTR_MAX_NAME);

	if (len == 0 || len == ATTR_MAX_NAME || strcmp(name, "key") == 0)
		return false;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	return true;
}

static struct attr *attr_list_find(const struct attr_list *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->attrs[i].name, name) == 0)
			return &l->attrs[i];
	return NULL;
}

/* Values are what the machine gave us, command names among them: any bytes at all. What is kept is UTF-8. */
static size_t value_clean(const char *value, char *ret_text, size_t size)
{
	struct text t;

	if (text_is_utf8(value, strlen(value)))
		return text_copy(ret_text, size, value);
	text_init(&t, ret_text, size);
	text_add_escaped(&t, value, strlen(value));
	return t.len;
}

static int attr_write(struct attr *a, const char *name, const char *value, size_t value_len)
{
	size_t name_size = strlen(name) + 1;

	if (!a->name || value_len >= a->value_size) {
		char *block = malloc(name_size + value_len + 1);

		if (!block)
			return -ENOMEM;
		memcpy(block, name, name_size);
		free(a->name);
		*a = (struct attr){.name = block, .value = block + name_size, .value_size = value_len + 1};
	}
	memcpy(a->value, value, value_len + 1);
	return 0;
}

static int attr_list_append(struct attr_list *l, const char *name, const char *value, size_t value_len)
{
	struct attr fresh = {0};
	int r;

	if (l->n == GRAPH_MAX_ATTRS)
		return -ENOSPC;
	if (l->n == l->max) {
		uint8_t max = MIN_OF(l->max ? 2 * l->max : 4, GRAPH_MAX_ATTRS);
		struct attr *attrs = reallocarray(l->attrs, max, sizeof(*attrs));

		if (!attrs)
			return -ENOMEM;
		l->attrs = attrs;
		l->max = max;
	}
	r = attr_write(&fresh, name, value, value_len);
	if (r == 0)
		l->attrs[l->n++] = fresh;
	return r;
}

static int attr_list_remove(struct attr_list *l, struct attr *a)
{
	if (!a)
		return 0;
	free(a->name);
	memmove(a, a + 1, (size_t)(l->attrs + l->n - (a + 1)) * sizeof(*a));
	l->n--;
	return 1;
}

int attr_list_set(struct attr_list *l, const char *name, const char *value)
{
	char clean[GRAPH_MAX_VALUE];
	struct attr *a;
	size_t len;
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	a = attr_list_find(l, name);
	if (!value)
		return attr_list_remove(l, a);
	if (a && strcmp(a->value, value) == 0)
		return 0;
	len = value_clean(value, clean, sizeof(clean));
	if (a && strcmp(a->value, clean) == 0)
		return 0;
	r = a ? attr_write(a, name, clean, len) : attr_list_append(l, name, clean, len);
	return r < 0 ? r : 1;
}

const char *attr_list_get(const struct attr_list *l, const char *name)
{
	const struct attr *a = attr_list_find(l, name);

	return a ? a->value : NULL;
}

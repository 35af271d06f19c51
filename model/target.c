/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <string.h>

#define MIN_ID_PREFIX        8
#define MIN_CONTAINER_PREFIX 6

static const char *attr(const struct finding_entity *e, const char *name)
{
	for (size_t i = 0; i < e->n_attrs; i++)
		if (e->attrs[i].name && strcmp(e->attrs[i].name, name) == 0)
			return e->attrs[i].value;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool entity_is_called(const struct finding_entity *e, const char *word)
{
	if (same(e->id, word) || same(e->name, word))
		return true;
	if (!e->id)
		return false;
	size_t len = strlen(word);
	const char *tail;
	switch (e->kind) {
	case ENTITY_PROCESS:
		return same(attr(e, "pid"), word) || (strncmp(e->id, word, len) == 0 && e->id[len] == '/');
	case ENTITY_CONTAINER:
		return len >= MIN_CONTAINER_PREFIX && strncmp(e->id, word, len) == 0;
	case ENTITY_CGROUP:
		tail = strrchr(e->id, '/');
		return tail && tail[1] && strcmp(tail + 1, word) == 0;
	case ENTITY_JOB:
	case ENTITY_RANK:
		tail = strchr(e->id, ':');
		return tail && strcmp(tail + 1, word) == 0;
	case ENTITY_GPU:
		return same(attr(e, "index"), word) || same(attr(e, "uuid"), word);
	default:
		return false;
	}
}

static bool is_target(const struct finding_entity *e, enum entity_kind kind, const char *word)
{
	return (kind == ENTITY_KIND_MAX || e->kind == kind) && entity_is_called(e, word);
}

bool finding_concerns(const struct finding *f, enum entity_kind kind, const char *word)
{
	if ((kind == ENTITY_NODE || kind == ENTITY_KIND_MAX) && same(f->node, word))
		return true;
	if (is_target(&f->subject, kind, word))
		return true;
	for (size_t i = 0; i < f->n_affected; i++)
		if (is_target(&f->affected[i], kind, word))
			return true;
	for (size_t i = 0; i < f->n_explains; i++)
		if (is_target(&f->explains[i].subject, kind, word))
			return true;
	return false;
}

bool finding_is_called(const struct finding *f, const char *word)
{
	size_t len = strlen(word);
	return strcmp(f->id, word) == 0 || (len >= MIN_ID_PREFIX && strncmp(f->id, word, len) == 0);
}

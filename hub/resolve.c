// SPDX-License-Identifier: Apache-2.0
#include "hub/resolve.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MIN_ID_LETTERS 8 /* fewer would mean too many */

struct candidates {
	struct resolved list[RESOLVE_MAX_CANDIDATES];
	size_t n;
};

static int remember_entity(void *arg, enum entity_kind kind, const char *key, const char *node)
{
	struct candidates *c = arg;
	struct resolved *r;

	if (c->n == RESOLVE_MAX_CANDIDATES)
		return 0;
	r = &c->list[c->n++];
	*r = (struct resolved){ .what = RESOLVED_ENTITY, .kind = kind };
	(void)text_copy(r->key, sizeof(r->key), key);
	(void)text_copy(r->node, sizeof(r->node), node);
	return 0;
}

static int remember_node(void *arg, const struct store_node *node)
{
	struct resolved *r = arg;

	*r = (struct resolved){ .what = RESOLVED_NODE };
	(void)text_copy(r->node, sizeof(r->node), node->name);
	return 1;
}

static int remember_finding(void *arg, const struct store_row *row)
{
	struct resolved *r = arg;

	*r = (struct resolved){ .what = RESOLVED_FINDING };
	(void)text_copy(r->key, sizeof(r->key), row->id);
	(void)text_copy(r->node, sizeof(r->node), row->node);
	return 1;
}

/* 1: found. */
static int find_node(const struct store_reader *reader, const char *name, struct resolved *ret)
{
	return reader->class->visit_nodes(reader->state, name, remember_node, ret);
}

static int find_finding(const struct store_reader *reader, const char *id, struct resolved *ret)
{
	struct store_filter filter = { .id = id, .kind = STORE_NO_KIND, .order = STORE_NEWEST_FIRST, .limit = 1 };

	if (strncmp(id, "fnd_", 4) != 0 || strlen(id) < MIN_ID_LETTERS)
		return 0;
	return reader->class->visit(reader->state, &filter, remember_finding, ret);
}

static int remember_only_node(void *arg, const struct store_node *node)
{
	struct resolved *r = arg;

	if (r->what == RESOLVED_NODE) {
		r->node[0] = 0;
		return 1; /* a second one */
	}
	(void)remember_node(r, node);
	return 0;
}

/* 1: there is one node and no other. */
static int find_only_node(const struct store_reader *reader, struct resolved *ret)
{
	struct resolved only = { .what = RESOLVED_FLEET };
	int r = reader->class->visit_nodes(reader->state, NULL, remember_only_node, &only);

	if (r < 0 || !only.node[0])
		return MIN_OF(r, 0);
	*ret = only;
	return 1;
}

static int not_found(struct answer *a, const char *text)
{
	a->status = ANSWER_NOT_FOUND;
	a->message = text ? text : "not found";
	return 1;
}

static int ambiguous(struct answer *a, const struct candidates *c, const char *word)
{
	a->status = ANSWER_AMBIGUOUS;
	a->message = arena_printf(
		a->arena, "'%s' is more than one thing: say which, as KIND NODE:NAME or by its full name", word);
	a->candidates = arena_alloc_array(a->arena, c->n, sizeof(*a->candidates));
	for (size_t i = 0; a->candidates && i < c->n; i++) {
		const struct resolved *r = &c->list[i];
		const char *text = r->node[0] ?
			arena_printf(a->arena, "%s %s:%s", entity_kind_name(r->kind), r->node, r->key) :
			arena_printf(a->arena, "%s %s", entity_kind_name(r->kind), r->key);

		if (!text)
			break;
		a->candidates[a->n_candidates++] = text;
	}
	return 1;
}

/* "node-7:0000:5e:00.0", when node-7 is known: the node is cut off the word. */
static int split_node(const struct store_reader *reader, const char **word, char node[RECORD_MAX_NODE])
{
	const char *colon = strchr(*word, ':');
	struct resolved known;
	int r;

	if (!colon || (size_t)(colon - *word) >= RECORD_MAX_NODE)
		return 0;
	memcpy(node, *word, (size_t)(colon - *word));
	node[colon - *word] = 0;
	r = find_node(reader, node, &known);
	if (r > 0)
		*word = colon + 1;
	else
		node[0] = 0;
	return r < 0 ? r : 0;
}

static int resolve_entity(const struct store_reader *reader, const struct query *q, enum entity_kind kind,
			  struct resolved *ret, struct answer *answer)
{
	struct candidates c = { .n = 0 };
	char node[RECORD_MAX_NODE] = "";
	const char *word = q->target;
	int r = 0;

	if (q->node[0])
		(void)text_copy(node, sizeof(node), q->node);
	else if (kind != ENTITY_POD && kind != ENTITY_JOB && kind != ENTITY_RANK)
		r = split_node(reader, &word, node);
	if (r == 0)
		r = reader->class->visit_entities(reader->state, kind, word, node, RESOLVE_MAX_CANDIDATES,
						  remember_entity, &c);
	if (r < 0)
		return r;
	if (c.n > 1)
		return ambiguous(answer, &c, q->target);
	if (c.n == 1) {
		*ret = c.list[0];
		return 0;
	}
	if (node[0]) {
		*ret = (struct resolved){ .what = RESOLVED_ELSEWHERE, .kind = kind };
		(void)text_copy(ret->key, sizeof(ret->key), word);
		(void)text_copy(ret->node, sizeof(ret->node), node);
		return 0;
	}
	return not_found(answer,
			 arena_printf(answer->arena,
				      "no stored finding is about %s '%s'; the hub knows nodes, and other things "
				      "by their findings only: ask with the node's name",
				      kind == STORE_NO_KIND ? "a finding, node, pod or job" : entity_kind_name(kind),
				      q->target));
}

static int resolve_node(const struct store_reader *reader, const char *name, struct resolved *ret, struct answer *answer)
{
	int r = find_node(reader, name, ret);

	if (r != 0)
		return r < 0 ? r : 0;
	return not_found(answer, arena_printf(answer->arena,
					      "no node '%s': its agent has never connected to this hub; `why fleet` "
					      "lists the nodes that have",
					      name));
}

bool resolve_is_for_a_node(enum query_kind kind)
{
	return kind == QUERY_NOT || kind == QUERY_DOCTOR || kind == QUERY_RULES || kind == QUERY_METRICS;
}

int resolve_target(const struct store_reader *reader, const struct query *q, struct resolved *ret_resolved,
		   struct answer *answer)
{
	int r;

	if (!q->target[0] && !q->node[0]) {
		*ret_resolved = (struct resolved){ .what = RESOLVED_FLEET };
		/* What is asked of a node means the only one there is. */
		r = resolve_is_for_a_node(q->kind) ? find_only_node(reader, ret_resolved) : 0;
		return MIN_OF(r, 0);
	}
	if (!q->target[0])
		return resolve_node(reader, q->node, ret_resolved, answer);
	if (q->target_kind == ENTITY_NODE)
		return resolve_node(reader, q->target, ret_resolved, answer);
	if (q->target_kind != ENTITY_KIND_MAX)
		return resolve_entity(reader, q, q->target_kind, ret_resolved, answer);
	r = find_finding(reader, q->target, ret_resolved);
	if (r == 0)
		r = find_node(reader, q->target, ret_resolved);
	if (r != 0)
		return r < 0 ? r : 0;
	return resolve_entity(reader, q, STORE_NO_KIND, ret_resolved, answer);
}

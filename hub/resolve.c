// SPDX-License-Identifier: Apache-2.0
#include "hub/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/target.h"
#include "model/who.h"

#define MIN_ID_LETTERS 8 /* fewer would mean too many */

#define MAX_LOOKED_AT  2000

/* What the store knows of a thing, as an entity that the word may name. */
static int offer(void *arg, const struct store_entity *from)
{
	static const char *const names[ENTITY_KIND_MAX] = {
		[ENTITY_JOB] = "name", [ENTITY_CONTAINER] = "name", [ENTITY_RANK] = "job_name", [ENTITY_POD] = "uid",
	};
	struct finding_entity e = { .kind = from->kind, .id = from->key };

	if (from->called[0] && names[from->kind])
		e.attrs[e.n_attrs++] = (struct finding_attr){ names[from->kind], from->called };
	else if (from->called[0])
		e.name = from->called;
	if (from->other[0] && from->kind == ENTITY_PROCESS)
		e.attrs[e.n_attrs++] = (struct finding_attr){ "pid", from->other };
	if (from->other[0] && from->kind == ENTITY_GPU)
		e.attrs[e.n_attrs++] = (struct finding_attr){ "uuid", from->other };
	target_search_offer(arg, &e, from->node, 0, false);
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

static int ambiguous(struct answer *a, const struct target_search *c)
{
	a->status = ANSWER_AMBIGUOUS;
	a->message = arena_printf(
		a->arena, "'%s' is more than one thing: say which, as KIND NODE:NAME or by its full name", c->word);
	a->candidates = arena_alloc_array(a->arena, c->n_hits, sizeof(*a->candidates));
	for (size_t i = 0; a->candidates && i < c->n_hits; i++) {
		const struct target_hit *h = &c->hits[i];
		const char *kind = h->kind == ENTITY_PROCESS ? "pid" : entity_kind_name(h->kind);
		struct finding_entity e = { .kind = h->kind, .id = h->key, .name = h->what };
		const char *text = h->node[0] ? arena_printf(a->arena, "%s %s:%s", kind, h->node, h->key) :
						arena_printf(a->arena, "%s %s", kind, h->key);
		struct answer_who *w = who_add(a, "candidate", &e);

		if (!text)
			break;
		a->candidates[a->n_candidates++] = text;
		if (w)
			w->node = arena_strdup(a->arena, h->node);
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

/* What the keys and names that `word` may mean begin with. A rank's job ends where its member begins: at the last mark, or,
 * when the member's own name has marks, at the first. */
static void beginning(enum entity_kind kind, const char *word, bool first_mark, char *ret_prefix, size_t size)
{
	const char *behind_scheme = strstr(word, "://"), *mark;
	size_t n = strlen(word);

	if (kind == ENTITY_CONTAINER && behind_scheme)
		word = behind_scheme + 3;
	if (kind == ENTITY_RANK)
		for (mark = word + strcspn(word, ":/"); *mark; mark += 1 + strcspn(mark + 1, ":/")) {
			n = (size_t)(mark - word);
			if (first_mark)
				break;
		}
	(void)text_copy(ret_prefix, MIN_OF(size, n + 1), word);
}

static int look(const struct store_reader *reader, enum entity_kind kind, const char *node, struct target_search *s)
{
	char prefix[GRAPH_MAX_KEY] = "";
	int r = 0;

	for (unsigned i = 0; i < 2 && r == 0 && s->n_hits == 0 && (i == 0 || kind == ENTITY_RANK); i++) {
		beginning(kind, s->word, i > 0, prefix, sizeof(prefix));
		if (prefix[0])
			r = reader->class->visit_entities(reader->state, kind, prefix, node, MAX_LOOKED_AT, offer, s);
	}
	return r;
}

static int search(const struct store_reader *reader, enum entity_kind kind, const char *node, struct target_search *s)
{
	int r = look(reader, kind == STORE_NO_KIND ? ENTITY_POD : kind, node, s);

	return r == 0 && kind == STORE_NO_KIND ? look(reader, ENTITY_JOB, node, s) : r;
}

/* Nothing fits: what is called like it? */
static int search_near(const struct store_reader *reader, enum entity_kind kind, struct target_search *s)
{
	int r = reader->class->visit_entities(reader->state, kind == STORE_NO_KIND ? ENTITY_POD : kind, "", NULL,
					      MAX_LOOKED_AT, offer, s);

	if (r == 0 && kind == STORE_NO_KIND)
		r = reader->class->visit_entities(reader->state, ENTITY_JOB, "", NULL, MAX_LOOKED_AT, offer, s);
	return r;
}

static int say_not_found(const struct store_reader *reader, const struct query *q, enum entity_kind kind,
			 struct target_search *s, struct answer *answer)
{
	char hint[1024];
	int r = search_near(reader, kind, s);

	if (r < 0)
		return r;
	target_search_hint(s, hint, sizeof(hint));
	return not_found(answer,
			 arena_printf(answer->arena, "no stored finding is about %s '%s'%s",
				      kind == STORE_NO_KIND ? "a finding, node, pod or job" : entity_kind_name(kind),
				      q->target, hint));
}

static int resolve_found(const struct store_reader *reader, const struct query *q, enum entity_kind kind, const char *node,
			 struct target_search *s, struct resolved *ret, struct answer *answer)
{
	if (s->n_hits > 1)
		return ambiguous(answer, s);
	if (s->n_hits == 1) {
		*ret = (struct resolved){ .what = RESOLVED_ENTITY, .kind = s->hits[0].kind };
		(void)text_copy(ret->key, sizeof(ret->key), s->hits[0].key);
		(void)text_copy(ret->node, sizeof(ret->node), s->hits[0].node);
		return 0;
	}
	if (node[0]) {
		*ret = (struct resolved){ .what = RESOLVED_ELSEWHERE, .kind = kind };
		(void)text_copy(ret->key, sizeof(ret->key), s->word);
		(void)text_copy(ret->node, sizeof(ret->node), node);
		return 0;
	}
	return say_not_found(reader, q, kind, s, answer);
}

static int resolve_entity(const struct store_reader *reader, const struct query *q, enum entity_kind kind,
			  struct resolved *ret, struct answer *answer)
{
	AUTO_FREE struct target_search *s = malloc(sizeof(*s));
	char node[RECORD_MAX_NODE] = "";
	const char *word = q->target;
	int r = 0;

	if (!s)
		return -ENOMEM;
	if (q->node[0])
		(void)text_copy(node, sizeof(node), q->node);
	else if (kind != ENTITY_POD && kind != ENTITY_JOB && kind != ENTITY_RANK)
		r = split_node(reader, &word, node);
	target_search_init(s, kind == STORE_NO_KIND ? ENTITY_KIND_MAX : kind, word);
	if (r == 0)
		r = search(reader, kind, node, s);
	return r < 0 ? r : resolve_found(reader, q, kind, node, s, ret, answer);
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

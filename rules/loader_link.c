// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "rules/loader.h"
#include "rules/path.h"

static struct cause_rule *cause_at(const struct loader *l, uint32_t i)
{
	return list_at(&l->causes, i);
}

static uint32_t find_cause(const struct loader *l, const char *id)
{
	for (uint32_t i = 0; i < l->causes.n; i++)
		if (strcmp(cause_at(l, i)->id, id) == 0)
			return i;
	return UINT32_MAX;
}

static uint32_t find_symptom(const struct loader *l, const char *id)
{
	for (uint32_t i = 0; i < l->symptoms.n; i++)
		if (strcmp(((const struct symptom_rule *)list_at(&l->symptoms, i))->id, id) == 0)
			return i;
	return UINT32_MAX;
}

static void list_remove(struct list *list, uint32_t i)
{
	memmove(list_at(list, i), list_at(list, i + 1), (list->n - i - 1) * list->size);
	list->n--;
}

void loader_reject_cause(struct loader *l, uint32_t index)
{
	const char *id = cause_at(l, index)->id;

	list_remove(&l->causes, index);
	list_remove(&l->cause_places, index);
	l->n_rejected++;
	if (list_add(&l->rejected, l->scratch, &id, NULL) < 0)
		l->out_of_memory = true;
}

/* The item of a list member by the position among those taken; here all were taken, else the rule would be gone. */
static const struct yaml_node *item_at(const struct yaml_node *rule, const char *key, uint32_t i)
{
	const struct yaml_node *list = yaml_tree_get(rule, key), *item = list ? list->first : NULL;

	while (item && i--)
		item = item->next;
	return item ? item : rule;
}

static void enter(struct loader *l, uint32_t index)
{
	l->file = ((const struct cause_place *)list_at(&l->cause_places, index))->file;
	l->rule = cause_at(l, index)->id;
}

static bool check_explains(struct loader *l, uint32_t index)
{
	const struct cause_place *place = list_at(&l->cause_places, index);
	const struct cause_rule *c = cause_at(l, index);
	bool fine = true;

	for (uint32_t i = 0; i < c->n_explains; i++) {
		/* The array is ours until the ruleset is built. */
		struct explain_rule *e = (struct explain_rule *)&c->explains[i];
		const struct yaml_node *item = item_at(place->node, "explains", i), *via = yaml_tree_get(item, "via");
		const struct symptom_rule *s;

		e->symptom_index = find_symptom(l, e->symptom);
		if (e->symptom_index == UINT32_MAX)
			continue;
		s = list_at(&l->symptoms, e->symptom_index);
		if (path_end(&e->via) == s->scope)
			continue;
		enter(l, index);
		loader_error(l, RULES_E223, via ? via : yaml_tree_get(item, "symptom"), 0, via ? via->len
			     : strlen(e->symptom), "give a 'via' that ends there",
			     "'%s' is about a %s, the path ends at a %s", e->symptom, entity_kind_name(s->scope),
				     entity_kind_name(path_end(&e->via)));
		fine = false;
	}
	return fine;
}

/* Depth-first over because; state 1: on the way, 2: done. True: the chain comes back to one on the way. */
static bool has_cycle(const struct loader *l, uint32_t index, uint8_t *state)
{
	const struct cause_rule *c = cause_at(l, index);

	state[index] = 1;
	for (uint32_t i = 0; i < c->n_because; i++) {
		uint32_t deeper = find_cause(l, c->because[i]);

		if (deeper == UINT32_MAX || state[deeper] == 2)
			continue;
		if (state[deeper] == 1 || has_cycle(l, deeper, state))
			return true;
	}
	state[index] = 2;
	return false;
}

/* Is `index` itself on a cycle? Only such a rule is to blame, not one that merely leads there. */
static bool reaches(const struct loader *l, uint32_t from, uint32_t target, uint8_t *seen)
{
	const struct cause_rule *c = cause_at(l, from);

	seen[from] = 1;
	for (uint32_t i = 0; i < c->n_because; i++) {
		uint32_t deeper = find_cause(l, c->because[i]);

		if (deeper == target || (deeper != UINT32_MAX && !seen[deeper] && reaches(l, deeper, target, seen)))
			return true;
	}
	return false;
}

/* The last written rule of a cycle is the one rejected. */
static bool reject_one_cycle(struct loader *l)
{
	uint8_t *state = arena_alloc_array(l->scratch, l->causes.n + 1, 1);
	bool found = false;

	if (!state) {
		l->out_of_memory = true;
		return false;
	}
	for (uint32_t i = 0; i < l->causes.n && !found; i++)
		found = state[i] == 0 && has_cycle(l, i, state);
	for (uint32_t i = l->causes.n; found && i-- > 0;) {
		const struct yaml_node *because;

		memset(state, 0, l->causes.n);
		if (!reaches(l, i, i, state))
			continue;
		enter(l, i);
		because = yaml_tree_get(((const struct cause_place *)list_at(&l->cause_places, i))->node, "because");
		loader_error(l, RULES_E311, because, 0, 1, "take one of its causes out", "'%s' is because of itself",
			     cause_at(l, i)->id);
		loader_reject_cause(l, i);
		return true;
	}
	return false;
}

void loader_check_links(struct loader *l)
{
	for (uint32_t i = 0; i < l->causes.n;) {
		if (check_explains(l, i))
			i++;
		else
			loader_reject_cause(l, i);
	}
	while (!l->out_of_memory && reject_one_cycle(l))
		;
	l->rule = NULL;
}

static const char *nearest_cause(struct loader *l, const char *id)
{
	const char **names = arena_alloc_array(l->scratch, l->causes.n + 1, sizeof(*names));

	for (uint32_t i = 0; names && i < l->causes.n; i++)
		names[i] = cause_at(l, i)->id;
	return names ? loader_mean(l, id, names, l->causes.n) : NULL;
}

static void warn_ids(struct loader *l, const struct yaml_node *rule, const char *key, const char *const *ids,
		     uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct yaml_node *item = item_at(rule, key, i);

		if (find_cause(l, ids[i]) == UINT32_MAX)
			loader_warning(l, RULES_W104, item, 0, item->kind == YAML_SCALAR ? item->len : 1,
				       nearest_cause(l, ids[i]), "%s: cause '%s' is not loaded", key,
				       ids[i]);
	}
}

static void warn_cause(struct loader *l, uint32_t index)
{
	const struct yaml_node *rule = ((const struct cause_place *)list_at(&l->cause_places, index))->node;
	const struct cause_rule *c = cause_at(l, index);

	enter(l, index);
	for (uint32_t i = 0; i < c->n_explains; i++) {
		const struct yaml_node *at = yaml_tree_get(item_at(rule, "explains", i), "symptom");

		if (c->explains[i].symptom_index == UINT32_MAX)
			loader_warning(l, RULES_W101, at, 0, at ? at->len : 1, NULL, "symptom '%s' is not loaded",
				       c->explains[i].symptom);
	}
	warn_ids(l, rule, "because", c->because, c->n_because);
	warn_ids(l, rule, "explained_away_by", c->explained_away_by, c->n_explained_away_by);
}

void loader_warn_links(struct loader *l)
{
	for (uint32_t i = 0; i < l->causes.n; i++)
		warn_cause(l, i);
	l->rule = NULL;
	for (uint32_t i = 0; i < l->finding_refs.n; i++) {
		const struct finding_ref *ref = list_at(&l->finding_refs, i);

		l->file = ref->file;
		if (find_cause(l, ref->id) == UINT32_MAX)
			loader_warning(l, RULES_W104, ref->at, ref->offset, ref->length, nearest_cause(l, ref->id),
				       "finding(): cause '%s' is not loaded", ref->id);
	}
	for (uint32_t i = 0; i < l->overrides.n; i++) {
		const struct override *o = list_at(&l->overrides, i);

		l->file = (struct rules_file *)o->file;
		if (!o->used)
			diags_add(l->diags, DIAG_WARNING, rules_code_name(RULES_W105), l->file->origin->name,
				  o->node->key_line, o->node->key_column,
				  (uint32_t)strlen(o->id), l->file->origin->text, NULL, nearest_cause(l, o->id),
					  "override of '%s', which is not loaded", o->id);
	}
}

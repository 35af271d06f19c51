// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "rules/loader.h"

struct reread {
	const struct rules_source *origin; /* in the ruleset that is in force */
	struct rules_file *file;
};

static bool was_rejected(const struct loader *l, const char *id)
{
	for (uint32_t i = 0; i < l->rejected.n; i++)
		if (strcmp(*(const char *const *)list_at(&l->rejected, i), id) == 0)
			return true;
	return false;
}

/* Each old text is parsed once, however many rules come from it. */
static struct rules_file *reread(struct loader *l, struct list *files, const struct rules_source *origin)
{
	struct reread entry = { .origin = origin };

	for (uint32_t i = 0; i < files->n; i++)
		if (((const struct reread *)list_at(files, i))->origin == origin)
			return ((const struct reread *)list_at(files, i))->file;
	entry.file = loader_parse_quietly(l, origin);
	if (list_add(files, l->scratch, &entry, NULL) < 0)
		l->out_of_memory = true;
	return entry.file;
}

static void keep(struct loader *l, struct list *files, const char *id, const struct rules_source *origin, bool is_cause)
{
	AUTO(diags_free) struct diags *unheard = NULL;
	struct diags *diags = l->diags;
	const struct yaml_node *node;
	struct rules_file *file;
	uint32_t n_rejected = l->n_rejected;

	if (!was_rejected(l, id) || loader_has_rule(l, id))
		return;
	file = reread(l, files, origin);
	node = file ? yaml_tree_get(yaml_tree_get(file->root, is_cause ? "causes" : "symptoms"), id) : NULL;
	if (!node)
		return;
	if (diags_new(&unheard) < 0) {
		l->out_of_memory = true;
		return;
	}
	l->file = file;
	l->diags = unheard;
	if (loader_take_rule(l, node, is_cause)) {
		if (is_cause)
			((struct cause_rule *)list_at(&l->causes, l->causes.n - 1))->kept = true;
		else
			((struct symptom_rule *)list_at(&l->symptoms, l->symptoms.n - 1))->kept = true;
	}
	l->n_rejected = n_rejected;
	l->diags = diags;
}

void loader_keep(struct loader *l)
{
	struct list files = { .size = sizeof(struct reread) };

	if (!l->last)
		return;
	for (uint32_t i = 0; i < l->last->n_symptoms; i++)
		keep(l, &files, l->last->symptoms[i].id, l->last->symptoms[i].origin, false);
	for (uint32_t i = 0; i < l->last->n_causes; i++)
		keep(l, &files, l->last->causes[i].id, l->last->causes[i].origin, true);
}

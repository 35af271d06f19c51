// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "rules/expr.h"
#include "rules/loader.h"
#include "rules/template.h"

#define DEFAULT_CLEAR_AFTER_NS (300 * NS_PER_S)

/* hold: { for, clear_when, clear_after, cooldown, latch }. */
bool loader_read_hold(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct hold *hold)
{
	int latch = (int)hold->latch;
	bool fine;

	if (!node)
		return true;
	if (!fields_check(l, node, "hold", &keys_hold))
		return false;
	if (yaml_tree_get(node, "clear_when"))
		hold->clear_when = expr_field(l, node, "clear_when", scope);
	fine = field_duration(l, node, "for", &hold->for_ns);
	fine = field_duration(l, node, "clear_after", &hold->clear_after_ns) && fine;
	fine = field_duration(l, node, "cooldown", &hold->cooldown_ns) && fine;
	fine = field_word(l, node, "latch", words_latch, &latch) && fine;
	hold->latch = (__typeof__(hold->latch))latch;
	return fine;
}

/* clear: { when, after }. */
static void read_clear(struct loader *l, const struct yaml_node *node, enum entity_kind scope, struct hold *hold)
{

	if (!node || !fields_check(l, node, "clear", &keys_clear))
		return;
	if (yaml_tree_get(node, "when"))
		hold->clear_when = expr_field(l, node, "when", scope);
	(void)field_duration(l, node, "after", &hold->clear_after_ns);
}

bool loader_read_symptom(struct loader *l, const struct yaml_node *node)
{
	struct symptom_rule s = { .id = loader_strdup(l, node->key), .pack = l->file->pack,
				  .file = l->file->origin->name, .severity = SEVERITY_WARNING,
				  .mode = l->file->mode, .origin = l->file->origin };
	size_t before = l->n_errors;

	if (!fields_check(l, node, "a symptom", &keys_symptom) || !field_is_id(l, node->key, node, true) ||
	    !field_scope(l, node, &s.scope))
		return false;
	if (!yaml_tree_get(node, "when"))
		loader_error_key(l, RULES_E123, node, NULL, "symptom '%s' has no 'when'", node->key);
	s.hold.clear_when = PROGRAM_NONE;
	s.hold.clear_after_ns = DEFAULT_CLEAR_AFTER_NS;
	(void)field_severity(l, node, &s.severity);
	(void)field_mode(l, node, &s.mode);
	(void)field_text(l, node, "doc", &s.doc);
	s.match = expr_field(l, node, "match", s.scope);
	s.when = expr_field(l, node, "when", s.scope);
	(void)template_field(l, node, "title", s.scope, NULL, &s.title);
	(void)loader_read_hold(l, yaml_tree_get(node, "hold"), s.scope, &s.hold);
	read_clear(l, yaml_tree_get(node, "clear"), s.scope, &s.hold);
	(void)field_duration(l, node, "for", &s.hold.for_ns);
	loader_apply_override(l, s.scope, &s.mode, &s.severity, &s.exceptions, &s.n_exceptions);
	loader_digest(l, node, s.digest);
	if (l->n_errors != before || l->out_of_memory)
		return false;
	if (list_add(&l->symptoms, l->arena, &s, NULL) < 0)
		l->out_of_memory = true;
	return !l->out_of_memory;
}

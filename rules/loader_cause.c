// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "rules/expr.h"
#include "rules/loader.h"
#include "rules/path.h"
#include "rules/template.h"

/* because: [id, { cause: id, via: path }]. */
static void read_because(struct loader *l, const struct yaml_node *list, struct cause_rule *c)
{
	const char **ids;
	struct path *via;

	if (!list || !fields_is_list(l, list, RULESET_MAX_LINKS))
		return;
	ids = loader_alloc(l, list->n_children, sizeof(*ids));
	via = loader_alloc(l, list->n_children, sizeof(*via));
	c->because = ids;
	c->because_via = via;
	for (const struct yaml_node *item = list->first; ids && via && item; item = item->next) {
		uint32_t n = c->n_because;

		via[n] = (struct path){ .from = c->scope };
		if (item->kind == YAML_SCALAR) {
			ids[n] = loader_strdup(l, item->text);
		} else if (!fields_check(l, item, "because", &keys_because) ||
			   !path_field(l, item, "via", c->scope, &via[n]) ||
			   !field_text(l, item, "cause", &ids[n])) {
			continue;
		}
		if (!ids[n]) {
			loader_error(l, RULES_E123, item, 0, 1, "{ cause: disk.io_error, via: mount -> disk }",
				     "'because' needs a 'cause'");
			continue;
		}
		c->n_because++;
	}
}

static void read_affects(struct loader *l, const struct yaml_node *list, struct cause_rule *c)
{
	struct path *paths;

	if (!list || !fields_is_list(l, list, RULESET_MAX_LINKS))
		return;
	paths = loader_alloc(l, list->n_children, sizeof(*paths));
	c->affects = paths;
	for (const struct yaml_node *item = list->first; paths && item; item = item->next) {
		enum entity_kind end;

		if (item->kind != YAML_SCALAR) {
			loader_error(l, RULES_E122, item, 0, 1, NULL, "a path was expected");
			continue;
		}
		if (!path_parse(l, item, 0, item->text, c->scope, &paths[c->n_affects]))
			continue;
		end = path_end(&paths[c->n_affects]);
		if (end == ENTITY_PROCESS || end == ENTITY_CONTAINER || end == ENTITY_POD || end == ENTITY_RANK ||
		    end == ENTITY_JOB)
			c->n_affects++;
		else
			loader_error(l, RULES_E223, item, 0, item->len, NULL,
				     "who is affected is a process, container, pod, rank or job");
	}
}

static void read_confidence(struct loader *l, const struct yaml_node *node, struct cause_rule *c)
{

	c->prior = 0.5;
	c->report_at = 0.5;
	c->act_at = 0.95;
	if (!node || !fields_check(l, node, "confidence", &keys_confidence))
		return;
	if (!field_number(l, node, "prior", 0.01, 0.99, &c->prior) ||
	    !field_number(l, node, "report_at", 0, 1, &c->report_at) ||
	    !field_number(l, node, "act_at", 0, 1, &c->act_at))
		return;
	if (c->report_at > c->act_at)
		loader_error(l, RULES_E312, node, 0, 1, NULL, "report_at is above act_at");
}

static void read_checks(struct loader *l, const struct yaml_node *list, struct cause_rule *c)
{
	struct template *checks;

	if (!list || !fields_is_list(l, list, FINDING_MAX_CHECKS))
		return;
	checks = loader_alloc(l, list->n_children, sizeof(*checks));
	c->checks = checks;
	for (const struct yaml_node *item = list->first; checks && item; item = item->next)
		if (template_compile(l, item, c->scope, NULL, &checks[c->n_checks]))
			c->n_checks++;
}

static void read_action(struct loader *l, const struct yaml_node *node, const char *key, enum remedy_action *ret_action)
{
	const char *names[REMEDY_ACTION_MAX + 1] = { NULL };
	int value = (int)*ret_action;

	for (unsigned i = 0; i < REMEDY_ACTION_MAX; i++)
		names[i] = remedy_action_name((enum remedy_action)i);
	if (field_word(l, node, key, names, &value))
		*ret_action = (enum remedy_action)value;
}

static void read_remedy(struct loader *l, const struct yaml_node *node, struct cause_rule *c)
{
	int automatic = FINDING_AUTO_NEVER;

	c->escalate_if = PROGRAM_NONE;
	if (!node || !fields_check(l, node, "remedy", &keys_remedy))
		return;
	read_action(l, node, "action", &c->action);
	read_action(l, node, "then", &c->then);
	c->escalate_if = expr_field(l, node, "escalate_if", c->scope);
	(void)field_word(l, node, "auto", words_auto, &automatic);
	c->automatic = (enum finding_auto)automatic;
	(void)template_field(l, node, "text", c->scope, NULL, &c->remedy_text);
	read_checks(l, yaml_tree_get(node, "check"), c);
}

static void read_emits(struct loader *l, const struct yaml_node *node, struct cause_rule *c)
{

	if (!node || !fields_check(l, node, "emits", &keys_emits))
		return;
	(void)field_text(l, node, "condition", &c->emit_condition);
	(void)field_text(l, node, "reason", &c->emit_reason);
	(void)field_text(l, node, "event", &c->emit_event);
	(void)field_ids(l, node, "codes", RULESET_MAX_LINKS, &c->emit_codes, &c->n_emit_codes);
}

static void check_clear(struct loader *l, const struct yaml_node *node, const struct cause_rule *c)
{
	const struct yaml_node *hold = yaml_tree_get(node, "hold");

	if (hold && (yaml_tree_get(hold, "clear_when") || yaml_tree_get(hold, "clear_after")))
		return;
	loader_error_key(l, RULES_E310, hold ? hold : node, "hold: { clear_after: 5m }",
			 "cause '%s' has no clear_when/clear_after: it could never recover", c->id);
}

static void read_parts(struct loader *l, const struct yaml_node *node, struct cause_rule *c)
{
	c->match = expr_field(l, node, "match", c->scope);
	c->trigger = expr_field(l, node, "trigger", c->scope);
	if (!yaml_tree_get(node, "trigger"))
		loader_error_key(l, RULES_E123, node, "an event or an edge that wakes the rule",
				 "cause '%s' has no 'trigger'", c->id);
	(void)template_field(l, node, "title", c->scope, NULL, &c->title);
	(void)field_text(l, node, "doc", &c->doc);
	(void)field_severity(l, node, &c->severity);
	int alone = (int)c->severity_alone;
	if (field_word(l, node, "severity_alone", words_severity, &alone))
		c->severity_alone = (enum severity)alone;
	(void)field_mode(l, node, &c->mode);
	loader_read_explains(l, yaml_tree_get(node, "explains"), c->scope, &c->explains, &c->n_explains);
	loader_read_evidence(l, yaml_tree_get(node, "requires"), c->scope, "requires", &c->requires, &c->n_requires);
	loader_read_evidence(l, yaml_tree_get(node, "supports"), c->scope, "supports", &c->supports, &c->n_supports);
	loader_read_evidence(l, yaml_tree_get(node, "refutes"), c->scope, "refutes", &c->refutes, &c->n_refutes);
	loader_read_unless(l, yaml_tree_get(node, "unless"), c->scope, &c->unless, &c->n_unless);
	(void)field_ids(l, node, "explained_away_by", RULESET_MAX_LINKS, &c->explained_away_by,
			&c->n_explained_away_by);
	read_because(l, yaml_tree_get(node, "because"), c);
	read_affects(l, yaml_tree_get(node, "affects"), c);
	read_confidence(l, yaml_tree_get(node, "confidence"), c);
	read_remedy(l, yaml_tree_get(node, "remedy"), c);
	read_emits(l, yaml_tree_get(node, "emits"), c);
	(void)loader_read_hold(l, yaml_tree_get(node, "hold"), c->scope, &c->hold);
}

bool loader_read_cause(struct loader *l, const struct yaml_node *node)
{
	struct cause_rule c = { .id = loader_strdup(l, node->key), .pack = l->file->pack,
				.file = l->file->origin->name, .severity = SEVERITY_WARNING,
				.severity_alone = SEVERITY_MAX, .mode = l->file->mode, .origin = l->file->origin,
				.hold.clear_when = PROGRAM_NONE };
	size_t before = l->n_errors;

	if (!fields_check(l, node, "a cause", &keys_cause) || !field_is_id(l, node->key, node, true) ||
	    !field_scope(l, node, &c.scope))
		return false;
	read_parts(l, node, &c);
	if (!yaml_tree_get(node, "title"))
		loader_error_key(l, RULES_E123, node, NULL, "cause '%s' has no 'title'", c.id);
	if (c.n_requires == 0 && !(yaml_tree_get(node, "requires") && l->n_errors != before))
		loader_error_key(l, RULES_E301, node, "requires: [{ id: ..., when: ... }]",
				 "cause '%s' requires nothing", c.id);
	check_clear(l, node, &c);
	loader_apply_override(l, c.scope, &c.mode, &c.severity, &c.exceptions, &c.n_exceptions);
	loader_digest(l, node, c.digest);
	if (l->n_errors != before || l->out_of_memory)
		return false;
	if (list_add(&l->causes, l->arena, &c, NULL) < 0)
		l->out_of_memory = true;
	return !l->out_of_memory;
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/version.h"
#include "rules/loader.h"

static void digest_node(struct buf *b, const struct yaml_node *node)
{
	(void)buf_addf(b, "%d:%s:%zu:", (int)node->kind, node->key ? node->key : "", node->len);
	if (node->text)
		(void)buf_add(b, node->text, node->len);
	for (const struct yaml_node *child = node->first; child; child = child->next)
		digest_node(b, child);
	(void)buf_add_text(b, ";");
}

void loader_digest(struct loader *l, const struct yaml_node *node, char ret_hex[DIGEST_HEX_MAX])
{
	const struct yaml_node *params = yaml_tree_get(l->file->root, "params");
	const struct override *o = l->override;
	AUTO_BUF struct buf b;

	buf_init(&b, YAML_TREE_MAX_BYTES * 2);
	digest_node(&b, node);
	if (params)
		digest_node(&b, params);
	for (unsigned i = 0; o && i < 4; i++) {
		const struct yaml_node *part = i == 0 ? o->mode : i == 1 ? o->severity : i == 2 ? o->params : o->except;

		if (part)
			digest_node(&b, part);
	}
	if (b.overflow || digest_sha256_hex(b.data, b.len, ret_hex) < 0)
		l->out_of_memory = true;
}

static bool check_version(struct loader *l)
{
	const struct yaml_node *root = l->file->root, *version = yaml_tree_get(root, "rules");

	if (root->kind == YAML_MAPPING && version && version == root->first && version->kind == YAML_SCALAR &&
	    strcmp(version->text, "why/v1") == 0)
		return true;
	loader_error(l, RULES_E120, version ? version : root, 0, version && version->kind == YAML_SCALAR
		     ? version->len : 1, "the first line is 'rules: why/v1'",
		     version && version == root->first ? "this version of the rule language is not known"
			     : "the first key of a file of rules is 'rules'");
	return false;
}

/* requires_agent: ">=0.4". False: these rules are not for this program. */
static bool check_agent(struct loader *l, const struct yaml_node *pack)
{
	const struct yaml_node *at = yaml_tree_get(pack, "requires_agent");
	struct version wanted, here;
	const char *text;

	if (!at)
		return true;
	text = at->kind == YAML_SCALAR && strncmp(at->text, ">=", 2) == 0 ? at->text + 2 : NULL;
	if (!text || version_parse(text + strspn(text, " "), &wanted) < 0) {
		loader_error(l, RULES_E131, at, 0, at->kind == YAML_SCALAR ? at->len : 1, "requires_agent: \">=0.1\"",
			     "not the least version of an agent");
		return false;
	}
	if (version_parse(WHY_VERSION, &here) == 0 && version_compare(&here, &wanted) >= 0)
		return true;
	loader_error(l, RULES_E132, at, 0, at->len, "update whyd, or take an older version of the pack",
		     "this pack needs whyd %s or newer, this is " WHY_VERSION, text + strspn(text, " "));
	return false;
}

/* False: nothing of the file may be used. */
static bool read_pack(struct loader *l)
{
	const struct yaml_node *pack = yaml_tree_get(l->file->root, "pack");
	const char *version;

	if (!pack || !fields_check(l, pack, "pack", &keys_pack))
		return true;
	(void)field_text(l, pack, "version", &version);
	(void)field_text(l, pack, "name", &l->file->pack);
	(void)field_mode(l, pack, &l->file->mode);
	if (!l->file->pack)
		loader_error_key(l, RULES_E123, pack, "pack: { name: my-pack, version: 1.0.0 }",
				 "the pack has no name");
	return check_agent(l, pack);
}

static struct rules_source *copy_source(struct loader *l, const struct rules_source *source)
{
	struct rules_source *copy = loader_alloc(l, 1, sizeof(*copy));
	const char *text = copy ? arena_strndup(l->arena, source->text, source->len) : NULL;

	if (!text) {
		l->out_of_memory = true;
		return NULL;
	}
	*copy = (struct rules_source){ .name = loader_strdup(l, source->name), .text = text, .len = source->len };
	return copy->name ? copy : NULL;
}

struct rules_file *loader_parse_file(struct loader *l, const struct rules_source *source)
{
	struct rules_file *file = arena_alloc(l->scratch, sizeof(*file));
	int r;

	if (file)
		file->origin = copy_source(l, source);
	if (!file || !file->origin) {
		l->out_of_memory = true;
		return NULL;
	}
	file->mode = RULE_ENABLED;
	l->file = file;
	l->rule = NULL;
	r = yaml_tree_parse(source->name, source->text, source->len, l->scratch, l->diags, &file->root);
	if (r == -ENOMEM)
		l->out_of_memory = true;
	if (r < 0) {
		l->n_errors++;
		return NULL;
	}
	if (!check_version(l) || !fields_check(l, file->root, "a file of rules", &keys_file))
		return NULL;
	if (!read_pack(l))
		return NULL;
	if (yaml_tree_get(file->root, "params"))
		loader_read_params(l, yaml_tree_get(file->root, "params"));
	return file;
}

struct rules_file *loader_parse_quietly(struct loader *l, const struct rules_source *source)
{
	AUTO(diags_free) struct diags *unheard = NULL;
	struct diags *diags = l->diags;
	struct rules_file *file = NULL;

	if (diags_new(&unheard) < 0) {
		l->out_of_memory = true;
		return NULL;
	}
	l->diags = unheard;
	file = loader_parse_file(l, source);
	l->diags = diags;
	return file;
}

static struct rules_file *last_good(struct loader *l, const char *name)
{
	struct rules_file *file;

	for (uint32_t i = 0; l->last && i < l->last->n_origins; i++) {
		if (strcmp(l->last->origins[i].name, name) != 0)
			continue;
		file = loader_parse_quietly(l, &l->last->origins[i]);
		if (file)
			file->kept = true;
		return file;
	}
	return NULL;
}

void loader_read_file(struct loader *l, const struct rules_source *source)
{
	struct rules_file *file = loader_parse_file(l, source);

	if (!file) {
		l->n_rejected++;
		file = last_good(l, source->name);
	}
	if (!file)
		return;
	l->file = file;
	if (list_add(&l->files, l->scratch, &file, NULL) < 0)
		l->out_of_memory = true;
	if (yaml_tree_get(file->root, "override"))
		loader_read_overrides(l, yaml_tree_get(file->root, "override"));
}

bool loader_has_rule(const struct loader *l, const char *id)
{
	for (uint32_t i = 0; i < l->symptoms.n; i++)
		if (strcmp(((const struct symptom_rule *)list_at(&l->symptoms, i))->id, id) == 0)
			return true;
	for (uint32_t i = 0; i < l->causes.n; i++)
		if (strcmp(((const struct cause_rule *)list_at(&l->causes, i))->id, id) == 0)
			return true;
	return false;
}

static bool may_take(struct loader *l, const struct yaml_node *node)
{
	if (loader_has_rule(l, node->key)) {
		loader_error_key(l, RULES_E127, node, "to change a rule of another pack use 'override:'",
				 "rule '%s' is there already", node->key);
		return false;
	}
	if (l->symptoms.n + l->causes.n < RULESET_MAX_RULES)
		return true;
	loader_error_key(l, RULES_E126, node, NULL, "more than %d rules", RULESET_MAX_RULES);
	return false;
}

bool loader_take_rule(struct loader *l, const struct yaml_node *node, bool is_cause)
{
	uint32_t programs = l->programs.n, paths = l->paths.n, regexes = l->regexes.n, params = l->params.n,
		refs = l->finding_refs.n;
	struct cause_place place = { .node = node, .file = l->file };
	bool taken;

	l->rule = node->key;
	l->override = loader_find_override(l, node->key);
	taken = may_take(l, node) && (is_cause ? loader_read_cause(l, node) : loader_read_symptom(l, node));
	if (taken && is_cause && list_add(&l->cause_places, l->scratch, &place, NULL) < 0)
		l->out_of_memory = true;
	if (!taken) {
		l->programs.n = programs;
		l->paths.n = paths;
		l->params.n = params;
		l->finding_refs.n = refs;
		loader_free_regexes(l, regexes);
		l->n_rejected++;
		if (list_add(&l->rejected, l->scratch, &node->key, NULL) < 0)
			l->out_of_memory = true;
	}
	l->rule = NULL;
	l->override = NULL;
	return taken;
}

static void take_section(struct loader *l, const char *key, bool is_cause)
{
	const struct yaml_node *section = yaml_tree_get(l->file->root, key);

	if (!section)
		return;
	if (section->kind != YAML_MAPPING) {
		loader_error(l, RULES_E122, section, 0, 1, NULL, "%s is a map from ids to rules", key);
		return;
	}
	for (const struct yaml_node *rule = section->first; rule && !l->out_of_memory; rule = rule->next)
		(void)loader_take_rule(l, rule, is_cause);
}

static void mark_kept(struct loader *l, uint32_t first_symptom, uint32_t first_cause)
{
	for (uint32_t i = first_symptom; i < l->symptoms.n; i++)
		((struct symptom_rule *)list_at(&l->symptoms, i))->kept = true;
	for (uint32_t i = first_cause; i < l->causes.n; i++)
		((struct cause_rule *)list_at(&l->causes, i))->kept = true;
}

void loader_take_rules(struct loader *l, struct rules_file *file)
{
	uint32_t symptoms = l->symptoms.n, causes = l->causes.n;

	l->file = file;
	take_section(l, "symptoms", false);
	take_section(l, "causes", true);
	if (file->kept)
		mark_kept(l, symptoms, causes);
	else
		loader_warn_unused_params(l);
}

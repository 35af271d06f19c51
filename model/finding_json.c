/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

#include <math.h>
#include <string.h>

static void write_time(struct json *j, const char *key, wall_ns_t t)
{
	char text[CLOCK_RFC3339_MAX];

	json_key(j, key);
	if (t == 0) {
		json_nil(j);
		return;
	}
	clock_format_rfc3339(t, text);
	json_text(j, text);
}

/* A text that a reader may rely on to be one. */
static void write_text(struct json *j, const char *key, const char *value)
{
	json_key_text(j, key, value ? value : "");
}

static bool attr_is_taken(const char *name)
{
	return strcmp(name, "kind") == 0 || strcmp(name, "id") == 0 || strcmp(name, "name") == 0;
}

static void write_entity(struct json *j, const struct finding_entity *e)
{
	json_object_begin(j);
	json_key_text(j, "kind", entity_kind_name(e->kind));
	write_text(j, "id", e->id);
	write_text(j, "name", e->name);
	for (size_t i = 0; i < e->n_attrs; i++)
		if (!attr_is_taken(e->attrs[i].name))
			json_key_text(j, e->attrs[i].name, e->attrs[i].value);
	json_object_end(j);
}

static void write_affected(struct json *j, const struct finding *f)
{
	json_key(j, "affected");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_affected; i++)
		write_entity(j, &f->affected[i]);
	json_array_end(j);
}

static void write_because(struct json *j, const struct finding *f)
{
	json_key(j, "because");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_because; i++)
		json_text(j, f->because[i]);
	json_array_end(j);
}

static void write_explains(struct json *j, const struct finding *f)
{
	json_key(j, "explains");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_explains; i++) {
		const struct finding_explained *e = &f->explains[i];

		json_object_begin(j);
		write_text(j, "symptom", e->symptom);
		json_key(j, "subject");
		write_entity(j, &e->subject);
		json_key_text(j, "finding", e->finding[0] ? e->finding : NULL);
		write_time(j, "at", e->at);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_evidence(struct json *j, const struct finding_evidence *e)
{
	json_object_begin(j);
	write_text(j, "id", e->id);
	write_text(j, "text", e->text);
	json_key_text(j, "metric", e->metric);
	json_key(j, "observed");
	if (e->observed_text)
		json_text(j, e->observed_text);
	else
		json_double(j, e->observed);
	json_key_text(j, "expected", e->expected);
	write_time(j, "from", e->from);
	write_time(j, "to", e->to);
	json_key_text(j, "source", e->source);
	json_key_text(j, "unit", unit_name(e->unit));
	json_key_text(j, "role", e->role);
	json_object_end(j);
}

static void write_verdicts(struct json *j, const struct finding *f)
{
	json_key(j, "evidence");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_evidence; i++)
		write_evidence(j, &f->evidence[i]);
	json_array_end(j);

	json_key(j, "ruled_out");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_ruled_out; i++) {
		json_object_begin(j);
		write_text(j, "rule", f->ruled_out[i].rule);
		write_text(j, "reason", f->ruled_out[i].reason);
		json_object_end(j);
	}
	json_array_end(j);

	json_key(j, "cannot_tell");
	json_array_begin(j);
	for (size_t i = 0; i < f->n_cannot_tell; i++) {
		json_object_begin(j);
		write_text(j, "what", f->cannot_tell[i].what);
		write_text(j, "why", f->cannot_tell[i].why);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_remedy(struct json *j, const struct finding *f)
{
	json_key(j, "remedy");
	json_object_begin(j);
	json_key_text(j, "action", remedy_action_name(f->remedy.action));
	write_text(j, "text", f->remedy.text);
	json_key(j, "check");
	json_array_begin(j);
	for (size_t i = 0; i < f->remedy.n_check; i++)
		json_text(j, f->remedy.check[i]);
	json_array_end(j);
	json_key_text(j, "auto", finding_auto_name(f->remedy.automatic));
	if (f->remedy.then != REMEDY_NONE)
		json_key_text(j, "then", remedy_action_name(f->remedy.then));
	json_key_bool(j, "act", f->remedy.act);
	json_object_end(j);
}

/* What came after the contract: only ever appended. */
static void write_additions(struct json *j, const struct finding *f)
{
	json_key_u64(j, "revision", f->revision);
	json_key_u64(j, "count", f->count);
	json_key_text(j, "resolved_reason", f->resolved_reason);
	json_key_text(j, "doc", f->doc);
	json_key_bool(j, "shadow", f->shadow);
	json_key_bool(j, "flapping", f->flapping);
	if (f->more_affected > 0)
		json_key_u64(j, "more_affected", f->more_affected);
	if (f->more_explains > 0)
		json_key_u64(j, "more_explains", f->more_explains);
}

void finding_write_json(const struct finding *f, struct json *j)
{
	json_object_begin(j);
	json_key_text(j, "apiVersion", "why/v1");
	json_key_text(j, "id", f->id);
	json_key_text(j, "state", finding_state_name(f->state));
	json_key_text(j, "kind", finding_kind_name(f->kind));
	write_text(j, "rule", f->rule);
	write_text(j, "title", f->title);
	json_key_text(j, "severity", severity_name(f->severity));
	json_key_double(j, "confidence", f->confidence);
	json_key_double(j, "coverage", f->coverage);
	write_text(j, "node", f->node);
	json_key(j, "subject");
	write_entity(j, &f->subject);
	write_affected(j, f);
	write_time(j, "opened_at", f->opened_at);
	write_time(j, "changed_at", f->changed_at);
	write_time(j, "resolved_at", f->resolved_at);
	write_because(j, f);
	write_explains(j, f);
	write_verdicts(j, f);
	write_remedy(j, f);
	write_text(j, "rules_digest", f->rules_digest);
	json_key_bool(j, "simulated", f->simulated);
	write_additions(j, f);
	json_object_end(j);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/answer.h"

#include <string.h>

#include "base/cleanup.h"

static const char *const kind_names[] = {
	[QUERY_EXPLAIN] = "Explanation", [QUERY_LIST] = "FindingList",	  [QUERY_TIMELINE] = "Timeline",
	[QUERY_NOT] = "Not",		 [QUERY_FLEET] = "Fleet",	  [QUERY_DOCTOR] = "Doctor",
	[QUERY_RULES] = "RuleList",	 [QUERY_METRICS] = "MetricList", [QUERY_RELOAD] = "Reload",
};
_Static_assert(ARRAY_LEN(kind_names) == QUERY_KIND_MAX, "a name for every kind of answer");

static const char *const status_names[] = {
	[ANSWER_OK] = "ok",	    [ANSWER_NOT_FOUND] = "not_found",	  [ANSWER_AMBIGUOUS] = "ambiguous",
	[ANSWER_DENIED] = "denied", [ANSWER_UNAVAILABLE] = "unavailable", [ANSWER_BAD] = "bad",
};

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

static void write_head(const struct answer *a, struct json *j)
{
	char headline[256];

	answer_headline(a, headline, sizeof(headline));
	json_key_text(j, "apiVersion", "why/v1");
	json_key_text(j, "kind", (unsigned)a->query < QUERY_KIND_MAX ? kind_names[a->query] : "?");
	json_key_text(j, "status", (unsigned)a->status < ARRAY_LEN(status_names) ? status_names[a->status] : "?");
	json_key_text(j, "message", a->message);
	json_key_text(j, "headline", headline);
	json_key_u64(j, "exit_status", (uint64_t)answer_exit_status(a));
	json_key_text(j, "target", a->target);
	json_key_text(j, "node", a->node);
	write_time(j, "as_of", a->as_of);
	json_key(j, "agent");
	json_object_begin(j);
	write_time(j, "last_seen", a->agent_last_seen);
	json_key_text(j, "version", a->agent_version);
	json_key_text(j, "rules_digest", a->rules_digest);
	json_object_end(j);
	json_key_bool(j, "evaluated", a->evaluated);
	json_key_bool(j, "stale", a->stale);
}

/* A name twice would be no JSON. */
static bool is_first(const struct answer_who *w, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(w->attrs[k].name, w->attrs[i].name) == 0)
			return false;
	return true;
}

static void write_who(const struct answer *a, struct json *j)
{
	json_key(j, "who");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_who; i++) {
		const struct answer_who *w = &a->who[i];

		json_object_begin(j);
		json_key_text(j, "role", w->role);
		if (w->id && w->id[0]) {
			json_key_text(j, "kind", entity_kind_name(w->kind));
			json_key_text(j, "id", w->id);
		}
		json_key_text(j, "name", w->name);
		json_key_text(j, "text", w->text);
		json_key_text_nonempty(j, "node", w->node);
		json_key_text_nonempty(j, "status", w->status);
		if (w->n_attrs > 0) {
			json_key(j, "attrs");
			json_object_begin(j);
			for (size_t k = 0; k < w->n_attrs; k++)
				if (is_first(w, k))
					json_key_text(j, w->attrs[k].name, w->attrs[k].value);
			json_object_end(j);
		}
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_findings(const struct answer *a, struct json *j)
{
	json_key(j, "findings");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_findings; i++)
		finding_write_json(a->findings[i], j);
	json_array_end(j);
}

static void write_lines(const struct answer *a, struct json *j)
{
	json_key(j, "items");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_lines; i++) {
		const struct answer_line *l = &a->lines[i];

		json_object_begin(j);
		if (l->at != 0)
			write_time(j, "at", l->at);
		json_key_text(j, "what", l->what);
		json_key_text_nonempty(j, "subject", l->subject);
		json_key_text_nonempty(j, "status", l->status);
		json_key_text(j, "text", l->text);
		json_key_text_nonempty(j, "detail", l->detail);
		json_key_text(j, "severity", severity_name(l->severity));
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_verdict(const struct answer *a, struct json *j)
{
	json_key_text(j, "verdict", a->verdict);
	json_key(j, "evidence");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_evidence; i++) {
		const struct answer_evidence *e = &a->evidence[i];

		json_object_begin(j);
		json_key_text(j, "role", e->role);
		json_key_text(j, "id", e->id);
		json_key_text(j, "text", e->text);
		json_key_text(j, "expected", e->expected);
		json_key(j, "truth");
		if (e->truth < 0)
			json_nil(j);
		else
			json_bool(j, e->truth > 0);
		json_key_double(j, "observed", e->observed);
		json_key_text(j, "why", e->why);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_unknown(const struct answer *a, struct json *j)
{
	json_key(j, "unknown");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_unknown; i++) {
		json_object_begin(j);
		json_key_text(j, "what", a->unknown[i].what);
		json_key_text(j, "why", a->unknown[i].why);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_candidates(const struct answer *a, struct json *j)
{
	json_key(j, "candidates");
	json_array_begin(j);
	for (size_t i = 0; i < a->n_candidates; i++)
		json_text(j, a->candidates[i]);
	json_array_end(j);
}

void answer_write_json(const struct answer *a, struct json *j)
{
	json_object_begin(j);
	write_head(a, j);
	if (a->n_who > 0)
		write_who(a, j);
	write_findings(a, j);
	if (a->n_lines > 0 || (a->query != QUERY_EXPLAIN && a->query != QUERY_LIST && a->query != QUERY_NOT))
		write_lines(a, j);
	if (a->query == QUERY_NOT)
		write_verdict(a, j);
	write_unknown(a, j);
	if (a->n_candidates > 0)
		write_candidates(a, j);
	json_key_text_nonempty(j, "next_cursor", a->next_cursor);
	json_key_bool(j, "truncated", a->truncated);
	json_object_end(j);
}

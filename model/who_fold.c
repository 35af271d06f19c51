/* SPDX-License-Identifier: Apache-2.0 */
#include "model/who.h"

#include <stdio.h>
#include <string.h>

const char *who_attr(const struct answer_who *w, const char *name)
{
	for (size_t i = 0; i < w->n_attrs; i++)
		if (strcmp(w->attrs[i].name, name) == 0)
			return w->attrs[i].value;
	return NULL;
}

const char *who_member_name(const struct answer_who *w)
{
	const char *member = who_attr(w, "rank"), *slash = strrchr(w->id, '/');

	return w->kind != ENTITY_RANK ? w->name : member ? member : slash ? slash + 1 : w->name;
}

const char *who_role(const struct answer_who *w)
{
	const char *role = w->kind == ENTITY_RANK ? who_attr(w, "role") : NULL;

	return role && role[0] ? role : entity_kind_name(w->kind);
}

bool who_is_quiet(const struct answer_who *w)
{
	return w->status && (strcmp(w->status, "ok") == 0 || strcmp(w->status, "gone") == 0);
}

static void add_part(struct text *t, size_t begin, const char *before, const char *value, const char *behind)
{
	if (value && value[0])
		text_addf(t, "%s%s%s%s", t->len > begin ? ", " : "", before, value, behind);
}

void who_add_state(struct text *t, const struct answer_who *w)
{
	const char *restarts = who_attr(w, "restart_count"), *code = who_attr(w, "exit_code");
	const char *reason = who_attr(w, "exit_reason");
	char last[160];
	size_t begin = t->len;

	add_part(t, begin, "image ", who_attr(w, "image"), "");
	add_part(t, begin, "", who_attr(w, "state"), "");
	if (restarts && strcmp(restarts, "0") != 0)
		add_part(t, begin, "restarted ", restarts, strcmp(restarts, "1") == 0 ? " time" : " times");
	(void)snprintf(last, sizeof(last), "%s%s%s%s", code ? code : "", code && reason ? " (" : "", reason ? reason : "",
		       code && reason ? ")" : "");
	add_part(t, begin, "last exit ", last, "");
}

size_t who_alike(const struct answer *a, size_t i, size_t *ret_list)
{
	const struct answer_who *first = &a->who[i];
	size_t n = 0;

	for (; i < a->n_who && n < ANSWER_MAX_WHO; i++) {
		const struct answer_who *w = &a->who[i];

		if (strcmp(w->role, "member") == 0 && w->kind == first->kind && who_is_quiet(w) &&
		    strcmp(w->status, first->status) == 0 && strcmp(who_role(w), who_role(first)) == 0)
			ret_list[n++] = i;
	}
	return n;
}

size_t who_add_names(struct text *t, const struct answer *a, const size_t *list, size_t n, size_t max_parts)
{
	size_t i = 0;

	for (size_t parts = 0; i < n && parts < max_parts; parts++) {
		const char *first = who_member_name(&a->who[list[i]]);
		uint64_t number, next;
		size_t k = i;

		if (text_parse_u64(first, &number) == 0)
			while (k + 1 < n && text_parse_u64(who_member_name(&a->who[list[k + 1]]), &next) == 0 &&
			       next == number + (k + 1 - i))
				k++;
		text_addf(t, "%s%s", i ? ", " : "", first);
		if (k > i)
			text_addf(t, "%s%s", k == i + 1 ? ", " : "-", who_member_name(&a->who[list[k]]));
		i = k + 1;
	}
	return i;
}

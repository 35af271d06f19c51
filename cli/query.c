// SPDX-License-Identifier: Apache-2.0
#include "cli/query.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/target.h"

static int put(const char *option, const char *value, char *ret_field, size_t field_size, char *ret_error, size_t size)
{
	if (!value)
		return WHY_EXIT_OK;
	if (strlen(value) >= field_size) {
		snprintf(ret_error, size, "%s: longer than the %zu bytes a name may have", option, field_size - 1);
		return WHY_EXIT_USAGE;
	}
	text_copy(ret_field, field_size, value);
	return WHY_EXIT_OK;
}

int query_make(enum query_kind kind, const struct common *c, struct query *ret_query, char *ret_error, size_t size)
{
	int status;

	*ret_query = (struct query){ .kind = kind, .target_kind = ENTITY_KIND_MAX };
	ret_query->since_ns = c->since_ns ? c->since_ns : c->all && kind == QUERY_LIST ? QUERY_EVER_NS : 0;
	ret_query->min_confidence = c->min_confidence;
	ret_query->only_open = kind == QUERY_LIST && ret_query->since_ns == 0;
	status = put("--node", c->node, ret_query->node, sizeof(ret_query->node), ret_error, size);
	if (status == WHY_EXIT_OK)
		status = put("--cause", c->cause, ret_query->cause, sizeof(ret_query->cause), ret_error, size);
	return status;
}

int query_make_about(enum query_kind kind, const struct common *c, const char *const *words, size_t n_words,
		     struct query *ret_query, char *ret_error, size_t size)
{
	const char *const given[] = { c->job, c->pod, c->rank }, *const kinds[] = { "job", "pod", "rank" };
	int status = query_make(kind, c, ret_query, ret_error, size);
	const char *pair[2] = { NULL, NULL };

	for (size_t i = 0; i < ARRAY_LEN(given) && status == WHY_EXIT_OK; i++) {
		if (!given[i])
			continue;
		if (pair[0] || n_words > 0) {
			snprintf(ret_error, size, "--%s: one target at a time", kinds[i]);
			return WHY_EXIT_USAGE;
		}
		pair[0] = kinds[i];
		pair[1] = given[i];
	}
	if (pair[0]) {
		words = pair;
		n_words = ARRAY_LEN(pair);
	}
	return status == WHY_EXIT_OK ? target_parse(words, n_words, ret_query, ret_error, size) : status;
}

int query_make_node(enum query_kind kind, const struct common *c, const char *const *words, size_t n_words,
		    struct query *ret_query, char *ret_error, size_t size)
{
	int status = query_make(kind, c, ret_query, ret_error, size);

	if (status == WHY_EXIT_OK && n_words == 2 && strcmp(words[0], "node") == 0) {
		words++;
		n_words--;
	}
	if (status == WHY_EXIT_OK && n_words > 1) {
		snprintf(ret_error, size, "one node at a time");
		return WHY_EXIT_USAGE;
	}
	if (status == WHY_EXIT_OK && n_words == 1)
		status = put("the node", words[0], ret_query->node, sizeof(ret_query->node), ret_error, size);
	if (status == WHY_EXIT_OK && ret_query->node[0]) {
		ret_query->target_kind = ENTITY_NODE;
		status = put("the node", ret_query->node, ret_query->target, sizeof(ret_query->target), ret_error, size);
	}
	return status;
}

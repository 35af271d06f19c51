// SPDX-License-Identifier: Apache-2.0
#include "identity/statement.h"

#include <string.h>

struct statement statement_env(const struct identity_facts *f, enum env_key key)
{
	return (struct statement){ facts_env(f, key), f->env_source, env_key_name(key) };
}

struct statement statement_label(const struct identity_facts *f, const char *key)
{
	return (struct statement){ facts_label(f, key), IDENTITY_CRI, key };
}

struct statement statement_argument(const char *value)
{
	return (struct statement){ value[0] != '\0' ? value : NULL, IDENTITY_PROC, "arguments" };
}

const char *statement_settle(struct membership *m, const char *what, const struct statement *said, size_t n)
{
	const struct statement *holds = NULL;

	for (size_t i = 0; i < n; i++)
		if (said[i].value && (!holds || said[i].source < holds->source))
			holds = &said[i];
	if (!holds)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (said[i].value && strcmp(said[i].value, holds->value) != 0)
			membership_conflict(m, "%s: %s says %s, %s says %s", what, holds->by, holds->value, said[i].by,
					    said[i].value);
	if (holds->source < m->source)
		m->source = holds->source;
	return holds->value;
}

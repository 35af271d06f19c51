// SPDX-License-Identifier: Apache-2.0
#include "hub/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hub/store_sqlite.h"

int store_open(const char *url, char *ret_error, size_t error_size, struct store *ret_store)
{
	static const char sqlite[] = "sqlite:";

	if (strncmp(url, sqlite, sizeof(sqlite) - 1) == 0 && url[sizeof(sqlite) - 1])
		return store_sqlite_open(url + sizeof(sqlite) - 1, ret_error, error_size, ret_store);
	if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0) {
		(void)snprintf(ret_error, error_size,
			       "PostgreSQL is not built yet into this whyhub: use --store sqlite:PATH");
		return -EPROTONOSUPPORT;
	}
	(void)snprintf(ret_error, error_size,
		       "'%s' is no store: use --store sqlite:PATH, for example sqlite:/var/lib/why/hub.db", url);
	return -EINVAL;
}

void store_close(struct store *s)
{
	if (s->class)
		s->class->close(s->state);
	*s = (struct store){ 0 };
}

int store_reader_open(const struct store *s, struct store_reader *ret_reader)
{
	void *state;
	int r = s->class->reader_open(s->state, &state);

	if (r < 0)
		return r;
	*ret_reader = (struct store_reader){ s->class, state };
	return 0;
}

void store_reader_close(struct store_reader *r)
{
	if (r->class)
		r->class->reader_close(r->state);
	*r = (struct store_reader){ 0 };
}

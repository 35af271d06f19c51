// SPDX-License-Identifier: Apache-2.0
/* Any bytes as configuration: no crash; whatever was refused, every field stays within its bounds, and what is in
 * force prints as YAML that loads back to the same. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
	const char *name, *kind;
	uint64_t wait_ns, size_bytes, port;
	double share;
	bool secure;
	struct conf_list list;
};

static const struct conf_option table[] = {
	{ "name", CONF_TEXT, "n", offsetof(struct settings, name), .help = "" },
	{ "hub.kind", CONF_TEXT, "a", offsetof(struct settings, kind), .choices = "a|b", .help = "" },
	{ "hub.wait", CONF_DURATION, "5s", offsetof(struct settings, wait_ns), "1ms", "1m", .help = "" },
	{ "hub.deep.size", CONF_BYTES, "1MiB", offsetof(struct settings, size_bytes), "1KiB", "1GiB", .help = "" },
	{ "hub.deep.port", CONF_U64, "1", offsetof(struct settings, port), "1", "65535", .help = "" },
	{ "share", CONF_DOUBLE, "0.5", offsetof(struct settings, share), "0", "1", .help = "" },
	{ "secure", CONF_BOOL, "true", offsetof(struct settings, secure), .help = "" },
	{ "list", CONF_LIST, "a,b", offsetof(struct settings, list), .max = "4", .help = "" },
};

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void check(const struct settings *s)
{
	demand(s->name && (strcmp(s->kind, "a") == 0 || strcmp(s->kind, "b") == 0));
	demand(s->wait_ns >= 1000000 && s->wait_ns <= 60000000000);
	demand(s->size_bytes >= 1024 && s->size_bytes <= 1 << 30);
	demand(s->port >= 1 && s->port <= 65535 && s->share >= 0 && s->share <= 1 && s->list.n <= 4);
	for (size_t i = 0; i < s->list.n; i++)
		demand(s->list.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *arena = NULL;
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_BUF struct buf out, again;
	struct settings s, read;
	char error[200], value[64];
	int r;

	buf_init(&out, 16 << 20);
	buf_init(&again, 16 << 20);
	if (arena_new(32 << 20, &arena) < 0 || diags_new(&diags) < 0)
		return 0;
	demand(conf_defaults(table, ARRAY_LEN(table), arena, &s) == 0);
	read = s;
	r = conf_load(table, ARRAY_LEN(table), "fuzz", (const char *)data, size, arena, diags, &s);
	demand((r == 0) == (diags_count(diags, DIAG_ERROR) == 0));
	check(&s);
	demand(diags_print(diags, &again) == 0);
	buf_reset(&again);
	demand(conf_print_yaml(table, ARRAY_LEN(table), &s, &out) == 0);
	demand(conf_load(table, ARRAY_LEN(table), "back", (char *)out.data, out.len, arena, diags, &read) == 0);
	demand(conf_print_yaml(table, ARRAY_LEN(table), &read, &again) == 0);
	demand(strcmp((char *)out.data, (char *)again.data) == 0);
	memcpy(value, data, MIN_OF(size, sizeof(value) - 1));
	value[MIN_OF(size, sizeof(value) - 1)] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		(void)conf_set(table, ARRAY_LEN(table), table[i].key, value, arena, error, sizeof(error), &s);
	(void)conf_set(table, ARRAY_LEN(table), value, value, arena, error, sizeof(error), &s);
	check(&s);
	return 0;
}

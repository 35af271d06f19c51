// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"

struct settings {
	const char *address, *store, *name;
	uint64_t timeout_ns, spool_bytes, port;
	double share;
	bool tls;
	struct conf_list rules;
};

static const struct conf_option table[] = {
	{ "name", CONF_TEXT, "node", offsetof(struct settings, name), .help = "name of this node" },
	{ "hub.address", CONF_TEXT, "127.0.0.1:7443", offsetof(struct settings, address), .help = "where the hub listens" },
	{ "hub.timeout", CONF_DURATION, "5s", offsetof(struct settings, timeout_ns), "100ms", "1m",
		.help = "deadline of a call" },
	{ "hub.tls.on_wire", CONF_BOOL, "true", offsetof(struct settings, tls), .help = "encrypt" },
	{ "spool.size", CONF_BYTES, "64MiB", offsetof(struct settings, spool_bytes), "1MiB", NULL,
		.help = "kept while the hub is away" },
	{ "hub.port", CONF_U64, "7443", offsetof(struct settings, port), "1", "65535", .help = "to listen on" },
	{ "spool.share", CONF_DOUBLE, "0.5", offsetof(struct settings, share), NULL, "1", .help = "of the disk" },
	{ "spool.kind", CONF_TEXT, "sqlite", offsetof(struct settings, store),
		.choices = "sqlite|postgresql", .help = "where" },
	{ "rules", CONF_LIST, "/usr/share/why/rules", offsetof(struct settings, rules), .max = "3", .help = "folders" },
};
#define N ARRAY_LEN(table)

static struct arena *arena;
static struct diags *diags;
static struct settings settings;

static int set_up(void **state)
{
	(void)state;
	memset(&settings, 0xAA, sizeof(settings));
	if (arena_new(1 << 20, &arena) < 0 || diags_new(&diags) < 0)
		return -1;
	return conf_defaults(table, N, arena, &settings);
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	diags_free(&diags);
	return 0;
}

static int load(const char *text)
{
	return conf_load(table, N, "c.yaml", text, strlen(text), arena, diags, &settings);
}

static void assert_defaults(void)
{
	assert_string_equal(settings.name, "node");
	assert_string_equal(settings.address, "127.0.0.1:7443");
	assert_int_equal(settings.timeout_ns, 5000000000);
	assert_true(settings.tls == true);
	assert_int_equal(settings.spool_bytes, 64 << 20);
	assert_int_equal(settings.port, 7443);
	assert_true(settings.share == 0.5);
	assert_string_equal(settings.store, "sqlite");
	assert_int_equal(settings.rules.n, 1);
	assert_string_equal(settings.rules.items[0], "/usr/share/why/rules");
}

static void defaults_come_from_the_table(void **state)
{
	(void)state;
	assert_defaults();
	assert_ok(load(""));
	assert_ok(load("hub:\nspool: {}\n"));
	assert_defaults();
}

static void a_default_that_breaks_its_own_bounds_is_a_bug(void **state)
{
	struct conf_option bad = { "x", CONF_U64, "9", 0, "10", NULL, NULL, NULL };
	uint64_t x = 77;

	(void)state;
	assert_err(conf_defaults(&bad, 1, arena, &x), EINVAL);
	assert_int_equal(x, 77);
}

static void every_type_is_read(void **state)
{
	(void)state;
	assert_ok(load("name: \"\"\n"
		       "hub: { address: 'h:1', timeout: 1m, port: 65535, tls: { on_wire: false } }\n"
		       "spool:\n"
		       "  size: 1.5 GiB\n"
		       "  share: 1\n"
		       "  kind: postgresql\n"
		       "rules: [a, \"b c\", 'd']\n"));
	assert_string_equal(settings.name, "");
	assert_string_equal(settings.address, "h:1");
	assert_int_equal(settings.timeout_ns, 60000000000);
	assert_false(settings.tls);
	assert_int_equal(settings.spool_bytes, 1610612736);
	assert_int_equal(settings.port, 65535);
	assert_true(settings.share == 1);
	assert_string_equal(settings.store, "postgresql");
	assert_int_equal(settings.rules.n, 3);
	assert_string_equal(settings.rules.items[1], "b c");
	assert_ok(load("rules: []\n"));
	assert_int_equal(settings.rules.n, 0);
	assert_int_equal(diags_total(diags), 0);
}

/* "LINE:COLUMN message|hint" */
static void assert_diag(size_t i, const char *expected)
{
	const struct diag *d = diags_at(diags, i);
	char found[1024];

	assert_non_null(d);
	(void)snprintf(found, sizeof(found), "%u:%u %s|%s", d->line, d->column, d->message, d->hint ? d->hint : "");
	assert_string_equal(found, expected);
}

static void a_bad_value_costs_only_its_own_line(void **state)
{
	(void)state;
	assert_err(load("name: here\n"
			"hub:\n"
			"  timeout: 2m\n"
			"  port: 0\n"
			"  adress: x\n"
			"  address: \"far:1\"\n"
			"  tls: { on_wire: yes }\n"
			"spool: { size: 1000, share: 1.5, kind: mysql }\n"
			"rules: [a, b, c, d]\n"),
		   EINVAL);
	assert_string_equal(settings.name, "here");
	assert_string_equal(settings.address, "far:1");
	settings.name = "node";
	settings.address = "127.0.0.1:7443";
	assert_defaults();
	assert_int_equal(diags_count(diags, DIAG_ERROR), 8);
	assert_diag(0, "3:12 'hub.timeout' cannot be '2m', which is above the maximum 1m|write 100ms to 1m");
	assert_diag(1, "4:9 'hub.port' cannot be '0', which is below the minimum 1|write 1 to 65535");
	assert_diag(2, "5:3 unknown key 'hub.adress'|did you mean 'address'?");
	assert_diag(3, "7:19 'hub.tls.on_wire' cannot be 'yes'|write true or false");
	assert_diag(4, "8:16 'spool.size' cannot be '1000', which is below the minimum 1MiB|write 1MiB or more");
	assert_diag(5, "8:29 'spool.share' cannot be '1.5', which is above the maximum 1|write 1 or less");
	assert_diag(6, "8:40 'spool.kind' cannot be 'mysql'|write sqlite, postgresql");
	assert_diag(7, "9:8 'rules' has more than 3 entries|remove some");
}

static void the_wrong_shape_is_told_with_the_right_one(void **state)
{
	(void)state;
	assert_err(load("hub: localhost\n"
			"name: [a]\n"
			"spool: { size: { a: 1 }, share: , kind: \"a\\0b\" }\n"
			"rules: a\n"
			"port: 1\n"
			"hub.port: 5\n"
			"zzz: 1\n"),
		   EINVAL);
	assert_defaults();
	assert_diag(0, "1:6 'hub' is a group of keys, not a value|indent its keys below it");
	assert_diag(1, "2:7 'name' takes one value, not a list|write a text");
	assert_diag(2, "3:16 'spool.size' takes one value, not a mapping|write a size like 64MiB");
	assert_string_equal(diags_at(diags, 3)->message, "'spool.share' has no value");
	assert_diag(4, "3:41 'spool.kind' holds a NUL character|");
	assert_diag(5, "4:8 'rules' takes a list|write [a, b], or one '- ' line for each");
	assert_diag(6, "5:1 unknown key 'port'|did you mean 'hub.port'?");
	assert_diag(7, "6:1 unknown key 'hub.port'|remove it");
	assert_diag(8, "7:1 unknown key 'zzz'|remove it");
}

static void entries_of_a_list_are_texts(void **state)
{
	(void)state;
	assert_err(load("rules:\n  - a\n  - [b]\n"), EINVAL);
	assert_err(load("rules: [a, , b]\n"), EINVAL);
	assert_defaults();
	assert_diag(0, "3:5 an entry of 'rules' is no text|write one text each");
}

static void what_is_no_yaml_changes_nothing(void **state)
{
	static char large[2 << 20];

	(void)state;
	assert_err(load("name: x\nhub: [\n"), EINVAL);
	assert_err(load("name: x\nname: y\n"), EINVAL);
	assert_err(load("- a\n"), EINVAL);
	assert_err(load("just text\n"), EINVAL);
	memset(large, '#', sizeof(large) - 1);
	assert_err(load(large), EFBIG);
	assert_defaults();
	assert_int_equal(diags_count(diags, DIAG_ERROR), 5);
	assert_diag(2, "1:1 the file is no mapping|write 'key: value' lines");
}

static void long_and_hostile_keys_are_refused(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'k', 300);
	strcpy(text + 300, ": 1\n");
	assert_err(load(text), EINVAL);
	assert_err(load("hub:\n  \"\\e[2J\": 1\n"), EINVAL);
	assert_defaults();
}

static void full_memory_is_told_apart(void **state)
{
	AUTO(arena_free) struct arena *tiny = NULL;

	(void)state;
	assert_ok(arena_new(16, &tiny));
	assert_err(conf_load(table, N, "c", "name: a-name-of-more-than-sixteen-bytes\n", 40, tiny, diags,
		&settings), ENOMEM);
	assert_defaults();
}

static void the_command_line_sets_one(void **state)
{
	char error[400];

	(void)state;
	assert_ok(conf_set(table, N, "hub.address", "h:2", arena, error, sizeof(error), &settings));
	assert_string_equal(settings.address, "h:2");
	assert_ok(conf_set(table, N, "rules", "a, b ,c", arena, error, sizeof(error), &settings));
	assert_int_equal(settings.rules.n, 3);
	assert_string_equal(settings.rules.items[1], "b");
	assert_ok(conf_set(table, N, "rules", "", arena, error, sizeof(error), &settings));
	assert_int_equal(settings.rules.n, 0);
	assert_err(conf_set(table, N, "hub.adress", "x", arena, error, sizeof(error), &settings), ENOENT);
	assert_string_equal(error, "unknown key 'hub.adress'; did you mean 'hub.address'?");
	assert_err(conf_set(table, N, "quite\x1Bother", "x", arena, error, sizeof(error), &settings), ENOENT);
	assert_string_equal(error, "unknown key 'quite\\x1Bother'; --help lists all keys");
	assert_err(conf_set(table, N, "hub.port", "70000", arena, error, sizeof(error), &settings), ERANGE);
	assert_string_equal(error, "'hub.port' cannot be '70000', which is above the maximum 65535; write 1 to 65535");
	assert_err(conf_set(table, N, "hub.port", "http", arena, error, sizeof(error), &settings), EINVAL);
	assert_string_equal(error, "'hub.port' cannot be 'http'; write a whole number");
	assert_err(conf_set(table, N, "name", "\xFF", arena, error, sizeof(error), &settings), EINVAL);
	assert_err(conf_set(table, N, "rules", "a,,b", arena, error, sizeof(error), &settings), EINVAL);
	assert_err(conf_set(table, N, "rules", "a,", arena, error, sizeof(error), &settings), EINVAL);
	assert_err(conf_set(table, N, "rules", "a,b,c,d", arena, error, sizeof(error), &settings), ERANGE);
	assert_int_equal(settings.port, 7443);
	assert_int_equal(settings.rules.n, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(defaults_come_from_the_table),
		T(a_default_that_breaks_its_own_bounds_is_a_bug),
		T(every_type_is_read),
		T(a_bad_value_costs_only_its_own_line),
		T(the_wrong_shape_is_told_with_the_right_one),
		T(entries_of_a_list_are_texts),
		T(what_is_no_yaml_changes_nothing),
		T(long_and_hostile_keys_are_refused),
		T(full_memory_is_told_apart),
		T(the_command_line_sets_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

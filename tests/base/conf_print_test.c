// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/conf.h"

struct settings {
	const char *name;
	uint64_t wait_ns, size_bytes, port;
	double share;
	bool yes;
	struct conf_list list;
};

static const struct conf_option table[] = {
	{ "name", CONF_TEXT, "", offsetof(struct settings, name), .choices = "|a|\"#: [x", .help = "name of this node" },
	{ "hub.wait", CONF_DURATION, "90s", offsetof(struct settings, wait_ns), "1s", "2m", .help = "deadline" },
	{ "hub.size", CONF_BYTES, "1536", offsetof(struct settings, size_bytes), .help = "of the spool", .min = "1KiB" },
	{ "share", CONF_DOUBLE, "0.1", offsetof(struct settings, share), .max = "1", .help = "of the disk" },
	{ "hub.tls.use", CONF_BOOL, "true", offsetof(struct settings, yes), .help = "encrypt" },
	{ "hub.port", CONF_U64, "1", offsetof(struct settings, port), .help = "to listen on" },
	{ "list", CONF_LIST, "a,b", offsetof(struct settings, list), .max = "2", .help = "folders" },
};

static void help_stands_in_columns(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_ok(conf_print_help(table, ARRAY_LEN(table), &out));
	assert_string_equal((char *)out.data, "  key          type      default  meaning\n"
					      "  name         text      -        name of this node (|a|\"#: [x)\n"
					      "  hub.wait     duration  90s      deadline (1s to 2m)\n"
					      "  hub.size     size      1536     of the spool (from 1KiB)\n"
					      "  share        number    0.1      of the disk (up to 1)\n"
					      "  hub.tls.use  bool      true     encrypt\n"
					      "  hub.port     number    1        to listen on\n"
					      "  list         list      a,b      folders (at most 2)\n");
	buf_done(&out);
	buf_init(&out, 100);
	assert_err(conf_print_help(table, ARRAY_LEN(table), &out), EMSGSIZE);
}

/* Each group once, whatever the order of the table; and conf_load reads the same back. */
static void yaml_reads_back_to_the_same(void **state)
{
	AUTO(arena_free) struct arena *arena = NULL;
	AUTO(diags_free) struct diags *diags = NULL;
	AUTO_BUF struct buf out, again;
	struct settings s, read;
	char error[400];

	(void)state;
	buf_init(&out, 4096);
	buf_init(&again, 4096);
	assert_ok(arena_new(1 << 20, &arena));
	assert_ok(diags_new(&diags));
	assert_ok(conf_defaults(table, ARRAY_LEN(table), arena, &s));
	assert_ok(conf_defaults(table, ARRAY_LEN(table), arena, &read));
	assert_ok(conf_set(table, ARRAY_LEN(table), "name", "\"#: [x", arena, error, sizeof(error), &s));
	assert_ok(conf_set(table, ARRAY_LEN(table), "list", "a: b", arena, error, sizeof(error), &s));
	assert_ok(conf_print_yaml(table, ARRAY_LEN(table), &s, &out));
	assert_string_equal((char *)out.data, "name: \"\\\"#: [x\"\n"
					      "hub:\n"
					      "  wait: 90s\n"
					      "  size: 1536B\n"
					      "  tls:\n"
					      "    use: true\n"
					      "  port: 1\n"
					      "share: 0.10000000000000001\n"
					      "list: [\"a: b\"]\n");
	assert_ok(conf_load(table, ARRAY_LEN(table), "c", (char *)out.data, out.len, arena, diags, &read));
	assert_ok(conf_print_yaml(table, ARRAY_LEN(table), &read, &again));
	assert_string_equal((char *)out.data, (char *)again.data);
	assert_true(read.share == s.share && read.wait_ns == s.wait_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_stands_in_columns),
		cmocka_unit_test(yaml_reads_back_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

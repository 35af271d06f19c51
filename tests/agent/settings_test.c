/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings.h"
#include "base/cleanup.h"
#include "base/clock.h"

static int load(struct settings *s, int *status, int argc, const char *const *argv)
{
	return settings_load(argc, (char *const *)argv, s, status);
}

#define LOAD(s, status, ...)                                                                                           \
	({                                                                                                             \
		const char *const argv_[] = { "whyd", __VA_ARGS__, NULL };                                             \
		load(s, status, (int)ARRAY_LEN(argv_) - 1, argv_);                                                     \
	})

/* A configuration file that lives as long as its name. */
static void write_file(char path[32], const char *text)
{
	strcpy(path, "/tmp/why-settings-XXXXXX");
	AUTO_CLOSE int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void test_defaults(void **state)
{
	(void)state;
	struct settings s;
	int status;
	assert_int_equal(LOAD(&s, &status, "--config", "/nonexistent/why.yaml", "--node", "n1"), 0);
	assert_string_equal(s.node, "n1");
	assert_string_equal(s.state_dir, "/var/lib/why");
	assert_string_equal(s.run_dir, "/run/why");
	assert_int_equal(s.rules.n, 2);
	assert_string_equal(s.rules.items[0], "/usr/share/why/rules");
	assert_int_equal(s.interval_ns, NS_PER_S);
	assert_string_equal(s.root_prefix, "/");
	assert_string_equal(s.hub_address, "");
	settings_done(&s);
}

static void test_command_line_outranks_file_outranks_default(void **state)
{
	(void)state;
	char path[32];
	write_file(path, "hub:\n  address: from-file:1\nnode:\n  name: from-file\ncollect:\n  interval: 2s\n");
	struct settings s;
	int status;
	assert_int_equal(LOAD(&s, &status, "--config", path, "--node", "from-line", "--rules", "/a", "--rules=/b",
			      "--disable", "oom"),
			 0);
	assert_string_equal(s.hub_address, "from-file:1");
	assert_string_equal(s.node, "from-line");
	assert_int_equal(s.interval_ns, 2 * NS_PER_S);
	assert_int_equal(s.rules.n, 2);
	assert_string_equal(s.rules.items[1], "/b");
	assert_int_equal(s.disabled.n, 1);
	settings_done(&s);
	unlink(path);
}

static void test_wrong_value_in_the_file_leaves_the_default_and_applies_the_rest(void **state)
{
	(void)state;
	char path[32];
	write_file(path, "collect:\n  interval: fast\nnode:\n  name: kept\nhub:\n  adress: typo:1\n");
	struct settings s;
	int status;
	assert_int_equal(LOAD(&s, &status, "--config", path), 0);
	assert_int_equal(s.interval_ns, NS_PER_S);
	assert_string_equal(s.node, "kept");
	assert_string_equal(s.hub_address, "");
	settings_done(&s);
	unlink(path);
}

static void test_wrong_command_line_ends_with_64(void **state)
{
	(void)state;
	struct settings s;
	int status = 0;
	assert_int_equal(LOAD(&s, &status, "--nod", "x"), 1);
	assert_int_equal(status, 64);
	status = 0;
	assert_int_equal(LOAD(&s, &status, "--interval", "soon", "--config", "/nonexistent"), 1);
	assert_int_equal(status, 64);
	status = 0;
	assert_int_equal(LOAD(&s, &status, "--log-level", "loud", "--config", "/nonexistent"), 1);
	assert_int_equal(status, 64);
}

static void test_node_name_from_the_environment_else_the_host(void **state)
{
	(void)state;
	struct settings s;
	int status;
	setenv("NODE_NAME", "k8s-node-7", 1);
	assert_int_equal(LOAD(&s, &status, "--config", "/nonexistent"), 0);
	assert_string_equal(s.node, "k8s-node-7");
	settings_done(&s);
	unsetenv("NODE_NAME");
	char host[256] = "";
	assert_ok(gethostname(host, sizeof(host) - 1));
	assert_int_equal(LOAD(&s, &status, "--config", "/nonexistent"), 0);
	assert_string_equal(s.node, host);
	settings_done(&s);
}

static void test_every_default_of_the_table_is_valid(void **state)
{
	(void)state;
	size_t n;
	const struct conf_option *options = settings_options(&n);
	struct settings s = {0};
	assert_ok(arena_new(1 << 20, &s.arena));
	assert_ok(conf_defaults(options, n, s.arena, &s));
	for (size_t i = 0; i < n; i++)
		assert_true(options[i].help && options[i].help[0]);
	settings_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_command_line_outranks_file_outranks_default),
		cmocka_unit_test(test_wrong_value_in_the_file_leaves_the_default_and_applies_the_rest),
		cmocka_unit_test(test_wrong_command_line_ends_with_64),
		cmocka_unit_test(test_node_name_from_the_environment_else_the_host),
		cmocka_unit_test(test_every_default_of_the_table_is_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

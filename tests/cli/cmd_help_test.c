// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/options.h"
#include "tests/cli/child.h"
#include "tests/test.h"

static void test_the_overview_names_everything(void **state UNUSED)
{
	size_t n, n_options;
	const struct command *const *all = commands_all(&n);
	const struct arg_option *options = options_table(&n_options);
	const char *text = child_why("help")->out;
	char name[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "\n  %s ", all[i]->name);
		assert_non_null(strstr(text, name));
	}
	for (size_t i = 0; i < n_options; i++) {
		snprintf(name, sizeof(name), "--%s", options[i].name);
		assert_non_null(strstr(text, name));
	}
	for (const char *status = "0123"; *status; status++)
		assert_non_null(strchr(strstr(text, "Exit status"), *status));
}

static void test_ways_to_ask_for_help(void **state UNUSED)
{
	static char overview[CHILD_MAX_OUTPUT], rules[CHILD_MAX_OUTPUT];

	snprintf(overview, sizeof(overview), "%s", child_why("help")->out);
	snprintf(rules, sizeof(rules), "%s", child_why("help", "rules")->out);
	assert_string_equal(child_why("--help")->out, overview);
	assert_string_equal(child_why("-h")->out, overview);
	assert_string_equal(child_why("rules", "--help")->out, rules);
	assert_string_equal(child_why("rules", "check", "-h")->out, rules);
	assert_non_null(strstr(rules, "why rules check|test FILE|DIR..."));
	assert_int_equal(child_why("--help")->status, 0);
}

static void test_every_command_has_help(void **state UNUSED)
{
	size_t n;
	const struct command *const *all = commands_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct child_result *r = child_why("help", all[i]->name);

		assert_int_equal(r->status, 0);
		assert_int_equal(strncmp(r->out, all[i]->usage, strlen(all[i]->usage)), 0);
		for (const char *line = r->out; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 130);
	}
}

static void test_a_mistyped_command(void **state UNUSED)
{
	const struct child_result *r = child_why("help", "fndings");

	assert_int_equal(r->status, 64);
	assert_non_null(strstr(r->err, "did you mean 'findings'?"));
	r = child_why("help", "\033[2J");
	assert_int_equal(r->status, 64);
	assert_null(strchr(r->err, '\033'));
}

static void test_version(void **state UNUSED)
{
	const struct child_result *r = child_why("--version");

	assert_int_equal(r->status, 0);
	assert_string_equal(r->out, "why " WHY_VERSION "\n");
}

static void test_an_option_of_another_command(void **state UNUSED)
{
	const struct child_result *r = child_why("timeline", "--cause", "x");

	assert_int_equal(r->status, 64);
	assert_non_null(strstr(r->err, "--cause does nothing for `why timeline`"));
	assert_int_equal(child_why("-o", "sarif")->status, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_overview_names_everything),
		cmocka_unit_test(test_ways_to_ask_for_help),
		cmocka_unit_test(test_every_command_has_help),
		cmocka_unit_test(test_a_mistyped_command),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_an_option_of_another_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/test.h"

static struct common common;
static struct args_words words;
static char error[512];

static int parse(const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	common = (struct common){ 0 };
	words = (struct args_words){ 0 };
	return options_parse(argc, (char *const *)argv, &common, &words, error, sizeof(error));
}

#define PARSE(...) parse((const char *const[]){ "why", ##__VA_ARGS__, NULL })

static int clean(void **state UNUSED)
{
	static const char *const names[] = { "WHY_HUB",    "WHY_RUN",      "WHY_OUTPUT",
					     "WHY_TLS_CA", "WHY_TLS_CERT", "WHY_TLS_KEY" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unsetenv(names[i]);
	return 0;
}

static void test_defaults(void **state UNUSED)
{
	assert_int_equal(PARSE(), WHY_EXIT_OK);
	assert_null(common.hub);
	assert_string_equal(common.run, "/run/why");
	assert_true(common.timeout_ns == 10 * NS_PER_S);
	assert_int_equal(common.output, OUTPUT_TEXT);
	assert_false(common.local);
	assert_int_equal(words.n, 0);
}

static void test_options_stand_anywhere(void **state UNUSED)
{
	assert_int_equal(
		PARSE("-o", "json", "pod", "--since=90s", "ml/x", "--hub", "h:1", "--min-confidence", "0.5", "-a"),
		WHY_EXIT_OK);
	assert_int_equal(common.output, OUTPUT_JSON);
	assert_true(common.since_ns == 90 * NS_PER_S && common.min_confidence == 0.5 && common.all);
	assert_string_equal(common.hub, "h:1");
	assert_int_equal(words.n, 2);
	assert_string_equal(words.items[1], "ml/x");
}

static void test_the_environment_is_the_default(void **state UNUSED)
{
	(void)setenv("WHY_HUB", "env:1", 1);
	(void)setenv("WHY_RUN", "/env", 1);
	(void)setenv("WHY_OUTPUT", "jsonl", 1);
	(void)setenv("WHY_TLS_CA", "/ca", 1);
	assert_int_equal(PARSE(), WHY_EXIT_OK);
	assert_string_equal(common.hub, "env:1");
	assert_string_equal(common.run, "/env");
	assert_string_equal(common.tls_ca, "/ca");
	assert_int_equal(common.output, OUTPUT_JSONL);
	assert_int_equal(PARSE("--hub", "x:2", "--run", "/r", "-o", "text"), WHY_EXIT_OK);
	assert_string_equal(common.hub, "x:2");
	assert_string_equal(common.run, "/r");
	assert_int_equal(common.output, OUTPUT_TEXT);
	/* --local is meant for now, $WHY_HUB for always. */
	assert_int_equal(PARSE("--local"), WHY_EXIT_OK);
	assert_null(common.hub);
	(void)setenv("WHY_HUB", "", 1);
	assert_int_equal(PARSE(), WHY_EXIT_OK);
	assert_null(common.hub);
}

static void test_wrong_values_are_named(void **state UNUSED)
{
	static const struct {
		const char *argv[6];
		const char *says;
	} rows[] = {
		{ { "why", "--fleat" }, "--fleat" },
		{ { "why", "--evidenc" }, "did you mean '--evidence'?" },
		{ { "why", "-o", "yaml" }, "no format 'yaml'; write text, json or jsonl" },
		{ { "why", "-o", "\033x" }, "\\x1Bx" },
		{ { "why", "--min-confidence", "1.1" }, "from 0 to 1" },
		{ { "why", "--min-confidence", "nan" }, "from 0 to 1" },
		{ { "why", "--min-confidence", "-1" }, "from 0 to 1" },
		{ { "why", "--since", "soon" }, "duration" },
		{ { "why", "--since" }, "needs a value" },
		{ { "why", "--timeout", "0s" }, "--timeout" },
		{ { "why", "--hub", "a:1", "--local" }, "exclude each other" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(parse(rows[i].argv), WHY_EXIT_USAGE);
		if (!strstr(error, rows[i].says))
			fail_msg("row %zu says: %s", i, error);
	}
}

static void test_the_environment_is_checked_too(void **state UNUSED)
{
	(void)setenv("WHY_OUTPUT", "xml", 1);
	assert_int_equal(PARSE(), WHY_EXIT_USAGE);
	assert_non_null(strstr(error, "xml"));
}

static void test_options_of_other_commands_are_refused(void **state UNUSED)
{
	static const struct {
		const char *argv[6], *command, *misplaced;
	} rows[] = {
		{ { "why", "--coverage" }, "explain", "--coverage" },
		{ { "why", "--coverage" }, "rules", NULL },
		{ { "why", "--rules", "x" }, "replay", NULL },
		{ { "why", "--rules", "x" }, "timeline", "--rules" },
		{ { "why", "--against", "x" }, "rules", NULL },
		{ { "why", "--against", "x" }, "replay", "--against" },
		{ { "why", "--cause", "x" }, "findings", NULL },
		{ { "why", "--cause", "x" }, "timeline", "--cause" },
		{ { "why", "-o", "sarif" }, "explain", "--output sarif" },
		{ { "why", "--watch" }, "explain", NULL },
		{ { "why", "--watch" }, "completion", "--watch" },
		{ { "why", "--all", "--no-color", "--timeout", "1s" }, "help", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(parse(rows[i].argv), WHY_EXIT_OK);
		const char *misplaced = options_misplaced(&common, commands_find(rows[i].command));
		if (rows[i].misplaced)
			assert_string_equal(misplaced, rows[i].misplaced);
		else if (misplaced)
			fail_msg("row %zu: %s is refused", i, misplaced);
	}
}

/* What a command says it takes must be an option. */
static void test_own_options_exist(void **state UNUSED)
{
	size_t n, n_options;
	const struct command *const *all = commands_all(&n);
	const struct arg_option *options = options_table(&n_options);

	for (size_t i = 0; i < n; i++) {
		char own[256], *rest = own;

		snprintf(own, sizeof(own), "%s", all[i]->own ? all[i]->own : "");
		for (char *word; (word = strsep(&rest, " "));) {
			bool known = word[0] == '\0' || strcmp(word, "sarif") == 0;

			for (size_t k = 0; k < n_options; k++)
				known = known || (strncmp(word, "--", 2) == 0 && strcmp(word + 2, options[k].name) == 0);
			if (!known)
				fail_msg("%s: no option %s", all[i]->name, word);
		}
	}
}

static void test_commands_say_what_they_are(void **state UNUSED)
{
	size_t n;
	const struct command *const *all = commands_all(&n);

	assert_true(n >= 11);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(commands_find(all[i]->name), all[i]);
		assert_non_null(all[i]->run);
		assert_int_equal(strncmp(all[i]->usage, "why ", 4), 0);
		assert_non_null(strstr(all[i]->usage, all[i]->name));
		assert_true(strlen(all[i]->help) < 80);
	}
	assert_null(commands_find("node-17"));
	assert_string_equal(commands_nearest("fleat")->name, "fleet");
	assert_string_equal(commands_nearest("timelien")->name, "timeline");
	assert_null(commands_nearest("node-17"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, clean, clean)
	const struct CMUnitTest tests[] = {
		T(test_defaults),
		T(test_options_stand_anywhere),
		T(test_the_environment_is_the_default),
		T(test_wrong_values_are_named),
		T(test_the_environment_is_checked_too),
		T(test_options_of_other_commands_are_refused),
		T(test_own_options_exist),
		T(test_commands_say_what_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

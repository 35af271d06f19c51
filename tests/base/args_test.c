// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <string.h>

#include "base/args.h"
#include "base/cleanup.h"

struct options {
	bool help, verbose;
	const char *hub;
	struct args_list rules;
	uint64_t count, since_ns;
};

static const struct arg_option table[] = {
	{ "help", 'h', NULL, "show this help", ARG_FLAG, offsetof(struct options, help) },
	{ "hub", 'H', "HOST:PORT", "the hub to ask", ARG_TEXT, offsetof(struct options, hub) },
	{ "rules", 'r', "DIR",
		"read rules from DIR too, behind those that the package brought; may be given several times over",
	  ARG_LIST, offsetof(struct options, rules) },
	{ "count", 0, "N", "how many", ARG_U64, offsetof(struct options, count) },
	{ "since", 's', "TIME", "look back that long", ARG_DURATION, offsetof(struct options, since_ns) },
	{ NULL, 'v', NULL, "say more", ARG_FLAG, offsetof(struct options, verbose) },
};

static struct options options;
static struct args_words words;
static char error[256];

#define PARSE(...)                                                                                                     \
	({                                                                                                             \
		char *argv_[] = { (char *)"prog", ##__VA_ARGS__ };                                                 \
		options = (struct options){ .count = 7 };                                                              \
		strcpy(error, "untouched");                                                                            \
		args_parse(table, ARRAY_LEN(table), (int)ARRAY_LEN(argv_), argv_, &words, error, sizeof(error), &options); \
	})
#define W(word) ((char *)word) /* args_parse writes to no word */

static void every_spelling_is_understood(void **state)
{
	(void)state;
	assert_ok(PARSE());
	assert_int_equal(words.n, 0);
	assert_int_equal(options.count, 7);
	assert_ok(PARSE(W("--hub"), W("a:1"), W("--count=5"), W("-s1h30m"), W("-vh"), W("-r"), W("d1"),
		W("--rules=d2"), W("-rd3")));
	assert_string_equal(options.hub, "a:1");
	assert_int_equal(options.count, 5);
	assert_int_equal(options.since_ns, 5400000000000);
	assert_true(options.verbose && options.help);
	assert_int_equal(options.rules.n, 3);
	assert_string_equal(options.rules.items[0], "d1");
	assert_string_equal(options.rules.items[2], "d3");
	assert_ok(PARSE(W("-vHa:2")));
	assert_string_equal(options.hub, "a:2");
	assert_ok(PARSE(W("-vH"), W("a:3")));
	assert_string_equal(options.hub, "a:3");
	assert_ok(PARSE(W("--hub="), W("--hub"), W("x"), W("--hub"), W("--help")));
	assert_string_equal(options.hub, "--help"); /* the last one counts; a value may look like an option */
	assert_false(options.help);
	assert_string_equal(error, "untouched");
}

static void words_stand_anywhere(void **state)
{
	(void)state;
	assert_ok(PARSE(W("job"), W("-v"), W("llama-7b"), W("-"), W(""), W("--"), W("--hub"), W("-v"), W("--")));
	assert_int_equal(words.n, 7);
	assert_string_equal(words.items[0], "job");
	assert_string_equal(words.items[1], "llama-7b");
	assert_string_equal(words.items[2], "-");
	assert_string_equal(words.items[3], "");
	assert_string_equal(words.items[4], "--hub");
	assert_string_equal(words.items[6], "--");
	assert_true(options.verbose);
	assert_null(options.hub);
}

static void errors_name_the_word_and_a_way_out(void **state)
{
	(void)state;
	assert_err(PARSE(W("--hbu"), W("x")), EINVAL);
	assert_string_equal(error, "unknown option '--hbu'; did you mean '--hub'?");
	assert_err(PARSE(W("--rule=x")), EINVAL);
	assert_string_equal(error, "unknown option '--rule'; did you mean '--rules'?");
	assert_err(PARSE(W("--temperature")), EINVAL);
	assert_string_equal(error, "unknown option '--temperature'; --help lists all options");
	assert_err(PARSE(W("--=x")), EINVAL);
	assert_err(PARSE(W("-x")), EINVAL);
	assert_string_equal(error, "unknown option '-x'; --help lists all options");
	assert_err(PARSE(W("-vx")), EINVAL);
	assert_string_equal(error, "unknown option '-x'; --help lists all options");
	assert_err(PARSE(W("-config")), EINVAL);
	assert_string_equal(error, "unknown option '-config'; long options begin with two dashes");
	assert_err(PARSE(W("--hub")), EINVAL);
	assert_string_equal(error, "--hub: needs a value (HOST:PORT)");
	assert_err(PARSE(W("-vs")), EINVAL);
	assert_string_equal(error, "--since: needs a value (TIME)");
	assert_err(PARSE(W("--help=yes")), EINVAL);
	assert_string_equal(error, "--help: takes no value; write it alone");
	assert_err(PARSE(W("--count"), W("-1")), EINVAL);
	assert_string_equal(error, "--count: '-1' is no whole number; write a number like 10");
	assert_err(PARSE(W("--count=99999999999999999999")), EINVAL);
	assert_string_equal(error, "--count: '99999999999999999999' is too large; write a number like 10");
	assert_int_equal(options.count, 7);
	assert_err(PARSE(W("-s10")), EINVAL);
	assert_string_equal(error, "--since: '10' is no duration; write a duration like 30s or 1h30m");
}

static void hostile_words_are_escaped(void **state)
{
	static char longest[100000];

	(void)state;
	assert_err(PARSE(W("--\x1B[2J\n")), EINVAL);
	assert_string_equal(error, "unknown option '--\\x1B[2J\\x0A'; --help lists all options");
	assert_err(PARSE(W("-\xC3\xBC")), EINVAL);
	assert_non_null(strstr(error, "unknown option"));
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "--", 2);
	assert_err(PARSE(longest), EINVAL);
	assert_true(strlen(error) < 150);
}

static void lists_and_words_are_bounded(void **state)
{
	char *argv[2 + ARGS_MAX_WORDS + 1], word[] = "-ra", plain[] = "w";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = word;
	options = (struct options){ 0 };
	assert_ok(args_parse(table, ARRAY_LEN(table), 1 + ARGS_MAX_LIST, argv, NULL, error, sizeof(error), &options));
	assert_int_equal(options.rules.n, ARGS_MAX_LIST);
	assert_err(args_parse(table, ARRAY_LEN(table), 2, argv, NULL, error, sizeof(error), &options), E2BIG);
	assert_string_equal(error, "--rules: given more than 32 times");
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = plain;
	assert_ok(args_parse(table, ARRAY_LEN(table), 1 + ARGS_MAX_WORDS, argv, &words, error, sizeof(error), &options));
	assert_int_equal(words.n, ARGS_MAX_WORDS);
	assert_err(args_parse(table, ARRAY_LEN(table), 2 + ARGS_MAX_WORDS, argv, &words, error,
		sizeof(error), &options), E2BIG);
	assert_err(args_parse(table, ARRAY_LEN(table), 2, argv, NULL, error, sizeof(error), &options), EINVAL);
	assert_string_equal(error, "'w': no word is expected here; options begin with --");
	assert_err(args_parse(table, ARRAY_LEN(table), 2, argv, NULL, error, 4, &options), EINVAL);
	assert_string_equal(error, "'w'");
	assert_ok(args_parse(table, ARRAY_LEN(table), 0, argv, NULL, error, sizeof(error), &options));
}

static void help_stands_in_columns(void **state)
{
	AUTO_BUF struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_ok(args_print_help(table, ARRAY_LEN(table), &out));
	assert_string_equal((char *)out.data,
			    "  -h, --help           show this help\n"
			    "  -H, --hub HOST:PORT  the hub to ask\n"
			    "  -r, --rules DIR      read rules from DIR too, behind those that the package "
			    "brought; may be given\n"
			    "                       several times over\n"
			    "      --count N        how many\n"
			    "  -s, --since TIME     look back that long\n"
			    "  -v                   say more\n");
	buf_done(&out);
	buf_init(&out, 50);
	assert_err(args_print_help(table, ARRAY_LEN(table), &out), EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_is_understood),
		cmocka_unit_test(words_stand_anywhere),
		cmocka_unit_test(errors_name_the_word_and_a_way_out),
		cmocka_unit_test(hostile_words_are_escaped),
		cmocka_unit_test(lists_and_words_are_bounded),
		cmocka_unit_test(help_stands_in_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "identity/tf_config.h"
#include "tests/test.h"

#define PARSE(literal, c) tf_config_parse(literal, sizeof(literal) - 1, c)
#define LONG                                                                                                           \
	"{\"cluster\": {\"worker\": [\"h3:2222\", \"h4:2222\"], \"chief\": [\"h0:2222\"]}, \"task\": {\"index\": 12, " \
	"\"type\": \"worker\"}}"

static void task_sizes_and_one_address(void **state)
{
	(void)state;
	struct tf_config c;

	assert_true(PARSE(LONG, &c));
	assert_string_equal(c.type, "worker");
	assert_int_equal(c.index, 12);
	assert_string_equal(c.address, "h0:2222"); /* the chief's, wherever it stands */
	assert_true(c.whole);
	assert_int_equal(c.n_types, 2);
	assert_string_equal(c.types[0].type, "worker");
	assert_int_equal(c.types[0].n, 2);
}

static void compact_text_reads_back_the_same(void **state)
{
	(void)state;
	struct tf_config c, again;
	char json[128];

	assert_true(PARSE(LONG, &c));
	size_t n = tf_config_compact(&c, json, sizeof(json));
	assert_string_equal(json, "{\"task\":{\"type\":\"worker\",\"index\":12},\"cluster\":{\"worker\":[2],\"chief\":["
				  "\"h0:2222\"]}}");
	assert_true(tf_config_parse(json, n, &again));
	assert_memory_equal(&c, &again, sizeof(c));
}

static void at_every_cut_it_says_less_and_never_otherwise(void **state)
{
	(void)state;
	struct tf_config whole, c;

	assert_true(PARSE(LONG, &whole));
	for (size_t n = 0; n < sizeof(LONG) - 1; n++) {
		char *copy = malloc(n + 1); /* so that a sanitizer sees a read past it */

		memcpy(copy, LONG, n);
		memset(&c, 0, sizeof(c));
		if (tf_config_parse(copy, n, &c)) {
			assert_true(c.type[0] == '\0' || (strcmp(c.type, "worker") == 0 && c.index == 12));
			assert_true(strcmp(c.address, "h0:2222") == 0 || strcmp(c.address, "h3:2222") == 0);
		}
		free(copy);
	}
}

static void thousands_of_workers_are_counted(void **state)
{
	(void)state;
	struct tf_config c;
	static char json[200000] = "{\"task\":{\"type\":\"worker\",\"index\":\"7\"},\"cluster\":{\"worker\":[\"w0:1\"";

	for (int i = 1; i < 5000; i++)
		strcat(json + (i > 1 ? strlen(json) - 8 : 0), ",\"w:1\"");
	strcat(json, "]}}");
	assert_true(tf_config_parse(json, strlen(json), &c));
	assert_int_equal(c.types[0].n, 5000);
	assert_int_equal(c.index, 7);
}

static void odd_texts(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
					   "{",
					   "[]",
					   "null",
					   "{}",
					   "{\"task\":[]}",
					   "{\"task\":{\"type\":\"w\"}}",
					   "{\"cluster\":[[[[[[[[[[[[[[",
					   "{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":1}}}}"
					   "}}}}}},\"task\":1}",
					   "{\"task\":{\"type\":\"worker\",\"index\":-1}}",
					   "{\"task\":{\"type\":\"worker\",\"index\":99999999}}",
					   "{\"task\":{\"type\":\"w\\\"orker\",\"index\":1}}" };
	struct tf_config c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (tf_config_parse(bad[i], strlen(bad[i]), &c))
			fail_msg("took %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_sizes_and_one_address),
		cmocka_unit_test(compact_text_reads_back_the_same),
		cmocka_unit_test(at_every_cut_it_says_less_and_never_otherwise),
		cmocka_unit_test(thousands_of_workers_are_counted),
		cmocka_unit_test(odd_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

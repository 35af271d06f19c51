// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/env_key.h"
#include "tests/test.h"

static struct env_values v;

static void no_name_sounds_like_a_secret(void **state)
{
	(void)state;
	static const char *const words[] = { "TOKEN",  "SECRET", "PASSW",     "PWD",  "CREDENTIAL", "PRIVATE",
					     "COOKIE", "AUTH",   "_KEY",      "KEY_", "URI",        "URL",
					     "DSN",    "CERT",   "SIGNATURE", "CONN" };

	for (int i = 0; i < ENV_KEY_MAX; i++) {
		const char *name = env_key_name((enum env_key)i);

		assert_true(strlen(env_key_whose((enum env_key)i)) > 0);
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			if (strcasestr(name, words[j]))
				fail_msg("%s may hold a secret (%s)", name, words[j]);
	}
}

static void names_are_found_whole(void **state)
{
	(void)state;
	assert_int_equal(env_key_find("RANK", 4), ENV_RANK);
	assert_int_equal(env_key_find("RANKS", 5), ENV_KEY_MAX);
	assert_int_equal(env_key_find("RAN", 3), ENV_KEY_MAX);
	assert_int_equal(env_key_find("rank", 4), ENV_KEY_MAX);
	assert_int_equal(env_key_find("", 0), ENV_KEY_MAX);
	for (int i = 0; i < ENV_KEY_MAX; i++)
		assert_int_equal(env_key_find(env_key_name((enum env_key)i), strlen(env_key_name((enum env_key)i))), i);
}

static void entries_are_taken_or_left(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	assert_true(env_values_take(&v, "RANK=3", 6));
	assert_false(env_values_take(&v, "RANK=4", 6)); /* the first, as getenv(3) */
	assert_string_equal(v.value[ENV_RANK], "3");
	assert_false(env_values_take(&v, "AZUREML_RUN_TOKEN=x", 19));
	assert_false(env_values_take(&v, "RANK", 4));
	assert_false(env_values_take(&v, "=RANK", 5));
	assert_false(env_values_take(&v, "", 0));
	assert_true(env_values_take(&v, "WORLD_SIZE=", 11));
	assert_true(v.has[ENV_WORLD_SIZE]);
	assert_string_equal(v.value[ENV_WORLD_SIZE], "");
	assert_false(v.has[ENV_LOCAL_RANK]);
}

static void long_values_are_cut_and_marked(void **state)
{
	(void)state;
	char entry[4096];

	memset(&v, 0, sizeof(v));
	memset(entry, 'x', sizeof(entry));
	memcpy(entry, "JOB_NAME=", 9);
	assert_true(env_values_take(&v, entry, 9 + ENV_VALUE_MAX - 1));
	assert_false(v.cut[ENV_JOB_NAME]);
	assert_int_equal(strlen(v.value[ENV_JOB_NAME]), ENV_VALUE_MAX - 1);
	memset(&v, 0, sizeof(v));
	assert_true(env_values_take(&v, entry, sizeof(entry)));
	assert_true(v.cut[ENV_JOB_NAME]);
	assert_int_equal(strlen(v.value[ENV_JOB_NAME]), ENV_VALUE_MAX - 1);
}

static void hostile_bytes_are_escaped(void **state)
{
	(void)state;
	static const char entry[] = "JOB_NAME=a\033]0;x\007\xff\xc3\xa9\0b";

	memset(&v, 0, sizeof(v));
	assert_true(env_values_take(&v, entry, sizeof(entry) - 1));
	assert_string_equal(v.value[ENV_JOB_NAME], "a\\x1B]0;x\\x07\\xFF\xc3\xa9\\x00"
						   "b");
}

static void of_tf_config_only_what_is_wanted_is_kept(void **state)
{
	(void)state;
	static const char entry[] = "TF_CONFIG={\"cluster\":{\"worker\":[\"h0:1\",\"h1:1\",\"h2:1\"]},\"task\":{"
				    "\"type\":\"worker\",\"index\":2},"
				    "\"note\":\"swordfish\"}";

	memset(&v, 0, sizeof(v));
	assert_true(env_values_take(&v, entry, sizeof(entry) - 1));
	assert_string_equal(v.value[ENV_TF_CONFIG], "{\"task\":{\"type\":\"worker\",\"index\":2},\"cluster\":{"
						    "\"worker\":[\"h0:1\",2]}}");
	assert_false(v.cut[ENV_TF_CONFIG]);
	memset(&v, 0, sizeof(v));
	assert_true(env_values_take(&v, "TF_CONFIG=swordfish", 19));
	assert_string_equal(v.value[ENV_TF_CONFIG], "");
}

static void only_tf_config_is_completed(void **state)
{
	static struct env_values cut, whole;

	(void)state;
	env_values_set(&cut, ENV_TF_CONFIG, "{\"cluster\":{\"worker\":[\"h0:1\",", 31);
	env_values_set(&cut, ENV_JOB_NAME, "train", 5);
	env_values_set(&whole, ENV_TF_CONFIG, "{\"task\":{\"type\":\"ps\",\"index\":1}}", 36);
	env_values_set(&whole, ENV_JOB_NAME, "other", 5);
	assert_false(env_values_complete(&cut, &whole)); /* nothing is missing */
	cut.cut[ENV_TF_CONFIG] = cut.cut[ENV_JOB_NAME] = true;
	assert_true(env_values_complete(&cut, &whole));
	assert_string_equal(cut.value[ENV_TF_CONFIG], "{\"task\":{\"type\":\"ps\",\"index\":1},\"cluster\":{");
	assert_false(cut.cut[ENV_TF_CONFIG]);
	assert_string_equal(cut.value[ENV_JOB_NAME], "train");
	assert_true(cut.cut[ENV_JOB_NAME]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_name_sounds_like_a_secret),
		cmocka_unit_test(names_are_found_whole),
		cmocka_unit_test(entries_are_taken_or_left),
		cmocka_unit_test(long_values_are_cut_and_marked),
		cmocka_unit_test(hostile_bytes_are_escaped),
		cmocka_unit_test(only_tf_config_is_completed),
		cmocka_unit_test(of_tf_config_only_what_is_wanted_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

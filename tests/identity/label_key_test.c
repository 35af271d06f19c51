// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/label_key.h"
#include "tests/test.h"

static void keys_are_wanted_whole(void **state)
{
	(void)state;
	assert_true(label_key_wanted("dag_id", 6));
	assert_true(label_key_wanted("training.kubeflow.org/job-name", strlen("training.kubeflow.org/job-name")));
	assert_false(label_key_wanted("dag_i", 5));
	assert_false(label_key_wanted("dag_id2", 7));
	assert_false(label_key_wanted("", 0));
	assert_false(label_key_wanted("kubectl.kubernetes.io/last-applied-configuration", 48));
}

static void the_list_can_be_walked(void **state)
{
	(void)state;
	const char *key, *whose;
	size_t n = 0;

	for (; (key = label_key_at(n, &whose)); n++) {
		assert_true(label_key_wanted(key, strlen(key)));
		assert_true(strlen(key) <= 63 && strlen(whose) > 0);
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(key, label_key_at(i, NULL));
	}
	assert_true(n >= 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_wanted_whole),
		cmocka_unit_test(the_list_can_be_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

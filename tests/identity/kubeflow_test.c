// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/kubeflow.h"
#include "tests/identity/facts.h"
#include "tests/test.h"

static void another_operators_pod_is_not_ours(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "training.kubeflow.org/job-name", "x",
					      "training.kubeflow.org/operator-name", "xgboostjob-controller", NULL };
	struct membership m = { .source = IDENTITY_SOURCE_MAX };

	known_labels(&k, labels);
	assert_false(kubeflow_job(&k.facts, "pytorch", &m));
	assert_true(kubeflow_job(&k.facts, "xgboost", &m));
	assert_string_equal(m.job, "x");
	assert_string_equal(m.role, "worker");
}

static void a_job_without_a_name_is_none(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "training.kubeflow.org/job-name", "",
					      "training.kubeflow.org/operator-name", "pytorchjob-controller", NULL };
	struct membership m = { .source = IDENTITY_SOURCE_MAX };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_false(kubeflow_job(&k.facts, "pytorch", &m));
}

static void roles_are_known_words_in_any_case(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "training.kubeflow.org/job-name",
					      "x",
					      "training.kubeflow.org/operator-name",
					      "o",
					      "training.kubeflow.org/replica-type",
					      "Master",
					      NULL };
	static const char *const odd[] = { "training.kubeflow.org/job-name",
					   "x",
					   "training.kubeflow.org/operator-name",
					   "o",
					   "training.kubeflow.org/replica-type",
					   "\033[31mroot",
					   NULL };
	struct membership m = { .source = IDENTITY_SOURCE_MAX }, n = { .source = IDENTITY_SOURCE_MAX };

	known_labels(&k, labels);
	assert_true(kubeflow_job(&k.facts, "o", &m));
	assert_string_equal(m.role, "master");
	known_labels(&k, odd);
	assert_true(kubeflow_job(&k.facts, "o", &n));
	assert_string_equal(n.role, "worker");
	assert_string_equal(membership_attr_of(&n, "replica"), "\\x1B[31mroot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_operators_pod_is_not_ours),
		cmocka_unit_test(a_job_without_a_name_is_none),
		cmocka_unit_test(roles_are_known_words_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

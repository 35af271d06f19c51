// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void an_indexed_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "batch.kubernetes.io/job-name", "sweep",
					      "batch.kubernetes.io/job-completion-index", "4", NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "k8s_job:ml/sweep", "k8s_job:ml/sweep/4");
}

static void a_plain_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "batch.kubernetes.io/job-name", "backup", NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ops";
	assert_is(&k, "k8s_job:ops/backup", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_indexed_job),
		cmocka_unit_test(a_plain_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

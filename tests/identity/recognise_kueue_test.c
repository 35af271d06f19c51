// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_group_of_plain_pods(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "kueue.x-k8s.io/queue-name", "team-a", "kueue.x-k8s.io/pod-group-name",
					      "gang-1", NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "kueue:ml/gang-1", NULL);
	assert_job_attr(&k, "queue", "team-a");
	KNOWN_ENV(&k, "RANK=1\0WORLD_SIZE=2\0MASTER_ADDR=gang-1-0\0MASTER_PORT=1");
	assert_is(&k, "kueue:ml/gang-1", "kueue:ml/gang-1/1");
}

static void a_queue_is_no_job(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "kueue.x-k8s.io/queue-name", "team-a", NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_int_equal(known_recognise(&k), 0);
}

static void another_schedulers_groups(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "scheduling.x-k8s.io/pod-group", "nginx", NULL };

	known_labels(&k, labels);
	k.facts.pod_namespace = "ml";
	assert_is(&k, "kueue:ml/nginx", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_of_plain_pods),
		cmocka_unit_test(a_queue_is_no_job),
		cmocka_unit_test(another_schedulers_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

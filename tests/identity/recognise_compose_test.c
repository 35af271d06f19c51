// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_container_of_a_service(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "com.docker.compose.project",
					      "shop",
					      "com.docker.compose.service",
					      "web",
					      "com.docker.compose.container-number",
					      "2",
					      NULL };

	known_labels(&k, labels);
	assert_is(&k, "compose:shop@n1", "compose:shop@n1/web-2");
	assert_attr(&k, "service", "web");
	k.facts.node = "n2"; /* another machine's project of that name */
	assert_is(&k, "compose:shop@n2", "compose:shop@n2/web-2");
}

static void a_rank_in_a_service_is_a_rank(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "com.docker.compose.project", "shop", "com.docker.compose.service",
					      "trainer", NULL };

	known_labels(&k, labels);
	KNOWN_ENV(&k, "RANK=0\0WORLD_SIZE=2\0TORCHELASTIC_RUN_ID=r");
	assert_is(&k, "torchrun:r", "torchrun:r/0");
	assert_job_attr(&k, "compose_project", "shop@n1/trainer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_of_a_service),
		cmocka_unit_test(a_rank_in_a_service_is_a_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

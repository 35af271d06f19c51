// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_task_of_a_stack(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "com.docker.stack.namespace",
					      "shop",
					      "com.docker.swarm.service.name",
					      "shop_web",
					      "com.docker.swarm.service.id",
					      "abc",
					      "com.docker.swarm.task.name",
					      "shop_web.2.k3x9d0c1b2a3",
					      "com.docker.swarm.task.id",
					      "k3x9d0c1b2a3",
					      NULL };

	known_labels(&k, labels);
	assert_is(&k, "swarm:shop", "swarm:shop/shop_web.2");
}

static void a_service_without_a_stack(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "com.docker.swarm.service.name", "db", "com.docker.swarm.task.name",
					      "db.1.zz", NULL };

	known_labels(&k, labels);
	assert_is(&k, "swarm:db", "swarm:db/db.1");
}

static void a_task_of_another_name_is_no_member(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const labels[] = { "com.docker.swarm.service.name", "db", "com.docker.swarm.task.name",
					      "dbx.1.zz", NULL };

	known_labels(&k, labels);
	assert_is(&k, "swarm:db", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_of_a_stack),
		cmocka_unit_test(a_service_without_a_stack),
		cmocka_unit_test(a_task_of_another_name_is_no_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

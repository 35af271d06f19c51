// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_service_by_its_own_word(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	k.facts.otel_service = "checkout";
	assert_is(&k, "otel:checkout", NULL);
	assert_int_equal(k.is[0].source, IDENTITY_OTEL);
	k.facts.pod_namespace = "shop";
	assert_is(&k, "otel:checkout@shop", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_by_its_own_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void unit(struct known *k, const char *name)
{
	known_cgroup(k, CGROUP_HOLDER_UNIT, "");
	strncpy(k->cgroup.unit, name, sizeof(k->cgroup.unit) - 1);
}

static void a_service(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	unit(&k, "nginx.service");
	assert_is(&k, "systemd:nginx.service@n1", NULL);
	assert_string_equal(k.is[0].job_name, "nginx.service");
	unit(&k, "getty@tty1.service");
	assert_is(&k, "systemd:getty%40tty1.service@n1", NULL);
}

static void sessions_are_none(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	static const char *const units[] = { "session-3.scope", "user@1000.service", "init.scope", "service", "" };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		unit(&k, units[i]);
		assert_int_equal(known_recognise(&k), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service),
		cmocka_unit_test(sessions_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

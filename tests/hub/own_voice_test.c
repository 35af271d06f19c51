// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "hub/own_voice.h"
#include "tests/hub/made.h"

static void an_answer_is_of_its_node_in_all_its_parts(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct finding *own = made_finding("n1", 1, 1, FINDING_OPEN, SEVERITY_INFO);
	struct finding *other = made_finding("n2", 1, 1, FINDING_RESOLVED, SEVERITY_INFO);

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	assert_true(own_voice_answer(a, "n1")); /* names nobody */
	a->node = "n1";
	assert_true(own_voice_answer(a, "n1"));
	assert_false(own_voice_answer(a, "n2"));
	assert_ok(answer_add_finding(a, &own));
	assert_true(own_voice_answer(a, "n1"));
	assert_ok(answer_add_finding(a, &other));
	assert_false(own_voice_answer(a, "n1"));
}

static void who_has_no_certificate_is_whom_he_says(void **state UNUSED)
{
	char text[600] = "";

	assert_true(own_voice_hello(NULL, "ipv4:127.0.0.1:1", "n1", text, sizeof(text)));
	assert_false(own_voice_hello("no certificate", "ipv4:127.0.0.1:1", "n1", text, sizeof(text)));
	assert_non_null(strstr(text, "--node"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_of_its_node_in_all_its_parts),
		cmocka_unit_test(who_has_no_certificate_is_whom_he_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

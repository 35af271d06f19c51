// SPDX-License-Identifier: Apache-2.0
#include "identity/statement.h"
#include "tests/test.h"

static void the_most_trusted_holds_and_the_others_are_said(void **state)
{
	(void)state;
	struct membership m = { .source = IDENTITY_SOURCE_MAX };
	const struct statement said[] = { { "7", IDENTITY_PROC, "arguments" },
					  { "3", IDENTITY_CRI, "label" },
					  { NULL, IDENTITY_EXEC, "RANK" },
					  { "3", IDENTITY_OTEL, "context" } };

	assert_string_equal(statement_settle(&m, "rank", said, 4), "3");
	assert_string_equal(m.conflict, "rank: label says 3, arguments says 7");
	assert_int_equal(m.source, IDENTITY_CRI);
}

static void the_first_of_equally_trusted(void **state)
{
	(void)state;
	struct membership m = { .source = IDENTITY_EXEC };
	const struct statement said[] = { { "a", IDENTITY_CRI, "x" }, { "b", IDENTITY_CRI, "y" } };

	assert_string_equal(statement_settle(&m, "q", said, 2), "a");
	assert_int_equal(m.source, IDENTITY_EXEC); /* it rests on a better one already */
}

static void nobody_says_anything(void **state)
{
	(void)state;
	struct membership m = { .source = IDENTITY_SOURCE_MAX };
	const struct statement said[] = { { NULL, IDENTITY_CRI, "x" } };

	assert_null(statement_settle(&m, "q", said, 1));
	assert_null(statement_settle(&m, "q", said, 0));
	assert_int_equal(m.source, IDENTITY_SOURCE_MAX);
	assert_null(statement_argument("").value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_trusted_holds_and_the_others_are_said),
		cmocka_unit_test(the_first_of_equally_trusted),
		cmocka_unit_test(nobody_says_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

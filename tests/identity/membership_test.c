// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "identity/membership.h"
#include "tests/test.h"

static struct membership of(const char *job, const char *member)
{
	struct membership m = { .scheduler = "x" };

	assert_true(membership_job_whole(&m, job));
	assert_true(membership_member(&m, member));
	return m;
}

static void keys_of_job_and_member(void **state)
{
	(void)state;
	struct membership m = of("a", "3");
	char key[32];

	assert_true(membership_job_key(&m, key, sizeof(key)));
	assert_string_equal(key, "x:a");
	assert_true(membership_member_key(&m, key, sizeof(key)));
	assert_string_equal(key, "x:a/3");
}

static void two_jobs_never_share_a_members_key(void **state)
{
	(void)state;
	struct membership a = of("ns", "name/3"), b = of("ns/name", "3"), c = of("ns", "name%2F3");
	char key_a[64], key_b[64], key_c[64];

	assert_true(membership_member_key(&a, key_a, sizeof(key_a)));
	assert_true(membership_member_key(&b, key_b, sizeof(key_b)));
	assert_true(membership_member_key(&c, key_c, sizeof(key_c)));
	assert_string_equal(key_a, "x:ns/name%2F3");
	assert_string_equal(key_b, "x:ns/name/3");
	assert_string_equal(key_c, "x:ns/name%252F3");
}

static void two_lists_of_parts_never_make_one_id(void **state)
{
	(void)state;
	static const char *const parts[][2] = {
		{ "a/b", "c" }, { "a", "b/c" }, { "a%2Fb", "c" }, { "a@b", "c" }, { "a", "b@c" }
	};
	char ids[5][64];

	for (size_t i = 0; i < 5; i++) {
		struct membership m = { .scheduler = "x" };

		assert_true(membership_job_part(&m, '\0', parts[i][0]) && membership_job_part(&m, '/', parts[i][1]));
		strcpy(ids[i], m.job);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	assert_string_equal(ids[0], "a%2Fb/c");
}

static void an_empty_id_or_member_has_no_key(void **state)
{
	(void)state;
	struct membership m = { .scheduler = "x" };
	char key[32] = "left";

	assert_false(membership_job_key(&m, key, sizeof(key)));
	assert_string_equal(key, "");
	assert_false(membership_job_part(&m, '/', ""));
	assert_false(membership_job_part(&m, '/', NULL));
	assert_true(membership_job_part(&m, '/', "a"));
	assert_string_equal(m.job, "a"); /* no separator before the first */
	assert_false(membership_member_key(&m, key, sizeof(key)));
}

static void what_does_not_fit_names_nothing(void **state)
{
	(void)state;
	struct membership m = { .scheduler = "x" };
	char name[300], key[8];

	memset(name, 'n', sizeof(name));
	name[254] = '\0';
	assert_true(membership_job_part(&m, '/', name));
	assert_false(membership_job_part(&m, '/', "b"));
	assert_string_equal(m.job, "");
	name[128] = '\0';
	assert_false(membership_member(&m, name));
	assert_string_equal(m.member, "");
	assert_false(membership_memberf(&m, "%s%s", name, name));
	assert_true(membership_job_part(&m, '/', "abcdefg"));
	assert_false(membership_job_key(&m, key, sizeof(key)));
}

static void hostile_names_are_escaped(void **state)
{
	(void)state;
	struct membership m = { .scheduler = "x" };

	assert_true(membership_job_part(&m, '\0', "\033[31m\xff/\xe2\x80\xae"));
	assert_string_equal(m.job, "\\x1B[31m\\xFF%2F\\u{202E}");
	assert_true(membership_member(&m, "\n"));
	assert_string_equal(m.member, "\\x0A");
	membership_name(&m, "\r\007");
	assert_string_equal(m.job_name, "\\x0D\\x07");
}

static void attributes_are_bounded_and_the_first_stays(void **state)
{
	(void)state;
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
	struct membership m = { .scheduler = "x" };
	char value[300];

	membership_attr(&m, "a", NULL);
	membership_attr(&m, "a", "");
	assert_int_equal(m.n_attrs, 0);
	for (size_t i = 0; i < 9; i++)
		membership_attr(&m, names[i], names[i]);
	membership_attr(&m, "a", "again");
	assert_int_equal(m.n_attrs, MEMBERSHIP_MAX_ATTRS);
	assert_string_equal(membership_attr_of(&m, "a"), "a");
	assert_null(membership_attr_of(&m, "i"));
	assert_null(membership_job_attr_of(&m, "a"));
	memset(value, 'v', sizeof(value));
	value[299] = '\0';
	membership_job_attr(&m, "long", value);
	assert_int_equal(strlen(membership_job_attr_of(&m, "long")), 127);
}

static void conflicts_are_kept_apart_and_bounded(void **state)
{
	(void)state;
	struct membership m = { .scheduler = "x" };

	membership_conflict(&m, "rank: %s", "a says 1\n");
	membership_conflict(&m, "job: b says 2");
	assert_string_equal(m.conflict, "rank: a says 1\\x0A; job: b says 2");
	for (size_t i = 0; i < 100; i++)
		membership_conflict(&m, "more and more and more");
	assert_true(strlen(m.conflict) < sizeof(m.conflict));
}

static void every_source_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < IDENTITY_SOURCE_MAX; i++)
		assert_string_not_equal(identity_source_name((enum identity_source)i), "unknown");
	assert_string_equal(identity_source_name(IDENTITY_SOURCE_MAX), "unknown");
	assert_string_equal(identity_source_name(IDENTITY_EXEC), "environment at exec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_job_and_member),
		cmocka_unit_test(two_jobs_never_share_a_members_key),
		cmocka_unit_test(two_lists_of_parts_never_make_one_id),
		cmocka_unit_test(an_empty_id_or_member_has_no_key),
		cmocka_unit_test(what_does_not_fit_names_nothing),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(attributes_are_bounded_and_the_first_stays),
		cmocka_unit_test(conflicts_are_kept_apart_and_bounded),
		cmocka_unit_test(every_source_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

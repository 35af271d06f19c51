/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <string.h>

#include "model/target.h"

static struct finding_entity entity(enum entity_kind kind, const char *id, const char *name)
{
	return (struct finding_entity){ .kind = kind, .id = id, .name = name };
}

static void test_process_by_pid_not_by_part_of_it(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_PROCESS, "4242/991", "python3[4242]");
	e.attrs[e.n_attrs++] = (struct finding_attr){ "pid", "4242" };
	assert_true(entity_is_called(&e, "4242"));
	assert_true(entity_is_called(&e, "4242/991"));
	assert_true(entity_is_called(&e, "python3[4242]"));
	assert_false(entity_is_called(&e, "424"));
	assert_false(entity_is_called(&e, "991"));
	e.n_attrs = 0;
	assert_true(entity_is_called(&e, "4242"));
	assert_false(entity_is_called(&e, "42"));
}

static void test_cgroup_by_path_or_last_part(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_CGROUP, "/demo/victim", "/demo/victim");
	assert_true(entity_is_called(&e, "/demo/victim"));
	assert_true(entity_is_called(&e, "victim"));
	assert_false(entity_is_called(&e, "demo"));
	e = entity(ENTITY_CGROUP, "/", "/");
	assert_false(entity_is_called(&e, ""));
}

static void test_container_by_beginning_of_id(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_CONTAINER, "0123456789abcdef", "trainer");
	assert_true(entity_is_called(&e, "012345"));
	assert_true(entity_is_called(&e, "trainer"));
	assert_false(entity_is_called(&e, "01234"));
}

static void test_job_with_and_without_scheduler(void **state)
{
	(void)state;
	struct finding_entity e = entity(ENTITY_JOB, "slurm:81734", NULL);
	assert_true(entity_is_called(&e, "slurm:81734"));
	assert_true(entity_is_called(&e, "81734"));
	assert_false(entity_is_called(&e, "8173"));
}

static void test_finding_concerns_subject_affected_and_explained(void **state)
{
	(void)state;
	struct finding f = { .node = "n1", .subject = entity(ENTITY_CGROUP, "/a", "/a") };
	f.affected[f.n_affected++] = entity(ENTITY_POD, "ml/train-0", NULL);
	f.explains[f.n_explains++] = (struct finding_explained){ .symptom = "s" };
	f.explains[0].subject = entity(ENTITY_PROCESS, "7/1", "x[7]");
	assert_true(finding_concerns(&f, ENTITY_NODE, "n1"));
	assert_true(finding_concerns(&f, ENTITY_KIND_MAX, "n1"));
	assert_false(finding_concerns(&f, ENTITY_NODE, "n2"));
	assert_true(finding_concerns(&f, ENTITY_CGROUP, "/a"));
	assert_true(finding_concerns(&f, ENTITY_POD, "ml/train-0"));
	assert_true(finding_concerns(&f, ENTITY_PROCESS, "7"));
	assert_false(finding_concerns(&f, ENTITY_POD, "7"));
}

static void test_finding_by_beginning_of_id(void **state)
{
	(void)state;
	struct finding f = {0};
	strcpy(f.id, "fnd_ABCDEFGH");
	assert_true(finding_is_called(&f, "fnd_ABCDEFGH"));
	assert_true(finding_is_called(&f, "fnd_ABCD"));
	assert_false(finding_is_called(&f, "fnd_ABC"));
	assert_false(finding_is_called(&f, "fnd_ABCE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_by_pid_not_by_part_of_it),
		cmocka_unit_test(test_cgroup_by_path_or_last_part),
		cmocka_unit_test(test_container_by_beginning_of_id),
		cmocka_unit_test(test_job_with_and_without_scheduler),
		cmocka_unit_test(test_finding_concerns_subject_affected_and_explained),
		cmocka_unit_test(test_finding_by_beginning_of_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

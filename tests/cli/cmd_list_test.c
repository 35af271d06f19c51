// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

static const char *run_dir;

static int setup(void **state UNUSED)
{
	run_dir = child_folder();
	return 0;
}

static int teardown(void **state UNUSED)
{
	child_folder_remove();
	return 0;
}

static void three(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_symptom(a);
	sample_resolved(a);
	sample_gpu(a)->simulated = true;
	sample_cause(a, "trial", "On trial", SEVERITY_CRITICAL)->shadow = true;
}

static void none(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
}

static void hostile(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_cause(a, "x", "a\nb\033[2Jc", SEVERITY_WARNING)->rule = "\r\x7f";
}

static void test_a_table_the_worst_first(void **state UNUSED)
{
	fake_agent_start(three);
	const struct child_result *r = child_why("list", "--since", "1h", "--run", run_dir);

	assert_int_equal(r->status, 2);
	assert_string_equal(
		r->out,
		"SEVERITY  STATE     SINCE     NODE     CAUSE             SUBJECT  WHAT\n"
		"critical  open      10:42:11  node-17  gpu.fell_off_bus  GPU 3    [SIMULATED] GPU 3 fell off the PCIe "
		"bus\n"
		"warning   open      10:42:11  node-17  proc.stalled      node-17  python3[99] makes no progress\n"
		"critical  resolved  10:45:15  node-17  mem.cgroup_oom    node-17  The cgroup hit its limit\n");
	fake_agent_stop();
}

static void test_a_narrow_terminal_keeps_what_matters(void **state UNUSED)
{
	const char *words[] = { "list", "--since", "1h", "--run", run_dir, "--no-color", NULL };

	fake_agent_start(three);
	const struct child_result *r = child_run_on_terminal(words, 0);
	fake_agent_stop();
	assert_string_equal(r->out, "SEVERITY  SINCE     NODE     WHAT\r\n"
				    "critical  10:42:11  node-17  [SIMULATED] GPU 3 fell off the PCIe bus\r\n"
				    "warning   10:42:11  node-17  python3[99] makes no progress\r\n"
				    "resolved  10:45:15  node-17  The cgroup hit its limit\r\n");
}

static void test_trials_only_when_all_is_asked_for(void **state UNUSED)
{
	fake_agent_start(three);
	assert_null(strstr(child_why("list", "--run", run_dir)->out, "On trial"));
	assert_true(fake_agent_asked()->only_open);
	assert_non_null(strstr(child_why("list", "--all", "--run", run_dir)->out, "[SHADOW] On trial"));
	assert_false(fake_agent_asked()->only_open);
	fake_agent_stop();
}

static void test_an_empty_list_is_no_verdict(void **state UNUSED)
{
	fake_agent_start(none);
	const struct child_result *r = child_why("list", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "no open finding"));
	assert_null(strstr(r->out, "OK"));
}

static void fresh(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->evaluated = false;
}

static void test_a_list_of_a_fresh_agent_says_so(void **state UNUSED)
{
	fake_agent_start(fresh);
	const struct child_result *r = child_why("list", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 3);
	assert_non_null(strstr(r->out, "Not everything has been evaluated yet"));
}

static void test_a_row_is_one_line_whatever_is_in_it(void **state UNUSED)
{
	fake_agent_start(hostile);
	const struct child_result *r = child_why("list", "--run", run_dir);
	fake_agent_stop();
	assert_non_null(strstr(r->out, "a\\x0Ab\\x1B[2Jc\n"));
	assert_non_null(strstr(r->out, "\\x0D\\x7F"));
	assert_ptr_equal(strchr(strchr(r->out, '\n') + 1, '\n')[1] ? r->out : NULL, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_table_the_worst_first),
		T(test_trials_only_when_all_is_asked_for),
		T(test_a_narrow_terminal_keeps_what_matters),
		T(test_an_empty_list_is_no_verdict),
		T(test_a_row_is_one_line_whatever_is_in_it),
		T(test_a_list_of_a_fresh_agent_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

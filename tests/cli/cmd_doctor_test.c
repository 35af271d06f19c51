// SPDX-License-Identifier: Apache-2.0
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

static void add(struct answer *a, const char *what, const char *status, const char *text, const char *detail,
		enum severity severity)
{
	struct answer_line *l = answer_add_line(a);

	*l = (struct answer_line){ .what = what, .status = status, .text = text, .detail = detail, .severity = severity };
}

static void mixed(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	add(a, "cpu", "ok", "processors", NULL, SEVERITY_INFO);
	add(a, "nvml", "missing", "no NVIDIA driver", "gpu.thermal", SEVERITY_INFO);
	add(a, "tasks", "failed", "Operation not permitted: needs CAP_BPF", "proc.killed_by, proc.stuck",
	    SEVERITY_WARNING);
	add(a, "spool", "degraded", "3 dropped", NULL, SEVERITY_WARNING);
}

static void good(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	add(a, "cpu", "ok", "processors", NULL, SEVERITY_INFO);
}

static void test_the_worst_first_and_which_rules_suffer(void **state UNUSED)
{
	fake_agent_start(mixed);
	const struct child_result *r = child_why("doctor", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 1);
	assert_string_equal(
		r->out,
		"node-17  WARNING  3 of 4 checks did not pass                          as of 10:47:03 (agent 2 s ago)\n"
		"\n"
		"  failed    tasks     Operation not permitted: needs CAP_BPF\n"
		"                      cannot be judged for it: proc.killed_by, proc.stuck\n"
		"  degraded  spool     3 dropped\n"
		"  missing   nvml      no NVIDIA driver\n"
		"                      cannot be judged for it: gpu.thermal\n"
		"  ok        cpu\n"
		"\n"
		"  whyd 0.1.0 · rules 9f3c1a77\n");
}

static void test_all_tells_what_each_check_reads(void **state UNUSED)
{
	fake_agent_start(mixed);
	const struct child_result *r = child_why("doctor", "--all", "--run", run_dir);
	fake_agent_stop();
	assert_non_null(strstr(r->out, "\n  ok        cpu       processors\n"));
}

static void test_all_well(void **state UNUSED)
{
	fake_agent_start(good);
	const struct child_result *r = child_why("doctor", "node-17", "--run", run_dir);
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "node-17  OK  all 1 checks passed"));
	assert_int_equal(fake_agent_asked()->kind, QUERY_DOCTOR);
	assert_string_equal(fake_agent_asked()->node, "node-17");
	assert_int_equal(child_why("doctor", "a", "b", "--run", run_dir)->status, 64);
	/* This machine's agent is no other node's doctor. */
	assert_int_equal(child_why("doctor", "node-18", "--run", run_dir)->status, 66);
	fake_agent_stop();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_the_worst_first_and_which_rules_suffer),
					    T(test_all_tells_what_each_check_reads), T(test_all_well) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

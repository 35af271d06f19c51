// SPDX-License-Identifier: Apache-2.0
#include <math.h>
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

static void explain_not(struct answer *a, const char *verdict)
{
	static struct answer_evidence evidence[] = {
		{ .role = "requires",
		  .id = "oom",
		  .text = "a victim of the OOM killer",
		  .expected = ">= 1",
		  .truth = 0,
		  .observed = 0 },
		{ .role = "supports", .id = "grew", .text = "memory grew", .truth = 1, .observed = NAN },
		{ .role = "refutes",
		  .id = "node",
		  .text = "the whole node was out of memory",
		  .truth = -1,
		  .observed = NAN,
		  .why = "no such\033[2J reading" },
	};

	sample_head(a);
	a->verdict = verdict;
	a->evidence = evidence;
	a->n_evidence = ARRAY_LEN(evidence);
}

static void not_blamed(const struct query *q UNUSED, struct answer *a)
{
	explain_not(a, "not_blamed");
}

static void cannot_tell(const struct query *q UNUSED, struct answer *a)
{
	explain_not(a, "cannot_tell");
}

static void vetoed(const struct query *q UNUSED, struct answer *a)
{
	explain_not(a, "vetoed");
}

static void blamed(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->verdict = "blamed";
	sample_gpu(a);
}

static void test_each_evidence_with_its_truth(void **state UNUSED)
{
	fake_agent_start(not_blamed);
	const struct child_result *r = child_why("not", "mem.cgroup_oom", "cgroup", "/a", "--run", run_dir);
	assert_int_equal(r->status, 0);
	assert_string_equal(r->out, "mem.cgroup_oom on node-17\n"
				    "  Not blamed: what it requires does not hold.\n"
				    "\n"
				    "  ✗ requires        a victim of the OOM killer; observed 0, expected >= 1\n"
				    "  ✓ supports        memory grew\n"
				    "  ? refutes         the whole node was out of memory; no such\\x1B[2J reading\n");
	assert_int_equal(fake_agent_asked()->kind, QUERY_NOT);
	assert_string_equal(fake_agent_asked()->cause, "mem.cgroup_oom");
	assert_string_equal(fake_agent_asked()->target, "/a");
	assert_int_equal(fake_agent_asked()->target_kind, ENTITY_CGROUP);
	fake_agent_stop();
}

static void check_verdict(fake_answer_fn answer, int status, const char *says)
{
	fake_agent_start(answer);
	const struct child_result *r = child_why("not", "x.y", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, status);
	assert_non_null(strstr(r->out, says));
}

static void test_verdicts(void **state UNUSED)
{
	check_verdict(cannot_tell, 3, "Cannot tell");
	check_verdict(vetoed, 0, "Ruled out");
	check_verdict(blamed, 0, "It is blamed.\n\n  ● GPU 3 fell off");
}

static void test_without_a_cause_it_says_how(void **state UNUSED)
{
	const struct child_result *r = child_why("not");

	assert_int_equal(r->status, 64);
	assert_non_null(strstr(r->err, "why not mem.cgroup_oom node-17"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_each_evidence_with_its_truth),
		T(test_verdicts),
		T(test_without_a_cause_it_says_how),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

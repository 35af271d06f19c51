// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/cleanup.h"
#include "tests/cli/child.h"
#include "tests/cli/sample.h"
#include "tests/test.h"

#define DAY_NS (24 * 3600 * NS_PER_S)

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

static void add(struct answer *a, wall_ns_t at, const char *status, const char *subject, const char *text,
		const char *detail)
{
	struct answer_line *l = answer_add_line(a);

	*l = (struct answer_line){
		.at = at, .what = "finding", .status = status, .subject = subject, .text = text, .detail = detail
	};
}

static void two_days(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	add(a, SAMPLE_T0 - DAY_NS, "connected", "node-17", "its agent connected", NULL);
	add(a, SAMPLE_T0, "open", "GPU 3", "GPU 3 fell off the PCIe bus", "gpu.fell_off_bus");
	add(a, SAMPLE_T0 + 4 * NS_PER_S, "explained", "rank 19", "job.rank_dead\n\033[2J", "gpu.fell_off_bus");
}

static void empty(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
}

static void test_entries_by_day(void **state UNUSED)
{
	fake_agent_start(two_days);
	const struct child_result *r = child_why("timeline", "gpu", "3", "--since", "48h", "--run", run_dir);
	assert_int_equal(r->status, 0);
	assert_string_equal(r->out,
			    "Thursday, 19 November 2026\n"
			    "  10:42:11.204  connected   its agent connected  node-17\n"
			    "\n"
			    "Friday, 20 November 2026\n"
			    "  10:42:11.204  open        GPU 3 fell off the PCIe bus  GPU 3  (gpu.fell_off_bus)\n"
			    "  10:42:15.204  explained   job.rank_dead\\x0A\\x1B[2J  rank 19  (gpu.fell_off_bus)\n");
	assert_int_equal(fake_agent_asked()->kind, QUERY_TIMELINE);
	assert_int_equal(fake_agent_asked()->target_kind, ENTITY_GPU);
	assert_true(fake_agent_asked()->since_ns == 2 * DAY_NS);
	fake_agent_stop();
}

static void test_the_last_hour_unless_said(void **state UNUSED)
{
	fake_agent_start(empty);
	const struct child_result *r = child_why("timeline", "--run", run_dir);
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "--since 24h"));
	assert_true(fake_agent_asked()->since_ns == 3600 * NS_PER_S);
	(void)child_why("timeline", "--all", "--run", run_dir);
	assert_true(fake_agent_asked()->since_ns > 300 * DAY_NS);
	fake_agent_stop();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_entries_by_day), T(test_the_last_hour_unless_said) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

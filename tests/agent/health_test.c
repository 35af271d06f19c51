/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/agent/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	stage_open(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static void test_doctor_tells_what_works_and_what_does_not(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	AUTO(answer_free) struct answer *a = stage_ask_about(s, QUERY_DOCTOR, "");
	assert_string_equal(stage_line(a, "kernlog")->status, "ok");
	assert_string_equal(stage_line(a, "self")->status, "ok");
	const struct answer_line *disabled = stage_line(a, "memory");
	assert_string_equal(disabled->status, "missing");
	assert_string_equal(disabled->text, "disabled by the configuration");
	assert_string_equal(stage_line(a, "spool")->status, "ok");
	assert_string_equal(stage_line(a, "flight recorder")->status, "ok");
	assert_string_equal(stage_line(a, "readings")->status, "ok");
	assert_null(stage_line(a, "exporter prometheus")); /* switched off */
	assert_int_equal(answer_exit_status(a), 0);
	assert_int_equal(stage_stop(s), 0);
}

static void test_collector_that_cannot_run_is_told_with_the_rules_that_suffer(void **state)
{
	struct stage *s = *state;
	assert_ok(unlink(s->kmsg));
	stage_start(s);
	AUTO(answer_free) struct answer *a = stage_ask_about(s, QUERY_DOCTOR, "");
	const struct answer_line *line = stage_line(a, "kernlog");
	assert_string_equal(line->status, "failed");
	assert_non_null(line->detail);
	assert_non_null(strstr(line->detail, "lab.xid"));
	assert_null(strstr(line->detail, "lab.state_full")); /* reads the agent's own events only */
	assert_int_equal(a->n_unknown, 1);
	assert_string_equal(a->unknown[0].what, "kernlog");
	assert_int_equal(answer_exit_status(a), 1);
	/* An explanation says so too: no finding is not "healthy" there. */
	AUTO(answer_free) struct answer *explained = stage_ask_about(s, QUERY_EXPLAIN, "");
	assert_int_equal(explained->n_unknown, 1);
	assert_int_equal(stage_stop(s), 0);
}

static void test_state_without_a_recorder_is_told(void **state)
{
	struct stage *s = *state;
	assert_ok(mkdir(s->state, 0755));
	stage_write(s->state, "recorder", "in the way");
	stage_start(s);
	AUTO(answer_free) struct answer *a = stage_ask_about(s, QUERY_DOCTOR, "");
	assert_string_equal(stage_line(a, "flight recorder")->status, "failed");
	stage_xid(s, 1);
	AUTO(finding_free) struct finding *f = stage_await(s, "lab.xid", FINDING_OPEN); /* all else goes on */
	assert_int_equal(stage_stop(s), 0);
}

static void test_rules_lists_modes_and_the_rejected_with_their_place(void **state)
{
	struct stage *s = *state;
	stage_rule_file(s, "mine.why.yaml",
			"rules: why/v1\npack: { name: mine, version: 1.0.0 }\ncauses:\n  mine.bad:\n    title: x\n"
			"    scope: node\n    trigger: no.such.metric > 1\n");
	stage_start(s);
	AUTO(answer_free) struct answer *a = stage_ask_about(s, QUERY_RULES, "");
	const struct answer_line *good = stage_line(a, "lab.xid");
	assert_string_equal(good->status, "enabled");
	assert_string_equal(good->subject, "gpu");
	assert_int_equal(good->severity, SEVERITY_CRITICAL);
	const struct answer_line *bad = stage_line(a, "mine.bad");
	assert_string_equal(bad->status, "rejected");
	assert_non_null(strstr(bad->text, "mine.why.yaml:7:"));
	assert_int_equal(stage_stop(s), 0);
}

static void test_metrics_lists_the_registry_with_its_sources(void **state)
{
	struct stage *s = *state;
	stage_start(s);
	AUTO(answer_free) struct answer *a = stage_ask_about(s, QUERY_METRICS, "");
	const struct answer_line *xid = stage_line(a, "gpu.xid");
	assert_string_equal(xid->status, "ok");
	assert_string_equal(xid->subject, "gpu");
	assert_non_null(strstr(xid->detail, "from kernlog"));
	unsigned missing = 0;
	for (size_t i = 0; i < a->n_lines; i++)
		missing += strcmp(a->lines[i].status, "missing") == 0;
	assert_true(missing > 50); /* those of collectors that are switched off */
	assert_false(a->truncated);
	assert_int_equal(stage_stop(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_doctor_tells_what_works_and_what_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_collector_that_cannot_run_is_told_with_the_rules_that_suffer,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_state_without_a_recorder_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules_lists_modes_and_the_rejected_with_their_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_metrics_lists_the_registry_with_its_sources, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

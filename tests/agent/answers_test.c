/* SPDX-License-Identifier: Apache-2.0 */
/* Questions as `why --local` asks them, to an agent that has found something. */
#include "tests/agent/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proto/local.h"

/* One agent for all questions: GPU 1 first, then a refused rule, then GPU 2. */
static struct stage stage;

static const char broken[] = "rules: why/v1\npack: { name: mine, version: 1.0.0 }\ncauses:\n  mine.bad:\n    title: x\n"
			     "    scope: node\n    trigger: no.such.metric > 1\n";

static int set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_rule_file(&stage, "mine.why.yaml", broken);
	stage_start(&stage);
	AUTO(finding_free) struct finding *refused = stage_await(&stage, "lab.rule_rejected", FINDING_OPEN);
	stage_xid(&stage, 1);
	AUTO(finding_free) struct finding *first = stage_await_about(&stage, "lab.xid", "0000:01:00.0", FINDING_OPEN);
	stage_xid(&stage, 2);
	AUTO(finding_free) struct finding *second = stage_await_about(&stage, "lab.xid", "0000:02:00.0", FINDING_OPEN);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(stage_stop(&stage), 0);
	stage_close(&stage);
	return 0;
}

static void test_explain_tells_all_ranked(void **state)
{
	(void)state;
	AUTO(answer_free) struct answer *a = stage_ask_about(&stage, QUERY_EXPLAIN, "");
	assert_int_equal(a->status, ANSWER_OK);
	assert_int_equal(a->n_findings, 3);
	assert_string_equal(a->findings[0]->rule, "lab.xid"); /* critical before warning, though it came later */
	assert_string_equal(a->findings[2]->rule, "lab.rule_rejected");
	assert_string_equal(a->node, "stage");
	assert_string_equal(a->target, "stage");
	assert_true(strlen(a->rules_digest) > 10);
	assert_int_equal(answer_exit_status(a), a->evaluated ? 2 : answer_exit_status(a));
}

static void test_limit_keeps_the_best_not_the_first(void **state)
{
	(void)state;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .limit = 1 };
	AUTO(answer_free) struct answer *a = stage_ask(&stage, &q);
	assert_int_equal(a->n_findings, 1);
	assert_true(a->truncated);
	assert_string_equal(a->findings[0]->rule, "lab.xid");
	assert_string_equal(a->findings[0]->subject.id, "0000:01:00.0"); /* the oldest of two that are alike */
}

static void test_target_narrows(void **state)
{
	(void)state;
	AUTO(answer_free) struct answer *gpu = stage_ask_about(&stage, QUERY_EXPLAIN, "0000:02:00.0");
	assert_int_equal(gpu->n_findings, 1);
	assert_string_equal(gpu->findings[0]->subject.id, "0000:02:00.0");
	AUTO(answer_free) struct answer *id = stage_ask_about(&stage, QUERY_EXPLAIN, gpu->findings[0]->id);
	assert_int_equal(id->n_findings, 1);
	AUTO(answer_free) struct answer *node = stage_ask_about(&stage, QUERY_EXPLAIN, "stage");
	assert_int_equal(node->n_findings, 3);
}

static void test_what_is_not_here_is_not_found(void **state)
{
	(void)state;
	AUTO(answer_free) struct answer *a = stage_ask_about(&stage, QUERY_EXPLAIN, "0000:77:00.0");
	assert_int_equal(a->status, ANSWER_NOT_FOUND);
	assert_non_null(strstr(a->message, "0000:77:00.0"));
	/* A process that is there, with nothing wrong about it. */
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_PROCESS };
	snprintf(q.target, sizeof(q.target), "%d", (int)getpid());
	AUTO(answer_free) struct answer *self = stage_ask(&stage, &q);
	assert_int_equal(self->status, ANSWER_OK);
	assert_int_equal(self->n_findings, 0);
	static const char *const none[] = { "0", "4194304000", "99999999999999999999999" };
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		snprintf(q.target, sizeof(q.target), "%s", none[i]);
		AUTO(answer_free) struct answer *no = stage_ask(&stage, &q);
		assert_int_equal(no->status, ANSWER_NOT_FOUND);
	}
}

static void test_list_filters(void **state)
{
	(void)state;
	struct query q = {
		.kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .only_open = 1, .cause = "lab.rule_rejected"
	};
	AUTO(answer_free) struct answer *a = stage_ask(&stage, &q);
	assert_int_equal(a->n_findings, 1);
	strcpy(q.cause, "lab.xid");
	q.since_ns = 3600 * NS_PER_S;
	AUTO(answer_free) struct answer *b = stage_ask(&stage, &q);
	assert_int_equal(b->n_findings, 2); /* open and in the history: once each */
	strcpy(q.cause, "lab.*");
	AUTO(answer_free) struct answer *group = stage_ask(&stage, &q);
	assert_int_equal(group->n_findings, 3);
	strcpy(q.cause, "lab.state_full"); /* a rule that found nothing is no error */
	AUTO(answer_free) struct answer *none = stage_ask(&stage, &q);
	assert_int_equal(none->status, ANSWER_OK);
	strcpy(q.cause, "lab.xidd");
	AUTO(answer_free) struct answer *no_rule = stage_ask(&stage, &q);
	assert_int_equal(no_rule->status, ANSWER_NOT_FOUND);
	assert_non_null(strstr(no_rule->message, "did you mean 'lab.xid'?"));
	strcpy(q.cause, "lab.xid");
	q.min_confidence = 1.01;
	AUTO(answer_free) struct answer *c = stage_ask(&stage, &q);
	assert_int_equal(c->n_findings, 0);
}

static void test_timeline_is_in_order_of_time(void **state)
{
	(void)state;
	struct query q = { .kind = QUERY_TIMELINE, .target_kind = ENTITY_KIND_MAX };
	AUTO(answer_free) struct answer *a = stage_ask(&stage, &q);
	assert_true(a->n_lines >= 3);
	for (size_t i = 1; i < a->n_lines; i++)
		assert_true(a->lines[i - 1].at <= a->lines[i].at);
	assert_string_equal(a->lines[0].detail, "lab.rule_rejected");
	assert_string_equal(a->lines[0].status, "open");
	q.limit = 1;
	AUTO(answer_free) struct answer *last = stage_ask(&stage, &q);
	assert_int_equal(last->n_lines, 1);
	assert_true(last->truncated);
	assert_int_equal(last->lines[0].at, a->lines[a->n_lines - 1].at);
}

static void test_why_not(void **state)
{
	(void)state;
	struct query q = { .kind = QUERY_NOT, .target_kind = ENTITY_KIND_MAX, .cause = "lab.xid", .target = "0000:01:00.0" };
	AUTO(answer_free) struct answer *a = stage_ask(&stage, &q);
	assert_int_equal(a->status, ANSWER_OK);
	assert_string_equal(a->verdict, "blamed");
	strcpy(q.cause, "lab.state_full");
	q.target[0] = 0;
	AUTO(answer_free) struct answer *b = stage_ask(&stage, &q);
	assert_string_equal(b->verdict, "not_blamed");
	strcpy(q.cause, "lab.nothing");
	AUTO(answer_free) struct answer *c = stage_ask(&stage, &q);
	assert_int_equal(c->status, ANSWER_NOT_FOUND);
	strcpy(q.cause, "lab.xid");
	strcpy(q.target, "0000:77:00.0");
	AUTO(answer_free) struct answer *d = stage_ask(&stage, &q);
	assert_int_equal(d->status, ANSWER_NOT_FOUND);
}

static void test_fleet_is_for_a_hub(void **state)
{
	(void)state;
	AUTO(answer_free) struct answer *a = stage_ask_about(&stage, QUERY_FLEET, "");
	assert_int_equal(a->status, ANSWER_BAD);
	assert_non_null(strstr(a->message, "--hub"));
}

static void test_reload_by_root_reads_the_rules_again(void **state)
{
	(void)state;
	AUTO(answer_free) struct answer *a = stage_ask_about(&stage, QUERY_RELOAD, "");
	assert_int_equal(a->status, ANSWER_OK);
	assert_non_null(strstr(a->message, "3 causes"));
	assert_non_null(stage_line(a, "lab.xid"));
	/* What is open stays open under rules that did not change. */
	AUTO(finding_free) struct finding *f = stage_await_about(&stage, "lab.xid", "0000:01:00.0", FINDING_OPEN);
	assert_non_null(f);
}

static void test_reload_by_anybody_else_is_denied(void **state)
{
	(void)state;
	assert_ok(chmod(stage.socket, 0666));
	assert_ok(chmod(stage.run, 0755));
	assert_ok(chmod(stage.folder, 0755));
	pid_t pid = fork();
	if (pid == 0) {
		struct query q = { .kind = QUERY_RELOAD, .target_kind = ENTITY_KIND_MAX };
		struct answer *a = NULL;
		if (setgid(65534) < 0 || setuid(65534) < 0 || local_ask(stage.socket, &q, 10 * NS_PER_S, &a) < 0)
			_exit(1);
		_exit(a->status == ANSWER_DENIED ? 0 : 2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* "No finding" of an agent that can find nothing would be a lie. */
static void test_without_rules_nothing_is_well(void **state)
{
	static struct stage bare;
	char path[512];

	(void)state;
	stage_open(&bare);
	(void)snprintf(path, sizeof(path), "%s/lab.why.yaml", bare.rules);
	assert_int_equal(unlink(path), 0);
	stage_start(&bare);
	AUTO(answer_free) struct answer *a = stage_ask_about(&bare, QUERY_EXPLAIN, "");
	assert_non_null(strstr(a->message, "no rules"));
	assert_int_equal(answer_exit_status(a), 3);
	assert_true(stage_said(&bare, "no rules"));
	assert_int_equal(stage_stop(&bare), 0);
	stage_close(&bare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain_tells_all_ranked),
		cmocka_unit_test(test_limit_keeps_the_best_not_the_first),
		cmocka_unit_test(test_target_narrows),
		cmocka_unit_test(test_what_is_not_here_is_not_found),
		cmocka_unit_test(test_list_filters),
		cmocka_unit_test(test_timeline_is_in_order_of_time),
		cmocka_unit_test(test_why_not),
		cmocka_unit_test(test_fleet_is_for_a_hub),
		cmocka_unit_test(test_reload_by_root_reads_the_rules_again),
		cmocka_unit_test(test_reload_by_anybody_else_is_denied),
		cmocka_unit_test(test_without_rules_nothing_is_well),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

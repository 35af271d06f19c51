// SPDX-License-Identifier: Apache-2.0
/* `why` and `why TARGET`, from the words to the exit status, against an agent's socket. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/terminal.h"
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

static void critical(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_gpu(a);
}

static void warning(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	sample_symptom(a);
}

static void well(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
}

static void fresh(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->evaluated = false;
}

static void stale(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->stale = true;
}

static void not_found(const struct query *q, struct answer *a)
{
	sample_head(a);
	a->status = ANSWER_NOT_FOUND;
	a->message = arena_printf(a->arena, "nothing on node node-17 is called '%s'", q->target);
}

static void ambiguous(const struct query *q UNUSED, struct answer *a)
{
	static const char *candidates[] = { "pod ml/a", "pod ml/b" };

	sample_head(a);
	a->status = ANSWER_AMBIGUOUS;
	a->candidates = candidates;
	a->n_candidates = 2;
}

static void denied(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	a->status = ANSWER_DENIED;
	a->message = "not for you";
}

static void test_exit_statuses(void **state UNUSED)
{
	static const struct {
		fake_answer_fn answer;
		int status;
		const char *out, *err;
	} rows[] = {
		{ well, 0, "node-17  OK  no finding", "" },
		{ warning, 1, "node-17  WARNING  1 unexplained symptom", "" },
		{ critical, 2, "node-17  CRITICAL  1 cause explains 1 symptom", "" },
		{ fresh, 3, "node-17  UNKNOWN  not evaluated yet", "" },
		{ stale, 3, "node-17  UNKNOWN  the agent is silent", "" },
		{ not_found, 66, "", "why: nothing on node node-17 is called ''" },
		{ ambiguous, 66, "", "    why pod ml/a\n    why pod ml/b\n" },
		{ denied, 77, "", "why: not for you" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fake_agent_start(rows[i].answer);
		const struct child_result *r = child_why("--run", run_dir);
		fake_agent_stop();
		assert_int_equal(r->status, rows[i].status);
		if (rows[i].out[0])
			assert_int_equal(strncmp(r->out, rows[i].out, strlen(rows[i].out)), 0);
		else
			assert_string_equal(r->out, "");
		assert_non_null(strstr(r->err, rows[i].err));
	}
}

static void test_the_question_is_what_was_said(void **state UNUSED)
{
	fake_agent_start(critical);
	assert_int_equal(
		child_why("pod", "ml/train-0", "--since", "2h", "--run", run_dir, "--min-confidence", "0.8")->status, 2);
	const struct query *q = fake_agent_asked();
	assert_int_equal(q->kind, QUERY_EXPLAIN);
	assert_int_equal(q->target_kind, ENTITY_POD);
	assert_string_equal(q->target, "ml/train-0");
	assert_true(q->since_ns == 7200 * NS_PER_S && q->min_confidence == 0.8);
	/* A node that is called like a command. */
	assert_int_equal(child_why("node", "list", "--run", run_dir)->status, 2);
	assert_string_equal(fake_agent_asked()->target, "list");
	fake_agent_stop();
}

static void test_json_is_one_document_and_holds_the_contract(void **state UNUSED)
{
	fake_agent_start(critical);
	const struct child_result *r = child_why("-o", "json", "--run", run_dir);
	fake_agent_stop();
	json_error_t error;
	json_t *root = json_loads(r->out, JSON_REJECT_DUPLICATES, &error);

	assert_int_equal(r->status, 2);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "apiVersion")), "why/v1");
	assert_string_equal(json_string_value(json_object_get(root, "kind")), "Explanation");
	const json_t *f = json_array_get(json_object_get(root, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "rule")), "gpu.fell_off_bus");
	assert_string_equal(json_string_value(json_object_get(f, "opened_at")), "2026-11-20T10:42:11.204000000Z");
	json_decref(root);
}

static void test_a_refusal_is_json_too(void **state UNUSED)
{
	fake_agent_start(not_found);
	const struct child_result *r = child_why("-o", "json", "nix", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(r->status, 66);
	assert_non_null(strstr(r->out, "\"status\":\"not_found\""));
}

static void test_a_word_that_resembles_a_command(void **state UNUSED)
{
	fake_agent_start(not_found);
	const struct child_result *r = child_why("fleat", "--run", run_dir);
	assert_int_equal(r->status, 66);
	assert_non_null(strstr(r->err, "Or did you mean the command `why fleet`?"));
	assert_non_null(strstr(r->err, "Only this machine's agent was asked; the fleet is asked with --hub"));
	r = child_why("node-99", "--run", run_dir, "--local");
	assert_null(strstr(r->err, "did you mean"));
	fake_agent_stop();
}

static void test_another_nodes_process_is_not_this_ones(void **state UNUSED)
{
	fake_agent_start(critical);
	const struct child_result *r = child_why("pid", "4242@node-18", "--run", run_dir, "--local");
	assert_int_equal(r->status, 66);
	assert_string_equal(r->out, "");
	assert_non_null(strstr(r->err, "watches node node-17, not node-18"));
	assert_int_equal(child_why("pid", "4242@node-17", "--run", run_dir, "--local")->status, 2);
	fake_agent_stop();
}

static void test_a_terminal_gets_colour_unless_it_says_no(void **state UNUSED)
{
	const char *words[] = { "--run", run_dir, NULL }, *without[] = { "--run", run_dir, "--no-color", NULL };

	fake_agent_start(critical);
	assert_non_null(strstr(child_run_on_terminal(words, 0)->out, "\033[1;31mCRITICAL\033[0m"));
	assert_null(strchr(child_run_on_terminal(words, 1)->out, '\033'));
	assert_null(strchr(child_run_on_terminal(without, 0)->out, '\033'));
	/* 80 columns: nothing but what is copied is longer. */
	const char *out = child_run_on_terminal(without, 0)->out;
	for (const char *line = out; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
		assert_true(terminal_columns(line, strcspn(line, "\r\n")) <= 80);
	fake_agent_stop();
}

static unsigned turn; /* of the agent's process */

static void worse_and_worse(const struct query *q UNUSED, struct answer *a)
{
	sample_head(a);
	if (++turn >= 2)
		sample_gpu(a);
	if (turn >= 3)
		a->status = ANSWER_DENIED;
}

static void test_a_watch_draws_anew_on_a_terminal_and_adds_in_a_pipe(void **state UNUSED)
{
	const char *words[] = { "--watch", "--run", run_dir, NULL };

	turn = 0;
	fake_agent_start(worse_and_worse);
	const struct child_result *r = child_run_on_terminal(words, 1);
	fake_agent_stop();
	assert_int_equal(r->status, 77);
	assert_non_null(strstr(r->out, "\033[H\033[Jnode-17  OK"));
	assert_non_null(strstr(r->out, "\033[H\033[Jnode-17  CRITICAL"));
	turn = 0;
	fake_agent_start(worse_and_worse);
	r = child_why("--watch", "--run", run_dir);
	fake_agent_stop();
	assert_int_equal(strncmp(r->out, "node-17  OK", 11), 0);
	assert_non_null(strstr(r->out, "\n\nnode-17  CRITICAL"));
	assert_null(strchr(r->out, '\033'));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_exit_statuses),
		T(test_the_question_is_what_was_said),
		T(test_json_is_one_document_and_holds_the_contract),
		T(test_a_refusal_is_json_too),
		T(test_a_word_that_resembles_a_command),
		T(test_another_nodes_process_is_not_this_ones),
		T(test_a_terminal_gets_colour_unless_it_says_no),
		T(test_a_watch_draws_anew_on_a_terminal_and_adds_in_a_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

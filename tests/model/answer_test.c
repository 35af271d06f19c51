/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "model/answer.h"

static struct answer *answer_of(enum query_kind kind)
{
	struct answer *a = NULL;

	assert_ok(answer_new(kind, &a));
	a->evaluated = true;
	return a;
}

/* Ids are one letter here; `explains` and `because` list letters. */
static struct finding *add(struct answer *a, char id, enum finding_kind kind, enum severity severity, double confidence,
			   const char *explains, const char *because)
{
	struct finding *f = NULL, *kept;

	assert_ok(finding_new(&f));
	f->id[0] = id;
	f->kind = kind;
	f->severity = severity;
	f->confidence = confidence;
	f->coverage = 1;
	f->opened_at = 1000;
	for (; *explains; explains++)
		f->explains[f->n_explains++].finding[0] = *explains;
	for (; *because; because++)
		f->because[f->n_because++][0] = *because;
	kept = f;
	assert_ok(answer_add_finding(a, &f));
	assert_null(f);
	return kept;
}

static void assert_order(struct answer *a, const char *ids)
{
	char got[ANSWER_MAX_FINDINGS + 1] = {0};

	answer_rank(a);
	for (size_t i = 0; i < a->n_findings; i++)
		got[i] = a->findings[i]->id[0];
	assert_string_equal(got, ids);
}

static void roots_are_ranked_by_severity_then_by_what_they_explain(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	add(a, 'r', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "xyz", "")->state = FINDING_RESOLVED;
	add(a, 's', FINDING_SYMPTOM, SEVERITY_CRITICAL, 1, "", "");
	add(a, 'w', FINDING_CAUSE, SEVERITY_WARNING, 0.99, "xyz", "");
	add(a, 'f', FINDING_CAUSE, SEVERITY_CRITICAL, 0.6, "xy", "");  /* 1.2 */
	add(a, 'g', FINDING_CAUSE, SEVERITY_CRITICAL, 0.95, "x", ""); /* 0.95 */
	add(a, 'j', FINDING_CAUSE, SEVERITY_CRITICAL, 0.7, "", "");
	add(a, 'h', FINDING_CAUSE, SEVERITY_CRITICAL, 0.9, "", "");
	add(a, 'k', FINDING_CAUSE, SEVERITY_CRITICAL, 0.7, "", "")->opened_at = 999;
	add(a, 'i', FINDING_CAUSE, SEVERITY_CRITICAL, 0.7, "", "");
	assert_order(a, "fghkijwsr");
	assert_order(a, "fghkijwsr"); /* and stays so */
	answer_free(&a);
	assert_null(a);
	answer_free(&a);
}

static void what_is_explained_follows_its_cause(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	add(a, 'x', FINDING_SYMPTOM, SEVERITY_CRITICAL, 1, "", "");
	add(a, 'd', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "x", "a"); /* has the deeper cause a */
	add(a, 'y', FINDING_SYMPTOM, SEVERITY_WARNING, 1, "", "");
	add(a, 'b', FINDING_CAUSE, SEVERITY_CRITICAL, 0.5, "yq", ""); /* q never opened */
	add(a, 'a', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "");
	add(a, 'z', FINDING_SYMPTOM, SEVERITY_WARNING, 1, "", "");
	assert_order(a, "byadxz");
	answer_free(&a);
}

static void an_open_finding_does_not_hang_below_a_resolved_one(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "x", "")->state = FINDING_RESOLVED;
	add(a, 'x', FINDING_SYMPTOM, SEVERITY_WARNING, 1, "", "");
	add(a, 'b', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "a");
	assert_order(a, "bxa");
	answer_free(&a);
}

static void a_circle_of_causes_loses_nobody(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	add(a, 'a', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "b");
	add(a, 'b', FINDING_CAUSE, SEVERITY_WARNING, 0.9, "", "a");
	add(a, 'c', FINDING_CAUSE, SEVERITY_WARNING, 0.8, "", "c");
	add(a, 'd', FINDING_CAUSE, SEVERITY_INFO, 0.8, "", "");
	assert_order(a, "cdab");
	answer_free(&a);
}

static void the_order_does_not_depend_on_the_arrival(void **state)
{
	static const char ids[] = "abcdefgh";
	char first[9] = {0}, got[9] = {0};

	(void)state;
	for (unsigned turn = 0; turn < 8; turn++) {
		struct answer *a = answer_of(QUERY_LIST);

		for (unsigned i = 0; i < 8; i++) {
			char id = ids[(i * 3 + turn) % 8];

			add(a, id, id % 2 ? FINDING_CAUSE : FINDING_SYMPTOM, SEVERITY_WARNING, 0.5, id == 'c' ? "bd" : "",
			    id == 'e' ? "a" : "");
		}
		answer_rank(a);
		for (unsigned i = 0; i < 8; i++)
			got[i] = a->findings[i]->id[0];
		if (turn == 0)
			memcpy(first, got, 8);
		assert_string_equal(got, first);
		answer_free(&a);
	}
	assert_string_equal(first, "cbdaegfh");
}

static void exit_status_is_the_worst_that_counts(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	assert_int_equal(answer_exit_status(a), 0);
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "")->state = FINDING_RESOLVED;
	add(a, 'b', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "")->shadow = true;
	add(a, 'c', FINDING_CAUSE, SEVERITY_INFO, 1, "", "");
	assert_int_equal(answer_exit_status(a), 0);
	add(a, 'd', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "");
	assert_int_equal(answer_exit_status(a), 1);
	add(a, 'e', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "")->state = FINDING_UPDATED;
	assert_int_equal(answer_exit_status(a), 2);
	a->stale = true;
	assert_int_equal(answer_exit_status(a), 3);
	a->stale = false;
	a->evaluated = false;
	assert_int_equal(answer_exit_status(a), 3);
	answer_free(&a);
}

static void exit_status_is_unknown_when_the_best_saw_too_little(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "")->coverage = 0.49;
	assert_int_equal(answer_exit_status(a), 3);
	a->findings[0]->coverage = 0.5;
	assert_int_equal(answer_exit_status(a), 2);
	add(a, 'b', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "")->coverage = 0.1;
	assert_int_equal(answer_exit_status(a), 2);
	answer_free(&a);
}

static void exit_status_of_failures(void **state)
{
	static const int expected[] = {
		[ANSWER_OK] = 0,      [ANSWER_NOT_FOUND] = 66,	 [ANSWER_AMBIGUOUS] = 66,
		[ANSWER_DENIED] = 77, [ANSWER_UNAVAILABLE] = 69, [ANSWER_BAD] = 64,
	};
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	for (unsigned i = ANSWER_OK; i <= ANSWER_BAD; i++) {
		a->status = (enum answer_status)i;
		assert_int_equal(answer_exit_status(a), expected[i]);
	}
	answer_free(&a);
}

static void assert_headline(const struct answer *a, const char *text)
{
	char got[128];

	answer_headline(a, got, sizeof(got));
	assert_string_equal(got, text);
}

static void exit_status_of_other_questions(void **state)
{
	struct answer *a = answer_of(QUERY_FLEET);
	struct answer_line *l;

	(void)state;
	assert_int_equal(answer_exit_status(a), 3);
	assert_headline(a, "0 nodes known");
	l = answer_add_line(a);
	l->status = "healthy";
	assert_int_equal(answer_exit_status(a), 0);
	assert_headline(a, "1 node, all healthy");
	l = answer_add_line(a);
	l->status = "unknown";
	assert_int_equal(answer_exit_status(a), 3);
	l = answer_add_line(a);
	l->status = "critical";
	l->severity = SEVERITY_CRITICAL;
	assert_int_equal(answer_exit_status(a), 2);
	assert_headline(a, "3 nodes: 1 critical, 1 unknown");
	answer_free(&a);

	a = answer_of(QUERY_NOT);
	a->verdict = "not_blamed";
	assert_int_equal(answer_exit_status(a), 0);
	a->verdict = "cannot_tell";
	assert_int_equal(answer_exit_status(a), 3);
	answer_free(&a);

	a = answer_of(QUERY_DOCTOR);
	answer_add_line(a)->severity = SEVERITY_WARNING;
	assert_int_equal(answer_exit_status(a), 1);
	answer_free(&a);

	a = answer_of(QUERY_RULES);
	a->evaluated = false;
	assert_int_equal(answer_exit_status(a), 0);
	answer_free(&a);
}

static void headlines_say_it_in_a_line(void **state)
{
	struct answer *a = answer_of(QUERY_EXPLAIN);

	(void)state;
	assert_headline(a, "no finding");
	a->evaluated = false;
	assert_headline(a, "unknown: not evaluated yet");
	a->evaluated = true;
	add(a, 'r', FINDING_CAUSE, SEVERITY_WARNING, 1, "", "")->state = FINDING_RESOLVED;
	assert_headline(a, "no open finding, 1 resolved");
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "xyz", "");
	add(a, 'x', FINDING_SYMPTOM, SEVERITY_CRITICAL, 1, "", "");
	assert_headline(a, "1 cause explains 3 symptoms");
	a->stale = true;
	assert_headline(a, "unknown: the agent is silent; last known: 1 cause explains 3 symptoms");
	a->stale = false;
	add(a, 'q', FINDING_SYMPTOM, SEVERITY_CRITICAL, 1, "", "");
	add(a, 't', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "abc", "")->shadow = true;
	assert_headline(a, "1 cause explains 3 symptoms, 1 unexplained symptom");
	answer_free(&a);

	a = answer_of(QUERY_EXPLAIN);
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "");
	assert_headline(a, "1 cause");
	add(a, 'b', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "", "");
	add(a, 'x', FINDING_SYMPTOM, SEVERITY_CRITICAL, 1, "", "");
	assert_headline(a, "2 causes, 1 unexplained symptom");
	a->findings[0]->n_explains = 1;
	assert_headline(a, "2 causes explain 1 symptom, 1 unexplained symptom");
	a->status = ANSWER_NOT_FOUND;
	a->message = "no node 'nope'";
	assert_headline(a, "not found: no node 'nope'");
	answer_free(&a);

	a = answer_of(QUERY_NOT);
	a->verdict = "not_blamed";
	assert_headline(a, "not blamed");
	answer_free(&a);
	a = answer_of(QUERY_DOCTOR);
	answer_add_line(a)->status = "ok";
	assert_headline(a, "all 1 checks passed");
	answer_add_line(a)->status = "missing";
	assert_headline(a, "1 of 2 checks did not pass");
	answer_free(&a);
	a = answer_of(QUERY_RULES);
	answer_add_line(a);
	assert_headline(a, "1 rule");
	answer_free(&a);
}

static void maxima_are_kept_and_said(void **state)
{
	struct answer *a = answer_of(QUERY_LIST);
	struct answer_line *first = answer_add_line(a);
	struct finding *f = NULL;

	(void)state;
	first->what = "first";
	for (unsigned i = 1; i < ANSWER_MAX_LINES; i++)
		assert_non_null(answer_add_line(a));
	assert_false(a->truncated);
	assert_null(answer_add_line(a));
	assert_true(a->truncated);
	assert_ptr_equal(first, &a->lines[0]);
	assert_string_equal(a->lines[0].what, "first");

	a->truncated = false;
	for (unsigned i = 0; i < ANSWER_MAX_FINDINGS; i++)
		add(a, 'a', FINDING_CAUSE, SEVERITY_INFO, 1, "", "");
	assert_ok(finding_new(&f));
	assert_err(answer_add_finding(a, &f), ENOSPC);
	assert_true(a->truncated);
	assert_non_null(f);
	finding_free(&f);
	answer_rank(a);
	assert_int_equal(a->n_findings, ANSWER_MAX_FINDINGS);
	answer_free(&a);
}

static json_t *parsed(const struct answer *a)
{
	struct buf b;
	struct json j;
	json_error_t error;
	json_t *root;

	buf_init(&b, 1 << 20);
	json_init(&j, &b);
	answer_write_json(a, &j);
	assert_ok(json_end(&j));
	root = json_loads((char *)b.data, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s in %s", error.text, b.data);
	buf_done(&b);
	return root;
}

static const char *string_at(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		fail_msg("%s is no string", key);
	return json_string_value(v);
}

static void an_explanation_as_json(void **state)
{
	struct finding_unknown unknown = {"bmc.psu", "no access"};
	struct answer *a = answer_of(QUERY_EXPLAIN);
	json_t *root;

	(void)state;
	add(a, 'a', FINDING_CAUSE, SEVERITY_CRITICAL, 1, "x", "");
	a->target = "node-17";
	a->node = "node-17";
	a->as_of = 1795000000000000001u;
	a->agent_version = "0.1";
	a->rules_digest = "9f3c";
	a->unknown = &unknown;
	a->n_unknown = 1;
	root = parsed(a);
	assert_string_equal(string_at(root, "apiVersion"), "why/v1");
	assert_string_equal(string_at(root, "kind"), "Explanation");
	assert_string_equal(string_at(root, "status"), "ok");
	assert_string_equal(string_at(root, "headline"), "1 cause explains 1 symptom");
	assert_int_equal(json_integer_value(json_object_get(root, "exit_status")), 2);
	assert_string_equal(string_at(root, "target"), "node-17");
	assert_string_equal(string_at(root, "as_of"), "2026-11-18T11:06:40.000000001Z");
	assert_true(json_is_null(json_object_get(json_object_get(root, "agent"), "last_seen")));
	assert_string_equal(string_at(json_object_get(root, "agent"), "version"), "0.1");
	assert_string_equal(string_at(json_object_get(root, "agent"), "rules_digest"), "9f3c");
	assert_true(json_is_true(json_object_get(root, "evaluated")));
	assert_true(json_is_false(json_object_get(root, "stale")));
	assert_true(json_is_false(json_object_get(root, "truncated")));
	assert_null(json_object_get(root, "items"));
	assert_null(json_object_get(root, "verdict"));
	assert_string_equal(string_at(json_array_get(json_object_get(root, "findings"), 0), "id"), "a");
	assert_string_equal(string_at(json_array_get(json_object_get(root, "unknown"), 0), "why"), "no access");
	json_decref(root);
	answer_free(&a);
}

static void other_answers_as_json(void **state)
{
	struct answer_evidence evidence[] = {
		{.role = "requires", .id = "oom", .text = "a kill", .truth = 0, .observed = 0},
		{.role = "supports", .id = "psi", .text = "pressure", .truth = -1, .observed = NAN, .why = "no PSI"},
		{.role = "refutes", .id = "reset", .text = "reset", .truth = 1, .observed = 2.5},
	};
	const char *candidates[] = {"node node-1", "pod ml/node-1"};
	struct answer *a = answer_of(QUERY_NOT);
	struct answer_line *l;
	json_t *root, *o;

	(void)state;
	a->verdict = "vetoed";
	a->evidence = evidence;
	a->n_evidence = 3;
	root = parsed(a);
	assert_string_equal(string_at(root, "kind"), "Not");
	assert_string_equal(string_at(root, "verdict"), "vetoed");
	o = json_object_get(root, "evidence");
	assert_true(json_is_false(json_object_get(json_array_get(o, 0), "truth")));
	assert_true(json_is_null(json_object_get(json_array_get(o, 1), "truth")));
	assert_true(json_is_null(json_object_get(json_array_get(o, 1), "observed")));
	assert_string_equal(string_at(json_array_get(o, 1), "why"), "no PSI");
	assert_true(json_is_true(json_object_get(json_array_get(o, 2), "truth")));
	assert_true(json_number_value(json_object_get(json_array_get(o, 2), "observed")) == 2.5);
	json_decref(root);
	answer_free(&a);

	a = answer_of(QUERY_TIMELINE);
	l = answer_add_line(a);
	l->at = 1795000000000000001u;
	l->what = "event";
	l->text = "killed";
	l->severity = SEVERITY_WARNING;
	a->status = ANSWER_AMBIGUOUS;
	a->candidates = candidates;
	a->n_candidates = 2;
	root = parsed(a);
	assert_string_equal(string_at(root, "kind"), "Timeline");
	assert_string_equal(string_at(root, "status"), "ambiguous");
	o = json_array_get(json_object_get(root, "items"), 0);
	assert_string_equal(string_at(o, "at"), "2026-11-18T11:06:40.000000001Z");
	assert_string_equal(string_at(o, "what"), "event");
	assert_string_equal(string_at(o, "severity"), "warning");
	assert_null(json_object_get(o, "status"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(root, "candidates"), 1)), "pod ml/node-1");
	json_decref(root);
	answer_free(&a);

	a = answer_of(QUERY_METRICS);
	root = parsed(a);
	assert_string_equal(string_at(root, "kind"), "MetricList");
	assert_int_equal(json_array_size(json_object_get(root, "items")), 0);
	json_decref(root);
	answer_free(&a);
	assert_string_equal(query_kind_name(QUERY_RELOAD), "reload");
	assert_string_equal(query_kind_name(QUERY_KIND_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_ranked_by_severity_then_by_what_they_explain),
		cmocka_unit_test(what_is_explained_follows_its_cause),
		cmocka_unit_test(an_open_finding_does_not_hang_below_a_resolved_one),
		cmocka_unit_test(a_circle_of_causes_loses_nobody),
		cmocka_unit_test(the_order_does_not_depend_on_the_arrival),
		cmocka_unit_test(exit_status_is_the_worst_that_counts),
		cmocka_unit_test(exit_status_is_unknown_when_the_best_saw_too_little),
		cmocka_unit_test(exit_status_of_failures),
		cmocka_unit_test(exit_status_of_other_questions),
		cmocka_unit_test(headlines_say_it_in_a_line),
		cmocka_unit_test(maxima_are_kept_and_said),
		cmocka_unit_test(an_explanation_as_json),
		cmocka_unit_test(other_answers_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

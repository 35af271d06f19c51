/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/who.h"

#define ID64 "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

static struct finding_entity entity(enum entity_kind kind, const char *id, const char *name)
{
	return (struct finding_entity){ .kind = kind, .id = id, .name = name };
}

static void give(struct finding_entity *e, const char *name, const char *value)
{
	e->attrs[e->n_attrs++] = (struct finding_attr){ name, value };
}

static const char *sentence(const struct who_facts *f)
{
	static char line[2048];
	struct text t;

	text_init(&t, line, sizeof(line));
	who_sentence(f, &t);
	return line;
}

static void test_sentences(void **state UNUSED)
{
	struct finding_entity process = entity(ENTITY_PROCESS, "42/7", "java[42]");
	struct finding_entity rank = entity(ENTITY_RANK, "spark:app-1/exec-7", NULL);
	struct finding_entity job = entity(ENTITY_JOB, "spark:app-1", NULL);
	struct finding_entity container = entity(ENTITY_CONTAINER, ID64, NULL);
	struct finding_entity pod = entity(ENTITY_POD, "ml/exec-7", NULL);
	struct finding_entity cgroup = entity(ENTITY_CGROUP, "/a", NULL);
	struct finding_entity disk = entity(ENTITY_DISK, "sda", "sda");

	/* Little is known: nothing is made up. */
	assert_string_equal(sentence(&(struct who_facts){ .self = &process }),
			    "java[42] is of no container, pod or job that is known");
	assert_string_equal(sentence(&(struct who_facts){ .self = &process, .container = &container }),
			    "java[42] is in container 3f4e5d6c7b8a");
	assert_string_equal(sentence(&(struct who_facts){ .self = &process, .pod = &pod, .node = "n" }),
			    "java[42] is in pod ml/exec-7, node n");
	give(&rank, "role", "executor");
	give(&rank, "attempt", "2");
	assert_string_equal(sentence(&(struct who_facts){ .self = &process, .rank = &rank, .job = &job, .pod = &pod }),
			    "java[42] is executor exec-7 of job spark:app-1 (attempt 2), in pod ml/exec-7");
	assert_string_equal(sentence(&(struct who_facts){ .self = &rank, .job = &job }),
			    "executor exec-7 of job spark:app-1 (attempt 2)");
	assert_string_equal(sentence(&(struct who_facts){ .self = &pod, .rank = &rank, .job = &job }),
			    "pod ml/exec-7, it is executor exec-7 of job spark:app-1 (attempt 2)");
	assert_string_equal(sentence(&(struct who_facts){ .self = &cgroup, .container = &container, .pod = &pod }),
			    "cgroup /a is in container 3f4e5d6c7b8a of pod ml/exec-7");
	assert_string_equal(sentence(&(struct who_facts){ .self = &disk }), "sda");
	give(&container, "restart_count", "1");
	give(&container, "exit_reason", "Error");
	assert_string_equal(sentence(&(struct who_facts){ .self = &container }),
			    "container 3f4e5d6c7b8a, restarted 1 time, last exit Error");
}

static void split(const char *sentence_of, const char *what, const char *why)
{
	char text[512];
	const char *rest;
	struct text t;

	text_init(&t, text, sizeof(text));
	who_split_doubt(sentence_of, "x", &t, &rest);
	assert_string_equal(text, what);
	assert_string_equal(rest, why);
}

static void test_doubts_are_split_into_what_and_why(void **state UNUSED)
{
	split("pod name: containerd has not answered for 12 s", "pod name of x", "containerd has not answered for 12 s");
	split("rank: environment says 3, title says: 2", "rank of x", "environment says 3, title says: 2");
	split("nobody knows", "identity of x", "nobody knows");
	split(": nothing", "identity of x", ": nothing");
	split("a very long beginning that is a sentence of its own: and more", "identity of x",
	      "a very long beginning that is a sentence of its own: and more");
}

static void test_members_are_in_order_of_trouble_then_of_number(void **state UNUSED)
{
	static const char *const ids[] = { "j:1/10", "j:1/9", "j:1/2" };
	AUTO(answer_free) struct answer *a = NULL;
	struct finding *f = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	assert_ok(finding_new(&f));
	f->severity = SEVERITY_WARNING;
	f->rule = "r.r";
	f->subject = entity(ENTITY_RANK, "j:1/9", NULL);
	assert_ok(answer_add_finding(a, &f));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct finding_entity e = entity(ENTITY_RANK, ids[i], NULL);

		who_member(a, &e, "n", false);
	}
	who_sort(a);
	assert_string_equal(a->who[0].id, "j:1/9");
	assert_string_equal(a->who[0].status, "warning");
	assert_string_equal(a->who[0].text, "r.r");
	assert_string_equal(a->who[1].id, "j:1/2");
	assert_string_equal(a->who[2].id, "j:1/10");
	/* What is over, or on trial, blames nobody. */
	a->findings[0]->state = FINDING_RESOLVED;
	a->n_who = 0;
	who_member(a, &a->findings[0]->subject, "n", false);
	assert_string_equal(a->who[0].status, "ok");
	a->findings[0]->state = FINDING_OPEN;
	a->findings[0]->shadow = true;
	who_member(a, &a->findings[0]->subject, "n", true);
	assert_string_equal(a->who[1].status, "gone");
}

static void test_full_is_full(void **state UNUSED)
{
	AUTO(answer_free) struct answer *a = NULL;
	struct finding_entity e = entity(ENTITY_RANK, "j:1/1", NULL);

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	for (size_t i = 0; i < ANSWER_MAX_WHO + 5; i++)
		who_member(a, &e, "n", false);
	assert_int_equal(a->n_who, ANSWER_MAX_WHO);
	assert_true(a->truncated);
	assert_null(who_add(a, "self", &e));
	give(&e, "unresolved", "x");
	who_doubts(a, &e);
	assert_int_equal(a->n_who, ANSWER_MAX_WHO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_doubts_are_split_into_what_and_why),
		cmocka_unit_test(test_members_are_in_order_of_trouble_then_of_number),
		cmocka_unit_test(test_full_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

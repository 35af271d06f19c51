/* SPDX-License-Identifier: Apache-2.0 */
/* Who is who, from what findings of two nodes say by value. */
#include "tests/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/who.h"

#define ID64 "3f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a90123f4e5d6c7b8a9012"

static struct answer *answer;

static struct finding_entity entity(enum entity_kind kind, const char *id, const char *name)
{
	return (struct finding_entity){ .kind = kind, .id = id, .name = name };
}

static void give(struct finding_entity *e, const char *name, const char *value)
{
	e->attrs[e->n_attrs++] = (struct finding_attr){ name, value };
}

/* Rank 3 on node-2 was stopped; rank 0 on node-1 has a slow disk, and waits for rank 3 too. */
static int setup(void **state UNUSED)
{
	struct finding *f = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &answer));
	assert_ok(finding_new(&f));
	f->node = "node-2";
	f->title = "python3[42] was stopped";
	f->severity = SEVERITY_CRITICAL;
	f->subject = entity(ENTITY_PROCESS, "42/7", "python3[42]");
	give(&f->subject, "identity", "environment at exec");
	give(&f->subject, "rank", "torchrun:llama/3");
	give(&f->subject, "job", "torchrun:llama");
	give(&f->subject, "container", ID64);
	give(&f->subject, "pod", "ml/llama-1");
	f->affected[0] = entity(ENTITY_RANK, "torchrun:llama/3", "rank 3 of torchrun:llama");
	give(&f->affected[0], "rank", "3");
	give(&f->affected[0], "job", "torchrun:llama");
	f->affected[1] = entity(ENTITY_JOB, "torchrun:llama", "job torchrun:llama");
	give(&f->affected[1], "world_size", "4");
	give(&f->affected[1], "unresolved", "queue: the scheduler was not asked");
	f->affected[2] = entity(ENTITY_POD, "ml/llama-1", "ml/llama-1");
	f->n_affected = 3;
	assert_ok(answer_add_finding(answer, &f));
	assert_ok(finding_new(&f));
	f->node = "node-1";
	f->title = "sda is slow";
	f->severity = SEVERITY_WARNING;
	f->subject = entity(ENTITY_DISK, "sda", "sda");
	f->affected[0] = entity(ENTITY_RANK, "torchrun:llama/0", "rank 0 of torchrun:llama");
	f->affected[1] = entity(ENTITY_JOB, "torchrun:llama", "job torchrun:llama");
	f->n_affected = 2;
	assert_ok(answer_add_finding(answer, &f));
	return 0;
}

static int teardown(void **state UNUSED)
{
	answer_free(&answer);
	return 0;
}

static void test_a_job_over_two_nodes(void **state UNUSED)
{
	who_from_findings(answer, ENTITY_JOB, "torchrun:llama");
	assert_int_equal(answer->n_who, 4);
	assert_string_equal(answer->who[0].text, "job torchrun:llama (world size 4)");
	assert_string_equal(answer->who[1].role, "doubt");
	assert_string_equal(answer->who[1].name, "queue of job torchrun:llama");
	assert_string_equal(answer->who[2].id, "torchrun:llama/3");
	assert_string_equal(answer->who[2].node, "node-2");
	assert_string_equal(answer->who[2].status, "critical");
	assert_string_equal(answer->who[2].attrs[1].value, "python3[42]");
	assert_string_equal(answer->who[3].id, "torchrun:llama/0");
	assert_string_equal(answer->who[3].node, "node-1");
	assert_string_equal(answer->who[3].status, "affected");
}

static void test_a_process_by_its_holders(void **state UNUSED)
{
	who_from_findings(answer, ENTITY_PROCESS, "42/7");
	assert_string_equal(answer->who[0].text,
			    "python3[42] is rank 3 of job torchrun:llama, in container 3f4e5d6c7b8a of pod "
			    "ml/llama-1, node node-2");
	assert_string_equal(answer->who[0].attrs[0].value, "environment at exec");
}

static void test_a_rank_a_container_a_pod(void **state UNUSED)
{
	who_from_findings(answer, ENTITY_RANK, "torchrun:llama/3");
	assert_string_equal(answer->who[0].text, "rank 3 of job torchrun:llama (world size 4), node node-2");
	assert_string_equal(answer->who[answer->n_who - 1].id, "42/7");
	answer->n_who = 0;
	who_from_findings(answer, ENTITY_POD, "ml/llama-1");
	assert_string_equal(answer->who[0].text, "pod ml/llama-1, node node-2");
	answer->n_who = 0;
	who_from_findings(answer, ENTITY_CONTAINER, ID64);
	assert_string_equal(answer->who[0].text, "container 3f4e5d6c7b8a of pod ml/llama-1, node node-2");
	/* Nobody has heard of it: only its key. */
	answer->n_who = 0;
	who_from_findings(answer, ENTITY_POD, "ml/none");
	assert_int_equal(answer->n_who, 1);
	assert_string_equal(answer->who[0].text, "pod ml/none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_job_over_two_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_process_by_its_holders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_rank_a_container_a_pod, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

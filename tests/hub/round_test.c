// SPDX-License-Identifier: Apache-2.0
/* A question that several nodes answer: what each says, put together; and over the wire, with a node that is silent. */
#include "tests/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/round.h"
#include "model/who.h"
#include "tests/hub/stand.h"

static struct answer *from_node(const char *node, enum answer_status status)
{
	struct answer *a = NULL;

	assert_ok(answer_new(QUERY_EXPLAIN, &a));
	a->node = node;
	a->status = status;
	a->evaluated = true;
	a->message = status == ANSWER_NOT_FOUND ? "not here" : NULL;
	return a;
}

static void self(struct answer *a, enum entity_kind kind, const char *id)
{
	struct finding_entity e = { .kind = kind, .id = id, .name = id };
	struct finding_entity of = { .kind = ENTITY_RANK, .id = "slurm:9/1", .name = "rank 1 of slurm:9" };

	who_self(a, &(struct who_facts){ .self = &e, .rank = kind == ENTITY_PROCESS ? &of : NULL, .node = a->node });
}

static void rank(struct answer *a, const char *id, const char *process)
{
	struct finding_entity e = { .kind = ENTITY_RANK, .id = id, .name = id };

	if (process)
		e.attrs[e.n_attrs++] = (struct finding_attr){ "process", process };
	who_member(a, &e, a->node, false);
}

static void a_jobs_ranks_come_together(void **state)
{
	AUTO(answer_free) struct answer *base = from_node(NULL, ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *one = from_node("node-1", ANSWER_OK);
	AUTO(answer_free) struct answer *two = from_node("node-2", ANSWER_OK);
	AUTO(answer_free) struct answer *none = from_node("node-3", ANSWER_NOT_FOUND);

	(void)state;
	self(one, ENTITY_JOB, "slurm:9");
	rank(one, "slurm:9/0", "a[1]");
	self(two, ENTITY_JOB, "slurm:9");
	rank(two, "slurm:9/1", "a[2]");
	rank(two, "slurm:9/2", "a[3]");
	round_merge(base, none);
	round_merge(base, one);
	round_merge(base, two);
	round_merge(base, none);
	round_end(base, 0, 4, 0);
	assert_int_equal(base->status, ANSWER_OK);
	assert_null(base->node); /* of no one node */
	assert_int_equal(base->n_who, 4);
	assert_string_equal(base->who[3].id, "slurm:9/2");
	assert_string_equal(base->who[3].node, "node-2");
	assert_string_equal(base->who[3].attrs[0].value, "a[3]");
	assert_int_equal(base->n_unknown, 0);
	assert_int_equal(answer_exit_status(base), 0);
}

/* The hub has a finding that blames rank 1; its node says who rank 1 is, and that itself found nothing. */
static void what_the_hub_found_stays_said(void **state)
{
	AUTO(answer_free) struct answer *base = from_node(NULL, ANSWER_OK);
	AUTO(answer_free) struct answer *one = from_node("node-1", ANSWER_OK);
	struct finding *f = NULL;

	(void)state;
	assert_ok(finding_new(&f));
	f->title = "stopped";
	f->severity = SEVERITY_CRITICAL;
	f->node = "node-1";
	f->subject = (struct finding_entity){ .kind = ENTITY_RANK, .id = "slurm:9/1" };
	assert_ok(answer_add_finding(base, &f));
	who_from_findings(base, ENTITY_JOB, "slurm:9");
	assert_int_equal(base->n_who, 2);
	self(one, ENTITY_JOB, "slurm:9");
	rank(one, "slurm:9/1", "a[2]");
	rank(one, "slurm:9/0", "a[1]");
	round_merge(base, one);
	round_end(base, 1, 2, 7);
	assert_int_equal(base->n_who, 3);
	assert_string_equal(base->who[1].id, "slurm:9/1");
	assert_string_equal(base->who[1].status, "critical");
	assert_string_equal(base->who[1].text, "stopped");
	assert_string_equal(base->who[1].attrs[0].value, "a[2]");
	assert_string_equal(base->who[2].status, "ok");
	assert_int_equal(base->n_unknown, 2);
	assert_string_equal(base->unknown[0].why, "1 of 2 that were asked did not answer in time");
}

static void two_things_of_one_name_are_listed(void **state)
{
	AUTO(answer_free) struct answer *base = from_node(NULL, ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *one = from_node("node-1", ANSWER_OK);
	AUTO(answer_free) struct answer *two = from_node("node-2", ANSWER_OK);
	AUTO(answer_free) struct answer *three = from_node("node-3", ANSWER_AMBIGUOUS);
	struct finding_entity e = { .kind = ENTITY_PROCESS, .id = "42/8", .name = "x[42]" };

	(void)state;
	self(one, ENTITY_PROCESS, "42/7");
	self(two, ENTITY_PROCESS, "42/7"); /* a pid means another process on another node */
	(void)who_add(three, "candidate", &e);
	round_merge(base, one);
	assert_int_equal(base->status, ANSWER_OK);
	round_merge(base, two);
	round_merge(base, three);
	assert_int_equal(base->status, ANSWER_AMBIGUOUS);
	assert_int_equal(base->n_candidates, 3);
	assert_string_equal(base->candidates[0], "pid node-1:42/7");
	assert_string_equal(base->candidates[1], "pid node-2:42/7");
	assert_string_equal(base->candidates[2], "pid node-3:42/8");
	assert_string_equal(base->who[0].name, "rank 1 of slurm:9, 42/7");
	assert_string_equal(base->who[1].name, "rank 1 of slurm:9, 42/7");
	assert_string_equal(base->who[2].name, "x[42]");
	assert_int_equal(answer_exit_status(base), 66);
}

static void nobody_knows(void **state)
{
	AUTO(answer_free) struct answer *base = from_node(NULL, ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *one = from_node("node-1", ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *other = from_node("node-1", ANSWER_OK);

	(void)state;
	other->query = QUERY_LIST; /* an answer to something else is none */
	self(other, ENTITY_JOB, "slurm:9");
	round_merge(base, one);
	round_merge(base, other);
	round_end(base, 1, 3, 0);
	assert_int_equal(base->status, ANSWER_NOT_FOUND);
	assert_string_equal(base->message, "not here; 3 connected nodes were asked, not all answered");
}

/* ---- over the wire ---- */

struct person {
	const struct stand *stand;
	struct query query;
	struct answer *answer;
	struct call_status status;
	int result;
};

static void *ask_in_thread(void *arg)
{
	struct person *p = arg;

	p->result = stand_ask(p->stand, "Explain", &p->query, &p->answer, &p->status);
	return NULL;
}

static void say(struct double_agent *a, const char *node, const char *id)
{
	AUTO(answer_free) struct answer *answer = NULL;
	struct frame_hub frame;
	AUTO_BUF struct buf out;

	assert_true(double_receive(a, &frame));
	assert_int_equal(frame.kind, FRAME_ASK);
	assert_string_equal(frame.query.node, node);
	answer = from_node(node, id ? ANSWER_OK : ANSWER_NOT_FOUND);
	if (id) {
		self(answer, ENTITY_JOB, "torchrun:llama");
		rank(answer, id, "python3[1]");
	}
	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_answer(frame.query_id, answer, &out));
	double_send(a, &out);
}

static void all_connected_nodes_are_asked(void **state)
{
	struct stand s;
	struct double_agent one = { 0 }, two = { 0 }, mute = { 0 };
	struct person p = { .stand = &s, .query = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_JOB, .target = "llama" } };
	pthread_t thread;

	(void)state;
	stand_init(&s);
	stand_start(&s);
	double_open(&one, &s, NULL);
	(void)double_hello(&one, "node-1", "s1");
	double_open(&two, &s, NULL);
	(void)double_hello(&two, "node-2", "s2");
	double_open(&mute, &s, NULL);
	mute.mute = true; /* an older agent: it is not waited for */
	(void)double_hello(&mute, "node-3", "s3");
	stand_wait_metric(&s, "nodes", 3);
	assert_int_equal(pthread_create(&thread, NULL, ask_in_thread, &p), 0);
	say(&two, "node-2", "torchrun:llama/1");
	say(&one, "node-1", "torchrun:llama/0");
	(void)pthread_join(thread, NULL);
	assert_int_equal(p.result, 0);
	assert_int_equal(p.answer->status, ANSWER_OK);
	assert_int_equal(p.answer->n_who, 3);
	assert_string_equal(p.answer->who[1].id, "torchrun:llama/0");
	assert_string_equal(p.answer->who[2].node, "node-2");
	answer_free(&p.answer);

	/* One goes away while it is asked, the other knows nothing of it. */
	assert_int_equal(pthread_create(&thread, NULL, ask_in_thread, &p), 0);
	say(&two, "node-2", NULL);
	double_close(&one);
	(void)pthread_join(thread, NULL);
	assert_int_equal(p.answer->status, ANSWER_NOT_FOUND);
	assert_non_null(strstr(p.answer->message, "2 connected nodes were asked, not all answered"));
	answer_free(&p.answer);
	double_close(&two);
	double_close(&mute);
	stand_done(&s);
}

static void a_list_of_a_healthy_thing_is_empty(void **state)
{
	AUTO(answer_free) struct answer *base = from_node(NULL, ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *typo = from_node(NULL, ANSWER_NOT_FOUND);
	AUTO(answer_free) struct answer *knows = from_node("node-1", ANSWER_OK);
	AUTO(answer_free) struct answer *none = from_node("node-2", ANSWER_NOT_FOUND);

	(void)state;
	base->query = typo->query = knows->query = none->query = QUERY_LIST;
	round_merge(base, none);
	round_merge(base, knows);
	round_end(base, 0, 2, 0);
	assert_int_equal(answer_exit_status(base), 0);
	round_merge(typo, none);
	round_end(typo, 0, 1, 0);
	assert_int_equal(answer_exit_status(typo), 66);
	assert_string_equal(typo->message, "not here, and no connected node knows it; 1 connected node was asked");
}

static struct answer *list_of(const struct stand *s, const char *cause)
{
	struct query q = { .kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .only_open = 1 };
	struct answer *a = NULL;
	struct call_status status;

	(void)snprintf(q.cause, sizeof(q.cause), "%s", cause);
	assert_ok(stand_ask(s, "ListFindings", &q, &a, &status));
	return a;
}

static void *list_in_thread(void *arg)
{
	struct person *p = arg;

	p->answer = list_of(p->stand, p->query.cause);
	return NULL;
}

/* An empty list means health only when there is such a rule: the hub has none, an agent is asked. */
static void a_cause_that_no_rule_has(void **state)
{
	struct stand s;
	struct double_agent mute = { 0 }, agent = { 0 };
	struct person p = { .stand = &s, .query.cause = "gpu.termal" };
	AUTO(answer_free) struct answer *said = NULL;
	struct frame_hub frame;
	pthread_t thread;
	AUTO_BUF struct buf out;

	(void)state;
	stand_init(&s);
	stand_start(&s);
	double_open(&mute, &s, NULL);
	mute.mute = true;
	(void)double_hello(&mute, "node-1", "s1");
	double_send_batch(&mute, "node-1", 1, 1, SEVERITY_WARNING); /* test.rule_1 */
	double_wait_ack(&mute, 1);
	/* Known by what is stored; a group, too. */
	p.answer = list_of(&s, "test.rule_1");
	assert_int_equal(p.answer->n_findings, 1);
	answer_free(&p.answer);
	p.answer = list_of(&s, "test.*");
	assert_int_equal(p.answer->n_findings, 1);
	answer_free(&p.answer);
	/* Nobody to ask: a name nearby is told, else it is unknown, never well. */
	p.answer = list_of(&s, "test.rule1");
	assert_int_equal(p.answer->status, ANSWER_NOT_FOUND);
	assert_non_null(strstr(p.answer->message, "'test.rule_1'"));
	answer_free(&p.answer);
	p.answer = list_of(&s, "gpu.thermal");
	assert_int_equal(answer_exit_status(p.answer), 3);
	answer_free(&p.answer);
	/* An agent knows its rules. */
	double_open(&agent, &s, NULL);
	(void)double_hello(&agent, "node-2", "s2");
	stand_wait_metric(&s, "nodes", 2);
	assert_int_equal(pthread_create(&thread, NULL, list_in_thread, &p), 0);
	assert_true(double_receive(&agent, &frame));
	assert_string_equal(frame.query.cause, "gpu.termal");
	assert_ok(answer_new(QUERY_LIST, &said));
	said->node = "node-2";
	said->status = ANSWER_NOT_FOUND;
	said->message = "did you mean 'gpu.thermal'?";
	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_answer(frame.query_id, said, &out));
	double_send(&agent, &out);
	(void)pthread_join(thread, NULL);
	assert_int_equal(answer_exit_status(p.answer), 66);
	assert_string_equal(p.answer->message, "did you mean 'gpu.thermal'?");
	answer_free(&p.answer);
	double_close(&agent);
	double_close(&mute);
	stand_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jobs_ranks_come_together),
		cmocka_unit_test(what_the_hub_found_stays_said),
		cmocka_unit_test(two_things_of_one_name_are_listed),
		cmocka_unit_test(nobody_knows),
		cmocka_unit_test(all_connected_nodes_are_asked),
		cmocka_unit_test(a_list_of_a_healthy_thing_is_empty),
		cmocka_unit_test(a_cause_that_no_rule_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

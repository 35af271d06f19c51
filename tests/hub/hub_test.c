// SPDX-License-Identifier: Apache-2.0
/* The whole hub over its real listeners, with agents and people of the real wire. */
#include "tests/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/convert.h"
#include "proto/health.h"
#include "tests/hub/stand.h"

static int setup(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	stand_init(s);
	stand_start(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stand_done(*state);
	free(*state);
	return 0;
}

static struct query ask_for(enum query_kind kind, const char *target)
{
	struct query q = { .kind = kind, .target_kind = ENTITY_KIND_MAX };

	(void)snprintf(q.target, sizeof(q.target), "%s", target);
	return q;
}

static struct answer *answer_to(const struct stand *s, const char *method, const struct query *q)
{
	struct answer *a = NULL;
	struct call_status status;
	int r = stand_ask(s, method, q, &a, &status);

	if (r < 0)
		fail_msg("%s: %d %s", method, status.code, status.text);
	return a;
}

static void findings_are_acked_stored_and_told(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	AUTO(answer_free) struct answer *a = NULL;
	AUTO(answer_free) struct answer *by_letters = NULL;
	struct query some;
	struct query q = ask_for(QUERY_EXPLAIN, "node-1");

	double_open(&agent, s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "spool-1"), 0);
	double_heartbeat(&agent, true);
	double_send_batch(&agent, "node-1", 1, 3, SEVERITY_CRITICAL);
	double_wait_ack(&agent, 3);
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->status, ANSWER_OK);
	assert_int_equal(a->n_findings, 3);
	assert_string_equal(a->node, "node-1");
	some = ask_for(QUERY_EXPLAIN, "");
	(void)snprintf(some.target, sizeof(some.target), "%.14s", a->findings[1]->id);
	by_letters = answer_to(s, "Explain", &some);
	assert_int_equal(by_letters->n_findings, 1);
	assert_string_equal(by_letters->findings[0]->id, a->findings[1]->id);
	answer_free(&by_letters);
	(void)snprintf(some.target, sizeof(some.target), "fnd_");
	by_letters = answer_to(s, "Explain", &some);
	assert_int_equal(by_letters->status, ANSWER_NOT_FOUND);
	assert_false(a->stale);
	assert_true(a->evaluated);
	assert_string_equal(a->rules_digest, "d1");
	assert_int_equal(answer_exit_status(a), 2);
	double_close(&agent);

	/* the same spool again: the hub knows how far it was; what comes twice is acked again and changes nothing */
	double_open(&agent, s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "spool-1"), 3);
	double_send_batch(&agent, "node-1", 1, 3, SEVERITY_INFO);
	double_wait_ack(&agent, 3);
	stand_wait_metric(s, "findings_known_total", 3);
	double_close(&agent);
}

static void a_silent_node_is_unknown(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	AUTO(answer_free) struct answer *a = NULL;
	AUTO(answer_free) struct answer *fleet = NULL;
	struct query q = ask_for(QUERY_EXPLAIN, "node-1"), f = ask_for(QUERY_FLEET, "");

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "spool-1");
	double_heartbeat(&agent, true);
	double_send_batch(&agent, "node-1", 1, 1, SEVERITY_INFO);
	double_wait_ack(&agent, 1);
	a = answer_to(s, "Explain", &q);
	assert_int_equal(answer_exit_status(a), 0);
	answer_free(&a);
	fleet = answer_to(s, "Fleet", &f);
	assert_int_equal(fleet->n_lines, 1);
	assert_string_equal(fleet->lines[0].status, "healthy");
	answer_free(&fleet);
	double_close(&agent);
	for (int i = 0; i < 1000; i++) { /* until the hub has noticed */
		answer_free(&a);
		a = answer_to(s, "Explain", &q);
		if (a->stale)
			break;
		(void)poll(NULL, 0, 10);
	}
	assert_true(a->stale);
	assert_int_equal(answer_exit_status(a), 3);
	assert_int_equal(a->n_unknown, 1);
	fleet = answer_to(s, "Fleet", &f);
	assert_string_equal(fleet->lines[0].status, "unknown");
	assert_int_equal(answer_exit_status(fleet), 3);
}

static void words_resolve_and_ambiguity_lists_candidates(void **state)
{
	struct stand *s = *state;
	struct double_agent one, two;
	AUTO(answer_free) struct answer *a = NULL;
	AUTO(finding_free) struct finding *f = made_finding("node-1", 2, 1, FINDING_OPEN, SEVERITY_INFO);
	struct query q;

	double_open(&one, s, NULL);
	one.mute = true; /* what the hub alone knows; round_test.c has the rest */
	(void)double_hello(&one, "node-1", "s1");
	double_send_batch(&one, "node-1", 1, 2, SEVERITY_WARNING);
	double_wait_ack(&one, 2);
	double_open(&two, s, NULL);
	two.mute = true;
	(void)double_hello(&two, "node-2", "s2");
	double_send_batch(&two, "node-2", 2, 2, SEVERITY_CRITICAL);
	double_wait_ack(&two, 2);

	q = ask_for(QUERY_EXPLAIN, f->id); /* a finding */
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->n_findings, 1);
	assert_string_equal(a->findings[0]->id, f->id);
	answer_free(&a);
	q = ask_for(QUERY_EXPLAIN, "train-2"); /* a pod without namespace, on both nodes */
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->n_findings, 2);
	assert_string_equal(a->findings[0]->node, "node-2"); /* the worse one first */
	answer_free(&a);
	q = ask_for(QUERY_EXPLAIN, "slurm:91");
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->n_findings, 1);
	answer_free(&a);
	q = ask_for(QUERY_EXPLAIN, "nothing-like-it");
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->status, ANSWER_NOT_FOUND);
	assert_int_equal(answer_exit_status(a), 66);
	answer_free(&a);
	q = ask_for(QUERY_EXPLAIN, "");
	a = answer_to(s, "Explain", &q); /* the fleet */
	assert_int_equal(a->n_findings, 3);
	answer_free(&a);

	{
		struct frame_batch batch;
		AUTO_BUF struct buf out;

		frame_batch_init(&batch);
		for (unsigned n = 0; n < 2; n++) {
			AUTO(finding_free)
			struct finding *p = made_finding("node-1", 10 + n, 1, FINDING_OPEN, SEVERITY_INFO);
			AUTO_BUF struct buf packed;

			p->subject.id = n ? "one/same" : "two/same";
			made_pack(p, &packed);
			assert_ok(frame_batch_add(&batch, 10 + n, packed.data, packed.len));
		}
		buf_init(&out, FRAME_MAX_MESSAGE);
		assert_ok(frame_pack_batch(&batch, &out));
		double_send(&one, &out);
		frame_batch_done(&batch);
		double_wait_ack(&one, 11);
	}
	q = ask_for(QUERY_EXPLAIN, "same");
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->status, ANSWER_AMBIGUOUS);
	assert_int_equal(a->n_candidates, 2);
	assert_string_equal(a->candidates[0], "pod one/same");
	double_close(&one);
	double_close(&two);
}

static void lists_come_in_pages(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct query q = { .kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .limit = 4 };
	size_t total = 0, pages = 0;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 10, SEVERITY_WARNING);
	double_wait_ack(&agent, 10);
	do {
		AUTO(answer_free) struct answer *a = answer_to(s, "ListFindings", &q);

		total += a->n_findings;
		assert_true(++pages < 10);
		(void)snprintf(q.cursor, sizeof(q.cursor), "%s", a->next_cursor);
	} while (q.cursor[0]);
	assert_int_equal(total, 10);
	assert_int_equal(pages, 3);
	(void)snprintf(q.cursor, sizeof(q.cursor), "rubbish");
	{
		AUTO(answer_free) struct answer *a = answer_to(s, "ListFindings", &q);

		assert_int_equal(a->status, ANSWER_BAD);
	}
	double_close(&agent);
}

struct person {
	struct stand *stand;
	const char *method;
	struct query query;
	struct answer *answer;
	struct call_status status;
	int result;
	pthread_t thread;
};

static void *ask_in_thread(void *arg)
{
	struct person *p = arg;

	p->result = stand_ask(p->stand, p->method, &p->query, &p->answer, &p->status);
	return NULL;
}

static void questions_for_a_node_go_down_its_stream(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct person p = { .stand = s, .method = "Not", .query = ask_for(QUERY_NOT, "node-1") };
	struct person elsewhere = { .stand = s, .method = "Explain", .query = ask_for(QUERY_EXPLAIN, "node-1:eth0") };
	struct person gone = { .stand = s, .method = "Doctor", .query = ask_for(QUERY_DOCTOR, "node-1") };

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	(void)snprintf(p.query.cause, sizeof(p.query.cause), "gpu.thermal");
	stand_wait_metric(s, "nodes", 1);
	assert_int_equal(pthread_create(&p.thread, NULL, ask_in_thread, &p), 0);
	double_answer_question(&agent, "node-1");
	(void)pthread_join(p.thread, NULL);
	assert_int_equal(p.result, 0);
	assert_int_equal(p.answer->status, ANSWER_OK);
	assert_string_equal(p.answer->verdict, "cannot_tell");
	answer_free(&p.answer);

	/* a thing the hub has no finding of: its node is asked, by the thing's own name */
	elsewhere.query.target_kind = ENTITY_NIC;
	assert_int_equal(pthread_create(&elsewhere.thread, NULL, ask_in_thread, &elsewhere), 0);
	double_answer_question(&agent, "node-1");
	(void)pthread_join(elsewhere.thread, NULL);
	assert_int_equal(elsewhere.result, 0);
	assert_string_equal(elsewhere.answer->message, "asked about 'eth0'");
	answer_free(&elsewhere.answer);

	/* the agent goes away instead of answering */
	assert_int_equal(pthread_create(&gone.thread, NULL, ask_in_thread, &gone), 0);
	{
		struct frame_hub frame;

		assert_true(double_receive(&agent, &frame));
		assert_int_equal(frame.kind, FRAME_ASK);
	}
	double_close(&agent);
	(void)pthread_join(gone.thread, NULL);
	assert_int_equal(gone.result, 0);
	assert_int_equal(gone.answer->status, ANSWER_UNAVAILABLE);
	assert_int_equal(answer_exit_status(gone.answer), 69);
	answer_free(&gone.answer);

	/* and then it is not connected */
	gone.method = "Rules";
	gone.query = ask_for(QUERY_RULES, "node-1");
	(void)ask_in_thread(&gone);
	assert_int_equal(gone.answer->status, ANSWER_UNAVAILABLE);
	answer_free(&gone.answer);

	/* the only node there is needs no name; of two, one has to be named */
	gone.query = ask_for(QUERY_RULES, "");
	(void)ask_in_thread(&gone);
	assert_int_equal(gone.answer->status, ANSWER_UNAVAILABLE);
	answer_free(&gone.answer);
	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-2", "s2");
	stand_wait_metric(s, "nodes", 2);
	(void)ask_in_thread(&gone);
	assert_int_equal(gone.answer->status, ANSWER_BAD);
	assert_non_null(strstr(gone.answer->message, "why doctor NODE"));
	answer_free(&gone.answer);
	double_close(&agent);
}

static size_t open_on(struct stand *s, const char *node)
{
	struct query q = ask_for(QUERY_EXPLAIN, node);
	AUTO(answer_free) struct answer *a = answer_to(s, "Explain", &q);

	return a->n_findings;
}

/* A node set up anew: nobody is left who would close what its old agent had opened. */
static void a_lost_memory_leaves_nothing_open(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-2", "other");
	double_send_batch(&agent, "node-2", 1, 2, SEVERITY_WARNING);
	double_wait_ack(&agent, 2);
	double_close(&agent);
	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 3, SEVERITY_CRITICAL);
	double_wait_ack(&agent, 3);
	double_close(&agent);
	double_open(&agent, s, NULL); /* the same spool: its ack was lost, no more */
	assert_int_equal(double_hello(&agent, "node-1", "s1"), 3);
	double_close(&agent);
	assert_int_equal(open_on(s, "node-1"), 3);

	double_open(&agent, s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "s2"), 0);
	double_send_batch(&agent, "node-1", 4, 4, SEVERITY_CRITICAL);
	double_wait_ack(&agent, 4);
	assert_int_equal(open_on(s, "node-1"), 1);
	assert_int_equal(open_on(s, "node-2"), 2);
	double_close(&agent);
	double_open(&agent, s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "s2"), 4);
	double_close(&agent);
	assert_int_equal(open_on(s, "node-1"), 1);
}

/* A certificate, or a name, lets an agent speak for one node: not by way of an answer either. */
static void an_answer_for_another_node_is_not_passed_on(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct person p = { .stand = s, .method = "Not", .query = ask_for(QUERY_NOT, "node-1") };

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	stand_wait_metric(s, "nodes", 1);
	(void)snprintf(p.query.cause, sizeof(p.query.cause), "gpu.thermal");
	assert_int_equal(pthread_create(&p.thread, NULL, ask_in_thread, &p), 0);
	double_answer_question(&agent, "node-2");
	(void)pthread_join(p.thread, NULL);
	assert_int_equal(p.result, 0);
	assert_int_equal(p.answer->status, ANSWER_UNAVAILABLE);
	assert_non_null(strstr(p.answer->message, "another node"));
	answer_free(&p.answer);
	double_close(&agent);
}

static void misfits_are_refused(void **state)
{
	struct stand *s = *state;
	struct query q = ask_for(QUERY_LIST, "");
	struct query reload = ask_for(QUERY_RELOAD, "");
	AUTO(answer_free) struct answer *a = NULL;
	struct call_status status;

	assert_int_equal(stand_ask(s, "Explain", &q, &a, &status), -EREMOTEIO); /* the kind does not fit the method */
	assert_int_equal(status.code, CALL_BAD_ARGUMENT);
	assert_int_equal(stand_ask(s, "Reload", &reload, &a, &status), -EREMOTEIO);
	assert_int_equal(status.code, CALL_UNIMPLEMENTED);
	assert_null(a);
}

static void out_of_place_messages_end_the_stream(void **state)
{
	static const uint8_t junk[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3 };
	struct stand *s = *state;
	struct double_agent agent;
	struct frame_hub frame;
	AUTO_BUF struct buf out;

	buf_init(&out, 64);
	assert_ok(buf_add(&out, junk, sizeof(junk)));
	double_open(&agent, s, NULL);
	double_send(&agent, &out);
	assert_true(double_receive(&agent, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	assert_int_equal(frame.why, FRAME_REFUSED_PROTOCOL);
	assert_false(double_receive(&agent, &frame));
	assert_int_equal(agent.status.code, CALL_BAD_ARGUMENT);
	double_close(&agent);

	double_open(&agent, s, NULL); /* a batch before hello */
	double_send_batch(&agent, "node-1", 1, 1, SEVERITY_INFO);
	assert_true(double_receive(&agent, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	double_close(&agent);

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_hello(&agent, "node-2", "s1"); /* a second name */
	assert_true(double_receive(&agent, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	double_close(&agent);

	double_open(&agent, s, NULL);
	double_send_hello(&agent, "no good name", "s1");
	assert_true(double_receive(&agent, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	double_close(&agent);
	stand_wait_metric(s, "agents_refused_protocol_total", 2);
}

static void anothers_findings_are_left_out_but_acked(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-2", 1, 4, SEVERITY_CRITICAL);
	double_wait_ack(&agent, 4);
	stand_wait_metric(s, "records_bad_total", 4);
	stand_wait_metric(s, "findings", 0);
	double_close(&agent);
}

static void the_same_node_again_replaces_the_older_stream(void **state)
{
	struct stand *s = *state;
	struct double_agent old, new;
	struct frame_hub frame;

	double_open(&old, s, NULL);
	(void)double_hello(&old, "node-1", "s1");
	double_open(&new, s, NULL);
	(void)double_hello(&new, "node-1", "s1");
	assert_true(double_receive(&old, &frame));
	assert_int_equal(frame.kind, FRAME_REFUSAL);
	assert_int_equal(frame.why, FRAME_REFUSED_REPLACED);
	double_send_batch(&new, "node-1", 1, 1, SEVERITY_INFO);
	double_wait_ack(&new, 1);
	double_close(&old);
	double_send_batch(&new, "node-1", 2, 2, SEVERITY_INFO); /* the end of the old one does not end the new one */
	double_wait_ack(&new, 2);
	double_close(&new);
}

struct watching {
	size_t findings, ends, want;
	char cursor[64];
};

static int on_event(void *arg, const uint8_t *data, size_t n)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct watching *w = arg;

	assert_ok(frame_watch_unpack(data, n, w->cursor, &f, NULL));
	w->findings += f != NULL;
	w->ends += f == NULL;
	return w->ends && w->findings >= w->want ? -ECANCELED : 0;
}

static int watch_target(const struct stand *s, struct watching *w, const char *cursor, const char *target,
			enum entity_kind kind)
{
	struct query q = ask_for(QUERY_LIST, target);
	struct call_status status;
	AUTO_BUF struct buf request;

	q.target_kind = kind;
	(void)snprintf(q.cursor, sizeof(q.cursor), "%s", cursor);
	buf_init(&request, 64 * 1024);
	assert_ok(query_pack(&q, &request));
	return call_stream(&s->options, "/why.v1.Query/WatchFindings", request.data, request.len, 20000, on_event, w,
			   &status);
}

static int watch_until(const struct stand *s, struct watching *w, const char *cursor)
{
	return watch_target(s, w, cursor, "", ENTITY_KIND_MAX);
}

static void a_watch_may_be_of_one_thing(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct watching pod = { .want = 1 }, node = { .want = 3 }, unseen = { .want = 0 };

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 3, SEVERITY_INFO);
	double_wait_ack(&agent, 3);
	assert_int_equal(watch_target(s, &pod, "", "train-2", ENTITY_KIND_MAX), -ECANCELED);
	assert_int_equal(pod.findings, 1);
	assert_int_equal(watch_target(s, &node, "", "node-1", ENTITY_KIND_MAX), -ECANCELED);
	assert_int_equal(node.findings, 3);
	assert_int_equal(watch_target(s, &unseen, "", "ml/later", ENTITY_POD), -ECANCELED); /* nothing yet, and no refusal */
	assert_int_equal(unseen.findings, 0);
	assert_int_equal(watch_target(s, &unseen, "", "who-is-that", ENTITY_KIND_MAX), -EREMOTEIO);
	double_close(&agent);
}

static void a_watch_goes_on_where_it_ended(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct watching first = { .want = 3 }, second = { .want = 4 }, foreign = { .want = 7 }, restored = { .want = 7 };
	char ahead[80];

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 3, SEVERITY_INFO);
	double_wait_ack(&agent, 3);
	assert_int_equal(watch_until(s, &first, ""), -ECANCELED);
	assert_int_equal(first.findings, 3);
	double_send_batch(&agent, "node-1", 4, 7, SEVERITY_INFO);
	double_wait_ack(&agent, 7);
	assert_int_equal(watch_until(s, &second, first.cursor), -ECANCELED);
	assert_int_equal(second.findings, 4); /* none missed, none twice */
	assert_int_equal(watch_until(s, &foreign, "0123456789abcdef.5"),
			 -ECANCELED); /* of another store: from the beginning */
	assert_int_equal(foreign.findings, 7);
	/* of this store's future: it was put back from a backup */
	(void)snprintf(ahead, sizeof(ahead), "%.*s.99999", (int)strcspn(first.cursor, "."), first.cursor);
	assert_int_equal(watch_until(s, &restored, ahead), -ECANCELED);
	assert_int_equal(restored.findings, 7);
	double_close(&agent);
}

static void *send_later(void *arg)
{
	struct double_agent *agent = arg;

	(void)poll(NULL, 0, 100);
	double_send_batch(agent, "node-1", 2, 3, SEVERITY_INFO);
	return NULL;
}

static void a_watch_tells_what_comes(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct watching w = { .want = 3 };
	pthread_t thread;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 1, SEVERITY_INFO);
	double_wait_ack(&agent, 1);
	assert_int_equal(pthread_create(&thread, NULL, send_later, &agent), 0);
	assert_int_equal(watch_until(s, &w, ""), -ECANCELED);
	assert_int_equal(w.findings, 3);
	assert_int_equal(w.ends, 1);
	(void)pthread_join(thread, NULL);
	double_close(&agent);
}

static int take_page(void *arg, const uint8_t *data, size_t n)
{
	AUTO(answer_free) struct answer *a = NULL;
	size_t *counts = arg;

	assert_ok(answer_unpack(data, n, &a, NULL));
	counts[0]++;
	counts[1] += a->n_lines;
	counts[2] = a->next_cursor[0] == 0;
	return 0;
}

static void a_long_timeline_comes_whole(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	struct query q = ask_for(QUERY_TIMELINE, "node-1");
	size_t counts[3] = { 0 };
	struct call_status status;
	AUTO_BUF struct buf request;

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	for (unsigned n = 0; n < 12; n++)
		double_send_batch(&agent, "node-1", n * 100 + 1, n * 100 + 100, SEVERITY_INFO);
	double_wait_ack(&agent, 1200);
	q.since_ns = 100ULL * 365 * 86400 * NS_PER_S;
	buf_init(&request, 64 * 1024);
	assert_ok(query_pack(&q, &request));
	assert_int_equal(call_stream(&s->options, "/why.v1.Query/Timeline", request.data, request.len, 20000, take_page,
				     counts, &status),
			 0);
	assert_int_equal(counts[0], 3);
	assert_int_equal(counts[1], 1201); /* and "connected" */
	assert_int_equal(counts[2], 1);
	double_close(&agent);
}

static void health_is_told(void **state)
{
	struct stand *s = *state;
	AUTO_BUF struct buf request;
	AUTO_BUF struct buf reply;
	struct call_status status;
	enum health health;

	buf_init(&request, 64);
	buf_init(&reply, 64);
	assert_ok(health_pack_request("", &request));
	assert_ok(call_unary(&s->options, FRAME_METHOD_HEALTH, request.data, request.len, 5000, &reply, &status));
	assert_ok(health_reply_unpack(reply.data, reply.len, &health));
	assert_int_equal(health, HEALTH_SERVING);
	buf_reset(&request);
	assert_ok(health_pack_request("no.such.Service", &request));
	assert_int_equal(call_unary(&s->options, FRAME_METHOD_HEALTH, request.data, request.len, 5000, &reply, &status),
			 -EREMOTEIO);
	assert_int_equal(status.code, CALL_NOT_FOUND);
	assert_int_equal(call_unary(&s->options, "/no.such/Method", NULL, 0, 5000, &reply, &status), -EREMOTEIO);
	assert_int_equal(status.code, CALL_UNIMPLEMENTED);
}

static void a_restarted_hub_knows_all(void **state)
{
	struct stand *s = *state;
	struct double_agent agent;
	AUTO(answer_free) struct answer *a = NULL;
	struct query q = ask_for(QUERY_EXPLAIN, "node-1");

	double_open(&agent, s, NULL);
	(void)double_hello(&agent, "node-1", "s1");
	double_send_batch(&agent, "node-1", 1, 5, SEVERITY_WARNING);
	double_wait_ack(&agent, 5);
	stand_stop(s);
	double_close(&agent);
	stand_start(s);
	a = answer_to(s, "Explain", &q);
	assert_int_equal(a->n_findings, 5);
	assert_true(a->stale);
	double_open(&agent, s, NULL);
	assert_int_equal(double_hello(&agent, "node-1", "s1"), 5);
	double_close(&agent);
}

static void too_many_agents_are_refused(void **state)
{
	struct stand *s = *state;
	struct double_agent one, two;
	struct frame_hub frame;

	stand_stop(s);
	s->settings.max_agents = 1;
	stand_start(s);
	double_open(&one, s, NULL);
	(void)double_hello(&one, "node-1", "s1");
	double_open(&two, s, NULL);
	double_send_hello(&two, "node-2", "s2");
	assert_false(double_receive(&two, &frame));
	assert_int_equal(two.status.code, CALL_EXHAUSTED);
	double_close(&two);
	double_send_batch(&one, "node-1", 1, 1, SEVERITY_INFO);
	double_wait_ack(&one, 1);
	double_close(&one);
}

static void a_full_queue_only_delays(void **state)
{
	struct stand *s = *state;
	struct double_agent agents[3];
	char node[16];

	stand_stop(s);
	s->settings.queue_records = 50; /* less than one batch */
	stand_start(s);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(node, sizeof(node), "node-%d", i);
		double_open(&agents[i], s, NULL);
		(void)double_hello(&agents[i], node, "s1");
	}
	for (unsigned n = 0; n < 10; n++) {
		for (int i = 0; i < 3; i++) {
			(void)snprintf(node, sizeof(node), "node-%d", i);
			double_send_batch(&agents[i], node, n * 100 + 1, n * 100 + 100, SEVERITY_INFO);
		}
	}
	for (int i = 0; i < 3; i++) {
		double_wait_ack(&agents[i], 1000);
		double_close(&agents[i]);
	}
	stand_wait_metric(s, "queue_full_total", 1);
	stand_wait_metric(s, "findings", 3000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(findings_are_acked_stored_and_told),
		T(a_silent_node_is_unknown),
		T(words_resolve_and_ambiguity_lists_candidates),
		T(lists_come_in_pages),
		T(questions_for_a_node_go_down_its_stream),
		T(a_lost_memory_leaves_nothing_open),
		T(an_answer_for_another_node_is_not_passed_on),
		T(misfits_are_refused),
		T(out_of_place_messages_end_the_stream),
		T(anothers_findings_are_left_out_but_acked),
		T(the_same_node_again_replaces_the_older_stream),
		T(a_watch_goes_on_where_it_ended),
		T(a_watch_tells_what_comes),
		T(a_watch_may_be_of_one_thing),
		T(a_long_timeline_comes_whole),
		T(health_is_told),
		T(a_restarted_hub_knows_all),
		T(too_many_agents_are_refused),
		T(a_full_queue_only_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

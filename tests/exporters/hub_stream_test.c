// SPDX-License-Identifier: Apache-2.0
/* The exporter against a hub on loopback, driven as the agent's loop drives it, in a time that the test moves on. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "exporters/exporter.h"
#include "exporters/spool.h"
#include "tests/exporters/fake_hub.h"
#include "tests/exporters/made.h"
#include "tests/proto/certs.h"
#include "tests/test.h"

extern const struct exporter exporter_hub_stream;

struct scene {
	char folder[64];
	struct fake_hub hub;
	struct spool *spool;
	struct export_env env;
	void *exporter;
	uint64_t skew;      /* how much later it is than the clock says */
	mono_ns_t next;
	unsigned asked;
	char paths[3][96];
};

static int answer_question(void *arg, const struct query *q, struct answer **ret_answer)
{
	struct scene *s = arg;
	int r = answer_new(q->kind, ret_answer);

	s->asked++;
	if (r == 0) {
		(*ret_answer)->target = arena_strdup((*ret_answer)->arena, q->target);
		(*ret_answer)->node = "n1";
		(*ret_answer)->evaluated = true;
	}
	return r;
}

static void say_status(void *arg UNUSED, struct export_status *ret_status)
{
	*ret_status = (struct export_status){.evaluated = true,
					     .any_open = true,
					     .worst = SEVERITY_CRITICAL,
					     .open_findings = 2,
					     .dropped_samples = 5};
}

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	char path[80];
	bool damaged;

	made_folder(s->folder);
	(void)snprintf(path, sizeof(path), "%s/spool.db", s->folder);
	assert_ok(spool_open(&(struct spool_options){.path = path, .max_records = 100000, .max_bytes = 64 << 20},
			     &s->spool, &damaged));
	s->env = (struct export_env){.spool = s->spool,
				     .node = "n1",
				     .boot_id = "boot",
				     .version = "1.2",
				     .rules_digest = "d",
				     .hub_address = s->hub.address,
				     .insecure = 1,
				     .answer = answer_question,
				     .answer_arg = s,
				     .status = say_status};
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	if (s->exporter)
		assert_ok(exporter_hub_stream.close(s->exporter, 0));
	fake_hub_done(&s->hub);
	spool_close(&s->spool);
	made_folder_remove(s->folder);
	free(s);
	return 0;
}

static void pump(struct scene *s)
{
	(void)exporter_hub_stream.pump(s->exporter, clock_mono_now() + s->skew, &s->next);
}

static void start(struct scene *s)
{
	assert_ok(exporter_hub_stream.open(&s->env, &s->exporter));
	pump(s);
}

/* One turn of a loop, 20 ms at most. */
static void turn(struct scene *s)
{
	struct pollfd p = {exporter_hub_stream.event_fd(s->exporter), POLLIN, 0};
	int n = poll(&p, 1, 20);

	if (n > 0 || clock_mono_now() + s->skew >= s->next)
		pump(s);
}

/* Turn until the condition, told by the hub's thread too, holds. */
#define turn_until(s, condition)                                                                                       \
	do {                                                                                                           \
		bool holds_ = false;                                                                                   \
		for (int i_ = 0; i_ < 1000 && !holds_; i_++) {                                                         \
			turn(s);                                                                                       \
			(void)pthread_mutex_lock(&(s)->hub.lock);                                                      \
			holds_ = (condition);                                                                          \
			(void)pthread_mutex_unlock(&(s)->hub.lock);                                                    \
		}                                                                                                      \
		assert_true(holds_);                                                                                   \
	} while (0)

static void put(struct scene *s, unsigned first, unsigned n)
{
	assert_ok(spool_begin(s->spool));
	for (unsigned i = first; i < first + n; i++) {
		AUTO(finding_free) struct finding *f = made_finding(i, 1, FINDING_OPEN);

		assert_ok(spool_put(s->spool, f, 1));
	}
	assert_ok(spool_commit(s->spool));
}

static uint64_t unacked(struct scene *s)
{
	struct spool_stats stats;

	spool_stats(s->spool, &stats);
	return stats.unacked;
}

struct wanted {
	const char *name;
	double value;
};

static void find_stat(void *arg, const char *name, double value, const char *help UNUSED)
{
	struct wanted *w = arg;

	if (strcmp(name, w->name) == 0)
		w->value = value;
}

static double stat_of(struct scene *s, const char *name)
{
	struct wanted w = {name, -1};

	exporter_hub_stream.stats(s->exporter, find_stat, &w);
	return w.value;
}

static void each_once(struct scene *s, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		assert_int_equal(s->hub.seen[i], 1);
	assert_int_equal(s->hub.malformed, 0);
}

/* ---- as it should be ---- */

static void findings_arrive_in_order_and_are_forgotten(void **state)
{
	struct scene *s = *state;

	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 1500);
	start(s);
	turn_until(s, unacked(s) == 0);
	each_once(s, 1, 1500);
	assert_int_equal(s->hub.out_of_order, 0);
	assert_in_range(s->hub.batches, 3, 30); /* 50 to 500 in a message */
	assert_string_equal(s->hub.hello.node, "n1");
	assert_string_equal(s->hub.hello.boot_id, "boot");
	assert_string_equal(s->hub.hello.version, "1.2");
	assert_string_equal(s->hub.hello.spool_id, spool_id(s->spool));
	assert_int_equal(s->hub.hello.capabilities, FRAME_CAN_ANSWER);
	put(s, 1501, 1); /* and one more, later */
	pump(s);
	turn_until(s, unacked(s) == 0);
	each_once(s, 1501, 1);
}

static void heartbeats_say_how_it_is(void **state)
{
	struct scene *s = *state;

	fake_hub_start(&s->hub, 0, NULL);
	start(s);
	turn_until(s, s->hub.heartbeats == 1);
	assert_int_equal(s->hub.heartbeat.open_findings, 2);
	assert_true(s->hub.heartbeat.any_open && s->hub.heartbeat.evaluated);
	assert_int_equal(s->hub.heartbeat.worst, SEVERITY_CRITICAL);
	assert_int_equal(s->hub.heartbeat.dropped_samples, 5);
	assert_string_equal(s->hub.heartbeat.rules_digest, "d");
	s->skew += 10 * NS_PER_S;
	turn_until(s, s->hub.heartbeats == 2);
}

static void questions_are_answered(void **state)
{
	struct scene *s = *state;

	s->hub.questions = 40; /* more than it holds answers for: they wait */
	fake_hub_start(&s->hub, 0, NULL);
	start(s);
	turn_until(s, s->hub.answers == 40);
	assert_int_equal(s->asked, 40);
	assert_int_equal(s->hub.answer_ids, 40 * 41 / 2);
	assert_int_equal(s->hub.answer->query, QUERY_DOCTOR);
	assert_string_equal(s->hub.answer->target, "n1");
	assert_true(s->hub.answer->evaluated);
}

static void closing_sends_what_is_left(void **state)
{
	struct scene *s = *state;

	fake_hub_start(&s->hub, 0, NULL);
	start(s);
	turn_until(s, s->hub.heartbeats == 1);
	put(s, 1, 700);
	assert_ok(exporter_hub_stream.close(s->exporter, 10000));
	s->exporter = NULL;
	assert_int_equal(unacked(s), 0);
	each_once(s, 1, 700);
}

/* ---- breaks ---- */

static void a_hub_that_dies_and_comes_back_has_all_of_it(void **state)
{
	struct scene *s = *state;
	unsigned n = 1;

	fake_hub_start(&s->hub, 0, NULL);
	start(s);
	for (int round = 0; round < 5; round++) {
		put(s, n, 600);
		n += 600;
		pump(s);
		if (round % 2)
			turn_until(s, s->hub.batches > 0); /* in the middle of it, or before it */
		fake_hub_stop(&s->hub);
		turn_until(s, stat_of(s, "connected") == 0);
		put(s, n, 50);
		n += 50;
		fake_hub_start(&s->hub, s->hub.port, NULL);
		s->skew += 100 * NS_PER_S; /* whatever it waits */
		turn_until(s, stat_of(s, "connected") == 1);
	}
	turn_until(s, unacked(s) == 0);
	each_once(s, 1, n - 1);
	assert_in_range(s->hub.hellos, 5, 6); /* the first hub may die before it is greeted */
}

static void an_agent_that_dies_sends_again(void **state)
{
	struct scene *s = *state;

	s->hub.no_ack = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 300);
	start(s);
	turn_until(s, s->hub.last_number == 300);
	assert_ok(exporter_hub_stream.close(s->exporter, 0));
	assert_int_equal(unacked(s), 300);
	(void)pthread_mutex_lock(&s->hub.lock);
	s->hub.no_ack = false;
	s->hub.last_number = 0;
	memset(s->hub.seen, 0, sizeof(s->hub.seen));
	(void)pthread_mutex_unlock(&s->hub.lock);
	start(s);
	turn_until(s, unacked(s) == 0);
	each_once(s, 1, 300);
}

static void nobody_there_costs_little_and_is_tried_ever_more_rarely(void **state)
{
	struct scene *s = *state;
	mono_ns_t from;

	(void)snprintf(s->hub.address, sizeof(s->hub.address), "127.0.0.1:1");
	start(s);
	for (int i = 1; i <= 8; i++) {
		double before = i;

		turn_until(s, stat_of(s, "losses_total") >= before);
		from = clock_mono_now() + s->skew;
		assert_true(s->next > from);
		if (i == 8)
			assert_in_range((s->next - from) / NS_PER_S, 29, 60);
		s->skew += s->next - from; /* now it is time */
		pump(s);
	}
	turn_until(s, stat_of(s, "losses_total") >= 9);
	fake_hub_start(&s->hub, 0, NULL);
	s->skew += 60 * NS_PER_S;
	turn_until(s, stat_of(s, "connected") == 1);
}

/* Moved to another hub, or the hub's disk was lost: what was open and acked long ago must be known there. */
static void an_empty_hub_is_told_what_is_open(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *resolved = made_finding(2, 2, FINDING_RESOLVED);

	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 3);
	assert_ok(spool_begin(s->spool));
	assert_ok(spool_put(s->spool, resolved, 1));
	assert_ok(spool_commit(s->spool));
	start(s);
	turn_until(s, unacked(s) == 0);
	fake_hub_stop(&s->hub);
	turn_until(s, stat_of(s, "connected") == 0);
	s->hub.up_to_seq = 0;
	s->hub.last_number = 0;
	memset(s->hub.seen, 0, sizeof(s->hub.seen));
	put(s, 4, 1); /* still on its way: once is enough */
	fake_hub_start(&s->hub, s->hub.port, NULL);
	s->skew += 100 * NS_PER_S;
	turn_until(s, stat_of(s, "connected") == 1 && unacked(s) == 0);
	each_once(s, 1, 1);
	each_once(s, 3, 2);
	assert_int_equal(s->hub.seen[2], 0);
}

/* A state folder put back from a backup: its numbers are ones that the hub has had. */
static void an_old_copy_of_a_spool_loses_nothing(void **state)
{
	struct scene *s = *state;
	struct spool_stats stats;
	char id[40];

	spool_stats(s->spool, &stats);
	(void)snprintf(id, sizeof(id), "%s", spool_id(s->spool));
	s->hub.up_to_seq = stats.last_seq + 1000;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 5);
	start(s);
	turn_until(s, s->hub.hellos == 1 && stat_of(s, "losses_total") == 1);
	assert_int_equal(unacked(s), 5);
	assert_string_not_equal(spool_id(s->spool), id);
	(void)pthread_mutex_lock(&s->hub.lock);
	s->hub.up_to_seq = 0; /* of the new spool it knows nothing */
	(void)pthread_mutex_unlock(&s->hub.lock);
	s->skew += 60 * NS_PER_S;
	turn_until(s, unacked(s) == 0 && s->hub.hellos == 2);
	assert_string_equal(s->hub.hello.spool_id, spool_id(s->spool));
	assert_true(s->hub.hello.acked_seq > 0); /* else the hub would think its memory lost */
	each_once(s, 1, 5);
}

/* ---- hubs that misbehave ---- */

static void a_refusal_is_heeded(void **state)
{
	struct scene *s = *state;

	s->hub.refuse = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 10);
	start(s);
	turn_until(s, stat_of(s, "refusals_total") == 1);
	assert_true(stat_of(s, "connected") == 0);
	assert_true(s->next >= clock_mono_now() + s->skew + 400 * NS_PER_MS);
	assert_int_equal(s->hub.batches, 0);
	assert_int_equal(unacked(s), 10);
	s->skew += 60 * NS_PER_S;
	turn_until(s, s->hub.hellos == 2);
}

static void two_of_one_name_do_not_chase_each_other(void **state)
{
	struct scene *s = *state;

	s->hub.refuse = s->hub.replaced = true;
	fake_hub_start(&s->hub, 0, NULL);
	start(s);
	turn_until(s, stat_of(s, "refusals_total") == 1);
	assert_true(s->next >= clock_mono_now() + s->skew + 25 * NS_PER_S);
	s->skew += 60 * NS_PER_S;
	turn_until(s, s->hub.hellos == 2);
}

static void a_hub_that_never_acks_gets_no_more_than_a_window(void **state)
{
	struct scene *s = *state;
	double sent;

	s->hub.no_ack = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 12000);
	start(s);
	turn_until(s, stat_of(s, "sent_batches_total") == 16);
	for (int i = 0; i < 30; i++)
		turn(s);
	sent = stat_of(s, "sent_records_total");
	assert_true(stat_of(s, "sent_batches_total") == 16);
	assert_true(sent <= 16 * 500);
	assert_int_equal(unacked(s), 12000);
	s->skew += 61 * NS_PER_S; /* it is given up, and tried again later */
	turn_until(s, stat_of(s, "stalls_total") == 1);
	(void)pthread_mutex_lock(&s->hub.lock);
	s->hub.no_ack = false;
	(void)pthread_mutex_unlock(&s->hub.lock);
	s->skew += 60 * NS_PER_S;
	turn_until(s, unacked(s) == 0);
}

static void a_hub_that_does_not_reply_is_left(void **state)
{
	struct scene *s = *state;

	s->hub.mute = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 10);
	start(s);
	turn_until(s, s->hub.hellos == 1);
	assert_int_equal(s->hub.batches, 0);
	s->skew += 31 * NS_PER_S;
	turn_until(s, stat_of(s, "stalls_total") == 1);
	assert_true(stat_of(s, "connected") == 0);
}

static void a_hub_that_does_not_read_is_left(void **state)
{
	struct scene *s = *state;

	s->hub.deaf = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 12000);
	start(s);
	turn_until(s, stat_of(s, "sent_batches_total") > 0);
	s->skew += 61 * NS_PER_S;
	turn_until(s, stat_of(s, "stalls_total") == 1);
	assert_int_equal(s->hub.batches, 0);
	assert_int_equal(unacked(s), 12000);
	assert_true(stat_of(s, "connected") == 0);
	(void)pthread_mutex_lock(&s->hub.lock);
	s->hub.deaf = false;
	(void)pthread_mutex_unlock(&s->hub.lock);
	s->skew += 60 * NS_PER_S;
	turn_until(s, unacked(s) == 0);
	each_once(s, 1, 12000);
}

static void lies_change_nothing(void **state)
{
	struct scene *s = *state;

	s->hub.lie = true;
	fake_hub_start(&s->hub, 0, NULL);
	put(s, 1, 10);
	start(s);
	turn_until(s, stat_of(s, "bad_messages_total") >= 4 && s->hub.last_number == 10);
	assert_int_equal(unacked(s), 10);
	assert_true(stat_of(s, "connected") == 1);
}

/* ---- certificates ---- */

static struct rpc_tls *make_tls(struct scene *s, struct certs **ret_ca)
{
	char paths[3][96], why[512];
	struct rpc_tls *tls = NULL;

	*ret_ca = certs_new(s->folder, "ca");
	certs_pair(*ret_ca, s->folder, "hub", "hub", "IP:127.0.0.1", -60, 3600);
	certs_pair(*ret_ca, s->folder, "agent", "n1", NULL, -60, 3600);
	(void)snprintf(paths[0], sizeof(paths[0]), "%s/ca.pem", s->folder);
	(void)snprintf(paths[1], sizeof(paths[1]), "%s/hub.pem", s->folder);
	(void)snprintf(paths[2], sizeof(paths[2]), "%s/hub.key", s->folder);
	assert_ok(rpc_tls_new(&(struct tls_files){paths[0], paths[1], paths[2]}, &tls, why, sizeof(why)));
	(void)snprintf(s->paths[0], sizeof(s->paths[0]), "%s/ca.pem", s->folder);
	(void)snprintf(s->paths[1], sizeof(s->paths[1]), "%s/agent.pem", s->folder);
	(void)snprintf(s->paths[2], sizeof(s->paths[2]), "%s/agent.key", s->folder);
	s->env.insecure = 0;
	s->env.tls_ca = s->paths[0];
	s->env.tls_cert = s->paths[1];
	s->env.tls_key = s->paths[2];
	return tls;
}

static void renewed_certificates_are_taken_up(void **state)
{
	struct scene *s = *state;
	AUTO(certs_free) struct certs *ca = NULL;
	AUTO(rpc_tls_free) struct rpc_tls *tls = make_tls(s, &ca);
	double expires;

	fake_hub_start(&s->hub, 0, tls);
	put(s, 1, 10);
	start(s);
	turn_until(s, unacked(s) == 0);
	expires = stat_of(s, "certificate_expires_seconds");
	assert_true(expires > 0);
	s->skew += 31 * NS_PER_S;
	turn_until(s, s->hub.heartbeats >= 2);
	assert_int_equal(s->hub.hellos, 1); /* unchanged files: the connection stays */
	assert_int_equal(truncate(s->paths[1], 10), 0); /* torn: the connection stays, too */
	s->skew += 31 * NS_PER_S;
	turn_until(s, s->hub.heartbeats >= 3);
	assert_int_equal(s->hub.hellos, 1);
	certs_pair(ca, s->folder, "agent", "n1", NULL, -60, 7200);
	s->skew += 31 * NS_PER_S;
	turn_until(s, s->hub.hellos == 2 && stat_of(s, "connected") == 1);
	assert_true(stat_of(s, "certificate_expires_seconds") > expires + 3000);
	put(s, 11, 10);
	pump(s);
	turn_until(s, unacked(s) == 0);
	each_once(s, 1, 20);
	fake_hub_stop(&s->hub); /* before its certificates go */
}

static void a_certificate_of_another_node_is_not_used(void **state)
{
	struct scene *s = *state;
	AUTO(certs_free) struct certs *ca = NULL;
	AUTO(rpc_tls_free) struct rpc_tls *tls = make_tls(s, &ca);

	certs_pair(ca, s->folder, "agent", "n2", NULL, -60, 3600);
	fake_hub_start(&s->hub, 0, tls);
	start(s);
	assert_err(exporter_hub_stream.pump(s->exporter, clock_mono_now() + 60 * NS_PER_S, &s->next), EKEYREJECTED);
	assert_int_equal(s->hub.hellos, 0);
	certs_pair(ca, s->folder, "agent", "n1", NULL, -60, 3600);
	s->skew += 200 * NS_PER_S;
	turn_until(s, stat_of(s, "connected") == 1);
	assert_ok(exporter_hub_stream.close(s->exporter, 0));
	s->exporter = NULL;
	fake_hub_stop(&s->hub);
}

static void without_a_hub_it_is_not_there(void **state)
{
	struct scene *s = *state;

	s->env.hub_address = "";
	assert_err(exporter_hub_stream.open(&s->env, &s->exporter), ENOENT);
	assert_null(s->exporter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)
		TEST(findings_arrive_in_order_and_are_forgotten),
		TEST(heartbeats_say_how_it_is),
		TEST(questions_are_answered),
		TEST(closing_sends_what_is_left),
		TEST(a_hub_that_dies_and_comes_back_has_all_of_it),
		TEST(an_agent_that_dies_sends_again),
		TEST(nobody_there_costs_little_and_is_tried_ever_more_rarely),
		TEST(an_empty_hub_is_told_what_is_open),
		TEST(an_old_copy_of_a_spool_loses_nothing),
		TEST(a_refusal_is_heeded),
		TEST(two_of_one_name_do_not_chase_each_other),
		TEST(a_hub_that_never_acks_gets_no_more_than_a_window),
		TEST(a_hub_that_does_not_reply_is_left),
		TEST(a_hub_that_does_not_read_is_left),
		TEST(lies_change_nothing),
		TEST(renewed_certificates_are_taken_up),
		TEST(a_certificate_of_another_node_is_not_used),
		TEST(without_a_hub_it_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

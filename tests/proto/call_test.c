// SPDX-License-Identifier: Apache-2.0
#include "proto/call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/proto/certs.h"
#include "tests/proto/peer.h"
#include "tests/test.h"

#define AUTO_CALL AUTO(call_close)
#define PATIENCE_MS 20000 /* of a loaded machine; nothing here takes that long */

static int start_peer(void **state)
{
	*state = peer_new(NULL);
	return 0;
}

static int stop_peer(void **state)
{
	struct peer *p = *state;

	peer_free(&p);
	return 0;
}

static struct call_options plain(const struct peer *p)
{
	return (struct call_options){.address = peer_address(p), .insecure = true};
}

static struct call *open_call(const struct peer *p, const char *method)
{
	struct call_options o = plain(p);
	struct call *c = NULL;

	assert_ok(call_open(&o, method, &c));
	return c;
}

static void wait_for_call(struct call *c)
{
	struct pollfd p = {call_event_fd(c), POLLIN, 0};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	call_wake(c);
}

static void send_now(struct call *c, const void *data, size_t n)
{
	int r;

	while ((r = call_send(c, data, n)) == -EAGAIN)
		wait_for_call(c);
	assert_int_equal(r, 0);
}

static uint8_t *receive_now(struct call *c, size_t *ret_n)
{
	uint8_t *data;

	while (call_receive(c, &data, ret_n) == -EAGAIN)
		wait_for_call(c);
	return data;
}

static void wait_until_closed(struct call *c, struct call_status *ret_status)
{
	while (!call_closed(c, ret_status))
		wait_for_call(c);
}

static uint8_t byte_at(size_t message, size_t i)
{
	return (uint8_t)(message * 31 + i * 7 + (i >> 8));
}

/* ---- the stream ---- */

static void messages_of_every_size_come_back_whole(void **state)
{
	static const size_t sizes[] = {0, 1, 5, 200, 8191, 8192, 8193, 20000, 65536, 300000, 700000};
	AUTO_CALL struct call *c = open_call(*state, PEER_ECHO);
	AUTO_FREE uint8_t *data = malloc(700000);

	for (size_t round = 0; round < 8; round++) {
		for (size_t m = 0; m < ARRAY_LEN(sizes); m++) {
			AUTO_FREE uint8_t *back = NULL;
			size_t n;

			for (size_t i = 0; i < sizes[m]; i++)
				data[i] = byte_at(m + round, i);
			send_now(c, data, sizes[m]);
			back = receive_now(c, &n);
			assert_non_null(back);
			assert_int_equal(n, sizes[m]);
			assert_memory_equal(back, data, n);
		}
	}
}

static void a_deaf_peer_bounds_us(void **state)
{
	AUTO_CALL struct call *c = open_call(*state, "/t/Deaf");
	AUTO_FREE uint8_t *data = calloc(1, 64 * 1024);
	size_t taken = 0;
	struct call_status status;

	for (;;) {
		struct pollfd p = {call_event_fd(c), POLLIN, 0};
		int r = call_send(c, data, 64 * 1024);

		if (r == 0) {
			taken++;
			continue;
		}
		assert_int_equal(r, -EAGAIN);
		if (poll(&p, 1, 1000) == 0)
			break; /* nothing moves any more */
		call_wake(c);
	}
	assert_in_range(taken, 1, 100); /* of 64 KiB: what flow control lets stand between us */
	assert_false(call_closed(c, &status));
	assert_err(call_send(c, data, CALL_MAX_MESSAGE + 1), EMSGSIZE);
}

static void what_is_not_taken_waits_in_order(void **state)
{
	AUTO_CALL struct call *c = open_call(*state, "/t/Many");
	struct call_status status = {.code = -1};

	send_now(c, "go", 2);
	for (int i = 0; i < PEER_MANY; i++) {
		AUTO_FREE uint8_t *data = NULL;
		char text[64];
		size_t n;

		(void)snprintf(text, sizeof(text), "message %d", i);
		data = receive_now(c, &n);
		assert_int_equal(n, strlen(text));
		assert_memory_equal(data, text, n);
	}
	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_OK);
	assert_err(call_send(c, (const uint8_t *)"x", 1), EPIPE);
}

static void a_refusal_says_why(void **state)
{
	AUTO_CALL struct call *c = open_call(*state, "/t/Deny");
	struct call_status status;

	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_DENIED);
	assert_string_equal(status.text, "you may not do that");
	assert_false(call_can_send(c));
}

static void a_status_nobody_knows_does_no_harm(void **state)
{
	AUTO_CALL struct call *c = open_call(*state, "/t/Odd");
	struct call_status status;

	send_now(c, "go", 2);
	wait_until_closed(c, &status);
	assert_int_not_equal(status.code, CALL_OK);
	assert_null(strchr(status.text, '\n'));
	assert_string_equal(call_code_name(77), "unknown status");
	assert_string_equal(call_code_name(-1), "unknown status");
	assert_string_equal(call_code_name(CALL_UNAVAILABLE), "unavailable");
}

static void a_server_that_goes_is_noticed(void **state UNUSED)
{
	struct peer *p = peer_new(NULL);
	AUTO_CALL struct call *c = open_call(p, PEER_ECHO);
	AUTO_FREE uint8_t *back = NULL;
	struct call_status status;
	size_t n;

	send_now(c, "x", 1);
	back = receive_now(c, &n);
	peer_free(&p);
	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_UNAVAILABLE);
}

static void nobody_there(void **state UNUSED)
{
	struct call_options o = {.address = "127.0.0.1:1", .insecure = true};
	AUTO_CALL struct call *c = NULL;
	struct call_status status;

	assert_ok(call_open(&o, PEER_ECHO, &c));
	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_UNAVAILABLE);
	assert_non_null(strstr(status.text, "onnect")); /* "Failed to connect ..." */
}

static void closing_at_any_moment_is_clean(void **state)
{
	uint8_t large[100000] = {0};

	for (int i = 0; i < 60; i++) {
		struct call *c = open_call(*state, i % 3 ? PEER_ECHO : "/t/Many");

		if (i % 4 > 0)
			(void)call_send(c, large, i % 2 ? sizeof(large) : 1);
		if (i % 4 > 0 && i % 5 > 2)
			wait_for_call(c);
		call_close(&c);
		assert_null(c);
	}
	call_close(&(struct call *){NULL});
}

static void options_are_checked(void **state)
{
	struct call_options o = {.insecure = true};
	struct call *c = NULL;

	assert_err(call_open(&o, PEER_ECHO, &c), EINVAL);
	o = plain(*state);
	o.insecure = false;
	assert_err(call_open(&o, PEER_ECHO, &c), EINVAL);
	assert_null(c);
}

/* ---- calls that block ---- */

static void a_question_and_its_answer(void **state)
{
	struct call_options o = plain(*state);
	AUTO_BUF struct buf reply = {0};
	struct call_status status;

	buf_init(&reply, 1000);
	assert_ok(call_unary(&o, PEER_ECHO, (const uint8_t *)"why?", 4, PATIENCE_MS, &reply, &status));
	assert_int_equal(reply.len, 4);
	assert_memory_equal(reply.data, "why?", 4);
	assert_int_equal(status.code, CALL_OK);
}

static void failures_of_a_question(void **state)
{
	struct call_options o = plain(*state);
	AUTO_BUF struct buf reply = {0};
	AUTO_FREE uint8_t *large = calloc(1, 5000);
	struct call_status status;

	buf_init(&reply, 1000);
	assert_err(call_unary(&o, "/t/Deny", NULL, 0, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_DENIED);
	assert_err(call_unary(&o, "/t/Silent", NULL, 0, 100, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_TIMEOUT);
	assert_err(call_unary(&o, PEER_ECHO, large, 5000, PATIENCE_MS, &reply, &status), EMSGSIZE);
	o.max_message = 4000;
	assert_err(call_unary(&o, PEER_ECHO, large, 5000, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_EXHAUSTED);
	assert_int_equal(reply.len, 0);
	o.address = "127.0.0.1:1";
	assert_err(call_unary(&o, PEER_ECHO, NULL, 0, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_UNAVAILABLE);
}

static int count(void *arg, const uint8_t *data UNUSED, size_t n UNUSED)
{
	int *left = arg;

	return --*left == 0 ? -ECANCELED : 0;
}

static void many_answers_to_one_question(void **state)
{
	struct call_options o = plain(*state);
	struct call_status status;
	int left = PEER_MANY + 5;

	assert_ok(call_stream(&o, "/t/Many", (const uint8_t *)"x", 1, 0, count, &left, &status));
	assert_int_equal(left, 5);
	assert_err(call_stream(&o, "/t/Many", (const uint8_t *)"x", 1, 0, count, &left, &status), ECANCELED);
}

static void a_question_asked_has_its_answers_as_they_come(void **state)
{
	struct call_options o = plain(*state);
	AUTO_CALL struct call *c = NULL;
	struct call_status status = {.code = -1};

	assert_ok(call_ask(&o, "/t/Many", (const uint8_t *)"go", 2, &c));
	for (int i = 0; i < PEER_MANY; i++) {
		AUTO_FREE uint8_t *data = NULL;
		char text[64];
		size_t n;

		(void)snprintf(text, sizeof(text), "message %d", i);
		data = receive_now(c, &n);
		assert_int_equal(n, strlen(text));
		assert_memory_equal(data, text, n);
	}
	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_OK);
	call_close(&c);
	/* An empty question is one too. */
	assert_ok(call_ask(&o, "/t/Deny", NULL, 0, &c));
	wait_until_closed(c, &status);
	assert_int_equal(status.code, CALL_DENIED);
	call_close(&c);
	assert_ok(call_ask(&o, "/t/Silent", NULL, 0, &c)); /* closed while nobody answers */
}

/* ---- many calls over one connection ---- */

static void a_line_takes_many_calls(void **state)
{
	struct call_options o = plain(*state);
	AUTO(call_line_close) struct call_line *l = NULL;
	AUTO_BUF struct buf reply = {0};
	struct call_status status;

	o.header = "x-some-header";
	o.header_value = "a,b";
	o.quiet = true;
	buf_init(&reply, 100000);
	assert_ok(call_line_open(&o, &l));
	for (size_t i = 0; i < 200; i++) {
		uint8_t data[5] = {(uint8_t)i, 1, 2, 3, 4};

		assert_ok(call_line_unary(l, PEER_ECHO, data, i % 5 + 1, PATIENCE_MS, &reply, &status));
		assert_int_equal(reply.len, i % 5 + 1);
		assert_int_equal(reply.data[0], (uint8_t)i);
	}
	assert_err(call_line_unary(l, "/t/Deny", NULL, 0, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_DENIED);
	assert_int_equal(reply.len, 0);
	assert_ok(call_line_unary(l, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, &status));
	call_line_close(&(struct call_line *){NULL});
}

static void patience_is_for_all_calls_together(void **state)
{
	struct call_options o = plain(*state);
	AUTO(call_line_close) struct call_line *l = NULL;
	AUTO_BUF struct buf reply = {0};
	struct call_status status;

	buf_init(&reply, 1000);
	assert_ok(call_line_open(&o, &l));
	call_line_patience(l, 200);
	assert_err(call_line_unary(l, "/t/Silent", NULL, 0, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_TIMEOUT);
	assert_err(call_line_unary(l, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_TIMEOUT);
	assert_string_equal(status.text, "no time is left to ask");
	call_line_patience(l, 0);
	assert_ok(call_line_unary(l, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, &status));
	/* A call's own deadline is kept, however much patience there is. */
	call_line_patience(l, PATIENCE_MS);
	assert_err(call_line_unary(l, "/t/Silent", NULL, 0, 100, &reply, &status), EREMOTEIO);
	assert_ok(call_line_unary(l, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, &status));
}

static void a_line_to_nobody(void **state UNUSED)
{
	struct call_options o = {.address = "unix:/nonexistent/socket", .insecure = true};
	AUTO(call_line_close) struct call_line *l = NULL;
	AUTO_BUF struct buf reply = {0};
	struct call_status status;
	char long_value[600];

	buf_init(&reply, 1000);
	assert_ok(call_line_open(&o, &l));
	assert_err(call_line_unary(l, PEER_ECHO, NULL, 0, PATIENCE_MS, &reply, &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_UNAVAILABLE);
	call_line_close(&l);
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = 0;
	o.header = "x";
	o.header_value = long_value;
	assert_err(call_line_open(&o, &l), EINVAL);
	o = (struct call_options){.insecure = true};
	assert_err(call_line_open(&o, &l), EINVAL);
}

/* ---- TLS ---- */

struct tls_scene {
	char folder[64];
	struct certs *ca, *other;
	struct rpc_tls *server_tls;
	struct peer *peer;
	struct tls_pems pems;
};

static void load(struct tls_scene *s, const char *ca, const char *pair, struct tls_pems *ret_pems)
{
	char paths[3][128], why[512];
	struct tls_files f = {paths[0], paths[1], paths[2]};

	(void)snprintf(paths[0], sizeof(paths[0]), "%s/%s.pem", s->folder, ca);
	(void)snprintf(paths[1], sizeof(paths[1]), "%s/%s.pem", s->folder, pair);
	(void)snprintf(paths[2], sizeof(paths[2]), "%s/%s.key", s->folder, pair);
	if (!*pair)
		f.cert = f.key = NULL;
	assert_ok(tls_check_files(&f, clock_wall_now(), ret_pems, why, sizeof(why)));
}

static int start_tls(void **state)
{
	struct tls_scene *s = calloc(1, sizeof(*s));
	char paths[3][128], why[512];

	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/why-call-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->ca = certs_new(s->folder, "ca");
	s->other = certs_new(s->folder, "other");
	certs_pair(s->ca, s->folder, "hub", "hub", "DNS:hub.test,IP:127.0.0.1", -60, 3600);
	certs_pair(s->ca, s->folder, "n1", "n1", "DNS:n1", -60, 3600);
	certs_pair(s->other, s->folder, "foreign", "n1", "DNS:n1", -60, 3600);
	(void)snprintf(paths[0], sizeof(paths[0]), "%s/ca.pem", s->folder);
	(void)snprintf(paths[1], sizeof(paths[1]), "%s/hub.pem", s->folder);
	(void)snprintf(paths[2], sizeof(paths[2]), "%s/hub.key", s->folder);
	assert_ok(rpc_tls_new(&(struct tls_files){paths[0], paths[1], paths[2]}, &s->server_tls, why, sizeof(why)));
	s->peer = peer_new(s->server_tls);
	*state = s;
	return 0;
}

static int stop_tls(void **state)
{
	struct tls_scene *s = *state;
	char command[96];

	peer_free(&s->peer);
	rpc_tls_free(&s->server_tls);
	certs_free(&s->ca);
	certs_free(&s->other);
	(void)snprintf(command, sizeof(command), "rm -r %s", s->folder);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

static int echo_over_tls(struct tls_scene *s, const char *ca, const char *pair, const char *server_name,
			 struct call_status *ret_status)
{
	AUTO(tls_pems_done) struct tls_pems pems = {0};
	struct call_options o = {.address = peer_address(s->peer), .tls = &pems, .server_name = server_name};
	AUTO_BUF struct buf reply = {0};

	buf_init(&reply, 100);
	load(s, ca, pair, &pems);
	return call_unary(&o, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, ret_status);
}

static void both_sides_show_certificates(void **state)
{
	struct call_status status;

	assert_ok(echo_over_tls(*state, "ca", "n1", NULL, &status)); /* by its IP address */
	assert_ok(echo_over_tls(*state, "ca", "n1", "hub.test", &status));
}

static void strangers_are_not_talked_to(void **state)
{
	struct tls_scene *s = *state;
	struct call_status status;
	struct call_options o = {.address = peer_address(s->peer), .insecure = true};
	AUTO_BUF struct buf reply = {0};

	assert_err(echo_over_tls(s, "ca", "n1", "evil.test", &status), EREMOTEIO);
	assert_int_equal(status.code, CALL_UNAVAILABLE);
	assert_non_null(strstr(status.text, "evil.test"));
	assert_err(echo_over_tls(s, "other", "foreign", NULL, &status), EREMOTEIO); /* we distrust the server */
	assert_err(echo_over_tls(s, "ca", "", NULL, &status), EREMOTEIO);           /* we show nothing */
	assert_int_equal(status.code, CALL_UNAVAILABLE);
	buf_init(&reply, 100);
	assert_err(call_unary(&o, PEER_ECHO, (const uint8_t *)"x", 1, PATIENCE_MS, &reply, &status), EREMOTEIO); /* no TLS */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_peer, stop_peer)
		TEST(messages_of_every_size_come_back_whole),
		TEST(a_deaf_peer_bounds_us),
		TEST(what_is_not_taken_waits_in_order),
		TEST(a_refusal_says_why),
		TEST(a_status_nobody_knows_does_no_harm),
		cmocka_unit_test(a_server_that_goes_is_noticed),
		cmocka_unit_test(nobody_there),
		TEST(closing_at_any_moment_is_clean),
		TEST(options_are_checked),
		TEST(a_question_and_its_answer),
		TEST(failures_of_a_question),
		TEST(many_answers_to_one_question),
		TEST(a_question_asked_has_its_answers_as_they_come),
		TEST(a_line_takes_many_calls),
		TEST(patience_is_for_all_calls_together),
		TEST(a_line_to_nobody),
		cmocka_unit_test_setup_teardown(both_sides_show_certificates, start_tls, stop_tls),
		cmocka_unit_test_setup_teardown(strangers_are_not_talked_to, start_tls, stop_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

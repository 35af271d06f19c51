// SPDX-License-Identifier: Apache-2.0
/* The exporter against a receiver on loopback that answers as a test wants; the loop and its time are the test's. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "exporters/exporter.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

extern const struct exporter exporter_webhook;

#define MAX_POSTS 64

/* One connection at a time, driven by the same loop. */
struct scene {
	int listener, port, peer;
	char url[64];
	struct export_env env;
	void *exporter;
	uint64_t skew;
	mono_ns_t next;
	char request[65536];
	size_t n_request;
	const int *answers; /* statuses, the last is repeated */
	size_t n_answers, n_posts;
	char *bodies[MAX_POSTS];
	char heads[MAX_POSTS][1024];
};

static void listen_on(struct scene *s, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t n = sizeof(a);
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
}

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->peer = -1;
	listen_on(s, 0);
	(void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/hook", s->port);
	s->env.webhook_url = s->url;
	assert_ok(exporter_webhook.open(&s->env, &s->exporter));
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	assert_ok(exporter_webhook.close(s->exporter, 0));
	cleanup_close(&s->peer);
	cleanup_close(&s->listener);
	for (size_t i = 0; i < s->n_posts; i++)
		free(s->bodies[i]);
	free(s);
	return 0;
}

/* Answers a request once it is whole. */
static void answer_request(struct scene *s)
{
	char *body = strstr(s->request, "\r\n\r\n"), *length = strcasestr(s->request, "Content-Length:"), reply[128];
	int status = s->answers[MIN_OF(s->n_posts, s->n_answers - 1)];

	if (!body || !length || s->n_request < (size_t)(body + 4 - s->request) + strtoul(length + 15, NULL, 10))
		return;
	assert_true(s->n_posts < MAX_POSTS);
	(void)snprintf(s->heads[s->n_posts], sizeof(s->heads[0]), "%.*s", (int)(body - s->request), s->request);
	s->bodies[s->n_posts++] = strdup(body + 4);
	(void)snprintf(reply, sizeof(reply),
		       "HTTP/1.1 %d X\r\nContent-Length: 2\r\nLocation: http://127.0.0.1:1/\r\n\r\nok", status);
	assert_int_equal(send(s->peer, reply, strlen(reply), MSG_NOSIGNAL), strlen(reply));
	s->n_request = 0;
}

static void serve(struct scene *s)
{
	ssize_t n;

	if (s->peer < 0)
		s->peer = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s->peer < 0)
		return;
	n = recv(s->peer, s->request + s->n_request, sizeof(s->request) - 1 - s->n_request, 0);
	if (n == 0) {
		cleanup_close(&s->peer);
		s->peer = -1;
		s->n_request = 0;
	}
	if (n <= 0)
		return;
	s->n_request += (size_t)n;
	s->request[s->n_request] = '\0';
	answer_request(s);
}

static void turn(struct scene *s)
{
	struct pollfd p = {exporter_webhook.event_fd(s->exporter), POLLIN, 0};

	(void)poll(&p, 1, 2);
	(void)exporter_webhook.pump(s->exporter, clock_mono_now() + s->skew, &s->next);
	serve(s);
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

static unsigned stat_of(struct scene *s, const char *name)
{
	struct wanted w = {name, 99999};

	exporter_webhook.stats(s->exporter, find_stat, &w);
	return (unsigned)w.value;
}

#define turn_until(s, condition)                                                                                       \
	do {                                                                                                           \
		int left_ = 3000;                                                                                      \
		while (!(condition) && left_-- > 0)                                                                    \
			turn(s);                                                                                       \
		assert_true(condition);                                                                                \
	} while (0)

static int put(struct scene *s, unsigned n, enum finding_state to)
{
	AUTO(finding_free) struct finding *f = made_finding(n, 2, to);

	return exporter_webhook.put_finding(s->exporter, f);
}

static void assert_text(json_t *object, const char *key, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), value);
}

static void a_finding_arrives_as_a_cloud_event(void **state)
{
	struct scene *s = *state;
	json_t *event;

	s->answers = (const int[]){204};
	s->n_answers = 1;
	assert_ok(put(s, 1, FINDING_OPEN));
	assert_ok(put(s, 1, FINDING_RESOLVED));
	turn_until(s, stat_of(s, "sent_total") == 2);
	assert_int_equal(strncmp(s->heads[0], "POST /hook HTTP/1.1\r\n", 21), 0);
	assert_non_null(strstr(s->heads[0], "Content-Type: application/cloudevents+json"));
	event = json_loads(s->bodies[0], 0, NULL);
	assert_non_null(event);
	assert_text(event, "specversion", "1.0");
	assert_text(event, "id", "fnd_00000000000000000000000001/2");
	assert_text(event, "source", "why://n1");
	assert_text(event, "type", "dev.why.finding.opened.v1");
	assert_text(event, "subject", "cpu/0");
	assert_text(event, "time", "2001-09-09T01:46:41.000000002Z");
	assert_text(event, "severity", "warning");
	assert_text(json_object_get(event, "data"), "rule", "cpu.test");
	json_decref(event);
	assert_non_null(strstr(s->bodies[1], "dev.why.finding.resolved.v1"));
}

static void what_cannot_be_taken_now_is_sent_again_in_order(void **state)
{
	struct scene *s = *state;

	s->answers = (const int[]){503, 429, 500, 200};
	s->n_answers = 4;
	assert_ok(put(s, 1, FINDING_OPEN));
	assert_ok(put(s, 2, FINDING_OPEN));
	for (unsigned failures = 1; failures <= 3; failures++) {
		turn_until(s, stat_of(s, "failures_total") == failures);
		for (int i = 0; i < 5; i++)
			turn(s);
		assert_int_equal(s->n_posts, failures); /* it waits */
		s->skew += 10 * NS_PER_S;
	}
	turn_until(s, stat_of(s, "sent_total") == 2);
	assert_int_equal(s->n_posts, 5);
	for (int i = 0; i < 4; i++)
		assert_string_equal(s->bodies[i], s->bodies[0]);
	assert_string_not_equal(s->bodies[4], s->bodies[0]);
}

static void what_is_refused_is_not_sent_again_nor_followed(void **state)
{
	struct scene *s = *state;

	s->answers = (const int[]){400, 302, 200};
	s->n_answers = 3;
	for (unsigned n = 1; n <= 3; n++)
		assert_ok(put(s, n, FINDING_OPEN));
	turn_until(s, stat_of(s, "sent_total") == 1);
	assert_int_equal(stat_of(s, "refused_total"), 2);
	assert_int_equal(s->n_posts, 3);
}

static void a_receiver_that_is_away_costs_a_bounded_queue(void **state)
{
	struct scene *s = *state;
	int r = 0;
	unsigned n = 0;

	s->answers = (const int[]){200};
	s->n_answers = 1;
	cleanup_close(&s->listener);
	while (r == 0 && n < 1000)
		r = put(s, ++n, FINDING_OPEN);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(n, 257);
	turn_until(s, stat_of(s, "failures_total") >= 1);
	listen_on(s, s->port);
	s->skew += 300 * NS_PER_S;
	turn_until(s, stat_of(s, "sent_total") > 20 && s->n_posts < MAX_POSTS);
	assert_int_equal(stat_of(s, "dropped_total"), 1);
	assert_int_equal(stat_of(s, "queued"), 256 - stat_of(s, "sent_total"));
}

static void on_trial_is_not_sent(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(1, 1, FINDING_OPEN);

	f->shadow = true;
	assert_ok(exporter_webhook.put_finding(s->exporter, f));
	assert_int_equal(stat_of(s, "queued"), 0);
}

static void addresses_are_checked(void **state UNUSED)
{
	struct export_env env = {.webhook_url = ""};
	void *exporter = NULL;

	assert_err(exporter_webhook.open(&env, &exporter), ENOENT);
	env.webhook_url = "file:///etc/passwd";
	assert_err(exporter_webhook.open(&env, &exporter), EINVAL);
	assert_null(exporter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)
		TEST(a_finding_arrives_as_a_cloud_event),
		TEST(what_cannot_be_taken_now_is_sent_again_in_order),
		TEST(what_is_refused_is_not_sent_again_nor_followed),
		TEST(a_receiver_that_is_away_costs_a_bounded_queue),
		TEST(on_trial_is_not_sent),
		cmocka_unit_test(addresses_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Real HTTP over loopback against the exporter, driven as the agent's loop drives it. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "exporters/exporter.h"
#include "exporters/spool.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

extern const struct exporter exporter_prometheus;

struct scene {
	char folder[64];
	struct metrics *metrics;
	struct graph *graph;
	struct spool *spool;
	struct export_env env;
	bool evaluated;
	void *exporter;
	mono_ns_t next;
	int port;
};

static void say_status(void *arg, struct export_status *ret_status)
{
	*ret_status = (struct export_status){.evaluated = ((struct scene *)arg)->evaluated, .dropped_events = 3};
}

static void say_stats(void *arg UNUSED,
		      void (*say)(void *say_arg, const char *subject, const char *name, double value, const char *help),
		      void *say_arg)
{
	say(say_arg, "hub_stream", "connects_total", 4, "connections");
}

static void find_port(void *arg, const char *name, double value, const char *help UNUSED)
{
	if (strcmp(name, "port") == 0)
		*(int *)arg = (int)value;
}

static void store_open_finding(struct scene *s)
{
	AUTO(finding_free) struct finding *f = made_finding(1, 1, FINDING_OPEN);

	assert_ok(spool_begin(s->spool));
	assert_ok(spool_put(s->spool, f, 1));
	assert_ok(spool_commit(s->spool));
}

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	char path[80];
	bool damaged;

	made_folder(s->folder);
	(void)snprintf(path, sizeof(path), "%s/spool.db", s->folder);
	assert_ok(spool_open(&(struct spool_options){.path = path, .max_records = 100, .max_bytes = 1 << 20},
			     &s->spool, &damaged));
	store_open_finding(s);
	assert_ok(metrics_new(&s->metrics));
	assert_ok(graph_new(100, "n1", &s->graph));
	s->env = (struct export_env){.metrics = s->metrics,
				     .graph = s->graph,
				     .spool = s->spool,
				     .version = "1.2",
				     .node = "n1",
				     .metrics_listen = "127.0.0.1:0",
				     .status = say_status,
				     .status_arg = s,
				     .stats = say_stats};
	assert_ok(exporter_prometheus.open(&s->env, &s->exporter));
	exporter_prometheus.stats(s->exporter, find_port, &s->port);
	assert_true(s->port > 0);
	assert_true(exporter_prometheus.event_fd(s->exporter) >= 0);
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	assert_ok(exporter_prometheus.close(s->exporter, 0));
	spool_close(&s->spool);
	graph_free(&s->graph);
	metrics_free(&s->metrics);
	made_folder_remove(s->folder);
	free(s);
	return 0;
}

static int dial(const struct scene *s)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* One turn of a loop: wait for either, or for the time that the exporter named; let it work. */
static void turn(struct scene *s, int fd)
{
	struct pollfd p[] = {{exporter_prometheus.event_fd(s->exporter), POLLIN, 0}, {fd, POLLIN, 0}};
	mono_ns_t now = clock_mono_now();
	int wait_ms = s->next > now ? (int)((s->next - now) / NS_PER_MS) + 1 : s->next ? 0 : 1000;

	(void)poll(p, 2, MIN_OF(wait_ms, 1000));
	assert_ok(exporter_prometheus.pump(s->exporter, clock_mono_now(), &s->next));
}

/* The whole answer to one request; the server closes. */
static char *ask(struct scene *s, const char *request)
{
	static char answer[65536];
	AUTO_CLOSE int fd = dial(s);
	size_t n = 0;
	int turns = 0;

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	for (;;) {
		ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, MSG_DONTWAIT);

		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
		else
			turn(s, fd);
		assert_true(++turns < 1000);
	}
	answer[n] = '\0';
	return answer;
}

static char *get(struct scene *s, const char *path, const char *header)
{
	char request[256];

	(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path, header);
	return ask(s, request);
}

static void metrics_are_served(void **state)
{
	struct scene *s = *state;
	const char *text = get(s, "/metrics", "");

	assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
	assert_non_null(strstr(text, "text/plain; version=0.0.4"));
	assert_non_null(strstr(text, "why_agent{version=\"1.2\"} 1\n"));
	assert_non_null(strstr(text, "why_hub_stream_connects_total 4\n"));
	assert_non_null(strstr(text, "why_agent_dropped_events_total 3\n"));
	assert_non_null(strstr(text, "why_findings_open{rule=\"cpu.test\",severity=\"warning\"} 1\n")); /* of the spool */
	assert_null(strstr(text, "# EOF"));
}

static void openmetrics_for_who_asks(void **state)
{
	struct scene *s = *state;
	const char *text = get(s, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");

	assert_non_null(strstr(text, "application/openmetrics-text; version=1.0.0"));
	assert_non_null(strstr(text, "# TYPE why_hub_stream_connects counter\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void a_finding_that_resolves_is_gone(void **state)
{
	struct scene *s = *state;
	AUTO(finding_free) struct finding *f = made_finding(1, 2, FINDING_RESOLVED);

	assert_ok(exporter_prometheus.put_finding(s->exporter, f));
	assert_null(strstr(get(s, "/metrics", ""), "why_findings_open{"));
}

static void health_and_readiness(void **state)
{
	struct scene *s = *state;

	assert_int_equal(strncmp(get(s, "/healthz", ""), "HTTP/1.1 200 ", 13), 0);
	assert_int_equal(strncmp(get(s, "/readyz", ""), "HTTP/1.1 503 ", 13), 0);
	s->evaluated = true;
	assert_int_equal(strncmp(get(s, "/readyz", ""), "HTTP/1.1 200 ", 13), 0);
}

static void nothing_else(void **state)
{
	struct scene *s = *state;
	const char *post = "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd";

	assert_int_equal(strncmp(get(s, "/../etc/passwd", ""), "HTTP/1.1 404 ", 13), 0);
	assert_int_equal(strncmp(ask(s, post), "HTTP/1.1 405 ", 13), 0);
	assert_int_equal(strncmp(ask(s, "\x01\x02 nonsense\r\n\r\n"), "HTTP/1.1 4", 10), 0);
}

static void many_connections_do_not_keep_others_out_for_ever(void **state)
{
	struct scene *s = *state;
	int idle[16];

	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		idle[i] = dial(s);
		turn(s, idle[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(idle); i++)
		(void)close(idle[i]);
	assert_int_equal(strncmp(get(s, "/healthz", ""), "HTTP/1.1 200 ", 13), 0);
}

static void addresses_are_checked(void **state)
{
	struct scene *s = *state;
	struct export_env env = s->env;
	char taken[32];
	void *other = NULL;

	env.metrics_listen = "";
	assert_err(exporter_prometheus.open(&env, &other), ENOENT);
	env.metrics_listen = "off";
	assert_err(exporter_prometheus.open(&env, &other), ENOENT);
	env.metrics_listen = "localhost:1";
	assert_err(exporter_prometheus.open(&env, &other), EINVAL);
	env.metrics_listen = "127.0.0.1:99999";
	assert_err(exporter_prometheus.open(&env, &other), EINVAL);
	(void)snprintf(taken, sizeof(taken), "127.0.0.1:%d", s->port);
	env.metrics_listen = taken;
	assert_err(exporter_prometheus.open(&env, &other), EADDRINUSE);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, drop_scene)
		TEST(metrics_are_served),
		TEST(openmetrics_for_who_asks),
		TEST(a_finding_that_resolves_is_gone),
		TEST(health_and_readiness),
		TEST(nothing_else),
		TEST(many_connections_do_not_keep_others_out_for_ever),
		TEST(addresses_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* In a network namespace of its own, so that the port is free: a server of a few lines that answers as upstream 0.8
 * does. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "runtimes/npd_text.h"
#include "tests/collectors/harness.h"

extern const struct collector collector_npd;

#define HEAD                                                                                                           \
	"# HELP problem_counter Number of times a specific type of problem have occurred.\n# TYPE problem_counter "    \
	"counter\n"                                                                                                    \
	"problem_counter{reason=\"OOMKilling\"} 2\n"                                                                   \
	"# HELP problem_gauge Whether a specific type of problem is affecting the node or not.\n# TYPE problem_gauge " \
	"gauge\n"

static const char quiet[] = HEAD "problem_gauge{reason=\"DockerHung\",type=\"KernelDeadlock\"} 0\n"
				 "problem_gauge{reason=\"FilesystemIsReadOnly\",type=\"ReadonlyFilesystem\"} 0\n";
static const char troubled[] = HEAD "problem_gauge{reason=\"DockerHung\",type=\"KernelDeadlock\"} 1\n"
				    "problem_gauge{reason=\"FilesystemIsReadOnly\",type=\"ReadonlyFilesystem\"} 0\n"
				    "problem_gauge{reason=\"VMEventScheduled\",type=\"VMEventScheduled\"} 1\n";

/* ---- texts ---- */

static void read_in(struct npd_text *t, const char *text, size_t piece)
{
	npd_text_init(t);
	for (size_t at = 0, n = strlen(text); at < n; at += piece)
		npd_text_put(t, text + at, MIN_OF(piece, n - at));
	npd_text_end(t);
}

static void test_text(void **unused)
{
	(void)unused;
	struct npd_text t;
	for (size_t piece = 1; piece < 40; piece += 3) {
		read_in(&t, troubled, piece);
		assert_int_equal(t.n, 3);
		assert_string_equal(t.conditions[0].type, "KernelDeadlock");
		assert_string_equal(t.conditions[0].reason, "DockerHung");
		assert_true(t.conditions[0].holds);
		assert_false(t.conditions[1].holds);
	}
}

static void test_hostile_text(void **unused)
{
	(void)unused;
	static const char *const bad[] = {
		"problem_gauge",
		"problem_gauge{",
		"problem_gauge{}",
		"problem_gauge{} 1",
		"problem_gauge{type=\"x\"",
		"problem_gauge{type=\"x\"}",
		"problem_gauge{type=\"x\"} nan",
		"problem_gauge{type=\"x} 1",
		"problem_gauge{type=x} 1",
		"problem_gauge{type} 1",
		"problem_gauge{type=\"\\",
		"problem_gauge_other{type=\"x\"} 1",
		"{\"json\":1}",
		"\n\n\n",
	};
	struct npd_text t;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		read_in(&t, bad[i], 5);
		if (t.n)
			fail_msg("taken: %s", bad[i]);
	}
	read_in(&t, "problem_gauge{type=\"a\\\"b\\\\c\",x=\"}\",reason=\"r\"} 1 1700000000000\r\n", 7);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.conditions[0].type, "a\"b\\c");
	AUTO_FREE char *text = calloc(1, 40000);
	char *p = text;
	p += snprintf(p, 64, "problem_gauge{type=\"");
	memset(p, 'x', 2000);
	p += 2000;
	p += snprintf(p, 64, "\"} 1\n");
	for (unsigned i = 0; i < 100; i++)
		p += snprintf(p, 64, "problem_gauge{type=\"t%u\",reason=\"r\"} 1\n", i);
	read_in(&t, text, 100);
	assert_int_equal(t.n, NPD_MAX_CONDITIONS); /* the long line is none of them */
	assert_int_equal(t.n_left_out, 100 - NPD_MAX_CONDITIONS);
	assert_string_equal(t.conditions[0].type, "t0");
}

/* ---- the wire ---- */

static pid_t server;

static int serve(const char *text, unsigned uid)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(20257),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (setsockopt(port, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 || (uid && setuid(uid) < 0))
		return 1;
	if (uid) { /* the socket's owner is whoever made it */
		close(port);
		port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (bind(port, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(port, 5) < 0)
		return 2;
	for (;;) {
		char request[2048], head[128];
		int c = accept4(port, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0 || read(c, request, sizeof(request)) <= 0)
			return 3;
		if (text) {
			snprintf(head, sizeof(head),
				 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", strlen(text));
			(void)!write(c, head, strlen(head));
			(void)!write(c, text, strlen(text));
		} else {
			sleep(30);
		}
		close(c);
	}
}

static void end_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

static void start_server(const char *text, unsigned uid)
{
	end_server();
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(serve(text, uid));
	}
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(20257),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (unsigned i = 0; i < 300; i++) {
		FILE *f = fopen("/proc/net/tcp", "re");
		char line[256];
		bool there = false;
		while (fgets(line, sizeof(line), f))
			there |= strstr(line, "0100007F:4F21 00000000:0000 0A") != NULL;
		fclose(f);
		if (there)
			return;
		usleep(10000);
	}
	(void)a;
	fail_msg("the server does not listen");
}

static bool own_network(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	AUTO_CLOSE int fd = -1;
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

static const char *npd_attr(struct harness *h)
{
	return graph_attr(h->graph, graph_node(h->graph), "npd");
}

static const char *unresolved(struct harness *h)
{
	entity_id self = graph_find(h->graph, ENTITY_COLLECTOR, "npd");
	return self == ENTITY_NONE ? NULL : graph_attr(h->graph, self, "unresolved");
}

static void test_conditions_come_and_go(void **unused)
{
	(void)unused;
	if (!own_network()) {
		print_message("skipped: no network namespace can be made here\n");
		skip();
	}
	struct harness *h = harness_open(&collector_npd, NULL);
	assert_err(harness_probe(h), ENODEV);
	start_server(quiet, 0);
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "npd.problems") == 0);
	assert_null(npd_attr(h));
	start_server(troubled, 0);
	assert_ok(harness_collect(h, 11 * NS_PER_S));
	assert_true(harness_node(h, "npd.problems") == 2);
	assert_string_equal(npd_attr(h), "KernelDeadlock (DockerHung), VMEventScheduled (VMEventScheduled)");
	assert_int_equal(harness_events(h, "npd.problem"), 2);
	assert_string_equal(harness_text(h, harness_event(h, "npd.problem", 0), "type"), "KernelDeadlock");
	assert_ok(harness_collect(h, 21 * NS_PER_S));
	assert_int_equal(harness_events(h, "npd.problem"), 0); /* said once */
	start_server(quiet, 0);
	assert_ok(harness_collect(h, 31 * NS_PER_S));
	assert_null(npd_attr(h));
	start_server("<html>no metrics</html>", 0);
	assert_ok(harness_collect(h, 41 * NS_PER_S));
	assert_false(harness_has(h, "npd.problems", ENTITY_NODE, HARNESS_NODE)); /* no word is not "no problem" */
	assert_non_null(strstr(unresolved(h), "its answer holds no conditions"));
	end_server();
	assert_ok(harness_collect(h, 51 * NS_PER_S));
	assert_false(harness_has(h, "npd.problems", ENTITY_NODE, HARNESS_NODE));
	assert_non_null(strstr(unresolved(h), "nobody of root's listens"));
	harness_close(&h);
}

/* Anybody may listen on that port. */
static void test_only_root_is_believed(void **unused)
{
	(void)unused;
	if (!own_network())
		skip();
	struct harness *h = harness_open(&collector_npd, NULL);
	start_server(troubled, 65534);
	assert_err(harness_probe(h), ENODEV);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_null(npd_attr(h));
	/* Nor when root listens on the same port of another address. */
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(20257),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	AUTO_CLOSE int port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_ok(bind(port, (struct sockaddr *)&a, sizeof(a)));
	assert_ok(listen(port, 5));
	assert_err(harness_probe(h), ENODEV);
	assert_ok(harness_collect(h, 11 * NS_PER_S));
	assert_null(npd_attr(h));
	end_server();
	harness_close(&h);
}

static void test_one_that_hangs(void **unused)
{
	(void)unused;
	if (!own_network())
		skip();
	struct harness *h = harness_open(&collector_npd, NULL);
	start_server(NULL, 0);
	for (unsigned i = 0; i < 100 && !unresolved(h); i++)
		assert_ok(harness_collect(h, (1 + i) * NS_PER_S));
	assert_string_equal(unresolved(h), "conditions of the node: node-problem-detector: it does not answer in time");
	end_server();
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_conditions_come_and_go),
		cmocka_unit_test(test_only_root_is_believed),
		cmocka_unit_test(test_one_that_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

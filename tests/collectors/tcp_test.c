/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_tcp;

static void rest(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	(void)inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

/* A listening socket on a free port of the loopback. */
static int listen_on(const char *ip, uint16_t port, int backlog, uint16_t *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = address(ip, port);
	socklen_t n = sizeof(a);

	if (fd < 0 || bind(fd, (void *)&a, sizeof(a)) < 0 || listen(fd, backlog) < 0 ||
	    getsockname(fd, (void *)&a, &n) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	if (ret_port)
		*ret_port = ntohs(a.sin_port);
	return fd;
}

static uint16_t closed_port(void)
{
	uint16_t port = 0;
	AUTO_CLOSE int fd = listen_on("127.0.0.1", 0, 1, &port);

	assert_true(fd >= 0);
	return port;
}

static int connect_body(void *arg)
{
	struct sockaddr_in a = address("127.0.0.1", *(uint16_t *)arg);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (void *)&a, sizeof(a)) < 0 ? errno : 0;
}

static void a_refused_connection_names_peer_and_caller(void **state)
{
	struct harness *h = scene_harness(&collector_tcp);
	uint16_t port = closed_port();
	char key[64];

	(void)state;
	(void)snprintf(key, sizeof(key), "127.0.0.1:%u", port);
	pid_t pid = scene_spawn("tc-caller", connect_body, &port);
	const struct event *e = scene_await(h, "link.tcp.connect_failed", key);
	assert_non_null(e);
	assert_int_equal(e->code, ECONNREFUSED);
	assert_string_equal(harness_text(h, e, "errno_name"), "ECONNREFUSED");
	assert_string_equal(harness_text(h, e, "comm"), "tc-caller");
	assert_true(harness_number(h, e, "pid") == pid);
	assert_string_equal(harness_text(h, e, "peer"), "127.0.0.1");
	assert_true(harness_number(h, e, "port") == port);
	assert_non_null(harness_text(h, e, "cgroup"));
	assert_int_equal(WEXITSTATUS(scene_wait(pid)), ECONNREFUSED);
	harness_close(&h);
}

static int connect6_body(void *arg)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(*(uint16_t *)arg),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	return connect(fd, (void *)&a, sizeof(a)) < 0 ? errno : 0;
}

static void ipv6_is_named_in_brackets(void **state)
{
	struct harness *h = scene_harness(&collector_tcp);
	uint16_t port = closed_port();
	char key[64];

	(void)state;
	(void)snprintf(key, sizeof(key), "[::1]:%u", port);
	pid_t pid = scene_spawn("tc-six", connect6_body, &port);
	if (WEXITSTATUS(scene_wait(pid)) != ECONNREFUSED) {
		harness_close(&h);
		skip(); /* no IPv6 here */
	}
	const struct event *e = scene_await(h, "link.tcp.connect_failed", key);
	assert_non_null(e);
	assert_string_equal(harness_text(h, e, "peer"), "::1");
	harness_close(&h);
}

static void a_full_accept_queue_is_seen(void **state)
{
	struct harness *h = scene_harness(&collector_tcp);
	int callers[6];
	uint16_t port;
	char key[64];

	(void)state;
	AUTO_CLOSE int fd = listen_on("127.0.0.1", 0, 2, &port);
	assert_true(fd >= 0);
	(void)snprintf(key, sizeof(key), "tcp:127.0.0.1:%u", port);
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	assert_true(harness_value(h, "socket.tcp.accept_queue", ENTITY_SOCKET, key) == 0);
	assert_true(harness_value(h, "socket.tcp.accept_queue_limit", ENTITY_SOCKET, key) == 2);
	double drops = harness_value(h, "socket.tcp.listen_drops", ENTITY_SOCKET, key);
	struct sockaddr_in a = address("127.0.0.1", port);
	for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
		callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(callers[i], (void *)&a, sizeof(a));
	}
	rest(200);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_value(h, "socket.tcp.accept_queue", ENTITY_SOCKET, key) >= 2);
	assert_true(harness_value(h, "socket.tcp.accept_queue_ratio", ENTITY_SOCKET, key) == 1);
	assert_true(harness_value(h, "socket.tcp.listen_drops", ENTITY_SOCKET, key) > drops);
	/* Now its process is worth an entity, and uses the socket. */
	entity_id socket_id = graph_find(h->graph, ENTITY_SOCKET, key), owner = ENTITY_NONE;
	assert_int_equal(graph_neighbours(h->graph, socket_id, true, ENTITY_PROCESS, &owner, 1), 1);
	char pid_text[16];
	(void)snprintf(pid_text, sizeof(pid_text), "%d", getpid());
	assert_string_equal(graph_attr(h->graph, owner, "pid"), pid_text);
	/* Closed: gone in the next round. */
	(void)close(TAKE_FD(fd));
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_true(graph_is_gone(h->graph, socket_id, NULL));
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		(void)close(callers[i]);
	harness_close(&h);
}

static void a_listener_from_before_is_found_with_its_owner(void **state)
{
	uint16_t port;
	char key[64], comm[16] = "", pid_text[16];

	(void)state;
	AUTO_CLOSE int fd = listen_on("127.0.0.1", 0, 7, &port);
	assert_true(fd >= 0);
	struct harness *h = scene_harness(&collector_tcp);
	(void)snprintf(key, sizeof(key), "tcp:127.0.0.1:%u", port);
	(void)snprintf(pid_text, sizeof(pid_text), "%d", getpid());
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	assert_true(harness_value(h, "socket.tcp.accept_queue_limit", ENTITY_SOCKET, key) == 7);
	entity_id id = graph_find(h->graph, ENTITY_SOCKET, key);
	assert_string_equal(graph_attr(h->graph, id, "pid"), pid_text);
	FILE *f = fopen("/proc/self/comm", "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%15s", comm), 1);
	(void)fclose(f);
	assert_string_equal(graph_attr(h->graph, id, "comm"), comm);
	harness_close(&h);
}

/* ---- two network namespaces and a wire between them ---- */

struct wire {
	char client[32], server[32];
	bool up;
};

static int shell(const char *fmt, const char *a, const char *b)
{
	char command[512];

	(void)snprintf(command, sizeof(command), fmt, a, b);
	(void)strncat(command, " >/dev/null 2>&1", sizeof(command) - strlen(command) - 1);
	return system(command);
}

static struct wire wire;

static int wire_down(void **state)
{
	(void)state;
	if (wire.client[0])
		(void)shell("ip netns del %s; ip netns del %s", wire.client, wire.server);
	memset(&wire, 0, sizeof(wire));
	return 0;
}

static struct wire wire_up(void)
{
	struct wire w = { .up = false };

	(void)snprintf(w.client, sizeof(w.client), "whyc%d", getpid());
	(void)snprintf(w.server, sizeof(w.server), "whys%d", getpid());
	w.up = shell("ip netns add %s && ip netns add %s", w.client, w.server) == 0 &&
	       shell("ip -n %s link add v0 type veth peer name v1 netns %s", w.client, w.server) == 0 &&
	       shell("ip -n %1$s addr add 10.97.1.1/24 dev v0 && ip -n %1$s addr add 10.97.2.1/24 dev v0 && "
		     "ip -n %1$s link set v0 up", w.client, "") == 0 &&
	       shell("ip -n %1$s addr add 10.97.1.2/24 dev v1 && ip -n %1$s addr add 10.97.2.2/24 dev v1 && "
		     "ip -n %1$s link set v1 up", w.server, "") == 0 &&
	       shell("ip netns exec %1$s nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; "
		     "add rule ip t in ip daddr 10.97.1.2 tcp dport 9000 numgen inc mod 8 == 5 drop; "
		     "add rule ip t in tcp dport 9009 drop'", w.server, "") == 0;
	wire = w;
	return w;
}

static bool enter(const char *netns)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/run/netns/%s", netns);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
}

static int swallow_body(void *arg)
{
	static char data[65536];

	if (!enter(((struct wire *)arg)->server))
		return 1;
	int fd = listen_on("0.0.0.0", 9000, 16, NULL);
	if (fd < 0)
		return 2;
	for (;;) {
		int one = accept(fd, NULL, NULL);
		if (one >= 0 && fork() == 0) {
			while (read(one, data, sizeof(data)) > 0)
				;
			_exit(0);
		}
		(void)close(one);
	}
}

static int send_to(const char *ip, size_t bytes)
{
	static char data[65536];
	struct sockaddr_in a = address(ip, 9000);
	int fd = socket(AF_INET, SOCK_STREAM, 0), small = 1000;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &small, sizeof(small));
	for (int i = 0; connect(fd, (void *)&a, sizeof(a)) < 0; i++) {
		if (i > 50)
			return -1;
		rest(50);
	}
	while (bytes > 0) {
		ssize_t n = write(fd, data, MIN_OF(bytes, sizeof(data)));
		if (n <= 0)
			return -1;
		bytes -= (size_t)n;
	}
	return fd;
}

static bool all_arrived(int fd)
{
	int unacked = 1;

	for (int i = 0; i < 400 && unacked; i++) {
		if (ioctl(fd, SIOCOUTQ, &unacked) < 0)
			return false;
		rest(50);
	}
	return unacked == 0;
}

static int send_body(void *arg)
{
	if (!enter(((struct wire *)arg)->client))
		return 1;
	int lossy = send_to("10.97.1.2", 400000), clean = send_to("10.97.2.2", 400000);
	if (lossy < 0 || clean < 0)
		return 2;
	if (!all_arrived(lossy) || !all_arrived(clean))
		return 3;
	(void)close(lossy); /* one is read when it closes, the other by the iterator */
	(void)raise(SIGSTOP);
	return 0;
}

static void loss_is_blamed_on_the_lossy_peer_only(void **state)
{
	struct wire w = wire_up();
	int status;

	(void)state;
	if (!w.up) {
		print_message("skipped: no namespaces, veth or nft here\n");
		skip();
	}
	struct harness *h = scene_harness(&collector_tcp);
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	pid_t server = scene_spawn("tc-server", swallow_body, &w), client = scene_spawn("tc-client", send_body, &w);
	assert_int_equal(waitpid(client, &status, WUNTRACED), client);
	assert_true(WIFSTOPPED(status));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	double lossy = harness_value(h, "link.tcp.retransmit_ratio", ENTITY_LINK, "10.97.1.2");
	double clean = harness_value(h, "link.tcp.retransmit_ratio", ENTITY_LINK, "10.97.2.2");
	double sent = harness_value(h, "link.tcp.segments_out", ENTITY_LINK, "10.97.1.2");
	double again = harness_value(h, "link.tcp.retransmits", ENTITY_LINK, "10.97.1.2");
	assert_true(lossy > 0.02 && lossy < 0.6);
	assert_true(fabs(lossy - again / sent) < 1e-9);
	/* A busy machine may send a tail again for nothing; loss it is not. */
	assert_true(clean < lossy / 3);
	assert_true(sent >= 390);
	assert_true(harness_value(h, "link.tcp.segments_out", ENTITY_LINK, "10.97.2.2") >= 390);
	assert_true(harness_value(h, "link.tcp.rtt", ENTITY_LINK, "10.97.2.2") > 0);
	assert_true(harness_node(h, "node.tcp.lossy_peers") >= 1);
	assert_true(harness_node(h, "node.tcp.active_peers") >= 2);
	assert_true(harness_node(h, "node.tcp.retransmit_ratio") > 0);
	/* The server listens in a namespace of its own. */
	char path[64], key[96];
	struct stat ns;
	(void)snprintf(path, sizeof(path), "/run/netns/%s", w.server);
	assert_ok(stat(path, &ns));
	(void)snprintf(key, sizeof(key), "tcp:0.0.0.0:9000@%lu", (unsigned long)ns.st_ino);
	assert_true(harness_has(h, "socket.tcp.accept_queue", ENTITY_SOCKET, key));
	assert_string_equal(graph_attr(h->graph, graph_find(h->graph, ENTITY_SOCKET, key), "comm"), "tc-server");
	(void)scene_end(client);
	(void)scene_end(server);
	harness_close(&h);
}

static int wait_body(void *arg)
{
	struct sockaddr_in a = address("10.97.1.2", 9009);
	int fd = socket(AF_INET, SOCK_STREAM, 0), once = 1;

	if (!enter(((struct wire *)arg)->client))
		return 1;
	(void)close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once));
	return connect(fd, (void *)&a, sizeof(a)) < 0 ? errno : 0;
}

static int give_up_body(void *arg)
{
	struct sockaddr_in a = address("10.97.2.2", 9009);

	if (!enter(((struct wire *)arg)->client))
		return 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(fd, (void *)&a, sizeof(a));
	rest(1500);
	return close(fd);
}

/* Ports for nobody: the range has one, and it is taken. */
static int no_port_body(void *arg)
{
	struct sockaddr_in a = address("10.97.1.2", 9000);
	char one[] = "45000 45000";

	if (!enter(((struct wire *)arg)->client))
		return 1;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "we");
	if (!f || fputs(one, f) < 0 || fclose(f) != 0)
		return 2;
	int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	for (int i = 0; connect(first, (void *)&a, sizeof(a)) < 0; i++) {
		if (i > 50)
			return 3;
		rest(50);
	}
	return connect(second, (void *)&a, sizeof(a)) < 0 ? errno : 0;
}

static void no_local_port_left_is_told(void **state)
{
	struct wire w = wire_up();

	(void)state;
	if (!w.up) {
		print_message("skipped: no namespaces, veth or nft here\n");
		skip();
	}
	struct harness *h = scene_harness(&collector_tcp);
	pid_t server = scene_spawn("tc-server", swallow_body, &w), client = scene_spawn("tc-portless", no_port_body, &w);
	const struct event *e = scene_await(h, "link.tcp.connect_failed", "10.97.1.2:9000");
	while (e && e->code == ECONNREFUSED) /* the server was not ready */
		e = scene_await(h, "link.tcp.connect_failed", "10.97.1.2:9000");
	assert_non_null(e);
	assert_int_equal(e->code, EADDRNOTAVAIL);
	assert_string_equal(harness_text(h, e, "comm"), "tc-portless");
	assert_int_equal(WEXITSTATUS(scene_wait(client)), EADDRNOTAVAIL);
	(void)scene_end(server);
	harness_close(&h);
}

static int fill_body(void *arg)
{
	static char data[65536];
	struct sockaddr_in a = address("127.0.0.1", *(uint16_t *)arg);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (void *)&a, sizeof(a)) < 0)
		return 1;
	while (write(fd, data, sizeof(data)) > 0)
		;
	return 0;
}

static void a_peer_that_does_not_read_is_counted(void **state)
{
	struct harness *h = scene_harness(&collector_tcp);
	uint16_t port;
	double closed = 0;

	(void)state;
	AUTO_CLOSE int fd = listen_on("127.0.0.1", 0, 4, &port);
	assert_true(fd >= 0);
	pid_t client = scene_spawn("tc-filler", fill_body, &port);
	for (mono_ns_t tick = 1; tick < 15 && !closed; tick++) {
		rest(1000);
		assert_ok(harness_collect(h, tick * NS_PER_S));
		if (harness_has(h, "link.tcp.closed_windows", ENTITY_LINK, "127.0.0.1"))
			closed = harness_value(h, "link.tcp.closed_windows", ENTITY_LINK, "127.0.0.1");
	}
	assert_true(closed == 1);
	assert_true(harness_value(h, "link.tcp.stuck_long", ENTITY_LINK, "127.0.0.1") == 0);
	(void)scene_end(client);
	harness_close(&h);
}

static int vanish_body(void *arg)
{
	if (!enter(((struct wire *)arg)->client))
		return 1;
	int fd = send_to("10.97.2.2", 100);
	if (fd < 0 || !all_arrived(fd) ||
	    shell("ip netns exec %s nft 'add rule ip t in tcp dport 9000 meta length > 900 drop'",
		  ((struct wire *)arg)->server, "") != 0)
		return 2;
	(void)send_to("10.97.2.2", 1000);
	return scene_sleep(NULL);
}

static void a_long_segment_that_never_arrives_is_stuck(void **state)
{
	struct wire w = wire_up();
	double stuck = 0;

	(void)state;
	if (!w.up) {
		print_message("skipped: no namespaces, veth or nft here\n");
		skip();
	}
	struct harness *h = scene_harness(&collector_tcp);
	pid_t server = scene_spawn("tc-server", swallow_body, &w), client = scene_spawn("tc-client", vanish_body, &w);
	for (mono_ns_t tick = 1; tick < 20 && !stuck; tick++) {
		rest(1000);
		assert_ok(harness_collect(h, tick * NS_PER_S));
		if (harness_has(h, "link.tcp.stuck_short", ENTITY_LINK, "10.97.2.2"))
			stuck = harness_value(h, "link.tcp.stuck_short", ENTITY_LINK, "10.97.2.2");
	}
	/* 988 bytes: what TCP_MAXSEG of 1000 leaves. */
	assert_true(stuck == 1);
	assert_true(harness_value(h, "link.tcp.stuck_long", ENTITY_LINK, "10.97.2.2") == 0);
	double bytes = harness_value(h, "link.tcp.stuck_bytes", ENTITY_LINK, "10.97.2.2");
	assert_true(bytes > 900 && bytes < 1000);
	(void)scene_end(client);
	(void)scene_end(server);
	harness_close(&h);
}

static void silence_is_a_timeout_or_a_program_that_gave_up(void **state)
{
	struct wire w = wire_up();

	(void)state;
	if (!w.up) {
		print_message("skipped: no namespaces, veth or nft here\n");
		skip();
	}
	struct harness *h = scene_harness(&collector_tcp);
	pid_t impatient = scene_spawn("tc-impatient", give_up_body, &w), patient = scene_spawn("tc-patient", wait_body, &w);
	const struct event *e = scene_await(h, "link.tcp.connect_failed", "10.97.2.2:9009");
	assert_non_null(e);
	assert_int_equal(e->code, ECANCELED);
	assert_string_equal(harness_text(h, e, "comm"), "tc-impatient");
	assert_true(harness_number(h, e, "tried") > 1e9);
	e = scene_await(h, "link.tcp.connect_failed", "10.97.1.2:9009");
	assert_non_null(e);
	assert_int_equal(e->code, ETIMEDOUT);
	assert_string_equal(harness_text(h, e, "comm"), "tc-patient");
	(void)scene_wait(impatient);
	(void)scene_wait(patient);
	harness_close(&h);
}

static void say_check(void *arg, const char *hook, int error, const char *reason)
{
	if (error)
		print_message("hook %s: %d %s\n", hook, error, reason);
	assert_int_equal(error, 0);
	(*(int *)arg)++;
}

static void all_hooks_load_here(void **state)
{
	struct harness *h = scene_harness(&collector_tcp);
	int n = 0;

	(void)state;
	collector_tcp.hooks(h->state, say_check, &n);
	assert_int_equal(n, 6);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_connection_names_peer_and_caller),
		cmocka_unit_test(ipv6_is_named_in_brackets),
		cmocka_unit_test(a_full_accept_queue_is_seen),
		cmocka_unit_test(a_listener_from_before_is_found_with_its_owner),
		cmocka_unit_test_teardown(loss_is_blamed_on_the_lossy_peer_only, wire_down),
		cmocka_unit_test_teardown(silence_is_a_timeout_or_a_program_that_gave_up, wire_down),
		cmocka_unit_test_teardown(no_local_port_left_is_told, wire_down),
		cmocka_unit_test(a_peer_that_does_not_read_is_counted),
		cmocka_unit_test_teardown(a_long_segment_that_never_arrives_is_stuck, wire_down),
		cmocka_unit_test(all_hooks_load_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

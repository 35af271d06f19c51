// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

#define FIXTURES "tests/collectors/fixtures/"

extern const struct collector collector_netdev;

static double nic(struct harness *h, const char *metric, const char *name)
{
	return harness_value(h, metric, ENTITY_NIC, name);
}

static const char *nic_type(struct harness *h, const char *name)
{
	const char *type = graph_attr(h->graph, graph_find(h->graph, ENTITY_NIC, name), "type");
	return type ? type : "none";
}

static void test_fixture(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_netdev, FIXTURES "v2");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(nic(h, "nic.rx_bytes", "eth2") == 18446744073709551615.0);
	assert_true(nic(h, "nic.rx_packets", "eth2") == 1000);
	assert_true(nic(h, "nic.rx_errors", "eth2") == 40);
	assert_true(nic(h, "nic.rx_dropped", "eth2") == 13);
	assert_true(nic(h, "nic.tx_bytes", "eth2") == 5000);
	assert_true(nic(h, "nic.tx_packets", "eth2") == 60);
	assert_true(nic(h, "nic.tx_errors", "eth2") == 7);
	assert_true(nic(h, "nic.tx_dropped", "eth2") == 8);
	assert_true(nic(h, "nic.carrier_changes", "eth2") == 5);
	assert_true(nic(h, "nic.link", "eth2") == 0); /* lowerlayerdown */
	assert_true(nic(h, "nic.speed_bytes", "eth2") == 12.5e9);
	/* A bridge is down when no container is left: no cable is to blame. */
	assert_true(nic(h, "nic.link", "docker0") == 0);
	assert_string_equal(nic_type(h, "docker0"), "bridge");
	assert_string_equal(nic_type(h, "eth2"), "device");
	assert_string_equal(nic_type(h, "lo"), "virtual");
	assert_false(harness_has(h, "nic.link", ENTITY_NIC, "lo")); /* "unknown" is neither */
	assert_false(harness_has(h, "nic.speed_bytes", ENTITY_NIC, "lo"));
	assert_true(harness_node(h, "node.net.softnet_dropped") == 17);
	assert_true(harness_node(h, "node.net.softnet_squeezed") == 17);
	assert_true(harness_value(h, "cpu.softnet_dropped", ENTITY_CPU, "0") == 2);
	assert_true(harness_value(h, "cpu.softnet_dropped", ENTITY_CPU, "3") == 15);
	assert_true(harness_node(h, "node.tcp.segments_out") == 700);
	assert_true(harness_node(h, "node.tcp.retransmits") == 8);
	assert_true(harness_node(h, "node.tcp.resets_out") == 9);
	assert_true(harness_node(h, "node.tcp.attempt_fails") == 3);
	assert_true(harness_node(h, "node.tcp.listen_overflows") == 21);
	assert_true(harness_node(h, "node.tcp.listen_drops") == 22);
	assert_true(harness_node(h, "node.tcp.timeouts") == 23);
	assert_true(harness_node(h, "node.tcp.syn_retransmits") == 24);
	harness_close(&h);
}

static void test_old_and_damaged(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_netdev, FIXTURES "cloud");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "node.net.softnet_dropped") == 6);
	assert_false(harness_has(h, "cpu.softnet_dropped", ENTITY_CPU, "0")); /* the line's place is no CPU number */
	harness_close(&h);
	h = harness_open(&collector_netdev, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_equal(h->batch->n_samples, 0);
	harness_close(&h);
	h = harness_open(&collector_netdev, FIXTURES "hybrid");
	assert_err(harness_probe(h), ENOENT);
	assert_err(harness_collect(h, NS_PER_S), EIO);
	harness_close(&h);
}

static void test_removed(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/net/dev", "a: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\nb: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
	struct harness *h = harness_open(&collector_netdev, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	entity_id a = graph_find(h->graph, ENTITY_NIC, "a");
	harness_write(folder, "proc/net/dev", "b: 7 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(graph_is_gone(h->graph, a, NULL));
	assert_true(nic(h, "nic.rx_bytes", "b") == 7);
	harness_close(&h);
	harness_remove(folder);
}

static int listener(int backlog, struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_ok(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	assert_ok(listen(fd, backlog));
	assert_ok(getsockname(fd, (struct sockaddr *)&address, &len));
	*ret_address = address;
	return fd;
}

/* A real refused connection and a real full accept queue on loopback. */
static void test_real_tcp_counters(void **unused)
{
	(void)unused;
	struct sockaddr_in address;
	struct harness *h = harness_open(&collector_netdev, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	double fails = harness_node(h, "node.tcp.attempt_fails"), overflows = harness_node(h, "node.tcp.listen_overflows");
	double bytes = nic(h, "nic.rx_bytes", "lo");

	int closed = listener(1, &address);
	close(closed);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);

	int full = listener(0, &address), clients[6];
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(clients[i], (struct sockaddr *)&address, sizeof(address));
	}
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.tcp.attempt_fails") >= fails + 1);
	assert_true(harness_node(h, "node.tcp.listen_overflows") > overflows);
	assert_true(nic(h, "nic.rx_bytes", "lo") > bytes);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	close(full);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixture),
		cmocka_unit_test(test_old_and_damaged),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_real_tcp_counters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

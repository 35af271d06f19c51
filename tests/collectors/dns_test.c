// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "tests/collectors/harness.h"

extern const struct collector collector_dns;

#define HEAD "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when " \
	"retrnsmt   uid  timeout inode ref pointer drops\n"
#define TAIL " 00000000:00000000 00:00000000 00000000  1000        0 "

struct root {
	char path[64];
};

static void put(const struct root *r, const char *name, const char *text)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", r->path, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_ok(fclose(f));
}

static struct root root_make(void)
{
	struct root r = { "/tmp/why-dns-XXXXXX" };
	char path[128];
	static const char *const folders[] = { "proc", "proc/net" };
	assert_non_null(mkdtemp(r.path));
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", r.path, folders[i]);
		assert_ok(mkdir(path, 0700));
	}
	put(&r, "proc/net/udp", HEAD);
	return r;
}

static void root_remove(const struct root *r)
{
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf %s", r->path);
	assert_int_equal(system(command), 0);
}

static double late(struct harness *h, const char *key)
{
	return harness_value(h, "link.dns.late", ENTITY_LINK, key);
}

static double lost(struct harness *h, const char *key)
{
	return harness_value(h, "link.dns.unanswered", ENTITY_LINK, key);
}

static void test_a_socket_that_stays_is_late_then_lost(void **unused)
{
	(void)unused;
	struct root r = root_make();
	struct harness *h = harness_open(&collector_dns, r.path);
	const char *one = HEAD "  12: 0500000A:A001 0200000A:0035 01" TAIL "99887 2 0000000000000000 0\n";

	put(&r, "proc/net/udp", one);
	assert_ok(harness_collect(h, 10 * NS_PER_S));
	assert_true(late(h, "10.0.0.2:53") == 0);
	assert_true(harness_value(h, "link.dns.waiting", ENTITY_LINK, "10.0.0.2:53") == 1);
	assert_ok(harness_collect(h, 11 * NS_PER_S));
	assert_true(late(h, "10.0.0.2:53") == 1);
	assert_true(lost(h, "10.0.0.2:53") == 0);
	for (mono_ns_t s = 12; s < 40; s++) { /* kept for long: told once */
		assert_ok(harness_collect(h, s * NS_PER_S));
		assert_true(late(h, "10.0.0.2:53") == 1);
		assert_true(lost(h, "10.0.0.2:53") == (s >= 15 ? 1 : 0));
		assert_true(harness_value(h, "link.dns.waiting", ENTITY_LINK, "10.0.0.2:53") == (s >= 15 ? 0 : 1));
	}
	put(&r, "proc/net/udp", HEAD);
	assert_ok(harness_collect(h, 40 * NS_PER_S));
	/* Another question, another socket; its number may be one that was used before. */
	put(&r, "proc/net/udp", one);
	assert_ok(harness_collect(h, 41 * NS_PER_S));
	assert_true(late(h, "10.0.0.2:53") == 1);
	assert_ok(harness_collect(h, 42 * NS_PER_S));
	assert_true(late(h, "10.0.0.2:53") == 2);
	put(&r, "proc/net/udp", HEAD);
	entity_id id = graph_find(h->graph, ENTITY_LINK, "10.0.0.2:53");
	assert_ok(harness_collect(h, 700 * NS_PER_S));
	assert_true(graph_is_gone(h->graph, id, NULL));
	harness_close(&h);
	root_remove(&r);
}

static void test_answered_in_time_and_other_sockets_are_not_told(void **unused)
{
	(void)unused;
	struct root r = root_make();
	struct harness *h = harness_open(&collector_dns, r.path);
	char text[2048];

	for (int s = 1; s < 20; s++) {
		/* A new socket each second; a server's own socket, unconnected; NTP; broken lines. */
		(void)snprintf(text, sizeof(text), HEAD
			"  12: 0500000A:A001 0200000A:0035 01" TAIL "%d 2 0000000000000000 0\n"
			"  13: 00000000:0035 00000000:0000 07" TAIL "17 2 0000000000000000 0\n"
			"  14: 0500000A:A002 0300000A:007B 01" TAIL "18 2 0000000000000000 0\n"
			"  15: 0500000A:A002 0300000A:0035 01" TAIL "0 2 0000000000000000 0\n"
			"  16: 0500000A:A002 030000:0035 01" TAIL "19 2 0000000000000000 0\n"
			"  17: 0500000A:A002 0300000A0300000A0300000A0300000A0300000A:0035 01" TAIL "20 2 0 0\n"
			"  18: 0500\n\n", 1000 + s);
		put(&r, "proc/net/udp", text);
		assert_ok(harness_collect(h, (mono_ns_t)s * NS_PER_S));
		assert_true(late(h, "10.0.0.2:53") == 0);
		assert_false(harness_has(h, "link.dns.late", ENTITY_LINK, "10.0.0.3:53"));
	}
	harness_close(&h);
	root_remove(&r);
}

static void test_servers_and_sockets_are_bounded(void **unused)
{
	(void)unused;
	struct root r = root_make();
	struct harness *h = harness_open(&collector_dns, r.path);
	static char text[256 * 1024];
	size_t at = (size_t)snprintf(text, sizeof(text), HEAD), n = 0;

	for (int i = 0; i < 1000; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "%4d: 0500000A:A001 %02X00000A:0035 01" TAIL "%d 2 0 0\n", i, i % 40 + 1, 5000 + i);
	put(&r, "proc/net/udp", text);
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	for (int i = 0; i < 40; i++) {
		char key[32];
		(void)snprintf(key, sizeof(key), "10.0.0.%d:53", i + 1);
		n += harness_has(h, "link.dns.late", ENTITY_LINK, key);
	}
	assert_int_equal(n, 16);
	harness_close(&h);
	root_remove(&r);
}

static void test_ipv6_and_no_table(void **unused)
{
	(void)unused;
	struct root r = root_make();
	struct harness *h = harness_open(&collector_dns, r.path);
	char path[128];

	put(&r, "proc/net/udp6", HEAD "  1: 00000000000000000000000000000000:A001 "
					"000000FD000000000000000001000000:0035 01" TAIL "7 2 0 0\n");
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(late(h, "[fd00::1]:53") == 1);
	(void)snprintf(path, sizeof(path), "%s/proc/net/udp", r.path);
	assert_ok(unlink(path));
	assert_int_equal(harness_collect(h, 3 * NS_PER_S), -ENOENT);
	assert_int_equal(harness_probe(h), -ENOENT);
	assert_non_null(strstr(h->reason, "proc"));
	harness_close(&h);
	root_remove(&r);
}

/* The real table, and a real question to a server that does not answer. */
static void test_a_real_socket(void **unused)
{
	(void)unused;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
	assert_int_equal(inet_pton(AF_INET, "127.0.0.77", &a.sin_addr), 1);
	struct harness *h = harness_open(&collector_dns, NULL);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_ok(connect(fd, (void *)&a, sizeof(a)));
	assert_ok(harness_collect(h, 1 * NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(late(h, "127.0.0.77:53") == 1);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_socket_that_stays_is_late_then_lost),
		cmocka_unit_test(test_answered_in_time_and_other_sockets_are_not_told),
		cmocka_unit_test(test_servers_and_sockets_are_bounded),
		cmocka_unit_test(test_ipv6_and_no_table),
		cmocka_unit_test(test_a_real_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

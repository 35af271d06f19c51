// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hub/self_probe.h"
#include "tests/hub/stand.h"

static atomic_int ended;

static void on_end(int status)
{
	atomic_store(&ended, status);
}

static int wait_for_end(int ms)
{
	for (int i = 0; i < ms / 10 && !atomic_load(&ended); i++)
		(void)poll(NULL, 0, 10);
	return atomic_load(&ended);
}

static void addresses_are_as_a_client_needs_them(void **state)
{
	char address[64];

	(void)state;
	assert_ok(self_probe_address("0.0.0.0:7443", 7443, address, sizeof(address)));
	assert_string_equal(address, "127.0.0.1:7443");
	assert_ok(self_probe_address("[::]:0", 9, address, sizeof(address)));
	assert_string_equal(address, "[::1]:9");
	assert_ok(self_probe_address("10.1.2.3:0", 77, address, sizeof(address)));
	assert_string_equal(address, "10.1.2.3:77");
	assert_ok(self_probe_address(":0", 77, address, sizeof(address)));
	assert_string_equal(address, "127.0.0.1:77");
	assert_ok(self_probe_address("unix:/run/hub.sock", 1, address, sizeof(address)));
	assert_string_equal(address, "unix:/run/hub.sock");
	assert_err(self_probe_address("7443", 7443, address, sizeof(address)), EINVAL);
}

/* A listener that takes connections and says nothing, as a hub whose polling thread spins. */
static void a_deaf_hub_is_ended(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct self_probe_options options = { .every_ms = 100, .end = on_end };
	AUTO(self_probe_free) struct self_probe *p = NULL;
	socklen_t n = sizeof(at);
	char address[64];

	(void)state;
	atomic_store(&ended, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(at.sin_port));
	options.address = address;
	assert_ok(self_probe_new(&options, &p));
	assert_int_equal(wait_for_end(60000), SELF_PROBE_EXIT_DEAF);
	assert_true(self_probe_failures(p) >= SELF_PROBE_FAILURES);
}

static uint64_t always_more(void *arg)
{
	return ++*(uint64_t *)arg;
}

static void a_crowd_at_the_door_is_no_deafness(void **state)
{
	uint64_t opened = 0;
	struct self_probe_options options = { .address = "127.0.0.1:1",
					      .every_ms = 100,
					      .end = on_end,
					      .progress = always_more,
					      .progress_arg = &opened };
	AUTO(self_probe_free) struct self_probe *p = NULL;

	(void)state;
	atomic_store(&ended, 0);
	assert_ok(self_probe_new(&options, &p));
	for (int i = 0; i < 6000 && self_probe_failures(p) < SELF_PROBE_FAILURES + 1; i++)
		(void)poll(NULL, 0, 10);
	assert_true(self_probe_failures(p) >= SELF_PROBE_FAILURES + 1);
	assert_int_equal(atomic_load(&ended), 0);
}

static void a_hub_that_answers_lives(void **state)
{
	struct self_probe_options options = { .every_ms = 100, .end = on_end };
	AUTO(self_probe_free) struct self_probe *p = NULL;
	struct stand s;

	(void)state;
	atomic_store(&ended, 0);
	stand_init(&s);
	stand_start(&s);
	options.address = s.address;
	assert_ok(self_probe_new(&options, &p));
	stand_wait_metric(&s, "streams_total", 2); /* asked twice or more: by its own probe and by this one */
	assert_int_equal(self_probe_failures(p), 0);
	assert_int_equal(atomic_load(&ended), 0);
	self_probe_free(&p);
	stand_done(&s);
}

static void too_much_memory_ends_it(void **state)
{
	struct self_probe_options options = { .every_ms = 100, .end = on_end, .max_rss_bytes = 1 };
	AUTO(self_probe_free) struct self_probe *p = NULL;

	(void)state;
	atomic_store(&ended, 0);
	assert_ok(self_probe_new(&options, &p));
	assert_int_equal(wait_for_end(20000), SELF_PROBE_EXIT_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_as_a_client_needs_them), cmocka_unit_test(a_deaf_hub_is_ended),
		cmocka_unit_test(a_crowd_at_the_door_is_no_deafness),   cmocka_unit_test(a_hub_that_answers_lives),
		cmocka_unit_test(too_much_memory_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "hub/rpc_server.h"
#include "proto/call.h"

#define PATIENCE_MS 20000

struct bed {
	struct rpc_server *server;
	struct call_options options;
	char address[64];
	atomic_int opened, closed;
};

static enum rpc_status opened(void *arg, uint64_t stream UNUSED, const char *method UNUSED, const struct rpc_peer *peer,
			      const struct rpc_now *now UNUSED, const char **ret_text UNUSED)
{
	assert_null(peer->cert_pem);
	(void)atomic_fetch_add(&((struct bed *)arg)->opened, 1);
	return RPC_OK;
}

/* Says back what it hears. */
static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now UNUSED)
{
	struct bed *b = arg;

	if (data)
		(void)rpc_server_send(b->server, stream, data, n);
	else
		rpc_server_close(b->server, stream, RPC_OK, "");
	return true;
}

static void drained(void *arg UNUSED, uint64_t stream UNUSED)
{
}

static void closed(void *arg, uint64_t stream UNUSED, const struct rpc_now *now UNUSED)
{
	(void)atomic_fetch_add(&((struct bed *)arg)->closed, 1);
}

static void start(struct bed *b, uint32_t first_ms)
{
	const struct rpc_hooks hooks = { opened, received, drained, closed, b };
	const struct rpc_options options = { .listen = "127.0.0.1:0", .max_streams = 4, .first_ms = first_ms };

	assert_ok(rpc_server_new(&options, &hooks, &b->server));
	assert_ok(rpc_server_start(b->server));
	(void)snprintf(b->address, sizeof(b->address), "127.0.0.1:%d", rpc_server_port(b->server));
	b->options = (struct call_options){ .address = b->address, .insecure = true };
}

static void wait_end(struct call *c, struct call_status *ret_status)
{
	while (!call_closed(c, ret_status)) {
		struct pollfd p = { .fd = call_event_fd(c), .events = POLLIN };

		assert_true(poll(&p, 1, PATIENCE_MS) > 0);
		call_wake(c);
	}
}

static void who_says_nothing_is_shown_the_door(void **state UNUSED)
{
	struct bed b = { 0 };
	struct call *silent = NULL;
	struct call_status status;

	start(&b, 1);
	assert_ok(call_open(&b.options, "/x/Y", &silent));
	wait_end(silent, &status);
	assert_int_equal(status.code, RPC_TIMEOUT);
	assert_string_equal(status.text, "no message came");
	call_close(&silent);
	rpc_server_free(&b.server);
	assert_int_equal(atomic_load(&b.opened), 1);
	assert_int_equal(atomic_load(&b.closed), 1);
}

static void who_spoke_once_may_stay(void **state UNUSED)
{
	struct bed b = { 0 };
	struct call *talker = NULL, *silent = NULL;
	struct call_status status;
	AUTO_FREE uint8_t *data = NULL;
	size_t n = 0;

	start(&b, 2000);
	assert_ok(call_open(&b.options, "/x/Y", &talker));
	assert_ok(call_send(talker, (const uint8_t *)"hello", 5));
	/* a later one that is silent has been put out: the talker's time would have come before */
	assert_ok(call_open(&b.options, "/x/Y", &silent));
	wait_end(silent, &status);
	assert_int_equal(status.code, RPC_TIMEOUT);
	assert_ok(call_receive(talker, &data, &n));
	assert_memory_equal(data, "hello", 5);
	assert_false(call_closed(talker, &status));
	call_close(&silent);
	call_close(&talker);
	rpc_server_free(&b.server);
	assert_int_equal(atomic_load(&b.closed), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_nothing_is_shown_the_door),
		cmocka_unit_test(who_spoke_once_may_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "hub/router.h"

struct service {
	int opened, received, drained, closed;
	enum rpc_status answer;
};

static enum rpc_status on_open(void *arg, uint64_t stream UNUSED, const char *method UNUSED,
			       const struct rpc_peer *peer UNUSED, const struct rpc_now *now UNUSED,
			       const char **text UNUSED)
{
	((struct service *)arg)->opened++;
	return ((struct service *)arg)->answer;
}

static bool on_receive(void *arg, uint64_t stream UNUSED, const uint8_t *data UNUSED, size_t n UNUSED,
		       const struct rpc_now *now UNUSED)
{
	((struct service *)arg)->received++;
	return true;
}

static void on_close(void *arg, uint64_t stream UNUSED, const struct rpc_now *now UNUSED)
{
	((struct service *)arg)->closed++;
}

static void each_stream_goes_to_its_service(void **state)
{
	AUTO(router_free) struct router *r = NULL;
	struct service exact = { 0 }, prefix = { 0 }, refusing = { .answer = RPC_DENIED };
	struct rpc_hooks h = { .opened = on_open, .received = on_receive, .closed = on_close };
	const struct rpc_now now = { 1, 1 };
	const char *text = NULL;

	(void)state;
	assert_ok(router_new(2, &r));
	h.arg = &exact;
	router_add(r, "/a.B/C", &h);
	h.arg = &refusing;
	router_add(r, "/a.B/No", &h);
	h.arg = &prefix;
	router_add(r, "/a.B/", &h);
	h = router_hooks(r);
	assert_int_equal(h.opened(h.arg, 1, "/a.B/C", NULL, &now, &text), RPC_OK);
	assert_int_equal(h.opened(h.arg, 2, "/a.B/CD", NULL, &now, &text), RPC_OK);
	assert_int_equal(exact.opened, 1);
	assert_int_equal(prefix.opened, 1);
	assert_int_equal(h.opened(h.arg, 3, "/a.B/C", NULL, &now, &text), RPC_EXHAUSTED); /* two streams at most */
	assert_int_equal(h.opened(h.arg, 3, "/x.Y/Z", NULL, &now, &text), RPC_UNIMPLEMENTED);
	assert_int_equal(h.opened(h.arg, 3, "", NULL, &now, &text), RPC_UNIMPLEMENTED);
	assert_true(h.received(h.arg, 1, NULL, 0, &now));
	h.drained(h.arg, 1); /* that service has no such hook */
	h.closed(h.arg, 1, &now);
	assert_int_equal(exact.closed, 1);
	assert_false(h.received(h.arg, 1, NULL, 0, &now)); /* gone */
	assert_int_equal(exact.received, 1);
	assert_int_equal(h.opened(h.arg, 4, "/a.B/No", NULL, &now, &text), RPC_DENIED);
	assert_false(h.received(h.arg, 4, NULL, 0, &now)); /* refused: never was */
	assert_int_equal(refusing.received, 0);
	assert_int_equal(h.opened(h.arg, 5, "/a.B/C", NULL, &now, &text), RPC_OK); /* and took no place */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_stream_goes_to_its_service) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

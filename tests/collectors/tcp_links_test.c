/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "collectors/tcp_links.h"
#include "collectors/tcp_metric.h"

struct stage {
	struct graph *graph;
	struct batch *batch;
	struct tcp_links *links;
	struct kernel_cgroup cgroups;
	mono_ns_t now;
	uint64_t tick;
};

static int stage_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_ok(graph_new(4096, "n", &s->graph));
	assert_ok(batch_new(s->graph, 16384, 1024, 16384, &s->batch));
	assert_ok(tcp_links_new(&s->links));
	s->cgroups.paths_fd = -1;
	s->now = NS_PER_S;
	*state = s;
	return 0;
}

static int stage_down(void **state)
{
	struct stage *s = *state;

	tcp_links_free(&s->links);
	batch_free(&s->batch);
	graph_free(&s->graph);
	free(s);
	return 0;
}

static struct tcp_address v4(const char *text)
{
	struct tcp_address a = { .byte = { [10] = 0xff, [11] = 0xff } };

	assert_int_equal(inet_pton(AF_INET, text, a.byte + 12), 1);
	return a;
}

static void round_of(struct stage *s, const char *ip, struct tcp_peer p)
{
	struct tcp_address a = v4(ip);

	s->now += NS_PER_S;
	s->tick++;
	batch_reset(s->batch, s->now);
	tcp_links_begin(s->links, s->now, s->tick);
	tcp_links_put(s->links, &a, &p, s->batch);
	tcp_links_end(s->links, s->batch);
}

static double value(struct stage *s, uint32_t metric, entity_id id)
{
	double v = NAN;

	for (size_t i = 0; i < s->batch->n_samples; i++)
		if (s->batch->samples[i].metric == metric && s->batch->samples[i].entity == id)
			v = s->batch->samples[i].value;
	return v;
}

static void addresses_are_written_as_people_do(void **state)
{
	struct tcp_address six = { 0 };
	char text[TCP_LINKS_TEXT_MAX];

	(void)state;
	struct tcp_address a = v4("10.0.0.2");
	tcp_address_format(&a, text);
	assert_string_equal(text, "10.0.0.2");
	tcp_address_format_port(&a, 443, text);
	assert_string_equal(text, "10.0.0.2:443");
	assert_int_equal(inet_pton(AF_INET6, "fd00::1", six.byte), 1);
	tcp_address_format(&six, text);
	assert_string_equal(text, "fd00::1");
	tcp_address_format_port(&six, 65535, text);
	assert_string_equal(text, "[fd00::1]:65535");
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", six.byte), 1);
	tcp_address_format_port(&six, 65535, text);
	assert_string_equal(text, "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535");
}

static void a_ratio_needs_twenty_segments(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 20 });
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	assert_int_not_equal(id, ENTITY_NONE);
	assert_true(value(s, TCP_LINK_RATIO, id) == 0);
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 30, .retransmits = 3 });
	assert_true(isnan(value(s, TCP_LINK_RATIO, id)));
	assert_true(value(s, TCP_LINK_RETRANSMITS, id) == 3);
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 50, .retransmits = 6 });
	assert_true(fabs(value(s, TCP_LINK_RATIO, id) - 6.0 / 30) < 1e-12);
	assert_true(value(s, TCP_NODE_LOSSY_PEERS, graph_node(s->graph)) == 1);
	/* Healed: the next full window says so. */
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 500, .retransmits = 6 });
	assert_true(value(s, TCP_LINK_RATIO, id) == 0);
	assert_true(value(s, TCP_NODE_LOSSY_PEERS, graph_node(s->graph)) == 0);
}

/* Segments of ten quiet seconds are not held against those that come later. */
static void an_old_window_is_dropped(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 100 });
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 110, .retransmits = 10 });
	s->now += 10 * NS_PER_S;
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 111, .retransmits = 10 });
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 211, .retransmits = 10 });
	assert_true(value(s, TCP_LINK_RATIO, graph_find(s->graph, ENTITY_LINK, "10.0.0.1")) == 0);
}

static void a_peer_that_left_the_kernels_table_starts_anew(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 1000, .retransmits = 100 });
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 40, .retransmits = 2 });
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	assert_true(fabs(value(s, TCP_LINK_RATIO, id) - 0.05) < 1e-12);
}

static void a_few_segments_make_no_entity(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 19 });
	assert_int_equal(graph_find(s->graph, ENTITY_LINK, "10.0.0.1"), ENTITY_NONE);
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 19, .resets_in = 1 });
	assert_int_not_equal(graph_find(s->graph, ENTITY_LINK, "10.0.0.1"), ENTITY_NONE);
}

static void stale_round_trips_are_left_out(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 50, .tick = s->tick + 1, .rtt_us_sum = 300, .n_rtt = 3 });
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	assert_true(value(s, TCP_LINK_RTT, id) == 100e3);
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 51, .tick = s->tick, .rtt_us_sum = 300, .n_rtt = 3 });
	assert_true(isnan(value(s, TCP_LINK_RTT, id)));
}

static void what_flows_wait_for_is_of_this_round_only(void **state)
{
	struct stage *s = *state;
	struct tcp_peer p = { .segments = 50, .tick = 1, .heard = 3, .closed_windows = 1, .stuck_long = 2,
			      .stuck_short = 4, .stuck_bytes = 1448 };

	round_of(s, "10.0.0.1", p);
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	assert_true(value(s, TCP_LINK_HEARD, id) == 3);
	assert_true(value(s, TCP_LINK_CLOSED_WINDOWS, id) == 1);
	assert_true(value(s, TCP_LINK_STUCK_LONG, id) == 2);
	assert_true(value(s, TCP_LINK_STUCK_SHORT, id) == 4);
	assert_true(value(s, TCP_LINK_STUCK_BYTES, id) == 1448);
	/* No flow of it was seen in the next round: nothing waits any more, which is known. */
	round_of(s, "10.0.0.1", p);
	assert_true(value(s, TCP_LINK_HEARD, id) == 0);
	assert_true(value(s, TCP_LINK_CLOSED_WINDOWS, id) == 0);
	assert_true(value(s, TCP_LINK_STUCK_LONG, id) == 0);
	assert_true(value(s, TCP_LINK_STUCK_SHORT, id) == 0);
	assert_true(isnan(value(s, TCP_LINK_STUCK_BYTES, id)));
}

/* Nothing moves on it, that is the trouble: an idle peer it is not. */
static void a_closed_window_keeps_a_peer(void **state)
{
	struct stage *s = *state;
	struct tcp_peer p = { .segments = 5, .tick = 1, .closed_windows = 1 };

	round_of(s, "10.0.0.1", p);
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	assert_int_not_equal(id, ENTITY_NONE);
	for (int i = 0; i < 10; i++) {
		s->now += 60 * NS_PER_S;
		p.tick = s->tick + 1;
		round_of(s, "10.0.0.1", p);
		assert_true(value(s, TCP_LINK_CLOSED_WINDOWS, id) == 1);
	}
	s->now += 301 * NS_PER_S;
	round_of(s, "10.0.0.1", p);
	assert_true(graph_is_gone(s->graph, id, NULL));
}

static void idle_peers_give_way(void **state)
{
	struct stage *s = *state;

	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 50 });
	entity_id id = graph_find(s->graph, ENTITY_LINK, "10.0.0.1");
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 50 });
	assert_false(graph_is_gone(s->graph, id, NULL));
	s->now += 301 * NS_PER_S;
	round_of(s, "10.0.0.1", (struct tcp_peer){ .segments = 50 });
	assert_true(graph_is_gone(s->graph, id, NULL));
}

static void peers_are_bounded(void **state)
{
	struct stage *s = *state;
	struct tcp_peer p = { .segments = 100 };

	tcp_links_begin(s->links, s->now, 1);
	batch_reset(s->batch, s->now);
	for (unsigned i = 0; i < TCP_LINKS_MAX + 500; i++) {
		char ip[32];
		(void)snprintf(ip, sizeof(ip), "10.1.%u.%u", i / 250, i % 250);
		struct tcp_address a = v4(ip);
		tcp_links_put(s->links, &a, &p, s->batch);
	}
	tcp_links_end(s->links, s->batch);
	assert_true(value(s, TCP_NODE_ACTIVE_PEERS, graph_node(s->graph)) == TCP_LINKS_MAX);
}

static void failures_are_limited_by_the_second(void **state)
{
	struct stage *s = *state;
	struct tcp_failure f = { .at_ns = 5 * NS_PER_S, .error = ECONNREFUSED, .port = 80, .pid = 9, .comm = "curl",
				 .peer = v4("10.0.0.9") };
	unsigned told = 0;

	batch_reset(s->batch, s->now);
	for (unsigned i = 0; i < 3 * TCP_LINKS_FAILURES_PER_S; i++)
		told += tcp_links_failure(s->links, &f, 100, &s->cgroups, s->batch);
	assert_int_equal(told, TCP_LINKS_FAILURES_PER_S);
	assert_int_equal(s->batch->n_events, told);
	const struct event *e = &s->batch->events[0];
	assert_string_equal(graph_key(s->graph, e->entity), "10.0.0.9:80");
	assert_string_equal(graph_attr(s->graph, e->entity, "port"), "80");
	assert_int_equal(e->code, ECONNREFUSED);
	assert_string_equal(e->message, "curl[9] could not connect to 10.0.0.9:80: ECONNREFUSED");
	f.at_ns += NS_PER_S;
	f.error = 0;
	assert_true(tcp_links_failure(s->links, &f, 100, &s->cgroups, s->batch));
	assert_int_equal(s->batch->events[told].code, ECANCELED);
}

static void ports_of_failures_are_bounded(void **state)
{
	struct stage *s = *state;
	struct tcp_failure f = { .at_ns = 5 * NS_PER_S, .error = ETIMEDOUT, .peer = v4("10.0.0.9"), .comm = "scan" };
	size_t alive = 0, cursor = 0;
	entity_id id;

	batch_reset(s->batch, s->now);
	for (unsigned i = 0; i < TCP_LINKS_MAX_PORTS + 100; i++) {
		f.port = (uint16_t)(i + 1);
		f.at_ns += NS_PER_S;
		assert_true(tcp_links_failure(s->links, &f, 100, &s->cgroups, s->batch));
	}
	while ((id = graph_next(s->graph, ENTITY_LINK, &cursor)) != ENTITY_NONE)
		alive++;
	assert_int_equal(alive, TCP_LINKS_MAX_PORTS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, stage_up, stage_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_as_people_do),
		TEST(a_ratio_needs_twenty_segments),
		TEST(an_old_window_is_dropped),
		TEST(a_peer_that_left_the_kernels_table_starts_anew),
		TEST(a_few_segments_make_no_entity),
		TEST(stale_round_trips_are_left_out),
		TEST(what_flows_wait_for_is_of_this_round_only),
		TEST(a_closed_window_keeps_a_peer),
		TEST(idle_peers_give_way),
		TEST(peers_are_bounded),
		TEST(failures_are_limited_by_the_second),
		TEST(ports_of_failures_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

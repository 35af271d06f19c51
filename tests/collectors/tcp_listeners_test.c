/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "collectors/tcp_listeners.h"
#include "collectors/tcp_metric.h"

#define OWN 4026531840u

static const struct tcp_listener web = { .netns = OWN, .port = 80, .family = 2, .queue = 1, .queue_limit = 128, .pid = 5,
					 .ppid = 1, .start_ns = 7 * NS_PER_S, .comm = "web",
					 .address = { .byte = { [10] = 0xff, [11] = 0xff } } };

static double value(const struct batch *b, uint32_t metric, entity_id id)
{
	double v = NAN;

	for (size_t i = 0; i < b->n_samples; i++)
		if (b->samples[i].metric == metric && b->samples[i].entity == id)
			v = b->samples[i].value;
	return v;
}

struct stage {
	struct graph *graph;
	struct batch *batch;
	struct tcp_listeners *listeners;
	struct kernel_cgroup cgroups;
};

static int stage_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_ok(graph_new(2048, "n", &s->graph));
	assert_ok(batch_new(s->graph, 8192, 16, 8192, &s->batch));
	assert_ok(tcp_listeners_new(OWN, &s->listeners));
	s->cgroups.paths_fd = -1;
	*state = s;
	return 0;
}

static int stage_down(void **state)
{
	struct stage *s = *state;

	tcp_listeners_free(&s->listeners);
	batch_free(&s->batch);
	graph_free(&s->graph);
	free(s);
	return 0;
}

static void put(struct stage *s, const struct tcp_listener *all, size_t n)
{
	batch_reset(s->batch, 1);
	tcp_listeners_put(s->listeners, all, n, 100, &s->cgroups, s->batch);
}

static entity_id find(struct stage *s, const char *key)
{
	return graph_find(s->graph, ENTITY_SOCKET, key);
}

static void keys_tell_the_namespace(void **state)
{
	struct stage *s = *state;
	struct tcp_listener all[3] = { web, web, web };

	all[1].netns = 4026532008u;
	all[2].family = 10;
	memset(all[2].address.byte, 0, 16);
	put(s, all, 3);
	assert_int_not_equal(find(s, "tcp:0.0.0.0:80"), ENTITY_NONE);
	assert_int_not_equal(find(s, "tcp:0.0.0.0:80@4026532008"), ENTITY_NONE);
	assert_int_not_equal(find(s, "tcp:[::]:80"), ENTITY_NONE);
	assert_string_equal(graph_attr(s->graph, find(s, "tcp:0.0.0.0:80"), "comm"), "web");
}

static void shared_addresses_are_summed(void **state)
{
	struct stage *s = *state;
	struct tcp_listener all[2] = { web, web };

	all[1].queue = 4;
	all[1].drops = 3;
	put(s, all, 2);
	entity_id id = find(s, "tcp:0.0.0.0:80");
	assert_true(value(s->batch, TCP_SOCKET_QUEUE, id) == 5);
	assert_true(value(s->batch, TCP_SOCKET_QUEUE_LIMIT, id) == 256);
	assert_true(value(s->batch, TCP_SOCKET_DROPS, id) == 3);
	put(s, all, 2); /* and not summed on top of the last round */
	assert_true(value(s->batch, TCP_SOCKET_QUEUE, id) == 5);
	assert_true(value(s->batch, TCP_SOCKET_DROPS, id) == 3);
}

static void a_process_is_told_only_when_it_matters(void **state)
{
	struct stage *s = *state;
	struct tcp_listener l = web;

	put(s, &l, 1);
	assert_int_equal(graph_find(s->graph, ENTITY_PROCESS, "5/700"), ENTITY_NONE);
	l.drops = 1;
	put(s, &l, 1);
	assert_int_not_equal(graph_find(s->graph, ENTITY_PROCESS, "5/700"), ENTITY_NONE);
}

static void an_overfull_queue_is_a_ratio_of_one(void **state)
{
	struct stage *s = *state;
	struct tcp_listener l = web;

	l.queue = 129; /* the kernel lets one more in than the limit says */
	put(s, &l, 1);
	assert_true(value(s->batch, TCP_SOCKET_QUEUE_RATIO, find(s, "tcp:0.0.0.0:80")) == 1);
	l.queue_limit = 0;
	put(s, &l, 1);
	assert_true(isnan(value(s->batch, TCP_SOCKET_QUEUE_RATIO, find(s, "tcp:0.0.0.0:80"))));
}

static void what_is_not_seen_again_is_gone(void **state)
{
	struct stage *s = *state;
	struct tcp_listener all[2] = { web, web };

	all[1].port = 81;
	put(s, all, 2);
	entity_id first = find(s, "tcp:0.0.0.0:80"), second = find(s, "tcp:0.0.0.0:81");
	put(s, &all[1], 1);
	assert_true(graph_is_gone(s->graph, first, NULL));
	assert_false(graph_is_gone(s->graph, second, NULL));
	assert_true(value(s->batch, TCP_SOCKET_QUEUE, second) == 1);
	put(s, NULL, 0);
	assert_true(graph_is_gone(s->graph, second, NULL));
	put(s, all, 2); /* and back again */
	assert_false(graph_is_gone(s->graph, find(s, "tcp:0.0.0.0:80"), NULL));
}

static void listeners_are_bounded(void **state)
{
	static struct tcp_listener all[TCP_LISTENERS_MAX + 40];
	struct stage *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = web;
		all[i].port = (uint16_t)(1000 + i);
	}
	put(s, all, ARRAY_LEN(all));
	assert_int_equal(tcp_listeners_refused(s->listeners), 40);
	assert_int_not_equal(find(s, "tcp:0.0.0.0:1000"), ENTITY_NONE);
	assert_int_equal(find(s, "tcp:0.0.0.0:1512"), ENTITY_NONE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, stage_up, stage_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_tell_the_namespace),
		TEST(shared_addresses_are_summed),
		TEST(a_process_is_told_only_when_it_matters),
		TEST(an_overfull_queue_is_a_ratio_of_one),
		TEST(what_is_not_seen_again_is_gone),
		TEST(listeners_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

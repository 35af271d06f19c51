/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of this program is its own: collectors that fail, flood or are missing, as asked. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/collecting.h"
#include "base/cleanup.h"
#include "base/log.h"

extern const struct collector collector_self;

static struct {
	int collect_error, drain_error;
	unsigned probed;
	bool here; /* what `absent` reads */
	unsigned collected, drained, drained_other, opened, closed, wanted;
	int flood[2], twin; /* a pipe that stays readable, and its reading end again */
	entity_id want_entity;
	mono_ns_t want_until;
} made;

static int open_any(const struct collect_env *env UNUSED, void **ret_state)
{
	made.opened++;
	*ret_state = &made;
	return 0;
}

static void close_any(void *state)
{
	made.closed += state != NULL;
}

static int collect_shaky(void *state UNUSED, mono_ns_t now UNUSED, struct batch *out)
{
	made.collected++;
	if (made.collect_error)
		return made.collect_error;
	batch_sample(out, 0, graph_node(out->graph), 1);
	return 0;
}

static int want_shaky(void *state UNUSED, const struct graph *graph UNUSED, uint32_t metric, entity_id entity,
		      mono_ns_t until)
{
	made.wanted++;
	made.want_entity = entity;
	made.want_until = until;
	return metric == 0 ? 0 : -EINVAL;
}

static int flood_fd(void *state UNUSED)
{
	return made.flood[0];
}

static int other_fd(void *state UNUSED)
{
	return made.twin;
}

static int drain_flood(void *state UNUSED, unsigned max, struct batch *out)
{
	made.drained++;
	if (made.drain_error)
		return made.drain_error;
	for (unsigned i = 0; i < max; i++)
		(void)batch_event(out, 0, graph_node(out->graph), out->now, SEVERITY_INFO, (int)i);
	return (int)max;
}

static int drain_other(void *state UNUSED, unsigned max, struct batch *out)
{
	made.drained_other++;
	if (made.drain_error)
		return 0;
	for (unsigned i = 0; i < max; i++)
		(void)batch_event(out, 0, graph_node(out->graph), out->now, SEVERITY_INFO, (int)i);
	return (int)max;
}

static int probe_absent(const struct collect_env *env UNUSED, char *ret_reason, size_t size)
{
	made.probed++;
	if (made.here)
		return 0;
	snprintf(ret_reason, size, "there is no such thing here");
	return -ENODEV;
}

static uint64_t position_of_flood(void *state UNUSED)
{
	return 77;
}

static void hooks_of_shaky(void *state UNUSED, void (*say)(void *arg, const char *hook, int error, const char *reason),
			   void *arg)
{
	say(arg, "left", 0, NULL);
	say(arg, "right", -ENOSYS, "this kernel has no right");
}

static const struct metric_desc shaky_metrics[] = {
	{ "shaky.level", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "A level", NULL, NULL },
};
static const struct metric_desc flood_metrics[] = {
	{ "flood.event", METRIC_EVENT, UNIT_NONE, ENTITY_NODE, "An event", NULL, NULL },
};
static const struct metric_desc other_metrics[] = {
	{ "other.event", METRIC_EVENT, UNIT_NONE, ENTITY_NODE, "An event", NULL, NULL },
};
static const struct metric_desc absent_metrics[] = {
	{ "absent.level", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "A level", NULL, NULL },
};

static const struct collector shaky = {
	.name = "shaky", .help = "fails when told", .metrics = shaky_metrics, .n_metrics = 1, .interval_ms = 1000,
	.open = open_any, .collect = collect_shaky, .want = want_shaky, .hooks = hooks_of_shaky, .close = close_any,
};
static const struct collector flood = {
	.name = "flood",
	.help = "never ends",
	.metrics = flood_metrics,
	.n_metrics = 1,
	.open = open_any,
	.event_fd = flood_fd,
	.drain = drain_flood,
	.position = position_of_flood,
	.close = close_any,
};
static const struct collector other = {
	.name = "other", .help = "never ends either", .metrics = other_metrics, .n_metrics = 1, .open = open_any,
	.event_fd = other_fd, .drain = drain_other, .close = close_any,
};
static int collect_absent(void *state UNUSED, mono_ns_t now UNUSED, struct batch *out)
{
	batch_sample(out, 0, graph_node(out->graph), 5);
	return 0;
}

static const struct collector absent = {
	.name = "absent",
	.help = "not here",
	.metrics = absent_metrics,
	.n_metrics = 1,
	.interval_ms = 1000,
	.probe = probe_absent,
	.open = open_any,
	.collect = collect_absent,
	.close = close_any,
};

static const struct collector *const all[] = { &collector_self, &shaky, &flood, &absent, &other };

const struct collector *const *collectors_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(all);
	return all;
}

const struct collector *collectors_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

int collectors_register(struct metrics *metrics, uint32_t *ret_first, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(all) && i < n; i++) {
		int r = metrics_add(metrics, all[i]->name, all[i]->metrics, all[i]->n_metrics, &ret_first[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the stage ---- */

struct fixture {
	struct loop *loop;
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct collecting *collecting;
	mono_ns_t now;
	unsigned woken, answered, answered_at;
	int asked[2];
};

static void on_wake(void *arg, mono_ns_t now)
{
	struct fixture *f = arg;
	f->woken++;
	batch_reset(f->batch, now);
	(void)collecting_drain(f->collecting, now, 8, f->batch);
	/* A question comes in the middle of the flood. */
	if (f->woken == 20)
		assert_int_equal(write(f->asked[1], "?", 1), 1);
	if (f->woken == 100)
		loop_exit(f->loop, 0);
}

static int set_up_with(void **state, const char *disabled_name)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct conf_list disabled = { &disabled_name, disabled_name != NULL };
	struct collect_env env = { .root_fd = -1, .page_bytes = 4096 };
	assert_non_null(f);
	log_set_level(LOG_LEVEL_ERROR);
	memset(&made, 0, sizeof(made));
	assert_ok(pipe2(made.flood, O_CLOEXEC));
	made.twin = fcntl(made.flood[0], F_DUPFD_CLOEXEC, 3);
	assert_ok(pipe2(f->asked, O_CLOEXEC));
	assert_int_equal(write(made.flood[1], "x", 1), 1);
	assert_ok(loop_new(&f->loop));
	assert_ok(metrics_new(&f->metrics));
	assert_ok(graph_new(100, "n", &f->graph));
	assert_ok(batch_new(f->graph, 100, 64, 100, &f->batch));
	assert_ok(collecting_open(f->loop, &env, f->metrics, &disabled, on_wake, f, &f->collecting));
	f->now = 1000 * NS_PER_S;
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, NULL);
}

static int set_up_without_flood(void **state)
{
	return set_up_with(state, "flood");
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	collecting_close(&f->collecting);
	assert_int_equal(made.closed, made.opened);
	batch_free(&f->batch);
	graph_free(&f->graph);
	metrics_free(&f->metrics);
	loop_free(&f->loop);
	close(made.twin);
	for (unsigned i = 0; i < 2; i++) {
		close(made.flood[i]);
		close(f->asked[i]);
	}
	free(f);
	return 0;
}

static unsigned count_events(const struct fixture *f, const char *metric)
{
	uint32_t id = metrics_find(f->metrics, metric);
	unsigned n = 0;
	for (size_t i = 0; i < f->batch->n_events; i++)
		n += f->batch->events[i].metric == id;
	return n;
}

static void second(struct fixture *f, unsigned *failed, unsigned *recovered)
{
	f->now += NS_PER_S;
	batch_reset(f->batch, f->now);
	collecting_collect(f->collecting, f->now, f->batch);
	*failed += count_events(f, "whyd.collector.failed");
	*recovered += count_events(f, "whyd.collector.recovered");
}

static void test_failing_collector_backs_off_and_says_so_once(void **state)
{
	struct fixture *f = *state;
	unsigned failed = 0, recovered = 0;
	made.collect_error = -EIO;
	for (unsigned i = 0; i < 300; i++)
		second(f, &failed, &recovered);
	assert_int_equal(failed, 1);
	/* 2, 4, 8 ... 60 seconds apart: nine or ten attempts in five minutes. */
	assert_in_range(made.collected, 8, 11);
	made.collect_error = 0;
	unsigned before = made.collected;
	for (unsigned i = 0; i < 90; i++)
		second(f, &failed, &recovered);
	assert_int_equal(failed, 1);
	assert_int_equal(recovered, 1);
	assert_in_range(made.collected - before, 25, 90); /* each second again */
}

static void test_reading_carries_the_metric_of_its_own_collector(void **state)
{
	struct fixture *f = *state;
	unsigned unused = 0;
	second(f, &unused, &unused);
	uint32_t id = metrics_find(f->metrics, "shaky.level");
	bool found = false;
	for (size_t i = 0; i < f->batch->n_samples; i++)
		found |= f->batch->samples[i].metric == id;
	assert_true(found);
}

static bool has_sample(const struct fixture *f, const char *metric)
{
	uint32_t id = metrics_find(f->metrics, metric);
	for (size_t i = 0; i < f->batch->n_samples; i++)
		if (f->batch->samples[i].metric == id)
			return true;
	return false;
}

static void see_absent(void *arg, const struct collector *collector, const char *hook, int error, const char *reason UNUSED)
{
	if (!hook && collector == &absent)
		*(int *)arg = error;
}

static void test_what_was_not_there_is_looked_for_again(void **state)
{
	struct fixture *f = *state;
	unsigned unused = 0;
	int error = 0;
	assert_int_equal(made.probed, 1);
	for (unsigned i = 0; i < 100; i++)
		second(f, &unused, &unused);
	assert_in_range(made.probed, 4, 5); /* every 30 s */
	assert_false(has_sample(f, "absent.level"));
	collecting_visit(f->collecting, see_absent, &error);
	assert_int_equal(error, -ENODEV);
	made.here = true;
	for (unsigned i = 0; i < 32; i++)
		second(f, &unused, &unused);
	assert_true(has_sample(f, "absent.level"));
	unsigned probed = made.probed;
	for (unsigned i = 0; i < 100; i++)
		second(f, &unused, &unused);
	assert_int_equal(made.probed, probed);
	collecting_visit(f->collecting, see_absent, &error);
	assert_int_equal(error, 0);
}

static void test_failing_drain_rests_and_says_so_once(void **state)
{
	struct fixture *f = *state;
	unsigned failed = 0, recovered = 0;
	made.drain_error = -EIO;
	for (unsigned i = 0; i < 50 * 60; i++) { /* a minute of turns */
		f->now += 20 * NS_PER_MS;
		batch_reset(f->batch, f->now);
		(void)collecting_drain(f->collecting, f->now, 8, f->batch);
		if (i % 50 == 0)
			collecting_collect(f->collecting, f->now, f->batch);
		failed += count_events(f, "whyd.collector.failed");
		recovered += count_events(f, "whyd.collector.recovered");
	}
	assert_int_equal(failed, 1); /* of the flood; the other one hides its own */
	assert_int_equal(recovered, 0);
	made.drain_error = 0;
	f->now += 61 * NS_PER_S;
	batch_reset(f->batch, f->now);
	(void)collecting_drain(f->collecting, f->now, 8, f->batch);
	assert_int_equal(count_events(f, "whyd.collector.recovered"), 1);
}

static void test_what_has_no_room_waits_and_everyone_has_a_turn(void **state)
{
	struct fixture *f = *state;
	unsigned flood_first = 0, other_first = 0;
	for (unsigned i = 0; i < 20; i++) {
		unsigned before_other = made.drained_other, before = made.drained;
		f->now += 20 * NS_PER_MS;
		batch_reset(f->batch, f->now);
		assert_true(collecting_drain(f->collecting, f->now, 1000, f->batch));
		assert_int_equal(f->batch->dropped_events, 0);
		other_first += made.drained_other > before_other;
		flood_first += made.drained > before && made.drained_other == before_other;
	}
	assert_true(flood_first >= 9);
	assert_true(other_first >= 9);
}

static void on_question(void *arg, uint32_t events UNUSED, mono_ns_t now UNUSED)
{
	struct fixture *f = arg;
	char byte;
	if (read(f->asked[0], &byte, 1) == 1)
		f->answered++;
	f->answered_at = f->woken;
}

static void test_source_that_stays_readable_does_not_starve_the_socket(void **state)
{
	struct fixture *f = *state;
	assert_ok(loop_add_fd(f->loop, f->asked[0], EPOLLIN, LOOP_CONTROL, "question", on_question, f, NULL));
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->answered, 1);
	assert_int_equal(f->answered_at, 20); /* before the next drain, though that is long readable */
}

struct visited {
	int absent, shaky, right, flood;
	char reason[128];
};

static void visit(void *arg, const struct collector *c, const char *hook, int error, const char *reason)
{
	struct visited *v = arg;
	if (strcmp(c->name, "absent") == 0) {
		v->absent = error;
		snprintf(v->reason, sizeof(v->reason), "%s", reason ? reason : "");
	} else if (strcmp(c->name, "flood") == 0) {
		v->flood = error;
	} else if (hook && strcmp(hook, "right") == 0) {
		v->right = error;
	} else if (!hook && strcmp(c->name, "shaky") == 0) {
		v->shaky = error;
	}
}

static void test_each_and_its_hooks_are_told_with_their_reasons(void **state)
{
	struct fixture *f = *state;
	struct visited v = { .absent = 1, .shaky = 1, .right = 1, .flood = 1 };
	unsigned unused = 0;
	made.collect_error = -EACCES;
	second(f, &unused, &unused);
	collecting_visit(f->collecting, visit, &v);
	assert_int_equal(v.absent, -ENODEV);
	assert_string_equal(v.reason, "there is no such thing here");
	assert_int_equal(v.shaky, -EACCES);
	assert_int_equal(v.right, -ENOSYS);
	assert_int_equal(v.flood, -ECANCELED); /* disabled */
	assert_int_equal(collecting_position(f->collecting, "flood"), 0);
}

static void test_wants_go_to_the_owner_of_the_metric(void **state)
{
	struct fixture *f = *state;
	struct want wants[] = {
		{ metrics_find(f->metrics, "shaky.level"), graph_node(f->graph), 5 },
		{ metrics_find(f->metrics, "flood.event"), graph_node(f->graph), 6 },
		{ 60000, graph_node(f->graph), 7 },
	};
	collecting_want(f->collecting, f->graph, wants, ARRAY_LEN(wants));
	assert_int_equal(made.wanted, 1);
	assert_int_equal(made.want_entity, graph_node(f->graph));
	assert_int_equal(made.want_until, 5);
	assert_int_equal(collecting_position(f->collecting, "flood"), 77);
	assert_int_equal(collecting_position(f->collecting, "shaky"), 0);
	assert_int_equal(collecting_self_first(f->collecting), metrics_find(f->metrics, "whyd.cpu_ratio"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_failing_collector_backs_off_and_says_so_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reading_carries_the_metric_of_its_own_collector, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_not_there_is_looked_for_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failing_drain_rests_and_says_so_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_has_no_room_waits_and_everyone_has_a_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_source_that_stays_readable_does_not_starve_the_socket, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_each_and_its_hooks_are_told_with_their_reasons,
						set_up_without_flood, tear_down),
		cmocka_unit_test_setup_teardown(test_wants_go_to_the_owner_of_the_metric, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

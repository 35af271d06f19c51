/* SPDX-License-Identifier: Apache-2.0 */
/* The test program is its own child: started with `--isolated NAME` it serves one of the collectors below. */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/isolate.h"
#include "collectors/isolate_wire.h"
#include "collectors/self.h"

extern const struct collector collector_self;

enum { VALUE, HAPPENED, N_METRICS };

static const struct metric_field fields[] = {
	{ "word", 1, UNIT_NONE, "a text" },
	{ "pid", 0, UNIT_NONE, "of the process that read" },
	{ NULL, 0, UNIT_NONE, NULL },
};
static const struct metric_desc metrics[N_METRICS] = {
	[VALUE] = { "fake.value", METRIC_GAUGE, UNIT_NONE, ENTITY_MOUNT, "a number", NULL, NULL },
	[HAPPENED] = { "fake.happened", METRIC_EVENT, UNIT_NONE, ENTITY_MOUNT, "an occurrence", fields, NULL },
};

static int fake_open(const struct collect_env *env, void **ret_state)
{
	int *n = calloc(1, sizeof(*n));

	(void)env;
	*ret_state = n;
	return n ? 0 : -ENOMEM;
}

static void fake_close(void *state)
{
	free(state);
}

static int well_collect(void *state, mono_ns_t now, struct batch *b)
{
	int *n = state;

	++*n;
	entity_id id = batch_entity(b, ENTITY_MOUNT, "/data");
	batch_attr(b, id, "fstype", "fake");
	batch_link(b, EDGE_IN, id, graph_node(b->graph));
	batch_sample(b, VALUE, id, *n * 1.5);
	struct event *e = batch_event(b, HAPPENED, id, now, SEVERITY_WARNING, *n);
	batch_value_text(b, e, 0, "spoken");
	batch_value_number(b, e, 1, getpid());
	batch_message(b, e, "reading %d", *n);
	if (*n == 3)
		batch_gone(b, id);
	return 0;
}

static int many_collect(void *state, mono_ns_t now, struct batch *b)
{
	char key[32];

	(void)state;
	(void)now;
	for (int i = 0; i < 8000; i++) {
		(void)snprintf(key, sizeof(key), "/mnt/%d", i);
		batch_sample(b, VALUE, batch_entity(b, ENTITY_MOUNT, key), i);
	}
	return 0;
}

static int hang_collect(void *state, mono_ns_t now, struct batch *b)
{
	(void)state;
	(void)now;
	(void)b;
	(void)signal(SIGTERM, SIG_IGN);
	while (pause() < 0)
		;
	return 0;
}

static void hang_hung(const char *doing UNUSED, uint64_t waited_ns, mono_ns_t now, struct batch *b)
{
	struct event *e = batch_event(b, HAPPENED, batch_entity(b, ENTITY_MOUNT, "/hung"), now, SEVERITY_WARNING, 0);
	batch_value_number(b, e, 1, (double)waited_ns);
}

static int crash_collect(void *state, mono_ns_t now, struct batch *b)
{
	int *n = state;

	(void)now;
	if (++*n == 2) {
		(void)signal(SIGABRT, SIG_DFL);
		abort();
	}
	batch_sample(b, VALUE, batch_entity(b, ENTITY_MOUNT, "/"), 1);
	return 0;
}

static int fail_collect(void *state, mono_ns_t now, struct batch *b)
{
	int *n = state;

	(void)now;
	if (++*n < 3)
		return -ENODEV;
	batch_sample(b, VALUE, batch_entity(b, ENTITY_MOUNT, "/"), 1);
	return 0;
}

static int leave_collect(void *state, mono_ns_t now, struct batch *b)
{
	(void)state;
	(void)now;
	(void)b;
	_exit(7);
}

/* Writes what no child of ours writes, on the socket that it knows it has. */
static int lie_collect(void *state, mono_ns_t now, struct batch *b)
{
	const char junk[] = "this is no packet of ours, but long enough to look like one";

	(void)state;
	(void)now;
	(void)b;
	(void)send(ISOLATE_FD, junk, sizeof(junk), MSG_NOSIGNAL);
	(void)sleep(20);
	return 0;
}

/* How many descriptors the child has in all. */
static int fds_collect(void *state, mono_ns_t now, struct batch *b)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* . and .. and the folder itself */

	(void)state;
	(void)now;
	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	batch_sample(b, VALUE, batch_entity(b, ENTITY_MOUNT, "/"), n);
	return 0;
}

static int dump_collect(void *state, mono_ns_t now, struct batch *b)
{
	(void)state;
	(void)now;
	batch_sample(b, VALUE, batch_entity(b, ENTITY_MOUNT, "/"), prctl(PR_GET_DUMPABLE));
	return 0;
}

#define FAKE(stem) FAKE_THAT(stem, .hung = NULL)
#define FAKE_THAT(stem, more)                                                                                          \
	{                                                                                                              \
		.name = #stem, .help = "a fake", .metrics = metrics, .n_metrics = N_METRICS,                            \
		.where = COLLECT_ISOLATED, .interval_ms = 1000, .deadline_ms = 300, .open = fake_open,                  \
		.collect = stem##_collect, .close = fake_close, more,                                                   \
	}

static const struct collector fakes[] = {
	FAKE(well),  FAKE(many), FAKE_THAT(hang, .hung = hang_hung),
	FAKE(crash), FAKE(fail), FAKE(leave), FAKE(lie), FAKE(fds), FAKE(dump),
};

static const struct collector *fake(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fakes); i++)
		if (strcmp(fakes[i].name, name) == 0)
			return &fakes[i];
	return NULL;
}

struct stage {
	struct metrics *metrics;
	struct graph *graph;
	struct batch *batch;
	struct collect_env env;
	struct isolate *isolate;
	uint32_t self_first, first;
	mono_ns_t now;
};

static struct stage *stage_new(const char *name)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_ok(metrics_new(&s->metrics));
	assert_ok(metrics_add(s->metrics, "self", collector_self.metrics, collector_self.n_metrics, &s->self_first));
	assert_ok(metrics_add(s->metrics, name, metrics, N_METRICS, &s->first));
	assert_ok(graph_new(16384, "testnode", &s->graph));
	assert_ok(batch_new(s->graph, 16384, 256, 16384, &s->batch));
	s->env = (struct collect_env){ .root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .boot_id = "b",
				       .node_name = "testnode", .ticks_per_s = 100, .page_bytes = 4096, .n_cpus = 1,
				       .ring_kib = 64, .self_pid = 1 };
	assert_ok(isolate_open(fake(name), &s->env, s->metrics, s->self_first, &s->isolate));
	s->now = 1000 * NS_PER_S;
	return s;
}

static void stage_free(struct stage *s)
{
	isolate_close(&s->isolate);
	batch_free(&s->batch);
	graph_free(&s->graph);
	metrics_free(&s->metrics);
	(void)close(s->env.root_fd);
	free(s);
}

static size_t count_events(struct stage *s, const char *metric)
{
	uint32_t id = metrics_find(s->metrics, metric);
	size_t n = 0;

	assert_int_not_equal(id, METRIC_NONE);
	for (size_t i = 0; i < s->batch->n_events; i++)
		n += s->batch->events[i].metric == id;
	return n;
}

/* Drain until something is in the batch, or 10 s are over. */
static bool take(struct stage *s)
{
	struct pollfd p = { .fd = isolate_event_fd(s->isolate), .events = POLLIN };

	batch_reset(s->batch, s->now);
	for (int i = 0; i < 200; i++) {
		if (poll(&p, 1, 50) <= 0)
			continue;
		(void)isolate_drain(s->isolate, s->now, s->batch);
		if (s->batch->n_samples || s->batch->n_events)
			return true;
	}
	return false;
}

static void a_reading_comes_across_whole(void **state)
{
	struct stage *s = stage_new("well");

	(void)state;
	for (int n = 1; n <= 3; n++) {
		s->now += NS_PER_S;
		assert_ok(isolate_request(s->isolate, s->now));
		assert_err(isolate_request(s->isolate, s->now), EBUSY);
		assert_true(isolate_due(s->isolate) > s->now && isolate_due(s->isolate) != UINT64_MAX);
		assert_true(take(s));
		assert_true(isolate_due(s->isolate) == UINT64_MAX);
		entity_id id = graph_find(s->graph, ENTITY_MOUNT, "/data");
		assert_int_not_equal(id, ENTITY_NONE);
		assert_int_equal(s->batch->n_samples, 1);
		assert_int_equal(s->batch->samples[0].metric, s->first + VALUE);
		assert_int_equal(s->batch->samples[0].entity, id);
		assert_true(s->batch->samples[0].value == n * 1.5);
		assert_true(s->batch->samples[0].at == s->now);
		assert_int_equal(s->batch->n_events, 1);
		const struct event *e = &s->batch->events[0];
		assert_int_equal(e->metric, s->first + HAPPENED);
		assert_int_equal(e->code, n);
		assert_string_equal(e->values[0].text, "spoken");
		assert_true(e->values[1].number != getpid());
		assert_non_null(strstr(e->message, "reading"));
		assert_string_equal(graph_attr(s->graph, id, "fstype"), "fake");
		assert_true(graph_is_gone(s->graph, id, NULL) == (n == 3));
	}
	struct isolate_stats stats;
	isolate_stats(s->isolate, &stats);
	assert_int_equal(stats.starts, 1);
	assert_int_equal(stats.replies, 3);
	assert_true(stats.running);
	stage_free(s);
}

static void a_large_reading_is_put_together(void **state)
{
	struct stage *s = stage_new("many");

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_int_equal(s->batch->n_samples, 8000);
	assert_true(s->batch->samples[7999].value == 7999);
	assert_string_equal(graph_key(s->graph, s->batch->samples[7999].entity), "/mnt/7999");
	stage_free(s);
}

static void a_hang_is_killed_and_told_once(void **state)
{
	struct stage *s = stage_new("hang");
	struct isolate_stats stats;

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	/* Not yet past the deadline: nothing happens, nothing blocks. */
	batch_reset(s->batch, s->now);
	assert_int_equal(isolate_drain(s->isolate, s->now + 1, s->batch), 0);
	assert_int_equal(s->batch->n_events, 0);
	s->now = isolate_due(s->isolate);
	(void)isolate_drain(s->isolate, s->now, s->batch);
	assert_int_equal(count_events(s, "whyd.collector.stalled"), 1);
	assert_true(s->batch->events[0].values[0].number >= 300e6); /* waited */
	assert_string_equal(graph_key(s->graph, s->batch->events[0].entity), "hang");
	/* What it says about the world is the collector's to say. */
	assert_int_equal(count_events(s, "fake.happened"), 1);
	assert_string_equal(graph_key(s->graph, s->batch->events[1].entity), "/hung");
	assert_true(s->batch->events[1].values[1].number >= 300e6);
	isolate_stats(s->isolate, &stats);
	assert_int_equal(stats.missed_deadlines, 1);
	assert_false(stats.running);
	/* Backing off: the next start is refused, then granted; the wait doubles. */
	assert_err(isolate_request(s->isolate, s->now), EAGAIN);
	s->now += NS_PER_S + 1;
	int r = -EAGAIN;
	for (int i = 0; i < 100 && r == -EAGAIN; i++) {
		struct pollfd p = { .fd = isolate_event_fd(s->isolate), .events = POLLIN };
		r = isolate_request(s->isolate, s->now);
		if (r == -EAGAIN && poll(&p, 1, 50) > 0)
			(void)isolate_drain(s->isolate, s->now, s->batch);
	}
	assert_ok(r);
	s->now = isolate_due(s->isolate);
	batch_reset(s->batch, s->now);
	(void)isolate_drain(s->isolate, s->now, s->batch);
	assert_int_equal(count_events(s, "whyd.collector.stalled"), 1);
	assert_int_equal(count_events(s, "whyd.collector.failed"), 0);
	s->now += NS_PER_S + 1;
	struct pollfd p = { .fd = isolate_event_fd(s->isolate), .events = POLLIN };
	(void)poll(&p, 1, 2000);
	(void)isolate_drain(s->isolate, s->now, s->batch);
	assert_err(isolate_request(s->isolate, s->now), EAGAIN); /* two seconds now */
	isolate_stats(s->isolate, &stats);
	assert_int_equal(stats.starts, 2);
	stage_free(s);
}

static void a_crash_is_told_with_its_signal_and_recovers(void **state)
{
	struct stage *s = stage_new("crash");
	struct isolate_stats stats;

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	s->now += NS_PER_S;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_int_equal(count_events(s, "whyd.collector.failed"), 1);
	assert_non_null(strstr(s->batch->events[0].values[0].text, "SIGABRT"));
	isolate_stats(s->isolate, &stats);
	assert_int_equal(stats.deaths, 1);
	assert_false(stats.running);
	assert_err(isolate_request(s->isolate, s->now), EAGAIN);
	s->now += NS_PER_S + 1;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_int_equal(count_events(s, "whyd.collector.recovered"), 1);
	assert_int_equal(s->batch->n_samples, 1);
	stage_free(s);
}

static void a_failed_reading_is_told_once_and_recovers(void **state)
{
	struct stage *s = stage_new("fail");

	(void)state;
	for (int n = 1; n <= 3; n++) {
		s->now += NS_PER_S;
		assert_ok(isolate_request(s->isolate, s->now));
		struct isolate_stats stats;
		batch_reset(s->batch, s->now);
		for (int i = 0; i < 200; i++) {
			struct pollfd p = { .fd = isolate_event_fd(s->isolate), .events = POLLIN };
			if (poll(&p, 1, 50) > 0)
				(void)isolate_drain(s->isolate, s->now, s->batch);
			isolate_stats(s->isolate, &stats);
			if (stats.replies == (uint64_t)n)
				break;
		}
		assert_int_equal(stats.replies, n);
		assert_int_equal(count_events(s, "whyd.collector.failed"), n == 1);
		assert_int_equal(count_events(s, "whyd.collector.recovered"), n == 3);
	}
	stage_free(s);
}

static void an_exit_is_told_with_its_status(void **state)
{
	struct stage *s = stage_new("leave");

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_int_equal(count_events(s, "whyd.collector.failed"), 1);
	assert_non_null(strstr(s->batch->events[0].values[0].text, "status 7"));
	stage_free(s);
}

static void junk_is_refused_and_its_sender_killed(void **state)
{
	struct stage *s = stage_new("lie");
	struct isolate_stats stats;

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_int_equal(count_events(s, "whyd.collector.failed"), 1);
	isolate_stats(s->isolate, &stats);
	assert_false(stats.running);
	stage_free(s);
}

static void a_child_inherits_nothing_else(void **state)
{
	struct stage *s = stage_new("fds");

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_true(s->batch->samples[0].value == 6); /* 0 1 2, the socket, the root, the marks */
	stage_free(s);
}

/* Secrets that runtimes answer with are in its memory. */
static void a_child_leaves_no_core_file(void **state)
{
	struct stage *s = stage_new("dump");

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	assert_true(take(s));
	assert_true(s->batch->samples[0].value == 0);
	stage_free(s);
}

static void closing_leaves_no_process(void **state)
{
	struct stage *s = stage_new("hang");

	(void)state;
	assert_ok(isolate_request(s->isolate, s->now));
	stage_free(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void an_unknown_name_is_an_exit_status(void **state)
{
	(void)state;
	assert_int_equal(isolate_child_main("no-such-collector"), 64);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reading_comes_across_whole),
		cmocka_unit_test(a_large_reading_is_put_together),
		cmocka_unit_test(a_hang_is_killed_and_told_once),
		cmocka_unit_test(a_crash_is_told_with_its_signal_and_recovers),
		cmocka_unit_test(a_failed_reading_is_told_once_and_recovers),
		cmocka_unit_test(an_exit_is_told_with_its_status),
		cmocka_unit_test(junk_is_refused_and_its_sender_killed),
		cmocka_unit_test(a_child_inherits_nothing_else),
		cmocka_unit_test(a_child_leaves_no_core_file),
		cmocka_unit_test(closing_leaves_no_process),
		cmocka_unit_test(an_unknown_name_is_an_exit_status),
	};

	if (argc == 3 && strcmp(argv[1], "--isolated") == 0)
		return fake(argv[2]) ? isolate_child_serve(fake(argv[2])) : 64;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

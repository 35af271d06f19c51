/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/loop.h"

struct seen {
	struct loop *loop;
	struct loop_source *source;
	char order[16];
	unsigned n;
	mono_ns_t last;
};

static void note(struct seen *s, char what)
{
	if (s->n < sizeof(s->order) - 1)
		s->order[s->n++] = what;
}

static void on_control(void *arg, uint32_t events, mono_ns_t now)
{
	struct seen *s = arg;
	assert_true(events & EPOLLIN);
	note(s, 'c');
	s->last = now;
	loop_source_free(&s->source);
}

static void on_drain(void *arg, uint32_t events, mono_ns_t now)
{
	struct seen *s = arg;
	assert_true(events & EPOLLIN);
	note(s, 'd');
	assert_true(now >= s->last);
	loop_exit(s->loop, 7);
}

static void test_lower_priority_number_is_served_first(void **state)
{
	(void)state;
	int control[2], drain[2];
	assert_ok(pipe2(control, O_CLOEXEC));
	assert_ok(pipe2(drain, O_CLOEXEC));
	struct seen s = {0};
	assert_ok(loop_new(&s.loop));
	assert_ok(loop_add_fd(s.loop, drain[0], EPOLLIN, LOOP_DRAIN, "drain", on_drain, &s, NULL));
	assert_ok(loop_add_fd(s.loop, control[0], EPOLLIN, LOOP_CONTROL, "control", on_control, &s, &s.source));
	assert_int_equal(write(drain[1], "x", 1), 1);
	assert_int_equal(write(control[1], "x", 1), 1);
	assert_int_equal(loop_run(s.loop), 7);
	assert_string_equal(s.order, "cd");
	assert_null(s.source);
	loop_free(&s.loop);
	assert_null(s.loop);
	for (int i = 0; i < 2; i++) {
		close(control[i]);
		close(drain[i]);
	}
}

static void on_timer(void *arg, mono_ns_t now)
{
	struct seen *s = arg;
	note(s, 't');
	if (s->n < 3)
		assert_ok(loop_timer_set(s->source, now + NS_PER_MS, 0));
	else
		loop_exit(s->loop, 0);
}

static void test_timer_fires_only_when_set_and_rearms(void **state)
{
	(void)state;
	struct seen s = {0};
	assert_ok(loop_new(&s.loop));
	assert_ok(loop_add_timer(s.loop, LOOP_TICK, "tick", on_timer, &s, &s.source));
	struct loop_source *never;
	assert_ok(loop_add_timer(s.loop, LOOP_TICK, "never", on_timer, &s, &never));
	assert_ok(loop_timer_set(never, loop_now(s.loop), 0));
	assert_ok(loop_timer_off(never));
	assert_ok(loop_timer_set(s.source, loop_now(s.loop) + NS_PER_MS, 0));
	assert_int_equal(loop_run(s.loop), 0);
	assert_string_equal(s.order, "ttt");
	loop_free(&s.loop);
}

static void on_hangup(void *arg, uint32_t events, mono_ns_t now)
{
	struct seen *s = arg;
	(void)events;
	(void)now;
	if (++s->n < 100)
		(void)loop_fd_set_events(s->source, 0);
	else
		loop_exit(s->loop, 1); /* it is told again and again, and nothing of lower priority is served */
}

static void on_end(void *arg, mono_ns_t now)
{
	struct seen *s = arg;
	(void)now;
	loop_exit(s->loop, 0);
}

static void test_no_events_wanted_is_no_hangup_either(void **state)
{
	(void)state;
	struct seen s = {0};
	int ends[2];
	struct loop_source *timer;
	assert_ok(pipe2(ends, O_CLOEXEC));
	assert_ok(loop_new(&s.loop));
	assert_ok(loop_add_fd(s.loop, ends[0], EPOLLIN, LOOP_DRAIN, "pipe", on_hangup, &s, &s.source));
	assert_ok(loop_add_timer(s.loop, LOOP_TICK, "end", on_end, &s, &timer));
	assert_ok(loop_timer_set(timer, loop_now(s.loop) + 20 * NS_PER_MS, 0));
	close(ends[1]);
	assert_int_equal(loop_run(s.loop), 0);
	assert_int_equal(s.n, 1);
	loop_free(&s.loop);
	close(ends[0]);
}

static void on_signal(void *arg, int signo, mono_ns_t now)
{
	(void)now;
	loop_exit(arg, signo);
}

static void test_signal_arrives_in_the_loop(void **state)
{
	(void)state;
	struct loop *loop;
	assert_ok(loop_new(&loop));
	assert_ok(loop_add_signal(loop, SIGUSR1, on_signal, loop));
	assert_ok(raise(SIGUSR1));
	assert_int_equal(loop_run(loop), SIGUSR1);
	loop_free(&loop);
}

static void test_what_cannot_be_waited_for_is_refused(void **state)
{
	(void)state;
	struct loop *loop;
	assert_ok(loop_new(&loop));
	AUTO_CLOSE int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0);
	assert_err(loop_add_fd(loop, file, EPOLLIN, LOOP_DRAIN, "file", on_drain, NULL, NULL), EPERM);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower_priority_number_is_served_first),
		cmocka_unit_test(test_timer_fires_only_when_set_and_rearms),
		cmocka_unit_test(test_no_events_wanted_is_no_hangup_either),
		cmocka_unit_test(test_signal_arrives_in_the_loop),
		cmocka_unit_test(test_what_cannot_be_waited_for_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/cleanup.h"
#include "proto/local.h"

#define BIG_BYTES (3UL << 20)

struct stage {
	char folder[64], path[96];
	struct loop *loop;
	struct control *control;
	pthread_t thread;
	int privileged;
	unsigned asked;
};

static int answer_hello(void *arg, const struct query *q, int privileged, struct answer **ret_answer)
{
	struct stage *s = arg;
	struct answer *a;
	int r = answer_new(q->kind, &a);
	if (r < 0)
		return r;
	s->privileged = privileged;
	s->asked++;
	a->node = "n1";
	a->evaluated = true;
	a->message = arena_printf(a->arena, "about %s", q->target);
	bool huge = strcmp(q->target, "huge") == 0;
	if (huge || strcmp(q->target, "big") == 0) {
		static char text[8192];
		memset(text, 'x', sizeof(text) - 1);
		for (size_t bytes = 0; bytes <= (huge ? 2 * LOCAL_MAX_ANSWER - sizeof(text) * 60 : BIG_BYTES);
		     bytes += sizeof(text)) {
			struct answer_line *line = answer_add_line(a);
			assert_non_null(line);
			line->what = line->status = "x";
			line->text = text;
		}
	}
	*ret_answer = a;
	return 0;
}

static void *run(void *arg)
{
	struct stage *s = arg;
	(void)loop_run(s->loop);
	return NULL;
}

static void on_stop(void *arg, uint32_t events UNUSED, mono_ns_t now UNUSED)
{
	loop_exit(arg, 0);
}

static int stop_pipe[2];

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	strcpy(s->folder, "/tmp/why-control-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/%s", s->folder, LOCAL_SOCKET);
	assert_ok(pipe2(stop_pipe, O_CLOEXEC));
	assert_ok(loop_new(&s->loop));
	assert_ok(loop_add_fd(s->loop, stop_pipe[0], 1, LOOP_CONTROL, "stop", on_stop, s->loop, NULL));
	assert_ok(control_open(s->loop, s->folder, answer_hello, s, &s->control));
	assert_ok(pthread_create(&s->thread, NULL, run, s));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	assert_int_equal(write(stop_pipe[1], "x", 1), 1);
	assert_ok(pthread_join(s->thread, NULL));
	control_close(&s->control);
	loop_free(&s->loop);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
	struct stat st;
	assert_int_equal(stat(s->path, &st), -1); /* the socket's file goes with it */
	rmdir(s->folder);
	free(s);
	return 0;
}

static int connect_raw(const struct stage *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, s->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_ok(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static void test_asks_and_gets_the_answer(void **state)
{
	struct stage *s = *state;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_PROCESS, .target = "4242" };
	AUTO(answer_free) struct answer *a = NULL;
	assert_ok(local_ask(s->path, &q, 5 * NS_PER_S, &a));
	assert_string_equal(a->node, "n1");
	assert_string_equal(a->message, "about 4242");
	assert_true(a->evaluated);
	assert_int_equal(s->privileged, 1); /* the same user as the agent's */
}

static void test_socket_is_for_owner_and_group_only(void **state)
{
	struct stage *s = *state;
	struct stat st;
	assert_ok(stat(s->path, &st));
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_second_agent_is_refused_a_stale_socket_is_replaced(void **state)
{
	struct stage *s = *state;
	struct loop *loop;
	struct control *other = NULL;
	assert_ok(loop_new(&loop));
	assert_err(control_open(loop, s->folder, answer_hello, s, &other), EADDRINUSE);
	assert_null(other);

	char stale[64] = "/tmp/why-stale-XXXXXX", path[96];
	assert_non_null(mkdtemp(stale));
	snprintf(path, sizeof(path), "%s/%s", stale, LOCAL_SOCKET);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_ok(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd); /* what `kill -9` leaves */
	assert_ok(control_open(loop, stale, answer_hello, s, &other));
	control_close(&other);
	loop_free(&loop);
	rmdir(stale);
}

static void test_hostile_frames_end_their_own_connection_only(void **state)
{
	struct stage *s = *state;
	static const uint8_t huge[4] = { 0xff, 0xff, 0xff, 0x7f };
	int fd = connect_raw(s);
	assert_int_equal(send(fd, huge, sizeof(huge), MSG_NOSIGNAL), sizeof(huge));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 5000), 1);
	char byte;
	assert_int_equal(recv(fd, &byte, 1, 0), 0); /* closed */
	close(fd);

	/* A whole frame of nonsense is answered with what is wrong. */
	static const uint8_t nonsense[] = { 3, 0, 0, 0, 0xff, 0xff, 0xff };
	fd = connect_raw(s);
	assert_int_equal(send(fd, nonsense, sizeof(nonsense), MSG_NOSIGNAL), sizeof(nonsense));
	p.fd = fd;
	assert_int_equal(poll(&p, 1, 5000), 1);
	uint8_t reply[4096];
	assert_true(recv(fd, reply, sizeof(reply), 0) > 4);
	close(fd);
	assert_int_equal(s->asked, 0);

	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX };
	AUTO(answer_free) struct answer *a = NULL;
	assert_ok(local_ask(s->path, &q, 5 * NS_PER_S, &a));
}

static void test_answers_nobody_reads_are_bounded_together(void **state)
{
	struct stage *s = *state;
	AUTO_BUF struct buf question;
	struct query big = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .target = "big" };
	int fds[12];
	unsigned dropped = 0;
	buf_init(&question, LOCAL_MAX_QUERY);
	assert_ok(local_frame_query(&big, &question));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_raw(s);
		assert_int_equal(send(fds[i], question.data, question.len, MSG_NOSIGNAL), (ssize_t)question.len);
		/* One after the other: each has an answer, or its end, before the next comes. */
		struct pollfd p = { .fd = fds[i], .events = POLLIN };
		char byte;
		assert_int_equal(poll(&p, 1, 5000), 1);
		dropped += recv(fds[i], &byte, 1, MSG_PEEK) <= 0;
	}
	assert_int_equal(dropped, ARRAY_LEN(fds) - CONTROL_MAX_PENDING / BIG_BYTES); /* five fit */
	/* An ordinary question still gets its answer. */
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .target = "x" };
	AUTO(answer_free) struct answer *a = NULL;
	assert_ok(local_ask(s->path, &q, 5 * NS_PER_S, &a));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void test_answer_too_large_is_cut_not_lost(void **state)
{
	struct stage *s = *state;
	struct query q = { .kind = QUERY_DOCTOR, .target_kind = ENTITY_KIND_MAX, .target = "huge" };
	AUTO(answer_free) struct answer *a = NULL;
	assert_ok(local_ask(s->path, &q, 10 * NS_PER_S, &a));
	assert_true(a->truncated);
	assert_in_range(a->n_lines, 900, 1024);
}

static void test_question_then_half_closed_gets_its_whole_answer(void **state)
{
	struct stage *s = *state;
	AUTO_BUF struct buf question;
	struct query big = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX, .target = "big" };
	static char chunk[65536];
	size_t got = 0;
	buf_init(&question, LOCAL_MAX_QUERY);
	assert_ok(local_frame_query(&big, &question));
	int fd = connect_raw(s);
	assert_int_equal(send(fd, question.data, question.len, MSG_NOSIGNAL), (ssize_t)question.len);
	assert_ok(shutdown(fd, SHUT_WR));
	for (ssize_t n = 1; n > 0; got += (size_t)n) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, 5000), 1);
		n = recv(fd, chunk, sizeof(chunk), 0);
		assert_true(n >= 0);
	}
	assert_true(got > BIG_BYTES);
	close(fd);
}

static void test_more_clients_than_places_are_turned_away(void **state)
{
	struct stage *s = *state;
	int fds[CONTROL_MAX_CLIENTS];
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		fds[i] = connect_raw(s);
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX };
	AUTO(answer_free) struct answer *a = NULL;
	int r = local_ask(s->path, &q, 2 * NS_PER_S, &a);
	assert_true(r < 0);
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		close(fds[i]);
	/* Once they are gone there is room again. */
	for (unsigned attempt = 0; attempt < 50 && r < 0; attempt++)
		r = local_ask(s->path, &q, NS_PER_S, &a);
	assert_ok(r);
}

static void on_tick(void *arg, mono_ns_t now)
{
	(void)now;
	loop_exit(arg, 0);
}

/* Whoever waits to be accepted stays readable: at the highest priority the loop would do nothing else any more. */
static void test_no_descriptors_left_does_not_stop_the_loop(void **state)
{
	(void)state;
	struct stage s = {0};
	struct loop_source *tick;
	struct rlimit before, few;
	strcpy(s.folder, "/tmp/why-control-XXXXXX");
	assert_non_null(mkdtemp(s.folder));
	snprintf(s.path, sizeof(s.path), "%s/%s", s.folder, LOCAL_SOCKET);
	assert_ok(loop_new(&s.loop));
	assert_ok(control_open(s.loop, s.folder, answer_hello, &s, &s.control));
	assert_ok(loop_add_timer(s.loop, LOOP_TICK, "tick", on_tick, s.loop, &tick));
	int fd = connect_raw(&s); /* waits to be accepted */
	assert_ok(getrlimit(RLIMIT_NOFILE, &before));
	few = before;
	few.rlim_cur = (rlim_t)fd + 1;
	for (int i = 0; i < fd; i++) /* nor is there a gap below */
		if (fcntl(i, F_GETFD) < 0)
			assert_int_equal(dup2(fd, i), i);
	assert_ok(setrlimit(RLIMIT_NOFILE, &few));
	assert_ok(loop_timer_set(tick, loop_now(s.loop) + 100 * NS_PER_MS, 0));
	(void)alarm(20); /* the test is killed rather than stuck */
	assert_int_equal(loop_run(s.loop), 0);
	(void)alarm(0);
	assert_ok(setrlimit(RLIMIT_NOFILE, &before));
	control_close(&s.control);
	loop_free(&s.loop);
	close(fd);
	rmdir(s.folder);
}

static void test_no_agent_is_told_apart_from_no_permission(void **state)
{
	(void)state;
	struct query q = { .kind = QUERY_EXPLAIN, .target_kind = ENTITY_KIND_MAX };
	struct answer *a = NULL;
	assert_err(local_ask("/tmp/why-no-such-socket", &q, NS_PER_S, &a), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_asks_and_gets_the_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_socket_is_for_owner_and_group_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_agent_is_refused_a_stale_socket_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_frames_end_their_own_connection_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answers_nobody_reads_are_bounded_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answer_too_large_is_cut_not_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_question_then_half_closed_gets_its_whole_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_more_clients_than_places_are_turned_away, set_up, tear_down),
		cmocka_unit_test(test_no_descriptors_left_does_not_stop_the_loop),
		cmocka_unit_test(test_no_agent_is_told_apart_from_no_permission),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

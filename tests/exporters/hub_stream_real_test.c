// SPDX-License-Identifier: Apache-2.0
/* The exporter against the hub program itself, which is killed while it takes findings. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "exporters/exporter.h"
#include "exporters/spool.h"
#include "proto/call.h"
#include "proto/convert.h"
#include "proto/frame.h"
#include "tests/exporters/made.h"
#include "tests/test.h"

extern const struct exporter exporter_hub_stream;

#define MAX_NUMBER 20000
#define ROUNDS     8

static char program[256];

struct scene {
	char folder[64], address[32], store[96];
	pid_t hub;
	struct spool *spool;
	struct export_env env;
	void *exporter;
	uint64_t skew;
	mono_ns_t next;
	unsigned seen[MAX_NUMBER];
	char cursor[64];
};

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void start_hub(struct scene *s)
{
	s->hub = fork();
	assert_true(s->hub >= 0);
	if (s->hub == 0) {
		int null = open("/dev/null", O_WRONLY);

		(void)dup2(null, 2);
		(void)execl(program, program, "--listen", s->address, "--http", "off", "--store", s->store, (char *)NULL);
		_exit(127);
	}
}

static void kill_hub(struct scene *s)
{
	assert_int_equal(kill(s->hub, SIGKILL), 0);
	assert_int_equal(waitpid(s->hub, NULL, 0), s->hub);
}

static int make_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	char path[80];
	bool damaged;

	made_folder(s->folder);
	(void)snprintf(path, sizeof(path), "%s/spool.db", s->folder);
	(void)snprintf(s->store, sizeof(s->store), "sqlite:%s/hub.db", s->folder);
	(void)snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", free_port());
	assert_ok(spool_open(&(struct spool_options){.path = path, .max_records = 100000, .max_bytes = 64 << 20},
			     &s->spool, &damaged));
	s->env = (struct export_env){.spool = s->spool,
				     .node = "n1",
				     .boot_id = "b",
				     .version = "1",
				     .hub_address = s->address,
				     .insecure = 1};
	*state = s;
	return 0;
}

static int drop_scene(void **state)
{
	struct scene *s = *state;

	if (s->exporter)
		(void)exporter_hub_stream.close(s->exporter, 0);
	spool_close(&s->spool);
	made_folder_remove(s->folder);
	free(s);
	return 0;
}

static void turn(struct scene *s)
{
	struct pollfd p = {exporter_hub_stream.event_fd(s->exporter), POLLIN, 0};

	if (poll(&p, 1, 5) > 0 || clock_mono_now() + s->skew >= s->next)
		(void)exporter_hub_stream.pump(s->exporter, clock_mono_now() + s->skew, &s->next);
}

static uint64_t unacked(struct scene *s)
{
	struct spool_stats stats;

	spool_stats(s->spool, &stats);
	return stats.unacked;
}

static void put(struct scene *s, unsigned first, unsigned n)
{
	assert_ok(spool_begin(s->spool));
	for (unsigned i = first; i < first + n; i++) {
		AUTO(finding_free) struct finding *f = made_finding(i, 1, FINDING_OPEN);

		assert_ok(spool_put(s->spool, f, 1));
	}
	assert_ok(spool_commit(s->spool));
}

/* One page; false: it was the last. */
static bool list_page(struct scene *s)
{
	struct call_options o = {.address = s->address, .insecure = true};
	struct query q = {.kind = QUERY_LIST, .target_kind = ENTITY_KIND_MAX, .limit = 500};
	AUTO_BUF struct buf question = {0}, reply = {0};
	AUTO(answer_free) struct answer *a = NULL;
	struct call_status status;
	const char *field = "";

	memcpy(q.cursor, s->cursor, sizeof(q.cursor));
	buf_init(&question, 4096);
	buf_init(&reply, CALL_MAX_MESSAGE);
	assert_ok(query_pack(&q, &question));
	assert_ok(call_unary(&o, FRAME_METHOD_QUERY "ListFindings", question.data, question.len, 20000, &reply, &status));
	assert_ok(answer_unpack(reply.data, reply.len, &a, &field));
	assert_int_equal(a->status, ANSWER_OK);
	for (size_t i = 0; i < a->n_findings; i++)
		s->seen[made_number(a->findings[i])]++;
	memcpy(s->cursor, a->next_cursor, sizeof(s->cursor));
	return s->cursor[0] != '\0';
}

static void a_hub_killed_again_and_again_has_every_finding_once(void **state)
{
	struct scene *s = *state;
	unsigned n = 0, pages = 0;

	assert_int_equal(access(program, X_OK), 0);
	assert_ok(exporter_hub_stream.open(&s->env, &s->exporter));
	for (int round = 0; round < ROUNDS; round++) {
		start_hub(s);
		for (int i = 0; i < 20 + rand() % 60; i++) {
			put(s, n + 1, 20);
			n += 20;
			turn(s);
			s->skew += NS_PER_S; /* so that it does not wait long */
		}
		kill_hub(s);
	}
	start_hub(s);
	for (int i = 0; i < 4000 && unacked(s) > 0; i++) {
		turn(s);
		s->skew += NS_PER_S / 10;
	}
	assert_int_equal(unacked(s), 0);
	while (list_page(s))
		assert_true(++pages < 200);
	kill_hub(s);
	for (unsigned i = 1; i <= n; i++)
		assert_int_equal(s->seen[i], 1);
}

int main(int argc UNUSED, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hub_killed_again_and_again_has_every_finding_once, make_scene, drop_scene),
	};
	const char *slash = strstr(argv[0], "/tests/");

	(void)snprintf(program, sizeof(program), "%.*s/bin/whyhub", slash ? (int)(slash - argv[0]) : 1,
		       slash ? argv[0] : ".");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

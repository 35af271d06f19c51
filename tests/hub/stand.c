// SPDX-License-Identifier: Apache-2.0
#include "tests/hub/stand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "proto/convert.h"
#include "tests/test.h"

#define PATIENCE_MS 20000

void stand_init(struct stand *s)
{
	const struct conf_option *options;
	size_t n;

	*s = (struct stand){ .folder = made_folder() };
	options = hub_settings_options(&n);
	assert_ok(arena_new(1024 * 1024, &s->settings.arena));
	assert_ok(conf_defaults(options, n, s->settings.arena, &s->settings));
	assert_true(asprintf(&s->store_url, "sqlite:%s/hub.db", s->folder) > 0);
	s->settings.store = s->store_url;
	s->settings.listen = "127.0.0.1:0";
	s->settings.http = "127.0.0.1:0";
	s->settings.max_agents = 64;
	s->options.insecure = true;
}

void stand_start(struct stand *s)
{
	char why[1024];

	assert_int_equal(hub_new(&s->settings, &s->hub, why, sizeof(why)), 0);
	(void)snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", hub_rpc_port(s->hub));
	s->options.address = s->address;
}

void stand_stop(struct stand *s)
{
	hub_free(&s->hub);
}

void stand_done(struct stand *s)
{
	hub_free(&s->hub);
	hub_settings_done(&s->settings);
	free(s->store_url);
	made_folder_gone(&s->folder);
}

void double_open(struct double_agent *a, const struct stand *s, const struct call_options *options)
{
	*a = (struct double_agent){ 0 };
	assert_ok(call_open(options ? options : &s->options, FRAME_METHOD_CONNECT, &a->call));
}

void double_close(struct double_agent *a)
{
	call_close(&a->call);
}

static void wait_event(struct double_agent *a)
{
	struct pollfd p = { .fd = call_event_fd(a->call), .events = POLLIN };

	assert_true(poll(&p, 1, PATIENCE_MS) > 0);
	call_wake(a->call);
}

void double_send(struct double_agent *a, const struct buf *message)
{
	int r;

	while ((r = call_send(a->call, message->data, message->len)) == -EAGAIN)
		wait_event(a);
	if (r != -EPIPE)
		assert_int_equal(r, 0);
}

bool double_receive(struct double_agent *a, struct frame_hub *ret_frame)
{
	for (;;) {
		AUTO_FREE uint8_t *data = NULL;
		size_t n;

		if (call_receive(a->call, &data, &n) == 0) {
			assert_ok(frame_hub_unpack(data, n, ret_frame, NULL));
			return true;
		}
		if (call_closed(a->call, &a->status))
			return false;
		wait_event(a);
	}
}

void double_send_hello(struct double_agent *a, const char *node, const char *spool)
{
	struct frame_hello hello = {
		.boot_id = "boot-1", .version = "0.1", .rules_digest = "d1", .capabilities = a->mute ? 0 : FRAME_CAN_ANSWER
	};
	AUTO_BUF struct buf out;

	buf_init(&out, FRAME_MAX_MESSAGE);
	(void)snprintf(hello.node, sizeof(hello.node), "%s", node);
	(void)snprintf(hello.spool_id, sizeof(hello.spool_id), "%s", spool);
	assert_ok(frame_pack_hello(&hello, &out));
	double_send(a, &out);
}

uint64_t double_hello(struct double_agent *a, const char *node, const char *spool)
{
	struct frame_hub frame;

	double_send_hello(a, node, spool);
	if (!double_receive(a, &frame))
		fail_msg("no reply to hello: %d %s", a->status.code, a->status.text);
	assert_int_equal(frame.kind, FRAME_HELLO_REPLY);
	return frame.up_to_seq;
}

void double_send_batch(struct double_agent *a, const char *node, unsigned first, unsigned last, enum severity severity)
{
	struct frame_batch batch;
	AUTO_BUF struct buf out;

	frame_batch_init(&batch);
	for (unsigned n = first; n <= last; n++) {
		AUTO(finding_free) struct finding *f = made_finding(node, n, 1, FINDING_OPEN, severity);
		AUTO_BUF struct buf packed;

		made_pack(f, &packed);
		assert_ok(frame_batch_add(&batch, n, packed.data, packed.len));
	}
	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_batch(&batch, &out));
	double_send(a, &out);
	frame_batch_done(&batch);
}

void double_heartbeat(struct double_agent *a, bool evaluated)
{
	struct frame_heartbeat h = { .mono = 1, .wall = 1, .evaluated = evaluated, .rules_digest = "d1" };
	AUTO_BUF struct buf out;

	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_heartbeat(&h, &out));
	double_send(a, &out);
}

void double_wait_ack(struct double_agent *a, uint64_t seq)
{
	struct frame_hub frame;

	do {
		if (!double_receive(a, &frame))
			fail_msg("the stream ended before the ack: %d %s", a->status.code, a->status.text);
		assert_int_equal(frame.kind, FRAME_ACK);
	} while (frame.up_to_seq < seq);
}

void double_answer_question(struct double_agent *a, const char *node)
{
	AUTO(answer_free) struct answer *answer = NULL;
	struct frame_hub frame;
	AUTO_BUF struct buf out;

	assert_true(double_receive(a, &frame));
	assert_int_equal(frame.kind, FRAME_ASK);
	assert_ok(answer_new(frame.query.kind, &answer));
	answer->node = arena_strdup(answer->arena, node);
	answer->message = arena_printf(answer->arena, "asked about '%s'", frame.query.target);
	answer->verdict = "cannot_tell";
	buf_init(&out, FRAME_MAX_MESSAGE);
	assert_ok(frame_pack_answer(frame.query_id, answer, &out));
	double_send(a, &out);
}

int stand_ask(const struct stand *s, const char *method, const struct query *q, struct answer **ret_answer,
	      struct call_status *ret_status)
{
	char path[128];
	AUTO_BUF struct buf request;
	AUTO_BUF struct buf reply;
	int r;

	(void)snprintf(path, sizeof(path), "%s%s", FRAME_METHOD_QUERY, method);
	buf_init(&request, 64 * 1024);
	buf_init(&reply, CALL_MAX_MESSAGE);
	assert_ok(query_pack(q, &request));
	r = call_unary(&s->options, path, request.data, request.len, PATIENCE_MS, &reply, ret_status);
	if (r == 0)
		assert_ok(answer_unpack(reply.data, reply.len, ret_answer, NULL));
	return r;
}

void stand_get(const struct stand *s, const char *path, struct buf *out)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)hub_http_port(s->hub)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[2048], part[4096];
	ssize_t n;

	buf_init(out, 16 << 20);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	while ((n = read(fd, part, sizeof(part))) > 0)
		assert_ok(buf_add(out, part, (size_t)n));
	assert_int_equal(n, 0);
	assert_true(out->len > 0);
}

void stand_wait_metric(const struct stand *s, const char *name, double at_least)
{
	char line[128];
	double value = 0;

	(void)snprintf(line, sizeof(line), "\nwhyhub_%s ", name);
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		AUTO_BUF struct buf page;
		const char *at;

		stand_get(s, "/metrics", &page);
		at = strstr((const char *)page.data, line);
		assert_non_null(at);
		value = strtod(at + strlen(line), NULL);
		if (value >= at_least)
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("%s stays at %g", name, value);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtimes/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MIN_BACK_OFF_NS   (2 * NS_PER_S)
#define MAX_BACK_OFF_NS   (30 * NS_PER_S)
#define EVENTS_BACK_OFF_NS (5 * NS_PER_S)
#define NEXT_EVENT_MS     2 /* a burst comes in pieces */

bool talk_socket_present(int root_fd, const char *path, ino_t *ret_inode)
{
	struct stat st;

	if (fstatat(root_fd, path, &st, 0) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	if (ret_inode)
		*ret_inode = st.st_ino;
	return true;
}

void talk_init(struct talk *t, const struct talk_socket *socket, int root_fd)
{
	*t = (struct talk){ .socket = socket, .root_fd = root_fd };
}

void talk_done(struct talk *t)
{
	call_close(&t->events);
	call_line_close(&t->line);
}

void talk_look(struct talk *t)
{
	ino_t inode = 0;

	t->present = talk_socket_present(t->root_fd, t->socket->path, &inode);
	if (inode == t->inode)
		return;
	/* Gone, or another process has made it anew: ask that one at once, all from the beginning. */
	talk_done(t);
	t->inode = inode;
	t->no_events = t->refused = false;
	t->is_new = true;
	t->retry_at = t->events_at = 0;
	t->back_off_ns = 0;
	if (!t->present && t->asked) {
		t->failing = true;
		(void)snprintf(t->why, sizeof(t->why), "its socket is not there");
	}
}

bool talk_may_ask(const struct talk *t, mono_ns_t now)
{
	return t->present && !t->refused && now >= t->retry_at;
}

/* A socket below the root, whatever that root is: its descriptor's name in /proc is a path for connect(2). */
static struct call_options options_of(const struct talk *t, char *address, size_t size)
{
	(void)snprintf(address, size, "unix:/proc/self/fd/%d/%s", t->root_fd, t->socket->path);
	return (struct call_options){
		.address = address,
		.insecure = true,
		.quiet = true,
		.max_message = CALL_MAX_REPLY,
		.header = t->socket->header,
		.header_value = t->socket->header_value,
	};
}

int talk_patience(struct talk *t, uint32_t ms)
{
	char address[108 + 5];
	struct call_options o = options_of(t, address, sizeof(address));
	int r = t->line ? 0 : call_line_open(&o, &t->line);

	if (r == 0)
		call_line_patience(t->line, ms);
	return r;
}

int talk_ask(struct talk *t, const char *method, const struct buf *request, uint32_t deadline_ms,
		 struct buf *reply)
{
	struct call_status status = {0};
	int r = call_line_unary(t->line, method, request->data ? request->data : (const uint8_t *)"", request->len,
				deadline_ms, reply, &status);

	if (r == 0)
		return 0;
	if (r != -EREMOTEIO) {
		(void)snprintf(t->why, sizeof(t->why), "%s", strerror(-r));
		return r == -EMSGSIZE ? -EMSGSIZE : -EIO;
	}
	(void)snprintf(t->why, sizeof(t->why), "%s%s%.200s", call_code_name(status.code), status.text[0] ? ": " : "",
		       status.text);
	switch (status.code) {
	case CALL_TIMEOUT:
		return -ETIMEDOUT;
	case CALL_NOT_FOUND:
		return -ENOENT;
	case CALL_EXHAUSTED:
		return -EMSGSIZE;
	case CALL_UNIMPLEMENTED:
		return -ENOSYS;
	case CALL_CANCELLED:
	case CALL_UNAVAILABLE:
		return -EIO;
	default:
		return -EPROTO;
	}
}

void talk_answered(struct talk *t, mono_ns_t now)
{
	t->asked = true;
	t->answered_at = now;
	t->failing = false;
	t->back_off_ns = 0;
}

void talk_failed(struct talk *t, mono_ns_t now)
{
	if (!t->asked)
		t->answered_at = now;
	t->asked = t->failing = true;
	t->back_off_ns = MIN_OF(MAX_OF(t->back_off_ns * 2, MIN_BACK_OFF_NS), MAX_BACK_OFF_NS);
	t->retry_at = now + t->back_off_ns;
	/* A connection that failed backs off by itself, for longer than we want. */
	talk_done(t);
}

/* ---- events ---- */

/* True: one was taken, or one may be on its way. */
static bool take_event(struct talk *t, void (*visit)(void *arg, const uint8_t *data, size_t n), void *arg)
{
	AUTO_FREE uint8_t *data = NULL;
	size_t n;

	call_wake(t->events);
	if (call_receive(t->events, &data, &n) < 0) {
		struct pollfd p = { .fd = call_event_fd(t->events), .events = POLLIN };

		return poll(&p, 1, NEXT_EVENT_MS) > 0;
	}
	visit(arg, data, n);
	return true;
}

static enum talk_stream end_of_stream(struct talk *t, const struct call_status *status, mono_ns_t now)
{
	call_close(&t->events);
	t->events_at = now + EVENTS_BACK_OFF_NS;
	t->no_events = status->code == CALL_UNIMPLEMENTED;
	return t->no_events ? TALK_STREAM_NONE : TALK_STREAM_BROKEN;
}

enum talk_stream talk_events(struct talk *t, const char *method, mono_ns_t now,
			     void (*visit)(void *arg, const uint8_t *data, size_t n), void *arg)
{
	char address[108 + 5];
	struct call_options o = options_of(t, address, sizeof(address));
	struct call_status status = {0};

	if (t->no_events)
		return TALK_STREAM_NONE;
	if (!t->events) {
		/* What happened before the stream began is told by the list that comes after it. */
		if (now < t->events_at || call_ask(&o, method, NULL, 0, &t->events) < 0)
			return TALK_STREAM_NONE;
		return TALK_STREAM_BROKEN;
	}
	for (unsigned i = 0; i < TALK_MAX_EVENTS && take_event(t, visit, arg); i++)
		if (call_closed(t->events, &status))
			return end_of_stream(t, &status, now);
	return call_closed(t->events, &status) ? end_of_stream(t, &status, now) : TALK_STREAM_WELL;
}

/* ---- words ---- */

void talk_say(const struct talk *t, mono_ns_t now, char *ret_text, size_t size)
{
	unsigned long long s = mono_since(t->answered_at, now) / NS_PER_S;
	struct text text;

	text_init(&text, ret_text, size);
	text_addf(&text, "%s at /%s ", talk_name(t), t->socket->path);
	if (!t->present)
		text_add(&text, "is gone: its socket is not there");
	else if (s > 0)
		text_addf(&text, "has not answered for %llu s (%s)", s, t->why);
	else
		text_addf(&text, "does not answer (%s)", t->why);
}

const char *talk_name(const struct talk *t)
{
	return t->name[0] ? t->name : t->socket->name;
}

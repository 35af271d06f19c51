// SPDX-License-Identifier: Apache-2.0
#include "runtimes/cri_talk.h"

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

const struct cri_socket cri_sockets[CRI_N_SOCKETS] = {
	{ "run/containerd/containerd.sock", "containerd" },
	{ "run/k3s/containerd/containerd.sock", "containerd" },
	{ "run/k0s/containerd.sock", "containerd" },
	{ "var/snap/microk8s/common/run/containerd.sock", "containerd" },
	{ "run/crio/crio.sock", "cri-o" },
	{ "run/cri-dockerd.sock", "docker" },
};

bool cri_socket_present(int root_fd, const char *path, ino_t *ret_inode)
{
	struct stat st;

	if (fstatat(root_fd, path, &st, 0) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	if (ret_inode)
		*ret_inode = st.st_ino;
	return true;
}

void cri_talk_init(struct cri_talk *t, const struct cri_socket *socket, int root_fd)
{
	*t = (struct cri_talk){ .socket = socket, .root_fd = root_fd };
}

void cri_talk_done(struct cri_talk *t)
{
	call_close(&t->events);
	call_line_close(&t->line);
}

void cri_talk_look(struct cri_talk *t)
{
	ino_t inode = 0;

	t->present = cri_socket_present(t->root_fd, t->socket->path, &inode);
	if (inode == t->inode)
		return;
	/* Gone, or another process has made it anew: ask that one at once, all from the beginning. */
	cri_talk_done(t);
	t->inode = inode;
	t->no_events = t->no_cri = false;
	t->retry_at = t->events_at = 0;
	t->back_off_ns = 0;
	t->version[0] = '\0';
	if (!t->present && t->asked) {
		t->failing = true;
		(void)snprintf(t->why, sizeof(t->why), "its socket is not there");
	}
}

bool cri_talk_may_ask(const struct cri_talk *t, mono_ns_t now)
{
	return t->present && !t->no_cri && now >= t->retry_at;
}

/* A socket below the root, whatever that root is: its descriptor's name in /proc is a path for connect(2). */
static struct call_options options_of(const struct cri_talk *t, char *address, size_t size)
{
	(void)snprintf(address, size, "unix:/proc/self/fd/%d/%s", t->root_fd, t->socket->path);
	return (struct call_options){
		.address = address, .insecure = true, .quiet = true, .max_message = CALL_MAX_REPLY,
	};
}

int cri_talk_patience(struct cri_talk *t, uint32_t ms)
{
	char address[108 + 5];
	struct call_options o = options_of(t, address, sizeof(address));
	int r = t->line ? 0 : call_line_open(&o, &t->line);

	if (r == 0)
		call_line_patience(t->line, ms);
	return r;
}

int cri_talk_ask(struct cri_talk *t, const char *method, const struct buf *request, uint32_t deadline_ms,
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

void cri_talk_answered(struct cri_talk *t, mono_ns_t now)
{
	t->asked = true;
	t->answered_at = now;
	t->failing = false;
	t->back_off_ns = 0;
}

void cri_talk_failed(struct cri_talk *t, mono_ns_t now)
{
	if (!t->asked)
		t->answered_at = now;
	t->asked = t->failing = true;
	t->back_off_ns = MIN_OF(MAX_OF(t->back_off_ns * 2, MIN_BACK_OFF_NS), MAX_BACK_OFF_NS);
	t->retry_at = now + t->back_off_ns;
	/* A connection that failed backs off by itself, for longer than we want. */
	cri_talk_done(t);
}

/* ---- events ---- */

/* True: one was taken, or one may be on its way. */
static bool take_event(struct cri_talk *t, void (*visit)(void *arg, const char *id, enum cri_happened happened), void *arg)
{
	AUTO_FREE uint8_t *data = NULL;
	enum cri_happened happened;
	char id[CRI_MAX_ID];
	size_t n;

	call_wake(t->events);
	if (call_receive(t->events, &data, &n) < 0) {
		struct pollfd p = { .fd = call_event_fd(t->events), .events = POLLIN };

		return poll(&p, 1, NEXT_EVENT_MS) > 0;
	}
	if (cri_read_event(data, n, id, &happened) == 0)
		visit(arg, id, happened);
	return true;
}

static enum cri_stream end_of_stream(struct cri_talk *t, const struct call_status *status, mono_ns_t now)
{
	call_close(&t->events);
	t->events_at = now + EVENTS_BACK_OFF_NS;
	t->no_events = status->code == CALL_UNIMPLEMENTED;
	return t->no_events ? CRI_STREAM_NONE : CRI_STREAM_BROKEN;
}

enum cri_stream cri_talk_events(struct cri_talk *t, mono_ns_t now,
				void (*visit)(void *arg, const char *id, enum cri_happened happened), void *arg)
{
	char address[108 + 5];
	struct call_options o = options_of(t, address, sizeof(address));
	struct call_status status = {0};

	if (t->no_events)
		return CRI_STREAM_NONE;
	if (!t->events) {
		/* What happened before the stream began is told by the list that comes after it. */
		if (now < t->events_at || call_ask(&o, CRI_METHOD_EVENTS, NULL, 0, &t->events) < 0)
			return CRI_STREAM_NONE;
		return CRI_STREAM_BROKEN;
	}
	for (unsigned i = 0; i < CRI_TALK_MAX_EVENTS && take_event(t, visit, arg); i++)
		if (call_closed(t->events, &status))
			return end_of_stream(t, &status, now);
	return call_closed(t->events, &status) ? end_of_stream(t, &status, now) : CRI_STREAM_WELL;
}

/* ---- words ---- */

void cri_talk_say(const struct cri_talk *t, mono_ns_t now, char *ret_text, size_t size)
{
	unsigned long long s = mono_since(t->answered_at, now) / NS_PER_S;
	struct text text;

	text_init(&text, ret_text, size);
	text_addf(&text, "%s at /%s ", cri_talk_runtime(t), t->socket->path);
	if (!t->present)
		text_add(&text, "is gone: its socket is not there");
	else if (s > 0)
		text_addf(&text, "has not answered for %llu s (%s)", s, t->why);
	else
		text_addf(&text, "does not answer (%s)", t->why);
}

const char *cri_talk_runtime(const struct cri_talk *t)
{
	if (strcasecmp(t->name, "cri-o") == 0)
		return "cri-o";
	return t->name[0] ? t->name : t->socket->runtime;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "proto/convert.h"
#include "proto/local.h"

#define SILENCE_NS (10 * NS_PER_S)

struct client {
	struct control *control;
	int fd;
	struct loop_source *source;
	struct buf in, out;
	size_t sent;
	mono_ns_t last;
	int privileged;
};

struct control {
	struct loop *loop;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd;
	struct loop_source *source, *sweep;
	control_answer_fn answer;
	void *arg;
	struct client *clients[CONTROL_MAX_CLIENTS];
};

static void client_drop(struct client *c)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (c->control->clients[i] == c)
			c->control->clients[i] = NULL;
	loop_source_free(&c->source);
	(void)close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

/* Write what is left of the answer. 0: done or waiting for room; negative: the client is lost. */
static int client_flush(struct client *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return loop_fd_set_events(c->source, EPOLLIN | EPOLLOUT);
		if (n < 0)
			return -errno;
		c->sent += (size_t)n;
	}
	buf_done(&c->out);
	c->sent = 0;
	return loop_fd_set_events(c->source, EPOLLIN);
}

/* Answers that their readers have not taken yet. */
static size_t pending_bytes(const struct control *control)
{
	size_t n = 0;
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		n += control->clients[i] ? control->clients[i]->out.len : 0;
	return n;
}

/* Answer one question that came whole. */
static int client_answer(struct client *c, const uint8_t *body, size_t len)
{
	struct query query;
	const char *field = NULL;
	AUTO(answer_free) struct answer *answer = NULL;
	int r = query_unpack(body, len, &query, &field);
	if (r == 0) {
		r = c->control->answer(c->control->arg, &query, c->privileged, &answer);
	} else {
		r = answer_new(QUERY_EXPLAIN, &answer);
		if (r == 0) {
			answer->status = ANSWER_BAD;
			answer->message = arena_printf(answer->arena, "the question's field %s is not valid",
						       field ? field : "?");
		}
	}
	if (r < 0)
		return r;
	r = local_frame_answer(answer, &c->out);
	return r == 0 && pending_bytes(c->control) > CONTROL_MAX_PENDING ? -ENOBUFS : r;
}

static int client_read(struct client *c)
{
	uint8_t chunk[4096];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	/* Half closed: it says no more, but may still read. */
	if (n == 0)
		return c->out.len > 0 ? loop_fd_set_events(c->source, EPOLLOUT) : -EPIPE;
	int r = buf_add(&c->in, chunk, (size_t)n);
	if (r < 0)
		return r;
	const uint8_t *body;
	size_t len, used;
	r = local_frame(c->in.data, c->in.len, LOCAL_MAX_QUERY, &body, &len, &used);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	/* A second question while the first answer is under way is not in the protocol. */
	if (c->out.len > 0)
		return -EPROTO;
	r = client_answer(c, body, len);
	buf_reset(&c->in);
	return r < 0 ? r : client_flush(c);
}

static void on_client(void *arg, uint32_t events, mono_ns_t now)
{
	struct client *c = arg;
	c->last = now;
	int r = 0;
	if (events & EPOLLOUT)
		r = client_flush(c);
	if (r == 0 && (events & EPOLLIN))
		r = client_read(c);
	else if (r == 0 && (events & (EPOLLHUP | EPOLLERR)))
		r = -EPIPE;
	if (r < 0)
		client_drop(c);
}

static int client_add(struct control *control, int fd, mono_ns_t now)
{
	size_t slot = 0;
	while (slot < CONTROL_MAX_CLIENTS && control->clients[slot])
		slot++;
	if (slot == CONTROL_MAX_CLIENTS)
		return -ENOSPC;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	AUTO_FREE struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->control = control;
	c->fd = fd;
	c->last = now;
	c->privileged = peer.uid == 0 || peer.uid == geteuid();
	buf_init(&c->in, LOCAL_MAX_QUERY + 4 + 4096);
	buf_init(&c->out, LOCAL_MAX_ANSWER + 4);
	int r = loop_add_fd(control->loop, fd, EPOLLIN, LOOP_CONTROL, "control client", on_client, c, &c->source);
	if (r < 0)
		return r;
	control->clients[slot] = TAKE_PTR(c);
	return 0;
}

static void on_listen(void *arg, uint32_t events UNUSED, mono_ns_t now)
{
	struct control *control = arg;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		AUTO_CLOSE int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			/* Out of descriptors: whoever waits stays readable for ever, and would have the loop to himself. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				(void)loop_fd_set_events(control->source, 0);
			return;
		}
		if (client_add(control, fd, now) == 0)
			(void)TAKE_FD(fd);
	}
}

static void on_sweep(void *arg, mono_ns_t now)
{
	struct control *control = arg;
	(void)loop_timer_set(control->sweep, now + 2 * NS_PER_S, NS_PER_S);
	(void)loop_fd_set_events(control->source, EPOLLIN);
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (control->clients[i] && mono_since(control->clients[i]->last, now) > SILENCE_NS)
			client_drop(control->clients[i]);
}

/* A socket file that nobody listens on is what a killed agent leaves behind. */
static int remove_stale(const struct sockaddr_un *address)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED && unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int listen_on(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, path, strlen(path) + 1);
	int r = remove_stale(&address);
	if (r < 0)
		return r;
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The mode is set before anybody can connect: bind makes the file, listen opens it. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0660) < 0 || listen(fd, 64) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int control_open(struct loop *loop, const char *run_dir, control_answer_fn answer, void *arg, struct control **ret_control)
{
	int r = file_make_dirs_at(AT_FDCWD, run_dir, 0755);
	if (r < 0)
		return r;
	AUTO(control_close) struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->fd = -1;
	control->loop = loop;
	control->answer = answer;
	control->arg = arg;
	char path[sizeof(control->path)];
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", run_dir, LOCAL_SOCKET) >= sizeof(path))
		return -ENAMETOOLONG;
	r = listen_on(path, &control->fd);
	if (r < 0)
		return r;
	memcpy(control->path, path, sizeof(path));
	r = loop_add_fd(loop, control->fd, EPOLLIN, LOOP_CONTROL, "control", on_listen, control, &control->source);
	if (r == 0)
		r = loop_add_timer(loop, LOOP_CONTROL, "control sweep", on_sweep, control, &control->sweep);
	if (r == 0)
		r = loop_timer_set(control->sweep, loop_now(loop) + 2 * NS_PER_S, NS_PER_S);
	if (r < 0)
		return r;
	*ret_control = TAKE_PTR(control);
	return 0;
}

void control_close(struct control **control)
{
	struct control *c = *control;
	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (c->clients[i])
			client_drop(c->clients[i]);
	loop_source_free(&c->sweep);
	loop_source_free(&c->source);
	if (c->fd >= 0)
		(void)close(c->fd);
	if (c->path[0])
		(void)unlink(c->path);
	free(c);
	*control = NULL;
}

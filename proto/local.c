/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/local.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/convert.h"

int local_frame(const uint8_t *data, size_t n, size_t max, const uint8_t **ret_frame, size_t *ret_len, size_t *ret_used)
{
	if (n < 4)
		return -EAGAIN;
	uint32_t len = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
	if (len > max)
		return -EMSGSIZE;
	if (n - 4 < len)
		return -EAGAIN;
	*ret_frame = data + 4;
	*ret_len = len;
	*ret_used = 4 + (size_t)len;
	return 0;
}

static int frame(const struct buf *body, size_t max, struct buf *out)
{
	if (body->len > max)
		return -EMSGSIZE;
	uint8_t length[4] = {(uint8_t)body->len, (uint8_t)(body->len >> 8), (uint8_t)(body->len >> 16),
			     (uint8_t)(body->len >> 24)};
	size_t before = out->len;
	int r = buf_add(out, length, sizeof(length));
	if (r == 0)
		r = buf_add(out, body->data, body->len);
	if (r < 0)
		out->len = before;
	return r;
}

int local_frame_query(const struct query *q, struct buf *out)
{
	AUTO_BUF struct buf body;
	buf_init(&body, LOCAL_MAX_QUERY);
	int r = query_pack(q, &body);
	return r < 0 ? r : frame(&body, LOCAL_MAX_QUERY, out);
}

int local_frame_answer(const struct answer *a, struct buf *out)
{
	AUTO_BUF struct buf body;
	buf_init(&body, LOCAL_MAX_ANSWER);
	int r = answer_pack_cut(a, &body);
	return r < 0 ? r : frame(&body, LOCAL_MAX_ANSWER, out);
}

static int wait_until(int fd, short events, mono_ns_t deadline)
{
	for (;;) {
		mono_ns_t now = clock_mono_now();
		if (now >= deadline)
			return -ETIMEDOUT;
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, (int)MIN_OF((deadline - now) / NS_PER_MS + 1, 60000ULL));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A unix socket connects at once, or says EAGAIN when the listener's queue is full. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int send_all(int fd, const struct buf *b, mono_ns_t deadline)
{
	size_t sent = 0;
	while (sent < b->len) {
		ssize_t n = send(fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		int r = wait_until(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_answer(int fd, mono_ns_t deadline, struct answer **ret_answer)
{
	AUTO_BUF struct buf in;
	buf_init(&in, LOCAL_MAX_ANSWER + 4);
	for (;;) {
		const uint8_t *body;
		size_t len, used;
		int r = local_frame(in.data, in.len, LOCAL_MAX_ANSWER, &body, &len, &used);
		if (r == 0)
			return answer_unpack(body, len, ret_answer, NULL);
		if (r != -EAGAIN)
			return -EBADMSG;
		r = wait_until(fd, POLLIN, deadline);
		if (r < 0)
			return r;
		uint8_t chunk[16384];
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		r = buf_add(&in, chunk, (size_t)n);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
	}
}

int local_ask(const char *path, const struct query *q, uint64_t timeout_ns, struct answer **ret_answer)
{
	mono_ns_t deadline = clock_mono_now() + timeout_ns;
	AUTO_BUF struct buf out;
	buf_init(&out, LOCAL_MAX_QUERY + 4);
	int r = local_frame_query(q, &out);
	if (r < 0)
		return r;
	AUTO_CLOSE int fd = -1;
	r = connect_to(path, &fd);
	if (r == 0)
		r = send_all(fd, &out, deadline);
	if (r == 0)
		r = receive_answer(fd, deadline, ret_answer);
	return r;
}

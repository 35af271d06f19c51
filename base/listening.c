// SPDX-License-Identifier: Apache-2.0
#include "base/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "base/cleanup.h"

#define TCP_LISTEN_STATE 10

/* One question may be answered in several datagrams; the last is NLMSG_DONE. */
static int read_answer(int fd, uint16_t port, bool *ret_listens)
{
	_Alignas(struct nlmsghdr) char answer[16384];

	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		const struct nlmsghdr *h = (const void *)answer;
		for (unsigned left = (unsigned)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct inet_diag_msg *m = NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return h->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) && *(const int *)NLMSG_DATA(h) < 0 ?
					       *(const int *)NLMSG_DATA(h) :
					       -EBADMSG;
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) && m->id.idiag_sport == htons(port))
				*ret_listens = true;
		}
	}
}

static int ask(int fd, int family, uint16_t port, bool *ret_listens)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 about;
	} question = {
		.head = { .nlmsg_len = sizeof(question), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.about = { .sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP,
			   .idiag_states = 1U << TCP_LISTEN_STATE, .id = { .idiag_sport = htons(port) } },
	};

	if (send(fd, &question, sizeof(question), 0) != sizeof(question))
		return errno ? -errno : -EIO;
	return read_answer(fd, port, ret_listens);
}

int listening_on(uint16_t port, bool *ret_listens)
{
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool listens = false;

	if (fd < 0)
		return -errno;
	int r = ask(fd, AF_INET, port, &listens);
	if (r < 0)
		return r;
	r = ask(fd, AF_INET6, port, &listens);
	if (r < 0 && r != -ENOENT) /* no IPv6 here */
		return r;
	*ret_listens = listens;
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

/* A socket on a port that the kernel chooses; -1: that family is not here. */
static int bound(int family, uint16_t *ret_port)
{
	struct sockaddr_in6 any = { 0 };
	struct sockaddr_in *v4 = (void *)&any;
	socklen_t size = family == AF_INET ? sizeof(*v4) : sizeof(any);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	any.sin6_family = (sa_family_t)family;
	if (family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		any.sin6_addr = in6addr_loopback;
	if (bind(fd, (struct sockaddr *)&any, size) < 0) {
		(void)close(fd);
		return -1;
	}
	assert_ok(getsockname(fd, (struct sockaddr *)&any, &size));
	*ret_port = ntohs(any.sin6_port); /* at the same place in both */
	return fd;
}

static void a_listener_is_seen_while_it_listens(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	bool listens;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		int fd = bound(families[i], &port);
		if (fd < 0) {
			print_message("skipped: address family %d is not here\n", families[i]);
			continue;
		}
		listens = true;
		assert_ok(listening_on(port, &listens));
		assert_false(listens); /* bound, not listening */
		assert_ok(listen(fd, 1));
		assert_ok(listening_on(port, &listens));
		assert_true(listens);
		(void)close(fd);
		assert_ok(listening_on(port, &listens));
		assert_false(listens);
	}
}

/* More listeners than one datagram holds: the answer is read to its end. */
static void one_among_many_is_seen(void **state)
{
	int fds[300];
	uint16_t port = 0, first = 0;
	bool listens = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = bound(AF_INET, &port);
		assert_true(fds[i] >= 0);
		assert_ok(listen(fds[i], 1));
		first = i == 0 ? port : first;
	}
	assert_ok(listening_on(first, &listens));
	assert_true(listens);
	assert_ok(listening_on(port, &listens));
	assert_true(listens);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
	assert_ok(listening_on(first, &listens));
	assert_false(listens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_is_seen_while_it_listens),
		cmocka_unit_test(one_among_many_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "collectors/uses_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "collectors/tcp_links.h"

#define TABLE_BYTES     (1024 * 1024)
#define TCP_ESTABLISHED 1
#define TCP_LISTEN      10
#define NS_MAX          48

struct socket_at {
	uint64_t inode;
	struct tcp_address local;
	uint16_t port;
	bool listens;
};

struct local_address {
	struct tcp_address address;
	char nic[IF_NAMESIZE];
};

struct uses_sockets {
	int root_fd;
	bool fixture;
	char ns[NS_MAX];
	struct socket_at sockets[USES_MAX_SOCKETS];
	size_t n_sockets;
	struct local_address addresses[USES_MAX_ADDRESSES];
	size_t n_addresses;
	char text[TABLE_BYTES];
	uint64_t cut;
};

int uses_sockets_new(int root_fd, bool fixture, struct uses_sockets **ret_sockets)
{
	struct uses_sockets *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->root_fd = root_fd;
	s->fixture = fixture;
	*ret_sockets = s;
	return 0;
}

void uses_sockets_free(struct uses_sockets **sockets)
{
	free(*sockets);
	*sockets = NULL;
}

static bool read_ns(int dirfd, const char *path, char ret_ns[NS_MAX])
{
	ssize_t n = readlinkat(dirfd, path, ret_ns, NS_MAX - 1);

	ret_ns[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* IPv4 is kept as the kernel half does it: mapped into IPv6. */
static void take_ipv4(struct tcp_address *a, const void *bytes)
{
	memset(a, 0, sizeof(*a));
	a->byte[10] = a->byte[11] = 0xff;
	memcpy(a->byte + 12, bytes, 4);
}

/* ---- sockets ---- */

/* Words of 8 digits in the machine's byte order: "0100007F", or four of them. */
static bool parse_address(const char *text, struct tcp_address *ret_address, uint16_t *ret_port)
{
	uint32_t words[4];
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) / 8 : 0;
	unsigned port;

	if ((n != 1 && n != 4) || (size_t)(colon - text) != n * 8 || sscanf(colon, ":%4X", &port) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(text + i * 8, "%8" SCNx32, &words[i]) != 1)
			return false;
	if (n == 1)
		take_ipv4(ret_address, words);
	else
		memcpy(ret_address->byte, words, sizeof(words));
	*ret_port = (uint16_t)port;
	return true;
}

/* "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 ..." */
static void take_line(struct uses_sockets *s, const char *line)
{
	struct socket_at at = { 0 };
	char local[40];
	unsigned state;

	if (sscanf(line, " %*u: %39s %*s %x %*s %*s %*s %*u %*u %" SCNu64, local, &state, &at.inode) != 3 ||
	    at.inode == 0 || (state != TCP_ESTABLISHED && state != TCP_LISTEN) ||
	    !parse_address(local, &at.local, &at.port))
		return;
	if (s->n_sockets == USES_MAX_SOCKETS) {
		s->cut++;
		return;
	}
	at.listens = state == TCP_LISTEN;
	s->sockets[s->n_sockets++] = at;
}

static int read_table(struct uses_sockets *s, const char *path)
{
	int r = file_read_at(s->root_fd, path, s->text, sizeof(s->text), NULL);
	if (r < 0 && r != -EFBIG)
		return r;
	s->cut += r == -EFBIG;
	char *cursor = s->text;
	(void)file_next_line(&cursor);
	for (char *line = file_next_line(&cursor); line; line = file_next_line(&cursor))
		take_line(s, line);
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct socket_at *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* ---- addresses ---- */

static void read_addresses(struct uses_sockets *s)
{
	struct ifaddrs *all = NULL;
	char own[NS_MAX];

	s->n_addresses = 0;
	if (s->fixture || !read_ns(s->root_fd, "proc/self/ns/net", own) || strcmp(own, s->ns) != 0 ||
	    getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a && s->n_addresses < USES_MAX_ADDRESSES; a = a->ifa_next) {
		struct local_address *l = &s->addresses[s->n_addresses];
		if (!a->ifa_addr || !a->ifa_name)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			take_ipv4(&l->address, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr);
		else if (a->ifa_addr->sa_family == AF_INET6)
			memcpy(l->address.byte, &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr,
			       sizeof(l->address.byte));
		else
			continue;
		(void)text_copy(l->nic, sizeof(l->nic), a->ifa_name);
		s->n_addresses++;
	}
	freeifaddrs(all);
}

int uses_sockets_refresh(struct uses_sockets *s)
{
	/* Process 1 is in the node's, where it may be asked for. */
	bool of_first = read_ns(s->root_fd, "proc/1/ns/net", s->ns) || !read_ns(s->root_fd, "proc/self/ns/net", s->ns);
	int r;

	s->n_sockets = 0;
	r = read_table(s, of_first ? "proc/1/net/tcp" : "proc/self/net/tcp");
	(void)read_table(s, of_first ? "proc/1/net/tcp6" : "proc/self/net/tcp6");
	qsort(s->sockets, s->n_sockets, sizeof(s->sockets[0]), by_inode);
	read_addresses(s);
	return r;
}

bool uses_sockets_is_ours(const struct uses_sockets *s, int proc_fd)
{
	char ns[NS_MAX];

	return read_ns(proc_fd, "ns/net", ns) && strcmp(ns, s->ns) == 0;
}

enum uses_socket uses_sockets_find(const struct uses_sockets *s, uint64_t inode, char ret_key[USES_SOCKET_KEY])
{
	const struct socket_at key = { .inode = inode };
	const struct socket_at *at = bsearch(&key, s->sockets, s->n_sockets, sizeof(s->sockets[0]), by_inode);
	char text[TCP_LINKS_TEXT_MAX];

	ret_key[0] = '\0';
	if (!at)
		return USES_SOCKET_UNKNOWN;
	if (at->listens) {
		tcp_address_format_port(&at->local, at->port, text);
		(void)snprintf(ret_key, USES_SOCKET_KEY, "tcp:%s", text);
		return USES_SOCKET_LISTENS;
	}
	for (size_t i = 0; i < s->n_addresses; i++)
		if (memcmp(&s->addresses[i].address, &at->local, sizeof(at->local)) == 0)
			(void)text_copy(ret_key, USES_SOCKET_KEY, s->addresses[i].nic);
	return USES_SOCKET_TALKS;
}

uint64_t uses_sockets_cut(const struct uses_sockets *s)
{
	return s->cut;
}

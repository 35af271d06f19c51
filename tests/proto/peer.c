// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/rpc_server.h"
#include "tests/test.h"

#define MAX_STREAMS 64

enum manner { ECHO, SILENT, DEAF, MANY, ODD, MANNERS };

struct peer {
	struct rpc_server *server;
	char address[32];
	/* The server's thread only. */
	struct {
		uint64_t stream;
		enum manner manner;
	} streams[MAX_STREAMS];
};

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer UNUSED,
			      const struct rpc_now *now UNUSED, const char **ret_text)
{
	static const char *const names[] = {PEER_ECHO, "/t/Silent", "/t/Deaf", "/t/Many", "/t/Odd"};
	struct peer *p = arg;
	size_t i = 0;

	while (i < MANNERS && strcmp(method, names[i]) != 0)
		i++;
	*ret_text = "you may not do that";
	if (i == MANNERS)
		return RPC_DENIED;
	for (size_t j = 0; j < MAX_STREAMS; j++)
		if (p->streams[j].stream == RPC_NO_STREAM) {
			p->streams[j].stream = stream;
			p->streams[j].manner = (enum manner)i;
			return RPC_OK;
		}
	return RPC_EXHAUSTED;
}

static enum manner manner_of(struct peer *p, uint64_t stream)
{
	for (size_t j = 0; j < MAX_STREAMS; j++)
		if (p->streams[j].stream == stream)
			return p->streams[j].manner;
	return SILENT;
}

static void send_many(struct peer *p, uint64_t stream)
{
	char text[64];

	for (int i = 0; i < PEER_MANY; i++) {
		(void)snprintf(text, sizeof(text), "message %d", i);
		(void)rpc_server_send(p->server, stream, text, strlen(text));
	}
	rpc_server_close(p->server, stream, RPC_OK, "");
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now UNUSED)
{
	struct peer *p = arg;

	switch (manner_of(p, stream)) {
	case ECHO:
		if (data)
			(void)rpc_server_send(p->server, stream, data, n);
		else
			rpc_server_close(p->server, stream, RPC_OK, "");
		return true;
	case MANY:
		if (data)
			send_many(p, stream);
		return true;
	case ODD:
		rpc_server_close(p->server, stream, (enum rpc_status)77, "b\xc3\xa4""d \n text");
		return true;
	case DEAF:
		return false;
	default:
		return true;
	}
}

static void drained(void *arg UNUSED, uint64_t stream UNUSED)
{
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now UNUSED)
{
	struct peer *p = arg;

	for (size_t j = 0; j < MAX_STREAMS; j++)
		if (p->streams[j].stream == stream)
			p->streams[j].stream = RPC_NO_STREAM;
}

struct peer *peer_new(struct rpc_tls *tls)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct rpc_options options = {.listen = "127.0.0.1:0", .tls = tls, .max_streams = MAX_STREAMS};
	struct rpc_hooks hooks = {opened, received, drained, closed, p};

	assert_ok(rpc_server_new(&options, &hooks, &p->server));
	assert_ok(rpc_server_start(p->server));
	(void)snprintf(p->address, sizeof(p->address), "127.0.0.1:%d", rpc_server_port(p->server));
	return p;
}

void peer_free(struct peer **peer)
{
	if (!*peer)
		return;
	rpc_server_free(&(*peer)->server);
	free(*peer);
	*peer = NULL;
}

const char *peer_address(const struct peer *p)
{
	return p->address;
}

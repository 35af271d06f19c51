// SPDX-License-Identifier: Apache-2.0
#include "hub/router.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

struct route {
	const char *prefix;
	struct rpc_hooks service;
};

struct router {
	struct route routes[ROUTER_MAX_SERVICES];
	size_t n_routes;
	struct u64map *streams; /* to the index of their route */
};

int router_new(size_t max_streams, struct router **ret_router)
{
	AUTO(router_free) struct router *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = u64map_new(max_streams, &r->streams);
	if (err < 0)
		return err;
	*ret_router = TAKE_PTR(r);
	return 0;
}

void router_free(struct router **router)
{
	if (!*router)
		return;
	u64map_free(&(*router)->streams);
	free(*router);
	*router = NULL;
}

void router_add(struct router *r, const char *prefix, const struct rpc_hooks *service)
{
	assert(r->n_routes < ROUTER_MAX_SERVICES);
	r->routes[r->n_routes++] = (struct route){ prefix, *service };
}

static bool fits(const char *prefix, const char *method)
{
	size_t n = strlen(prefix);

	return prefix[n - 1] == '/' ? strncmp(prefix, method, n) == 0 : strcmp(prefix, method) == 0;
}

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
			      const struct rpc_now *now, const char **ret_text)
{
	struct router *r = arg;

	for (size_t i = 0; i < r->n_routes; i++) {
		const struct rpc_hooks *s = &r->routes[i].service;
		enum rpc_status status;

		if (!fits(r->routes[i].prefix, method))
			continue;
		if (u64map_set(r->streams, stream, i) < 0) {
			*ret_text = "the hub serves as many streams as it may: try again later";
			return RPC_EXHAUSTED;
		}
		status = s->opened(s->arg, stream, method, peer, now, ret_text);
		if (status != RPC_OK)
			(void)u64map_remove(r->streams, stream);
		return status;
	}
	*ret_text = "the hub has no such method: is it older than the client?";
	return RPC_UNIMPLEMENTED;
}

static const struct rpc_hooks *service_of(struct router *r, uint64_t stream)
{
	uint64_t index;

	return u64map_get(r->streams, stream, &index) ? &r->routes[index].service : NULL;
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now)
{
	const struct rpc_hooks *s = service_of(arg, stream);

	return s && s->received(s->arg, stream, data, n, now);
}

static void drained(void *arg, uint64_t stream)
{
	const struct rpc_hooks *s = service_of(arg, stream);

	if (s && s->drained)
		s->drained(s->arg, stream);
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now)
{
	struct router *r = arg;
	const struct rpc_hooks *s = service_of(r, stream);

	if (s && s->closed)
		s->closed(s->arg, stream, now);
	(void)u64map_remove(r->streams, stream);
}

struct rpc_hooks router_hooks(struct router *r)
{
	return (struct rpc_hooks){ .opened = opened, .received = received, .drained = drained, .closed = closed, .arg = r };
}

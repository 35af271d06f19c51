// SPDX-License-Identifier: Apache-2.0
#include "hub/health_service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/health.h"

struct watcher {
	uint64_t stream; /* 0: free */
	bool watches, known;
};

struct health_service {
	struct rpc_server *server;
	pthread_mutex_t lock; /* all below */
	bool serving;
	struct watcher list[HEALTH_MAX_WATCHERS];
};

static struct watcher *by_stream(struct health_service *h, uint64_t stream)
{
	for (size_t i = 0; i < HEALTH_MAX_WATCHERS; i++) {
		if (h->list[i].stream == stream)
			return &h->list[i];
	}
	return NULL;
}

static void send_status(struct health_service *h, uint64_t stream, enum health status)
{
	AUTO_BUF struct buf out;

	buf_init(&out, 64);
	if (health_pack_reply(status, &out) == 0)
		(void)rpc_server_send(h->server, stream, out.data, out.len);
}

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
			      const struct rpc_now *now, const char **ret_text)
{
	struct health_service *h = arg;
	const char *name = method + strlen(HEALTH_PREFIX);
	bool watches = strcmp(name, "Watch") == 0;
	struct watcher *w;

	(void)peer;
	(void)now;
	*ret_text = "the health service has Check and Watch";
	if (!watches && strcmp(name, "Check") != 0)
		return RPC_UNIMPLEMENTED;
	*ret_text = "too many health checks at once";
	(void)pthread_mutex_lock(&h->lock);
	w = by_stream(h, 0);
	if (w)
		*w = (struct watcher){ .stream = stream, .watches = watches };
	(void)pthread_mutex_unlock(&h->lock);
	return w ? RPC_OK : RPC_EXHAUSTED;
}

static bool is_known(const char *service)
{
	return !*service || strcmp(service, "why.v1.AgentHub") == 0 || strcmp(service, "why.v1.Query") == 0;
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now)
{
	struct health_service *h = arg;
	struct watcher *w;
	char service[256];
	bool watches = false, serving;
	enum health status;

	(void)now;
	if (!data || health_request_unpack(data, n, service) < 0) {
		rpc_server_close(h->server, stream, RPC_BAD_ARGUMENT, "malformed health check");
		return false;
	}
	(void)pthread_mutex_lock(&h->lock);
	w = by_stream(h, stream);
	serving = h->serving;
	if (w) {
		watches = w->watches;
		w->known = is_known(service);
	}
	(void)pthread_mutex_unlock(&h->lock);
	status = serving ? HEALTH_SERVING : HEALTH_NOT_SERVING;
	if (!is_known(service) && !watches) {
		rpc_server_close(h->server, stream, RPC_NOT_FOUND, "no such service");
		return false;
	}
	send_status(h, stream, is_known(service) ? status : HEALTH_SERVICE_UNKNOWN);
	if (!watches)
		rpc_server_close(h->server, stream, RPC_OK, "");
	return false;
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now)
{
	struct health_service *h = arg;
	struct watcher *w;

	(void)now;
	(void)pthread_mutex_lock(&h->lock);
	w = by_stream(h, stream);
	if (w)
		*w = (struct watcher){ 0 };
	(void)pthread_mutex_unlock(&h->lock);
}

int health_service_new(struct health_service **ret_health)
{
	struct health_service *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	(void)pthread_mutex_init(&h->lock, NULL);
	h->serving = true;
	*ret_health = h;
	return 0;
}

void health_service_set_server(struct health_service *h, struct rpc_server *server)
{
	h->server = server;
}

void health_service_free(struct health_service **health)
{
	if (!*health)
		return;
	(void)pthread_mutex_destroy(&(*health)->lock);
	free(*health);
	*health = NULL;
}

struct rpc_hooks health_service_hooks(struct health_service *h)
{
	return (struct rpc_hooks){ .opened = opened, .received = received, .closed = closed, .arg = h };
}

void health_service_set(struct health_service *h, bool serving)
{
	uint64_t tell[HEALTH_MAX_WATCHERS];
	size_t n = 0;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < HEALTH_MAX_WATCHERS && h->serving != serving; i++) {
		if (h->list[i].stream && h->list[i].watches && h->list[i].known)
			tell[n++] = h->list[i].stream;
	}
	h->serving = serving;
	(void)pthread_mutex_unlock(&h->lock);
	for (size_t i = 0; i < n; i++)
		send_status(h, tell[i], serving ? HEALTH_SERVING : HEALTH_NOT_SERVING);
}

bool health_service_get(struct health_service *h)
{
	bool serving;

	(void)pthread_mutex_lock(&h->lock);
	serving = h->serving;
	(void)pthread_mutex_unlock(&h->lock);
	return serving;
}

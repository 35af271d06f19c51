// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "hub/http.h"
#include "proto/frame.h"

#define OTHER_STREAMS  256 /* questions, watchers, health: besides the agents */
#define SPARE_FILES    (OTHER_STREAMS + HTTP_MAX_CONNECTIONS + 128)
#define RETAIN_EVERY   (10 * 60 * NS_PER_S)
#define TRIM_AFTER     (15 * NS_PER_S)
#define TRIM_AGENTS    100

struct hub {
	const struct hub_settings *settings;
	struct rpc_tls *tls;
	struct store store;
	struct writer *writer;
	struct agents *agents;
	struct questions *questions;
	struct watch *watch;
	struct health_service *health;
	struct router *router;
	struct rpc_server *server;
	struct self_probe *probe;
	struct site *site;
	struct http *http;
	size_t max_agents;
	mono_ns_t retained, trim_at;
	uint64_t most_connected; /* since the last trim */
};

static void on_stored(void *arg, const struct record_batch *b)
{
	agents_stored(((struct hub *)arg)->agents, b);
}

static void on_changed(void *arg)
{
	watch_changed(((struct hub *)arg)->watch);
}

static void on_room(void *arg)
{
	agents_room(((struct hub *)arg)->agents);
}

/* Descriptors for as many agents as may connect; fewer agents when there are no more to be had. */
static void fit_to_files(struct hub *h)
{
	struct rlimit limit;
	rlim_t wanted = h->settings->max_agents + SPARE_FILES;

	h->max_agents = h->settings->max_agents;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = MIN_OF(limit.rlim_max, wanted);
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return;
	h->max_agents = limit.rlim_cur > 2 * SPARE_FILES ? limit.rlim_cur - SPARE_FILES :
							   MAX_OF(limit.rlim_cur / 4, (rlim_t)1);
	log_warning("only %llu open files are allowed: at most %zu agents may connect (raise LimitNOFILE to %llu)",
		    (unsigned long long)limit.rlim_cur, h->max_agents, (unsigned long long)wanted);
}

static int open_tls(struct hub *h, char *ret_why, size_t size)
{
	const struct hub_settings *s = h->settings;
	const struct tls_files files = { .ca = s->tls_ca, .cert = s->tls_cert, .key = s->tls_key };

	return *s->tls_cert ? rpc_tls_new(&files, &h->tls, ret_why, size) : 0;
}

static int open_parts(struct hub *h)
{
	const struct writer_hooks hooks = { .stored = on_stored, .changed = on_changed, .room = on_room, .arg = h };
	struct agents_env env = { .store = &h->store, .max_agents = h->max_agents };
	int r;

	r = writer_new(&h->store, &hooks, h->settings->queue_records, h->settings->queue_bytes, &h->writer);
	env.writer = h->writer;
	if (r == 0)
		r = agents_new(&env, &h->agents);
	if (r == 0)
		r = questions_new(&h->store, h->agents, &h->questions);
	if (r == 0)
		r = watch_new(&h->store, &h->watch);
	if (r == 0)
		r = health_service_new(&h->health);
	if (r == 0)
		r = router_new(h->max_agents + OTHER_STREAMS, &h->router);
	return r;
}

static void route(struct hub *h, const char *prefix, struct rpc_hooks service)
{
	router_add(h->router, prefix, &service);
}

static int open_server(struct hub *h, char *ret_why, size_t size)
{
	const struct rpc_options options = { .listen = h->settings->listen,
					     .tls = h->tls,
					     .max_streams = h->max_agents + OTHER_STREAMS };
	struct rpc_hooks hooks;
	int r;

	route(h, FRAME_METHOD_CONNECT, agents_hooks(h->agents));
	route(h, WATCH_METHOD, watch_hooks(h->watch));
	route(h, FRAME_METHOD_QUERY, questions_hooks(h->questions));
	route(h, HEALTH_PREFIX, health_service_hooks(h->health));
	hooks = router_hooks(h->router);
	r = rpc_server_new(&options, &hooks, &h->server);
	if (r < 0) {
		(void)snprintf(ret_why, size,
			       "cannot listen on %s: is another program (another whyhub?) there, or is it no address "
			       "of this machine?",
			       options.listen);
		return r;
	}
	agents_set_server(h->agents, h->server);
	questions_set_server(h->questions, h->server);
	watch_set_server(h->watch, h->server);
	health_service_set_server(h->health, h->server);
	return rpc_server_start(h->server);
}

static uint64_t count_opened(void *arg)
{
	struct rpc_stats stats;

	rpc_server_stats(((struct hub *)arg)->server, &stats);
	return stats.opened + stats.refused;
}

static int open_probe(struct hub *h)
{
	struct self_probe_options options = { .tls = h->tls, .max_rss_bytes = h->settings->max_memory_bytes,
					      .progress = count_opened, .progress_arg = h };
	AUTO(tls_pems_done) struct tls_pems pems = { 0 };
	char address[300], name[256] = "";
	int r;

	r = self_probe_address(h->settings->listen, rpc_server_port(h->server), address, sizeof(address));
	if (r == 0 && h->tls) {
		r = rpc_tls_copy(h->tls, &pems);
		if (r == 0)
			r = tls_cert_name(pems.cert, name, sizeof(name));
		if (r == 0 && !tls_cert_may_be_client(pems.cert))
			r = -EKEYREJECTED;
	}
	if (r == 0)
		options.address = address;
	else
		log_warning("the hub cannot ask itself whether it still answers, for its certificate is not for "
			    "clients too: issue it with clientAuth "
			    "beside serverAuth");
	options.server_name = name;
	return self_probe_new(&options, &h->probe);
}

static int open_http(struct hub *h, char *ret_why, size_t size)
{
	const struct hub_settings *s = h->settings;
	bool local = address_is_loopback(s->http);
	struct site_options options = {
		.store = &h->store, .agents = h->agents, .health = h->health,
		.stats = { h->writer, h->agents, h->server, h->questions, h->watch, h->probe, h->tls },
		.probes_only = !local && !s->http_open, .local_only = local && !s->http_open,
	};
	int r;

	if (!*s->http || strcmp(s->http, "off") == 0)
		return 0;
	r = site_new(&options, &h->site);
	if (r == 0)
		r = http_new(s->http, h->site, &h->http);
	if (r < 0)
		(void)snprintf(
			ret_why, size,
			"cannot serve HTTP on %s: is another program there, or is it no address of this machine?",
			s->http);
	if (r == 0 && options.probes_only)
		log_warning("--http is off loopback: only /metrics, /healthz and /readyz are served there; --http-open "
			    "serves findings too");
	return r;
}

int hub_new(const struct hub_settings *settings, struct hub **ret_hub, char *ret_why, size_t size)
{
	AUTO(hub_free) struct hub *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->settings = settings;
	*ret_why = 0;
	fit_to_files(h);
	r = open_tls(h, ret_why, size);
	if (r == 0)
		r = store_open(settings->store, ret_why, size, &h->store);
	if (r == 0)
		r = open_parts(h);
	if (r == 0)
		r = open_server(h, ret_why, size);
	if (r == 0)
		r = open_probe(h);
	if (r == 0)
		r = open_http(h, ret_why, size);
	if (r < 0) {
		if (!*ret_why)
			(void)snprintf(ret_why, size, "cannot start: %s", strerror(-r));
		return r;
	}
	*ret_hub = TAKE_PTR(h);
	return 0;
}

int hub_rpc_port(const struct hub *h)
{
	return rpc_server_port(h->server);
}

int hub_http_port(const struct hub *h)
{
	return h->http ? http_port(h->http) : 0;
}

/* gRPC keeps what a thousand connections needed; give it back once they are gone. */
static void trim(struct hub *h, mono_ns_t now)
{
	struct agents_stats stats;

	agents_stats(h->agents, &stats);
	h->most_connected = MAX_OF(h->most_connected, stats.connected);
	if (h->most_connected - stats.connected >= TRIM_AGENTS && !h->trim_at)
		h->trim_at = now + TRIM_AFTER;
	if (!h->trim_at || now < h->trim_at)
		return;
	(void)malloc_trim(0);
	h->trim_at = 0;
	h->most_connected = stats.connected;
}

void hub_tick(struct hub *h, mono_ns_t now)
{
	const struct rpc_now both = { now, clock_wall_now() };
	const struct store_retention retention = { h->settings->retain_age_ns, h->settings->retain_bytes };
	struct writer_stats stats;

	agents_tick(h->agents, &both);
	writer_stats(h->writer, &stats);
	health_service_set(h->health, stats.last_error == 0);
	if (!h->retained || mono_since(h->retained, now) >= RETAIN_EVERY) {
		h->retained = now;
		writer_retain(h->writer, &retention);
	}
	trim(h, now);
}

void hub_free(struct hub **hub)
{
	struct hub *h = *hub;

	if (!h)
		return;
	http_free(&h->http);
	site_free(&h->site);
	self_probe_free(&h->probe);
	/* The server first, so that nothing new comes; then the writer stores what is queued; acks then reach nobody,
	 * and the agents send those records again, which the store knows. */
	if (h->server)
		rpc_server_stop(h->server);
	writer_free(&h->writer);
	questions_free(&h->questions);
	watch_free(&h->watch);
	rpc_server_free(&h->server);
	agents_free(&h->agents);
	health_service_free(&h->health);
	router_free(&h->router);
	store_close(&h->store);
	rpc_tls_free(&h->tls);
	free(h);
	*hub = NULL;
}

// SPDX-License-Identifier: Apache-2.0
/* GET /metrics, /healthz and /readyz, served from the agent's loop: who gets an answer knows that the loop turns. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "exporters/exporter.h"
#include "exporters/openmetrics.h"
#include "exporters/spool.h"

#define MAX_SERIES      4096
#define MAX_BODY        (4 * 1024 * 1024)
#define MAX_CONNECTIONS 16
#define TIMEOUT_S       10
#define CONNECTION_BYTES (16 * 1024)

#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TYPE_TEXT_004    "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_TEXT        "text/plain; charset=utf-8"

struct prometheus {
	const struct export_env *env;
	struct openmetrics *om;
	struct MHD_Daemon *daemon;
	struct buf body;
	uint64_t requests, too_large;
};

/* ---- answers ---- */

static void say_stat(void *arg, const char *subject, const char *name, double value, const char *help)
{
	char full[160];

	(void)snprintf(full, sizeof(full), "why_%s_%s", subject, name);
	openmetrics_say(arg, full, help, value);
}

static void write_agent(struct prometheus *p, struct openmetrics_text *t)
{
	struct export_status status = {0};

	(void)buf_addf(t->out,
		       "# TYPE why_agent gauge\n# HELP why_agent the agent that answers\nwhy_agent{version=\"%s\"} 1\n",
		       p->env->version);
	if (p->env->status) {
		p->env->status(p->env->status_arg, &status);
		openmetrics_say(t, "why_agent_evaluated", "1 once all rules have been evaluated", status.evaluated);
		openmetrics_say(t, "why_agent_dropped_samples_total", "readings lost: the tick was full",
				(double)status.dropped_samples);
		openmetrics_say(t, "why_agent_dropped_events_total", "events lost: the tick was full",
				(double)status.dropped_events);
		openmetrics_say(t, "why_agent_dropped_findings_total", "findings not opened: too many are open",
				(double)status.dropped_findings);
	}
	if (p->env->stats)
		p->env->stats(p->env->stats_arg, say_stat, t);
}

static void write_metrics(struct prometheus *p, bool strict)
{
	struct openmetrics_text t = {.out = &p->body, .strict = strict};

	buf_reset(&p->body);
	openmetrics_write(p->om, clock_mono_now(), &t);
	write_agent(p, &t);
	openmetrics_say(&t, "why_metrics_requests_total", "times that these metrics were asked for", (double)p->requests);
	openmetrics_say(&t, "why_metrics_too_large_total", "times that the answer was too large to give",
			(double)p->too_large);
	if (strict)
		(void)buf_add_text(&p->body, "# EOF\n");
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type, const void *body, size_t n)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result queued;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type", type);
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(r, "Allow", "GET, HEAD");
	queued = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return queued;
}

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status, const char *text)
{
	return reply(c, status, TYPE_TEXT, text, strlen(text));
}

static enum MHD_Result reply_metrics(struct prometheus *p, struct MHD_Connection *c)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
	bool strict = accept && strstr(accept, "application/openmetrics-text");

	p->requests++;
	write_metrics(p, strict);
	if (p->body.overflow) {
		p->too_large++;
		return reply_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "the metrics do not fit into 4 MiB\n");
	}
	return reply(c, MHD_HTTP_OK, strict ? TYPE_OPENMETRICS : TYPE_TEXT_004, p->body.data, p->body.len);
}

/* Readiness is about this node alone: a hub that is away makes no node unready. */
static enum MHD_Result reply_ready(struct prometheus *p, struct MHD_Connection *c)
{
	struct export_status status = {.evaluated = true};

	if (p->env->status)
		p->env->status(p->env->status_arg, &status);
	if (status.evaluated)
		return reply_text(c, MHD_HTTP_OK, "ready\n");
	return reply_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready: the rules have not been evaluated yet\n");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version UNUSED, const char *data UNUSED, size_t *n_data, void **request)
{
	static int seen_headers;

	if (!*request) { /* first call: the headers are there, a body may follow */
		*request = &seen_headers;
		return MHD_YES;
	}
	if (*n_data > 0) {
		*n_data = 0; /* nobody's body is wanted */
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") == 0)
		return reply_metrics(arg, c);
	if (strcmp(url, "/healthz") == 0)
		return reply_text(c, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/readyz") == 0)
		return reply_ready(arg, c);
	return reply_text(c, MHD_HTTP_NOT_FOUND, "try /metrics, /healthz or /readyz\n");
}

/* ---- the exporter ---- */

/* "127.0.0.1:7494", "[::1]:7494"; -EINVAL: something else. A name would have to be looked up, which may hang. */
static int parse_listen(const char *text, struct sockaddr_storage *ret_address)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char host[64];
	uint64_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) || text_parse_u64(colon + 1, &port) < 0 || port > 65535)
		return -EINVAL;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	memset(ret_address, 0, sizeof(*ret_address));
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		v4.sin_port = htons((uint16_t)port);
		memcpy(ret_address, &v4, sizeof(v4));
		return 0;
	}
	if (host[0] != '[' || host[strlen(host) - 1] != ']')
		return -EINVAL;
	host[strlen(host) - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &v6.sin6_addr) != 1)
		return -EINVAL;
	v6.sin6_port = htons((uint16_t)port);
	memcpy(ret_address, &v6, sizeof(v6));
	return 0;
}

static void log_of_http(void *arg UNUSED, const char *fmt, va_list ap)
{
	char line[256];

	(void)vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("metrics: %s", line);
}

static void put_open(void *arg, const struct finding *f, mono_ns_t opened_mono UNUSED)
{
	openmetrics_put_finding(arg, f);
}

static int close_server(void *state, uint32_t flush_ms UNUSED)
{
	struct prometheus *p = state;

	if (!p)
		return 0;
	if (p->daemon)
		MHD_stop_daemon(p->daemon);
	openmetrics_free(&p->om);
	buf_done(&p->body);
	free(p);
	return 0;
}

static int start_server(struct prometheus *p, const struct sockaddr_storage *address)
{
	unsigned flags = MHD_USE_EPOLL | (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	errno = 0;
	p->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, p, MHD_OPTION_SOCK_ADDR,
				     (const struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				     MHD_OPTION_EXTERNAL_LOGGER, log_of_http, NULL, MHD_OPTION_END);
	if (!p->daemon)
		return errno > 0 ? -errno : -EADDRINUSE;
	return 0;
}

static int open_server(const struct export_env *env, void **ret_state)
{
	struct sockaddr_storage address;
	struct prometheus *p;
	int r;

	if (!env->metrics_listen || !*env->metrics_listen || strcmp(env->metrics_listen, "off") == 0)
		return -ENOENT;
	r = parse_listen(env->metrics_listen, &address);
	if (r < 0) {
		log_error("metrics: '%s' is not an address like 127.0.0.1:7494 or [::1]:7494", env->metrics_listen);
		return r;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->env = env;
	buf_init(&p->body, MAX_BODY);
	r = openmetrics_new(env->metrics, env->graph, MAX_SERIES, &p->om);
	if (r == 0 && env->spool)
		r = spool_visit_open(env->spool, put_open, p->om);
	if (r == 0)
		r = start_server(p, &address);
	if (r < 0) {
		(void)close_server(p, 0);
		return r;
	}
	*ret_state = p;
	return 0;
}

static int put_batch(void *state, const struct batch *b)
{
	openmetrics_put_batch(((struct prometheus *)state)->om, b);
	return 0;
}

static int put_finding(void *state, const struct finding *f)
{
	openmetrics_put_finding(((struct prometheus *)state)->om, f);
	return 0;
}

static int event_fd(void *state)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(((struct prometheus *)state)->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

static int pump(void *state, mono_ns_t now, mono_ns_t *ret_next)
{
	struct prometheus *p = state;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	(void)MHD_run(p->daemon);
	*ret_next = MHD_get_timeout(p->daemon, &wait_ms) == MHD_YES ? now + MAX_OF(wait_ms, 1ULL) * NS_PER_MS : 0;
	return 0;
}

static void stats(void *state, void (*say)(void *arg, const char *name, double value, const char *help), void *arg)
{
	struct prometheus *p = state;
	const union MHD_DaemonInfo *port = MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_BIND_PORT);

	say(arg, "port", port ? port->port : 0, "where /metrics is served");
}

const struct exporter exporter_prometheus = {
	.name = "prometheus",
	.help = "/metrics for Prometheus, /healthz and /readyz",
	.wants = EXPORT_SAMPLES | EXPORT_FINDINGS,
	.open = open_server,
	.put_batch = put_batch,
	.put_finding = put_finding,
	.event_fd = event_fd,
	.pump = pump,
	.stats = stats,
	.close = close_server,
};

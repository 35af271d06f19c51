// SPDX-License-Identifier: Apache-2.0
#include "hub/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "hub/page.h"

struct http {
	struct MHD_Daemon *daemon;
	struct site *site;
};

static const char *get_param(void *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct site_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(reply->body.len, reply->body.data,
									MHD_RESPMEM_MUST_COPY);
	enum MHD_Result queued;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", reply->type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(response, "Content-Security-Policy", reply->page ? PAGE_POLICY : "default-src 'none'");
	if (reply->status == 405)
		(void)MHD_add_response_header(response, "Allow", "GET, HEAD");
	queued = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	static int seen;
	struct http *h = arg;
	struct site_reply reply = { .status = 500, .type = "text/plain" };
	struct site_request request = { .path = url, .get = get_param, .arg = connection };
	enum MHD_Result result;

	(void)version;
	(void)upload;
	if (!*state) {
		*state = &seen; /* the first call shows the headers only */
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	buf_init(&reply.body, SITE_MAX_BODY);
	request.host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		reply.status = 405;
		(void)buf_add_text(&reply.body, "the hub is read here, not written\n");
	} else {
		site_answer(h->site, &request, &reply);
	}
	if (reply.body.overflow) {
		buf_reset(&reply.body);
		reply.status = 500;
	}
	result = send_reply(connection, &reply);
	buf_done(&reply.body);
	return result;
}

static void silent(void *arg, const char *fmt, va_list args)
{
	(void)arg;
	(void)fmt;
	(void)args;
}

static void free_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int parse(const char *listen, struct addrinfo **ret_list)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(listen, ':'), *begin = listen;
	char host[128];
	size_t n;

	if (!colon || colon == listen)
		return -EINVAL;
	n = (size_t)(colon - listen);
	if (listen[0] == '[' && colon[-1] == ']') {
		begin++;
		n -= 2;
	}
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, begin, n);
	host[n] = 0;
	return getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, colon + 1, &hints, ret_list) == 0 ?
		       0 :
		       -EINVAL;
}

int http_new(const char *listen, struct site *site, struct http **ret_http)
{
	AUTO(free_addresses) struct addrinfo *list = NULL;
	AUTO(http_free) struct http *h = calloc(1, sizeof(*h));
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
	int r;

	if (!h)
		return -ENOMEM;
	h->site = site;
	r = parse(listen, &list);
	if (r < 0)
		return r;
	if (list->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, h, MHD_OPTION_EXTERNAL_LOGGER, silent, NULL,
				     MHD_OPTION_SOCK_ADDR, list->ai_addr, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned)HTTP_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				     (unsigned)HTTP_IDLE_S, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
				     (unsigned)HTTP_MAX_PER_ADDRESS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				     (size_t)HTTP_MEMORY, MHD_OPTION_END);
	if (!h->daemon)
		return -EADDRINUSE;
	*ret_http = TAKE_PTR(h);
	return 0;
}

int http_port(const struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void http_free(struct http **http)
{
	if (!*http)
		return;
	if ((*http)->daemon)
		MHD_stop_daemon((*http)->daemon);
	free(*http);
	*http = NULL;
}

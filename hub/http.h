/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - the HTTP listener (libmicrohttpd) in front of site.h.
 *
 * Room: hub.  Owns: the listener and its one thread.  Thread: its own; a slow question delays other HTTP questions,
 * nothing else.
 * Clock: none.
 * Bounds: HTTP_MAX_CONNECTIONS, HTTP_MAX_PER_ADDRESS of one address, HTTP_IDLE_S without a
 * byte, HTTP_MEMORY bytes a connection for its request; GET and HEAD only; no body is read.
 */
#ifndef WHY_HUB_HTTP_H
#define WHY_HUB_HTTP_H

#include "hub/site.h"

#define HTTP_MAX_CONNECTIONS 256
#define HTTP_MAX_PER_ADDRESS 64
#define HTTP_IDLE_S          15
#define HTTP_MEMORY          (32 * 1024)

struct http;

/* `listen`: "127.0.0.1:7480", "[::1]:7480". -EINVAL: no such form; -EADDRINUSE: cannot listen there. The site outlives
 * it. */
int http_new(const char *listen, struct site *site, struct http **ret_http);
int http_port(const struct http *h);
void http_free(struct http **http);

#endif

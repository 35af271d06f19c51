/* SPDX-License-Identifier: Apache-2.0 */
/* http_socket.h - GET requests to HTTP servers on unix sockets (or loopback), several at a time, none of which can hold
 * the others up.
 *
 * Room: runtimes.  Owns: libcurl's handles, connections kept open.  Thread: the caller's.  Clock: libcurl's own.
 * Bounds: HTTP_SOCKET_CALLS calls at a time; a call's time, body and HTTP_SOCKET_HEADERS bytes of headers. A pump
 * returns after `idle_ms` without traffic, or HTTP_SOCKET_TURNS turns with it, whatever the servers do.
 *
 * Bodies are handed out as they come and never kept. No proxy, no redirect, no compression, no other protocol.
 */
#ifndef WHY_RUNTIMES_HTTP_SOCKET_H
#define WHY_RUNTIMES_HTTP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_SOCKET_CALLS   64
#define HTTP_SOCKET_HEADERS (64 * 1024)
#define HTTP_SOCKET_TURNS   512
#define HTTP_SOCKET_WHY_MAX 128

struct http_socket;

struct http_call {
	const char *socket;  /* path; NULL: by TCP to the host of `url` */
	const char *url;     /* "http://localhost/version" */
	uint64_t max_bytes;  /* of the body; 0: no bound (a stream, handed out as it comes) */
	unsigned timeout_ms; /* from start to end; 0: none (a stream) */
	/* A piece of the body of an answer with status 200. Not 0: no more is wanted, the call fails with -EBADMSG. */
	int (*body)(void *arg, const char *data, size_t n);
	/* The end, once. `status` is HTTP's, 0 when none came. `error` 0, -ETIMEDOUT, -EMSGSIZE (too long), -EBADMSG,
	 * -ECONNREFUSED (nobody there), -EIO; `why` says it for a person. New calls may be started in here. */
	void (*done)(void *arg, long status, int error, const char *why);
	void *arg;
};

int http_socket_new(struct http_socket **ret_sockets); /* -ENOMEM */
void http_socket_free(struct http_socket **sockets);   /* calls under way end without `done` */

/* Texts are copied. -EBUSY: HTTP_SOCKET_CALLS are under way; -ENOMEM. */
int http_socket_get(struct http_socket *h, const struct http_call *call);
/* End all calls with this `arg`, without `done`. */
void http_socket_cancel(struct http_socket *h, const void *arg);
/* Let traffic flow; waits at most `idle_ms` in all for some when there is none. `until` (NULL ok) ends it early. */
void http_socket_pump(struct http_socket *h, unsigned idle_ms, bool (*until)(const void *arg), const void *arg);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "runtimes/http_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/text.h"

#define IDLE_SLICE_MS 10
#define BUFFER_BYTES  16384L
#define MAX_CONNECTS  16L

struct slot {
	bool used;
	CURL *easy;
	struct http_call call;
	uint64_t n_body, n_headers;
	int error; /* ours, when we ended it */
};

struct http_socket {
	CURLM *multi;
	struct slot slots[HTTP_SOCKET_CALLS];
	size_t n_used;
};

int http_socket_new(struct http_socket **ret_sockets)
{
	struct http_socket *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
		h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return -ENOMEM;
	}
	(void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTS);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	*ret_sockets = h;
	return 0;
}

static void slot_end(struct http_socket *h, struct slot *s)
{
	(void)curl_multi_remove_handle(h->multi, s->easy);
	curl_easy_cleanup(s->easy);
	memset(s, 0, sizeof(*s));
	h->n_used--;
}

void http_socket_free(struct http_socket **sockets)
{
	struct http_socket *h = *sockets;

	if (!h)
		return;
	for (size_t i = 0; i < HTTP_SOCKET_CALLS; i++)
		if (h->slots[i].used)
			slot_end(h, &h->slots[i]);
	(void)curl_multi_cleanup(h->multi);
	free(h);
	*sockets = NULL;
}

void http_socket_cancel(struct http_socket *h, const void *arg)
{
	for (size_t i = 0; i < HTTP_SOCKET_CALLS; i++)
		if (h->slots[i].used && h->slots[i].call.arg == arg)
			slot_end(h, &h->slots[i]);
}

/* ---- one call ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;
	long status = 0;

	s->n_body += size * n;
	if (s->call.max_bytes && s->n_body > s->call.max_bytes) {
		s->error = -EMSGSIZE;
		return 0;
	}
	/* What an error page says is nobody's business here. */
	(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && s->call.body(s->call.arg, data, size * n) != 0) {
		s->error = -EBADMSG;
		return 0;
	}
	return size * n;
}

static size_t on_header(char *data UNUSED, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	s->n_headers += size * n;
	if (s->n_headers > HTTP_SOCKET_HEADERS) {
		s->error = -EMSGSIZE;
		return 0;
	}
	return size * n;
}

static struct slot *slot_free(struct http_socket *h)
{
	for (size_t i = 0; i < HTTP_SOCKET_CALLS; i++)
		if (!h->slots[i].used)
			return &h->slots[i];
	return NULL;
}

int http_socket_get(struct http_socket *h, const struct http_call *call)
{
	struct slot *s = slot_free(h);
	CURL *e;

	if (!s)
		return -EBUSY;
	e = curl_easy_init();
	if (!e)
		return -ENOMEM;
	*s = (struct slot){ .used = true, .easy = e, .call = *call };
	s->call.socket = s->call.url = NULL; /* libcurl has copies; the caller's may go away */
	(void)curl_easy_setopt(e, CURLOPT_URL, call->url);
	if (call->socket)
		(void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, call->socket);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever http_proxy says */
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "whyd");
	(void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	if (curl_multi_add_handle(h->multi, e) != CURLM_OK) {
		curl_easy_cleanup(e);
		memset(s, 0, sizeof(*s));
		return -ENOMEM;
	}
	h->n_used++;
	return 0;
}

/* ---- all of them ---- */

static int error_of(const struct slot *s, CURLcode code)
{
	if (s->error)
		return s->error;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	default:
		return -EIO;
	}
}

static void say_why(int error, CURLcode code, long status, char why[HTTP_SOCKET_WHY_MAX])
{
	if (error == -ETIMEDOUT)
		(void)text_copy(why, HTTP_SOCKET_WHY_MAX, "it does not answer in time");
	else if (error == -EMSGSIZE)
		(void)text_copy(why, HTTP_SOCKET_WHY_MAX, "its answer is longer than any that is expected");
	else if (error == -EBADMSG)
		(void)text_copy(why, HTTP_SOCKET_WHY_MAX, "its answer cannot be read");
	else if (error == -ECONNREFUSED)
		(void)text_copy(why, HTTP_SOCKET_WHY_MAX, "nobody answers there");
	else if (error)
		(void)text_copy(why, HTTP_SOCKET_WHY_MAX, curl_easy_strerror(code));
	else
		(void)snprintf(why, HTTP_SOCKET_WHY_MAX, "it answers %ld", status);
}

static void finish(struct http_socket *h, CURL *easy, CURLcode code)
{
	char why[HTTP_SOCKET_WHY_MAX];
	struct slot *s = NULL;
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	int error = error_of(s, code);
	struct http_call call = s->call;
	say_why(error, code, status, why);
	slot_end(h, s);
	call.done(call.arg, status, error, why);
}

static bool finish_some(struct http_socket *h)
{
	CURLMsg *m;
	int left;
	bool any = false;

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE) {
			finish(h, m->easy_handle, m->data.result);
			any = true;
		}
	return any;
}

void http_socket_pump(struct http_socket *h, unsigned idle_ms, bool (*until)(const void *arg), const void *arg)
{
	unsigned idle = 0;
	int running = 0, n = 0;

	for (unsigned turn = 0; turn < HTTP_SOCKET_TURNS && h->n_used > 0; turn++) {
		if (curl_multi_perform(h->multi, &running) != CURLM_OK)
			return;
		if (finish_some(h))
			continue;
		if (until && until(arg))
			return;
		if (curl_multi_poll(h->multi, NULL, 0, idle < idle_ms ? IDLE_SLICE_MS : 0, &n) != CURLM_OK)
			return;
		if (n == 0 && idle >= idle_ms)
			return;
		if (n == 0)
			idle += IDLE_SLICE_MS;
	}
}

// SPDX-License-Identifier: Apache-2.0
/* Each change of a finding as a CloudEvent (1.0, structured JSON) by POST to one address, in order, one at a time,
 * until it is taken. What the receiver refuses for good (4xx) is dropped; what it cannot take now is tried again, ever
 * more rarely. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "exporters/backoff.h"
#include "exporters/exporter.h"

#define MAX_EVENTS      256
#define MAX_QUEUE_BYTES (4 * 1024 * 1024)
#define MAX_EVENT_BYTES (256 * 1024)
#define MAX_SOCKETS     8
#define TIMEOUT_MS      10000L
#define RETRY_MIN_NS    (1 * NS_PER_S)
#define RETRY_MAX_NS    (300 * NS_PER_S)

struct event_text {
	char *data;
	size_t n;
};

struct webhook {
	const struct export_env *env;
	int epoll_fd;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	bool busy; /* the event at the head is under way */
	mono_ns_t now, curl_at, retry_at;
	struct backoff backoff;
	struct event_text queue[MAX_EVENTS];
	size_t first, n_queued, bytes;
	bool said_lost;
	uint64_t sent, refused, failures, dropped;
};

/* ---- the queue ---- */

static struct event_text *head(struct webhook *w)
{
	return &w->queue[w->first];
}

static void drop_head(struct webhook *w)
{
	w->bytes -= head(w)->n;
	free(head(w)->data);
	*head(w) = (struct event_text){0};
	w->first = (w->first + 1) % MAX_EVENTS;
	w->n_queued--;
}

static const char *type_of(const struct finding *f)
{
	if (f->state == FINDING_RESOLVED)
		return "dev.why.finding.resolved.v1";
	return f->state == FINDING_OPEN ? "dev.why.finding.opened.v1" : "dev.why.finding.updated.v1";
}

/* (source, id) names an event for ever: a receiver that gets it twice can tell. */
static int write_event(const struct finding *f, struct buf *out)
{
	char id[64], source[300], subject[1200], at[CLOCK_RFC3339_MAX];
	struct json j;

	(void)snprintf(id, sizeof(id), "%s/%llu", f->id, (unsigned long long)f->revision);
	(void)snprintf(source, sizeof(source), "why://%s", f->node);
	(void)snprintf(subject, sizeof(subject), "%s/%s", entity_kind_name(f->subject.kind), f->subject.id);
	clock_format_rfc3339(f->changed_at, at);
	json_init(&j, out);
	json_object_begin(&j);
	json_key_text(&j, "specversion", "1.0");
	json_key_text(&j, "id", id);
	json_key_text(&j, "source", source);
	json_key_text(&j, "type", type_of(f));
	json_key_text(&j, "subject", subject);
	json_key_text(&j, "time", at);
	json_key_text(&j, "severity", severity_name(f->severity));
	json_key_text(&j, "datacontenttype", "application/json");
	json_key(&j, "data");
	finding_write_json(f, &j);
	json_object_end(&j);
	return json_end(&j);
}

static int put_finding(void *state, const struct finding *f)
{
	struct webhook *w = state;
	AUTO_BUF struct buf b = {0};
	struct event_text *e;
	int r;

	if (f->shadow)
		return 0;
	buf_init(&b, MAX_EVENT_BYTES);
	r = write_event(f, &b);
	if (r < 0 || w->n_queued == MAX_EVENTS || w->bytes + b.len > MAX_QUEUE_BYTES) {
		w->dropped++;
		return r < 0 ? r : -ENOBUFS;
	}
	e = &w->queue[(w->first + w->n_queued++) % MAX_EVENTS];
	e->n = b.len;
	e->data = (char *)TAKE_PTR(b.data);
	w->bytes += e->n;
	return 0;
}

/* ---- curl in a loop ---- */

static int watch_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *arg, void *known UNUSED)
{
	struct webhook *w = arg;
	struct epoll_event e = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &e) < 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		return -1;
	return 0;
}

static int set_timer(CURLM *multi UNUSED, long wait_ms, void *arg)
{
	struct webhook *w = arg;

	w->curl_at = wait_ms < 0 ? 0 : w->now + (uint64_t)wait_ms * NS_PER_MS;
	return 0;
}

static size_t ignore_body(char *data UNUSED, size_t size, size_t n, void *arg UNUSED)
{
	return size * n;
}

static int start_post(struct webhook *w)
{
	curl_easy_reset(w->easy);
	(void)curl_easy_setopt(w->easy, CURLOPT_URL, w->env->webhook_url);
	(void)curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(w->easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(w->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	(void)curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
	(void)curl_easy_setopt(w->easy, CURLOPT_USERAGENT, "whyd");
	(void)curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, ignore_body);
	(void)curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, head(w)->data);
	(void)curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)head(w)->n);
	w->busy = curl_multi_add_handle(w->multi, w->easy) == CURLM_OK;
	return w->busy ? 0 : -EIO;
}

static void try_later(struct webhook *w, const char *why)
{
	w->failures++;
	w->retry_at = w->now + backoff_next(&w->backoff);
	if (!w->said_lost)
		log_warning("webhook: %s; findings wait and are sent when it is back", why);
	w->said_lost = true;
}

static void finish_post(struct webhook *w, CURLcode code)
{
	char why[64];
	long status = 0;

	(void)curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_multi_remove_handle(w->multi, w->easy);
	w->busy = false;
	(void)snprintf(why, sizeof(why), "the receiver answers %ld", status);
	if (code != CURLE_OK) {
		try_later(w, curl_easy_strerror(code));
		return;
	}
	if (status == 408 || status == 429 || status >= 500) {
		try_later(w, why);
		return;
	}
	backoff_reset(&w->backoff);
	w->said_lost = false;
	if (status >= 200 && status < 300) {
		w->sent++;
	} else {
		w->refused++;
		log_warning("webhook: %s: this finding is not sent to it again", why);
	}
	drop_head(w);
}

static void take_results(struct webhook *w)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(w->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			finish_post(w, m->data.result);
}

static int pump(void *state, mono_ns_t now, mono_ns_t *ret_next)
{
	struct webhook *w = state;
	struct epoll_event events[MAX_SOCKETS];
	int n, running, r = 0;

	w->now = now;
	n = epoll_wait(w->epoll_fd, events, MAX_SOCKETS, 0);
	for (int i = 0; i < n; i++) {
		int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		(void)curl_multi_socket_action(w->multi, events[i].data.fd, what, &running);
	}
	if (w->curl_at && now >= w->curl_at) {
		w->curl_at = 0;
		(void)curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_results(w);
	if (!w->busy && w->n_queued > 0 && now >= w->retry_at)
		r = start_post(w);
	*ret_next = w->busy ? w->curl_at : w->n_queued > 0 ? MAX_OF(w->retry_at, now + NS_PER_MS) : 0;
	return r < 0 ? r : w->said_lost ? -ENOTCONN : 0;
}

/* ---- the exporter ---- */

static int close_webhook(void *state, uint32_t flush_ms)
{
	struct webhook *w = state;
	mono_ns_t until = clock_mono_now() + flush_ms * NS_PER_MS;
	mono_ns_t now, next;

	if (!w)
		return 0;
	while (w->n_queued > 0 && !w->said_lost && (now = clock_mono_now()) < until) {
		struct epoll_event e;

		(void)pump(w, now, &next);
		(void)epoll_wait(w->epoll_fd, &e, 1, 10);
	}
	if (w->busy)
		(void)curl_multi_remove_handle(w->multi, w->easy);
	curl_easy_cleanup(w->easy);
	curl_multi_cleanup(w->multi);
	curl_slist_free_all(w->headers);
	while (w->n_queued > 0)
		drop_head(w);
	cleanup_close(&w->epoll_fd);
	free(w);
	return 0;
}

static int prepare(struct webhook *w)
{
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return -errno;
	w->multi = curl_multi_init();
	w->easy = curl_easy_init();
	w->headers = curl_slist_append(NULL, "Content-Type: application/cloudevents+json; charset=UTF-8");
	if (!w->multi || !w->easy || !w->headers)
		return -ENOMEM;
	(void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	(void)curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	(void)curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, 2L);
	return 0;
}

static int open_webhook(const struct export_env *env, void **ret_state)
{
	struct webhook *w;
	int r;

	if (!env->webhook_url || !*env->webhook_url)
		return -ENOENT;
	if (strncmp(env->webhook_url, "https://", 8) != 0 && strncmp(env->webhook_url, "http://", 7) != 0) {
		log_error("webhook: '%s' is not an http or https URL", env->webhook_url);
		return -EINVAL;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->env = env;
	backoff_init(&w->backoff, RETRY_MIN_NS, RETRY_MAX_NS);
	r = prepare(w);
	if (r < 0) {
		(void)close_webhook(w, 0);
		return r;
	}
	*ret_state = w;
	return 0;
}

static int event_fd(void *state)
{
	return ((struct webhook *)state)->epoll_fd;
}

static void stats(void *state, void (*say)(void *arg, const char *name, double value, const char *help), void *arg)
{
	const struct webhook *w = state;

	say(arg, "sent_total", (double)w->sent, "changes of findings that the receiver took");
	say(arg, "refused_total", (double)w->refused, "changes that it refused for good");
	say(arg, "failures_total", (double)w->failures, "tries that failed and are repeated");
	say(arg, "dropped_total", (double)w->dropped, "changes lost: the queue was full");
	say(arg, "queued", (double)w->n_queued, "changes waiting");
}

const struct exporter exporter_webhook = {
	.name = "webhook",
	.help = "findings as CloudEvents to an HTTP address",
	.wants = EXPORT_FINDINGS,
	.open = open_webhook,
	.put_finding = put_finding,
	.event_fd = event_fd,
	.pump = pump,
	.stats = stats,
	.close = close_webhook,
};

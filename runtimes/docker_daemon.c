// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define GREET_NS        (15 * NS_PER_S)
#define AGAIN_NS        (3 * NS_PER_S)
#define LIST_NS         (300 * NS_PER_S)
#define STEADY_NS       (60 * NS_PER_S) /* an event stream that lasts so long is a good one */
#define MIN_BACK_OFF_NS NS_PER_S
#define MAX_BACK_OFF_NS (60 * NS_PER_S)
#define GREET_MS        3000
#define LIST_MS         10000
#define INSPECT_MS      4000
#define GREET_BYTES     (256 * 1024)
#define LIST_BYTES      (32 * 1024 * 1024)
#define INSPECT_BYTES   (4 * 1024 * 1024)
#define EVENT_BYTES     (8 * 1024 * 1024) /* a step */
#define MAX_TRIES       3
#define EVENTS_URL      "http://localhost/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"
#define LIST_URL        "http://localhost/containers/json?all=1"
#define LIBPOD_LIST_URL "http://localhost/v4.0.0/libpod/containers/json?all=true"

struct known {
	char id[DOCKER_ID_MAX];
	char state[16];
	bool listed, dirty, asked, believed, died, oom, has_exit_code;
	uint8_t tries;
	int32_t exit_code;
	uint64_t restarts;
};

struct ask {
	struct docker_daemon *daemon;
	bool under_way;
	char id[DOCKER_ID_MAX]; /* of an inspection */
	struct docker_reader reader;
};

struct docker_daemon {
	char address[128], connect_path[128], title[160];
	struct http_socket *http;
	struct docker_watcher watcher;
	char why[HTTP_SOCKET_WHY_MAX];
	bool podman, greeted, listed, listed_once, silent; /* listed: since it was greeted */
	mono_ns_t now, greet_at, list_at, greeted_at, silent_at;
	uint64_t back_off_ns, event_bytes, refused;
	struct ask greeting, list, events, inspections[DOCKER_INSPECTIONS];
	struct known *known;
	size_t n_known, max_known, cursor;
};

int docker_daemon_new(const char *address, const char *connect_path, struct http_socket *http,
		      const struct docker_watcher *watcher, struct docker_daemon **ret_daemon)
{
	struct docker_daemon *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	(void)text_copy(d->address, sizeof(d->address), address);
	(void)text_copy(d->connect_path, sizeof(d->connect_path), connect_path);
	(void)snprintf(d->title, sizeof(d->title), "Docker or Podman at %s", d->address);
	d->http = http;
	d->watcher = *watcher;
	d->back_off_ns = MIN_BACK_OFF_NS;
	d->greeting.daemon = d->list.daemon = d->events.daemon = d;
	for (size_t i = 0; i < DOCKER_INSPECTIONS; i++)
		d->inspections[i].daemon = d;
	*ret_daemon = d;
	return 0;
}

static void drop_call(struct ask *a)
{
	if (a->under_way)
		http_socket_cancel(a->daemon->http, a);
	a->under_way = false;
}

static void drop_calls(struct docker_daemon *d)
{
	drop_call(&d->greeting);
	drop_call(&d->list);
	drop_call(&d->events);
	for (size_t i = 0; i < DOCKER_INSPECTIONS; i++)
		drop_call(&d->inspections[i]);
	for (size_t i = 0; i < d->n_known; i++)
		d->known[i].asked = false;
}

void docker_daemon_free(struct docker_daemon **daemon)
{
	struct docker_daemon *d = *daemon;

	if (!d)
		return;
	drop_calls(d);
	free(d->known);
	free(d);
	*daemon = NULL;
}

/* ---- whom it has ---- */

static struct known *find(const struct docker_daemon *d, const char *id)
{
	for (size_t i = 0; i < d->n_known; i++)
		if (memcmp(d->known[i].id, id, DOCKER_ID_MAX - 1) == 0)
			return &d->known[i];
	return NULL;
}

static struct known *find_or_make(struct docker_daemon *d, const char *id)
{
	struct known *k = find(d, id);

	if (k)
		return k;
	if (d->n_known == d->max_known) {
		size_t max = d->max_known ? d->max_known * 2 : 64;
		k = max <= DOCKER_MAX_CONTAINERS ? reallocarray(d->known, max, sizeof(*k)) : NULL;
		if (!k) {
			d->refused++;
			return NULL;
		}
		d->known = k;
		d->max_known = max;
	}
	k = &d->known[d->n_known++];
	*k = (struct known){ .dirty = true };
	(void)text_copy(k->id, sizeof(k->id), id);
	return k;
}

static void say_exit(struct docker_daemon *d, struct known *k)
{
	struct docker_exit e = { .exit_code = k->exit_code, .has_exit_code = k->has_exit_code, .oom_killed = k->oom };

	memcpy(e.id, k->id, sizeof(e.id));
	if (k->believed)
		d->watcher.exited(d->watcher.arg, d, &e);
	k->died = k->oom = k->has_exit_code = false;
}

static void forget(struct docker_daemon *d, struct known *k)
{
	if (k->died)
		say_exit(d, k);
	if (k->believed)
		d->watcher.gone(d->watcher.arg, d, k->id);
	*k = d->known[--d->n_known];
}

static bool has_ended(const struct known *k, const struct docker_container *c)
{
	return k->believed && strcmp(c->state, "exited") == 0 && strcmp(k->state, "exited") != 0 && k->state[0] &&
	       strcmp(k->state, "created") != 0;
}

/* ---- answers ---- */

static void take_listed(void *arg, const struct docker_container *c)
{
	struct docker_daemon *d = ((struct ask *)arg)->daemon;
	struct known *k = find_or_make(d, c->id);

	if (!k)
		return;
	k->listed = true;
	if (strcmp(k->state, c->state) != 0) {
		k->dirty = true;
		k->tries = 0;
	}
	/* Before its inspection the list's words are better than none; its state is taken from there, with how it
	 * ended. */
	if (!k->believed && d->watcher.has_room(d->watcher.arg) && d->watcher.container(d->watcher.arg, d, c))
		k->believed = true;
}

static void take_inspected(void *arg, const struct docker_container *c)
{
	struct ask *a = arg;
	struct docker_daemon *d = a->daemon;
	struct known *k = find(d, a->id);

	if (!k || strcmp(a->id, c->id) != 0)
		return;
	bool ended = k->died || has_ended(k, c);
	if (ended && strcmp(c->state, "exited") == 0) {
		k->oom = k->oom || c->oom_killed;
		if (!k->has_exit_code) {
			k->exit_code = c->exit_code;
			k->has_exit_code = c->has_exit_code;
		}
	}
	k->believed = d->watcher.container(d->watcher.arg, d, c) || k->believed;
	(void)text_copy(k->state, sizeof(k->state), c->state);
	k->restarts = c->restarts;
	k->tries = 0;
	if (ended)
		say_exit(d, k);
}

static void take_event(void *arg, const struct docker_event *e)
{
	struct docker_daemon *d = ((struct ask *)arg)->daemon;
	struct known *k = e->action == DOCKER_REMOVED ? find(d, e->id) : find_or_make(d, e->id);

	if (!k)
		return;
	k->dirty = true;
	k->tries = 0;
	if (e->action == DOCKER_OOM)
		k->oom = true;
	if (e->action == DOCKER_DIED) {
		if (k->died) /* died again before anybody could look */
			say_exit(d, k);
		k->died = true;
		k->exit_code = e->exit_code;
		k->has_exit_code = e->has_exit_code;
	}
	if (e->action == DOCKER_REMOVED)
		forget(d, k);
}

/* ---- calls ---- */

static int on_body(void *arg, const char *data, size_t n)
{
	struct ask *a = arg;

	if (a == &a->daemon->events) {
		a->daemon->event_bytes += n;
		if (a->daemon->event_bytes > EVENT_BYTES)
			return -EMSGSIZE;
	}
	return docker_reader_put(&a->reader, data, n);
}

static int start(struct ask *a, enum docker_answer answer, const char *url, uint64_t max_bytes, unsigned timeout_ms,
		 void (*done)(void *arg, long status, int error, const char *why))
{
	const struct http_call call = {
		.socket = a->daemon->connect_path,
		.url = url,
		.max_bytes = max_bytes,
		.timeout_ms = timeout_ms,
		.body = on_body,
		.done = done,
		.arg = a,
	};

	docker_reader_init(&a->reader, answer);
	a->reader.arg = a;
	a->under_way = http_socket_get(a->daemon->http, &call) == 0;
	return a->under_way ? 0 : -EBUSY;
}

static void begin_again(struct docker_daemon *d)
{
	drop_calls(d);
	d->greeted = d->listed = false;
	d->greet_at = d->now + d->back_off_ns;
	d->back_off_ns = MIN_OF(d->back_off_ns * 2, MAX_BACK_OFF_NS);
}

static void fail(struct docker_daemon *d, const char *why)
{
	begin_again(d);
	(void)text_copy(d->why, sizeof(d->why), why);
	if (!d->silent) {
		d->silent_at = d->now;
		d->watcher.silent(d->watcher.arg, d, why);
	}
	d->silent = true;
}

/* Whether the answer is whole and good; else `why` says what it is. */
static bool is_good(struct ask *a, long status, int error, const char **why)
{
	a->under_way = false;
	if (error == 0 && status == 200 && docker_reader_is_whole(&a->reader))
		return true;
	if (error == 0 && status == 200)
		*why = "its answer cannot be read";
	return false;
}

static void on_inspected(void *arg, long status, int error, const char *why);

static struct ask *free_inspection(struct docker_daemon *d)
{
	for (size_t i = 0; i < DOCKER_INSPECTIONS; i++)
		if (!d->inspections[i].under_way)
			return &d->inspections[i];
	return NULL;
}

static void inspect_some(struct docker_daemon *d)
{
	struct ask *a = free_inspection(d);
	char url[160];

	if (!d->listed_once || !d->watcher.has_room(d->watcher.arg))
		return;
	for (size_t n = 0; n < d->n_known && a; n++) {
		struct known *k = &d->known[d->cursor++ % d->n_known];
		if (!k->dirty || k->asked)
			continue;
		(void)snprintf(url, sizeof(url), "http://localhost/containers/%s/json", k->id);
		memcpy(a->id, k->id, sizeof(a->id));
		if (start(a, DOCKER_INSPECT, url, INSPECT_BYTES, INSPECT_MS, on_inspected) < 0)
			return;
		a->reader.on_container = take_inspected;
		k->asked = true;
		k->dirty = false;
		a = free_inspection(d);
	}
}

static void on_inspected(void *arg, long status, int error, const char *why)
{
	struct ask *a = arg;
	struct docker_daemon *d = a->daemon;
	struct known *k = find(d, a->id);

	bool good = is_good(a, status, error, &why);
	if (k) {
		k->asked = false;
		if (status == 404 && error == 0) {
			forget(d, k);
		} else if (!good) {
			k->dirty = ++k->tries < MAX_TRIES;
			if (!k->dirty && k->believed)
				d->watcher.untold(d->watcher.arg, d, k->id, why);
		}
	}
	inspect_some(d);
}

static void on_listed(void *arg, long status, int error, const char *why)
{
	struct ask *a = arg;
	struct docker_daemon *d = a->daemon;

	if (!is_good(a, status, error, &why)) {
		fail(d, why);
		return;
	}
	for (size_t i = d->n_known; i-- > 0;)
		if (!d->known[i].listed)
			forget(d, &d->known[i]);
	/* The list may have been answered before the request for events was: what happened in between shows in a
	 * second. */
	d->list_at = d->now + (d->listed ? LIST_NS : AGAIN_NS);
	d->listed = d->listed_once = true;
	if (d->silent)
		d->watcher.answers(d->watcher.arg, d);
	d->silent = false;
	d->why[0] = '\0';
	inspect_some(d);
}

static void start_list(struct docker_daemon *d)
{
	for (size_t i = 0; i < d->n_known; i++)
		d->known[i].listed = false;
	d->list_at = UINT64_MAX;
	if (start(&d->list, d->podman ? DOCKER_LIBPOD_LIST : DOCKER_LIST, d->podman ? LIBPOD_LIST_URL : LIST_URL,
		  LIST_BYTES, LIST_MS, on_listed) < 0)
		d->list_at = d->now;
	d->list.reader.on_container = take_listed;
}

/* The daemon is restarted, or cannot keep the stream. Podman sends no status before its first event. */
static void on_events_end(void *arg, long status, int error, const char *why)
{
	struct ask *a = arg;
	struct docker_daemon *d = a->daemon;

	a->under_way = false;
	if (error == -EBADMSG)
		fail(d, "its events cannot be read");
	else if (status != 200 && status != 0)
		fail(d, why);
	else if (!d->listed)
		fail(d, "it ends the stream of its events");
	else
		begin_again(d);
}

static void on_greeted(void *arg, long status, int error, const char *why)
{
	struct ask *a = arg;
	struct docker_daemon *d = a->daemon;

	if (!is_good(a, status, error, &why)) {
		fail(d, why);
		return;
	}
	d->greet_at = d->now + GREET_NS;
	if (d->greeted)
		return;
	d->greeted = true;
	d->greeted_at = d->now;
	d->podman = a->reader.version.podman;
	(void)snprintf(d->title, sizeof(d->title), "%s at %s", d->podman ? "Podman" : "Docker", d->address);
	if (start(&d->events, DOCKER_EVENTS, EVENTS_URL, 0, 0, on_events_end) < 0) {
		fail(d, "there are too many of its kind");
		return;
	}
	d->events.reader.on_event = take_event;
	start_list(d);
}

void docker_daemon_step(struct docker_daemon *d, mono_ns_t now)
{
	d->now = now;
	d->event_bytes = 0;
	if (now >= d->greet_at && !d->greeting.under_way)
		if (start(&d->greeting, DOCKER_VERSION, "http://localhost/version", GREET_BYTES, GREET_MS,
			  on_greeted) == 0)
			d->greet_at = UINT64_MAX;
	if (!d->greeted)
		return;
	if (d->listed && mono_since(d->greeted_at, now) > STEADY_NS)
		d->back_off_ns = MIN_BACK_OFF_NS;
	if (now >= d->list_at && !d->list.under_way)
		start_list(d);
	inspect_some(d);
}

/* ---- asking us ---- */

bool docker_daemon_is_busy(const struct docker_daemon *d)
{
	bool busy = d->greeting.under_way || d->list.under_way;

	for (size_t i = 0; i < DOCKER_INSPECTIONS && !busy; i++)
		busy = d->inspections[i].under_way;
	return busy;
}

const char *docker_daemon_address(const struct docker_daemon *d)
{
	return d->address;
}

const char *docker_daemon_runtime(const struct docker_daemon *d)
{
	return d->podman ? "podman" : "docker";
}

const char *docker_daemon_title(const struct docker_daemon *d)
{
	return d->title;
}

bool docker_daemon_is_silent(const struct docker_daemon *d)
{
	return d->silent;
}

uint64_t docker_daemon_silent_ns(const struct docker_daemon *d)
{
	return d->silent ? MAX_OF(mono_since(d->silent_at, d->now), 1u) : 0;
}

const char *docker_daemon_why(const struct docker_daemon *d)
{
	return d->why;
}

bool docker_daemon_is_podman(const struct docker_daemon *d)
{
	return d->podman;
}

bool docker_daemon_is_listed(const struct docker_daemon *d)
{
	return d->listed;
}

bool docker_daemon_has(const struct docker_daemon *d, const char *id)
{
	const struct known *k = find(d, id);

	return k && k->believed;
}

const char *docker_daemon_at(const struct docker_daemon *d, size_t i, bool *ret_running, uint64_t *ret_restarts)
{
	static const char unbelieved[] = "";

	if (i >= d->n_known)
		return NULL;
	*ret_running = strcmp(d->known[i].state, "running") == 0;
	*ret_restarts = d->known[i].state[0] ? d->known[i].restarts : UINT64_MAX;
	return d->known[i].believed ? d->known[i].id : unbelieved;
}

uint64_t docker_daemon_refused(const struct docker_daemon *d)
{
	return d->refused;
}

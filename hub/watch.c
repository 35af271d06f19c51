// SPDX-License-Identifier: Apache-2.0
#include "hub/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "hub/resolve.h"
#include "proto/convert.h"
#include "proto/frame.h"

#define PAGE 100 /* findings read at once */

struct watcher {
	uint64_t stream; /* 0: free */
	bool asked;      /* the question is here */
	bool full;       /* until drained */
	uint64_t drains; /* how often it was */
	bool dirty;      /* something may be new */
	bool snapshot;   /* still at the open ones that were stored before */
	bool told_end;
	uint64_t change;
	uint64_t present; /* the store's last change when the snapshot began: what is resolved before it is no news */
	struct query query;
	bool resolved;
	struct resolved target;
};

struct watch {
	struct rpc_server *server;
	const struct store *store;
	struct store_reader reader;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;
	bool stop;
	struct watcher list[WATCH_MAX];
};

static struct watcher *by_stream(struct watch *w, uint64_t stream)
{
	for (size_t i = 0; i < WATCH_MAX; i++) {
		if (w->list[i].stream == stream)
			return &w->list[i];
	}
	return NULL;
}

/* ---- hooks ---- */

static enum rpc_status opened(void *arg, uint64_t stream, const char *method, const struct rpc_peer *peer,
			      const struct rpc_now *now, const char **ret_text)
{
	struct watch *w = arg;
	struct watcher *one;

	(void)method;
	(void)peer;
	(void)now;
	*ret_text = "the hub has as many watchers as it may: try again later";
	(void)pthread_mutex_lock(&w->lock);
	one = by_stream(w, 0);
	if (one)
		*one = (struct watcher){ .stream = stream };
	(void)pthread_mutex_unlock(&w->lock);
	return one ? RPC_OK : RPC_EXHAUSTED;
}

/* Where to begin; false: from the present, with the open ones. */
static bool parse_cursor(struct watch *w, const char *cursor, uint64_t *ret_change)
{
	const char *identity = w->store->class->identity(w->store->state);
	size_t n = strlen(identity);

	return strncmp(cursor, identity, n) == 0 && cursor[n] == '.' && text_parse_u64(cursor + n + 1, ret_change) == 0 &&
	       *ret_change <= INT64_MAX;
}

static bool received(void *arg, uint64_t stream, const uint8_t *data, size_t n, const struct rpc_now *now)
{
	struct watch *w = arg;
	struct watcher *one;
	const char *field = NULL;
	struct query q;
	uint64_t change = 0;
	int r = data ? query_unpack(data, n, &q, &field) : -EBADMSG;

	(void)now;
	if (r < 0 || q.kind != QUERY_LIST) {
		rpc_server_close(w->server, stream, RPC_BAD_ARGUMENT, "a watch is asked for by a question of kind LIST");
		return false;
	}
	(void)pthread_mutex_lock(&w->lock);
	one = by_stream(w, stream);
	if (one) {
		one->query = q;
		one->snapshot = !parse_cursor(w, q.cursor, &change);
		one->change = one->snapshot ? 0 : change;
		one->asked = one->dirty = true;
		(void)pthread_cond_signal(&w->work);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return false;
}

static void drained(void *arg, uint64_t stream)
{
	struct watch *w = arg;
	struct watcher *one;

	(void)pthread_mutex_lock(&w->lock);
	one = by_stream(w, stream);
	if (one) {
		one->full = false;
		one->drains++;
		if (one->dirty)
			(void)pthread_cond_signal(&w->work);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void closed(void *arg, uint64_t stream, const struct rpc_now *now)
{
	struct watch *w = arg;
	struct watcher *one;

	(void)now;
	(void)pthread_mutex_lock(&w->lock);
	one = by_stream(w, stream);
	if (one)
		*one = (struct watcher){ 0 };
	(void)pthread_mutex_unlock(&w->lock);
}

struct rpc_hooks watch_hooks(struct watch *w)
{
	return (struct rpc_hooks){ .opened = opened, .received = received, .drained = drained, .closed = closed, .arg = w };
}

void watch_changed(struct watch *w)
{
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WATCH_MAX; i++)
		w->list[i].dirty = true;
	(void)pthread_cond_signal(&w->work);
	(void)pthread_mutex_unlock(&w->lock);
}

size_t watch_count(struct watch *w)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WATCH_MAX; i++)
		n += w->list[i].stream != 0;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

/* ---- its thread ---- */

struct sending {
	struct watch *watch;
	struct watcher at; /* a copy to work on */
	size_t n;
	bool full, gone;
};

static int send_event(struct sending *s, uint64_t change, const struct finding *f)
{
	AUTO_BUF struct buf out;
	char cursor[64];
	int r;

	(void)snprintf(cursor, sizeof(cursor), "%s.%llu", s->watch->store->class->identity(s->watch->store->state),
		       (unsigned long long)change);
	buf_init(&out, FRAME_MAX_MESSAGE);
	r = frame_pack_watch(cursor, f, &out);
	if (r == 0)
		r = rpc_server_send(s->watch->server, s->at.stream, out.data, out.len);
	s->full |= r == -ENOBUFS;
	s->gone |= r == -ENOTCONN;
	return r;
}

static int send_row(void *arg, const struct store_row *row)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct sending *s = arg;
	int r = finding_unpack(row->data, row->n_data, &f, NULL);

	s->n++;
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r == 0 && (f->kind != FINDING_CAUSE || f->confidence >= s->at.query.min_confidence)) {
		r = send_event(s, row->change, f);
		if (r < 0)
			return r;
	}
	s->at.change = row->change;
	return 0;
}

/* One page. True: there may be more at once. */
static bool send_page(struct sending *s)
{
	const struct query *q = &s->at.query;
	const struct resolved *t = &s->at.target;
	struct store_filter filter = {
		.id = t->what == RESOLVED_FINDING ? t->key : NULL,
		.node = t->node[0] ? t->node : NULL,
		.rule = q->cause[0] ? q->cause : NULL,
		.kind = t->what == RESOLVED_ENTITY || t->what == RESOLVED_ELSEWHERE ? t->kind : STORE_NO_KIND,
		.key = t->key,
		.only_open = s->at.snapshot,
		.after_change = s->at.change,
		.order = STORE_BY_CHANGE,
		.limit = PAGE,
	};
	int r = s->watch->reader.class->visit(s->watch->reader.state, &filter, send_row, s);

	if (r < 0) {
		if (!s->full && !s->gone)
			log_warning("cannot read for a watcher: %s", strerror(-r));
		return false;
	}
	if (s->n == PAGE)
		return true;
	if (s->at.told_end)
		return false;
	if (s->at.snapshot)
		s->at.change = s->at.present;
	if (send_event(s, s->at.change, NULL) < 0)
		return false;
	s->at.told_end = true;
	s->at.snapshot = false;
	return true; /* what came during the snapshot */
}

/* A full name need not have been seen yet: who waits for its first finding may watch it. False: the stream was closed. */
static bool resolve(struct watch *w, struct watcher *at)
{
	AUTO(answer_free) struct answer *a = NULL;
	const struct query *q = &at->query;
	int r = at->resolved ? 0 : answer_new(QUERY_LIST, &a);

	if (r == 0 && !at->resolved)
		r = resolve_target(&w->reader, q, &at->target, a);
	if (r > 0 && a->status == ANSWER_NOT_FOUND && q->target_kind < ENTITY_KIND_MAX) {
		at->target = (struct resolved){ .what = RESOLVED_ENTITY, .kind = q->target_kind };
		if (q->target_kind == ENTITY_NODE)
			at->target.what = RESOLVED_NODE;
		(void)text_copy(at->target.node, RECORD_MAX_NODE, q->target_kind == ENTITY_NODE ? q->target : q->node);
		(void)text_copy(at->target.key, sizeof(at->target.key), q->target);
		r = 0;
	}
	at->resolved = r == 0;
	if (r != 0)
		rpc_server_close(w->server, at->stream, r > 0 ? RPC_NOT_FOUND : RPC_UNAVAILABLE,
				 r > 0 && a->message ? a->message : "the hub cannot read its store");
	return r == 0;
}

/* Before the first page. A cursor ahead of the store is one of its future: it was put back to an older state, and changes
 * up to there would never be told. */
static void begin(struct watch *w, struct watcher *at)
{
	struct store_totals totals;

	if (at->told_end || at->present || w->reader.class->totals(w->reader.state, &totals) < 0)
		return;
	if (at->change > totals.change) {
		at->snapshot = true;
		at->change = 0;
	}
	at->present = totals.change;
}

static void pump(struct watch *w, struct watcher *one)
{
	struct sending s = { .watch = w, .at = *one };
	bool more;

	one->dirty = false;
	(void)pthread_mutex_unlock(&w->lock);
	begin(w, &s.at);
	more = resolve(w, &s.at) && send_page(&s);
	(void)pthread_mutex_lock(&w->lock);
	if (one->stream != s.at.stream)
		return; /* closed meanwhile */
	one->change = s.at.change;
	one->snapshot = s.at.snapshot;
	one->told_end = s.at.told_end;
	one->present = s.at.present;
	one->resolved = s.at.resolved;
	one->target = s.at.target;
	one->full = s.full && one->drains == s.at.drains;
	one->dirty |= more || s.full;
}

static struct watcher *next_watcher(struct watch *w, size_t *turn)
{
	for (size_t i = 0; i < WATCH_MAX; i++) {
		struct watcher *one = &w->list[(*turn + i) % WATCH_MAX];

		if (one->stream && one->asked && one->dirty && !one->full) {
			*turn = (*turn + i + 1) % WATCH_MAX;
			return one;
		}
	}
	return NULL;
}

static void *run(void *arg)
{
	struct watch *w = arg;
	size_t turn = 0;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		struct watcher *one = next_watcher(w, &turn);

		if (one)
			pump(w, one);
		else
			(void)pthread_cond_wait(&w->work, &w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

int watch_new(const struct store *store, struct watch **ret_watch)
{
	AUTO(watch_free) struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->store = store;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->work, NULL);
	r = store_reader_open(store, &w->reader);
	if (r == 0)
		r = -pthread_create(&w->thread, NULL, run, w);
	if (r < 0)
		return r;
	w->running = true;
	*ret_watch = TAKE_PTR(w);
	return 0;
}

void watch_set_server(struct watch *w, struct rpc_server *server)
{
	w->server = server;
}

void watch_free(struct watch **watch)
{
	struct watch *w = *watch;

	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_signal(&w->work);
	(void)pthread_mutex_unlock(&w->lock);
	if (w->running)
		(void)pthread_join(w->thread, NULL);
	store_reader_close(&w->reader);
	(void)pthread_cond_destroy(&w->work);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
	*watch = NULL;
}

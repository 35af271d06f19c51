// SPDX-License-Identifier: Apache-2.0
#include "hub/writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define RETRY_MS 1000

struct note {
	struct note *next;
	struct store_note n;
	char texts[];
};

struct writer {
	const struct store *store;
	struct writer_hooks hooks;
	size_t max_records, max_bytes;
	pthread_t thread;
	int event_fd; /* written when the thread should look: work, retention, stop */
	pthread_mutex_t lock; /* all below */
	struct record_batch *first, **end;
	struct note *first_note, **end_note;
	size_t n_notes;
	bool stop, was_full, retain_wanted;
	struct store_retention retention;
	struct writer_stats stats;
};

/* What one commit takes. */
struct group {
	struct record_batch *batches;
	struct note *notes;
	size_t n_records, bytes;
};

static size_t batch_bytes(const struct record_batch *b)
{
	return arena_used(b->arena) + sizeof(*b);
}

/* A batch without records (all refused) still counts as one, so that a flood of them is bounded too. */
static size_t batch_weight(const struct record_batch *b)
{
	return b->n_records ? b->n_records : 1;
}

static void wake(struct writer *w)
{
	const uint64_t one = 1;

	(void)!write(w->event_fd, &one, sizeof(one));
}

static void wait_for(struct writer *w, int timeout_ms)
{
	struct pollfd p = { .fd = w->event_fd, .events = POLLIN };
	uint64_t drained;

	if (poll(&p, 1, timeout_ms) > 0)
		(void)!read(w->event_fd, &drained, sizeof(drained));
}

static void free_notes(struct note *n)
{
	while (n) {
		struct note *next = n->next;

		free(n);
		n = next;
	}
}

static void free_batches(struct record_batch *b)
{
	while (b) {
		struct record_batch *next = b->next;

		record_batch_free(&b);
		b = next;
	}
}

/* Take up to WRITER_MAX_GROUP records off the queue; at least one batch when there is any. */
static void take_group(struct writer *w, struct group *ret)
{
	struct record_batch **end = &ret->batches;

	while (w->first && (ret->n_records == 0 || ret->n_records + batch_weight(w->first) <= WRITER_MAX_GROUP)) {
		struct record_batch *b = w->first;

		w->first = b->next;
		b->next = NULL;
		*end = b;
		end = &b->next;
		ret->n_records += batch_weight(b);
		ret->bytes += batch_bytes(b);
	}
	if (!w->first)
		w->end = &w->first;
	ret->notes = w->first_note;
	w->first_note = NULL;
	w->end_note = &w->first_note;
	w->n_notes = 0;
}

static int store_group(struct writer *w, const struct group *g, struct store_counts *ret_counts)
{
	const struct store *s = w->store;
	struct store_counts counts = { 0 };
	wall_ns_t now = clock_wall_now();
	int r;

	r = s->class->begin(s->state);
	if (r < 0)
		return r;
	for (const struct record_batch *b = g->batches; b && r == 0; b = b->next)
		r = s->class->put(s->state, b, now, &counts);
	for (const struct note *n = g->notes; n && r == 0; n = n->next)
		r = s->class->note(s->state, &n->n);
	if (r < 0) {
		s->class->rollback(s->state);
		return r;
	}
	r = s->class->commit(s->state);
	if (r == 0)
		*ret_counts = counts;
	return r;
}

static bool stopping(struct writer *w)
{
	bool stop;

	(void)pthread_mutex_lock(&w->lock);
	stop = w->stop;
	(void)pthread_mutex_unlock(&w->lock);
	return stop;
}

static void count_failure(struct writer *w, int r)
{
	bool first;

	(void)pthread_mutex_lock(&w->lock);
	first = w->stats.last_error != r;
	w->stats.last_error = r;
	w->stats.failures++;
	(void)pthread_mutex_unlock(&w->lock);
	if (first)
		log_error("the store refuses findings: %s: they stay in the agents' spools, trying again every second",
			  strerror(-r));
}

/* Commit until it succeeds. -ECANCELED: the hub stops first. */
static int store_group_surely(struct writer *w, const struct group *g, struct store_counts *ret_counts)
{
	for (;;) {
		int r = store_group(w, g, ret_counts);

		if (r == 0)
			return 0;
		count_failure(w, r);
		if (stopping(w))
			return -ECANCELED;
		wait_for(w, RETRY_MS);
	}
}

static void account(struct writer *w, const struct group *g, const struct store_counts *counts, bool *ret_room,
		    bool *ret_recovered)
{
	(void)pthread_mutex_lock(&w->lock);
	w->stats.queued_records -= g->n_records;
	w->stats.queued_bytes -= g->bytes;
	w->stats.stored += counts->stored;
	w->stats.known += counts->known;
	w->stats.foreign += counts->foreign;
	w->stats.commits++;
	*ret_recovered = w->stats.last_error != 0;
	w->stats.last_error = 0;
	*ret_room = w->was_full && w->stats.queued_records <= w->max_records / 2 &&
		    w->stats.queued_bytes <= w->max_bytes / 2;
	if (*ret_room)
		w->was_full = false;
	(void)pthread_mutex_unlock(&w->lock);
}

static void work(struct writer *w, struct group *g)
{
	struct store_counts counts = { 0 };
	bool room = false, recovered = false;

	if (store_group_surely(w, g, &counts) == 0) {
		account(w, g, &counts, &room, &recovered);
		if (recovered)
			log_info("the store takes findings again");
		for (const struct record_batch *b = g->batches; b; b = b->next)
			w->hooks.stored(w->hooks.arg, b);
		if (counts.stored)
			w->hooks.changed(w->hooks.arg);
		if (room)
			w->hooks.room(w->hooks.arg);
	}
	free_batches(g->batches);
	free_notes(g->notes);
}

/* One bounded deletion; true: more to do. */
static bool retain_some(struct writer *w)
{
	struct store_retention retention;
	uint64_t deleted = 0;
	bool wanted, more = false;
	int r;

	(void)pthread_mutex_lock(&w->lock);
	wanted = w->retain_wanted;
	retention = w->retention;
	(void)pthread_mutex_unlock(&w->lock);
	if (!wanted)
		return false;
	r = w->store->class->retain(w->store->state, &retention, clock_wall_now(), &deleted, &more);
	(void)pthread_mutex_lock(&w->lock);
	w->stats.deleted += deleted;
	if (r < 0 || !more)
		w->retain_wanted = false;
	(void)pthread_mutex_unlock(&w->lock);
	if (r < 0)
		log_warning("cannot delete old findings: %s", strerror(-r));
	return r == 0 && more;
}

static bool is_idle(struct writer *w, size_t *ret_queued, bool *ret_stop)
{
	bool idle;

	(void)pthread_mutex_lock(&w->lock);
	idle = !w->first && !w->first_note;
	*ret_queued = w->stats.queued_records;
	*ret_stop = w->stop;
	(void)pthread_mutex_unlock(&w->lock);
	return idle;
}

static void *run(void *arg)
{
	struct writer *w = arg;
	bool stop = false, more = false;
	size_t queued;

	for (;;) {
		struct group g = { 0 };

		if (is_idle(w, &queued, &stop)) {
			if (stop)
				return NULL;
			wait_for(w, more ? 0 : -1);
			more = retain_some(w);
			continue;
		}
		if (queued < WRITER_MAX_GROUP && !stop)
			wait_for(w, WRITER_GATHER_MS);
		(void)pthread_mutex_lock(&w->lock);
		take_group(w, &g);
		(void)pthread_mutex_unlock(&w->lock);
		work(w, &g);
		more = retain_some(w);
	}
}

int writer_new(const struct store *store, const struct writer_hooks *hooks, size_t max_records, size_t max_bytes,
	       struct writer **ret_writer)
{
	AUTO_FREE struct writer *w = calloc(1, sizeof(*w));
	AUTO_CLOSE int fd = -1;
	int r;

	assert(store->class && hooks->stored && hooks->changed && hooks->room);
	if (!w)
		return -ENOMEM;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	w->store = store;
	w->hooks = *hooks;
	w->max_records = max_records;
	w->max_bytes = max_bytes;
	w->event_fd = fd;
	w->end = &w->first;
	w->end_note = &w->first_note;
	(void)pthread_mutex_init(&w->lock, NULL);
	r = pthread_create(&w->thread, NULL, run, w);
	if (r != 0)
		return -r;
	(void)TAKE_FD(fd);
	*ret_writer = TAKE_PTR(w);
	return 0;
}

int writer_put(struct writer *w, struct record_batch **b)
{
	size_t weight = batch_weight(*b), bytes = batch_bytes(*b);
	bool look;

	(void)pthread_mutex_lock(&w->lock);
	if (w->stats.queued_records > 0 &&
	    (w->stats.queued_records + weight > w->max_records || w->stats.queued_bytes + bytes > w->max_bytes)) {
		w->was_full = true;
		w->stats.refused_puts++;
		(void)pthread_mutex_unlock(&w->lock);
		return -ENOBUFS;
	}
	/* The thread sleeps when the queue is empty, and gathers for a while until there is a full group. */
	look = !w->first ||
	       (w->stats.queued_records < WRITER_MAX_GROUP && w->stats.queued_records + weight >= WRITER_MAX_GROUP);
	w->stats.queued_records += weight;
	w->stats.queued_bytes += bytes;
	(*b)->next = NULL;
	*w->end = *b;
	w->end = &(*b)->next;
	*b = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	if (look)
		wake(w);
	return 0;
}

static const char *keep(char **at, const char *text)
{
	const char *kept = *at;

	if (!text)
		return NULL;
	*at = stpcpy(*at, text) + 1;
	return kept;
}

int writer_note(struct writer *w, const struct store_note *note)
{
	const char *texts[] = { note->node, note->boot_id, note->version, note->rules_digest, note->status, note->text };
	size_t bytes = 0;
	struct note *n;
	char *at;
	bool look;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		bytes += texts[i] ? strlen(texts[i]) + 1 : 0;
	n = malloc(sizeof(*n) + bytes);
	if (!n)
		return -ENOMEM;
	at = n->texts;
	n->next = NULL;
	n->n = *note;
	n->n.node = keep(&at, note->node);
	n->n.boot_id = keep(&at, note->boot_id);
	n->n.version = keep(&at, note->version);
	n->n.rules_digest = keep(&at, note->rules_digest);
	n->n.status = keep(&at, note->status);
	n->n.text = keep(&at, note->text);
	(void)pthread_mutex_lock(&w->lock);
	if (w->n_notes >= WRITER_MAX_NOTES) {
		w->stats.dropped_notes++;
		(void)pthread_mutex_unlock(&w->lock);
		free(n);
		return -ENOBUFS;
	}
	look = !w->first_note;
	w->n_notes++;
	*w->end_note = n;
	w->end_note = &n->next;
	(void)pthread_mutex_unlock(&w->lock);
	if (look)
		wake(w);
	return 0;
}

void writer_retain(struct writer *w, const struct store_retention *retention)
{
	(void)pthread_mutex_lock(&w->lock);
	w->retention = *retention;
	w->retain_wanted = true;
	(void)pthread_mutex_unlock(&w->lock);
	wake(w);
}

void writer_stats(struct writer *w, struct writer_stats *ret_stats)
{
	(void)pthread_mutex_lock(&w->lock);
	*ret_stats = w->stats;
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_free(struct writer **writer)
{
	struct writer *w = *writer;

	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_mutex_unlock(&w->lock);
	wake(w);
	(void)pthread_join(w->thread, NULL);
	free_batches(w->first);
	free_notes(w->first_note);
	(void)pthread_mutex_destroy(&w->lock);
	(void)close(w->event_fd);
	free(w);
	*writer = NULL;
}

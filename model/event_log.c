/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/series.h"

#define N_STRETCHES      32 /* more than a window has, so that none is used again too early */
#define WINDOW_STRETCHES 30

struct stretch {
	uint64_t number; /* time / stretch_ns */
	uint64_t n;
};

/* Most logs are of a process that ends and hold one event: room grows as it is needed. */
struct event_log {
	struct event **held; /* a ring */
	size_t first, n, size;
	size_t bytes;
	uint64_t stretch_ns;
	struct stretch *left; /* N_STRETCHES: events that left early; NULL: none has */
};

int event_log_new(struct event_log **ret_log)
{
	struct event_log *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->bytes = sizeof(*l);
	*ret_log = l;
	return 0;
}

static int event_log_grow(struct event_log *l)
{
	size_t size = l->size ? 2 * l->size : 2;
	struct event **held = malloc(size * sizeof(struct event *));

	if (!held)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		held[i] = l->held[(l->first + i) % l->size];
	free(l->held);
	l->held = held;
	l->bytes += (size - l->size) * sizeof(struct event *);
	l->size = size;
	l->first = 0;
	return 0;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t event_size(const struct event *e)
{
	size_t size = sizeof(*e) + text_size(e->message);

	for (unsigned i = 0; i < METRIC_MAX_FIELDS; i++)
		size += text_size(e->values[i].text);
	return size;
}

static const char *text_move(const char *text, char **at)
{
	char *here = *at;

	if (!text)
		return NULL;
	memcpy(here, text, text_size(text));
	*at += text_size(text);
	return here;
}

static struct event *event_clone(const struct event *e)
{
	struct event *copy = malloc(event_size(e));
	char *at;

	if (!copy)
		return NULL;
	*copy = *e;
	at = (char *)(copy + 1);
	copy->message = text_move(e->message, &at);
	for (unsigned i = 0; i < METRIC_MAX_FIELDS; i++)
		copy->values[i].text = text_move(e->values[i].text, &at);
	return copy;
}

static void event_log_drop(struct event_log *l)
{
	struct event *e = l->held[l->first];

	l->first = (l->first + 1) % l->size;
	l->n--;
	l->bytes -= event_size(e);
	free(e);
}

void event_log_free(struct event_log **log)
{
	if (!*log)
		return;
	while ((*log)->n > 0)
		event_log_drop(*log);
	free((*log)->held);
	free((*log)->left);
	free(*log);
	*log = NULL;
}

static void event_log_count(struct event_log *l, mono_ns_t at)
{
	uint64_t number = at / l->stretch_ns;
	struct stretch *s;

	if (!l->left) {
		l->left = calloc(N_STRETCHES, sizeof(*l->left));
		if (!l->left)
			return;
		l->bytes += N_STRETCHES * sizeof(*l->left);
	}
	s = &l->left[number % N_STRETCHES];
	if (s->number != number)
		*s = (struct stretch){.number = number};
	s->n++;
}

bool event_log_evict(struct event_log *l)
{
	if (l->n == 0)
		return false;
	event_log_count(l, l->held[l->first]->at);
	event_log_drop(l);
	return true;
}

int event_log_put(struct event_log *l, const struct event *e, mono_ns_t now, uint64_t window_ns)
{
	uint64_t stretch_ns = window_ns / WINDOW_STRETCHES + 1;
	struct event *copy;

	if (l->stretch_ns != stretch_ns) {
		if (l->left)
			memset(l->left, 0, N_STRETCHES * sizeof(*l->left));
		l->stretch_ns = stretch_ns;
	}
	while (l->n > 0 && mono_since(l->held[l->first]->at, now) > window_ns)
		event_log_drop(l);
	if (l->n == SERIES_MAX_EVENTS)
		(void)event_log_evict(l);
	copy = l->n == l->size && event_log_grow(l) < 0 ? NULL : event_clone(e);
	if (!copy) {
		event_log_count(l, e->at);
		return -ENOMEM;
	}
	l->held[(l->first + l->n++) % l->size] = copy;
	l->bytes += event_size(copy);
	return 0;
}

size_t event_log_get(const struct event_log *l, mono_ns_t now, uint64_t window_ns, const struct event **ret_events,
		     size_t max)
{
	size_t n = 0;

	for (size_t i = l->n; i-- > 0 && n < max;) {
		const struct event *e = l->held[(l->first + i) % l->size];

		if (mono_since(e->at, now) <= window_ns)
			ret_events[n++] = e;
	}
	return n;
}

uint64_t event_log_total(const struct event_log *l, mono_ns_t now, uint64_t window_ns)
{
	mono_ns_t from = now > window_ns ? now - window_ns : 0;
	uint64_t total = 0;

	for (size_t i = 0; i < l->n; i++)
		total += mono_since(l->held[(l->first + i) % l->size]->at, now) <= window_ns;
	for (unsigned i = 0; l->left && i < N_STRETCHES; i++)
		if (l->left[i].n > 0 && l->left[i].number * l->stretch_ns >= from)
			total += l->left[i].n;
	return total;
}

size_t event_log_count_held(const struct event_log *l)
{
	return l->n;
}

size_t event_log_bytes(const struct event_log *l)
{
	return l->bytes;
}

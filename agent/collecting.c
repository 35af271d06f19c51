/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/collecting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "collectors/isolate.h"
#include "collectors/self.h"

#define MAX_BACK_OFF_NS (60 * NS_PER_S)
#define PROBE_AGAIN_NS  (30 * NS_PER_S) /* what was not there may have come: a runtime started later, a driver loaded */
#define MIN_ROOM        16 /* free events of a batch below which nobody is drained */

struct slot {
	const struct collector *collector;
	uint32_t first;
	void *state;             /* inline */
	struct isolate *isolate; /* isolated */
	struct loop_source *source;
	bool running, failing, absent; /* absent: its probe found nothing to read */
	int error;
	char reason[256];
	mono_ns_t due;                 /* of an absent one: the next probe */
	mono_ns_t rest_until;    /* draining failed: its descriptor is not waited for until then */
	uint64_t back_off_ns;
	struct collecting *owner;
};

struct collecting {
	struct loop *loop;
	struct collect_env env;
	const struct metrics *metrics;
	uint32_t self_first;
	collecting_wake_fn wake;
	void *arg;
	struct slot slots[COLLECTING_MAX];
	size_t n;
	size_t first; /* to be drained: the one for which there was no room last time */
};

/* Something to drain: wait no more for this one until it has been drained, or the loop would spin on it. */
static void on_readable(void *arg, uint32_t events UNUSED, mono_ns_t now)
{
	struct slot *s = arg;
	(void)loop_fd_set_events(s->source, 0);
	s->owner->wake(s->owner->arg, now);
}

static int watch(struct slot *s, int fd)
{
	if (fd < 0)
		return 0;
	return loop_add_fd(s->owner->loop, fd, EPOLLIN, LOOP_DRAIN, s->collector->name, on_readable, s, &s->source);
}

static int open_inline(struct slot *s)
{
	const struct collector *c = s->collector;
	int r = c->open(&s->owner->env, &s->state);
	if (r < 0)
		return r;
	r = c->event_fd ? watch(s, c->event_fd(s->state)) : 0;
	if (r < 0) {
		c->close(s->state);
		s->state = NULL;
	}
	return r;
}

static int open_isolated(struct slot *s, const struct metrics *metrics)
{
	int r = isolate_open(s->collector, &s->owner->env, metrics, s->owner->self_first, &s->isolate);
	if (r < 0)
		return r;
	r = watch(s, isolate_event_fd(s->isolate));
	if (r < 0)
		isolate_close(&s->isolate);
	return r;
}

static bool is_disabled(const struct conf_list *disabled, const char *name)
{
	for (size_t i = 0; i < disabled->n; i++)
		if (strcmp(disabled->items[i], name) == 0)
			return true;
	return false;
}

static void probe_and_open(struct slot *s)
{
	const struct collector *c = s->collector;
	s->reason[0] = 0;
	s->error = c->probe ? c->probe(&s->owner->env, s->reason, sizeof(s->reason)) : 0;
	s->absent = s->error == -ENOENT || s->error == -ENODEV;
	if (s->error == 0) {
		s->error = c->where == COLLECT_ISOLATED ? open_isolated(s, s->owner->metrics) : open_inline(s);
		if (s->error < 0)
			snprintf(s->reason, sizeof(s->reason), "cannot start: %s", strerror(-s->error));
	}
	s->running = s->error == 0;
}

static void open_slot(struct slot *s, const struct conf_list *disabled)
{
	const struct collector *c = s->collector;
	if (is_disabled(disabled, c->name)) {
		s->error = -ECANCELED;
		snprintf(s->reason, sizeof(s->reason), "disabled by the configuration");
		return;
	}
	probe_and_open(s);
	if (!s->running)
		log_warning("collector %s: %s", c->name, s->reason);
}

static void look_again(struct slot *s, mono_ns_t now)
{
	if (s->due == 0)
		s->due = now + PROBE_AGAIN_NS;
	if (now < s->due)
		return;
	s->due = 0;
	probe_and_open(s);
	if (s->running)
		log_info("collector %s: there is something to read now", s->collector->name);
}

int collecting_open(struct loop *loop, const struct collect_env *env, struct metrics *metrics,
		    const struct conf_list *disabled, collecting_wake_fn wake, void *arg,
		    struct collecting **ret_collecting)
{
	AUTO(collecting_close) struct collecting *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->env = *env;
	c->metrics = metrics;
	c->wake = wake;
	c->arg = arg;
	size_t n;
	const struct collector *const *all = collectors_all(&n);
	uint32_t first[COLLECTING_MAX];
	if (n > COLLECTING_MAX)
		return -ENOSPC;
	int r = collectors_register(metrics, first, n);
	if (r < 0)
		return r;
	for (c->n = 0; c->n < n; c->n++) {
		c->slots[c->n] = (struct slot){ .collector = all[c->n], .first = first[c->n], .owner = c };
		if (strcmp(all[c->n]->name, "self") == 0)
			c->self_first = first[c->n];
	}
	for (size_t i = 0; i < n; i++)
		open_slot(&c->slots[i], disabled);
	*ret_collecting = TAKE_PTR(c);
	return 0;
}

void collecting_close(struct collecting **collecting)
{
	struct collecting *c = *collecting;
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct slot *s = &c->slots[i];
		loop_source_free(&s->source);
		isolate_close(&s->isolate);
		if (s->state)
			s->collector->close(s->state);
	}
	free(c);
	*collecting = NULL;
}

static void note_failure(struct slot *s, int error, mono_ns_t now, struct batch *out)
{
	uint64_t interval_ns = MAX_OF(s->collector->interval_ms * NS_PER_MS, NS_PER_S);
	s->back_off_ns = MIN_OF(MAX_OF(s->back_off_ns * 2, interval_ns * 2), MAX_BACK_OFF_NS);
	s->error = error;
	snprintf(s->reason, sizeof(s->reason), "reading failed: %s", strerror(-error));
	if (!s->failing)
		self_emit_failed(out, s->owner->self_first, s->collector->name, now, error, s->reason);
	s->failing = true;
}

static void note_success(struct slot *s, mono_ns_t now, struct batch *out)
{
	s->back_off_ns = 0;
	s->error = 0;
	s->reason[0] = 0;
	if (s->failing)
		self_emit_recovered(out, s->owner->self_first, s->collector->name, now);
	s->failing = false;
}

static void collect_slot(struct slot *s, mono_ns_t now, struct batch *out)
{
	/* In step with the ticks: a tick that comes a moment late must not make the next one be skipped. */
	uint64_t interval_ns = s->collector->interval_ms * NS_PER_MS;
	s->due = now + interval_ns - interval_ns / 20;
	if (s->isolate) {
		(void)isolate_request(s->isolate, now);
		return;
	}
	if (!s->collector->collect)
		return;
	batch_set_metric_base(out, s->first);
	int r = s->collector->collect(s->state, now, out);
	if (r < 0) {
		note_failure(s, r, now, out);
		s->due = now + s->back_off_ns;
	} else if (!s->rest_until) {
		note_success(s, now, out); /* one whose events fail is not well because its counters are */
	}
}

void collecting_collect(struct collecting *c, mono_ns_t now, struct batch *out)
{
	for (size_t i = 0; i < c->n; i++) {
		struct slot *s = &c->slots[i];
		if (s->absent)
			look_again(s, now);
		if (s->isolate && now >= isolate_due(s->isolate))
			(void)isolate_drain(s->isolate, now, out);
		if (s->running && s->collector->interval_ms && now >= s->due)
			collect_slot(s, now, out);
	}
	batch_set_metric_base(out, 0);
}

/* Whether it has more than `max`. One that fails rests, or its descriptor, readable for ever, would wake us for ever. */
static bool drain_slot(struct slot *s, mono_ns_t now, unsigned max, struct batch *out)
{
	batch_set_metric_base(out, s->first);
	int n = s->collector->drain(s->state, max, out);
	if (n < 0 && n != -EAGAIN) {
		note_failure(s, n, now, out);
		s->rest_until = now + s->back_off_ns;
		return false;
	}
	if (s->rest_until)
		note_success(s, now, out);
	s->rest_until = 0;
	return n >= 0 && (unsigned)n >= max;
}

bool collecting_drain(struct collecting *c, mono_ns_t now, unsigned max, struct batch *out)
{
	bool more = false, full = false;
	size_t first = c->first;
	for (size_t n = 0; n < c->n; n++) {
		size_t i = (first + n) % c->n;
		struct slot *s = &c->slots[i];
		if (!s->source || now < s->rest_until)
			continue;
		if (s->isolate) {
			(void)isolate_drain(s->isolate, now, out);
		} else if (s->collector->drain) {
			/* What has no room in this batch stays where it is until the next, unless its ring overflows. */
			size_t room = out->max_events - out->n_events;
			if (room < MIN_ROOM) {
				if (!full)
					c->first = i;
				full = true;
				continue;
			}
			more |= drain_slot(s, now, (unsigned)MIN_OF((size_t)max, room), out);
		}
		(void)loop_fd_set_events(s->source, s->rest_until ? 0 : EPOLLIN);
	}
	batch_set_metric_base(out, 0);
	return more || full;
}

void collecting_settle(struct collecting *c, mono_ns_t now, struct batch *out)
{
	for (size_t i = 0; i < c->n; i++) {
		struct slot *s = &c->slots[i];
		if (!s->running || !s->state || !s->collector->settle)
			continue;
		batch_set_metric_base(out, s->first);
		s->collector->settle(s->state, now, out);
	}
	batch_set_metric_base(out, 0);
}

void collecting_want(struct collecting *c, const struct graph *graph, const struct want *wants, size_t n)
{
	for (size_t w = 0; w < n; w++)
		for (size_t i = 0; i < c->n; i++) {
			struct slot *s = &c->slots[i];
			uint32_t metric = wants[w].metric;
			if (s->running && s->state && s->collector->want && metric >= s->first &&
			    metric < s->first + s->collector->n_metrics)
				(void)s->collector->want(s->state, graph, metric - s->first, wants[w].entity,
							 wants[w].until);
		}
}

uint64_t collecting_position(const struct collecting *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->slots[i].collector->name, name) == 0 && c->slots[i].state && c->slots[i].collector->position)
			return c->slots[i].collector->position(c->slots[i].state);
	return 0;
}

uint32_t collecting_self_first(const struct collecting *c)
{
	return c->self_first;
}

struct hook_visit {
	const struct collector *collector;
	collecting_status_fn visit;
	void *arg;
};

static void say_hook(void *arg, const char *hook, int error, const char *reason)
{
	const struct hook_visit *v = arg;
	v->visit(v->arg, v->collector, hook, error, reason);
}

void collecting_visit(struct collecting *c, collecting_status_fn visit, void *arg)
{
	for (size_t i = 0; i < c->n; i++) {
		struct slot *s = &c->slots[i];
		struct isolate_stats stats = {0};
		if (s->isolate)
			isolate_stats(s->isolate, &stats);
		char reason[128];
		snprintf(reason, sizeof(reason), "its process fails: %llu missed deadlines, %llu deaths",
			 (unsigned long long)stats.missed_deadlines, (unsigned long long)stats.deaths);
		if (stats.stuck)
			visit(arg, s->collector, NULL, -ETIMEDOUT, "its process hangs in the kernel and does not die");
		else if (stats.failing)
			visit(arg, s->collector, NULL, -EIO, reason);
		else
			visit(arg, s->collector, NULL, s->error, s->reason[0] ? s->reason : NULL);
		struct hook_visit v = { s->collector, visit, arg };
		if (s->state && s->collector->hooks)
			s->collector->hooks(s->state, say_hook, &v);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

struct loop_source {
	struct loop *loop;
	sd_event_source *source;
	struct loop_source *next, *previous;
	union {
		loop_fd_fn fd;
		loop_timer_fn timer;
		loop_signal_fn signal;
	} fn;
	void *arg;
	bool is_timer;
};

struct loop {
	sd_event *event;
	struct loop_source *sources;
	size_t n_sources;
};

int loop_new(struct loop **ret_loop)
{
	AUTO_FREE struct loop *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int r = sd_event_new(&l->event);
	if (r < 0)
		return r;
	(void)sd_event_set_watchdog(l->event, true);
	*ret_loop = TAKE_PTR(l);
	return 0;
}

void loop_free(struct loop **loop)
{
	if (!*loop)
		return;
	while ((*loop)->sources) {
		struct loop_source *first = (*loop)->sources;
		loop_source_free(&first);
	}
	sd_event_unref((*loop)->event);
	free(*loop);
	*loop = NULL;
}

mono_ns_t loop_now(const struct loop *l)
{
	uint64_t us = 0;
	/* Before the first turn sd-event has no cached time and takes the present. */
	if (sd_event_now(l->event, CLOCK_MONOTONIC, &us) < 0)
		return clock_mono_now();
	return us * NS_PER_US;
}

static int source_new(struct loop *l, void *arg, struct loop_source **ret)
{
	if (l->n_sources >= LOOP_MAX_SOURCES)
		return -ENOSPC;
	struct loop_source *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->arg = arg;
	s->next = l->sources;
	if (s->next)
		s->next->previous = s;
	l->sources = s;
	l->n_sources++;
	*ret = s;
	return 0;
}

void loop_source_free(struct loop_source **source)
{
	struct loop_source *s = *source;
	if (!s)
		return;
	*source = NULL;
	if (s->source) {
		(void)sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
		sd_event_source_unref(s->source);
	}
	if (s->previous)
		s->previous->next = s->next;
	else
		s->loop->sources = s->next;
	if (s->next)
		s->next->previous = s->previous;
	s->loop->n_sources--;
	free(s);
}

static int on_fd(sd_event_source *source UNUSED, int fd UNUSED, uint32_t events, void *data)
{
	struct loop_source *s = data;
	s->fn.fd(s->arg, events, loop_now(s->loop));
	return 0;
}

static int on_timer(sd_event_source *source UNUSED, uint64_t us UNUSED, void *data)
{
	struct loop_source *s = data;
	s->fn.timer(s->arg, loop_now(s->loop));
	return 0;
}

static int on_signal(sd_event_source *source UNUSED, const struct signalfd_siginfo *info, void *data)
{
	struct loop_source *s = data;
	s->fn.signal(s->arg, (int)info->ssi_signo, loop_now(s->loop));
	return 0;
}

/* The common end of the three: name and priority, or nothing stays behind. */
static int source_finish(struct loop_source *s, int r, enum loop_priority priority, const char *name,
			 struct loop_source **ret)
{
	if (r >= 0)
		r = sd_event_source_set_priority(s->source, priority);
	if (r < 0) {
		loop_source_free(&s);
		return r;
	}
	(void)sd_event_source_set_description(s->source, name);
	if (ret)
		*ret = s;
	return 0;
}

int loop_add_fd(struct loop *l, int fd, uint32_t events, enum loop_priority priority, const char *name, loop_fd_fn fn,
		void *arg, struct loop_source **ret_source)
{
	struct loop_source *s;
	int r = source_new(l, arg, &s);
	if (r < 0)
		return r;
	s->fn.fd = fn;
	return source_finish(s, sd_event_add_io(l->event, &s->source, fd, events, on_fd, s), priority, name, ret_source);
}

int loop_fd_set_events(struct loop_source *s, uint32_t events)
{
	/* No events wanted is not the same as none told: a hangup comes all the same, for ever, unless the source is off. */
	int r = events ? sd_event_source_set_io_events(s->source, events) : 0;
	if (r >= 0)
		r = sd_event_source_set_enabled(s->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

int loop_add_timer(struct loop *l, enum loop_priority priority, const char *name, loop_timer_fn fn, void *arg,
		   struct loop_source **ret_source)
{
	struct loop_source *s;
	int r = source_new(l, arg, &s);
	if (r < 0)
		return r;
	s->fn.timer = fn;
	s->is_timer = true;
	r = sd_event_add_time(l->event, &s->source, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
	return source_finish(s, r, priority, name, ret_source);
}

int loop_timer_set(struct loop_source *s, mono_ns_t at, uint64_t accuracy_ns)
{
	assert(s->is_timer);
	int r = sd_event_source_set_time(s->source, at / NS_PER_US);
	if (r >= 0)
		r = sd_event_source_set_time_accuracy(s->source, MAX_OF(accuracy_ns / NS_PER_US, 1ULL));
	if (r >= 0)
		r = sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

int loop_timer_off(struct loop_source *s)
{
	assert(s->is_timer);
	int r = sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

int loop_add_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, signo);
	int r = -pthread_sigmask(SIG_BLOCK, &mask, NULL);
	if (r < 0)
		return r;
	struct loop_source *s;
	r = source_new(l, arg, &s);
	if (r < 0)
		return r;
	s->fn.signal = fn;
	return source_finish(s, sd_event_add_signal(l->event, &s->source, signo, on_signal, s), LOOP_CONTROL, "signal",
			     NULL);
}

int loop_run(struct loop *l)
{
	return sd_event_loop(l->event);
}

void loop_exit(struct loop *l, int code)
{
	(void)sd_event_exit(l->event, code);
}

void loop_notify(const char *state)
{
	(void)sd_notify(0, state);
}

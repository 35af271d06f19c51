/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - the one event loop of a program: descriptors, timers, signals, watchdog (sd-event behind it).
 *
 * Room: base.  Owns: its sources.  Thread: the one that runs it.  Clock: hands on the loop's own `now`, one per turn.
 * Bounds: LOOP_MAX_SOURCES.
 *
 * Priorities are part of the design: a flood of readings must not silence the control socket, and a slow exporter
 * must not delay a reading. A lower number is served first.
 */
#ifndef WHY_BASE_LOOP_H
#define WHY_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define LOOP_MAX_SOURCES 4096

enum loop_priority {
	LOOP_CONTROL = -100, /* control socket, signals, watchdog */
	LOOP_DRAIN = 0,      /* event sources of collectors */
	LOOP_TICK = 100,     /* timers that read and evaluate */
	LOOP_EXPORT = 200,   /* what leaves the machine */
};

struct loop;
struct loop_source;

/* A handler's own errors are its own to report; the loop goes on. `now` is the same for all handlers of a turn. */
typedef void (*loop_fd_fn)(void *arg, uint32_t events, mono_ns_t now);
typedef void (*loop_timer_fn)(void *arg, mono_ns_t now);
typedef void (*loop_signal_fn)(void *arg, int signo, mono_ns_t now);

int loop_new(struct loop **ret_loop); /* -ENOMEM, -EMFILE */
void loop_free(struct loop **loop);   /* frees the sources that are left, too */

/* `events`: EPOLLIN, EPOLLOUT. The descriptor stays the caller's. `name` is for debugging, kept by reference.
 * -EPERM: that kind of descriptor cannot be waited for; -ENOMEM; -ENOSPC. */
int loop_add_fd(struct loop *l, int fd, uint32_t events, enum loop_priority priority, const char *name, loop_fd_fn fn,
		void *arg, struct loop_source **ret_source);
int loop_fd_set_events(struct loop_source *s, uint32_t events); /* 0: nothing at all, not even a hangup, until set again */

/* Off until loop_timer_set. */
int loop_add_timer(struct loop *l, enum loop_priority priority, const char *name, loop_timer_fn fn, void *arg,
		   struct loop_source **ret_source);
/* Fire once at `at`, at most `accuracy_ns` late by choice (0 is taken as 1 us: sd-event's own default of 250 ms is no
 * default here). A handler re-arms its timer first. */
int loop_timer_set(struct loop_source *s, mono_ns_t at, uint64_t accuracy_ns);
int loop_timer_off(struct loop_source *s);

/* Blocks the signal in this thread; call before threads are made, so that they inherit the mask. */
int loop_add_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg);

/* Remove and free; accepts a pointer to NULL. Safe inside the source's own handler. */
void loop_source_free(struct loop_source **source);

/* Run until loop_exit; returns its code, or -errno. */
int loop_run(struct loop *l);
void loop_exit(struct loop *l, int code);
mono_ns_t loop_now(const struct loop *l); /* of this turn; before loop_run, the present */

/* Tell the service manager: "READY=1", "STOPPING=1", "STATUS=...". Nothing happens when there is none. With
 * WatchdogSec= set, loop_new has already arranged for the pings. */
void loop_notify(const char *state);

#endif

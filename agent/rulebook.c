/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rulebook.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"

#define WATCHED (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

struct rulebook {
	struct loop *loop;
	const struct conf_list *dirs;
	const struct metrics *metrics;
	const struct ruleset *(*current)(void *arg);
	rulebook_fn fn;
	void *arg;
	int inotify_fd;
	struct loop_source *source, *timer;
	mono_ns_t changed; /* first change not read yet; 0 none */
	struct diags *diags;
};

static void watch_folders(struct rulebook *rb)
{
	/* Adding a watch that exists changes nothing; a folder that appears later is found at the next reload. */
	for (size_t i = 0; i < rb->dirs->n; i++)
		(void)inotify_add_watch(rb->inotify_fd, rb->dirs->items[i], WATCHED);
}

static void on_change(void *arg, uint32_t events UNUSED, mono_ns_t now)
{
	struct rulebook *rb = arg;
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	while (read(rb->inotify_fd, buffer, sizeof(buffer)) > 0)
		;
	/* Somebody who never stops writing must not keep the rest from being read. */
	if (!rb->changed)
		rb->changed = now;
	mono_ns_t at = MIN_OF(now + RULEBOOK_SETTLE_NS, rb->changed + RULEBOOK_WAIT_NS);
	(void)loop_timer_set(rb->timer, MAX_OF(at, now), RULEBOOK_SETTLE_NS / 4);
}

static void on_settled(void *arg, mono_ns_t now)
{
	int r = rulebook_load(arg, now);
	if (r < 0)
		log_error("rules: cannot reload: %s; the rules in force stay", strerror(-r));
}

int rulebook_open(struct loop *loop, const struct conf_list *dirs, const struct metrics *metrics,
		  const struct ruleset *(*current)(void *arg), rulebook_fn fn, void *arg, struct rulebook **ret_rulebook)
{
	AUTO(rulebook_close) struct rulebook *rb = calloc(1, sizeof(*rb));
	if (!rb)
		return -ENOMEM;
	*rb = (struct rulebook){ .loop = loop, .dirs = dirs, .metrics = metrics, .current = current, .fn = fn, .arg = arg };
	rb->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (rb->inotify_fd < 0)
		return -errno;
	int r = loop_add_fd(loop, rb->inotify_fd, EPOLLIN, LOOP_TICK, "rule files", on_change, rb, &rb->source);
	if (r == 0)
		r = loop_add_timer(loop, LOOP_TICK, "rule files settle", on_settled, rb, &rb->timer);
	if (r < 0)
		return r;
	*ret_rulebook = TAKE_PTR(rb);
	return 0;
}

void rulebook_close(struct rulebook **rulebook)
{
	struct rulebook *rb = *rulebook;
	if (!rb)
		return;
	loop_source_free(&rb->source);
	loop_source_free(&rb->timer);
	if (rb->inotify_fd >= 0)
		(void)close(rb->inotify_fd);
	diags_free(&rb->diags);
	free(rb);
	*rulebook = NULL;
}

static void log_diags(const struct diags *diags)
{
	AUTO_BUF struct buf out;
	buf_init(&out, 256 * 1024);
	if (diags_total(diags) == 0 || diags_print(diags, &out) < 0)
		return;
	char *cursor = (char *)out.data, *line;
	while ((line = strsep(&cursor, "\n")))
		if (line[0])
			log_warning("%s", line);
}

int rulebook_load(struct rulebook *rb, mono_ns_t now)
{
	watch_folders(rb);
	rb->changed = 0;
	AUTO(diags_free) struct diags *diags = NULL;
	int r = diags_new(&diags);
	if (r < 0)
		return r;
	AUTO(ruleset_free) struct ruleset *ruleset = NULL;
	r = ruleset_load_dirs(rb->dirs->items, rb->dirs->n, rb->metrics, rb->current(rb->arg), diags, &ruleset);
	if (r < 0)
		return r;
	log_diags(diags);
	log_info("rules: %u causes and %u symptoms in force, %u rejected (digest %.12s)", ruleset->n_causes,
		 ruleset->n_symptoms, ruleset->n_rejected, ruleset->digest);
	if (ruleset->n_causes + ruleset->n_symptoms == 0)
		log_warning("no rules: nothing can be found; look at rules.dirs, or give --rules DIR");
	rb->fn(rb->arg, &ruleset, diags, now);
	diags_free(&rb->diags);
	rb->diags = TAKE_PTR(diags);
	return 0;
}

const struct diags *rulebook_diags(const struct rulebook *rb)
{
	return rb->diags;
}

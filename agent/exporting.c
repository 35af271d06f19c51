/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exporting.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/log.h"

struct slot {
	const struct exporter *exporter;
	void *state;
	struct loop_source *source, *timer;
	int error;
	uint64_t lost;
};

struct exporting {
	struct loop *loop;
	struct slot slots[EXPORTING_MAX];
	size_t n;
};

static void pump(struct slot *s, mono_ns_t now)
{
	if (!s->exporter->pump)
		return;
	mono_ns_t next = 0;
	s->error = s->exporter->pump(s->state, now, &next);
	if (next)
		(void)loop_timer_set(s->timer, next, NS_PER_MS);
}

static void on_readable(void *arg, uint32_t events UNUSED, mono_ns_t now)
{
	pump(arg, now);
}

static void on_timer(void *arg, mono_ns_t now)
{
	pump(arg, now);
}

static int open_slot(struct exporting *e, struct slot *s, const struct export_env *env)
{
	int r = s->exporter->open(env, &s->state);
	if (r < 0)
		return r;
	int fd = s->exporter->event_fd ? s->exporter->event_fd(s->state) : -1;
	r = loop_add_timer(e->loop, LOOP_EXPORT, s->exporter->name, on_timer, s, &s->timer);
	if (r == 0 && fd >= 0)
		r = loop_add_fd(e->loop, fd, EPOLLIN, LOOP_EXPORT, s->exporter->name, on_readable, s, &s->source);
	if (r < 0) {
		loop_source_free(&s->timer);
		(void)s->exporter->close(s->state, 0);
		return r;
	}
	pump(s, loop_now(e->loop));
	return 0;
}

int exporting_open(struct loop *loop, const struct export_env *env, struct exporting **ret_exporting)
{
	AUTO_FREE struct exporting *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->loop = loop;
	size_t n;
	const struct exporter *const *all = exporters_all(&n);
	for (size_t i = 0; i < n && e->n < EXPORTING_MAX; i++) {
		struct slot *s = &e->slots[e->n];
		*s = (struct slot){ .exporter = all[i] };
		int r = open_slot(e, s, env);
		if (r == 0)
			e->n++;
		else if (r != -ENOENT)
			log_error("exporter %s: cannot start: %s; the agent runs without it", all[i]->name, strerror(-r));
	}
	*ret_exporting = TAKE_PTR(e);
	return 0;
}

void exporting_close(struct exporting **exporting, uint32_t flush_ms)
{
	struct exporting *e = *exporting;
	if (!e)
		return;
	for (size_t i = 0; i < e->n; i++) {
		loop_source_free(&e->slots[i].source);
		loop_source_free(&e->slots[i].timer);
		(void)e->slots[i].exporter->close(e->slots[i].state, flush_ms);
	}
	free(e);
	*exporting = NULL;
}

void exporting_put_batch(struct exporting *e, const struct batch *b)
{
	for (size_t i = 0; i < e->n; i++) {
		struct slot *s = &e->slots[i];
		if ((s->exporter->wants & EXPORT_SAMPLES) && s->exporter->put_batch &&
		    s->exporter->put_batch(s->state, b) < 0)
			s->lost++;
	}
}

void exporting_put_finding(struct exporting *e, const struct finding *f)
{
	for (size_t i = 0; i < e->n; i++) {
		struct slot *s = &e->slots[i];
		if ((s->exporter->wants & EXPORT_FINDINGS) && s->exporter->put_finding &&
		    s->exporter->put_finding(s->state, f) < 0)
			s->lost++;
	}
}

void exporting_pump(struct exporting *e, mono_ns_t now)
{
	for (size_t i = 0; i < e->n; i++)
		pump(&e->slots[i], now);
}

void exporting_visit(const struct exporting *e, exporting_status_fn visit, void *arg)
{
	for (size_t i = 0; i < e->n; i++)
		visit(arg, e->slots[i].exporter, e->slots[i].error, e->slots[i].lost);
}

const char *exporting_trouble(const struct exporting *e, const struct exporter *exporter)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->slots[i].exporter == exporter && exporter->trouble)
			return exporter->trouble(e->slots[i].state);
	return "";
}

struct saying {
	const char *subject;
	void (*say)(void *arg, const char *subject, const char *name, double value, const char *help);
	void *arg;
};

static void say_one(void *arg, const char *name, double value, const char *help)
{
	const struct saying *s = arg;
	s->say(s->arg, s->subject, name, value, help);
}

void exporting_stats(const struct exporting *e,
		     void (*say)(void *arg, const char *subject, const char *name, double value, const char *help),
		     void *arg)
{
	for (size_t i = 0; e && i < e->n; i++) {
		const struct slot *s = &e->slots[i];
		struct saying saying = { .subject = s->exporter->name, .say = say, .arg = arg };
		if (s->exporter->stats)
			s->exporter->stats(s->state, say_one, &saying);
		say_one(&saying, "lost_total", (double)s->lost, "readings or findings that it could not take");
	}
}

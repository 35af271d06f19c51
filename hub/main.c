// SPDX-License-Identifier: Apache-2.0
/* whyhub: takes findings over gRPC, keeps them, answers questions. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/version.h"
#include "hub/hub.h"

struct running {
	struct loop *loop;
	struct hub *hub;
	struct loop_source *tick;
};

static void on_tick(void *arg, mono_ns_t now)
{
	struct running *r = arg;

	(void)loop_timer_set(r->tick, now + NS_PER_S, 50 * NS_PER_MS);
	hub_tick(r->hub, now);
}

static void on_stop(void *arg, int signo, mono_ns_t now)
{
	struct running *r = arg;

	(void)signo;
	(void)now;
	log_info("stopping");
	loop_notify("STOPPING=1");
	loop_exit(r->loop, 0);
}

static void set_log_level(const char *name)
{
	log_set_level(strcmp(name, "error") == 0 ? LOG_LEVEL_ERROR : strcmp(name, "warning") == 0 ? LOG_LEVEL_WARNING :
		      strcmp(name, "debug") == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
}

static void say_ready(const struct running *r, const struct hub_settings *s)
{
	char status[200];

	log_info("whyhub " WHY_VERSION " listens on %s (port %d, %s), http on %s (port %d), store %s", s->listen,
		 hub_rpc_port(r->hub), *s->tls_cert ? "mutual TLS" : "plaintext", s->http, hub_http_port(r->hub),
		 s->store);
	(void)snprintf(status, sizeof(status), "READY=1\nSTATUS=listening on %.100s", s->listen);
	loop_notify(status);
}

static int serve(struct running *r, const struct hub_settings *s)
{
	char why[1024] = "";
	int err;

	/* Signals are blocked before gRPC makes its threads, so that they inherit the mask. */
	err = loop_new(&r->loop);
	if (err == 0)
		err = loop_add_signal(r->loop, SIGTERM, on_stop, r);
	if (err == 0)
		err = loop_add_signal(r->loop, SIGINT, on_stop, r);
	if (err == 0)
		err = loop_add_timer(r->loop, LOOP_TICK, "tick", on_tick, r, &r->tick);
	if (err < 0) {
		log_error("cannot make the event loop: %s", strerror(-err));
		return 1;
	}
	if (hub_new(s, &r->hub, why, sizeof(why)) < 0) {
		log_error("%s", why);
		return 1;
	}
	say_ready(r, s);
	(void)loop_timer_set(r->tick, loop_now(r->loop), 0);
	err = loop_run(r->loop);
	hub_free(&r->hub);
	return err < 0 ? 1 : err;
}

int main(int argc, char **argv)
{
	AUTO(hub_settings_done) struct hub_settings settings;
	struct running running = { 0 };
	int status, r;

	(void)signal(SIGPIPE, SIG_IGN);
	r = hub_settings_read(argc, argv, &settings, &status);
	if (r < 0) {
		log_error("cannot read the configuration: %s", strerror(-r));
		return 1;
	}
	if (r > 0)
		return status;
	set_log_level(settings.log_level);
	status = serve(&running, &settings);
	loop_source_free(&running.tick);
	loop_free(&running.loop);
	return status;
}

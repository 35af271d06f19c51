/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "collectors/self.h"

#define FLUSH_MS 2000

/* ---- the turn ---- */

static void on_publish(void *arg, const struct finding *f)
{
	struct agent *a = arg;
	a->published = true;
	storing_put(a->storing, f, engine_opened_mono(a->engine, f->id));
	exporting_put_finding(a->exporting, f);
	if (f->state == FINDING_RESOLVED)
		log_info("resolved %s %s: %s (%s)", f->id, f->rule, f->title,
			 f->resolved_reason ? f->resolved_reason : "cleared");
	else if (f->state == FINDING_OPEN)
		log_line(f->severity == SEVERITY_CRITICAL && !f->shadow ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			 "open %s %s: %s%s", f->id, f->rule, f->title, f->shadow ? " (shadow)" : "");
	/* One a turn: the same readings twice would only push out an older recording. */
	if (f->state == FINDING_OPEN && f->severity == SEVERITY_CRITICAL && !f->shadow && a->recorder && !a->kept) {
		a->kept = true;
		(void)recorder_keep(a->recorder, f->id);
	}
}

/* A failed write must not stop the diagnosis: what could not be stored waits, and the trouble is itself an event. */
static void store(struct agent *a)
{
	/* A log that is not read now, or of which nothing came yet, is left where it was. */
	uint64_t position = collecting_position(a->collecting, "kernlog");
	int r = storing_commit(a->storing, position ? position : storing_position(a->storing), a->now);
	if (r < 0) {
		self_counters()->state_errors++;
		if (a->told_error != r)
			log_error("%s: cannot store findings: %s; diagnosis goes on, they are kept in memory until "
				  "there is room again",
				  a->settings->state_dir, strerror(-r));
		a->told_error = r;
	} else if (a->told_error && storing_error(a->storing) == 0) {
		log_info("%s: findings are stored again", a->settings->state_dir);
		a->told_error = 0;
	}
	if (r > 0)
		a->published = true;
}

static void dropped(void *arg, entity_id id)
{
	struct agent *a = arg;
	engine_drop_entity(a->engine, id);
}

static void record(struct agent *a)
{
	if (!a->recorder)
		return;
	int r = recorder_put(a->recorder, a->batch, a->wall);
	if (r < 0) {
		self_counters()->state_errors++;
		log_warning("%s: the flight recorder pauses for a minute: %s", a->settings->state_dir, strerror(-r));
	}
}

static void count_losses(struct agent *a)
{
	struct self_counters *c = self_counters();
	c->dropped_samples = a->batch->dropped_samples;
	c->dropped_events = a->batch->dropped_events;
	c->refused_entities = a->batch->refused_entities + graph_refused(a->graph);
}

/* What is in the batch goes all the way. */
static void process(struct agent *a)
{
	a->wall = clock_wall_now();
	a->published = a->kept = false;
	count_losses(a);
	batch_set_metric_base(a->batch, 0);
	record(a);
	(void)engine_tick(a->engine, a->batch, a->now, a->wall, on_publish, a);
	store(a);
	exporting_put_batch(a->exporting, a->batch);
	if (a->published)
		exporting_pump(a->exporting, a->now);
	struct want wants[MAX_WANTS];
	size_t n = engine_wants(a->engine, wants, MAX_WANTS);
	collecting_want(a->collecting, a->graph, wants, MIN_OF(n, (size_t)MAX_WANTS));
	(void)graph_expire(a->graph, a->now, dropped, a);
	mono_ns_t end = clock_mono_now();
	uint64_t rest_ns = MIN_OF(MAX_OF(mono_since(a->now, end) * TURN_REST, TURN_MIN_NS), NS_PER_S);
	a->next_turn = MAX_OF(end, a->now) + rest_ns;
}

/* A rejected rule is a blind spot: it is said as an event, and becomes a finding like any other. */
static void say_rejected(struct agent *a)
{
	const struct diags *diags = rulebook_diags(a->rulebook);
	for (size_t i = 0; diags && i < diags_total(diags); i++) {
		const struct diag *d = diags_at(diags, i);
		if (d && d->severity == DIAG_ERROR)
			self_emit_rule_rejected(a->batch, collecting_self_first(a->collecting), a->now, d->file,
						d->rule, d->message);
	}
	a->rules_changed = false;
}

static void turn(struct agent *a, mono_ns_t now, bool collect)
{
	a->now = now;
	batch_reset(a->batch, now);
	bool more = collecting_drain(a->collecting, now, DRAIN_MAX, a->batch);
	if (collect) {
		collecting_collect(a->collecting, now, a->batch);
		int error = a->no_disk ? a->no_disk : storing_error(a->storing);
		if (error < 0)
			self_emit_state_full(a->batch, collecting_self_first(a->collecting), now, error);
	}
	collecting_settle(a->collecting, now, a->batch);
	if (a->rules_changed)
		say_rejected(a);
	process(a);
	if (more)
		(void)loop_timer_set(a->wake, a->next_turn, NS_PER_MS);
}

static void on_tick(void *arg, mono_ns_t now)
{
	struct agent *a = arg;
	(void)loop_timer_set(a->tick, now + a->settings->interval_ns, 5 * NS_PER_MS);
	turn(a, now, true);
}

static void on_wake_timer(void *arg, mono_ns_t now)
{
	turn(arg, now, false);
}

static void on_wake(void *arg, mono_ns_t now)
{
	struct agent *a = arg;
	(void)loop_timer_set(a->wake, MAX_OF(now, a->next_turn), NS_PER_MS);
}

/* ---- rules ---- */

static const struct ruleset *current_rules(void *arg)
{
	struct agent *a = arg;
	return engine_ruleset(a->engine);
}

static void on_rules(void *arg, struct ruleset **ruleset, const struct diags *diags UNUSED, mono_ns_t now)
{
	struct agent *a = arg;
	int r = engine_use(a->engine, ruleset, now);
	if (r < 0) {
		log_error("rules: cannot take the new rules: %s; the rules in force stay", strerror(-r));
		return;
	}
	a->export_env.rules_digest = engine_ruleset(a->engine)->digest;
	/* Rules are read between turns: what was refused is said in the next one. */
	a->rules_changed = true;
	on_wake(a, now);
}

static void on_signal(void *arg, int signo, mono_ns_t now)
{
	struct agent *a = arg;
	if (signo == SIGHUP) {
		log_info("SIGHUP: reading the rules again");
		if (rulebook_load(a->rulebook, now) < 0)
			log_error("rules: cannot reload; the rules in force stay");
		return;
	}
	log_info("stopping on signal %d", signo);
	loop_notify("STOPPING=1");
	loop_exit(a->loop, 0);
}

/* ---- making it ---- */

static void read_boot_id(struct agent *a)
{
	size_t len = 0;
	if (file_read_at(a->root_fd, "proc/sys/kernel/random/boot_id", a->boot_id, sizeof(a->boot_id), &len) < 0 || len == 0)
		snprintf(a->boot_id, sizeof(a->boot_id), "unknown");
	a->boot_id[strcspn(a->boot_id, "\n")] = 0;
}

/* Open the spool and see whether this is still the boot it knows. */
static int open_spool(struct agent *a)
{
	int r = file_make_dirs_at(AT_FDCWD, a->settings->state_dir, 0750);
	if (r < 0)
		return r;
	char path[4096];
	if ((size_t)snprintf(path, sizeof(path), "%s/spool.db", a->settings->state_dir) >= sizeof(path))
		return -ENAMETOOLONG;
	struct spool_options options = { .path = path,
					 .max_records = a->settings->spool_records,
					 .max_bytes = a->settings->spool_bytes,
					 .node = a->settings->node };
	bool damaged = false;
	r = spool_open(&options, &a->spool, &damaged);
	/* A full disk is what somebody may want to hear of from us: rather forgetful than silent. */
	if (r == -ENOSPC || r == -EDQUOT) {
		log_error("%s: %s: until the next start findings are kept in memory only; make room, then restart whyd",
			  path, strerror(-r));
		a->no_disk = r;
		options.path = ":memory:";
		r = spool_open(&options, &a->spool, &damaged);
	}
	if (r < 0)
		return r;
	if (damaged)
		log_error("%s was damaged; it was moved aside and a new one begun", path);
	return storing_new(a->spool, a->boot_id, &a->storing);
}

/* Where to begin in the kernel log: where the last run stopped, if it was in this boot. After a reboot nobody has read
 * any of it yet. A first start looks ahead only: what happened before anybody wanted to know is no news. A file of
 * lines stands for a machine's whole life. */
static uint64_t resume_at(const struct agent *a)
{
	if (storing_position(a->storing))
		return storing_position(a->storing);
	bool rebooted = storing_known_node(a->storing) && !storing_same_boot(a->storing);
	return rebooted || a->settings->kmsg[0] ? UINT64_MAX : 0;
}

/* Ring buffers have the size of a power of two. */
static unsigned ring_kib(uint64_t wanted)
{
	unsigned kib = 64;
	while (kib < wanted)
		kib *= 2;
	return kib;
}

static int open_collecting(struct agent *a)
{
	const struct settings *s = a->settings;
	struct collect_env env = {
		.root_fd = a->root_fd,
		.fixture = strcmp(s->root_prefix, "/") != 0,
		.kmsg_path = s->kmsg[0] ? s->kmsg : NULL,
		.nvml_path = s->nvml[0] ? s->nvml : NULL,
		.boot_id = a->boot_id,
		.node_name = s->node,
		.kmsg_resume_seq = resume_at(a),
		.ticks_per_s = sysconf(_SC_CLK_TCK),
		.page_bytes = sysconf(_SC_PAGESIZE),
		.n_cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
		.ring_kib = ring_kib(s->ring_kib),
		.self_pid = (uint32_t)getpid(),
	};
	self_set_state_dir(s->state_dir);
	return collecting_open(a->loop, &env, a->metrics, &s->disabled, on_wake, a, &a->collecting);
}

static void restore(void *arg, const struct finding *f, mono_ns_t opened_mono)
{
	struct agent *a = arg;
	int r = engine_restore(a->engine, f, storing_same_boot(a->storing), opened_mono);
	if (r < 0 && r != -ENOENT)
		log_warning("finding %s (%s) could not be taken up again: %s", f->id, f->rule, strerror(-r));
}

static int open_engine(struct agent *a)
{
	struct engine_options options = {
		.metrics = a->metrics,
		.graph = a->graph,
		.node = a->settings->node,
		.boot_id = a->boot_id,
		.max_instances = MAX_INSTANCES,
		.max_series = MAX_SERIES,
		.max_series_bytes = SERIES_BYTES,
		.interval_ns = a->settings->interval_ns,
		.warm_up_ns = WARM_UP_NS,
	};
	int r = engine_new(&options, &a->engine);
	if (r == 0)
		r = rulebook_open(a->loop, &a->settings->rules, a->metrics, current_rules, on_rules, a, &a->rulebook);
	if (r < 0)
		return r;
	r = rulebook_load(a->rulebook, loop_now(a->loop));
	if (r < 0)
		log_error("rules: cannot be loaded: %s; nothing will be diagnosed", strerror(-r));
	return spool_visit_open(a->spool, restore, a);
}

static int answer_from_hub(void *arg, const struct query *q, struct answer **ret_answer)
{
	/* What comes down the hub's stream may ask, and change nothing. */
	return agent_answer(arg, q, 0, ret_answer);
}

static void find_worst(void *arg, const struct finding *f)
{
	struct export_status *status = arg;
	if (f->shadow)
		return;
	status->worst = status->any_open ? MAX_OF(status->worst, f->severity) : f->severity;
	status->any_open = true;
	status->open_findings++;
}

static void status_for_export(void *arg, struct export_status *ret_status)
{
	struct agent *a = arg;
	struct engine_stats stats;
	engine_stats(a->engine, &stats);
	*ret_status = (struct export_status){
		.evaluated = engine_evaluated(a->engine), .dropped_findings = stats.refused_instances,
		.dropped_samples = a->batch->dropped_samples, .dropped_events = a->batch->dropped_events,
	};
	engine_visit_open(a->engine, find_worst, ret_status);
}

static void stats_for_export(void *arg,
			     void (*say)(void *say_arg, const char *subject, const char *name, double value,
					 const char *help),
			     void *say_arg)
{
	struct agent *a = arg;
	exporting_stats(a->exporting, say, say_arg);
}

static int open_ways_out(struct agent *a)
{
	const struct settings *s = a->settings;
	const char *digest = a->export_env.rules_digest;
	a->export_env = (struct export_env){
		.metrics = a->metrics,
		.graph = a->graph,
		.node = s->node,
		.boot_id = a->boot_id,
		.version = WHY_VERSION,
		.spool = a->spool,
		.answer = answer_from_hub,
		.answer_arg = a,
		.hub_address = s->hub_address,
		.tls_ca = s->tls_ca,
		.tls_cert = s->tls_cert,
		.tls_key = s->tls_key,
		.insecure = s->insecure,
		.metrics_listen = s->metrics_listen,
		.webhook_url = s->webhook_url,
		.rules_digest = digest ? digest : "",
		.status = status_for_export,
		.status_arg = a,
		.stats = stats_for_export,
		.stats_arg = a,
	};
	int r = recorder_open(s->state_dir, a->metrics, s->node, a->boot_id, s->recorder_bytes, &a->recorder);
	if (r < 0)
		log_warning("%s: no flight recorder: %s", s->state_dir, strerror(-r));
	r = exporting_open(a->loop, &a->export_env, &a->exporting);
	if (r == 0)
		r = control_open(a->loop, s->run_dir, agent_answer, a, &a->control);
	return r;
}

static int open_loop(struct agent *a)
{
	int r = loop_new(&a->loop);
	const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(signals); i++)
		r = loop_add_signal(a->loop, signals[i], on_signal, a);
	if (r == 0)
		r = loop_add_timer(a->loop, LOOP_TICK, "tick", on_tick, a, &a->tick);
	if (r == 0)
		r = loop_add_timer(a->loop, LOOP_TICK, "wake", on_wake_timer, a, &a->wake);
	return r;
}

static void say_what_to_do(const char *what, const char *where, const char *option, int error)
{
	if (!where)
		log_error("cannot start: %s: %s", what, strerror(-error));
	else if (error == -EBUSY || error == -EADDRINUSE)
		log_error("cannot start: %s %s: another whyd uses it; stop that one, or give this one its own --state "
			  "and --run",
			  what, where);
	else if (error == -EPROTONOSUPPORT)
		log_error("cannot start: %s %s was written by a newer whyd; install that version, or give another "
			  "folder with %s DIR",
			  what, where, option);
	else
		log_error("cannot start: %s %s: %s; make it a folder that this user may write, or give another with %s "
			  "DIR",
			  what, where, strerror(-error), option);
}

int agent_open(const struct settings *settings, struct agent *a)
{
	*a = (struct agent){ .settings = settings, .root_fd = -1 };
	a->root_fd = open(settings->root_prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->root_fd < 0) {
		int error = -errno;
		log_error("%s: %s; --root-prefix needs a folder that holds proc and sys", settings->root_prefix,
			  strerror(-error));
		return error;
	}
	read_boot_id(a);
	const struct {
		const char *what;
		int (*open)(struct agent *);
		const char *where, *option;
	} parts[] = {
		{ "event loop", open_loop, NULL, NULL },
		{ "state folder", open_spool, settings->state_dir, "--state" },
		{ "collectors", open_collecting, NULL, NULL },
		{ "engine", open_engine, NULL, NULL },
		{ "local socket", open_ways_out, settings->run_dir, "--run" },
	};
	int r = metrics_new(&a->metrics);
	if (r == 0)
		r = graph_new(settings->max_entities, settings->node, &a->graph);
	if (r == 0)
		r = batch_new(a->graph, MAX_SAMPLES, MAX_EVENTS, MAX_OPS, &a->batch);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
		r = parts[i].open(a);
		if (r < 0)
			say_what_to_do(parts[i].what, parts[i].where, parts[i].option, r);
	}
	if (r < 0)
		agent_close(a);
	return r;
}

int agent_run(struct agent *a)
{
	(void)loop_timer_set(a->tick, loop_now(a->loop), NS_PER_MS);
	loop_notify("READY=1");
	log_info("whyd %s watches node %s", WHY_VERSION, a->settings->node);
	int r = loop_run(a->loop);
	return r < 0 ? 1 : r;
}

void agent_close(struct agent *a)
{
	control_close(&a->control);
	exporting_close(&a->exporting, FLUSH_MS);
	rulebook_close(&a->rulebook);
	recorder_close(&a->recorder);
	engine_free(&a->engine);
	collecting_close(&a->collecting);
	storing_free(&a->storing);
	spool_close(&a->spool);
	batch_free(&a->batch);
	graph_free(&a->graph);
	metrics_free(&a->metrics);
	loop_source_free(&a->tick);
	loop_source_free(&a->wake);
	loop_free(&a->loop);
	if (a->root_fd >= 0)
		(void)close(TAKE_FD(a->root_fd));
}

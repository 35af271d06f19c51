/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of Docker and Podman: name, image, labels, state, how they end. What is asked, and when: docker_daemon.h.
 *
 * What a daemon says is believed of its own containers alone: the first daemon that has a container keeps it, and a
 * user's daemon has to show a process that lives in that container's cgroup. Containers that a kubelet runs through
 * cri-dockerd get the name that CRI gives them. Podman's own pods are no Kubernetes pods: their name is attribute
 * "podman_pod", and no pod entity is made of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "runtimes/docker_cgroups.h"
#include "runtimes/docker_daemon.h"
#include "runtimes/docker_sockets.h"

#define SOCKETS_NS  (10 * NS_PER_S)
#define RESTARTS_NS (15 * NS_PER_S)
#define PUMP_MS     150
#define MAX_UNNAMED 512
#define SPARE_OPS   5000 /* of a batch: enough to say one thing of every container */

enum {
	EXITED,
	RESTARTS,
	DAEMON_SILENT,
	DAEMON_ANSWERS,
	SILENT,
	CONTAINERS,
	N_METRICS,
};

enum { EXITED_CODE, EXITED_OOM, EXITED_REASON, EXITED_NAME, EXITED_RUNTIME };

static const struct metric_field exited_fields[] = {
	[EXITED_CODE] = { "exit_code", 0, UNIT_NONE,
			  "Of its first process; absent when unknown. 128 and a signal's number when one ended it" },
	[EXITED_OOM] = { "oom_killed", 0, UNIT_NONE, "1: its runtime saw the OOM killer in it" },
	[EXITED_REASON] = { "reason", 1, UNIT_NONE, "Completed, Error or OOMKilled" },
	[EXITED_NAME] = { "name", 1, UNIT_NONE, "The container's name" },
	[EXITED_RUNTIME] = { "runtime", 1, UNIT_NONE, "docker or podman" },
	{ 0 },
};
static const struct metric_field silent_fields[] = {
	{ "daemon", 1, UNIT_NONE, "Which one: Docker at /run/docker.sock" },
	{ "why", 1, UNIT_NONE, "What is wrong with its answer" },
	{ 0 },
};
static const struct metric_field answers_fields[] = {
	{ "daemon", 1, UNIT_NONE, "Which one: Docker at /run/docker.sock" },
	{ 0 },
};

static const struct metric_desc metrics[N_METRICS] = {
	[EXITED] = { "docker.container.exited", METRIC_EVENT, UNIT_NONE, ENTITY_CONTAINER,
		     "A container of Docker or Podman has ended (code: its exit code)", exited_fields, NULL },
	[RESTARTS] = { "docker.container.restarts", METRIC_COUNTER, UNIT_NONE, ENTITY_CONTAINER,
		       "How often its restart policy has started it again", NULL, NULL },
	[DAEMON_SILENT] = { "docker.daemon.silent", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
			    "Docker or Podman does not answer, or not as it should: its containers keep what was known",
			    silent_fields, NULL },
	[DAEMON_ANSWERS] = { "docker.daemon.answers", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
			     "It answers again, and all its containers have been listed", answers_fields, NULL },
	[SILENT] = { "docker.silent", METRIC_GAUGE, UNIT_NS, ENTITY_NODE,
		     "How long that Docker or Podman has not answered which is silent for longest; 0: all answer", NULL,
		     NULL },
	[CONTAINERS] = { "docker.containers", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			 "Containers that Docker and Podman know, those that have ended included", NULL, NULL },
};

struct place {
	struct docker_socket socket;
	struct docker_daemon *daemon; /* NULL: free */
	bool there;
};

struct docker {
	int root_fd;
	struct http_socket *http;
	struct place places[DOCKER_SOCKETS_MAX];
	mono_ns_t now, sockets_at, restarts_at;
	struct batch *out;
	struct docker_cgroup unnamed[MAX_UNNAMED]; /* shown by their cgroups alone, and said to be unresolved */
	size_t n_unnamed;
};

static const char *const programs[] = { "usr/bin/dockerd", "usr/local/bin/dockerd", "usr/bin/podman",
					"usr/local/bin/podman", "snap/bin/dockerd" };

static int docker_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	struct docker_socket sockets[DOCKER_SOCKETS_MAX];

	if (docker_sockets_find(env->root_fd, sockets) > 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (faccessat(env->root_fd, programs[i], F_OK, 0) == 0)
			return 0; /* installed; its socket may come */
	(void)snprintf(ret_reason, size,
		       "neither Docker nor Podman is here (no socket below /run, no dockerd, no podman); looked for "
		       "every 30 s");
	return -ENODEV;
}

/* ---- what is said of a container ---- */

static const struct place *place_of(const struct docker *k, const struct docker_daemon *d)
{
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon == d)
			return &k->places[i];
	return NULL;
}

/* The process that a user's daemon shows is in a cgroup of that container, below those that are the user's: anybody can
 * name a process and a container of somebody else. */
static bool lives_there(const struct docker *k, const struct docker_container *c, uint32_t uid)
{
	char path[32], slice[32], text[4096], *cursor = text;

	if (!c->pid)
		return false;
	(void)snprintf(path, sizeof(path), "proc/%u/cgroup", c->pid);
	(void)snprintf(slice, sizeof(slice), "/user-%u.slice/", uid);
	int r = file_read_at(k->root_fd, path, text, sizeof(text), NULL);
	if (r < 0 && r != -EFBIG)
		return false;
	for (char *line = file_next_line(&cursor); line; line = file_next_line(&cursor)) {
		const char *own = strstr(line, slice);
		if (own && strstr(own, c->id))
			return true;
	}
	return false;
}

static const struct docker_daemon *other_owner(const struct docker *k, const struct docker_daemon *d, const char *id)
{
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon && k->places[i].daemon != d && docker_daemon_has(k->places[i].daemon, id))
			return k->places[i].daemon;
	return NULL;
}

static bool is_believable(const struct docker *k, const struct docker_daemon *d, const struct docker_container *c)
{
	const struct place *p = place_of(k, d);
	const struct docker_daemon *other = other_owner(k, d, c->id);
	char conflict[400];

	if (other) {
		(void)snprintf(conflict, sizeof(conflict), "%s says that it is its container too",
			       docker_daemon_title(d));
		batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, c->id), "conflict", conflict);
		return false;
	}
	return !p || !p->socket.rootless || docker_daemon_has(d, c->id) || lives_there(k, c, p->socket.uid);
}

static void put_text(const struct docker *k, entity_id e, const char *name, const char *value)
{
	batch_attr(k->out, e, name, value[0] ? value : NULL);
}

/* Another's graph may hold the attribute though ours does not: only what is set here first is removed there. */
static void remove_everywhere(const struct docker *k, entity_id e, const char *name)
{
	if (!graph_attr(k->out->graph, e, name))
		batch_attr(k->out, e, name, "-");
	batch_attr(k->out, e, name, NULL);
}

static const char *reason_of(bool oom_killed, bool has_exit_code, int32_t exit_code)
{
	if (oom_killed)
		return "OOMKilled";
	if (!has_exit_code)
		return "";
	return exit_code == 0 ? "Completed" : "Error";
}

static void put_inspected(const struct docker *k, entity_id e, const struct docker_container *c)
{
	bool ended = strcmp(c->state, "exited") == 0;
	char code[16] = "";

	if (c->pid && !ended)
		batch_attr_u64(k->out, e, "pid", c->pid);
	else
		batch_attr(k->out, e, "pid", NULL);
	if (ended && c->has_exit_code)
		(void)snprintf(code, sizeof(code), "%d", c->exit_code);
	put_text(k, e, "exit_code", code);
	put_text(k, e, "exit_reason", ended ? reason_of(c->oom_killed, c->has_exit_code, c->exit_code) : "");
	put_text(k, e, "started_at", c->started_at);
	batch_attr_u64(k->out, e, "restart_count", c->restarts);
	batch_sample(k->out, RESTARTS, e, (double)c->restarts);
}

static bool on_container(void *arg, const struct docker_daemon *d, const struct docker_container *c)
{
	const struct docker *k = arg;

	if (!is_believable(k, d, c))
		return false;
	bool known = docker_daemon_has(d, c->id);
	entity_id e = batch_entity(k->out, ENTITY_CONTAINER, c->id);
	put_text(k, e, "name", c->kube_name[0] ? c->kube_name : c->name);
	put_text(k, e, "image", c->image);
	put_text(k, e, "state", c->state);
	batch_attr(k->out, e, "runtime", docker_daemon_runtime(d));
	batch_attr(k->out, e, "source", docker_daemon_runtime(d));
	if (c->pod[0])
		batch_attr(k->out, e, "podman_pod", c->pod);
	for (size_t i = 0; i < c->n_labels; i++)
		batch_attr(k->out, e, c->labels[i].key, c->labels[i].value);
	if (c->inspected)
		put_inspected(k, e, c);
	if (!known || graph_attr(k->out->graph, e, "unresolved"))
		remove_everywhere(k, e, "unresolved");
	return true;
}

static void on_exited(void *arg, const struct docker_daemon *d, const struct docker_exit *x)
{
	const struct docker *k = arg;
	entity_id e = batch_entity(k->out, ENTITY_CONTAINER, x->id);
	const char *name = graph_attr(k->out->graph, e, "name");
	const char *reason = reason_of(x->oom_killed, x->has_exit_code, x->exit_code);
	bool bad = x->oom_killed || (x->has_exit_code && x->exit_code != 0);
	struct event *v = batch_event(k->out, EXITED, e, k->now, bad ? SEVERITY_WARNING : SEVERITY_INFO, x->exit_code);

	if (x->has_exit_code)
		batch_value_number(k->out, v, EXITED_CODE, x->exit_code);
	batch_value_number(k->out, v, EXITED_OOM, x->oom_killed);
	batch_value_text(k->out, v, EXITED_REASON, reason);
	batch_value_text(k->out, v, EXITED_NAME, name ? name : "");
	batch_value_text(k->out, v, EXITED_RUNTIME, docker_daemon_runtime(d));
	if (x->has_exit_code)
		batch_message(k->out, v, "container %s has ended with code %d: %s", name ? name : x->id, x->exit_code,
			      reason);
	else
		batch_message(k->out, v, "container %s has ended", name ? name : x->id);
}

static void on_gone(void *arg, const struct docker_daemon *d UNUSED, const char *id)
{
	const struct docker *k = arg;
	entity_id e = graph_find(k->out->graph, ENTITY_CONTAINER, id);

	if (e == ENTITY_NONE)
		return;
	batch_attr(k->out, e, "state", "removed"); /* for who reads of it while it lingers */
	batch_gone(k->out, e);
}

static void on_untold(void *arg, const struct docker_daemon *d, const char *id, const char *why)
{
	const struct docker *k = arg;
	char text[400];

	(void)snprintf(text, sizeof(text), "its process, restarts and exit: asked about it, %s: %s",
		       docker_daemon_title(d), why);
	batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, id), "unresolved", text);
}

static void on_silent(void *arg, const struct docker_daemon *d, const char *why)
{
	const struct docker *k = arg;
	entity_id node = graph_node(k->out->graph);
	char text[400];
	const char *id;
	bool running;
	uint64_t restarts;

	(void)snprintf(text, sizeof(text), "whether its state is still so: %s: %s", docker_daemon_title(d), why);
	for (size_t i = 0; (id = docker_daemon_at(d, i, &running, &restarts)); i++)
		if (id[0])
			batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, id), "unresolved", text);
	(void)snprintf(text, sizeof(text), "names and images of containers: %s: %s", docker_daemon_title(d), why);
	batch_attr(k->out, node, "unresolved.docker", text);
	struct event *e = batch_event(k->out, DAEMON_SILENT, node, k->now, SEVERITY_WARNING, 0);
	batch_value_text(k->out, e, 0, docker_daemon_title(d));
	batch_value_text(k->out, e, 1, why);
	batch_message(k->out, e, "%s: %s", docker_daemon_title(d), why);
}

static void on_answers(void *arg, const struct docker_daemon *d)
{
	const struct docker *k = arg;
	entity_id node = graph_node(k->out->graph);
	const char *id;
	bool running;
	uint64_t restarts;

	for (size_t i = 0; (id = docker_daemon_at(d, i, &running, &restarts)); i++)
		if (id[0])
			batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, id), "unresolved", NULL);
	batch_attr(k->out, node, "unresolved.docker", NULL);
	struct event *e = batch_event(k->out, DAEMON_ANSWERS, node, k->now, SEVERITY_INFO, 0);
	batch_value_text(k->out, e, 0, docker_daemon_title(d));
	batch_message(k->out, e, "%s answers again", docker_daemon_title(d));
}

static bool has_room(void *arg)
{
	const struct docker *k = arg;

	return k->out->n_ops + SPARE_OPS < k->out->max_ops;
}

/* ---- containers that nobody can be asked about ---- */

static bool is_named(const struct docker *k, const char *id)
{
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon && docker_daemon_has(k->places[i].daemon, id))
			return true;
	return false;
}

/* Why: the daemon of that kind is silent, or there is none. False: one is there, and will tell. */
static bool why_unnamed(const struct docker *k, bool podman, char *ret_text, size_t size)
{
	static const char *const none[] = {
		"its name and image: Docker has no socket at /run/docker.sock",
		"its name and image: Podman has no socket at /run/podman/podman.sock (systemctl enable --now "
		"podman.socket)",
	};
	bool any = false;

	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++) {
		const struct place *p = &k->places[i];
		bool is_podman = strstr(p->socket.path, "podman") || (p->daemon && docker_daemon_is_podman(p->daemon));
		if (!p->daemon || p->socket.rootless || is_podman != podman)
			continue;
		any = true;
		if (docker_daemon_is_silent(p->daemon)) {
			(void)snprintf(ret_text, size, "its name and image: %s: %s", docker_daemon_title(p->daemon),
				       docker_daemon_why(p->daemon));
			return true;
		}
	}
	if (!any)
		(void)text_copy(ret_text, size, none[podman]);
	return !any;
}

static bool is_among(const struct docker_cgroup *all, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].id, id) == 0)
			return true;
	return false;
}

static void say_unnamed(struct docker *k)
{
	struct docker_cgroup found[MAX_UNNAMED], before[MAX_UNNAMED];
	size_t n = docker_cgroups_find(k->root_fd, found, MAX_UNNAMED), n_before = k->n_unnamed;
	char text[400];

	memcpy(before, k->unnamed, sizeof(before));
	k->n_unnamed = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_named(k, found[i].id) || !why_unnamed(k, found[i].podman, text, sizeof(text)))
			continue;
		batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, found[i].id), "unresolved", text);
		k->unnamed[k->n_unnamed++] = found[i];
	}
	/* What was said of others is taken back, and what only we have kept alive ends. */
	for (size_t i = 0; i < n_before; i++) {
		const char *id = before[i].id;
		if (is_named(k, id) || is_among(k->unnamed, k->n_unnamed, id))
			continue;
		if (is_among(found, n, id))
			batch_attr(k->out, batch_entity(k->out, ENTITY_CONTAINER, id), "unresolved", NULL);
		else
			on_gone(k, NULL, id);
	}
}

/* ---- daemons ---- */

static void forget_daemon(struct docker *k, struct place *p)
{
	const char *id;
	bool running;
	uint64_t restarts;

	for (size_t i = 0; (id = docker_daemon_at(p->daemon, i, &running, &restarts)); i++)
		if (id[0])
			on_gone(k, p->daemon, id);
	docker_daemon_free(&p->daemon);
}

static void add_daemon(struct docker *k, const struct docker_socket *s)
{
	const struct docker_watcher watcher = { on_container, on_exited,  on_gone,  on_untold,
						on_silent,    on_answers, has_room, k };
	char connect_path[108];

	(void)snprintf(connect_path, sizeof(connect_path), "/proc/self/fd/%d%s", k->root_fd, s->path);
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++) {
		struct place *p = &k->places[i];
		if (p->daemon)
			continue;
		p->socket = *s;
		p->there = true;
		(void)docker_daemon_new(s->path, connect_path, k->http, &watcher, &p->daemon);
		return;
	}
}

static struct place *place_at(struct docker *k, const char *path)
{
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon && strcmp(k->places[i].socket.path, path) == 0)
			return &k->places[i];
	return NULL;
}

/* A daemon whose socket is gone keeps its place while it has containers: it may be about to come back. */
static void find_daemons(struct docker *k)
{
	struct docker_socket found[DOCKER_SOCKETS_MAX];
	size_t n = docker_sockets_find(k->root_fd, found);

	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		k->places[i].there = false;
	for (size_t i = 0; i < n; i++) {
		struct place *p = place_at(k, found[i].path);
		if (p)
			p->there = true;
	}
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++) {
		bool running;
		uint64_t restarts;
		struct place *p = &k->places[i];
		if (p->daemon && !p->there && !docker_daemon_at(p->daemon, 0, &running, &restarts))
			forget_daemon(k, p);
	}
	for (size_t i = 0; i < n; i++)
		if (!place_at(k, found[i].path))
			add_daemon(k, &found[i]);
}

static bool none_is_busy(const void *arg)
{
	const struct docker *k = arg;

	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon && docker_daemon_is_busy(k->places[i].daemon))
			return false;
	return true;
}

/* Those of a daemon that does not answer are not counted, and then there is no number at all. */
static void say_counts(struct docker *k, bool say_restarts)
{
	size_t n = 0, daemons = 0;
	bool unknown = false;
	uint64_t silent_ns = 0;

	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++) {
		const char *id;
		bool running;
		uint64_t restarts;
		if (!k->places[i].daemon)
			continue;
		daemons++;
		silent_ns = MAX_OF(silent_ns, docker_daemon_silent_ns(k->places[i].daemon));
		unknown |=
			docker_daemon_is_silent(k->places[i].daemon) || !docker_daemon_is_listed(k->places[i].daemon);
		for (size_t at = 0; (id = docker_daemon_at(k->places[i].daemon, at, &running, &restarts)); at++) {
			n += id[0] != '\0';
			if (id[0] && restarts != UINT64_MAX && say_restarts)
				batch_sample(k->out, RESTARTS, batch_entity(k->out, ENTITY_CONTAINER, id),
					     (double)restarts);
		}
	}
	if (daemons)
		batch_sample(k->out, SILENT, graph_node(k->out->graph), (double)silent_ns);
	if (daemons && !unknown)
		batch_sample(k->out, CONTAINERS, graph_node(k->out->graph), (double)n);
}

static int docker_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct docker *k = state;
	bool say_restarts = now >= k->restarts_at;

	k->now = now;
	k->out = out;
	if (now >= k->sockets_at)
		find_daemons(k);
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		if (k->places[i].daemon)
			docker_daemon_step(k->places[i].daemon, now);
	http_socket_pump(k->http, PUMP_MS, none_is_busy, k);
	if (now >= k->sockets_at) {
		say_unnamed(k);
		k->sockets_at = now + SOCKETS_NS;
	}
	if (say_restarts)
		k->restarts_at = now + RESTARTS_NS;
	say_counts(k, say_restarts);
	k->out = NULL;
	return 0;
}

static void docker_close(void *state)
{
	struct docker *k = state;

	if (!k)
		return;
	for (size_t i = 0; i < DOCKER_SOCKETS_MAX; i++)
		docker_daemon_free(&k->places[i].daemon);
	http_socket_free(&k->http);
	free(k);
}

static int docker_open(const struct collect_env *env, void **ret_state)
{
	struct docker *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->root_fd = env->root_fd;
	int r = http_socket_new(&k->http);
	if (r < 0) {
		free(k);
		return r;
	}
	*ret_state = k;
	return 0;
}

const struct collector collector_docker = {
	.name = "docker",
	.help = "Containers of Docker and Podman: name, image, labels, state, exits and restarts",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 1000,
	.deadline_ms = 10000,
	.probe = docker_probe,
	.open = docker_open,
	.collect = docker_collect,
	.close = docker_close,
};

// SPDX-License-Identifier: Apache-2.0
/* What node-problem-detector found (AKS runs it on every node): its conditions, read from its metrics on loopback. They
 * are context: another's verdicts, named as such and not mixed with our own.
 *
 * Any user of the machine may listen on a port: only what a process of root serves there is believed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/listening.h"
#include "base/text.h"

#include "collectors/collector.h"
#include "runtimes/http_socket.h"
#include "runtimes/npd_text.h"

#define NPD_PORT    20257 /* upstream's --prometheus-port */
#define NPD_URL     "http://127.0.0.1:20257/metrics"
#define TABLE_BYTES (4 * 1024 * 1024)
#define ANSWER_MAX  (1024 * 1024)
#define TIMEOUT_MS  2000
#define PUMP_MS     100

enum { PROBLEM, PROBLEMS, N_METRICS };

static const struct metric_field problem_fields[] = {
	{ "type", 1, UNIT_NONE, "The node condition: KernelDeadlock, VMEventScheduled ..." },
	{ "reason", 1, UNIT_NONE, "Why: DockerHung ..." },
	{ 0 },
};

static const struct metric_desc metrics[N_METRICS] = {
	[PROBLEM] = { "npd.problem", METRIC_EVENT, UNIT_NONE, ENTITY_NODE,
		      "node-problem-detector says that a condition of the node began to hold", problem_fields, NULL },
	[PROBLEMS] = { "npd.problems", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
		       "Conditions that node-problem-detector says hold; absent while it does not answer", NULL, NULL },
};

struct npd {
	int root_fd;
	struct http_socket *http;
	bool under_way;
	struct npd_text text;
	struct npd_condition known[NPD_MAX_CONDITIONS];
	size_t n_known;
	struct batch *out;
	char table[TABLE_BYTES];
};

/* A line of /proc/net/tcp: somebody listens on the port. */
static bool is_listener(const char *line, unsigned *ret_uid)
{
	char address[40];
	unsigned port, state;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4X %*s %2X %*s %*s %*s %u", address, &port, &state, ret_uid) != 4)
		return false;
	return port == NPD_PORT && state == 10;
}

/* Root, and nobody else: with root on another address only, a user could have 127.0.0.1. */
static bool root_listens(int root_fd, char *table, size_t size)
{
	static const char *const files[] = { "proc/net/tcp", "proc/net/tcp6" };
	bool listens = false;
	unsigned uid;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *cursor = table;
		int r = file_read_at(root_fd, files[i], table, size, NULL);
		if (r < 0 && r != -EFBIG)
			continue;
		for (char *line = file_next_line(&cursor); line; line = file_next_line(&cursor)) {
			if (!is_listener(line, &uid))
				continue;
			if (uid != 0)
				return false;
			listens = true;
		}
	}
	return listens;
}

/* Asked again and again where there is none: /proc/net/tcp only when the kernel says that it is worth it. */
static int npd_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	AUTO_FREE char *table = malloc(TABLE_BYTES);
	bool listens = false;

	if (!table)
		return -ENOMEM;
	if (!env->fixture && (listening_on(NPD_PORT, &listens) < 0 || listens) &&
	    root_listens(env->root_fd, table, TABLE_BYTES))
		return 0;
	(void)snprintf(ret_reason, size, "no node-problem-detector of root's listens on 127.0.0.1:%u", NPD_PORT);
	return -ENODEV;
}

static int npd_open(const struct collect_env *env, void **ret_state)
{
	struct npd *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->root_fd = env->root_fd;
	int r = http_socket_new(&n->http);
	if (r < 0) {
		free(n);
		return r;
	}
	*ret_state = n;
	return 0;
}

static void npd_close(void *state)
{
	struct npd *n = state;

	if (!n)
		return;
	http_socket_free(&n->http);
	free(n);
}

/* ---- what it says ---- */

static bool held(const struct npd *n, const struct npd_condition *c)
{
	for (size_t i = 0; i < n->n_known; i++)
		if (n->known[i].holds && strcmp(n->known[i].type, c->type) == 0 &&
		    strcmp(n->known[i].reason, c->reason) == 0)
			return true;
	return false;
}

static void take_conditions(struct npd *n)
{
	entity_id node = graph_node(n->out->graph);
	char all[GRAPH_MAX_VALUE];
	struct text list;
	size_t holding = 0;

	text_init(&list, all, sizeof(all));
	for (size_t i = 0; i < n->text.n; i++) {
		const struct npd_condition *c = &n->text.conditions[i];
		if (!c->holds)
			continue;
		text_addf(&list, "%s%s (%s)", holding++ ? ", " : "", c->type, c->reason);
		if (held(n, c))
			continue;
		struct event *e = batch_event(n->out, PROBLEM, node, n->out->now, SEVERITY_WARNING, 0);
		batch_value_text(n->out, e, 0, c->type);
		batch_value_text(n->out, e, 1, c->reason);
		batch_message(n->out, e, "node-problem-detector: %s: %s", c->type, c->reason);
	}
	batch_sample(n->out, PROBLEMS, node, (double)holding);
	batch_attr(n->out, node, "npd", holding ? all : NULL);
	memcpy(n->known, n->text.conditions, sizeof(n->known));
	n->n_known = n->text.n;
}

static void say_unresolved(struct npd *n, const char *why)
{
	entity_id self = batch_entity(n->out, ENTITY_COLLECTOR, "npd");
	char text[256];

	(void)snprintf(text, sizeof(text), "conditions of the node: node-problem-detector: %s", why ? why : "");
	batch_attr(n->out, self, "unresolved", why ? text : NULL);
}

static int on_body(void *arg, const char *data, size_t size)
{
	struct npd *n = arg;

	npd_text_put(&n->text, data, size);
	return 0;
}

static void on_done(void *arg, long status, int error, const char *why)
{
	struct npd *n = arg;

	n->under_way = false;
	npd_text_end(&n->text);
	if (error < 0 || status != 200 || n->text.n == 0) {
		say_unresolved(n, error == 0 && status == 200 ? "its answer holds no conditions" : why);
		return;
	}
	say_unresolved(n, NULL);
	take_conditions(n);
}

static bool is_idle(const void *arg)
{
	return !((const struct npd *)arg)->under_way;
}

static int npd_collect(void *state, mono_ns_t now UNUSED, struct batch *out)
{
	struct npd *n = state;
	const struct http_call call = { .url = NPD_URL,
					.max_bytes = ANSWER_MAX,
					.timeout_ms = TIMEOUT_MS,
					.body = on_body,
					.done = on_done,
					.arg = n };

	n->out = out;
	if (!n->under_way) {
		if (!root_listens(n->root_fd, n->table, sizeof(n->table))) {
			say_unresolved(n, "nobody of root's listens on its port any more");
			return 0;
		}
		npd_text_init(&n->text);
		n->under_way = http_socket_get(n->http, &call) == 0;
	}
	http_socket_pump(n->http, PUMP_MS, is_idle, n);
	n->out = NULL;
	return 0;
}

const struct collector collector_npd = {
	.name = "npd",
	.help = "Conditions that node-problem-detector found on the node (AKS)",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 10000,
	.deadline_ms = 5000,
	.probe = npd_probe,
	.open = npd_open,
	.collect = npd_collect,
	.close = npd_close,
};

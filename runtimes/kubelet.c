// SPDX-License-Identifier: Apache-2.0
/* What the kubelet of this node knows, by its two sockets: which devices, CPUs and claims each container was given
 * (pod-resources), and how each pod fares (Pods API). No API server is asked, and not the kubelet's port.
 *
 * pod-resources names containers by pod and name. Their ids, which are their keys in the graph, come from the Pods API,
 * else, for those that were given something, from the container runtime's list of what runs.
 *
 * A kubelet that has just started lists nothing: what is not listed is forgotten after FORGET_NS, not at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/records.h"
#include "base/text.h"
#include "collectors/collector.h"
#include "identity/label_key.h"
#include "proto/items.h"
#include "proto/kubelet.h"
#include "runtimes/cri_sockets.h"
#include "runtimes/cri_write.h"
#include "runtimes/kubelet_known.h"
#include "runtimes/kubelet_metric.h"
#include "runtimes/talk.h"

#define DEADLINE_MS      9000
#define LIST_DEADLINE_MS 2000
#define PATIENCE_MS      2000 /* of each socket; the sum is far below DEADLINE_MS */
#define IDS_NS           (10 * NS_PER_S)
#define IDS_AGAIN_NS     (30 * NS_PER_S)
#define FORGET_NS        (300 * NS_PER_S)
#define OPS_OF_ITEM      64
#define MAX_PATCHED      512  /* bytes looked at of a label's value, and more */

enum { RESOURCES, PODS, N_TALKS };

static const struct talk_socket sockets[N_TALKS] = {
	[RESOURCES] = { "var/lib/kubelet/pod-resources/kubelet.sock", "kubelet", NULL, NULL },
	[PODS] = { "var/lib/kubelet/pods-api/pods-api.sock", "kubelet", KUBELET_MASK_HEADER, KUBELET_MASK },
};
/* The service grows up; which name it has shows in the first answer that is not "unimplemented". */
static const char *const pods_methods[] = { "/v1alpha1.Pods/ListPods", "/v1beta1.Pods/ListPods", "/v1.Pods/ListPods" };

struct kubelet {
	struct records *table;
	struct kubelet_reader *reader;
	struct cri_reader *cri_reader;
	struct buf reply, request;
	struct talk talks[N_TALKS], runtimes[CRI_N_SOCKETS];
	bool lost[N_TALKS], news, begun;
	size_t pods_method;
	mono_ns_t ids_at, now;
	uint64_t refused;
	struct batch *out;
};

static int kubelet_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	for (size_t i = 0; i < N_TALKS; i++)
		if (talk_socket_present(env->root_fd, sockets[i].path, NULL))
			return 0;
	(void)snprintf(ret_reason, size,
		       "no kubelet's socket below /var/lib/kubelet; looked for every 30 s (in a container: mount "
		       "/var/lib/kubelet/pod-resources and pods-api from the node)");
	return -ENOENT;
}

static void kubelet_close(void *state)
{
	struct kubelet *k = state;

	if (!k)
		return;
	for (size_t i = 0; i < N_TALKS; i++)
		talk_done(&k->talks[i]);
	for (size_t i = 0; i < CRI_N_SOCKETS; i++)
		talk_done(&k->runtimes[i]);
	records_free(&k->table);
	kubelet_reader_free(&k->reader);
	cri_reader_free(&k->cri_reader);
	buf_done(&k->reply);
	buf_done(&k->request);
	free(k);
}

static void close_half_open(struct kubelet **k)
{
	kubelet_close(*k);
}

static int kubelet_open(const struct collect_env *env, void **ret_state)
{
	AUTO(close_half_open) struct kubelet *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	buf_init(&k->reply, CALL_MAX_REPLY);
	buf_init(&k->request, 4096);
	for (size_t i = 0; i < N_TALKS; i++)
		talk_init(&k->talks[i], &sockets[i], env->root_fd);
	for (size_t i = 0; i < CRI_N_SOCKETS; i++)
		talk_init(&k->runtimes[i], &cri_sockets[i], env->root_fd);
	r = records_new(KUBELET_MAX_KNOWN, sizeof(struct kubelet_known), offsetof(struct kubelet_known, key),
			KUBELET_KEY_MAX, &k->table);
	if (r == 0)
		r = kubelet_reader_new(&k->reader);
	if (r == 0)
		r = cri_reader_new(&k->cri_reader);
	if (r < 0)
		return r;
	/* What a runtime tells may hold environments of containers: no core file of this process, no reading by others. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	*ret_state = TAKE_PTR(k);
	return 0;
}

/* ---- who ---- */

static bool has_room(const struct kubelet *k)
{
	return k->out->n_ops + OPS_OF_ITEM < k->out->max_ops && k->out->n_events + OPS_OF_ITEM < k->out->max_events;
}

/* "namespace/name"; false: no such pod can be. */
static bool pod_key(const char *space, const char *name, char ret_key[GRAPH_MAX_KEY])
{
	if (!*space || !*name || strchr(space, '/') || strchr(name, '/'))
		return false;
	return (size_t)snprintf(ret_key, GRAPH_MAX_KEY, "%s/%s", space, name) < GRAPH_MAX_KEY;
}

/* The pod and its key, with its two names written. NULL: no such pod can be, or there is no room (counted). */
static struct kubelet_known *take_pod(struct kubelet *k, const char *space, const char *name, char ret_key[GRAPH_MAX_KEY])
{
	struct kubelet_known *p = pod_key(space, name, ret_key) ? records_take(k->table, ret_key) : NULL;

	if (!p) {
		k->refused++;
		return NULL;
	}
	p->seen_at = k->now;
	p->entity = batch_entity(k->out, ENTITY_POD, ret_key);
	batch_attr(k->out, p->entity, "namespace", space);
	batch_attr(k->out, p->entity, "name", name);
	return p;
}

static struct kubelet_known *take_container(struct kubelet *k, const char *pod, const char *name)
{
	char key[KUBELET_KEY_MAX];
	struct kubelet_known *c;

	(void)snprintf(key, sizeof(key), "%s/%s", pod, name);
	c = *name && !strchr(name, '/') ? records_take(k->table, key) : NULL;
	if (!c) {
		k->refused++;
		return NULL;
	}
	c->is_container = true;
	c->seen_at = k->now;
	return c;
}

/* Its id is known now. Another id than before: the one before has ended. */
static void set_id(struct kubelet *k, struct kubelet_known *c, const char *id, bool ended)
{
	bool is_new = strcmp(c->id, id) != 0;

	if (c->entity != ENTITY_NONE && !c->ended && (is_new || ended))
		batch_gone(k->out, c->entity);
	if (is_new)
		c->entity = ENTITY_NONE;
	if (is_new)
		(void)text_copy(c->id, sizeof(c->id), id);
	c->ended = ended;
	if (c->entity == ENTITY_NONE && *id && !ended)
		c->entity = batch_entity(k->out, ENTITY_CONTAINER, id);
}

static void forget_old(struct kubelet *k)
{
	struct kubelet_known *e;
	size_t cursor = 0;

	while ((e = records_next(k->table, &cursor)))
		if (mono_since(e->seen_at, k->now) >= FORGET_NS && has_room(k)) {
			if (e->entity != ENTITY_NONE && !e->ended)
				batch_gone(k->out, e->entity);
			records_remove(k->table, e);
		}
}

static void write_text(struct kubelet *k, entity_id id, const char *name, const char *value)
{
	batch_attr(k->out, id, name, *value ? value : NULL);
}

/* ---- pod-resources ---- */

static void write_grant(struct kubelet *k, const char *pod, const struct kubelet_grant *g, struct text *pod_gpus)
{
	struct kubelet_known *c = take_container(k, pod, g->container);

	if (*g->gpus)
		text_addf(pod_gpus, "%s%s", pod_gpus->len ? "," : "", g->gpus);
	if (!c)
		return;
	c->granted = true;
	if (c->entity == ENTITY_NONE || c->ended)
		return;
	write_text(k, c->entity, "devices", g->devices);
	write_text(k, c->entity, "gpus", g->gpus);
	write_text(k, c->entity, "cpus", g->cpus);
	write_text(k, c->entity, "memory", g->memory);
	write_text(k, c->entity, "claims", g->claims);
}

static void take_resources(struct kubelet *k, const uint8_t *item, size_t n)
{
	char key[GRAPH_MAX_KEY], gpus[GRAPH_MAX_VALUE];
	struct kubelet_resources r;
	struct kubelet_known *pod;
	struct text t;

	if (kubelet_read_resources(k->reader, item, n, &r) < 0) {
		k->refused++;
		return;
	}
	pod = take_pod(k, r.space, r.name, key);
	if (!pod)
		return;
	text_init(&t, gpus, sizeof(gpus));
	for (size_t i = 0; i < r.n_grants; i++)
		write_grant(k, key, &r.grants[i], &t);
	write_text(k, pod->entity, "gpus", gpus);
}

/* ---- Pods API ---- */

static void write_pairs(struct kubelet *k, entity_id id, const struct cri_pairs *pairs)
{
	char value[LABEL_VALUE_MAX];
	struct text t;

	for (size_t i = 0; i < pairs->n; i++) {
		if (!label_key_wanted(pairs->items[i].key, strlen(pairs->items[i].key)))
			continue;
		text_init(&t, value, sizeof(value));
		text_add_escaped(&t, pairs->items[i].value, strnlen(pairs->items[i].value, MAX_PATCHED));
		batch_attr(k->out, id, pairs->items[i].key, value);
	}
}

/* Of Airflow's pods the annotations hold the names as they are, the labels as they had to be made: each key is written
 * once, or the two would take turns. */
static bool has_key(const struct cri_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (strcmp(pairs->items[i].key, key) == 0)
			return true;
	return false;
}

static void write_labels(struct kubelet *k, entity_id id, const struct kubelet_pod *p)
{
	for (size_t i = 0; i < p->labels.n; i++) {
		const struct cri_pairs one = { &p->labels.items[i], 1 };

		if (!has_key(&p->annotations, p->labels.items[i].key))
			write_pairs(k, id, &one);
	}
	write_pairs(k, id, &p->annotations);
}

/* The kubelet gives a reason when it ended the pod itself; otherwise a container did. */
static void why_failed(const struct kubelet_pod *p, struct text *t)
{
	text_add(t, p->reason);
	for (size_t i = 0; i < p->n_containers && t->len == 0; i++) {
		const struct kubelet_container *c = &p->containers[i];
		if (c->ended && c->exit_code != 0)
			text_addf(t, "container %s ended with %d%s%s%s", c->name, c->exit_code, *c->why ? " (" : "", c->why,
				  *c->why ? ")" : "");
	}
}

/* One that is deleted while it runs ends as Failed too, whenever a container does not end with 0: that was wanted. */
static void say_failed(struct kubelet *k, const struct kubelet_known *pod, const struct kubelet_pod *p)
{
	char why[CRI_MAX_NAME + 128];
	struct text t;

	if (p->deleted)
		return;
	struct event *e = batch_event(k->out, KUBELET_POD_FAILED, pod->entity, k->now, SEVERITY_WARNING, 0);
	text_init(&t, why, sizeof(why));
	why_failed(p, &t);
	batch_value_text(k->out, e, 0, *why ? why : "no reason given");
	batch_message(k->out, e, "pod %s has failed%s%s", pod->key, *why ? ": " : "", why);
}

static void say_waiting(struct kubelet *k, entity_id pod, const char *key, const struct kubelet_container *c)
{
	struct event *e = batch_event(k->out, KUBELET_POD_WAITING, pod, k->now, SEVERITY_WARNING, 0);

	batch_value_text(k->out, e, 0, c->name);
	batch_value_text(k->out, e, 1, c->waiting);
	batch_value_number(k->out, e, 2, c->restarts);
	batch_message(k->out, e, "container %s of pod %s waits: %s", c->name, key, c->waiting);
}

/* Every container waits a moment while it is made. */
static bool is_worth_saying(const char *waiting)
{
	return *waiting && strcmp(waiting, "ContainerCreating") != 0 && strcmp(waiting, "PodInitializing") != 0;
}

static void take_container_status(struct kubelet *k, entity_id pod, const char *key, const struct kubelet_container *c)
{
	struct kubelet_known *known = take_container(k, key, c->name);

	if (!known)
		return;
	set_id(k, known, c->id, c->ended || !*c->id || *c->waiting);
	if (is_worth_saying(c->waiting) && strcmp(known->state, c->waiting) != 0)
		say_waiting(k, pod, key, c);
	/* Between two tries it runs for a moment: that is no other news. */
	if (*c->waiting)
		(void)text_copy(known->state, sizeof(known->state), c->waiting);
	if (known->entity == ENTITY_NONE || known->ended)
		return;
	batch_attr(k->out, known->entity, "name", c->name);
	batch_link(k->out, EDGE_IN, known->entity, pod);
}

static void take_pod_status(struct kubelet *k, const uint8_t *item, size_t n)
{
	char key[GRAPH_MAX_KEY];
	struct kubelet_known *pod;
	struct kubelet_pod p;
	entity_id entity;

	if (kubelet_read_pod(k->reader, item, n, &p) < 0) {
		k->refused++;
		return;
	}
	pod = take_pod(k, p.space, p.name, key);
	if (!pod)
		return;
	entity = pod->entity;
	write_text(k, entity, "uid", p.uid);
	write_text(k, entity, "phase", p.phase);
	write_text(k, entity, "reason", p.reason);
	write_text(k, entity, "qos", p.qos);
	write_labels(k, entity, &p);
	if (*pod->state && strcmp(pod->state, "Failed") != 0 && strcmp(p.phase, "Failed") == 0)
		say_failed(k, pod, &p);
	(void)text_copy(pod->state, sizeof(pod->state), p.phase);
	for (size_t i = 0; i < p.n_containers; i++)
		take_container_status(k, entity, key, &p.containers[i]);
}

/* ---- ids, where the Pods API is not there to tell ---- */

/* How soon the ids of containers that were given something are to be asked for: one that starts again has another. */
static uint64_t ids_wanted_in(struct kubelet *k)
{
	const struct kubelet_known *e;
	size_t cursor = 0;
	uint64_t in = UINT64_MAX;

	while ((e = records_next(k->table, &cursor)))
		if (e->is_container && e->granted && e->seen_at == k->now)
			in = MIN_OF(in, e->entity == ENTITY_NONE || e->ended ? IDS_NS : IDS_AGAIN_NS);
	return in;
}

static const char *label(const struct cri_container *c, const char *key)
{
	for (size_t i = 0; i < c->labels.n; i++)
		if (strcmp(c->labels.items[i].key, key) == 0)
			return c->labels.items[i].value;
	return "";
}

static void take_running(struct kubelet *k, const uint8_t *item, size_t n)
{
	char pod[GRAPH_MAX_KEY], key[KUBELET_KEY_MAX];
	struct cri_container c;
	struct kubelet_known *known;

	if (cri_read_container(k->cri_reader, item, n, &c) < 0 ||
	    !pod_key(label(&c, "io.kubernetes.pod.namespace"), label(&c, "io.kubernetes.pod.name"), pod))
		return;
	(void)snprintf(key, sizeof(key), "%s/%s", pod, c.name);
	known = records_find(k->table, key);
	if (!known || !known->granted || c.state != CRI_RUNNING)
		return;
	set_id(k, known, c.id, false);
	known->running_at = k->now;
}

/* True: it has told all that it runs. */
static bool ask_ids_of(struct kubelet *k, struct talk *t)
{
	const uint8_t *item;
	size_t at = 0, n;
	int r;

	talk_look(t);
	if (!talk_may_ask(t, k->now) || talk_patience(t, PATIENCE_MS / 2) < 0)
		return false;
	buf_reset(&k->request);
	r = cri_pack_list_running(&k->request);
	if (r == 0)
		r = talk_ask(t, CRI_METHOD_CONTAINERS, &k->request, LIST_DEADLINE_MS, &k->reply);
	if (r < 0) {
		talk_failed(t, k->now);
		return false;
	}
	talk_answered(t, k->now);
	while ((r = items_next(k->reply.data, k->reply.len, CRI_ITEMS, &at, &item, &n)) > 0)
		take_running(k, item, n);
	return r == 0;
}

static void end_those_that_run_no_more(struct kubelet *k)
{
	struct kubelet_known *e;
	size_t cursor = 0;

	while ((e = records_next(k->table, &cursor)))
		if (e->granted && *e->id && e->running_at != k->now)
			set_id(k, e, e->id, true);
}

static void ask_ids(struct kubelet *k)
{
	const struct talk *pods = &k->talks[PODS];
	uint64_t in = ids_wanted_in(k);
	bool told = false;

	if (in == UINT64_MAX || (k->ids_at > 0 && mono_since(k->ids_at, k->now) < in) ||
	    (pods->present && !pods->refused && !pods->failing))
		return;
	k->ids_at = k->now;
	for (size_t i = 0; i < CRI_N_SOCKETS; i++)
		told |= ask_ids_of(k, &k->runtimes[i]);
	if (told)
		end_those_that_run_no_more(k);
}

/* ---- the sockets ---- */

static int fetch(struct kubelet *k, size_t i)
{
	struct buf empty = {0};
	struct talk *t = &k->talks[i];
	int r;

	if (i == RESOURCES)
		return talk_ask(t, KUBELET_METHOD_RESOURCES, &empty, LIST_DEADLINE_MS, &k->reply);
	r = talk_ask(t, pods_methods[k->pods_method], &empty, LIST_DEADLINE_MS, &k->reply);
	for (size_t tries = 1; r == -ENOSYS && tries < ARRAY_LEN(pods_methods); tries++) {
		k->pods_method = (k->pods_method + 1) % ARRAY_LEN(pods_methods);
		r = talk_ask(t, pods_methods[k->pods_method], &empty, LIST_DEADLINE_MS, &k->reply);
	}
	return r;
}

static void visit(struct kubelet *k, size_t i)
{
	struct talk *t = &k->talks[i];
	const uint8_t *item;
	size_t at = 0, n;
	int r = talk_patience(t, PATIENCE_MS);

	if (r == 0)
		r = fetch(k, i);
	while (r == 0 && has_room(k)) {
		r = items_next(k->reply.data, k->reply.len, KUBELET_ITEMS, &at, &item, &n);
		if (r <= 0)
			break;
		r = 0;
		if (i == RESOURCES)
			take_resources(k, item, n);
		else
			take_pod_status(k, item, n);
	}
	/* Where a mask is not heeded, all of each pod's spec was in there. */
	if (k->reply.len > 0)
		explicit_bzero(k->reply.data, k->reply.len);
	if (r == -EBADMSG)
		(void)snprintf(t->why, sizeof(t->why), "what it sends is no list of pods");
	if (r == -ENOSYS)
		t->refused = true;
	if (r == 0)
		talk_answered(t, k->now);
	else if (r != -ENOSYS)
		talk_failed(t, k->now);
	k->news |= r != 0;
}

static void say_change(struct kubelet *k, size_t i, uint32_t metric)
{
	const struct talk *t = &k->talks[i];
	struct batch *out = k->out;
	struct event *e = batch_event(out, metric, graph_node(out->graph), k->now,
				      metric == KUBELET_LOST ? SEVERITY_WARNING : SEVERITY_INFO, 0);
	char path[128], text[512];

	(void)snprintf(path, sizeof(path), "/%s", t->socket->path);
	batch_value_text(out, e, 0, path);
	if (metric == KUBELET_LOST) {
		talk_say(t, k->now, text, sizeof(text));
		batch_value_text(out, e, 1, t->why);
		batch_message(out, e, "%s", text);
	} else {
		batch_message(out, e, "the kubelet answers again at %s", path);
	}
}

static void say_silent(struct kubelet *k)
{
	entity_id node = graph_node(k->out->graph);
	char text[640], why[512];
	const struct talk *worst = NULL;
	uint64_t longest = 0;

	for (size_t i = 0; i < N_TALKS; i++) {
		const struct talk *t = &k->talks[i];
		bool silent = t->asked && t->failing;

		if (silent != k->lost[i]) {
			k->lost[i] = silent;
			k->news = true;
			say_change(k, i, silent ? KUBELET_LOST : KUBELET_RECOVERED);
		}
		if (silent && (!worst || mono_since(t->answered_at, k->now) > longest)) {
			worst = t;
			longest = mono_since(t->answered_at, k->now);
		}
	}
	batch_sample(k->out, KUBELET_SILENT, node, (double)longest);
	batch_sample(k->out, KUBELET_REFUSED, node, (double)k->refused);
	if (!k->news)
		return;
	k->news = false;
	if (worst) {
		talk_say(worst, k->now, why, sizeof(why));
		(void)snprintf(text, sizeof(text), "%s: %s",
			       worst == &k->talks[PODS] ? "state of pods" : "devices of containers", why);
	}
	batch_attr(k->out, node, "unresolved.kubelet", worst ? text : NULL);
}

static int kubelet_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct kubelet *k = state;

	k->now = now;
	k->out = out;
	if (!k->begun)
		cri_write_afresh(out, graph_node(out->graph), "unresolved.kubelet");
	k->begun = true;
	/* First who is there, then what they were given. */
	for (size_t i = N_TALKS; i-- > 0;) {
		talk_look(&k->talks[i]);
		if (talk_may_ask(&k->talks[i], now))
			visit(k, i);
	}
	ask_ids(k);
	forget_old(k);
	say_silent(k);
	k->out = NULL;
	return 0;
}

const struct collector collector_kubelet = {
	.name = "kubelet",
	.help = "Devices, CPUs and claims that containers were given, and how pods fare, by the kubelet's sockets",
	.metrics = kubelet_metrics,
	.n_metrics = KUBELET_N_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 5000,
	.deadline_ms = DEADLINE_MS,
	.probe = kubelet_probe,
	.open = kubelet_open,
	.collect = kubelet_collect,
	.close = kubelet_close,
};

// SPDX-License-Identifier: Apache-2.0
#include "runtimes/cri_write.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/text.h"
#include "identity/label_key.h"
#include "runtimes/cri_metric.h"

#define POD_KEY_MAX       GRAPH_MAX_KEY
#define LABEL_POD_SPACE   "io.kubernetes.pod.namespace"
#define LABEL_POD_NAME    "io.kubernetes.pod.name"
#define LABEL_POD_UID     "io.kubernetes.pod.uid"
#define LABEL_RESTARTS    "io.kubernetes.container.restartCount"
#define MAX_VALUE_LOOKED  4096

/* ---- labels ---- */

static const char *pair_value(const struct cri_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (strcmp(pairs->items[i].key, key) == 0)
			return pairs->items[i].value;
	return NULL;
}

static void safe_text(const char *from, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	text_add_escaped(&t, from, strnlen(from, MAX_VALUE_LOOKED));
}

static void write_pairs(struct batch *out, entity_id id, const struct cri_pairs *pairs)
{
	char value[LABEL_VALUE_MAX];

	for (size_t i = 0; i < pairs->n; i++) {
		if (!label_key_wanted(pairs->items[i].key, strlen(pairs->items[i].key)))
			continue;
		safe_text(pairs->items[i].value, value, sizeof(value));
		batch_attr(out, id, pairs->items[i].key, value);
	}
}

static void write_text(struct batch *out, entity_id id, const char *name, const char *value)
{
	if (*value)
		batch_attr(out, id, name, value);
}

/* False: no such pod can be (a '/' in one half would make two pods one). */
static bool pod_key(const char *space, const char *name, char ret_key[POD_KEY_MAX])
{
	if (!*space || !*name || strchr(space, '/') || strchr(name, '/'))
		return false;
	return (size_t)snprintf(ret_key, POD_KEY_MAX, "%s/%s", space, name) < POD_KEY_MAX;
}

void cri_write_afresh(struct batch *out, entity_id id, const char *attr)
{
	if (graph_attr(out->graph, id, attr))
		return;
	/* Removing what is not there is no change, and would not be told. */
	batch_attr(out, id, attr, "?");
	batch_attr(out, id, attr, NULL);
}

/* ---- sandboxes ---- */

static bool is_newest(struct cri_scribe *s, const struct cri_known *k)
{
	const struct cri_known *other;
	size_t cursor = 0;

	while ((other = records_next(s->table, &cursor)))
		if (other->sandbox && other != k && other->pod == k->pod && other->created_at > k->created_at)
			return false;
	return true;
}

static void write_pod(struct cri_scribe *s, const struct cri_known *k, const struct cri_sandbox *b)
{
	if (k->pod == ENTITY_NONE || !is_newest(s, k))
		return;
	batch_attr(s->out, k->pod, "namespace", b->space);
	batch_attr(s->out, k->pod, "name", b->name);
	write_text(s->out, k->pod, "uid", b->uid);
	write_pairs(s->out, k->pod, &b->labels);
	write_pairs(s->out, k->pod, &b->annotations);
}

/* The container that holds a pod's namespaces has a cgroup of its own, in which the kernel may charge and kill. */
static void write_pause(struct cri_scribe *s, struct cri_known *k, const struct cri_sandbox *b)
{
	if (!b->ready) {
		if (k->entity != ENTITY_NONE)
			batch_gone(s->out, k->entity);
		return;
	}
	k->entity = batch_entity(s->out, ENTITY_CONTAINER, k->id);
	if (s->first)
		cri_write_afresh(s->out, k->entity, "unresolved");
	batch_attr(s->out, k->entity, "name", "pause");
	batch_attr(s->out, k->entity, "runtime", s->runtime);
	batch_attr(s->out, k->entity, "source", "cri");
	batch_attr(s->out, k->entity, "state", cri_state_name(CRI_RUNNING));
	write_text(s->out, k->entity, "pod_uid", b->uid);
	if (k->pod != ENTITY_NONE)
		batch_link(s->out, EDGE_IN, k->entity, k->pod);
}

/* Takes in an item's place in the table: NULL when there is none, or another runtime has the id. */
static struct cri_known *take_known(struct cri_scribe *s, const char *id, bool sandbox)
{
	struct cri_known *k = records_take(s->table, id);

	if (k && k->round == 0) {
		k->runtime = s->index;
		k->sandbox = sandbox;
	}
	if (!k || k->runtime != s->index || k->sandbox != sandbox) {
		s->refused++;
		return NULL;
	}
	k->round = s->round;
	return k;
}

void cri_write_sandbox(struct cri_scribe *s, const uint8_t *item, size_t n)
{
	char key[POD_KEY_MAX];
	struct cri_sandbox b;
	struct cri_known *k;

	if (cri_read_sandbox(s->reader, item, n, &b) < 0) {
		s->refused++;
		return;
	}
	k = take_known(s, b.id, true);
	if (!k || (k->written && k->ready == b.ready))
		return;
	k->written = true;
	k->ready = b.ready;
	k->created_at = b.created_at;
	if (pod_key(b.space, b.name, key))
		k->pod = batch_entity(s->out, ENTITY_POD, key);
	write_pod(s, k, &b);
	write_pause(s, k, &b);
}

/* ---- containers ---- */

static uint32_t restarts_of(const struct cri_container *c)
{
	const char *text = pair_value(&c->annotations, LABEL_RESTARTS);
	uint64_t n;

	return text && text_parse_u64(text, &n) == 0 && n <= UINT32_MAX ? (uint32_t)n : c->attempt;
}

/* The pod by the labels that a kubelet puts on each container; false: there are none. */
static bool pod_by_labels(const struct cri_container *c, char ret_key[POD_KEY_MAX])
{
	const char *space = pair_value(&c->labels, LABEL_POD_SPACE), *name = pair_value(&c->labels, LABEL_POD_NAME);
	char safe_space[CRI_MAX_NAME], safe_name[CRI_MAX_NAME];

	if (!space || !name)
		return false;
	safe_text(space, safe_space, sizeof(safe_space));
	safe_text(name, safe_name, sizeof(safe_name));
	return pod_key(safe_space, safe_name, ret_key);
}

/* By its sandbox, which is what the runtime did; labels only say what somebody wanted. */
static void find_pod(struct cri_scribe *s, struct cri_known *k, const struct cri_container *c)
{
	const struct cri_known *sandbox = records_find(s->table, c->sandbox_id);
	char labelled[POD_KEY_MAX], text[GRAPH_MAX_VALUE];
	bool has_label = pod_by_labels(c, labelled);
	const char *key;

	k->pod = sandbox && sandbox->sandbox ? sandbox->pod : ENTITY_NONE;
	if (k->pod == ENTITY_NONE && has_label)
		k->pod = batch_entity(s->out, ENTITY_POD, labelled);
	key = graph_key(s->out->graph, k->pod);
	if (!key || !has_label || strcmp(key, labelled) == 0 || k->entity == ENTITY_NONE)
		return;
	(void)snprintf(text, sizeof(text), "pod: %s says its sandbox is of %.400s, its labels say %.400s", s->runtime, key,
		       labelled);
	batch_attr(s->out, k->entity, "conflict", text);
}

static void write_pod_of(struct cri_scribe *s, struct cri_known *k, const struct cri_container *c)
{
	const char *uid = pair_value(&c->labels, LABEL_POD_UID), *known, *said;
	char safe_uid[CRI_MAX_ID], text[256];

	find_pod(s, k, c);
	if (k->pod == ENTITY_NONE) {
		(void)snprintf(text, sizeof(text), "pod: %s lists no sandbox %.80s, of which the container says to be",
			       s->runtime, c->sandbox_id);
		batch_attr(s->out, k->entity, "unresolved", text);
		return;
	}
	batch_link(s->out, EDGE_IN, k->entity, k->pod);
	said = graph_attr(s->out->graph, k->entity, "unresolved");
	if (said && strncmp(said, "pod: ", 5) == 0)
		batch_attr(s->out, k->entity, "unresolved", NULL);
	known = graph_attr(s->out->graph, k->pod, "uid");
	if (known || uid) {
		safe_text(known ? known : uid, safe_uid, sizeof(safe_uid));
		write_text(s->out, k->entity, "pod_uid", safe_uid);
	}
}

static void write_container(struct cri_scribe *s, struct cri_known *k, const struct cri_container *c)
{
	k->entity = batch_entity(s->out, ENTITY_CONTAINER, k->id);
	if (s->first)
		cri_write_afresh(s->out, k->entity, "unresolved");
	write_text(s->out, k->entity, "name", c->name);
	write_text(s->out, k->entity, "image", c->image);
	batch_attr(s->out, k->entity, "runtime", s->runtime);
	batch_attr(s->out, k->entity, "source", "cri");
	batch_attr_u64(s->out, k->entity, "restart_count", k->restarts);
	write_pairs(s->out, k->entity, &c->labels);
	write_pairs(s->out, k->entity, &c->annotations);
	write_pod_of(s, k, c);
	if (c->state != CRI_EXITED)
		batch_attr(s->out, k->entity, "state", cri_state_name(c->state));
}

void cri_write_container(struct cri_scribe *s, const uint8_t *item, size_t n)
{
	struct cri_container c;
	struct cri_known *k;

	if (cri_read_container(s->reader, item, n, &c) < 0) {
		s->refused++;
		return;
	}
	k = take_known(s, c.id, false);
	if (!k || k->state == CRI_EXITED)
		return;
	k->restarts = restarts_of(&c);
	(void)text_copy(k->name, sizeof(k->name), c.name);
	if (c.state == CRI_EXITED && !k->written && s->first) {
		k->written = true;
		k->state = CRI_EXITED;
		find_pod(s, k, &c);
		return;
	}
	if (k->written && k->state == c.state && (k->pod != ENTITY_NONE || !*c.sandbox_id))
		return;
	/* Its end is written when its status has told the exit code, its pid likewise. */
	k->ask = true;
	k->ask_at = s->now;
	write_container(s, k, &c);
	k->written = true;
	if (c.state != CRI_EXITED)
		k->state = c.state;
}

/* ---- the end ---- */

static void say_exited(struct cri_scribe *s, const struct cri_known *k, const struct cri_status *st)
{
	const char *pod = graph_key(s->out->graph, k->pod), *image = graph_attr(s->out->graph, k->entity, "image");
	struct event *e = batch_event(s->out, CRI_CONTAINER_EXITED, k->entity, s->now,
				      st->exit_code ? SEVERITY_WARNING : SEVERITY_INFO, st->exit_code);

	batch_value_text(s->out, e, EXITED_REASON, st->reason);
	batch_value_text(s->out, e, EXITED_NAME, k->name);
	if (pod)
		batch_value_text(s->out, e, EXITED_POD, pod);
	if (image)
		batch_value_text(s->out, e, EXITED_IMAGE, image);
	batch_value_number(s->out, e, EXITED_RESTART_COUNT, k->restarts);
	if (st->started_at > 0 && st->finished_at > st->started_at)
		batch_value_number(s->out, e, EXITED_LIFETIME, (double)(st->finished_at - st->started_at));
	batch_message(s->out, e, "container %s of pod %s exited with code %d%s%s", k->name, pod ? pod : "?", st->exit_code,
		      *st->reason ? ": " : "", st->reason);
}

static void write_exit(struct cri_scribe *s, struct cri_known *k, const struct cri_status *st)
{
	char code[16];

	batch_attr(s->out, k->entity, "state", cri_state_name(CRI_EXITED));
	batch_attr(s->out, k->entity, "pid", NULL);
	if (st) {
		(void)snprintf(code, sizeof(code), "%d", st->exit_code);
		batch_attr(s->out, k->entity, "exit_code", code);
		write_text(s->out, k->entity, "exit_reason", st->reason);
		say_exited(s, k, st);
	}
	batch_gone(s->out, k->entity);
	k->state = CRI_EXITED;
}

void cri_write_status(struct cri_scribe *s, struct cri_known *k, const struct cri_status *st)
{
	k->ask = false;
	if (k->sandbox || !k->written || k->state == CRI_EXITED)
		return;
	if (!st || st->state == CRI_EXITED) {
		write_exit(s, k, st);
		return;
	}
	write_text(s->out, k->entity, "image", st->image);
	batch_attr(s->out, k->entity, "state", cri_state_name(st->state));
	if (st->pid)
		batch_attr_u64(s->out, k->entity, "pid", st->pid);
	k->state = st->state;
}

static bool pod_has_sandbox(struct cri_scribe *s, entity_id pod)
{
	const struct cri_known *k;
	size_t cursor = 0;

	while ((k = records_next(s->table, &cursor)))
		if (k->sandbox && k->pod == pod)
			return true;
	return false;
}

void cri_write_removed(struct cri_scribe *s)
{
	struct cri_known *k;
	size_t cursor = 0;

	while ((k = records_next(s->table, &cursor))) {
		struct cri_known was = *k;

		if (was.runtime != s->index || was.round == s->round)
			continue;
		records_remove(s->table, k);
		if (was.entity != ENTITY_NONE && was.state != CRI_EXITED)
			batch_gone(s->out, was.entity);
		if (was.sandbox && was.pod != ENTITY_NONE && !pod_has_sandbox(s, was.pod))
			batch_gone(s->out, was.pod);
	}
}

/* ---- restarts ---- */

/* Of each name in a pod the highest count, whichever of its containers has it; the sum of those is the pod's. */
static void highest_by_name(struct cri_scribe *s, struct u64map *highest)
{
	const struct cri_known *k;
	size_t cursor = 0;

	while ((k = records_next(s->table, &cursor))) {
		uint64_t key = (uint64_t)k->pod << 32 | (uint32_t)text_hash(k->name, strlen(k->name)), so_far = 0;

		if (k->sandbox || k->pod == ENTITY_NONE || k->runtime != s->index)
			continue;
		(void)u64map_get(highest, key, &so_far);
		(void)u64map_set(highest, key, MAX_OF(so_far, (uint64_t)k->restarts));
		if (k->state == CRI_RUNNING && k->entity != ENTITY_NONE)
			batch_sample(s->out, CRI_RESTARTS, k->entity, k->restarts);
	}
}

void cri_write_restarts(struct cri_scribe *s)
{
	AUTO(u64map_free) struct u64map *highest = NULL;
	AUTO(u64map_free) struct u64map *sums = NULL;
	uint64_t key, n, so_far;
	size_t cursor = 0;

	if (u64map_new(CRI_MAX_KNOWN, &highest) < 0 || u64map_new(CRI_MAX_KNOWN, &sums) < 0)
		return;
	highest_by_name(s, highest);
	while (u64map_next(highest, &cursor, &key, &n)) {
		so_far = 0;
		(void)u64map_get(sums, key >> 32, &so_far);
		(void)u64map_set(sums, key >> 32, so_far + n);
	}
	cursor = 0;
	while (u64map_next(sums, &cursor, &key, &n))
		batch_sample(s->out, CRI_POD_RESTARTS, (entity_id)key, (double)n);
}

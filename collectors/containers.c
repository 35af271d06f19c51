// SPDX-License-Identifier: Apache-2.0
/* Containers, Slurm jobs and YARN containers as the paths of cgroups tell them: which exist, and which processes are in
 * them. Names, images and labels come from the runtimes.
 *
 * Nothing is read: what other collectors wrote into the batch of a turn (cgroups that came and went, processes put into
 * them, pods that a runtime told of) is completed in settle(), so that a quiet turn costs a walk over no changes; its
 * line in collectors.def is the last, behind those that add cgroups in their own settle(). All is looked at again at the
 * start and when the batch could not hold every change.
 *
 * Bounds: MAX_WAITING containers whose pod nobody has told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

#include "collectors/collector.h"
#include "identity/cgroup_form.h"

#define MAX_WAITING 4096
#define MAX_PODS    2048
#define PATIENCE_NS (5 * NS_PER_S)
#define JOB_KEY_MAX 64
#define JOB_TICKS   10 /* between two looks for jobs of which nothing is left */
#define SLURM       "slurm"

enum { NODE_CONTAINERS, NODE_UNRESOLVED, NODE_REFUSED, N_METRICS };

static const struct metric_desc metrics[N_METRICS] = {
	[NODE_CONTAINERS] = { "node.containers", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, "Containers that run on the node",
			      NULL, NULL },
	[NODE_UNRESOLVED] = { "node.containers.unresolved", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			      "Containers in a pod whose name no container runtime and no kubelet has told within 5 s", NULL,
			      NULL },
	[NODE_REFUSED] = { "node.containers.refused", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			   "Containers and jobs not taken in because there are too many entities", NULL, NULL },
};

/* A container in a pod, until it is linked to the pod. */
struct waiting {
	entity_id container;
	mono_ns_t since;
	bool said;
};

struct containers {
	struct waiting waiting[MAX_WAITING];
	size_t n_waiting;
	struct strmap *pods;        /* uid -> entity, made when it is needed */
	struct strmap *pod_cgroups; /* uid -> the pod's own cgroup */
	bool pods_changed, news, look_at_all; /* news: something that a waiting container may wait for */
	uint64_t dropped_ops, refused;
	uint32_t tick;
};

static void containers_close(void *state)
{
	struct containers *c = state;
	if (!c)
		return;
	strmap_free(&c->pods);
	strmap_free(&c->pod_cgroups);
	free(c);
}

static int containers_open(const struct collect_env *env UNUSED, void **ret_state)
{
	struct containers *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	int r = strmap_new(MAX_PODS, 64, &c->pods);
	if (r == 0)
		r = strmap_new(MAX_PODS, 64, &c->pod_cgroups);
	if (r < 0) {
		containers_close(c);
		return r;
	}
	c->look_at_all = true;
	*ret_state = c;
	return 0;
}

static bool is_alive(const struct graph *g, entity_id id)
{
	return graph_exists(g, id) && !graph_is_gone(g, id, NULL);
}

/* Does a living entity of the kind point at it, or it at one? */
static bool has_living(const struct graph *g, entity_id id, bool incoming, enum entity_kind kind)
{
	entity_id near[64];
	size_t n = graph_neighbours(g, id, incoming, kind, near, ARRAY_LEN(near));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(near)); i++)
		if (is_alive(g, near[i]))
			return true;
	return n > ARRAY_LEN(near);
}

/* ---- containers ---- */

static void wait_for_pod(struct containers *c, entity_id container, struct batch *b)
{
	if (has_living(b->graph, container, false, ENTITY_POD))
		return;
	for (size_t i = 0; i < c->n_waiting; i++)
		if (c->waiting[i].container == container)
			return;
	if (c->n_waiting == MAX_WAITING) {
		c->refused++;
		return;
	}
	c->waiting[c->n_waiting++] = (struct waiting){ .container = container, .since = b->now };
	c->pods_changed = c->news = true;
}

static void set_unless_known(struct batch *b, entity_id id, const char *name, const char *value)
{
	if (value[0] && !graph_attr(b->graph, id, name))
		batch_attr(b, id, name, value);
}

/* A runtime that tells of the same container knows better what it says too. */
static entity_id container_entity(struct containers *c, const struct cgroup_form *f, struct batch *b)
{
	entity_id id = graph_find(b->graph, ENTITY_CONTAINER, f->container_id);
	if (!is_alive(b->graph, id))
		id = batch_entity(b, ENTITY_CONTAINER, f->container_id);
	if (id == ENTITY_NONE) {
		c->refused++;
		return ENTITY_NONE;
	}
	set_unless_known(b, id, "source", "cgroup");
	set_unless_known(b, id, "runtime", f->runtime);
	set_unless_known(b, id, "pod_uid", f->pod_uid);
	set_unless_known(b, id, "qos", f->qos);
	if (f->pod_uid[0])
		wait_for_pod(c, id, b);
	return id;
}

/* ---- Slurm ---- */

static bool is_number(const char *text)
{
	return text[0] && !text[strspn(text, "0123456789")];
}

static entity_id slurm_job(struct containers *c, const struct cgroup_form *f, struct batch *b)
{
	char key[JOB_KEY_MAX];
	/* A SLUID is another name of a job that has a number; its processes tell which, see follow_member. */
	if (!is_number(f->slurm_job))
		return ENTITY_NONE;
	(void)snprintf(key, sizeof(key), SLURM ":%s", f->slurm_job);
	entity_id id = batch_entity(b, ENTITY_JOB, key);
	if (id == ENTITY_NONE)
		c->refused++;
	else
		set_unless_known(b, id, "scheduler", SLURM);
	return id;
}

/* The Slurm job of a process that somebody knew by its environment; ENTITY_NONE. */
static entity_id known_job(const struct graph *g, entity_id member)
{
	entity_id job = graph_kind(g, member) == ENTITY_JOB ? member : ENTITY_NONE;
	if (graph_kind(g, member) == ENTITY_RANK && graph_neighbours(g, member, false, ENTITY_JOB, &job, 1) == 0)
		return ENTITY_NONE;
	const char *key = graph_key(g, job);
	return key && strncmp(key, SLURM ":", strlen(SLURM ":")) == 0 ? job : ENTITY_NONE;
}

/* Process OF a rank or job: the cgroup of a Slurm job that its path names by SLUID is that job's. */
static void follow_member(struct batch *b, entity_id process, entity_id member)
{
	struct cgroup_form f;
	entity_id cgroup, job = known_job(b->graph, member);
	char path[GRAPH_MAX_KEY];
	if (job == ENTITY_NONE || graph_neighbours(b->graph, process, false, ENTITY_CGROUP, &cgroup, 1) == 0)
		return;
	const char *key = graph_key(b->graph, cgroup);
	if (!key || !cgroup_form_parse(key, &f) || !f.slurm_job[0] || is_number(f.slurm_job))
		return;
	const char *at = strstr(key, f.slurm_job);
	if (!at)
		return;
	(void)snprintf(path, sizeof(path), "%.*s", (int)(at - key + (ptrdiff_t)strlen(f.slurm_job)), key);
	cgroup = graph_find(b->graph, ENTITY_CGROUP, path);
	if (cgroup != ENTITY_NONE)
		batch_link(b, EDGE_OF, cgroup, job);
}

/* ---- changes ---- */

/* Above the cgroup that the form means there is one that nobody has seen: it came and went with all below. */
static bool holder_unseen(const struct graph *g, const char *path, size_t n_holder)
{
	char holder[GRAPH_MAX_KEY];
	if (n_holder >= sizeof(holder))
		return false;
	memcpy(holder, path, n_holder);
	holder[n_holder] = '\0';
	return graph_find(g, ENTITY_CGROUP, holder) == ENTITY_NONE;
}

/* What is limited or killed as a whole is the pod's: it has no entity but the cgroup until somebody tells its name. */
static void pod_appears(struct containers *c, const char *uid, entity_id cgroup)
{
	if (strmap_set(c->pod_cgroups, uid, cgroup) < 0) {
		strmap_clear(c->pod_cgroups); /* of long ago: those that live come in again */
		c->look_at_all = true;
	}
	c->pods_changed = c->news = true;
}

static void cgroup_appears(struct containers *c, entity_id cgroup, struct batch *b)
{
	struct cgroup_form f;
	const char *path = graph_key(b->graph, cgroup);
	entity_id id = ENTITY_NONE;
	enum edge_kind kind = EDGE_IN;
	if (!path || !cgroup_form_parse(path, &f))
		return;
	if (path[f.n_holder] && !holder_unseen(b->graph, path, f.n_holder))
		return;
	if (f.holder == CGROUP_HOLDER_CONTAINER || f.holder == CGROUP_HOLDER_YARN) {
		id = container_entity(c, &f, b);
	} else if (f.holder == CGROUP_HOLDER_POD && !path[f.n_holder]) {
		pod_appears(c, f.pod_uid, cgroup);
	} else if (f.holder == CGROUP_HOLDER_SLURM) {
		id = slurm_job(c, &f, b);
		kind = EDGE_OF;
	}
	if (id == ENTITY_NONE)
		return;
	if (kind == EDGE_IN)
		batch_link(b, EDGE_IN, id, cgroup);
	else
		batch_link(b, EDGE_OF, cgroup, id);
}

static bool job_has_ended(const struct graph *g, entity_id job)
{
	return !has_living(g, job, true, ENTITY_CGROUP) && !has_living(g, job, true, ENTITY_RANK) &&
	       !has_living(g, job, true, ENTITY_PROCESS);
}

/* The last cgroup takes the container with it, and a Slurm job of which nothing else is left. */
static void cgroup_goes(struct containers *c, entity_id cgroup, struct batch *b)
{
	entity_id near[8];
	size_t n = graph_neighbours(b->graph, cgroup, true, ENTITY_CONTAINER, near, ARRAY_LEN(near));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(near)); i++)
		if (!has_living(b->graph, near[i], false, ENTITY_CGROUP))
			batch_gone(b, near[i]);
	c->news = true; /* it need not wait */
	n = graph_neighbours(b->graph, cgroup, false, ENTITY_JOB, near, ARRAY_LEN(near));
	for (size_t i = 0; i < MIN_OF(n, ARRAY_LEN(near)); i++)
		if (job_has_ended(b->graph, near[i]))
			batch_gone(b, near[i]);
}

/* A process in a cgroup at or below a container's is in that container. */
static void process_appears(entity_id process, entity_id cgroup, struct batch *b)
{
	struct cgroup_form f;
	const char *path = graph_key(b->graph, cgroup);
	if (!path || !cgroup_form_parse(path, &f) || !f.container_id[0])
		return;
	entity_id container = graph_find(b->graph, ENTITY_CONTAINER, f.container_id);
	if (container != ENTITY_NONE)
		batch_link(b, EDGE_IN, process, container);
}

static void link_appears(struct containers *c, const struct batch_op *op, struct batch *b)
{
	enum entity_kind kind = graph_kind(b->graph, op->a);
	c->news |= kind == ENTITY_CONTAINER;
	if (kind != ENTITY_PROCESS)
		return;
	if (op->edge == EDGE_IN && graph_kind(b->graph, op->b) == ENTITY_CGROUP)
		process_appears(op->a, op->b, b);
	else if (op->edge == EDGE_OF)
		follow_member(b, op->a, op->b);
}

static void look_at_all(struct containers *c, struct batch *b)
{
	size_t cursor = 0;
	entity_id id, cgroup;
	while ((id = graph_next(b->graph, ENTITY_CGROUP, &cursor)) != ENTITY_NONE)
		cgroup_appears(c, id, b);
	cursor = 0;
	while ((id = graph_next(b->graph, ENTITY_PROCESS, &cursor)) != ENTITY_NONE)
		if (graph_neighbours(b->graph, id, false, ENTITY_CGROUP, &cgroup, 1) > 0)
			process_appears(id, cgroup, b);
	/* One that went unseen. Those that only a runtime told of are that runtime's. */
	cursor = 0;
	while ((id = graph_next(b->graph, ENTITY_CONTAINER, &cursor)) != ENTITY_NONE)
		if (graph_neighbours(b->graph, id, false, ENTITY_CGROUP, &cgroup, 1) > 0 &&
		    !has_living(b->graph, id, false, ENTITY_CGROUP))
			batch_gone(b, id);
	c->pods_changed = c->news = true;
}

static void containers_settle(void *state, mono_ns_t now UNUSED, struct batch *b)
{
	struct containers *c = state;
	size_t n = b->n_ops; /* ours come behind */
	for (size_t i = 0; i < n && !c->look_at_all; i++) {
		const struct batch_op *op = &b->ops[i];
		enum entity_kind kind = graph_kind(b->graph, op->a);
		if (op->kind == BATCH_OP_ENTITY && kind == ENTITY_CGROUP)
			cgroup_appears(c, op->a, b);
		else if (op->kind == BATCH_OP_GONE && kind == ENTITY_CGROUP && !is_alive(b->graph, op->a))
			cgroup_goes(c, op->a, b);
		else if (op->kind == BATCH_OP_LINK)
			link_appears(c, op, b);
		else if (op->kind == BATCH_OP_GONE && kind == ENTITY_CONTAINER)
			c->news = true;
		else if (op->kind == BATCH_OP_ATTR && kind == ENTITY_POD && strcmp(op->name, "uid") == 0)
			c->pods_changed = c->news = true;
	}
	if (c->look_at_all) {
		c->look_at_all = false;
		look_at_all(c, b);
	}
	c->look_at_all |= c->dropped_ops != b->dropped_ops;
	c->dropped_ops = b->dropped_ops;
}

/* ---- pods ---- */

static void know_pods(struct containers *c, struct batch *b)
{
	size_t cursor = 0;
	entity_id id;
	uint32_t cgroup;
	strmap_clear(c->pods);
	while ((id = graph_next(b->graph, ENTITY_POD, &cursor)) != ENTITY_NONE) {
		const char *uid = graph_attr(b->graph, id, "uid");
		if (!uid)
			continue;
		(void)strmap_set(c->pods, uid, id);
		if (strmap_get(c->pod_cgroups, uid, &cgroup) && is_alive(b->graph, cgroup))
			batch_link(b, EDGE_IN, id, cgroup);
	}
	c->pods_changed = false;
}

static void say_unresolved(struct batch *b, struct waiting *w, const char *uid)
{
	/* Who asks the runtimes says on the node why one is silent: "names of containers and pods: containerd at ...". */
	const char *why = graph_attr(b->graph, graph_node(b->graph), "unresolved.cri");
	char text[640];
	why = why ? strstr(why, ": ") : NULL;
	(void)snprintf(text, sizeof(text), "name of pod %s: %.512s", uid,
		       why ? why + 2 : "no container runtime or kubelet has told it");
	w->said = true;
	set_unless_known(b, w->container, "unresolved", text);
}

static void say_resolved(struct batch *b, const struct waiting *w)
{
	const char *said = graph_attr(b->graph, w->container, "unresolved");
	if (w->said && said && strncmp(said, "name of pod ", strlen("name of pod ")) == 0)
		batch_attr(b, w->container, "unresolved", NULL);
}

/* True: it need not wait any longer. */
static bool pod_known(struct containers *c, struct waiting *w, mono_ns_t now, struct batch *b)
{
	uint32_t pod;
	if (!is_alive(b->graph, w->container))
		return true;
	const char *uid = graph_attr(b->graph, w->container, "pod_uid");
	if (uid && strmap_get(c->pods, uid, &pod))
		batch_link(b, EDGE_IN, w->container, pod);
	if (has_living(b->graph, w->container, false, ENTITY_POD)) {
		say_resolved(b, w);
		return true;
	}
	if (uid && !w->said && mono_since(w->since, now) >= PATIENCE_NS)
		say_unresolved(b, w, uid);
	return false;
}

static void look_for_pods(struct containers *c, mono_ns_t now, struct batch *b)
{
	bool all_said = true;
	if (c->pods_changed)
		know_pods(c, b);
	for (size_t i = 0; i < c->n_waiting;) {
		if (pod_known(c, &c->waiting[i], now, b)) {
			c->waiting[i] = c->waiting[--c->n_waiting];
			continue;
		}
		all_said &= c->waiting[i++].said;
	}
	c->news = !all_said;
}

static void end_jobs(struct batch *b)
{
	size_t cursor = 0;
	entity_id id, cgroup;
	while ((id = graph_next(b->graph, ENTITY_JOB, &cursor)) != ENTITY_NONE)
		if (known_job(b->graph, id) != ENTITY_NONE && job_has_ended(b->graph, id) &&
		    graph_neighbours(b->graph, id, true, ENTITY_CGROUP, &cgroup, 1) > 0)
			batch_gone(b, id);
}

static int containers_collect(void *state, mono_ns_t now, struct batch *b)
{
	struct containers *c = state;
	size_t cursor = 0, n = 0, n_unresolved = 0;
	if (c->news && (c->n_waiting > 0 || c->pods_changed))
		look_for_pods(c, now, b);
	if (++c->tick % JOB_TICKS == 0)
		end_jobs(b);
	for (size_t i = 0; i < c->n_waiting; i++)
		n_unresolved += c->waiting[i].said;
	while (graph_next(b->graph, ENTITY_CONTAINER, &cursor) != ENTITY_NONE)
		n++;
	batch_sample(b, NODE_CONTAINERS, graph_node(b->graph), (double)n);
	batch_sample(b, NODE_UNRESOLVED, graph_node(b->graph), (double)n_unresolved);
	batch_sample(b, NODE_REFUSED, graph_node(b->graph), (double)c->refused);
	return 0;
}

const struct collector collector_containers = {
	.name = "containers",
	.help = "Containers, Slurm jobs and YARN containers, by the paths of cgroups, and the processes in them",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.open = containers_open,
	.collect = containers_collect,
	.settle = containers_settle,
	.close = containers_close,
};

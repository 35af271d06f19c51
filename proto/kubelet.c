// SPDX-License-Identifier: Apache-2.0
#include "proto/kubelet.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/kubelet_pods.pb-c.h"
#include "proto/podresources.pb-c.h"
#include "proto/unpack.h"

#define MAX_CPU 65536

struct kubelet_reader {
	struct unpack unpack; /* of the last item */
	bool begun;
};

int kubelet_reader_new(struct kubelet_reader **ret_reader)
{
	struct kubelet_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*ret_reader = r;
	return 0;
}

static void forget(struct kubelet_reader *r)
{
	if (r->begun)
		unpack_done(&r->unpack);
	r->begun = false;
}

void kubelet_reader_free(struct kubelet_reader **reader)
{
	if (!*reader)
		return;
	forget(*reader);
	free(*reader);
	*reader = NULL;
}

static void *begin_item(struct kubelet_reader *r, const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n)
{
	forget(r);
	/* What is made of an item is larger than the item where containers are many and their names short. */
	r->begun = unpack_begin(&r->unpack, n + KUBELET_MAX_CONTAINERS * sizeof(struct kubelet_grant) / 4) == 0;
	return r->begun ? unpack_message(&r->unpack, type, data, n) : NULL;
}

static void take_text(const char *from, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	text_add_escaped(&t, from, strnlen(from, size));
}

static void add_safe(struct text *t, const char *from)
{
	text_add_escaped(t, from, strnlen(from, 512));
}

/* ---- pod-resources ---- */

static bool is_gpu(const char *resource)
{
	static const char *const vendors[] = { "nvidia.com/gpu", "nvidia.com/mig-", "amd.com/gpu", "gpu.intel.com/" };

	for (size_t i = 0; i < ARRAY_LEN(vendors); i++)
		if (strncmp(resource, vendors[i], strlen(vendors[i])) == 0)
			return true;
	return strstr(resource, "/gpu") != NULL;
}

static void take_devices(const V1__ContainerResources *c, struct kubelet_grant *g)
{
	struct text all, gpus;

	text_init(&all, g->devices, sizeof(g->devices));
	text_init(&gpus, g->gpus, sizeof(g->gpus));
	for (size_t i = 0; i < c->n_devices; i++) {
		const V1__ContainerDevices *d = c->devices[i];

		text_add(&all, all.len ? " " : "");
		add_safe(&all, d->resource_name);
		for (size_t k = 0; k < d->n_device_ids; k++) {
			text_add(&all, k ? "," : "=");
			add_safe(&all, d->device_ids[k]);
			if (!is_gpu(d->resource_name))
				continue;
			text_add(&gpus, gpus.len ? "," : "");
			add_safe(&gpus, d->device_ids[k]);
		}
	}
}

static int compare_cpus(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* "0-3,8". Sorts what it is given. */
static void take_cpus(int64_t *cpus, size_t n, char *ret_text, size_t size)
{
	struct text t;

	text_init(&t, ret_text, size);
	if (n > 0)
		qsort(cpus, n, sizeof(*cpus), compare_cpus);
	for (size_t i = 0; i < n; i++) {
		size_t first = i;

		if (cpus[i] < 0 || cpus[i] > MAX_CPU)
			continue;
		while (i + 1 < n && cpus[i + 1] <= cpus[i] + 1)
			i++;
		text_addf(&t, "%s%" PRId64, t.len ? "," : "", cpus[first]);
		if (cpus[i] > cpus[first])
			text_addf(&t, "-%" PRId64, cpus[i]);
	}
}

static void take_memory(const V1__ContainerResources *c, struct kubelet_grant *g)
{
	struct text t;

	text_init(&t, g->memory, sizeof(g->memory));
	for (size_t i = 0; i < c->n_memory; i++) {
		const V1__ContainerMemory *m = c->memory[i];

		text_add(&t, t.len ? ", " : "");
		add_safe(&t, m->memory_type);
		text_addf(&t, " %" PRIu64, m->size);
		for (size_t k = 0; m->topology && k < m->topology->n_nodes; k++)
			text_addf(&t, "%s%" PRId64, k ? "," : " on numa ", m->topology->nodes[k]->id);
	}
}

static void take_claims(const V1__ContainerResources *c, struct kubelet_grant *g)
{
	struct text t;

	text_init(&t, g->claims, sizeof(g->claims));
	for (size_t i = 0; i < c->n_dynamic_resources; i++) {
		const V1__DynamicResource *d = c->dynamic_resources[i];

		text_add(&t, t.len ? " " : "");
		add_safe(&t, d->claim_namespace);
		text_add(&t, "/");
		add_safe(&t, d->claim_name);
		for (size_t k = 0; k < d->n_claim_resources; k++) {
			text_add(&t, k ? "," : "=");
			add_safe(&t, d->claim_resources[k]->driver_name);
			text_add(&t, "/");
			add_safe(&t, d->claim_resources[k]->pool_name);
			text_add(&t, "/");
			add_safe(&t, d->claim_resources[k]->device_name);
		}
	}
}

static bool is_given_something(const V1__ContainerResources *c)
{
	return c->n_devices > 0 || c->n_cpu_ids > 0 || c->n_memory > 0 || c->n_dynamic_resources > 0;
}

int kubelet_read_resources(struct kubelet_reader *r, const uint8_t *data, size_t n, struct kubelet_resources *ret_resources)
{
	const V1__PodResources *m = begin_item(r, &v1__pod_resources__descriptor, data, n);
	struct unpack *u = &r->unpack;
	struct kubelet_resources out = {0};
	struct kubelet_grant *grants;

	if (!m)
		return u->error;
	take_text(m->name, out.name, sizeof(out.name));
	take_text(m->namespace_, out.space, sizeof(out.space));
	(void)unpack_count(u, "containers", m->n_containers, KUBELET_MAX_CONTAINERS);
	for (size_t i = 0; i < m->n_containers && !u->error; i++)
		out.n_grants += is_given_something(m->containers[i]);
	grants = u->error ? NULL : arena_alloc_array(u->arena, out.n_grants, sizeof(*grants));
	if (!grants)
		unpack_refuse(u, "containers");
	out.grants = grants;
	for (size_t i = 0; i < m->n_containers && grants; i++) {
		const V1__ContainerResources *c = m->containers[i];

		if (!is_given_something(c))
			continue;
		take_text(c->name, grants->container, sizeof(grants->container));
		take_devices(c, grants);
		take_cpus(c->cpu_ids, c->n_cpu_ids, grants->cpus, sizeof(grants->cpus));
		take_memory(c, grants);
		take_claims(c, grants);
		grants++;
	}
	if (!u->error)
		*ret_resources = out;
	return u->error;
}

/* ---- pods ---- */

/* Entries of a map are generated types of their own, all with this shape. */
#define TAKE_PAIRS(u, from, n_from, ret)                                                                                \
	do {                                                                                                           \
		struct cri_pair *list_ = arena_alloc_array((u)->arena, (n_from), sizeof(*list_));                          \
		if (!list_)                                                                                            \
			unpack_refuse((u), "metadata.labels");                                                         \
		for (size_t i_ = 0; list_ && i_ < (n_from); i_++)                                                      \
			list_[i_] = (struct cri_pair){ (from)[i_]->key, (from)[i_]->value };                           \
		*(ret) = (struct cri_pairs){ list_, list_ ? (n_from) : 0 };                                            \
	} while (0)

static void take_container(const Kubelet__Pods__ContainerStatus *m, struct kubelet_container *c)
{
	const char *id = strstr(m->containerid, "://");

	take_text(m->name, c->name, sizeof(c->name));
	c->restarts = m->restartcount;
	if (m->state && m->state->waiting)
		take_text(m->state->waiting->reason, c->waiting, sizeof(c->waiting));
	c->ended = m->state && m->state->terminated;
	if (c->ended) {
		c->exit_code = m->state->terminated->exitcode;
		take_text(m->state->terminated->reason, c->why, sizeof(c->why));
	}
	/* Only what can be the key of a container. */
	if (id && strlen(id + 3) < sizeof(c->id) && id[3 + strspn(id + 3, "0123456789abcdefghijklmnopqrstuvwxyz_-")] == '\0')
		(void)text_copy(c->id, sizeof(c->id), id + 3);
}

static void take_containers(struct unpack *u, const Kubelet__Pods__PodStatus *m, struct kubelet_pod *p)
{
	struct kubelet_container *list;
	size_t n = m->n_initcontainerstatuses + m->n_containerstatuses;

	if (unpack_count(u, "status.containerStatuses", n, KUBELET_MAX_CONTAINERS) == 0)
		return;
	list = arena_alloc_array(u->arena, n, sizeof(*list));
	if (!list) {
		unpack_refuse(u, "status.containerStatuses");
		return;
	}
	for (size_t i = 0; i < n; i++)
		take_container(i < m->n_initcontainerstatuses ? m->initcontainerstatuses[i] :
								m->containerstatuses[i - m->n_initcontainerstatuses],
			       &list[i]);
	p->containers = list;
	p->n_containers = n;
}

int kubelet_read_pod(struct kubelet_reader *r, const uint8_t *data, size_t n, struct kubelet_pod *ret_pod)
{
	const Kubelet__Pods__Pod *m = begin_item(r, &kubelet__pods__pod__descriptor, data, n);
	struct unpack *u = &r->unpack;
	struct kubelet_pod p = {0};

	if (!m)
		return u->error;
	if (!m->metadata)
		unpack_refuse(u, "metadata");
	if (u->error)
		return u->error;
	take_text(m->metadata->name, p.name, sizeof(p.name));
	take_text(m->metadata->namespace_, p.space, sizeof(p.space));
	take_text(m->metadata->uid, p.uid, sizeof(p.uid));
	p.deleted = m->metadata->deletiontimestamp != NULL;
	TAKE_PAIRS(u, m->metadata->labels, m->metadata->n_labels, &p.labels);
	TAKE_PAIRS(u, m->metadata->annotations, m->metadata->n_annotations, &p.annotations);
	if (m->status) {
		take_text(m->status->phase, p.phase, sizeof(p.phase));
		take_text(m->status->reason, p.reason, sizeof(p.reason));
		take_text(m->status->qosclass, p.qos, sizeof(p.qos));
		for (char *c = p.qos; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		take_containers(u, m->status, &p);
	}
	if (!u->error)
		*ret_pod = p;
	return u->error;
}

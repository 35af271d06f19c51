// SPDX-License-Identifier: Apache-2.0
/* Any bytes as what container runtimes and kubelets answer, through the readers and into a graph. No crash, no leak; what
 * was taken is safe to print, ids are ids. The first byte says which reply it is. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "proto/cri.h"
#include "proto/items.h"
#include "proto/kubelet.h"
#include "runtimes/cri_write.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cri_reader *reader;
static struct kubelet_reader *kubelet;

static void demand(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	demand(cri_reader_new(&reader) == 0 && kubelet_reader_new(&kubelet) == 0);
	return 0;
}

static void demand_safe(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	uint32_t code;

	demand(n < size && text_is_utf8(text, n));
	for (size_t at = 0, used; at < n; at += used) {
		used = text_decode(text + at, n - at, &code);
		demand(used > 0 && !text_is_unsafe(code));
	}
}
#define DEMAND_SAFE(field) demand_safe(field, sizeof(field))

static void demand_id(const char *id)
{
	demand(strlen(id) < CRI_MAX_ID && !strpbrk(id, "/ \n\x1b\"\\"));
}

static void demand_graph_is_clean(const struct graph *g)
{
	for (enum entity_kind kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		size_t cursor = 0;
		entity_id e;

		while ((e = graph_next_even_gone(g, kind, &cursor)) != ENTITY_NONE) {
			const char *name, *value;

			demand_safe(graph_key(g, e), GRAPH_MAX_KEY);
			for (size_t i = 0; graph_attr_at(g, e, i, &name, &value); i++)
				demand_safe(value, GRAPH_MAX_VALUE);
		}
	}
}

/* One listing of sandboxes, one of containers, both of these bytes. */
static void into_a_graph(const uint8_t *data, size_t size)
{
	AUTO(records_free) struct records *table = NULL;
	AUTO(graph_free) struct graph *graph = NULL;
	AUTO(batch_free) struct batch *out = NULL;
	struct cri_scribe s = { .reader = reader, .runtime = "containerd", .round = 1, .now = NS_PER_S };
	const uint8_t *item;
	size_t n;

	demand(records_new(CRI_MAX_KNOWN, sizeof(struct cri_known), offsetof(struct cri_known, id), CRI_MAX_ID,
			&table) == 0);
	demand(graph_new(256, "n", &graph) == 0 && batch_new(graph, 256, 64, 4096, &out) == 0);
	s.table = table;
	s.out = out;
	for (unsigned round = 0; round < 4; round++, s.round++) {
		batch_reset(out, round * NS_PER_S);
		for (size_t at = 0; items_next(data, size, 1 + round / 2, &at, &item, &n) > 0;)
			(round % 2 ? cri_write_container : cri_write_sandbox)(&s, item, n);
		cri_write_removed(&s);
		cri_write_restarts(&s);
	}
	demand_graph_is_clean(graph);
}

static void item_of_runtime(const uint8_t *item, size_t n)
{
	struct cri_container c;
	struct cri_sandbox s;

	if (cri_read_container(reader, item, n, &c) == 0) {
		demand_id(c.id);
		demand_id(c.sandbox_id);
		DEMAND_SAFE(c.name);
		DEMAND_SAFE(c.image);
		demand(c.id[0] && c.state <= CRI_UNKNOWN);
		for (size_t i = 0; i < c.labels.n; i++)
			demand(strlen(c.labels.items[i].key) + strlen(c.labels.items[i].value) < n + 2);
	}
	if (cri_read_sandbox(reader, item, n, &s) == 0) {
		demand_id(s.id);
		demand_id(s.uid);
		DEMAND_SAFE(s.name);
		DEMAND_SAFE(s.space);
	}
}

static void item_of_kubelet(const uint8_t *item, size_t n)
{
	struct kubelet_resources r;
	struct kubelet_pod p;

	if (kubelet_read_resources(kubelet, item, n, &r) == 0) {
		DEMAND_SAFE(r.name);
		for (size_t i = 0; i < r.n_grants; i++) {
			DEMAND_SAFE(r.grants[i].devices);
			DEMAND_SAFE(r.grants[i].gpus);
			DEMAND_SAFE(r.grants[i].cpus);
			DEMAND_SAFE(r.grants[i].memory);
			DEMAND_SAFE(r.grants[i].claims);
		}
	}
	if (kubelet_read_pod(kubelet, item, n, &p) == 0) {
		DEMAND_SAFE(p.name);
		DEMAND_SAFE(p.phase);
		demand(p.n_containers <= KUBELET_MAX_CONTAINERS);
		for (size_t i = 0; i < p.n_containers; i++) {
			demand_id(p.containers[i].id);
			DEMAND_SAFE(p.containers[i].waiting);
		}
	}
}

static void whole(const uint8_t *data, size_t size)
{
	char id[CRI_MAX_ID], version[CRI_MAX_ID];
	enum cri_happened happened;
	struct cri_status s;

	if (cri_read_status(data, size, &s) == 0) {
		demand_id(s.id);
		DEMAND_SAFE(s.reason);
		demand(s.pid <= 1u << 22);
	}
	if (cri_read_event(data, size, id, &happened) == 0)
		demand_id(id);
	if (cri_read_version(data, size, id, version) == 0) {
		DEMAND_SAFE(id);
		DEMAND_SAFE(version);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = NULL;
	const uint8_t *item;
	size_t n;

	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		into_a_graph(data + 1, size - 1);
		break;
	case 1:
		for (size_t at = 1; items_next(data, size, 1, &at, &item, &n) > 0;)
			item_of_runtime(item, n);
		break;
	case 2:
		for (size_t at = 1; items_next(data, size, 1, &at, &item, &n) > 0;)
			item_of_kubelet(item, n);
		break;
	case 3:
		whole(data + 1, size - 1);
		break;
	default:
		text = strndup((const char *)data + 1, size - 1);
		demand(text && cri_find_pid(text) <= 1u << 22);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/who.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/process.h"
#include "model/who.h"
#include "rules/relative.h"

#define NAME_SIZE 320

/* An entity with the memory behind its name. */
struct named {
	struct finding_entity entity;
	char name[NAME_SIZE];
};

static const char *nearest_attr(const struct graph *g, entity_id id, enum entity_kind kind, const char *name)
{
	entity_id holder = relative_nearest(g, id, kind);

	return holder == ENTITY_NONE ? NULL : graph_attr(g, holder, name);
}

void who_of_graph(const struct graph *g, entity_id id, char *name, size_t size, struct finding_entity *ret_entity)
{
	const char *attr, *value;
	struct finding_entity *e = ret_entity;

	graph_describe(g, id, name, size);
	*e = (struct finding_entity){ .kind = graph_kind(g, id), .id = graph_key(g, id), .name = name };
	for (size_t i = 0; e->n_attrs < FINDING_MAX_ATTRS && graph_attr_at(g, id, i, &attr, &value); i++)
		e->attrs[e->n_attrs++] = (struct finding_attr){ attr, value };
	value = e->kind == ENTITY_RANK ? nearest_attr(g, id, ENTITY_JOB, "name") : NULL;
	if (value && e->n_attrs < FINDING_MAX_ATTRS)
		e->attrs[e->n_attrs++] = (struct finding_attr){ "job_name", value };
}

void who_search(const struct graph *g, struct target_search *s)
{
	for (enum entity_kind kind = 0; kind < ENTITY_KIND_MAX; kind++) {
		size_t cursor = 0;
		entity_id id;

		while ((s->kind == ENTITY_KIND_MAX || s->kind == kind) &&
		       (id = graph_next_even_gone(g, kind, &cursor)) != ENTITY_NONE) {
			struct named n;

			who_of_graph(g, id, n.name, sizeof(n.name), &n.entity);
			target_search_offer(s, &n.entity, NULL, id, graph_is_gone(g, id, NULL));
		}
	}
}

static const struct finding_entity *holder(const struct graph *g, entity_id id, enum entity_kind kind,
					   struct named *ret_named)
{
	entity_id at = relative_nearest(g, id, kind);

	if (at == ENTITY_NONE || at == id)
		return NULL;
	who_of_graph(g, at, ret_named->name, sizeof(ret_named->name), &ret_named->entity);
	return &ret_named->entity;
}

/* A process in a trainer's cgroup may be its rank's by the cgroup alone: that is what relative_nearest walks. */
static void facts_of(const struct graph *g, entity_id id, struct named of[6], const char *node,
		     struct who_facts *ret_facts)
{
	struct who_facts f = { .node = node };

	who_of_graph(g, id, of[0].name, sizeof(of[0].name), &of[0].entity);
	f.self = &of[0].entity;
	f.rank = holder(g, id, ENTITY_RANK, &of[1]);
	f.job = holder(g, id, ENTITY_JOB, &of[2]);
	f.container = holder(g, id, ENTITY_CONTAINER, &of[3]);
	f.pod = holder(g, id, ENTITY_POD, &of[4]);
	if (f.self->kind == ENTITY_PROCESS || f.self->kind == ENTITY_CONTAINER)
		f.cgroup = holder(g, id, ENTITY_CGROUP, &of[5]);
	*ret_facts = f;
}

/* ---- members, used things ---- */

/* Those that point at `id` (or, outgoing, that it points at), oldest first; the caller frees. How many. */
static size_t around(const struct graph *g, entity_id id, bool incoming, enum entity_kind kind, struct answer *a,
		     entity_id **ret_ids)
{
	entity_id *ids = calloc(AGENT_WHO_MAX, sizeof(*ids));
	size_t n = ids ? graph_neighbours(g, id, incoming, kind, ids, AGENT_WHO_MAX) : 0;

	*ret_ids = ids;
	if (a && n > AGENT_WHO_MAX)
		a->truncated = true;
	return MIN_OF(n, (size_t)AGENT_WHO_MAX);
}

/* The process that stands for a rank: the one that is the rank (it has a role), living or not, for a loader that it left
 * behind is no rank; where none is known the oldest that lives, else the last that lived. */
static entity_id main_process(const struct graph *g, entity_id rank)
{
	AUTO_FREE entity_id *ids = NULL;
	size_t n = around(g, rank, true, ENTITY_PROCESS, NULL, &ids);
	entity_id living = ENTITY_NONE, main = ENTITY_NONE;

	for (size_t i = 0; i < n; i++) {
		bool gone = graph_is_gone(g, ids[i], NULL);
		if (!gone && living == ENTITY_NONE)
			living = ids[i];
		if (graph_attr(g, ids[i], "role") && (main == ENTITY_NONE || !gone))
			main = ids[i];
	}
	return main != ENTITY_NONE ? main : living != ENTITY_NONE ? living : n ? ids[n - 1] : ENTITY_NONE;
}

/* A rank has ended when it is gone, or all of its processes are. */
static bool has_ended(const struct graph *g, entity_id id, entity_id process)
{
	return graph_is_gone(g, id, NULL) || (process != ENTITY_NONE && graph_is_gone(g, process, NULL));
}

static void put(struct finding_entity *e, const char *name, const char *value)
{
	if (value && e->n_attrs < FINDING_MAX_ATTRS)
		e->attrs[e->n_attrs++] = (struct finding_attr){ name, value };
}

/* "SIGKILL from bash[77]"; "" when it lives, or ended by itself. */
static void how_it_ended(const struct graph *g, entity_id process, char *ret_text, size_t size)
{
	const char *signal = graph_attr(g, process, PROCESS_EXIT_SIGNAL), *oom = graph_attr(g, process, PROCESS_OOM);
	const char *sent = graph_attr(g, process, PROCESS_SIGNAL), *sender = graph_attr(g, process, PROCESS_SENDER_COMM);
	const char *pid = graph_attr(g, process, PROCESS_SENDER_PID), *name;
	struct text t;
	uint64_t n;

	text_init(&t, ret_text, size);
	if (oom && strcmp(oom, "yes") == 0)
		text_add(&t, "the OOM killer");
	if (t.len > 0 || !signal || text_parse_u64(signal, &n) < 0)
		return;
	name = n < NSIG ? sigabbrev_np((int)n) : NULL;
	text_addf(&t, "SIG%s", name ? name : signal);
	if (sent && strcmp(sent, signal) == 0 && sender)
		text_addf(&t, " from %s%s%s%s", pid ? "" : "the ", sender, pid ? "[" : "", pid ? pid : "");
	if (sent && strcmp(sent, signal) == 0 && sender && pid)
		text_add(&t, "]");
}

static void tell_member(const struct graph *g, entity_id id, struct answer *a)
{
	enum entity_kind kind = graph_kind(g, id);
	entity_id process = kind == ENTITY_RANK ? main_process(g, id) : ENTITY_NONE;
	entity_id from = process == ENTITY_NONE ? id : process, pod;
	char name[NAME_SIZE], process_name[NAME_SIZE], ending[NAME_SIZE];
	struct finding_entity e = { .kind = kind, .id = graph_key(g, id), .name = name };

	graph_describe(g, id, name, sizeof(name));
	if (process != ENTITY_NONE) {
		graph_describe(g, process, process_name, sizeof(process_name));
		put(&e, "process", process_name);
		how_it_ended(g, process, ending, sizeof(ending));
		put(&e, "exit_code", graph_attr(g, process, PROCESS_EXIT_CODE));
		put(&e, "exit_reason", ending[0] ? ending : NULL);
	}
	if (kind == ENTITY_RANK) {
		put(&e, "rank", graph_attr(g, id, "rank"));
		put(&e, "role", graph_attr(g, id, "role"));
	}
	if (kind == ENTITY_CONTAINER) {
		put(&e, "image", graph_attr(g, id, "image"));
		put(&e, "state", graph_attr(g, id, "state"));
		put(&e, "restart_count", graph_attr(g, id, "restart_count"));
	}
	put(&e, "exit_code", graph_attr(g, id, "exit_code"));
	put(&e, "exit_reason", graph_attr(g, id, "exit_reason"));
	pod = relative_nearest(g, from, ENTITY_POD);
	if (pod != ENTITY_NONE && kind != ENTITY_POD)
		put(&e, "pod", graph_key(g, pod));
	who_member(a, &e, a->node, has_ended(g, id, process));
}

static size_t tell_members(const struct graph *g, entity_id id, enum entity_kind kind, struct answer *a)
{
	AUTO_FREE entity_id *ids = NULL;
	size_t n = around(g, id, true, kind, a, &ids);

	for (size_t i = 0; i < n; i++)
		tell_member(g, ids[i], a);
	return n;
}

/* Ranks of the processes in it, each once: a container's, a pod's. */
static void tell_ranks_of(const struct graph *g, entity_id id, struct answer *a)
{
	AUTO_FREE entity_id *ids = NULL;
	AUTO_FREE entity_id *told = calloc(AGENT_WHO_MAX, sizeof(*told));
	size_t n = around(g, id, true, ENTITY_PROCESS, a, &ids), n_told = 0;

	for (size_t i = 0; told && i < n; i++) {
		entity_id rank = relative_nearest(g, ids[i], ENTITY_RANK);
		bool known = rank == ENTITY_NONE;

		for (size_t k = 0; k < n_told && !known; k++)
			known = told[k] == rank;
		if (known)
			continue;
		told[n_told++] = rank;
		tell_member(g, rank, a);
	}
}

static void tell_used(const struct graph *g, entity_id process, struct answer *a)
{
	static const enum entity_kind kinds[] = { ENTITY_GPU, ENTITY_NIC, ENTITY_DISK, ENTITY_MOUNT };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		AUTO_FREE entity_id *ids = NULL;
		size_t n = around(g, process, false, kinds[k], a, &ids);

		for (size_t i = 0; i < n; i++) {
			char name[NAME_SIZE];
			struct finding_entity e = { .kind = kinds[k], .id = graph_key(g, ids[i]), .name = name };
			bool known = false;

			for (size_t w = 0; w < a->n_who && !known; w++)
				known = strcmp(a->who[w].role, "uses") == 0 && a->who[w].kind == e.kind &&
					strcmp(a->who[w].id, e.id) == 0;
			graph_describe(g, ids[i], name, sizeof(name));
			if (!known)
				(void)who_add(a, "uses", &e);
		}
	}
}

static void tell_used_by_rank(const struct graph *g, entity_id rank, struct answer *a)
{
	AUTO_FREE entity_id *ids = NULL;
	size_t n = around(g, rank, true, ENTITY_PROCESS, a, &ids);

	for (size_t i = 0; i < n; i++)
		tell_used(g, ids[i], a);
}

static void tell_doubts(const struct who_facts *f, struct answer *a)
{
	const struct finding_entity *const of[] = { f->self, f->rank, f->job, f->container, f->pod };

	for (size_t i = 0; i < ARRAY_LEN(of); i++)
		who_doubts(a, of[i]);
}

static void tell_belonging(const struct graph *g, entity_id id, struct answer *a)
{
	switch (graph_kind(g, id)) {
	case ENTITY_JOB:
		(void)tell_members(g, id, ENTITY_RANK, a);
		(void)tell_members(g, id, ENTITY_PROCESS, a); /* launchers and the like */
		break;
	case ENTITY_RANK:
	case ENTITY_GPU:
	case ENTITY_NIC:
	case ENTITY_DISK:
	case ENTITY_MOUNT:
		(void)tell_members(g, id, ENTITY_PROCESS, a);
		break;
	case ENTITY_POD: {
		AUTO_FREE entity_id *ids = NULL;
		size_t n = around(g, id, true, ENTITY_CONTAINER, a, &ids);

		for (size_t i = 0; i < n; i++) {
			tell_member(g, ids[i], a);
			tell_ranks_of(g, ids[i], a);
		}
		break;
	}
	case ENTITY_CONTAINER:
		tell_ranks_of(g, id, a);
		(void)tell_members(g, id, ENTITY_PROCESS, a);
		break;
	default:
		break;
	}
}

void who_tell(const struct graph *g, entity_id id, struct answer *a)
{
	AUTO_FREE struct named *of = calloc(6, sizeof(*of));
	struct who_facts f;

	if (!of || !graph_exists(g, id) || graph_kind(g, id) == ENTITY_NODE)
		return;
	facts_of(g, id, of, a->node, &f);
	who_self(a, &f);
	if (f.self->kind == ENTITY_PROCESS)
		tell_used(g, id, a);
	if (f.self->kind == ENTITY_RANK)
		tell_used_by_rank(g, id, a);
	tell_doubts(&f, a);
	tell_belonging(g, id, a);
	who_sort(a);
}

static const struct finding_entity *named_of(const struct graph *g, entity_id id, struct named *ret_named)
{
	if (id == ENTITY_NONE)
		return NULL;
	who_of_graph(g, id, ret_named->name, sizeof(ret_named->name), &ret_named->entity);
	return &ret_named->entity;
}

void who_tell_of(const struct graph *g, const struct finding_entity *self, const struct who_place *place, struct answer *a)
{
	AUTO_FREE struct named *of = calloc(4, sizeof(*of));
	struct who_facts f = { .node = a->node, .self = self };

	if (!of)
		return;
	f.rank = named_of(g, place->rank, &of[0]);
	f.job = f.rank ? holder(g, place->rank, ENTITY_JOB, &of[1]) : named_of(g, place->job, &of[1]);
	f.container = named_of(g, place->container, &of[2]);
	f.pod = f.container ? holder(g, place->container, ENTITY_POD, &of[3]) : NULL;
	who_self(a, &f);
	tell_doubts(&f, a);
	who_sort(a);
}

/* ---- candidates ---- */

void who_brief(const struct graph *g, entity_id id, char *ret_text, size_t size)
{
	static const enum entity_kind holders[] = { ENTITY_RANK, ENTITY_JOB, ENTITY_CONTAINER, ENTITY_POD };
	enum entity_kind kind = graph_kind(g, id);
	entity_id process = kind == ENTITY_RANK ? main_process(g, id) : ENTITY_NONE;
	char name[NAME_SIZE];
	struct text t;
	size_t n = 0;

	text_init(&t, ret_text, size);
	for (size_t i = 0; i < ARRAY_LEN(holders) && n < 1; i++) {
		entity_id at = relative_nearest(g, process == ENTITY_NONE ? id : process, holders[i]);

		if (at == ENTITY_NONE || at == id || kind == ENTITY_RANK)
			continue;
		graph_describe(g, at, name, sizeof(name));
		text_addf(&t, "%s, ", name);
		n++;
	}
	graph_describe(g, id, name, sizeof(name));
	text_add(&t, name);
	if (process != ENTITY_NONE) {
		graph_describe(g, process, name, sizeof(name));
		text_addf(&t, ", %s", name);
	}
	if (graph_is_gone(g, id, NULL))
		text_add(&t, ", gone");
}

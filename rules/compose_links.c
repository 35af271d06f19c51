/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/compose_parts.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "rules/relative.h"
#include "rules/walk.h"

static void add_attr(struct compose *c, struct finding_entity *e, const char *name, const char *value)
{
	if (!value || e->n_attrs == FINDING_MAX_ATTRS)
		return;
	for (size_t i = 0; i < e->n_attrs; i++)
		if (strcmp(e->attrs[i].name, name) == 0)
			return;
	e->attrs[e->n_attrs].name = arena_strdup(c->draft->arena, name);
	e->attrs[e->n_attrs].value = arena_strdup(c->draft->arena, value);
	if (e->attrs[e->n_attrs].name && e->attrs[e->n_attrs].value) /* the arena is bounded */
		e->n_attrs++;
}

/* Of an entity that is one of many, only what tells it from the others: a finding is bounded. */
static bool tells_apart(const char *name)
{
	static const char *const names[] = {"pid",	"comm", "port",	 "peer", "address", "namespace",  "rank",
					    "index",	"uuid", "name",	 "role", "attempt", "world_size", "restart",
					    "identity", "image"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

void compose_entity(struct compose *c, entity_id id, bool whole, struct finding_entity *ret_entity)
{
	static const enum entity_kind holders[] = {ENTITY_POD, ENTITY_RANK, ENTITY_JOB, ENTITY_CGROUP,
						   ENTITY_CONTAINER};
	const struct graph *g = c->view.m->graph;
	const char *name, *value;
	char described[GRAPH_MAX_KEY];

	*ret_entity = (struct finding_entity){.kind = graph_kind(g, id)};
	ret_entity->id = arena_strdup(c->draft->arena, graph_key(g, id));
	graph_describe(g, id, described, sizeof(described));
	ret_entity->name = arena_strdup(c->draft->arena, described);
	for (size_t i = 0; graph_attr_at(g, id, i, &name, &value); i++)
		if (whole || tells_apart(name))
			add_attr(c, ret_entity, name, value);
	for (size_t i = 0; i < (whole ? ARRAY_LEN(holders) : 3); i++) {
		entity_id holder = relative_nearest(g, id, holders[i]);

		if (holder == ENTITY_NONE || holder == id)
			continue;
		add_attr(c, ret_entity, entity_kind_name(holders[i]), graph_key(g, holder));
		/* So that a hub, which has findings alone, knows the job by what people call it. */
		if (holders[i] == ENTITY_JOB && ret_entity->kind == ENTITY_RANK)
			add_attr(c, ret_entity, "job_name", graph_attr(g, holder, "name"));
	}
}

bool compose_is_simulated(const struct compose *c, entity_id id)
{
	const char *value = id == ENTITY_NONE ? NULL : graph_attr(c->view.m->graph, id, "simulated");

	return value && strcmp(value, "yes") == 0;
}

static bool same_entity(const struct finding_entity *e, enum entity_kind kind, const char *key)
{
	return e->kind == kind && e->id && key && strcmp(e->id, key) == 0;
}

/* ---- explains ---- */

static bool explains_already(const struct finding *f, const char *symptom, enum entity_kind kind, const char *key)
{
	for (size_t i = 0; i < f->n_explains; i++)
		if (f->explains[i].symptom && strcmp(f->explains[i].symptom, symptom) == 0 &&
		    same_entity(&f->explains[i].subject, kind, key))
			return true;
	return false;
}

static void add_explained(struct compose *c, const struct suspect *symptom)
{
	const struct graph *g = c->view.m->graph;
	const char *id = c->view.rs->symptoms[symptom->rule].id, *key = graph_key(g, symptom->entity);
	struct finding *f = c->draft;
	struct finding_explained *e = &f->explains[f->n_explains];
	uint64_t ago = mono_since(symptom->trigger_at, c->view.now);

	if (!key || explains_already(f, id, graph_kind(g, symptom->entity), key))
		return;
	if (f->n_explains == FINDING_MAX_EXPLAINS) {
		f->more_explains++;
		return;
	}
	*e = (struct finding_explained){.symptom = arena_strdup(f->arena, id), .at = c->wall > ago ? c->wall - ago : 0};
	compose_entity(c, symptom->entity, false, &e->subject);
	f->simulated |= compose_is_simulated(c, symptom->entity);
	if (symptom->kept)
		text_copy(e->finding, sizeof(e->finding), symptom->id);
	if (e->symptom && e->subject.id)
		f->n_explains++;
}

void compose_explains(struct compose *c, const struct suspect *s)
{
	uint32_t self = roster_position(c->view.roster, s), linked[4 * FINDING_MAX_EXPLAINS];
	struct finding *f = c->draft;
	size_t n = 0;

	if (c->has_before) {
		memcpy(f->explains, c->before->explains, c->before->n_explains * sizeof(f->explains[0]));
		f->n_explains = c->before->n_explains;
	}
	for (size_t i = 0; i < c->causality->n_links; i++)
		if (c->causality->links[i].cause == self && n < ARRAY_LEN(linked))
			linked[n++] = c->causality->links[i].symptom;
		else if (c->causality->links[i].cause == self)
			f->more_explains++;
	causality_sort(&c->view, linked, n);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || linked[i] != linked[i - 1])
			add_explained(c, roster_at(c->view.roster, linked[i]));
	if (c->has_before)
		f->more_explains = MAX_OF(f->more_explains, c->before->more_explains);
}

/* ---- affected ---- */

static void add_affected(struct compose *c, entity_id id)
{
	const struct graph *g = c->view.m->graph;
	struct finding *f = c->draft;
	const char *key = graph_key(g, id);

	if (!key)
		return;
	for (size_t i = 0; i < f->n_affected; i++)
		if (same_entity(&f->affected[i], graph_kind(g, id), key))
			return;
	if (f->n_affected == FINDING_MAX_AFFECTED) {
		f->more_affected++;
		return;
	}
	compose_entity(c, id, false, &f->affected[f->n_affected]);
	if (f->affected[f->n_affected].id)
		f->n_affected++;
}

static void add_holders(struct compose *c, entity_id id)
{
	static const enum entity_kind kinds[] = {ENTITY_RANK, ENTITY_JOB, ENTITY_POD};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		entity_id holder = relative_nearest(c->view.m->graph, id, kinds[i]);

		if (holder != ENTITY_NONE)
			add_affected(c, holder);
	}
}

void compose_affected(struct compose *c, const struct suspect *s, const struct cause_rule *rule)
{
	uint32_t self = roster_position(c->view.roster, s);
	struct finding *f = c->draft;
	entity_id reached[WALK_MAX];

	if (c->has_before) {
		memcpy(f->affected, c->before->affected, c->before->n_affected * sizeof(f->affected[0]));
		f->n_affected = c->before->n_affected;
	}
	add_holders(c, s->entity);
	for (size_t i = 0; i < c->causality->n_links; i++)
		if (c->causality->links[i].cause == self) {
			entity_id hit = roster_at(c->view.roster, c->causality->links[i].symptom)->entity;

			add_holders(c, hit);
			if (hit != s->entity)
				add_affected(c, hit);
		}
	for (uint32_t i = 0; i < rule->n_affects; i++) {
		size_t n = walk_path(c->view.m->graph, &rule->affects[i], s->entity, reached, WALK_MAX);

		for (size_t k = 0; k < n; k++) {
			add_holders(c, reached[k]);
			add_affected(c, reached[k]);
		}
	}
	if (c->has_before)
		f->more_affected = MAX_OF(f->more_affected, c->before->more_affected);
}

/* ---- because ---- */

static void add_because(struct finding *f, const char *id)
{
	for (size_t i = 0; i < f->n_because; i++)
		if (strcmp(f->because[i], id) == 0)
			return;
	if (f->n_because < FINDING_MAX_BECAUSE)
		text_copy(f->because[f->n_because++], FINDING_ID_SIZE, id);
}

void compose_because(struct compose *c, const struct suspect *s)
{
	uint32_t deeper[FINDING_MAX_BECAUSE];
	size_t n = causality_because(&c->view, s, deeper, FINDING_MAX_BECAUSE);

	for (size_t i = 0; c->has_before && i < c->before->n_because; i++)
		add_because(c->draft, c->before->because[i]);
	for (size_t i = 0; i < n; i++)
		add_because(c->draft, roster_at(c->view.roster, deeper[i])->id);
}

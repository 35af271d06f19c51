// SPDX-License-Identifier: Apache-2.0
#include "hub/record.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/target.h"
#include "proto/convert.h"

int record_batch_new(const char *node, const char *spool_id, size_t max_records, struct record_batch **ret_batch)
{
	AUTO(record_batch_free) struct record_batch *b = NULL;
	int r;

	assert(node && spool_id && ret_batch);
	if (max_records > RECORD_BATCH_MAX || strlen(node) >= RECORD_MAX_NODE || strlen(spool_id) >= RECORD_SPOOL_SIZE)
		return -EMSGSIZE;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	r = arena_new(RECORD_BATCH_MAX_BYTES, &b->arena);
	if (r < 0)
		return r;
	b->node = arena_strdup(b->arena, node);
	b->spool_id = arena_strdup(b->arena, spool_id);
	b->records = arena_alloc_array(b->arena, max_records, sizeof(*b->records));
	if (!b->node || !b->spool_id || !b->records)
		return -ENOMEM;
	b->max_records = max_records;
	*ret_batch = TAKE_PTR(b);
	return 0;
}

void record_batch_free(struct record_batch **batch)
{
	if (!*batch)
		return;
	arena_free(&(*batch)->arena);
	free(*batch);
	*batch = NULL;
}

const char *record_entity_other(enum entity_kind kind, const char *key)
{
	const char *cut = NULL;

	if (kind == ENTITY_POD)
		cut = strrchr(key, '/');
	else if (kind == ENTITY_JOB || kind == ENTITY_RANK)
		cut = strchr(key, ':');
	return cut ? cut + 1 : "";
}

static const char *other_of(const struct finding_entity *e)
{
	const char *typed = e->kind == ENTITY_GPU ? "uuid" : e->kind == ENTITY_PROCESS ? "pid" : NULL;

	for (size_t i = 0; typed && i < e->n_attrs; i++) {
		if (strcmp(e->attrs[i].name, typed) == 0)
			return e->attrs[i].value;
	}
	return record_entity_other(e->kind, e->id ? e->id : "");
}

static const char *called_of(const struct finding_entity *e)
{
	static const char *const names[ENTITY_KIND_MAX] = {
		[ENTITY_JOB] = "name", [ENTITY_CONTAINER] = "name", [ENTITY_RANK] = "job_name", [ENTITY_POD] = "uid",
	};
	const char *name = names[e->kind] ? finding_entity_attr(e, names[e->kind]) : e->name;

	return name ? name : "";
}

static int copy_entity(struct arena *a, const struct finding_entity *from, struct record_entity *ret)
{
	ret->kind = from->kind;
	ret->key = arena_strdup(a, from->id ? from->id : "");
	ret->other = arena_strdup(a, other_of(from));
	ret->called = arena_strdup(a, called_of(from));
	return ret->key && ret->other && ret->called ? 0 : -ENOMEM;
}

/* What holds the subject, by its attributes: a container's process is found by the container. */
static int copy_holders(struct arena *a, const struct finding_entity *subject, struct record *ret)
{
	static const enum entity_kind kinds[RECORD_MAX_HOLDERS] = {
		ENTITY_RANK, ENTITY_JOB, ENTITY_POD, ENTITY_CONTAINER, ENTITY_CGROUP,
	};
	int r = 0;

	for (size_t i = 0; i < RECORD_MAX_HOLDERS && r == 0; i++) {
		struct finding_entity e = { .kind = kinds[i] };

		e.id = finding_entity_attr(subject, entity_kind_name(kinds[i]));
		/* The "rank" of a rank is its number. */
		if (e.id && e.id[0] && subject->kind != e.kind)
			r = copy_entity(a, &e, &ret->entities[ret->n_entities++]);
	}
	return r;
}

static int copy_entities(struct arena *a, const struct finding *f, struct record *ret)
{
	size_t most = 1 + RECORD_MAX_HOLDERS + f->n_affected + f->n_explains;
	int r;

	ret->entities = arena_alloc_array(a, most, sizeof(*ret->entities));
	if (!ret->entities)
		return -ENOMEM;
	r = copy_entity(a, &f->subject, &ret->entities[ret->n_entities++]);
	for (size_t i = 0; i < f->n_affected && r == 0; i++)
		r = copy_entity(a, &f->affected[i], &ret->entities[ret->n_entities++]);
	for (size_t i = 0; i < f->n_explains && r == 0; i++)
		r = copy_entity(a, &f->explains[i].subject, &ret->entities[ret->n_entities++]);
	/* Last: of the same thing said twice the first, who says more, is kept. */
	return r == 0 ? copy_holders(a, &f->subject, ret) : r;
}

static int copy_texts(struct arena *a, const struct finding *f, const uint8_t *data, size_t n, struct record *ret)
{
	uint8_t *bytes = arena_alloc(a, n);

	ret->id = arena_strdup(a, f->id);
	ret->rule = arena_strdup(a, f->rule ? f->rule : "");
	ret->title = arena_strdup(a, f->title ? f->title : "");
	if (!bytes || !ret->id || !ret->rule || !ret->title)
		return -ENOMEM;
	memcpy(bytes, data, n);
	ret->data = bytes;
	ret->n_data = n;
	return 0;
}

static const char *wrong_field(const struct finding *f, const char *node)
{
	if (!f->id[0])
		return "id";
	if (f->revision == 0 || f->revision > INT64_MAX)
		return "revision";
	if (!f->node || strcmp(f->node, node) != 0)
		return "node";
	if (f->opened_at > INT64_MAX || f->changed_at > INT64_MAX || f->resolved_at > INT64_MAX)
		return "time";
	return NULL;
}

int record_batch_add(struct record_batch *b, uint64_t seq, const uint8_t *data, size_t n, const char **ret_field)
{
	AUTO(finding_free) struct finding *f = NULL;
	struct record rec = { .seq = seq };
	const char *wrong;
	int r;

	assert(b && (data || n == 0));
	if (b->n_records >= b->max_records)
		return -ENOSPC;
	if (seq == 0 || seq > INT64_MAX) {
		if (ret_field)
			*ret_field = "seq";
		return -EBADMSG;
	}
	r = finding_unpack(data, n, &f, ret_field);
	if (r < 0)
		return r;
	wrong = wrong_field(f, b->node);
	if (wrong) {
		if (ret_field)
			*ret_field = wrong;
		return -EBADMSG;
	}
	rec.revision = f->revision;
	rec.state = f->state;
	rec.kind = f->kind;
	rec.severity = f->severity;
	rec.shadow = f->shadow;
	rec.opened_at = f->opened_at;
	rec.changed_at = f->changed_at;
	rec.resolved_at = f->resolved_at;
	r = copy_texts(b->arena, f, data, n, &rec);
	if (r == 0)
		r = copy_entities(b->arena, f, &rec);
	if (r < 0)
		return r;
	b->records[b->n_records++] = rec;
	return 0;
}

bool record_is_node_name(const char *node)
{
	size_t n = strlen(node);

	for (size_t at = 0; at < n;) {
		uint32_t code;
		size_t width = text_decode(node + at, n - at, &code);

		if (width == 0 || text_is_unsafe(code) || code == ' ' || code == '/')
			return false;
		at += width;
	}
	return n > 0 && n < 254;
}

static int read_record(void *arg, uint64_t seq, const uint8_t *finding, size_t n)
{
	struct record_reading *rd = arg;
	int r = record_batch_add(rd->batch, seq, finding, n, &rd->field);

	/* One that can never be stored is left out and acked with the rest, or its agent would send it for ever. */
	if (r == -EBADMSG) {
		rd->bad++;
		return 0;
	}
	return r;
}

int record_batch_read(const char *node, const char *spool_id, uint64_t origin, const struct frame_received *from,
		      struct record_reading *ret_reading)
{
	AUTO(record_batch_free) struct record_batch *b = NULL;
	struct record_reading rd = { .field = "" };
	int r;

	if (from->last_seq > INT64_MAX)
		return -EBADMSG;
	r = record_batch_new(node, spool_id, from->n_records, &b);
	if (r < 0)
		return r;
	rd.batch = b;
	b->origin = origin;
	b->last_seq = from->last_seq;
	r = frame_visit_records(from, read_record, &rd, &rd.field);
	if (r < 0)
		return r;
	*ret_reading = rd;
	ret_reading->batch = TAKE_PTR(b);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/metric.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"

#define METRIC_MAX_NAME 96

struct metrics {
	size_t n;
	const struct metric_desc *descs[METRIC_MAX];
	const char *sources[METRIC_MAX];
	struct strmap *by_name;
};

static const char *const entity_kind_names[] = {
	[ENTITY_NODE] = "node",
	[ENTITY_CPU] = "cpu",
	[ENTITY_NUMA] = "numa",
	[ENTITY_GPU] = "gpu",
	[ENTITY_NIC] = "nic",
	[ENTITY_DISK] = "disk",
	[ENTITY_MOUNT] = "mount",
	[ENTITY_CGROUP] = "cgroup",
	[ENTITY_CONTAINER] = "container",
	[ENTITY_POD] = "pod",
	[ENTITY_PROCESS] = "process",
	[ENTITY_JOB] = "job",
	[ENTITY_RANK] = "rank",
	[ENTITY_LINK] = "link",
	[ENTITY_SOCKET] = "socket",
	[ENTITY_COLLECTOR] = "collector",
};
_Static_assert(ARRAY_LEN(entity_kind_names) == ENTITY_KIND_MAX, "a name for every kind of entity");

static const char *const metric_kind_names[] = {
	[METRIC_GAUGE] = "gauge",
	[METRIC_COUNTER] = "counter",
	[METRIC_STATE] = "state",
	[METRIC_EVENT] = "event",
};
_Static_assert(ARRAY_LEN(metric_kind_names) == METRIC_KIND_MAX, "a name for every kind of metric");

static const char *const unit_names[] = {
	[UNIT_NONE] = "",      [UNIT_RATIO] = "1", [UNIT_NS] = "ns",    [UNIT_BYTES] = "By",
	[UNIT_CELSIUS] = "Cel", [UNIT_WATTS] = "W", [UNIT_HERTZ] = "Hz", [UNIT_CPUS] = "{cpu}",
};
_Static_assert(ARRAY_LEN(unit_names) == UNIT_MAX, "a name for every unit");

const char *entity_kind_name(enum entity_kind kind)
{
	return (unsigned)kind < ENTITY_KIND_MAX ? entity_kind_names[kind] : "?";
}

int entity_kind_parse(const char *name, enum entity_kind *ret_kind)
{
	for (unsigned i = 0; i < ENTITY_KIND_MAX; i++) {
		if (strcmp(name, entity_kind_names[i]) == 0) {
			*ret_kind = (enum entity_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *metric_kind_name(enum metric_kind kind)
{
	return (unsigned)kind < METRIC_KIND_MAX ? metric_kind_names[kind] : "?";
}

const char *unit_name(enum unit unit)
{
	return (unsigned)unit < UNIT_MAX ? unit_names[unit] : "?";
}

int metrics_new(struct metrics **ret_metrics)
{
	AUTO(metrics_free) struct metrics *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	r = strmap_new(METRIC_MAX, METRIC_MAX_NAME, &m->by_name);
	if (r < 0)
		return r;
	*ret_metrics = TAKE_PTR(m);
	return 0;
}

void metrics_free(struct metrics **metrics)
{
	if (!*metrics)
		return;
	strmap_free(&(*metrics)->by_name);
	free(*metrics);
	*metrics = NULL;
}

static bool name_is_valid(const char *name, bool dots)
{
	if (!name || !*name || strlen(name) >= METRIC_MAX_NAME)
		return false;
	for (const char *c = name; *c; c++) {
		bool word = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';

		if (!word && !(dots && *c == '.'))
			return false;
	}
	return true;
}

static bool fields_are_valid(const struct metric_field *fields)
{
	size_t n = 0;

	for (const struct metric_field *f = fields; f && f->name; f++) {
		if (++n > METRIC_MAX_FIELDS || !name_is_valid(f->name, false) || (unsigned)f->unit >= UNIT_MAX)
			return false;
		for (const struct metric_field *earlier = fields; earlier != f; earlier++)
			if (strcmp(earlier->name, f->name) == 0)
				return false;
	}
	return true;
}

static bool desc_is_valid(const struct metric_desc *d)
{
	if (!name_is_valid(d->name, true) || !d->help || !*d->help)
		return false;
	if ((unsigned)d->kind >= METRIC_KIND_MAX || (unsigned)d->unit >= UNIT_MAX ||
	    (unsigned)d->about >= ENTITY_KIND_MAX)
		return false;
	if ((d->kind == METRIC_STATE) != (d->states && d->states[0]))
		return false;
	return d->kind == METRIC_EVENT ? fields_are_valid(d->fields) : !d->fields;
}

static void metrics_cut(struct metrics *m, size_t n)
{
	while (m->n > n)
		(void)strmap_remove(m->by_name, m->descs[--m->n]->name);
}

int metrics_add(struct metrics *m, const char *source, const struct metric_desc *table, size_t n, uint32_t *ret_first)
{
	size_t first = m->n;

	for (size_t i = 0; i < n; i++)
		if (!desc_is_valid(&table[i]))
			return -EINVAL;
	if (n > METRIC_MAX - m->n)
		return -ENOSPC;

	for (size_t i = 0; i < n; i++) {
		uint32_t taken;
		int r = strmap_get(m->by_name, table[i].name, &taken) ? -EEXIST : 0;

		if (r == 0)
			r = strmap_set(m->by_name, table[i].name, (uint32_t)m->n);
		if (r < 0) {
			metrics_cut(m, first);
			return r;
		}
		m->descs[m->n] = &table[i];
		m->sources[m->n++] = source;
	}
	if (ret_first)
		*ret_first = (uint32_t)first;
	return 0;
}

size_t metrics_count(const struct metrics *m)
{
	return m->n;
}

const struct metric_desc *metrics_at(const struct metrics *m, uint32_t id)
{
	return id < m->n ? m->descs[id] : NULL;
}

const char *metrics_source(const struct metrics *m, uint32_t id)
{
	return id < m->n ? m->sources[id] : NULL;
}

uint32_t metrics_find(const struct metrics *m, const char *name)
{
	uint32_t id;

	return strmap_get(m->by_name, name, &id) ? id : METRIC_NONE;
}

int metric_field_index(const struct metric_desc *desc, const char *field)
{
	for (int i = 0; desc->fields && desc->fields[i].name; i++)
		if (strcmp(desc->fields[i].name, field) == 0)
			return i;
	return -ENOENT;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/series_table.h"

#define COARSE_POINTS    (SERIES_MAX_POINTS - 4) /* in a window: its ends and the one before it need room too */
#define DEFAULT_INTERVAL NS_PER_S
#define EVENT_SHARE      4 /* events may use a fourth of the bytes */

/* ---- birth ------------------------------------------------------------------------------------------ */

static uint32_t *chains_new(size_t at_least, uint32_t *ret_mask)
{
	size_t n = 16;
	uint32_t *chains;

	while (n < at_least)
		n *= 2;
	chains = malloc(n * sizeof(*chains));
	if (!chains)
		return NULL;
	memset(chains, 0xff, n * sizeof(*chains));
	*ret_mask = (uint32_t)n - 1;
	return chains;
}

int series_store_new(size_t max_series, size_t max_bytes, const struct metrics *metrics,
		     struct series_store **ret_store)
{
	AUTO(series_store_free) struct series_store *s = NULL;
	int r;

	if (max_series < 1 || max_series >= SERIES_NIL / 2)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->metrics = metrics;
	s->max = (uint32_t)max_series;
	s->free = s->fresh_first = s->fresh_last = SERIES_NIL;
	s->series = calloc(max_series, sizeof(*s->series));
	s->by_key = chains_new(max_series, &s->key_mask);
	s->by_entity = chains_new(max_series / 4, &s->entity_mask);
	if (!s->series || !s->by_key || !s->by_entity)
		return -ENOMEM;
	s->fixed_bytes = max_series * sizeof(*s->series) +
			 ((size_t)s->key_mask + s->entity_mask + 2) * sizeof(*s->by_key);
	if (max_bytes <= s->fixed_bytes)
		return -EINVAL;
	s->max_event_bytes = (max_bytes - s->fixed_bytes) / EVENT_SHARE;
	r = point_pool_init(&s->pool, max_bytes - s->fixed_bytes - s->max_event_bytes);
	if (r < 0)
		return r;
	*ret_store = TAKE_PTR(s);
	return 0;
}

void series_store_free(struct series_store **store)
{
	struct series_store *s = *store;

	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_used; i++)
		event_log_free(&s->series[i].events);
	free(s->series);
	free(s->by_key);
	free(s->by_entity);
	point_pool_done(&s->pool);
	free(s);
	*store = NULL;
}

/* ---- demand ----------------------------------------------------------------------------------------- */

int series_demand(struct series_store *s, uint32_t metric, uint64_t window_ns, uint64_t interval_ns)
{
	const struct metric_desc *desc = metrics_at(s->metrics, metric);
	struct demand *d;

	if (!desc)
		return -EINVAL;
	d = &s->demands[metric];
	d->wanted = true;
	d->counter = desc->kind == METRIC_COUNTER;
	d->event = desc->kind == METRIC_EVENT;
	d->window_ns = MAX_OF(d->window_ns, window_ns);
	if (interval_ns > 0 && (d->interval_ns == 0 || interval_ns < d->interval_ns))
		d->interval_ns = interval_ns;
	d->stretch_ns = d->window_ns / COARSE_POINTS + 1;
	return 0;
}

void series_forget_demand(struct series_store *s)
{
	memset(s->demands, 0, sizeof(s->demands));
	s->forgot = true;
}

static uint64_t demand_interval(const struct demand *d)
{
	return d->interval_ns ? d->interval_ns : DEFAULT_INTERVAL;
}

static bool demand_is_coarse(const struct demand *d)
{
	return d->window_ns / demand_interval(d) > COARSE_POINTS;
}

/* ---- series ----------------------------------------------------------------------------------------- */

static uint32_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return (uint32_t)(x >> 32);
}

static uint32_t *key_chain(const struct series_store *s, uint32_t metric, entity_id id)
{
	return &s->by_key[mix((uint64_t)metric << 32 | id) & s->key_mask];
}

static uint32_t *entity_chain(const struct series_store *s, entity_id id)
{
	return &s->by_entity[mix(id) & s->entity_mask];
}

static struct series *series_lookup(const struct series_store *s, uint32_t metric, entity_id id)
{
	for (uint32_t i = *key_chain(s, metric, id); i != SERIES_NIL; i = s->series[i].key_next)
		if (s->series[i].metric == metric && s->series[i].entity == id)
			return &s->series[i];
	return NULL;
}

const struct series *series_find(const struct series_store *s, uint32_t metric, entity_id id)
{
	return series_lookup(s, metric, id);
}

static void fresh_remove(struct series_store *s, uint32_t index)
{
	const struct series *x = &s->series[index];

	*(x->fresh_prev == SERIES_NIL ? &s->fresh_first : &s->series[x->fresh_prev].fresh_next) = x->fresh_next;
	*(x->fresh_next == SERIES_NIL ? &s->fresh_last : &s->series[x->fresh_next].fresh_prev) = x->fresh_prev;
}

static void fresh_append(struct series_store *s, uint32_t index)
{
	struct series *x = &s->series[index];

	x->fresh_prev = s->fresh_last;
	x->fresh_next = SERIES_NIL;
	*(s->fresh_last == SERIES_NIL ? &s->fresh_first : &s->series[s->fresh_last].fresh_next) = index;
	s->fresh_last = index;
}

static void events_drop(struct series_store *s, uint32_t index)
{
	struct series *x = &s->series[index];

	if (!x->events)
		return;
	fresh_remove(s, index);
	s->event_bytes -= event_log_bytes(x->events);
	event_log_free(&x->events);
}

/* Take it out of the chain by keys, empty it, give it back. The caller took it out of the chain by entities. */
static void series_drop(struct series_store *s, uint32_t index)
{
	struct series *x = &s->series[index];
	uint32_t *link = key_chain(s, x->metric, x->entity);

	while (*link != index)
		link = &s->series[*link].key_next;
	*link = x->key_next;
	point_list_clear(&s->pool, &x->points);
	events_drop(s, index);
	x->metric = METRIC_NONE;
	x->key_next = s->free;
	s->free = index;
	s->n--;
}

static void series_remove(struct series_store *s, uint32_t index)
{
	uint32_t *link = entity_chain(s, s->series[index].entity);

	while (*link != index)
		link = &s->series[*link].entity_next;
	*link = s->series[index].entity_next;
	series_drop(s, index);
}

/* Series of events pile up where processes come and go; the one that has been quiet for longest makes room. */
static void series_make_room(struct series_store *s)
{
	if (s->free == SERIES_NIL && s->n_used == s->max && s->fresh_first != SERIES_NIL) {
		s->dropped_events += event_log_count_held(s->series[s->fresh_first].events);
		series_remove(s, s->fresh_first);
	}
}

static struct series *series_make(struct series_store *s, uint32_t metric, entity_id id)
{
	uint32_t *by_key = key_chain(s, metric, id), *by_entity = entity_chain(s, id), i;

	series_make_room(s);
	i = s->free;
	if (i != SERIES_NIL) {
		s->free = s->series[i].key_next;
	} else if (s->n_used < s->max) {
		i = s->n_used++;
	} else {
		s->refused_series++;
		return NULL;
	}
	s->series[i] = (struct series){
		.metric = metric,
		.entity = id,
		.key_next = *by_key,
		.entity_next = *by_entity,
		.points.coarse = demand_is_coarse(&s->demands[metric]),
	};
	*by_key = *by_entity = i;
	s->n++;
	return &s->series[i];
}

void series_drop_entity(struct series_store *s, entity_id id)
{
	uint32_t *link = entity_chain(s, id);

	while (*link != SERIES_NIL) {
		uint32_t index = *link;

		if (s->series[index].entity != id) {
			link = &s->series[index].entity_next;
			continue;
		}
		*link = s->series[index].entity_next;
		series_drop(s, index);
	}
}

/* After a change of the rules: what nobody wants any more gives its room back. */
static void series_sweep(struct series_store *s)
{
	for (uint32_t i = 0; i < s->n_used; i++) {
		if (s->series[i].metric != METRIC_NONE && !s->demands[s->series[i].metric].wanted)
			series_remove(s, i);
	}
	s->forgot = false;
}

/* ---- taking in -------------------------------------------------------------------------------------- */

/* When memory is short a series forgets its own past before it goes without news. */
static void points_push(struct series_store *s, struct point_list *l, const struct reading *r)
{
	while (point_list_push(&s->pool, l, r) < 0) {
		s->dropped_points++;
		if (l->n == 0)
			return;
		point_list_pop(&s->pool, l);
	}
}

static void coarse_add(struct series_store *s, struct point_list *l, const struct reading *r, uint64_t stretch_ns)
{
	struct reading p;

	if (l->n > 0) {
		point_list_last(&s->pool, l, &p);
		if (p.at / stretch_ns == r->at / stretch_ns) {
			p.mean += (r->mean - p.mean) * r->n / (p.n + r->n);
			p.min = MIN_OF(p.min, r->min);
			p.max = MAX_OF(p.max, r->max);
			p.last = r->last;
			p.at = r->at;
			p.n += r->n;
			point_list_replace_last(&s->pool, l, &p);
			return;
		}
	}
	if (l->n == SERIES_MAX_POINTS)
		point_list_pop(&s->pool, l);
	points_push(s, l, r);
}

/* More samples in the window than points: from now on a point stands for a stretch of time. */
static void points_coarsen(struct series_store *s, struct point_list *l, uint64_t stretch_ns)
{
	struct point_list coarse = {.coarse = true};
	struct reading r;

	while (l->n > 0) {
		point_list_first(&s->pool, l, &r);
		point_list_pop(&s->pool, l);
		coarse_add(s, &coarse, &r, stretch_ns);
	}
	*l = coarse;
}

static void points_add(struct series_store *s, struct point_list *l, const struct demand *d, mono_ns_t at, double value)
{
	uint64_t margin = l->coarse ? d->stretch_ns : demand_interval(d);
	bool look = point_list_is_packed(l) || l->n == SERIES_MAX_POINTS || d->window_ns == 0;
	struct reading r;

	/* The oldest chunk is cold memory: it is looked at only when it could be had for the next points. */
	for (; look && l->n > 0; point_list_pop(&s->pool, l)) {
		point_list_first(&s->pool, l, &r);
		if (mono_since(r.at, at) <= d->window_ns + margin)
			break;
	}
	if (d->window_ns == 0)
		return;
	if (!l->coarse && l->n == SERIES_MAX_POINTS)
		points_coarsen(s, l, d->stretch_ns);
	r = (struct reading){.at = at, .mean = value, .min = value, .max = value, .last = value, .n = 1};
	if (l->coarse)
		coarse_add(s, l, &r, d->stretch_ns);
	else
		points_push(s, l, &r);
}

static void series_put(struct series_store *s, const struct sample *sample, mono_ns_t now)
{
	const struct demand *d = &s->demands[sample->metric];
	mono_ns_t at = MIN_OF(sample->at, now);
	struct series *x;

	x = series_lookup(s, sample->metric, sample->entity);
	if (!x)
		x = series_make(s, sample->metric, sample->entity);
	if (!x)
		return;
	if (at < x->last_at) {
		s->dropped_points++;
		return;
	}
	if (d->counter && sample->value < x->last)
		x->reset_offset += x->last;
	x->last = sample->value;
	x->last_at = at;
	points_add(s, &x->points, d, at, x->reset_offset + sample->value);
}

/* 0 with a log that is the freshest of all; -ENOMEM. */
static int events_touch(struct series_store *s, struct series *x)
{
	uint32_t index = (uint32_t)(x - s->series);
	int r;

	if (x->events) {
		fresh_remove(s, index);
	} else {
		r = event_log_new(&x->events);
		if (r < 0)
			return r;
		s->event_bytes += event_log_bytes(x->events);
	}
	fresh_append(s, index);
	return 0;
}

/* When memory is short the quietest series forget first. */
static void events_shrink(struct series_store *s)
{
	while (s->event_bytes > s->max_event_bytes && s->fresh_first != SERIES_NIL) {
		struct series *x = &s->series[s->fresh_first];
		size_t before = event_log_bytes(x->events);

		if (event_log_count_held(x->events) > 1 && event_log_evict(x->events)) {
			s->event_bytes += event_log_bytes(x->events) - before;
			s->dropped_events++;
			continue;
		}
		s->dropped_events += event_log_count_held(x->events);
		events_drop(s, s->fresh_first);
	}
}

static void series_put_event(struct series_store *s, const struct event *e, mono_ns_t now)
{
	struct series *x;
	size_t before;

	x = series_lookup(s, e->metric, e->entity);
	if (!x)
		x = series_make(s, e->metric, e->entity);
	if (!x || events_touch(s, x) < 0) {
		s->dropped_events++;
		return;
	}
	before = event_log_bytes(x->events);
	x->last = e->code;
	x->last_at = e->at;
	if (event_log_put(x->events, e, now, s->demands[e->metric].window_ns) < 0)
		s->dropped_events++;
	s->event_bytes += event_log_bytes(x->events) - before;
	events_shrink(s);
}

void series_put_batch(struct series_store *s, const struct batch *b)
{
	if (s->forgot)
		series_sweep(s);
	for (size_t i = 0; i < b->n_samples; i++) {
		uint32_t metric = b->samples[i].metric;

		if (metric < METRIC_MAX && s->demands[metric].wanted && !s->demands[metric].event)
			series_put(s, &b->samples[i], b->now);
	}
	for (size_t i = 0; i < b->n_events; i++) {
		const struct event *e = &b->events[i];

		if (e->metric < METRIC_MAX && s->demands[e->metric].wanted && s->demands[e->metric].event)
			series_put_event(s, e, b->now);
	}
}

void series_store_stats(const struct series_store *s, struct series_stats *ret_stats)
{
	*ret_stats = (struct series_stats){
		.n_series = s->n,
		.max_series = s->max,
		.bytes = s->fixed_bytes + s->event_bytes + (size_t)s->pool.n_taken * POINT_CHUNK_BYTES,
		.refused_series = s->refused_series,
		.dropped_points = s->dropped_points,
		.dropped_events = s->dropped_events,
	};
}

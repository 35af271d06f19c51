// SPDX-License-Identifier: Apache-2.0
#include "rules/rules_test_play.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_SAMPLES 20000
#define MAX_EVENTS  1024
#define MAX_OPS     8192

int test_play_open(struct test_play *p, const struct rules_test *t, const struct metrics *metrics)
{
	const char *node = "test-node";
	int r;

	*p = (struct test_play){ .test = t, .metrics = metrics, .epoch_mono = RULES_TEST_EPOCH_MONO,
				 .epoch_wall = RULES_TEST_EPOCH_WALL };
	for (uint32_t i = 0; i < t->n_entities; i++)
		if (t->entities[i].kind == ENTITY_NODE)
			node = t->entities[i].key;
	r = graph_new(4096, node, &p->graph);
	return r < 0 ? r : batch_new(p->graph, MAX_SAMPLES, MAX_EVENTS, MAX_OPS, &p->batch);
}

void test_play_close(struct test_play *p)
{
	batch_free(&p->batch);
	graph_free(&p->graph);
}

static void make_entities(struct test_play *p)
{
	const struct rules_test *t = p->test;

	for (uint32_t i = 0; i < t->n_entities; i++) {
		const struct rules_test_entity *e = &t->entities[i];

		p->ids[i] = batch_entity(p->batch, e->kind, e->key);
		for (uint32_t k = 0; k < e->n_attrs; k++)
			batch_attr(p->batch, p->ids[i], e->attrs[k].name, e->attrs[k].value);
	}
	for (uint32_t i = 0; i < t->n_entities; i++)
		for (uint32_t k = 0; k < t->entities[i].n_edges; k++)
			batch_link(p->batch, t->entities[i].edges[k].kind, p->ids[i],
				   p->ids[t->entities[i].edges[k].to]);
}

static void unset(struct test_play *p, const struct rules_test_step *s)
{
	for (uint32_t i = 0; i < p->n_held; i++)
		if (p->held[i].target == s->target && p->held[i].metric == s->metric) {
			p->held[i] = p->held[--p->n_held];
			return;
		}
}

static void set(struct test_play *p, const struct rules_test_step *s)
{
	unset(p, s);
	p->held[p->n_held].target = s->target;
	p->held[p->n_held].metric = s->metric;
	p->held[p->n_held++].value = s->number;
}

static void put_event(struct test_play *p, const struct rules_test_step *s)
{
	int32_t code = 0;
	struct event *e;

	for (uint32_t i = 0; i < s->n_values; i++)
		if (s->values[i].field == UINT32_MAX)
			code = (int32_t)s->values[i].number;
	e = batch_event(p->batch, s->metric, p->ids[s->target], RULES_TEST_EPOCH_MONO + s->at_ns, SEVERITY_WARNING,
			code);
	for (uint32_t i = 0; i < s->n_values; i++) {
		const struct rules_test_value *v = &s->values[i];

		if (v->field == UINT32_MAX)
			continue;
		if (v->text)
			batch_value_text(p->batch, e, v->field, v->text);
		else
			batch_value_number(p->batch, e, v->field, v->number);
	}
}

static void put_steps(struct test_play *p, uint64_t to_ns)
{
	for (; p->next_step < p->test->n_steps && p->test->steps[p->next_step].at_ns <= to_ns; p->next_step++) {
		const struct rules_test_step *s = &p->test->steps[p->next_step];

		switch (s->kind) {
		case RULES_TEST_EVENT:
			put_event(p, s);
			break;
		case RULES_TEST_SET:
			set(p, s);
			break;
		case RULES_TEST_UNSET:
			unset(p, s);
			break;
		case RULES_TEST_GONE:
			batch_gone(p->batch, p->ids[s->target]);
			break;
		}
	}
}

static void put_series(struct test_play *p, const struct rules_test_series *s, uint64_t from_ns, uint64_t to_ns,
		       bool first)
{
	uint64_t i = first ? 0 : from_ns / s->every_ns + 1;

	for (; i < s->n_points && i * s->every_ns <= to_ns; i++)
		if (!isnan(s->points[i]))
			batch_sample_at(p->batch, s->metric, p->ids[s->target],
					RULES_TEST_EPOCH_MONO + i * s->every_ns, s->points[i]);
}

void test_play_tick(struct test_play *p, uint64_t from_ns, uint64_t to_ns, bool first)
{
	batch_reset(p->batch, RULES_TEST_EPOCH_MONO + to_ns);
	if (first)
		make_entities(p);
	put_steps(p, to_ns);
	for (uint32_t i = 0; i < p->n_held; i++)
		batch_sample(p->batch, p->held[i].metric, p->ids[p->held[i].target], p->held[i].value);
	for (uint32_t i = 0; i < p->test->n_series; i++)
		put_series(p, &p->test->series[i], from_ns, to_ns, first);
}

uint64_t test_play_end(const struct rules_test *t)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < t->n_steps; i++)
		end = MAX_OF(end, t->steps[i].at_ns);
	for (uint32_t i = 0; i < t->n_series; i++)
		end = MAX_OF(end, t->series[i].every_ns * t->series[i].n_points);
	/* A rule that must stay silent gets a while to be wrong in. */
	end += t->n_nones ? 30 * NS_PER_S : 0;
	for (uint32_t i = 0; i < t->n_expects; i++)
		end = MAX_OF(end, t->expects[i].at_ns);
	return MIN_OF(end, (uint64_t)RULES_TEST_MAX_NS);
}

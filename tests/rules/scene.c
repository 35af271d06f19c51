// SPDX-License-Identifier: Apache-2.0
#include "tests/rules/scene.h"

#include <string.h>

#include "base/json.h"
#include "tests/test.h"

static void take(void *arg, const struct finding *f)
{
	struct scene *s = arg;
	struct json j;

	assert_true(s->n_said < SCENE_MAX);
	assert_ok(finding_copy(f, &s->said[s->n_said++]));
	json_init(&j, &s->json);
	finding_write_json(f, &j);
	assert_ok(json_end(&j));
	assert_ok(buf_add_text(&s->json, "\n"));
}

static void start_engine(struct scene *s, const char *rules, unsigned warm_up_s)
{
	struct engine_options o = { .node = "n1", .boot_id = "b1", .max_instances = 5000, .max_series = 5000,
				    .max_series_bytes = 8 << 20, .interval_ns = NS_PER_S };

	pack_load(&s->pack, rules);
	if (diags_count(s->pack.diags, DIAG_ERROR) > 0)
		pack_expect(&s->pack, "no errors"); /* prints them */
	o.metrics = s->pack.metrics;
	o.graph = s->graph;
	o.warm_up_ns = warm_up_s * NS_PER_S;
	assert_ok(engine_new(&o, &s->engine));
	assert_ok(engine_use(s->engine, &s->pack.ruleset, s->now));
	assert_null(s->pack.ruleset);
}

void scene_open(struct scene *s, const char *rules, unsigned warm_up_s)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->json, 64 << 20);
	s->now = SCENE_START;
	pack_open(&s->pack);
	assert_ok(graph_new(4096, "n1", &s->graph));
	assert_ok(batch_new(s->graph, 20000, 20000, 20000, &s->batch));
	batch_reset(s->batch, s->now);
	start_engine(s, rules, warm_up_s);
}

void scene_restart(struct scene *s, const char *rules, unsigned warm_up_s)
{
	engine_free(&s->engine);
	start_engine(s, rules, warm_up_s);
}

void scene_forget(struct scene *s)
{
	for (size_t i = 0; i < s->n_said; i++)
		finding_free(&s->said[i]);
	s->n_said = 0;
	buf_reset(&s->json);
}

void scene_close(struct scene *s)
{
	scene_forget(s);
	buf_done(&s->json);
	engine_free(&s->engine);
	batch_free(&s->batch);
	graph_free(&s->graph);
	pack_close(&s->pack);
}

entity_id scene_entity(struct scene *s, enum entity_kind kind, const char *key)
{
	return batch_entity(s->batch, kind, key);
}

void scene_link(struct scene *s, enum edge_kind edge, entity_id from, entity_id to)
{
	batch_link(s->batch, edge, from, to);
}

static uint32_t metric_of(struct scene *s, const char *name)
{
	uint32_t metric = metrics_find(s->pack.metrics, name);

	if (metric == METRIC_NONE)
		fail_msg("no metric %s", name);
	return metric;
}

void scene_sample(struct scene *s, const char *metric, entity_id id, double value)
{
	batch_sample_at(s->batch, metric_of(s, metric), id, s->now, value);
}

struct event *scene_event(struct scene *s, const char *metric, entity_id id, int code)
{
	return batch_event(s->batch, metric_of(s, metric), id, s->now, SEVERITY_INFO, code);
}

void scene_tick(struct scene *s, uint64_t ahead_ns)
{
	s->now += ahead_ns;
	assert_ok(engine_tick(s->engine, s->batch, s->now, SCENE_WALL + (s->now - SCENE_START), take, s));
	batch_reset(s->batch, s->now);
}

void scene_wait(struct scene *s, unsigned n)
{
	while (n-- > 0)
		scene_tick(s, NS_PER_S);
}

const struct finding *scene_last(const struct scene *s, const char *rule)
{
	for (size_t i = s->n_said; i-- > 0;)
		if (strcmp(s->said[i]->rule, rule) == 0)
			return s->said[i];
	return NULL;
}

size_t scene_count(const struct scene *s, const char *rule, enum finding_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_said; i++)
		n += strcmp(s->said[i]->rule, rule) == 0 && s->said[i]->state == state;
	return n;
}

const struct finding_evidence *scene_evidence(const struct finding *f, const char *id)
{
	for (size_t i = 0; i < f->n_evidence; i++)
		if (strcmp(f->evidence[i].id, id) == 0)
			return &f->evidence[i];
	return NULL;
}

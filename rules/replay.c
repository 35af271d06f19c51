/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct replay {
	struct replay_options options;
	struct ruleset *ruleset; /* until the engine has it */
	struct codec_reader *reader;
	struct graph *graph;
	struct batch *batch;
	struct engine *engine;
	struct replay_stats stats;
	replay_tick_fn tick;
	void *tick_arg;
};

void replay_free(struct replay **replay)
{
	struct replay *r = *replay;

	if (!r)
		return;
	engine_free(&r->engine);
	batch_free(&r->batch);
	graph_free(&r->graph);
	codec_reader_free(&r->reader);
	if (r->ruleset)
		ruleset_free(&r->ruleset);
	free(r);
	*replay = NULL;
}

static size_t or_else(size_t value, size_t usual)
{
	return value ? value : usual;
}

int replay_new(const struct replay_options *options, struct ruleset **ruleset, struct replay **ret_replay)
{
	struct replay *r AUTO(replay_free) = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->options.max_entities = or_else(options->max_entities, 65536);
	r->options.max_samples = or_else(options->max_samples, 65536);
	r->options.max_events = or_else(options->max_events, 8192);
	r->options.max_instances = or_else(options->max_instances, 20000);
	r->options.max_series = or_else(options->max_series, 20000);
	r->options.max_series_bytes = or_else(options->max_series_bytes, 12 * 1024 * 1024);
	r->options.interval_ns = or_else(options->interval_ns, NS_PER_S);
	e = codec_reader_new(options->metrics, &r->reader);
	if (e < 0)
		return e;
	r->ruleset = TAKE_PTR(*ruleset);
	*ret_replay = TAKE_PTR(r);
	return 0;
}

/* Only the header knows the name of the node. */
static int begin(struct replay *r, const struct codec_header *h)
{
	struct engine_options o = {
		.metrics = r->options.metrics,
		.node = h->node,
		.boot_id = h->boot_id,
		.max_instances = r->options.max_instances,
		.max_series = r->options.max_series,
		.max_series_bytes = r->options.max_series_bytes,
		.interval_ns = r->options.interval_ns,
		.warm_up_ns = r->options.warm_up_ns,
	};
	int e = graph_new(r->options.max_entities, h->node, &r->graph);

	if (e == 0)
		e = batch_new(r->graph, r->options.max_samples, r->options.max_events,
			      r->options.max_samples + r->options.max_entities, &r->batch);
	o.graph = r->graph;
	if (e == 0)
		e = engine_new(&o, &r->engine);
	if (e == 0)
		e = engine_use(r->engine, &r->ruleset, h->mono);
	r->stats.header = *h;
	return e == -EINVAL && r->graph == NULL ? -EBADMSG : e; /* a node without a name is no node */
}

static int take_header(struct replay *r, const struct codec_header *h)
{
	if (!r->engine)
		return begin(r, h);
	return strcmp(h->node, r->stats.header.node) == 0 && strcmp(h->boot_id, r->stats.header.boot_id) == 0 ? 0
													      : -ESTALE;
}

static void drop(void *arg, entity_id id)
{
	engine_drop_entity(arg, id);
}

static void take_tick(struct replay *r, wall_ns_t wall, engine_publish_fn publish, void *arg)
{
	if (engine_tick(r->engine, r->batch, r->batch->now, wall, publish, arg) < 0) {
		r->stats.out_of_order++;
		return;
	}
	(void)graph_expire(r->graph, r->batch->now, drop, r->engine);
	if (r->stats.ticks++ == 0)
		r->stats.first = wall;
	r->stats.last = wall;
	r->stats.samples += r->batch->n_samples;
	r->stats.events += r->batch->n_events;
	if (r->tick)
		r->tick(r->tick_arg, r->batch->now, wall);
}

/* A header is read before there is a graph to read into: no other frame may come first. */
static int read_first(struct replay *r, const uint8_t *data, size_t n, size_t *ret_used, enum codec_what *ret_what,
		      struct codec_header *ret_header)
{
	struct graph *graph AUTO(graph_free) = NULL;
	struct batch *batch AUTO(batch_free) = NULL;
	wall_ns_t wall;
	int e = graph_new(2, "?", &graph);

	if (e == 0)
		e = batch_new(graph, 1, 1, 1, &batch);
	if (e == 0)
		e = codec_read(r->reader, data, n, batch, ret_used, ret_what, ret_header, &wall);
	return e == 0 && *ret_what != CODEC_HEADER ? -EBADMSG : e;
}

int replay_feed(struct replay *r, const uint8_t *data, size_t n, engine_publish_fn publish, void *arg, size_t *ret_used)
{
	size_t at = 0, used = 0;
	struct codec_header header;
	enum codec_what what = CODEC_OTHER;
	wall_ns_t wall = 0;
	int e = 0;

	while (at < n) {
		e = r->engine ? codec_read(r->reader, data + at, n - at, r->batch, &used, &what, &header, &wall)
			      : read_first(r, data + at, n - at, &used, &what, &header);
		if (e == 0 && what == CODEC_HEADER)
			e = take_header(r, &header);
		if (e < 0)
			break;
		if (what == CODEC_BATCH)
			take_tick(r, wall, publish, arg);
		at += used;
	}
	*ret_used = at;
	return e == -EAGAIN ? 0 : e;
}

void replay_on_tick(struct replay *r, replay_tick_fn tick, void *arg)
{
	r->tick = tick;
	r->tick_arg = arg;
}

void replay_stats(const struct replay *r, struct replay_stats *ret_stats)
{
	*ret_stats = r->stats;
	ret_stats->skipped = codec_reader_skipped(r->reader);
}

struct engine *replay_engine(struct replay *r)
{
	return r->engine;
}

struct graph *replay_graph(struct replay *r)
{
	return r->graph;
}

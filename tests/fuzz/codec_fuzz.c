/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes into codec_read: as they come, and once more as the payloads of frames whose sums are right, so that what
 * lies behind the sum is reached too. What was read is written and read again: that must succeed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "model/codec.h"

static const struct metric_field fields[] = {{"victim", 1, UNIT_NONE, "name"}, {"rss", 0, UNIT_BYTES, "memory"}, {0}};
static const struct metric_desc table[] = {
	{.name = "t.load", .kind = METRIC_GAUGE, .about = ENTITY_CPU, .help = "load"},
	{.name = "t.oom", .kind = METRIC_EVENT, .about = ENTITY_CGROUP, .help = "a kill", .fields = fields},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct metrics *registry(void)
{
	static struct metrics *m;

	if (!m && (metrics_new(&m) < 0 || metrics_add(m, "fuzz", table, 2, NULL) < 0))
		abort();
	return m;
}

struct side {
	struct graph *graph;
	struct batch *batch;
	struct codec_reader *reader;
};

static void side_open(struct side *s)
{
	if (graph_new(64, "n", &s->graph) < 0 || batch_new(s->graph, 64, 16, 64, &s->batch) < 0 ||
	    codec_reader_new(registry(), &s->reader) < 0)
		abort();
}

static void side_close(struct side *s)
{
	codec_reader_free(&s->reader);
	batch_free(&s->batch);
	graph_free(&s->graph);
}

static void read_back(const struct side *from)
{
	enum codec_what what = CODEC_OTHER;
	struct codec_writer *w = NULL;
	struct side to;
	struct buf out;
	size_t used = 0;

	side_open(&to);
	buf_init(&out, 1 << 20);
	if (codec_writer_new(registry(), &w) < 0)
		abort();
	if (codec_write_graph(w, from->graph, from->batch->now, &out) == 0 &&
	    codec_read(to.reader, out.data, out.len, to.batch, &used, &what, NULL, NULL) < 0)
		abort();
	if (graph_count(to.graph) != graph_count(from->graph))
		abort();
	buf_reset(&out);
	if (codec_write_batch(w, from->batch, 1, &out) == 0 &&
	    (codec_read(to.reader, out.data, out.len, to.batch, &used, &what, NULL, NULL) < 0 || what != CODEC_BATCH))
		abort();
	if (to.batch->n_samples != from->batch->n_samples || to.batch->n_events != from->batch->n_events)
		abort();
	codec_writer_free(&w);
	buf_done(&out);
	side_close(&to);
}

static int feed(struct side *s, const uint8_t *data, size_t size, size_t *ret_used)
{
	enum codec_what what = CODEC_OTHER;
	struct codec_header header;
	wall_ns_t wall;
	int r = codec_read(s->reader, data, size, s->batch, ret_used, &what, &header, &wall);

	if (r == 0 && (*ret_used == 0 || *ret_used > size))
		abort();
	if (r == 0 && what == CODEC_BATCH)
		read_back(s);
	(void)graph_expire(s->graph, s->batch->now, NULL, NULL);
	return r;
}

static void feed_raw(const uint8_t *data, size_t size)
{
	struct side s;
	size_t used = 0;

	side_open(&s);
	for (size_t at = 0; at < size && feed(&s, data + at, size - at, &used) == 0;)
		at += used;
	side_close(&s);
}

/* The input cut at each byte 0xfe; every piece is framed. */
static void feed_framed(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size + 8);
	struct side s;
	size_t used;

	if (!frame)
		abort();
	side_open(&s);
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, 0xfe, size - at);
		uint32_t n = (uint32_t)(end ? end - (data + at) : (ptrdiff_t)(size - at));
		uint32_t sum = (uint32_t)crc32(0, data + at, n);

		memcpy(frame, &n, 4);
		memcpy(frame + 4, &sum, 4);
		memcpy(frame + 8, data + at, n);
		(void)feed(&s, frame, n + 8, &used);
		at += n + 1;
	}
	side_close(&s);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed_raw(data, size);
	feed_framed(data, size);
	return 0;
}

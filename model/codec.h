/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h - a batch as bytes: the format of recordings and of the socket to an isolated collector.
 *
 * Room: model.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: a frame is at most CODEC_MAX_FRAME bytes; a batch too large for one is written as several.
 *
 * A frame is: u32 length of what follows the crc, u32 crc32 of that, u8 type, then fixed little-endian fields and
 * length-prefixed texts (model/codec_wire.h). Metrics travel by name, with the names of their fields, before their
 * first use in a stream, entities by the writer's id and are mapped by the reader: writer and reader need not share a
 * registry or a graph. The writer's own node becomes the reader's own node, whatever they are called.
 * The first frame of a file names format, version, node, boot id, wall and monotonic time.
 * Every read is checked: a torn or hostile frame gives -EBADMSG with the offset, never more.
 */
#ifndef WHY_MODEL_CODEC_H
#define WHY_MODEL_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/batch.h"

#define CODEC_MAX_FRAME (256 * 1024)
#define CODEC_VERSION   1

struct codec_header {
	char node[256];
	char boot_id[40];
	wall_ns_t wall; /* at the moment `mono` */
	mono_ns_t mono;
};

struct codec_writer;

/* `metrics` tells names for ids. -ENOMEM. */
int codec_writer_new(const struct metrics *metrics, struct codec_writer **ret_writer);
void codec_writer_free(struct codec_writer **w);
/* Forget what was already told (dictionary, entities): the next batch is written self-contained. For a new file. */
void codec_writer_restart(struct codec_writer *w);
int codec_write_header(struct codec_writer *w, const struct codec_header *header, struct buf *out); /* -EMSGSIZE */
/* Append one tick: ops, samples, events, `wall` of its `now`. -EMSGSIZE: out is full (nothing appended, and the writer
 * is as after codec_writer_restart); -ENOMEM likewise. After a restart every entity of the graph that the batch refers
 * to is described first, with its attributes; edges made earlier are told by codec_write_graph only. */
int codec_write_batch(struct codec_writer *w, const struct batch *b, wall_ns_t wall, struct buf *out);
/* Describe the whole graph (entities, attributes, edges, tombstones): the start of a recording that begins in the
 * middle of a life. -EMSGSIZE, -ENOMEM: as codec_write_batch. */
int codec_write_graph(struct codec_writer *w, const struct graph *g, mono_ns_t now, struct buf *out);

struct codec_reader;

/* Decoded entities go into `into`'s graph; metrics unknown to `metrics` are skipped and counted. -ENOMEM. */
int codec_reader_new(const struct metrics *metrics, struct codec_reader **ret_reader);
void codec_reader_free(struct codec_reader **r);

enum codec_what { CODEC_HEADER, CODEC_BATCH, CODEC_OTHER };

/* Consume one frame from `data`. *ret_used is its size. For CODEC_BATCH the batch was reset and filled, *ret_wall is
 * set; for CODEC_HEADER *ret_header is (both may be NULL). CODEC_OTHER: nothing to act upon, but the graph may have
 * changed and the batch may be half filled: go on with the same `into`. -EAGAIN: the frame is not whole yet; -EBADMSG:
 * damaged or hostile, the batch is empty, nothing after it can be trusted; -EPROTONOSUPPORT: another version. */
int codec_read(struct codec_reader *r, const uint8_t *data, size_t n, struct batch *into, size_t *ret_used,
	       enum codec_what *ret_what, struct codec_header *ret_header, wall_ns_t *ret_wall);
uint64_t codec_reader_skipped(const struct codec_reader *r); /* samples, events of unknown metrics; unknown frames */
uint64_t codec_reader_offset(const struct codec_reader *r);  /* bytes consumed: where a frame that failed begins */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* isolate_wire.h - the packets between an isolated collector and its parent.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.
 * Bounds: a packet is a struct isolate_packet and at most ISOLATE_MAX_DATA bytes; the frames of one reading together are
 * at most ISOLATE_MAX_READING bytes. Both sides are the same program, so that the layout is that of the machine; sizes and
 * the magic number are checked all the same.
 */
#ifndef WHY_COLLECTORS_ISOLATE_WIRE_H
#define WHY_COLLECTORS_ISOLATE_WIRE_H

#include <stdint.h>

#include "model/graph.h"

#define ISOLATE_MAGIC       0x77687969u
#define ISOLATE_MAX_DATA    16384
#define ISOLATE_MAX_READING (4 * 1024 * 1024)

enum isolate_kind {
	ISOLATE_INIT,    /* to the child, once: struct isolate_setup follows */
	ISOLATE_REQUEST, /* to the child: read at `now_ns` */
	ISOLATE_DATA,    /* to the parent: a piece of codec frames */
	ISOLATE_DONE,    /* to the parent: the reading is whole; `result` is 0 or -errno */
};

struct isolate_packet {
	uint32_t magic;
	uint32_t kind;
	int32_t result;
	uint32_t n_data;
	uint64_t seq; /* of the request */
	uint64_t now_ns, wall_ns;
};

struct isolate_setup {
	uint32_t fixture, ring_kib, n_cpus, self_pid;
	int64_t ticks_per_s, page_bytes;
	char node_name[GRAPH_MAX_KEY];
	char boot_id[64];
	char nvml_path[512]; /* "": none given */
};

#endif

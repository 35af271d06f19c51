/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_io.h - the limits of a cgroup's I/O, by device and kind, and how much of them it uses.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none (`now` is passed in).
 * Bounds: CGROUP_IO_MAX_LIMITS limits of one cgroup; further ones are left out.
 *
 * Texts of cgroup v2 (io.max, io.stat) and v1 (blkio.throttle.*). v1 counts a request when it is made, not when it is let
 * through: over a second or more that is the same, because who is throttled waits.
 */
#ifndef WHY_COLLECTORS_CGROUP_IO_H
#define WHY_COLLECTORS_CGROUP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define CGROUP_IO_MAX_LIMITS 8
#define CGROUP_IO_TEXT       96
#define CGROUP_IO_DEVICE     33

enum cgroup_io_kind {
	CGROUP_IO_READ_BYTES,
	CGROUP_IO_WRITE_BYTES,
	CGROUP_IO_READ_OPS,
	CGROUP_IO_WRITE_OPS,
	CGROUP_IO_KINDS,
};

struct cgroup_io_limit {
	uint32_t major, minor;
	enum cgroup_io_kind kind;
	bool counted, again;        /* `used` is set; and was set before */
	uint64_t per_s;             /* the limit */
	uint64_t used, used_before; /* counters */
};

struct cgroup_io {
	struct cgroup_io_limit limits[CGROUP_IO_MAX_LIMITS];
	size_t n;
	mono_ns_t counted_at, counted_before;
};

/* ---- limits: into an empty struct ---- */

void cgroup_io_take_max(struct cgroup_io *io, const char *text, size_t len); /* v2 io.max */
/* v1 blkio.throttle.{read,write}_{bps,iops}_device */
void cgroup_io_take_v1(struct cgroup_io *io, enum cgroup_io_kind kind, const char *text, size_t len);
/* Take over what `old` has counted for the same limits. */
void cgroup_io_keep_counts(struct cgroup_io *io, const struct cgroup_io *old);

/* ---- use ---- */

void cgroup_io_count_begin(struct cgroup_io *io, mono_ns_t now);
void cgroup_io_count_stat(struct cgroup_io *io, const char *text, size_t len); /* v2 io.stat */
/* v1: `ops` false io_service_bytes, true io_serviced */
void cgroup_io_count_v1(struct cgroup_io *io, bool ops, const char *text, size_t len);
bool cgroup_io_has_ops(const struct cgroup_io *io); /* some limit is of operations: the v1 file of those is of use */

/* The limit that is used most since the last count, as a share of it; false before the second count. */
bool cgroup_io_tightest(const struct cgroup_io *io, const struct cgroup_io_limit **ret_limit, double *ret_used_ratio);
/* Name of its device from /sys below `root_fd`; false where that does not tell. */
bool cgroup_io_device(int root_fd, const struct cgroup_io_limit *l, char ret_name[CGROUP_IO_DEVICE]);
/* "reads from 254:0: 1048576 bytes a second"; `device` NULL: by number. */
void cgroup_io_describe(const struct cgroup_io_limit *l, const char *device, char ret_text[CGROUP_IO_TEXT]);

#endif

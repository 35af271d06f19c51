/* SPDX-License-Identifier: Apache-2.0 */
/* gpu_log.h - lines of NVIDIA's driver as events: what the number means, whose process it is, how often it came.
 *
 * Room: collectors.  Owns: what it remembers of GPUs and of lines.  Thread: the loop.  Clock: none: `at` is passed in.
 * Bounds: GPU_LOG_TOLD events a tick of one number on one GPU, the others of them one event with their count;
 * GPU_LOG_EVENTS a tick in all; 64 GPUs are remembered, 64 processes looked for.
 *
 * Part of the collector kernlog, which reads the log, refuses what the kernel did not write, and registers the metrics.
 */
#ifndef WHY_COLLECTORS_GPU_LOG_H
#define WHY_COLLECTORS_GPU_LOG_H

#include <stdbool.h>

#include "base/clock.h"
#include "collectors/collector.h"
#include "collectors/xid_line.h"
#include "model/batch.h"

#define GPU_LOG_TOLD   8
#define GPU_LOG_EVENTS 1024

/* Fields of KERNLOG_XID, KERNLOG_SXID and KERNLOG_GPU_DRIVER by position. */
enum {
	XID_FIELD_PID,
	XID_FIELD_COMM,
	XID_FIELD_DETAIL,
	XID_FIELD_NAME,
	XID_FIELD_MEANING,
	XID_FIELD_SUSPECT,
	XID_FIELD_ADVICE,
	XID_FIELD_UNIT,
	XID_FIELD_LINK,
	XID_FIELD_PROGRAMS,
	XID_FIELD_LINES,
};
enum { SXID_FIELD_SWITCH, SXID_FIELD_LINK, SXID_FIELD_REACH, SXID_FIELD_ADVICE, SXID_FIELD_MEANING, SXID_FIELD_DETAIL,
       SXID_FIELD_LINES };
enum { GPU_DRIVER_FIELD_STATE, GPU_DRIVER_FIELD_DETAIL };

struct gpu_log;

int gpu_log_new(const struct collect_env *env, struct gpu_log **ret_log); /* -ENOMEM */
void gpu_log_free(struct gpu_log **g);

/* Take one line that the kernel wrote. False: too many in this tick, it was left out. */
bool gpu_log_take(struct gpu_log *g, const struct xid_line *x, const char *line, size_t len, mono_ns_t at, bool simulated,
		  struct batch *out);
/* Once a tick: what was too much to be told one by one, and how many lines each GPU had. */
void gpu_log_collect(struct gpu_log *g, mono_ns_t now, struct batch *out);
/* Once a turn, after all that others wrote: processes that had ended before their line was read. */
void gpu_log_settle(struct gpu_log *g, mono_ns_t now, struct batch *out);

#endif

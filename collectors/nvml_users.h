/* SPDX-License-Identifier: Apache-2.0 */
/* nvml_users.h - the processes that have a context on a GPU, and the memory they hold.
 *
 * Room: collectors.  Owns: nothing.  Thread: as nvml_ask.h.  Clock: none.
 * Bounds: NVML_GPU_USERS processes of a GPU; of more only the number is told.
 */
#ifndef WHY_COLLECTORS_NVML_USERS_H
#define WHY_COLLECTORS_NVML_USERS_H

#include "collectors/nvml_gpu.h"

/* Ask for the processes of `g`, one of the `n` in `all`; `root_fd` is where /proc is found. The driver tells pids as the
 * namespace of the asking process sees them: in a pod without hostPID there are none. */
void nvml_users_read(struct nvml_gpu *g, const struct nvml_gpu *all, size_t n, struct nvml_ask *ask, int root_fd,
		     entity_id gpu, struct batch *b);

#endif

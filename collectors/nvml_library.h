/* SPDX-License-Identifier: Apache-2.0 */
/* nvml_library.h - NVIDIA's management library, opened at run time.
 *
 * Room: collectors.  Owns: the library's handle.  Thread: one; only in an isolated collector's process, because every call
 * may hang.  Clock: none.  Bounds: none needed.
 */
#ifndef WHY_COLLECTORS_NVML_LIBRARY_H
#define WHY_COLLECTORS_NVML_LIBRARY_H

#include "collectors/nvml_api.h"

struct nvml_library {
	struct nvml_calls calls; /* NULL: the library has no such call */
	void *handle;
};

/* Open `path`, or with NULL the library where the system, GKE or NVIDIA's GPU operator puts it. nvmlInit is not called.
 * -ENOENT: there is none; -ELIBBAD: it cannot be used: not a library for this machine, or it lacks the four calls that
 * nothing can be read without. `ret_reason` says which; -ENOMEM. */
int nvml_library_open(const char *path, struct nvml_library **ret_library, char *ret_reason, size_t size);
void nvml_library_close(struct nvml_library **library); /* accepts a pointer to NULL; does not call nvmlShutdown */

/* "the GPU is lost" (15); a number that is not known is named as such. Valid until the next call. */
const char *nvml_library_error(nvml_return error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* nvml_ask.h - a call of NVML that is announced before, so that a hang has a name, and measured after.
 *
 * Room: collectors.  Owns: nothing.  Thread: the only one of an isolated collector's process.
 * Clock: the one of collect_env, to measure calls.  Bounds: none needed.
 *
 *	if (NVML_ASK(ask, DeviceGetTemperature, gpu->handle, NVML_SENSOR_CHIP, &celsius) == NVML_OK)
 */
#ifndef WHY_COLLECTORS_NVML_ASK_H
#define WHY_COLLECTORS_NVML_ASK_H

#include <stdbool.h>

#include "collectors/collector.h"
#include "collectors/nvml_library.h"

#define NVML_WHAT_MAX 24

struct nvml_ask {
	const struct nvml_library *library;
	struct collect_marks *marks; /* NULL: nobody reads them */
	mono_ns_t (*clock)(void);    /* NULL: not measured */
	char what[NVML_WHAT_MAX];    /* whom the next calls are about: a PCI address, "#3" before it is known, "driver" */
	mono_ns_t began;
	uint64_t slowest_ns;
	unsigned n_answers; /* calls that gave what was asked for */
	nvml_return gone; /* NVML_GPU_LOST and its like, once a call said so; NVML_OK: none did */
};

/* About whom the next calls are; forgets how slow the last ones were, and what they said. */
void nvml_ask_about(struct nvml_ask *ask, const char *what);
void nvml_ask_begin(struct nvml_ask *ask, const char *call);
nvml_return nvml_ask_end(struct nvml_ask *ask, nvml_return result); /* returns `result` */

/* True when what a process before this one did not return from is about `what`. */
bool nvml_ask_hung_at(const struct nvml_ask *ask, const char *what);
void nvml_ask_forget_hang(struct nvml_ask *ask, const char *what); /* it answers again */

/* NVML_NO_SUCH_CALL when the library lacks it. */
#define NVML_ASK(ask, name, ...)                                                                                       \
	((ask)->library->calls.name ?                                                                                  \
		 (nvml_ask_begin((ask), "nvml" #name), nvml_ask_end((ask), (ask)->library->calls.name(__VA_ARGS__))) : \
		 NVML_NO_SUCH_CALL)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* nvml_gpu.h - one NVIDIA GPU: what its driver says of it, as samples of gpu_metrics.h.
 *
 * Room: collectors.  Owns: nothing.  Thread: as nvml_ask.h.  Clock: none.
 * Bounds: NVML_GPU_USERS processes of a GPU are followed.
 *
 * A call that fails, for whatever reason, leaves its readings out.
 */
#ifndef WHY_COLLECTORS_NVML_GPU_H
#define WHY_COLLECTORS_NVML_GPU_H

#include "collectors/gpu_metrics.h"
#include "collectors/nvml_ask.h"

#define NVML_GPU_USERS 64

struct nvml_user {
	uint32_t pid;
	uint64_t start_ticks;
	double bytes; /* NaN: not known */
	bool seen;
};

struct nvml_gpu {
	char address[NVML_WHAT_MAX]; /* as the kernel writes it */
	char uuid[NVML_MAX_TEXT];
	unsigned index;
	nvml_device handle;
	bool present, lost, described, registered;
	mono_ns_t asleep_until; /* it hung, or was lost: it is not asked before */
	/* for what the driver does not count itself */
	mono_ns_t reasons_at;
	unsigned long long reasons;
	double held_ns[8];
	unsigned held_by_driver; /* bits: the driver counted it once, so that its own sum is never told in between */
	mono_ns_t pcie_at;
	unsigned long long pcie_sent, pcie_received;
	int mig;             /* -1: not known */
	int n_links;         /* -1: not yet looked */
	struct nvml_user users[NVML_GPU_USERS];
	size_t n_users;
};

/* PCI address as the kernel writes it, "0000:5e:00.0", out of the driver's "00000000:5E:00.0". False: it is none. */
bool nvml_gpu_address(const struct nvml_pci *pci, char ret_address[NVML_WHAT_MAX]);

/* Name, uuid, serial and the like, as attributes. */
void nvml_gpu_describe(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b);
/* What changes from second to second. */
void nvml_gpu_read(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b);
/* What changes seldom or is dear to ask: limits, errors, links, modes. */
void nvml_gpu_read_health(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b);

/* Value of a field; false: the driver does not give it. */
bool nvml_gpu_field(const struct nvml_field *f, double *ret_value);

#endif

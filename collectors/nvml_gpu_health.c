// SPDX-License-Identifier: Apache-2.0
/* What is asked every few seconds: limits, memory errors, links, modes. */
#include <stdint.h>

#include "base/cleanup.h"

#include "collectors/nvml_gpu.h"

static void read_limits(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	unsigned n;

	if (NVML_ASK(ask, DeviceGetTemperatureThreshold, g->handle, NVML_THRESHOLD_SLOWDOWN, &n) == NVML_OK)
		batch_sample(b, GPU_TEMPERATURE_SLOWDOWN, gpu, n);
	if (NVML_ASK(ask, DeviceGetEnforcedPowerLimit, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_POWER_LIMIT, gpu, n / 1e3);
	if (NVML_ASK(ask, DeviceGetPowerManagementDefaultLimit, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_POWER_LIMIT_DEFAULT, gpu, n / 1e3);
	if (NVML_ASK(ask, DeviceGetMaxClockInfo, g->handle, NVML_CLOCK_SM, &n) == NVML_OK)
		batch_sample(b, GPU_CLOCK_SM_MAX, gpu, n * 1e6);
	if (NVML_ASK(ask, DeviceGetApplicationsClock, g->handle, NVML_CLOCK_SM, &n) == NVML_OK)
		batch_sample(b, GPU_CLOCK_SM_APPLICATION, gpu, n * 1e6);
}

/* ---- memory ---- */

static void read_ecc(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	static const struct {
		int error, counter;
		uint32_t metric;
	} totals[] = {
		{ NVML_ECC_CORRECTED, NVML_ECC_VOLATILE, GPU_ECC_CORRECTED },
		{ NVML_ECC_UNCORRECTED, NVML_ECC_VOLATILE, GPU_ECC_UNCORRECTED },
		{ NVML_ECC_CORRECTED, NVML_ECC_LIFETIME, GPU_ECC_CORRECTED_LIFETIME },
		{ NVML_ECC_UNCORRECTED, NVML_ECC_LIFETIME, GPU_ECC_UNCORRECTED_LIFETIME },
	};
	static const struct {
		int place;
		uint32_t metric;
	} places[] = {
		{ NVML_PLACE_DRAM, GPU_ECC_UNCORRECTED_DRAM },
		{ NVML_PLACE_SRAM, GPU_ECC_UNCORRECTED_SRAM },
	};
	struct nvml_sram sram = { .version = NVML_SRAM_VERSION };
	unsigned on, pending;
	unsigned long long n;

	if (NVML_ASK(ask, DeviceGetEccMode, g->handle, &on, &pending) == NVML_OK && on <= 1)
		batch_sample(b, GPU_ECC_MODE, gpu, on);
	for (size_t i = 0; i < ARRAY_LEN(totals); i++)
		if (NVML_ASK(ask, DeviceGetTotalEccErrors, g->handle, totals[i].error, totals[i].counter, &n) == NVML_OK)
			batch_sample(b, totals[i].metric, gpu, (double)n);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (NVML_ASK(ask, DeviceGetMemoryErrorCounter, g->handle, NVML_ECC_UNCORRECTED, NVML_ECC_VOLATILE,
			     places[i].place, &n) == NVML_OK)
			batch_sample(b, places[i].metric, gpu, (double)n);
	if (NVML_ASK(ask, DeviceGetSramEccErrorStatus, g->handle, &sram) == NVML_OK)
		batch_sample(b, GPU_ECC_SRAM_THRESHOLD, gpu, sram.threshold_exceeded != 0);
}

static void read_remapping(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	unsigned corrected, uncorrected, pending, failed;

	if (NVML_ASK(ask, DeviceGetRemappedRows, g->handle, &corrected, &uncorrected, &pending, &failed) != NVML_OK)
		return;
	batch_sample(b, GPU_REMAP_CORRECTED, gpu, corrected);
	batch_sample(b, GPU_REMAP_UNCORRECTED, gpu, uncorrected);
	batch_sample(b, GPU_REMAP_PENDING, gpu, pending != 0);
	batch_sample(b, GPU_REMAP_FAILED, gpu, failed != 0);
}

/* ---- links ---- */

static void read_pcie(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	unsigned n;

	if (NVML_ASK(ask, DeviceGetMaxPcieLinkGeneration, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_PCIE_GENERATION_MAX, gpu, n);
	if (NVML_ASK(ask, DeviceGetCurrPcieLinkWidth, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_PCIE_WIDTH, gpu, n);
	if (NVML_ASK(ask, DeviceGetMaxPcieLinkWidth, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_PCIE_WIDTH_MAX, gpu, n);
	if (NVML_ASK(ask, DeviceGetPcieReplayCounter, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_PCIE_REPLAYS, gpu, n);
}

/* Errors of all links: by fields where the driver has them (Hopper and later have no other), else by the older call. */
static bool link_errors(struct nvml_gpu *g, struct nvml_ask *ask, double *ret_errors)
{
	static const unsigned ids[] = { NVML_FIELD_LINK_REPLAYS, NVML_FIELD_LINK_RECOVERIES, NVML_FIELD_LINK_CRC };
	struct nvml_field fields[ARRAY_LEN(ids) * NVML_MAX_LINKS] = { 0 };
	unsigned long long errors;
	double sum = 0, value;
	bool known = false;
	int n = 0;

	for (int link = 0; link < g->n_links; link++)
		for (size_t i = 0; i < ARRAY_LEN(ids); i++)
			fields[n++] = (struct nvml_field){ .id = ids[i], .scope = (unsigned)link,
							   .result = NVML_NOT_SUPPORTED };
	if (NVML_ASK(ask, DeviceGetFieldValues, g->handle, n, fields) == NVML_OK)
		for (int i = 0; i < n; i++)
			if (nvml_gpu_field(&fields[i], &value)) {
				sum += value;
				known = true;
			}
	for (int link = 0; link < g->n_links && !known && !ask->gone; link++)
		for (int counter = 0; counter < NVML_LINK_COUNTERS; counter++)
			if (NVML_ASK(ask, DeviceGetNvLinkErrorCounter, g->handle, (unsigned)link, counter,
				     &errors) == NVML_OK)
				sum += (double)errors;
			else if (counter == 0)
				return false;
	*ret_errors = sum;
	return true;
}

static void read_links(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	struct nvml_field bytes[] = {
		{ .id = NVML_FIELD_LINK_SENT, .scope = NVML_ALL_LINKS, .result = NVML_NOT_SUPPORTED },
		{ .id = NVML_FIELD_LINK_RECEIVED, .scope = NVML_ALL_LINKS, .result = NVML_NOT_SUPPORTED },
	};
	unsigned n_up = 0, n_known = 0, up;
	double errors, sent, received;

	if (g->n_links == 0)
		return;
	for (unsigned link = 0; link < NVML_MAX_LINKS && (g->n_links < 0 || link < (unsigned)g->n_links); link++) {
		if (NVML_ASK(ask, DeviceGetNvLinkState, g->handle, link, &up) != NVML_OK)
			break;
		n_known++;
		n_up += up != 0;
	}
	if (g->n_links < 0 && !ask->gone)
		g->n_links = (int)n_known;
	if (n_known == 0)
		return;
	batch_sample(b, GPU_NVLINK_LINKS, gpu, g->n_links);
	if ((int)n_known == g->n_links) /* else some link did not answer: how many are up is not known */
		batch_sample(b, GPU_NVLINK_ACTIVE, gpu, n_up);
	if (link_errors(g, ask, &errors))
		batch_sample(b, GPU_NVLINK_ERRORS, gpu, errors);
	if (NVML_ASK(ask, DeviceGetFieldValues, g->handle, ARRAY_LEN(bytes), bytes) == NVML_OK &&
	    nvml_gpu_field(&bytes[0], &sent) && nvml_gpu_field(&bytes[1], &received))
		batch_sample(b, GPU_NVLINK_BYTES, gpu, (sent + received) * 1024);
}

static void read_fabric(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	struct nvml_fabric fabric = { .state = NVML_FABRIC_NONE };

	if (NVML_ASK(ask, DeviceGetGpuFabricInfo, g->handle, &fabric) != NVML_OK)
		return;
	if (fabric.state == NVML_FABRIC_NOT_STARTED)
		batch_sample(b, GPU_FABRIC_STATE, gpu, GPU_FABRIC_NOT_STARTED);
	else if (fabric.state == NVML_FABRIC_IN_PROGRESS)
		batch_sample(b, GPU_FABRIC_STATE, gpu, GPU_FABRIC_IN_PROGRESS);
	else if (fabric.state == NVML_FABRIC_COMPLETED)
		batch_sample(b, GPU_FABRIC_STATE, gpu,
			     fabric.status == NVML_OK ? GPU_FABRIC_COMPLETED : GPU_FABRIC_FAILED);
}

/* ---- modes ---- */

static void note_mig(struct nvml_gpu *g, entity_id gpu, unsigned mode, mono_ns_t now, struct batch *b)
{
	if (g->mig >= 0 && g->mig != (int)mode) {
		struct event *e = batch_event(b, GPU_EVENT_MIG_CHANGED, gpu, now, SEVERITY_INFO, 0);
		batch_message(b, e, "GPU %u (%s): partitioning was switched %s", g->index, g->address, mode ? "on" : "off");
	}
	g->mig = (int)mode;
	batch_sample(b, GPU_MIG_MODE, gpu, mode);
}

static void read_modes(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b)
{
	struct nvml_field recovery = { .id = NVML_FIELD_RECOVERY_ACTION, .result = NVML_NOT_SUPPORTED };
	unsigned mode, pending;
	double action;

	if (NVML_ASK(ask, DeviceGetMigMode, g->handle, &mode, &pending) == NVML_OK && mode <= 1)
		note_mig(g, gpu, mode, now, b);
	if (NVML_ASK(ask, DeviceGetPersistenceMode, g->handle, &mode) == NVML_OK && mode <= 1)
		batch_sample(b, GPU_PERSISTENCE, gpu, mode);
	if (NVML_ASK(ask, DeviceGetFieldValues, g->handle, 1, &recovery) == NVML_OK && nvml_gpu_field(&recovery, &action) &&
	    action >= GPU_RECOVERY_NONE && action <= GPU_RECOVERY_DRAIN_AND_RESET) /* the same numbers */
		batch_sample(b, GPU_RECOVERY_ACTION, gpu, action);
}

void nvml_gpu_read_health(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b)
{
	read_limits(g, ask, gpu, b);
	if (!ask->gone)
		read_ecc(g, ask, gpu, b);
	if (!ask->gone)
		read_remapping(g, ask, gpu, b);
	if (!ask->gone)
		read_pcie(g, ask, gpu, b);
	if (!ask->gone)
		read_links(g, ask, gpu, b);
	if (!ask->gone)
		read_fabric(g, ask, gpu, b);
	if (!ask->gone)
		read_modes(g, ask, gpu, now, b);
}

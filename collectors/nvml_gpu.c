// SPDX-License-Identifier: Apache-2.0
/* What is asked every second: a few microseconds a call while the GPU is awake. */
#include "collectors/nvml_gpu.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define MAX_GAP_NS (5 * NS_PER_S) /* between two looks at the reasons; what was in a longer gap is not known */

bool nvml_gpu_address(const struct nvml_pci *pci, char ret_address[NVML_WHAT_MAX])
{
	unsigned domain, bus, device, function;
	char text[sizeof(pci->bus_id) + 1] = { 0 };

	memcpy(text, pci->bus_id, sizeof(pci->bus_id));
	if (sscanf(text, "%8x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4)
		return false;
	(void)snprintf(ret_address, NVML_WHAT_MAX, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

static void describe_text(entity_id gpu, const char *name, nvml_return r, const char *text, struct batch *b)
{
	if (r == NVML_OK && text[0])
		batch_attr(b, gpu, name, text);
}

void nvml_gpu_describe(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	char text[NVML_MAX_TEXT] = "";
	nvml_return r = NVML_ASK(ask, DeviceGetUUID, g->handle, g->uuid, sizeof(g->uuid));

	g->uuid[sizeof(g->uuid) - 1] = '\0';
	describe_text(gpu, "uuid", r, g->uuid, b);
	r = NVML_ASK(ask, DeviceGetName, g->handle, text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	describe_text(gpu, "name", r, text, b);
	text[0] = '\0';
	r = NVML_ASK(ask, DeviceGetSerial, g->handle, text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	describe_text(gpu, "serial", r, text, b);
	batch_attr(b, gpu, "vendor", "nvidia");
	batch_attr(b, gpu, "pci_address", g->address);
	batch_attr_u64(b, gpu, "index", g->index);
}

bool nvml_gpu_field(const struct nvml_field *f, double *ret_value)
{
	if (f->result != NVML_OK)
		return false;
	switch (f->type) {
	case NVML_TYPE_DOUBLE:
		*ret_value = f->value.d;
		return true;
	case NVML_TYPE_UINT:
		*ret_value = f->value.u;
		return true;
	case NVML_TYPE_ULONG:
		*ret_value = (double)f->value.ul;
		return true;
	case NVML_TYPE_ULLONG:
		*ret_value = (double)f->value.ull;
		return true;
	case NVML_TYPE_LLONG:
		*ret_value = (double)f->value.ll;
		return true;
	case NVML_TYPE_INT:
		*ret_value = f->value.i;
		return true;
	case NVML_TYPE_USHORT:
		*ret_value = f->value.us;
		return true;
	default:
		return false; /* of a later library */
	}
}

static void read_use(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, struct batch *b)
{
	struct nvml_utilization use;
	struct nvml_memory memory;
	unsigned n;

	if (NVML_ASK(ask, DeviceGetUtilizationRates, g->handle, &use) == NVML_OK) {
		batch_sample(b, GPU_UTILIZATION, gpu, use.gpu / 100.0);
		batch_sample(b, GPU_MEMORY_BUSY, gpu, use.memory / 100.0);
	}
	if (NVML_ASK(ask, DeviceGetMemoryInfo, g->handle, &memory) == NVML_OK) {
		batch_sample(b, GPU_MEMORY_USED, gpu, (double)memory.used);
		batch_sample(b, GPU_MEMORY_TOTAL, gpu, (double)memory.total);
	}
	if (NVML_ASK(ask, DeviceGetTemperature, g->handle, NVML_SENSOR_CHIP, &n) == NVML_OK)
		batch_sample(b, GPU_TEMPERATURE, gpu, n);
	if (NVML_ASK(ask, DeviceGetClockInfo, g->handle, NVML_CLOCK_SM, &n) == NVML_OK)
		batch_sample(b, GPU_CLOCK_SM, gpu, n * 1e6);
	if (NVML_ASK(ask, DeviceGetClockInfo, g->handle, NVML_CLOCK_MEMORY, &n) == NVML_OK)
		batch_sample(b, GPU_CLOCK_MEMORY, gpu, n * 1e6);
	/* An idle board goes down to generation 1: the generation means something only beside the use at the same time. */
	if (NVML_ASK(ask, DeviceGetCurrPcieLinkGeneration, g->handle, &n) == NVML_OK)
		batch_sample(b, GPU_PCIE_GENERATION, gpu, n);
}

/* ---- what held the clocks down ---- */

static const struct held {
	unsigned long long reason;
	uint32_t metric;
	unsigned field; /* 0: no driver counts it */
} helds[] = {
	{ NVML_REASON_POWER_CAP, GPU_HELD_POWER_CAP, NVML_FIELD_HELD_POWER },
	{ NVML_REASON_HW_THERMAL, GPU_HELD_HW_THERMAL, NVML_FIELD_HELD_HW_THERMAL },
	{ NVML_REASON_SW_THERMAL, GPU_HELD_SW_THERMAL, NVML_FIELD_HELD_SW_THERMAL },
	{ NVML_REASON_POWER_BRAKE, GPU_HELD_POWER_BRAKE, NVML_FIELD_HELD_POWER_BRAKE },
	{ NVML_REASON_APPLICATION, GPU_HELD_APPLICATION_CLOCKS, 0 },
	{ NVML_REASON_HW_SLOWDOWN, GPU_HELD_HW_SLOWDOWN, 0 },
};
_Static_assert(ARRAY_LEN(helds) <= ARRAY_LEN(((struct nvml_gpu *)NULL)->held_ns), "one sum each");

/* Time between two looks counts when the reason was there at both. True: there are sums to be told. */
static bool add_up_reasons(struct nvml_gpu *g, struct nvml_ask *ask, mono_ns_t now)
{
	unsigned long long reasons;

	if (NVML_ASK(ask, DeviceGetCurrentClocksEventReasons, g->handle, &reasons) != NVML_OK) {
		g->reasons_at = 0;
		return false;
	}
	uint64_t gap = g->reasons_at ? mono_since(g->reasons_at, now) : 0;
	for (size_t i = 0; i < ARRAY_LEN(helds) && gap <= MAX_GAP_NS; i++)
		if (reasons & g->reasons & helds[i].reason)
			g->held_ns[i] += (double)gap;
	g->reasons = reasons;
	g->reasons_at = now;
	return true;
}

/* The counters of the driver miss nothing; where it has none, what was sampled. Never one after the other: a counter
 * that falls is a reset. */
static void tell_held(struct nvml_gpu *g, const struct nvml_field *fields, bool summed, entity_id gpu, struct batch *b)
{
	for (size_t i = 0; i < ARRAY_LEN(helds); i++) {
		double ns;
		if (helds[i].field && nvml_gpu_field(&fields[i], &ns)) {
			g->held_by_driver |= 1u << i;
			batch_sample(b, helds[i].metric, gpu, ns);
		} else if (summed && !(g->held_by_driver & 1u << i)) {
			batch_sample(b, helds[i].metric, gpu, g->held_ns[i]);
		}
	}
}

/* Counters that may wrap, or start anew with the driver: then this reading is left out. */
static void tell_pcie(struct nvml_gpu *g, const struct nvml_field *fields, entity_id gpu, mono_ns_t now, struct batch *b)
{
	double sent, received;

	if (!nvml_gpu_field(&fields[0], &sent) || !nvml_gpu_field(&fields[1], &received))
		return;
	if (g->pcie_at && now > g->pcie_at && sent >= (double)g->pcie_sent && received >= (double)g->pcie_received) {
		double s = (double)mono_since(g->pcie_at, now) / NS_PER_S;
		batch_sample(b, GPU_PCIE_SENT, gpu, (sent - (double)g->pcie_sent) / s);
		batch_sample(b, GPU_PCIE_RECEIVED, gpu, (received - (double)g->pcie_received) / s);
	}
	g->pcie_at = now;
	g->pcie_sent = (unsigned long long)sent;
	g->pcie_received = (unsigned long long)received;
}

enum { OTHER_POWER = ARRAY_LEN(helds), OTHER_MEMORY_TEMPERATURE, OTHER_SENT, OTHER_RECEIVED, N_FIELDS };

static void read_fields(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b)
{
	struct nvml_field fields[N_FIELDS] = {
		[OTHER_POWER] = { .id = NVML_FIELD_POWER_INSTANT },
		[OTHER_MEMORY_TEMPERATURE] = { .id = NVML_FIELD_MEMORY_TEMPERATURE },
		[OTHER_SENT] = { .id = NVML_FIELD_PCIE_SENT },
		[OTHER_RECEIVED] = { .id = NVML_FIELD_PCIE_RECEIVED },
	};
	bool summed = add_up_reasons(g, ask, now);
	unsigned milliwatts;
	double value;

	for (size_t i = 0; i < ARRAY_LEN(helds); i++)
		fields[i].id = helds[i].field ? helds[i].field : NVML_FIELD_HELD_POWER;
	for (size_t i = 0; i < N_FIELDS; i++)
		fields[i].result = NVML_NOT_SUPPORTED;
	if (NVML_ASK(ask, DeviceGetFieldValues, g->handle, N_FIELDS, fields) != NVML_OK)
		for (size_t i = 0; i < N_FIELDS; i++)
			fields[i].result = NVML_NOT_SUPPORTED;
	tell_held(g, fields, summed, gpu, b);
	tell_pcie(g, &fields[OTHER_SENT], gpu, now, b);
	if (nvml_gpu_field(&fields[OTHER_MEMORY_TEMPERATURE], &value))
		batch_sample(b, GPU_TEMPERATURE_MEMORY, gpu, value);
	if (nvml_gpu_field(&fields[OTHER_POWER], &value))
		batch_sample(b, GPU_POWER_DRAW, gpu, value / 1e3);
	else if (NVML_ASK(ask, DeviceGetPowerUsage, g->handle, &milliwatts) == NVML_OK)
		batch_sample(b, GPU_POWER_DRAW, gpu, milliwatts / 1e3);
}

void nvml_gpu_read(struct nvml_gpu *g, struct nvml_ask *ask, entity_id gpu, mono_ns_t now, struct batch *b)
{
	read_use(g, ask, gpu, b);
	if (!ask->gone)
		read_fields(g, ask, gpu, now, b);
}

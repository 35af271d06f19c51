/* SPDX-License-Identifier: Apache-2.0 */
/* nvml_api.h - what is used of NVIDIA's management library: calls, structures, numbers; our own declarations.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: NVML_MAX_LINKS links of a GPU.
 *
 * Written from the documented interface (drivers 470 to 580), so that nothing of NVIDIA's is needed to build. Layouts are
 * those of the 64-bit library. A call that the installed library lacks is NULL in the table: what it would tell is unknown.
 */
#ifndef WHY_COLLECTORS_NVML_API_H
#define WHY_COLLECTORS_NVML_API_H

#include <stddef.h>

typedef int nvml_return;
typedef struct nvml_opaque_device *nvml_device;
typedef struct nvml_opaque_set *nvml_event_set;

enum {
	NVML_OK = 0,
	NVML_UNINITIALIZED = 1,
	NVML_BAD_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_TOO_SMALL = 7,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_TIMEOUT = 10,
	NVML_NO_SUCH_CALL = 13,
	NVML_GPU_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_VERSIONS_DIFFER = 18,
	NVML_GPU_NOT_FOUND = 28,
	NVML_UNKNOWN = 999,
};

#define NVML_MAX_LINKS 18
#define NVML_MAX_TEXT  96

struct nvml_pci {
	char bus_id_short[16];
	unsigned domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

struct nvml_utilization {
	unsigned gpu, memory; /* per cent */
};

struct nvml_memory {
	unsigned long long total, free, used; /* bytes */
};

struct nvml_process {
	unsigned pid;
	unsigned long long used_bytes; /* NVML_NO_BYTES: not known */
	unsigned gpu_instance, compute_instance;
};
#define NVML_NO_BYTES (~0ull)

struct nvml_event {
	nvml_device device;
	unsigned long long type, data; /* data: the Xid */
	unsigned gpu_instance, compute_instance;
};
#define NVML_EVENT_XID 0x008ull
#define NVML_EVENT_MIG 0x100ull

struct nvml_fabric {
	unsigned char cluster[16];
	nvml_return status; /* only when complete */
	unsigned clique;
	unsigned char state;
};
enum { NVML_FABRIC_NONE, NVML_FABRIC_NOT_STARTED, NVML_FABRIC_IN_PROGRESS, NVML_FABRIC_COMPLETED };

struct nvml_sram {
	unsigned version; /* set by the caller: NVML_SRAM_VERSION */
	unsigned long long lifetime_parity, lifetime_secded, lifetime_corrected, parity, secded, corrected;
	unsigned long long lifetime_l2, lifetime_sm, lifetime_pcie, lifetime_mcu, lifetime_other;
	unsigned threshold_exceeded;
};
#define NVML_SRAM_VERSION ((unsigned)sizeof(struct nvml_sram) | 1u << 24)

struct nvml_field {
	unsigned id, scope; /* scope: of a link, its number */
	long long timestamp_us, latency_us;
	int type;
	nvml_return result;
	union {
		double d;
		int i;
		unsigned u;
		unsigned long ul;
		unsigned long long ull;
		long long ll;
		unsigned short us;
	} value;
};
enum { NVML_TYPE_DOUBLE, NVML_TYPE_UINT, NVML_TYPE_ULONG, NVML_TYPE_ULLONG, NVML_TYPE_LLONG,
       NVML_TYPE_INT, NVML_TYPE_USHORT };

_Static_assert(sizeof(struct nvml_pci) == 68 && offsetof(struct nvml_pci, bus_id) == 36, "as the library lays it out");
_Static_assert(sizeof(struct nvml_process) == 24, "as the library lays it out");
_Static_assert(sizeof(struct nvml_event) == 32, "as the library lays it out");
_Static_assert(sizeof(struct nvml_field) == 40 && offsetof(struct nvml_field, value) == 32, "as the library lays it out");
_Static_assert(sizeof(struct nvml_sram) == 104, "as the library lays it out");

/* Numbers of fields. */
enum {
	NVML_FIELD_HELD_POWER = 74,      /* ns */
	NVML_FIELD_MEMORY_TEMPERATURE = 82,
	NVML_FIELD_LINK_SENT = 138,      /* KiB; scope: a link, or NVML_ALL_LINKS */
	NVML_FIELD_LINK_RECEIVED = 139,
	NVML_FIELD_LINK_REPLAYS = 161,   /* scope: a link */
	NVML_FIELD_LINK_RECOVERIES = 162,
	NVML_FIELD_LINK_CRC = 163,
	NVML_FIELD_POWER_INSTANT = 186,  /* mW; does not wait for an average as the call does */
	NVML_FIELD_PCIE_SENT = 197,      /* bytes, may wrap */
	NVML_FIELD_PCIE_RECEIVED = 198,
	NVML_FIELD_RECOVERY_ACTION = 230,
	NVML_FIELD_HELD_SW_THERMAL = 251, /* ns */
	NVML_FIELD_HELD_HW_THERMAL = 252,
	NVML_FIELD_HELD_POWER_BRAKE = 253,
};
#define NVML_ALL_LINKS (~0u)

/* Why the clocks are not higher. */
enum {
	NVML_REASON_APPLICATION = 0x02,
	NVML_REASON_POWER_CAP = 0x04,
	NVML_REASON_HW_SLOWDOWN = 0x08, /* with one of the two of hardware below, or by itself */
	NVML_REASON_SW_THERMAL = 0x20,
	NVML_REASON_HW_THERMAL = 0x40,
	NVML_REASON_POWER_BRAKE = 0x80,
};

enum { NVML_CLOCK_SM = 1, NVML_CLOCK_MEMORY = 2 };
enum { NVML_SENSOR_CHIP = 0 };
enum { NVML_THRESHOLD_SLOWDOWN = 1 };
enum { NVML_ECC_CORRECTED = 0, NVML_ECC_UNCORRECTED = 1 };
enum { NVML_ECC_VOLATILE = 0, NVML_ECC_LIFETIME = 1 };
enum { NVML_PLACE_DRAM = 2, NVML_PLACE_SRAM = 7 };
#define NVML_LINK_COUNTERS 5 /* replay, recovery, CRC of flits, CRC of data, ECC */

/* X(name, symbol, older symbol of the same form, arguments): the member is called by `name`. */
#define NVML_CALLS(X) \
	X(Init, "nvmlInit_v2", NULL, (void)) \
	X(Shutdown, "nvmlShutdown", NULL, (void)) \
	X(SystemGetDriverVersion, "nvmlSystemGetDriverVersion", NULL, (char *text, unsigned size)) \
	X(SystemGetNVMLVersion, "nvmlSystemGetNVMLVersion", NULL, (char *text, unsigned size)) \
	X(DeviceGetCount, "nvmlDeviceGetCount_v2", NULL, (unsigned *n)) \
	X(DeviceGetHandleByIndex, "nvmlDeviceGetHandleByIndex_v2", NULL, (unsigned index, nvml_device *device)) \
	X(DeviceGetPciInfo, "nvmlDeviceGetPciInfo_v3", NULL, (nvml_device device, struct nvml_pci *pci)) \
	X(DeviceGetUUID, "nvmlDeviceGetUUID", NULL, (nvml_device device, char *text, unsigned size)) \
	X(DeviceGetName, "nvmlDeviceGetName", NULL, (nvml_device device, char *text, unsigned size)) \
	X(DeviceGetSerial, "nvmlDeviceGetSerial", NULL, (nvml_device device, char *text, unsigned size)) \
	X(DeviceGetUtilizationRates, "nvmlDeviceGetUtilizationRates", NULL, \
	  (nvml_device device, struct nvml_utilization *u)) \
	X(DeviceGetMemoryInfo, "nvmlDeviceGetMemoryInfo", NULL, (nvml_device device, struct nvml_memory *memory)) \
	X(DeviceGetTemperature, "nvmlDeviceGetTemperature", NULL, (nvml_device device, int sensor, unsigned *celsius)) \
	X(DeviceGetTemperatureThreshold, "nvmlDeviceGetTemperatureThreshold", NULL, \
	  (nvml_device device, int threshold, unsigned *celsius)) \
	X(DeviceGetPowerUsage, "nvmlDeviceGetPowerUsage", NULL, (nvml_device device, unsigned *milliwatts)) \
	X(DeviceGetEnforcedPowerLimit, "nvmlDeviceGetEnforcedPowerLimit", NULL, (nvml_device device, unsigned *milliwatts)) \
	X(DeviceGetPowerManagementDefaultLimit, "nvmlDeviceGetPowerManagementDefaultLimit", NULL, \
	  (nvml_device device, unsigned *milliwatts)) \
	X(DeviceGetClockInfo, "nvmlDeviceGetClockInfo", NULL, (nvml_device device, int clock, unsigned *megahertz)) \
	X(DeviceGetMaxClockInfo, "nvmlDeviceGetMaxClockInfo", NULL, (nvml_device device, int clock, unsigned *megahertz)) \
	X(DeviceGetApplicationsClock, "nvmlDeviceGetApplicationsClock", NULL, \
	  (nvml_device device, int clock, unsigned *megahertz)) \
	X(DeviceGetCurrentClocksEventReasons, "nvmlDeviceGetCurrentClocksEventReasons", \
	  "nvmlDeviceGetCurrentClocksThrottleReasons", (nvml_device device, unsigned long long *reasons)) \
	X(DeviceGetEccMode, "nvmlDeviceGetEccMode", NULL, (nvml_device device, unsigned *now, unsigned *pending)) \
	X(DeviceGetTotalEccErrors, "nvmlDeviceGetTotalEccErrors", NULL, \
	  (nvml_device device, int error, int counter, unsigned long long *n)) \
	X(DeviceGetMemoryErrorCounter, "nvmlDeviceGetMemoryErrorCounter", NULL, \
	  (nvml_device device, int error, int counter, int place, unsigned long long *n)) \
	X(DeviceGetSramEccErrorStatus, "nvmlDeviceGetSramEccErrorStatus", NULL, \
	  (nvml_device device, struct nvml_sram *sram)) \
	X(DeviceGetRemappedRows, "nvmlDeviceGetRemappedRows", NULL, \
	  (nvml_device device, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed)) \
	X(DeviceGetCurrPcieLinkGeneration, "nvmlDeviceGetCurrPcieLinkGeneration", NULL, (nvml_device device, unsigned *n)) \
	X(DeviceGetMaxPcieLinkGeneration, "nvmlDeviceGetMaxPcieLinkGeneration", NULL, (nvml_device device, unsigned *n)) \
	X(DeviceGetCurrPcieLinkWidth, "nvmlDeviceGetCurrPcieLinkWidth", NULL, (nvml_device device, unsigned *n)) \
	X(DeviceGetMaxPcieLinkWidth, "nvmlDeviceGetMaxPcieLinkWidth", NULL, (nvml_device device, unsigned *n)) \
	X(DeviceGetPcieReplayCounter, "nvmlDeviceGetPcieReplayCounter", NULL, (nvml_device device, unsigned *n)) \
	X(DeviceGetNvLinkState, "nvmlDeviceGetNvLinkState", NULL, (nvml_device device, unsigned link, unsigned *up)) \
	X(DeviceGetNvLinkErrorCounter, "nvmlDeviceGetNvLinkErrorCounter", NULL, \
	  (nvml_device device, unsigned link, int counter, unsigned long long *n)) \
	X(DeviceGetGpuFabricInfo, "nvmlDeviceGetGpuFabricInfo", NULL, (nvml_device device, struct nvml_fabric *fabric)) \
	X(DeviceGetMigMode, "nvmlDeviceGetMigMode", NULL, (nvml_device device, unsigned *now, unsigned *pending)) \
	X(DeviceGetPersistenceMode, "nvmlDeviceGetPersistenceMode", NULL, (nvml_device device, unsigned *mode)) \
	X(DeviceGetFieldValues, "nvmlDeviceGetFieldValues", NULL, (nvml_device device, int n, struct nvml_field *fields)) \
	X(DeviceGetComputeRunningProcesses, "nvmlDeviceGetComputeRunningProcesses_v3", \
	  "nvmlDeviceGetComputeRunningProcesses_v2", (nvml_device device, unsigned *n, struct nvml_process *processes)) \
	X(DeviceGetGraphicsRunningProcesses, "nvmlDeviceGetGraphicsRunningProcesses_v3", \
	  "nvmlDeviceGetGraphicsRunningProcesses_v2", (nvml_device device, unsigned *n, struct nvml_process *processes)) \
	X(DeviceGetSupportedEventTypes, "nvmlDeviceGetSupportedEventTypes", NULL, \
	  (nvml_device device, unsigned long long *types)) \
	X(EventSetCreate, "nvmlEventSetCreate", NULL, (nvml_event_set * set)) \
	X(DeviceRegisterEvents, "nvmlDeviceRegisterEvents", NULL, \
	  (nvml_device device, unsigned long long types, nvml_event_set set)) \
	X(EventSetWait, "nvmlEventSetWait_v2", NULL, \
	  (nvml_event_set set, struct nvml_event *event, unsigned timeout_ms)) \
	X(EventSetFree, "nvmlEventSetFree", NULL, (nvml_event_set set))

#define NVML_MEMBER(name, symbol, older, arguments) nvml_return(*name) arguments;
struct nvml_calls {
	NVML_CALLS(NVML_MEMBER)
};
#undef NVML_MEMBER

#endif

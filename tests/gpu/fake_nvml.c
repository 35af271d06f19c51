// SPDX-License-Identifier: Apache-2.0
/* A stand-in for NVIDIA's libnvidia-ml.so.1: no GPU, but what a scenario file says. Built to
 * build/tests/gpu/libnvidia-ml.so.1; used by `whyd --nvml FILE` and by the tests.
 *
 * The environment variable FAKE_NVML names the scenario file. It is looked at again at every call, so that a test changes
 * the hardware by writing the file anew (best by rename). One line is one thing: "WHO.KEY = VALUE"; '#' begins a comment; of
 * two lines that say the same the last one counts. WHO is the number of a GPU, "*" for all of them, or "driver".
 *
 * driver.count = 8                   how many GPUs are listed; 1 when not said
 * driver.version = 550.54.15         driver.library = 12.550.54.15
 * driver.error.CALL = 18             the call returns that error: driver.error.nvmlInit_v2 = 18 is another version
 * driver.hang = CALL                 the call does not return as long as the line is there
 * N.state = lost                     every call about it returns "GPU is lost" (15)
 * N.hang = CALL                      as above, about this GPU; "*" is any call
 * N.error.CALL = 3                   the call returns that error (3: not supported; 13: an old library)
 * N.xid = 79                         each such line that is added is raised once, as an event, in the file's order
 * N.process = PID BYTES              a process; several lines are several processes
 * N.KEY = NUMBER                     a reading; "none": the board does not have it. NUMBER may grow with time:
 *                                    "1000 +50/s" is 1000 and 50 more each second since the file was written
 *
 * Keys, with the value when nothing is said (an idle H100): utilization 0 %, memory_busy 0 %, memory_total 85520809984,
 * memory_used 650117120, temperature 34, temperature_memory 40, temperature_slowdown 90, power 70000 mW, power_limit
 * 700000, power_default 700000, clock_sm 345 MHz, clock_memory 2619, clock_sm_max 1980, clock_application 1980, reasons
 * 1 (bits), held_power, held_sw_thermal, held_hw_thermal, held_power_brake 0 ns, ecc 1, ecc_corrected, ecc_uncorrected,
 * ecc_corrected_lifetime, ecc_uncorrected_lifetime, ecc_dram, ecc_sram, sram_threshold 0, remap_corrected,
 * remap_uncorrected, remap_pending, remap_failed 0, pcie_generation 1, pcie_generation_max 5, pcie_width 16,
 * pcie_width_max 16, pcie_replays 0, pcie_sent, pcie_received 0 bytes, links 18, links_up 18, link_errors 0, link_kib 0,
 * fabric_state 3, fabric_status 0, mig 0, persistence 1, recovery 0; address 0000:(10+N):00.0, uuid, name, serial.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collectors/nvml_api.h"

#define MAX_GPUS  64
#define MAX_LINES 2048
#define DRIVER    (-1)
#define ALL       (-2)
#define EXPORT    __attribute__((visibility("default")))

struct line {
	int who;
	char key[64], value[128];
};

static struct line lines[MAX_LINES];
static size_t n_lines, n_xids_raised;
static struct stat seen;
static bool initialized;

/* ---- the file ---- */

static void trim(char *s)
{
	size_t n = strlen(s), skip = strspn(s, " \t");

	while (n > 0 && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	memmove(s, s + skip, strlen(s + skip) + 1);
}

static void take_line(char *text)
{
	struct line *l = &lines[n_lines];
	char who[16] = "";

	text[strcspn(text, "#\n")] = '\0';
	memset(l, 0, sizeof(*l));
	if (n_lines == MAX_LINES || sscanf(text, " %15[^.].%63[^= \t] = %127[^\n]", who, l->key, l->value) != 3)
		return;
	trim(l->value);
	l->who = strcmp(who, "driver") == 0 ? DRIVER : strcmp(who, "*") == 0 ? ALL : atoi(who);
	n_lines++;
}

static void reread(void)
{
	const char *path = getenv("FAKE_NVML");
	struct stat st;
	char text[256];

	if (!path || stat(path, &st) < 0)
		return;
	if (st.st_ino == seen.st_ino && st.st_size == seen.st_size && st.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
		return;
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	seen = st;
	n_lines = 0;
	while (fgets(text, sizeof(text), f))
		take_line(text);
	(void)fclose(f);
}

static const char *look_up(int who, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < n_lines; i++)
		if ((lines[i].who == who || (lines[i].who == ALL && who >= 0)) && strcmp(lines[i].key, key) == 0)
			found = lines[i].value;
	return found;
}

static unsigned long long value_of(const char *text)
{
	char *end;
	double value = strtod(text, &end), rate;
	struct timespec now;

	if (sscanf(end, " +%lf/s", &rate) == 1 && clock_gettime(CLOCK_REALTIME, &now) == 0)
		value += rate * ((double)(now.tv_sec - seen.st_mtim.tv_sec) +
				 (double)(now.tv_nsec - seen.st_mtim.tv_nsec) / 1e9);
	return value > 0 ? (unsigned long long)value : 0;
}

static bool hangs(int who, const char *call)
{
	const char *hang = look_up(who, "hang");

	return hang && (strcmp(hang, call) == 0 || strcmp(hang, "*") == 0);
}

/* What every call does first. */
static nvml_return enter(int who, const char *call)
{
	char key[80];
	const char *value;

	reread();
	while (hangs(who, call)) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
		reread();
	}
	(void)snprintf(key, sizeof(key), "error.%s", call);
	value = look_up(who, key);
	if (value)
		return atoi(value);
	if (!initialized && strcmp(call, "nvmlInit_v2") != 0 && strcmp(call, "nvmlSystemGetNVMLVersion") != 0)
		return NVML_UNINITIALIZED;
	value = who >= 0 ? look_up(who, "state") : NULL;
	return value && strcmp(value, "lost") == 0 ? NVML_GPU_LOST : NVML_OK;
}

static unsigned count(void)
{
	const char *n = look_up(DRIVER, "count");
	int value = n ? atoi(n) : 1;

	return value < 0 ? 0 : value > MAX_GPUS ? MAX_GPUS : (unsigned)value;
}

/* Handles are numbers above nought, never followed. */
static nvml_device handle_of(int gpu)
{
	return (nvml_device)(size_t)(gpu + 1);
}

static int gpu_of(nvml_device device)
{
	return (int)(size_t)device - 1;
}

static nvml_return number(int gpu, const char *key, unsigned long long usual, unsigned long long *ret_value)
{
	const char *text = look_up(gpu, key);

	if (text && strcmp(text, "none") == 0)
		return NVML_NOT_SUPPORTED;
	*ret_value = text ? value_of(text) : usual;
	return NVML_OK;
}

static nvml_return give(int gpu, const char *call, const char *key, unsigned long long usual, unsigned *ret_value)
{
	unsigned long long value = 0;
	nvml_return r = enter(gpu, call);

	if (r == NVML_OK)
		r = number(gpu, key, usual, &value);
	if (r == NVML_OK)
		*ret_value = (unsigned)value;
	return r;
}

static nvml_return give_text(int who, const char *call, const char *key, const char *usual, char *text, unsigned size)
{
	nvml_return r = enter(who, call);
	const char *value = look_up(who, key);

	if (r != NVML_OK)
		return r;
	value = value ? value : usual;
	if (strcmp(value, "none") == 0)
		return NVML_NOT_SUPPORTED;
	if (strlen(value) >= size)
		return NVML_TOO_SMALL;
	memcpy(text, value, strlen(value) + 1);
	return NVML_OK;
}

#define CALL(name, ...)                         \
	EXPORT nvml_return name(__VA_ARGS__);   \
	EXPORT nvml_return name(__VA_ARGS__)

/* ---- the driver ---- */

CALL(nvmlInit_v2, void)
{
	nvml_return r = enter(DRIVER, "nvmlInit_v2");

	initialized = r == NVML_OK;
	return r;
}

CALL(nvmlShutdown, void)
{
	nvml_return r = enter(DRIVER, "nvmlShutdown");

	initialized = false;
	return r;
}

CALL(nvmlSystemGetDriverVersion, char *text, unsigned size)
{
	return give_text(DRIVER, "nvmlSystemGetDriverVersion", "version", "550.54.15", text, size);
}

CALL(nvmlSystemGetNVMLVersion, char *text, unsigned size)
{
	return give_text(DRIVER, "nvmlSystemGetNVMLVersion", "library", "12.550.54.15", text, size);
}

CALL(nvmlDeviceGetCount_v2, unsigned *n)
{
	nvml_return r = enter(DRIVER, "nvmlDeviceGetCount_v2");

	if (r == NVML_OK)
		*n = count();
	return r;
}

CALL(nvmlDeviceGetHandleByIndex_v2, unsigned index, nvml_device *device)
{
	nvml_return r = enter((int)index, "nvmlDeviceGetHandleByIndex_v2");

	if (r == NVML_OK && index >= count())
		r = NVML_BAD_ARGUMENT;
	if (r == NVML_OK)
		*device = handle_of((int)index);
	return r;
}

/* ---- names ---- */

CALL(nvmlDeviceGetPciInfo_v3, nvml_device device, struct nvml_pci *pci)
{
	int gpu = gpu_of(device);
	const char *address = look_up(gpu, "address");
	unsigned domain = 0, bus = 0x10 + (unsigned)gpu, slot = 0;
	nvml_return r = enter(gpu, "nvmlDeviceGetPciInfo_v3");

	if (r != NVML_OK)
		return r;
	if (address)
		(void)sscanf(address, "%x:%x:%x", &domain, &bus, &slot);
	*pci = (struct nvml_pci){ .domain = domain, .bus = bus, .device = slot, .device_id = 0x233010de };
	(void)snprintf(pci->bus_id, sizeof(pci->bus_id), "%08X:%02X:%02X.0", domain, bus, slot);
	(void)snprintf(pci->bus_id_short, sizeof(pci->bus_id_short), "%04X:%02X:%02X.0", domain & 0xffff,
		       bus & 0xff, slot & 0x1f);
	return NVML_OK;
}

CALL(nvmlDeviceGetUUID, nvml_device device, char *text, unsigned size)
{
	char usual[32];

	(void)snprintf(usual, sizeof(usual), "GPU-fake-%d", gpu_of(device));
	return give_text(gpu_of(device), "nvmlDeviceGetUUID", "uuid", usual, text, size);
}

CALL(nvmlDeviceGetName, nvml_device device, char *text, unsigned size)
{
	return give_text(gpu_of(device), "nvmlDeviceGetName", "name", "NVIDIA H100 80GB HBM3 (fake)", text, size);
}

CALL(nvmlDeviceGetSerial, nvml_device device, char *text, unsigned size)
{
	return give_text(gpu_of(device), "nvmlDeviceGetSerial", "serial", "none", text, size);
}

/* ---- use, heat, power, clocks ---- */

CALL(nvmlDeviceGetUtilizationRates, nvml_device device, struct nvml_utilization *use)
{
	nvml_return r = give(gpu_of(device), "nvmlDeviceGetUtilizationRates", "utilization", 0, &use->gpu);

	return r == NVML_OK ? give(gpu_of(device), "nvmlDeviceGetUtilizationRates", "memory_busy", 0, &use->memory) : r;
}

CALL(nvmlDeviceGetMemoryInfo, nvml_device device, struct nvml_memory *memory)
{
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetMemoryInfo");

	if (r == NVML_OK)
		r = number(gpu_of(device), "memory_total", 85520809984, &memory->total);
	if (r == NVML_OK)
		r = number(gpu_of(device), "memory_used", 650117120, &memory->used);
	if (r == NVML_OK)
		memory->free = memory->total - memory->used;
	return r;
}

CALL(nvmlDeviceGetTemperature, nvml_device device, int sensor, unsigned *celsius)
{
	return sensor == NVML_SENSOR_CHIP ? give(gpu_of(device), "nvmlDeviceGetTemperature", "temperature", 34, celsius) :
					    NVML_BAD_ARGUMENT;
}

CALL(nvmlDeviceGetTemperatureThreshold, nvml_device device, int threshold, unsigned *celsius)
{
	if (threshold != NVML_THRESHOLD_SLOWDOWN)
		return NVML_NOT_SUPPORTED;
	return give(gpu_of(device), "nvmlDeviceGetTemperatureThreshold", "temperature_slowdown", 90, celsius);
}

#define SIMPLE(name, key, usual)                                                 \
	CALL(name, nvml_device device, unsigned *n)                              \
	{                                                                        \
		return give(gpu_of(device), #name, key, usual, n);               \
	}                                                                        \
	_Static_assert(1, "")

SIMPLE(nvmlDeviceGetPowerUsage, "power", 70000);
SIMPLE(nvmlDeviceGetEnforcedPowerLimit, "power_limit", 700000);
SIMPLE(nvmlDeviceGetPowerManagementDefaultLimit, "power_default", 700000);
SIMPLE(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_generation", 1);
SIMPLE(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_generation_max", 5);
SIMPLE(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width", 16);
SIMPLE(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max", 16);
SIMPLE(nvmlDeviceGetPcieReplayCounter, "pcie_replays", 0);
SIMPLE(nvmlDeviceGetPersistenceMode, "persistence", 1);

CALL(nvmlDeviceGetClockInfo, nvml_device device, int clock, unsigned *megahertz)
{
	return give(gpu_of(device), "nvmlDeviceGetClockInfo", clock == NVML_CLOCK_SM ? "clock_sm" : "clock_memory",
		    clock == NVML_CLOCK_SM ? 345 : 2619, megahertz);
}

CALL(nvmlDeviceGetMaxClockInfo, nvml_device device, int clock, unsigned *megahertz)
{
	return clock == NVML_CLOCK_SM ? give(gpu_of(device), "nvmlDeviceGetMaxClockInfo", "clock_sm_max", 1980, megahertz) :
					NVML_NOT_SUPPORTED;
}

CALL(nvmlDeviceGetApplicationsClock, nvml_device device, int clock, unsigned *megahertz)
{
	if (clock != NVML_CLOCK_SM)
		return NVML_NOT_SUPPORTED;
	return give(gpu_of(device), "nvmlDeviceGetApplicationsClock", "clock_application", 1980, megahertz);
}

CALL(nvmlDeviceGetCurrentClocksEventReasons, nvml_device device, unsigned long long *reasons)
{
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetCurrentClocksEventReasons");

	return r == NVML_OK ? number(gpu_of(device), "reasons", 1, reasons) : r;
}

/* ---- memory errors ---- */

CALL(nvmlDeviceGetEccMode, nvml_device device, unsigned *now, unsigned *pending)
{
	nvml_return r = give(gpu_of(device), "nvmlDeviceGetEccMode", "ecc", 1, now);

	*pending = r == NVML_OK ? *now : 0;
	return r;
}

CALL(nvmlDeviceGetTotalEccErrors, nvml_device device, int error, int counter, unsigned long long *n)
{
	static const char *const keys[2][2] = { { "ecc_corrected", "ecc_corrected_lifetime" },
						{ "ecc_uncorrected", "ecc_uncorrected_lifetime" } };
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetTotalEccErrors");

	return r == NVML_OK ? number(gpu_of(device), keys[error & 1][counter & 1], 0, n) : r;
}

CALL(nvmlDeviceGetMemoryErrorCounter, nvml_device device, int error, int counter, int place, unsigned long long *n)
{
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetMemoryErrorCounter");

	if (r == NVML_OK && (error != NVML_ECC_UNCORRECTED || counter != NVML_ECC_VOLATILE))
		r = NVML_NOT_SUPPORTED;
	if (r == NVML_OK && place != NVML_PLACE_DRAM && place != NVML_PLACE_SRAM)
		r = NVML_NOT_SUPPORTED;
	return r == NVML_OK ? number(gpu_of(device), place == NVML_PLACE_DRAM ? "ecc_dram" : "ecc_sram", 0, n) : r;
}

CALL(nvmlDeviceGetSramEccErrorStatus, nvml_device device, struct nvml_sram *sram)
{
	if (sram->version != (NVML_SRAM_VERSION))
		return 25; /* as a library of another version answers */
	return give(gpu_of(device), "nvmlDeviceGetSramEccErrorStatus", "sram_threshold", 0, &sram->threshold_exceeded);
}

CALL(nvmlDeviceGetRemappedRows, nvml_device device, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
     unsigned *failed)
{
	static const char call[] = "nvmlDeviceGetRemappedRows";
	int gpu = gpu_of(device);
	nvml_return r = give(gpu, call, "remap_corrected", 0, corrected);

	if (r == NVML_OK)
		r = give(gpu, call, "remap_uncorrected", 0, uncorrected);
	if (r == NVML_OK)
		r = give(gpu, call, "remap_pending", 0, pending);
	return r == NVML_OK ? give(gpu, call, "remap_failed", 0, failed) : r;
}

/* ---- links and modes ---- */

CALL(nvmlDeviceGetNvLinkState, nvml_device device, unsigned link, unsigned *up)
{
	unsigned long long links = 0, links_up = 0;
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetNvLinkState");

	if (r == NVML_OK)
		r = number(gpu_of(device), "links", 18, &links);
	if (r == NVML_OK)
		r = number(gpu_of(device), "links_up", links, &links_up);
	if (r == NVML_OK && link >= links)
		r = NVML_BAD_ARGUMENT;
	if (r == NVML_OK)
		*up = link < links_up;
	return r;
}

CALL(nvmlDeviceGetNvLinkErrorCounter, nvml_device device, unsigned link, int counter, unsigned long long *n)
{
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetNvLinkErrorCounter");

	*n = 0;
	return r == NVML_OK && link == 0 && counter == 0 ? number(gpu_of(device), "link_errors", 0, n) : r;
}

CALL(nvmlDeviceGetGpuFabricInfo, nvml_device device, struct nvml_fabric *fabric)
{
	unsigned state = 0, status = 0;
	nvml_return r = give(gpu_of(device), "nvmlDeviceGetGpuFabricInfo", "fabric_state", 3, &state);

	if (r == NVML_OK)
		r = give(gpu_of(device), "nvmlDeviceGetGpuFabricInfo", "fabric_status", 0, &status);
	fabric->state = (unsigned char)state;
	fabric->status = (nvml_return)status;
	return r;
}

CALL(nvmlDeviceGetMigMode, nvml_device device, unsigned *now, unsigned *pending)
{
	nvml_return r = give(gpu_of(device), "nvmlDeviceGetMigMode", "mig", 0, now);

	*pending = r == NVML_OK ? *now : 0;
	return r;
}

static void give_field(int gpu, struct nvml_field *f)
{
	static const struct {
		unsigned id;
		const char *key;
		unsigned long long usual;
	} known[] = {
		{ NVML_FIELD_HELD_POWER, "held_power", 0 },
		{ NVML_FIELD_HELD_SW_THERMAL, "held_sw_thermal", 0 },
		{ NVML_FIELD_HELD_HW_THERMAL, "held_hw_thermal", 0 },
		{ NVML_FIELD_HELD_POWER_BRAKE, "held_power_brake", 0 },
		{ NVML_FIELD_MEMORY_TEMPERATURE, "temperature_memory", 40 },
		{ NVML_FIELD_POWER_INSTANT, "power", 70000 },
		{ NVML_FIELD_PCIE_SENT, "pcie_sent", 0 },
		{ NVML_FIELD_PCIE_RECEIVED, "pcie_received", 0 },
		{ NVML_FIELD_RECOVERY_ACTION, "recovery", 0 },
		{ NVML_FIELD_LINK_SENT, "link_kib", 0 },
		{ NVML_FIELD_LINK_RECEIVED, "link_kib", 0 },
		{ NVML_FIELD_LINK_REPLAYS, "link_errors", 0 },
		{ NVML_FIELD_LINK_RECOVERIES, NULL, 0 },
		{ NVML_FIELD_LINK_CRC, NULL, 0 },
	};

	f->result = NVML_NOT_SUPPORTED;
	f->type = NVML_TYPE_ULLONG;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].id != f->id)
			continue;
		f->value.ull = 0;
		/* All errors are link 0's. */
		f->result = !known[i].key || (f->id == NVML_FIELD_LINK_REPLAYS && f->scope != 0) ?
				    NVML_OK :
				    number(gpu, known[i].key, known[i].usual, &f->value.ull);
	}
}

CALL(nvmlDeviceGetFieldValues, nvml_device device, int n, struct nvml_field *fields)
{
	nvml_return r = enter(gpu_of(device), "nvmlDeviceGetFieldValues");

	for (int i = 0; r == NVML_OK && i < n; i++)
		give_field(gpu_of(device), &fields[i]);
	return r;
}

/* ---- processes ---- */

CALL(nvmlDeviceGetComputeRunningProcesses_v3, nvml_device device, unsigned *n, struct nvml_process *processes)
{
	int gpu = gpu_of(device);
	unsigned found = 0;
	nvml_return r = enter(gpu, "nvmlDeviceGetComputeRunningProcesses_v3");

	for (size_t i = 0; r == NVML_OK && i < n_lines; i++) {
		struct nvml_process p = { .gpu_instance = ~0u, .compute_instance = ~0u };
		if (lines[i].who != gpu || strcmp(lines[i].key, "process") != 0)
			continue;
		p.used_bytes = NVML_NO_BYTES;
		(void)sscanf(lines[i].value, "%u %llu", &p.pid, &p.used_bytes);
		if (found < *n)
			processes[found] = p;
		found++;
	}
	if (r == NVML_OK && found > *n)
		r = NVML_TOO_SMALL;
	if (r == NVML_OK || r == NVML_TOO_SMALL)
		*n = found;
	return r;
}

CALL(nvmlDeviceGetGraphicsRunningProcesses_v3, nvml_device device, unsigned *n, struct nvml_process *processes)
{
	(void)processes;
	*n = 0;
	return enter(gpu_of(device), "nvmlDeviceGetGraphicsRunningProcesses_v3");
}

/* ---- events ---- */

static size_t count_xids(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_lines; i++)
		n += strcmp(lines[i].key, "xid") == 0;
	return n;
}

CALL(nvmlEventSetCreate, nvml_event_set *set)
{
	nvml_return r = enter(DRIVER, "nvmlEventSetCreate");

	if (r == NVML_OK) {
		*set = (nvml_event_set)(size_t)1;
		n_xids_raised = count_xids(); /* what was before is not told */
	}
	return r;
}

CALL(nvmlEventSetFree, nvml_event_set set)
{
	(void)set;
	return enter(DRIVER, "nvmlEventSetFree");
}

CALL(nvmlDeviceGetSupportedEventTypes, nvml_device device, unsigned long long *types)
{
	*types = NVML_EVENT_XID | NVML_EVENT_MIG | 3;
	return enter(gpu_of(device), "nvmlDeviceGetSupportedEventTypes");
}

CALL(nvmlDeviceRegisterEvents, nvml_device device, unsigned long long types, nvml_event_set set)
{
	(void)types;
	(void)set;
	return enter(gpu_of(device), "nvmlDeviceRegisterEvents");
}

CALL(nvmlEventSetWait_v2, nvml_event_set set, struct nvml_event *event, unsigned timeout_ms)
{
	nvml_return r = enter(DRIVER, "nvmlEventSetWait_v2");
	size_t at = 0;

	(void)set;
	(void)timeout_ms; /* nobody here waits */
	for (size_t i = 0; r == NVML_OK && i < n_lines; i++)
		if (strcmp(lines[i].key, "xid") == 0 && at++ == n_xids_raised) {
			n_xids_raised++;
			*event = (struct nvml_event){ .device = handle_of(lines[i].who), .type = NVML_EVENT_XID,
						      .data = value_of(lines[i].value), .gpu_instance = ~0u,
						      .compute_instance = ~0u };
			return NVML_OK;
		}
	return r == NVML_OK ? NVML_TIMEOUT : r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/gpu_metrics.h"

#define TEXT(name, help)         { name, 1, UNIT_NONE, help }
#define NUMBER(name, unit, help) { name, 0, unit, help }
#define END                      { NULL, 0, UNIT_NONE, NULL }

static const struct metric_field xid_fields[] = {
	[GPU_XID_PID] = NUMBER("pid", UNIT_NONE, "process that the driver names; absent when it names none"),
	[GPU_XID_COMM] = TEXT("comm", "its name"),
	[GPU_XID_DETAIL] = TEXT("detail", "what the driver says beside the number"),
	END,
};
static const struct metric_field lost_fields[] = {
	[GPU_LOST_HOW] = TEXT("how",
			      "\"driver\": the driver says so; \"count\": no longer listed; \"pci\": gone from the bus"),
	[GPU_LOST_UUID] = TEXT("uuid", "of the GPU that was there"),
	END,
};
static const struct metric_field failed_fields[] = {
	[GPU_FAILED_CALL] = TEXT("call", "what was called"),
	[GPU_FAILED_ERROR] = TEXT("error", "what it returned"),
	[GPU_FAILED_DRIVER_VERSION] = TEXT("driver_version", "of the loaded driver"),
	[GPU_FAILED_LIBRARY_VERSION] = TEXT("library_version", "of the library that was opened"),
	END,
};
static const struct metric_field hung_fields[] = {
	[GPU_HUNG_CALL] = TEXT("call", "the driver's call that did not return"),
	[GPU_HUNG_WAITED] = NUMBER("waited_ns", UNIT_NS, "how long was waited for it"),
	END,
};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const off_on[] = {"off", "on", NULL};
static const char *const recovery_states[] = {"none", "reset", "reboot", "drain_p2p", "drain_and_reset", NULL};
static const char *const fabric_states[] = {"not_started", "in_progress", "completed", "failed", NULL};
static const char *const driver_states[] = {"works", "no_library", "not_loaded", "version_mismatch", "fails", NULL};

#define GAUGE(name, unit, help)        { name, METRIC_GAUGE, unit, ENTITY_GPU, help, NULL, NULL }
#define COUNTER(name, unit, help)      { name, METRIC_COUNTER, unit, ENTITY_GPU, help, NULL, NULL }
#define STATE(name, about, states, help) { name, METRIC_STATE, UNIT_NONE, about, help, NULL, states }
#define EVENT(name, about, fields, help) { name, METRIC_EVENT, UNIT_NONE, about, help, fields, NULL }

const struct metric_desc gpu_metrics[GPU_METRICS] = {
	[GPU_UTILIZATION] = GAUGE("gpu.utilization", UNIT_RATIO, "share of the last sample period in which a kernel ran"),
	[GPU_MEMORY_BUSY] = GAUGE("gpu.memory.busy_ratio", UNIT_RATIO,
				  "share of time in which its memory was read or written"),
	[GPU_MEMORY_USED] = GAUGE("gpu.memory.used", UNIT_BYTES, "memory in use, the driver's own share included"),
	[GPU_MEMORY_TOTAL] = GAUGE("gpu.memory.total", UNIT_BYTES, "memory of the board"),
	[GPU_TEMPERATURE] = GAUGE("gpu.temperature", UNIT_CELSIUS, "of the chip"),
	[GPU_TEMPERATURE_SLOWDOWN] = GAUGE("gpu.temperature.slowdown", UNIT_CELSIUS, "at which the chip slows itself down"),
	[GPU_TEMPERATURE_MEMORY] = GAUGE("gpu.temperature.memory", UNIT_CELSIUS, "of its memory"),
	[GPU_POWER_DRAW] = GAUGE("gpu.power.draw", UNIT_WATTS, "power that it draws"),
	[GPU_POWER_LIMIT] = GAUGE("gpu.power.limit", UNIT_WATTS, "limit in force"),
	[GPU_POWER_LIMIT_DEFAULT] = GAUGE("gpu.power.limit_default", UNIT_WATTS, "limit that the board has by itself"),
	[GPU_CLOCK_SM] = GAUGE("gpu.clock.sm", UNIT_HERTZ, "clock of its processors"),
	[GPU_CLOCK_SM_MAX] = GAUGE("gpu.clock.sm_max", UNIT_HERTZ, "highest clock of its processors"),
	[GPU_CLOCK_SM_APPLICATION] = GAUGE("gpu.clock.sm_application", UNIT_HERTZ, "clock that an administrator asked for"),
	[GPU_CLOCK_MEMORY] = GAUGE("gpu.clock.memory", UNIT_HERTZ, "clock of its memory"),
	[GPU_HELD_POWER_CAP] = COUNTER("gpu.held.power_cap", UNIT_NS, "time that the power limit held its clocks down"),
	[GPU_HELD_HW_THERMAL] = COUNTER("gpu.held.hw_thermal", UNIT_NS, "time that heat held its clocks down, by chip"),
	[GPU_HELD_SW_THERMAL] = COUNTER("gpu.held.sw_thermal", UNIT_NS, "time that heat held its clocks down, by driver"),
	[GPU_HELD_POWER_BRAKE] = COUNTER("gpu.held.power_brake", UNIT_NS,
					 "time that the server's power brake held its clocks down"),
	[GPU_HELD_APPLICATION_CLOCKS] = COUNTER("gpu.held.application_clocks", UNIT_NS,
						"time that clocks asked for by an administrator held it down"),
	[GPU_ECC_MODE] = STATE("gpu.ecc.mode", ENTITY_GPU, off_on, "error correction of its memory"),
	[GPU_ECC_CORRECTED] = COUNTER("gpu.ecc.corrected", UNIT_NONE, "corrected memory errors since the driver was loaded"),
	[GPU_ECC_UNCORRECTED] = COUNTER("gpu.ecc.uncorrected", UNIT_NONE,
					"uncorrectable memory errors since the driver was loaded"),
	[GPU_ECC_UNCORRECTED_DRAM] = COUNTER("gpu.ecc.uncorrected_dram", UNIT_NONE, "those in device memory"),
	[GPU_ECC_UNCORRECTED_SRAM] = COUNTER("gpu.ecc.uncorrected_sram", UNIT_NONE, "those in caches and registers"),
	[GPU_ECC_CORRECTED_LIFETIME] = COUNTER("gpu.ecc.corrected_lifetime", UNIT_NONE,
					       "corrected errors of the board's life"),
	[GPU_ECC_UNCORRECTED_LIFETIME] = COUNTER("gpu.ecc.uncorrected_lifetime", UNIT_NONE,
						 "uncorrectable errors of the board's life"),
	[GPU_ECC_SRAM_THRESHOLD] = STATE("gpu.ecc.sram_threshold_exceeded", ENTITY_GPU, no_yes,
					 "so many uncorrectable errors in caches that the board should be tested"),
	[GPU_REMAP_CORRECTED] = COUNTER("gpu.remap.corrected", UNIT_NONE, "memory rows replaced after corrected errors"),
	[GPU_REMAP_UNCORRECTED] = COUNTER("gpu.remap.uncorrected", UNIT_NONE,
					  "memory rows replaced after uncorrectable errors"),
	[GPU_REMAP_PENDING] = STATE("gpu.remap.pending", ENTITY_GPU, no_yes, "a row will be replaced at the next reset"),
	[GPU_REMAP_FAILED] = STATE("gpu.remap.failed", ENTITY_GPU, no_yes, "a row could not be replaced: no spare is left"),
	[GPU_PCIE_GENERATION] = GAUGE("gpu.pcie.generation", UNIT_NONE,
				      "PCIe generation at this moment; idle boards go down"),
	[GPU_PCIE_GENERATION_MAX] = GAUGE("gpu.pcie.generation_max", UNIT_NONE, "highest that board and slot can"),
	[GPU_PCIE_WIDTH] = GAUGE("gpu.pcie.width", UNIT_NONE, "PCIe lanes in use"),
	[GPU_PCIE_WIDTH_MAX] = GAUGE("gpu.pcie.width_max", UNIT_NONE, "most lanes that board and slot can"),
	[GPU_PCIE_REPLAYS] = COUNTER("gpu.pcie.replays", UNIT_NONE, "PCIe packets sent again"),
	[GPU_PCIE_RECEIVED] = GAUGE("gpu.pcie.received", UNIT_BYTES, "bytes a second over PCIe to the GPU"),
	[GPU_PCIE_SENT] = GAUGE("gpu.pcie.sent", UNIT_BYTES, "bytes a second over PCIe from the GPU"),
	[GPU_NVLINK_ACTIVE] = GAUGE("gpu.nvlink.active", UNIT_NONE, "NVLinks (AMD: XGMI links) that are up"),
	[GPU_NVLINK_LINKS] = GAUGE("gpu.nvlink.links", UNIT_NONE, "links that the board has"),
	[GPU_NVLINK_ERRORS] = COUNTER("gpu.nvlink.errors", UNIT_NONE, "link errors: CRC, replay and recovery"),
	[GPU_NVLINK_BYTES] = COUNTER("gpu.nvlink.bytes", UNIT_BYTES, "bytes over all links, both ways"),
	[GPU_FABRIC_STATE] = STATE("gpu.fabric.state", ENTITY_GPU, fabric_states, "registration with the NVSwitch fabric"),
	[GPU_MIG_MODE] = STATE("gpu.mig.mode", ENTITY_GPU, off_on, "partitioned into instances"),
	[GPU_PERSISTENCE] = STATE("gpu.persistence", ENTITY_GPU, off_on, "the driver stays loaded without a client"),
	[GPU_RECOVERY_ACTION] = STATE("gpu.recovery_action", ENTITY_GPU, recovery_states, "what the driver itself asks for"),
	[GPU_CALL_TIME] = GAUGE("gpu.call_time", UNIT_NS, "how long the slowest driver call about it took in this reading"),
	[GPU_PROCESSES] = GAUGE("gpu.processes", UNIT_NONE, "processes that have a context on it"),
	[GPU_EVENT_XID] = EVENT("gpu.driver_xid", ENTITY_GPU, xid_fields,
				"an Xid as the driver's library reports it, beside the kernel log; code is the Xid"),
	[GPU_EVENT_LOST] = EVENT("gpu.lost", ENTITY_GPU, lost_fields, "a GPU that was there is not to be reached"),
	[GPU_EVENT_RETURNED] = EVENT("gpu.returned", ENTITY_GPU, NULL, "a lost GPU can be reached again"),
	[GPU_EVENT_MIG_CHANGED] = EVENT("gpu.mig.changed", ENTITY_GPU, NULL, "somebody partitioned it anew"),
	[GPU_PROCESS_MEMORY] = { "proc.gpu.memory", METRIC_GAUGE, UNIT_BYTES, ENTITY_PROCESS,
				 "GPU memory that the process holds, on all GPUs", NULL, NULL },
	[GPU_PROCESS_FOREIGN] = { "gpu.memory.foreign", METRIC_GAUGE, UNIT_BYTES, ENTITY_GPU,
				  "memory held by processes outside of the container or cgroup that holds most of it", NULL,
				  NULL },
	[GPU_NODE_COUNT] = { "node.gpu.count", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
			     "GPUs that the driver shows", NULL, NULL },
	[GPU_NODE_COUNT_PCI] = { "node.gpu.count_pci", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
				 "GPUs on the PCI bus", NULL, NULL },
	[GPU_NODE_COUNT_EXPECTED] = { "node.gpu.count_expected", METRIC_GAUGE, UNIT_NONE, ENTITY_NODE,
				      "most GPUs seen since the node was started, or as configured", NULL, NULL },
	[GPU_NODE_DRIVER_STATE] = STATE("node.gpu.driver_state", ENTITY_NODE, driver_states,
					"the GPU driver and its library"),
	[GPU_NODE_CALL_FAILED] = EVENT("node.gpu.call_failed", ENTITY_NODE, failed_fields,
				       "the driver refused a call that concerns all GPUs; code is its error number"),
	[GPU_HELD_HW_SLOWDOWN] = COUNTER("gpu.held.hw_slowdown", UNIT_NS,
					 "time that the hardware held its clocks down for whatever reason, as sampled"),
	[GPU_ANSWERS] = STATE("gpu.answers", ENTITY_GPU, no_yes,
			      "the driver's calls about it return, and not that it is lost"),
	[GPU_EVENT_HUNG] = EVENT("gpu.call_hung", ENTITY_GPU, hung_fields, "a call of the driver about it did not return"),
	[GPU_NODE_NO_LIBRARY] = EVENT("node.gpu.library_missing", ENTITY_NODE, failed_fields,
				      "there is a GPU, or its driver, but no management library that could be used"),
	[GPU_NODE_NOT_LOADED] = EVENT("node.gpu.driver_not_loaded", ENTITY_NODE, failed_fields,
				      "the library is there, the driver is not loaded"),
	[GPU_NODE_MISMATCH] = EVENT("node.gpu.version_mismatch", ENTITY_NODE, failed_fields,
				    "driver and library are of different versions"),
	[GPU_NODE_NO_GPU] = EVENT("node.gpu.none", ENTITY_NODE, failed_fields, "the driver works and shows no GPU"),
};

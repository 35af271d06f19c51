/* SPDX-License-Identifier: Apache-2.0 */
/* gpu_metrics.h - what is read of a GPU, the same from NVIDIA's and AMD's drivers, so that one rule holds for both.
 *
 * Room: collectors.  Owns: nothing (static tables).  Thread: any.  Clock: none.  Bounds: none needed.
 *
 * Each vendor's collector is to register this one table; gpu_nvml is the only one yet. A reading that board
 * or driver lacks is not written: absent is not zero. The entity is the PCI address in the kernel's form ("0000:5e:00.0");
 * its attributes are vendor, name, uuid, index, serial, pci_address, driver, and `simulated` = "yes" when they come from
 * --nvml FILE. With MIG, readings are about the whole board.
 */
#ifndef WHY_COLLECTORS_GPU_METRICS_H
#define WHY_COLLECTORS_GPU_METRICS_H

#include <stddef.h>

#include "model/metric.h"

enum gpu_metric {
	/* Use */
	GPU_UTILIZATION,
	GPU_MEMORY_BUSY,
	GPU_MEMORY_USED,
	GPU_MEMORY_TOTAL,
	/* Heat and power */
	GPU_TEMPERATURE,
	GPU_TEMPERATURE_SLOWDOWN,
	GPU_TEMPERATURE_MEMORY,
	GPU_POWER_DRAW,
	GPU_POWER_LIMIT,
	GPU_POWER_LIMIT_DEFAULT,
	GPU_CLOCK_SM,
	GPU_CLOCK_SM_MAX,
	GPU_CLOCK_SM_APPLICATION,
	GPU_CLOCK_MEMORY,
	/* Time that the clocks were held down, by reason */
	GPU_HELD_POWER_CAP,
	GPU_HELD_HW_THERMAL,
	GPU_HELD_SW_THERMAL,
	GPU_HELD_POWER_BRAKE,
	GPU_HELD_APPLICATION_CLOCKS,
	/* Memory errors */
	GPU_ECC_MODE,
	GPU_ECC_CORRECTED,
	GPU_ECC_UNCORRECTED,
	GPU_ECC_UNCORRECTED_DRAM,
	GPU_ECC_UNCORRECTED_SRAM,
	GPU_ECC_CORRECTED_LIFETIME,
	GPU_ECC_UNCORRECTED_LIFETIME,
	GPU_ECC_SRAM_THRESHOLD,
	GPU_REMAP_CORRECTED,
	GPU_REMAP_UNCORRECTED,
	GPU_REMAP_PENDING,
	GPU_REMAP_FAILED,
	/* Links */
	GPU_PCIE_GENERATION,
	GPU_PCIE_GENERATION_MAX,
	GPU_PCIE_WIDTH,
	GPU_PCIE_WIDTH_MAX,
	GPU_PCIE_REPLAYS,
	GPU_PCIE_RECEIVED,
	GPU_PCIE_SENT,
	GPU_NVLINK_ACTIVE,
	GPU_NVLINK_LINKS,
	GPU_NVLINK_ERRORS,
	GPU_NVLINK_BYTES,
	GPU_FABRIC_STATE,
	/* State */
	GPU_MIG_MODE,
	GPU_PERSISTENCE,
	GPU_RECOVERY_ACTION,
	GPU_CALL_TIME,
	GPU_PROCESSES,
	/* Events about the GPU */
	GPU_EVENT_XID,
	GPU_EVENT_LOST,
	GPU_EVENT_RETURNED,
	GPU_EVENT_MIG_CHANGED,
	/* About processes */
	GPU_PROCESS_MEMORY,
	GPU_PROCESS_FOREIGN,
	/* About the node */
	GPU_NODE_COUNT,
	GPU_NODE_COUNT_PCI,
	GPU_NODE_COUNT_EXPECTED,
	GPU_NODE_DRIVER_STATE,
	GPU_NODE_CALL_FAILED,
	/* Appended */
	GPU_HELD_HW_SLOWDOWN,
	GPU_ANSWERS,
	GPU_EVENT_HUNG,
	GPU_NODE_NO_LIBRARY,
	GPU_NODE_NOT_LOADED,
	GPU_NODE_MISMATCH,
	GPU_NODE_NO_GPU,
	GPU_METRICS,
};

/* Values of GPU_NODE_DRIVER_STATE, GPU_RECOVERY_ACTION, GPU_FABRIC_STATE, in the order of their names in the table. */
enum gpu_driver_state { GPU_DRIVER_WORKS, GPU_DRIVER_NO_LIBRARY, GPU_DRIVER_NOT_LOADED, GPU_DRIVER_MISMATCH,
			GPU_DRIVER_FAILS };
enum gpu_recovery { GPU_RECOVERY_NONE, GPU_RECOVERY_RESET, GPU_RECOVERY_REBOOT, GPU_RECOVERY_DRAIN_P2P,
		    GPU_RECOVERY_DRAIN_AND_RESET };
enum gpu_fabric { GPU_FABRIC_NOT_STARTED, GPU_FABRIC_IN_PROGRESS, GPU_FABRIC_COMPLETED, GPU_FABRIC_FAILED };

/* Fields of GPU_EVENT_XID. */
enum { GPU_XID_PID, GPU_XID_COMM, GPU_XID_DETAIL };
/* Fields of GPU_EVENT_LOST: how it was noticed. */
enum { GPU_LOST_HOW, GPU_LOST_UUID };
/* Fields of GPU_EVENT_HUNG. */
enum { GPU_HUNG_CALL, GPU_HUNG_WAITED };
/* Fields of GPU_NODE_CALL_FAILED, NO_LIBRARY, NOT_LOADED, MISMATCH and NO_GPU. */
enum { GPU_FAILED_CALL, GPU_FAILED_ERROR, GPU_FAILED_DRIVER_VERSION, GPU_FAILED_LIBRARY_VERSION };

extern const struct metric_desc gpu_metrics[GPU_METRICS];

#endif

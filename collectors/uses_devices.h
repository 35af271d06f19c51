/* SPDX-License-Identifier: Apache-2.0 */
/* uses_devices.h - the GPU or disk behind a device's name or number.
 *
 * Room: collectors.  Owns: a table of GPUs.  Thread: the loop.  Clock: none.  Bounds: USES_MAX_GPUS.
 *
 * GPUs by PCI address: /dev/nvidiaN through /proc/driver/nvidia/gpus/ADDRESS/information ("Device Minor"),
 * /dev/dri/cardN and renderDN through /sys/class/drm. A partition is its disk.
 */
#ifndef WHY_COLLECTORS_USES_DEVICES_H
#define WHY_COLLECTORS_USES_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USES_MAX_GPUS    64
#define USES_DEVICE_NAME 64
#define USES_GPU_NAME    32

struct uses_devices {
	int root_fd;
	size_t n_gpus;
	struct uses_gpu {
		char device[16]; /* below /dev: "nvidia0", "dri/renderD128" */
		char gpu[USES_GPU_NAME];
	} gpus[USES_MAX_GPUS];
};

/* Look which GPUs there are. */
void uses_devices_read(struct uses_devices *d, int root_fd);
/* GPU of a path below /dev; NULL: it is none. */
const char *uses_devices_gpu(const struct uses_devices *d, const char *path);
/* Disk of a path such as "/dev/nvme0n1p2". False: it is none. */
bool uses_devices_disk(const struct uses_devices *d, const char *path, char ret_disk[USES_DEVICE_NAME]);
/* Disk of a block device's number. */
bool uses_devices_disk_of(const struct uses_devices *d, uint32_t major, uint32_t minor,
			  char ret_disk[USES_DEVICE_NAME]);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "collectors/uses_devices.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/* ---- GPUs ---- */

static void add_gpu(struct uses_devices *d, const char *device, const char *address)
{
	struct uses_gpu *g;

	if (d->n_gpus == USES_MAX_GPUS || strlen(device) >= sizeof(g->device) || strlen(address) >= sizeof(g->gpu))
		return;
	g = &d->gpus[d->n_gpus++];
	(void)text_copy(g->device, sizeof(g->device), device);
	(void)text_copy(g->gpu, sizeof(g->gpu), address);
	for (char *p = g->gpu; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static DIR *open_folder(int root_fd, const char *path)
{
	int fd;

	if (file_open_dir_at(root_fd, path, &fd) < 0)
		return NULL;
	DIR *dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	return dir;
}

/* The folders are named by PCI address; "Device Minor: 	 0" is a line of each. */
static void read_nvidia(struct uses_devices *d)
{
	AUTO_CLOSEDIR DIR *dir = open_folder(d->root_fd, "proc/driver/nvidia/gpus");

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		char path[320], text[4096], device[32];
		unsigned minor;
		(void)snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", e->d_name);
		if (e->d_name[0] == '.' || file_read_at(d->root_fd, path, text, sizeof(text), NULL) < 0)
			continue;
		const char *at = strstr(text, "Device Minor:");
		if (!at || sscanf(at, "Device Minor: %u", &minor) != 1)
			continue;
		(void)snprintf(device, sizeof(device), "nvidia%u", minor);
		add_gpu(d, device, e->d_name);
	}
}

/* "card0" and "renderD128", not "card0-HDMI-A-1". */
static void read_drm(struct uses_devices *d)
{
	AUTO_CLOSEDIR DIR *dir = open_folder(d->root_fd, "sys/class/drm");

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		char path[320], link[512], device[300];
		if (e->d_name[0] == '.' || strchr(e->d_name, '-'))
			continue;
		(void)snprintf(path, sizeof(path), "sys/class/drm/%s/device", e->d_name);
		ssize_t n = readlinkat(d->root_fd, path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		const char *slash = strrchr(link, '/');
		(void)snprintf(device, sizeof(device), "dri/%s", e->d_name);
		if (slash && strlen(slash + 1) == strlen("0000:00:00.0"))
			add_gpu(d, device, slash + 1);
	}
}

void uses_devices_read(struct uses_devices *d, int root_fd)
{
	d->root_fd = root_fd;
	d->n_gpus = 0;
	read_nvidia(d);
	read_drm(d);
}

const char *uses_devices_gpu(const struct uses_devices *d, const char *path)
{
	if (strncmp(path, "/dev/", 5) != 0)
		return NULL;
	for (size_t i = 0; i < d->n_gpus; i++)
		if (strcmp(d->gpus[i].device, path + 5) == 0)
			return d->gpus[i].gpu;
	return NULL;
}

/* ---- disks ---- */

/* The last part of where a link of /sys points, or, for a partition, the part before it: its disk. */
static bool disk_behind(int root_fd, const char *path, char ret_disk[USES_DEVICE_NAME])
{
	char link[512], partition[USES_DEVICE_NAME + 64];
	ssize_t n = readlinkat(root_fd, path, link, sizeof(link) - 1);

	if (n <= 0)
		return false;
	link[n] = '\0';
	char *name = strrchr(link, '/');
	if (!name || strlen(name + 1) >= USES_DEVICE_NAME)
		return false;
	(void)snprintf(partition, sizeof(partition), "%s/partition", path);
	if (faccessat(root_fd, partition, F_OK, 0) == 0) {
		*name = '\0';
		name = strrchr(link, '/');
		if (!name || strlen(name + 1) >= USES_DEVICE_NAME)
			return false;
	}
	(void)text_copy(ret_disk, USES_DEVICE_NAME, name + 1);
	return true;
}

bool uses_devices_disk(const struct uses_devices *d, const char *path, char ret_disk[USES_DEVICE_NAME])
{
	char sys[USES_DEVICE_NAME + 32];

	if (strncmp(path, "/dev/", 5) != 0 || strchr(path + 5, '/') || strlen(path + 5) >= USES_DEVICE_NAME || !path[5])
		return false;
	(void)snprintf(sys, sizeof(sys), "sys/class/block/%s", path + 5);
	return disk_behind(d->root_fd, sys, ret_disk);
}

bool uses_devices_disk_of(const struct uses_devices *d, uint32_t major, uint32_t minor, char ret_disk[USES_DEVICE_NAME])
{
	char sys[64];

	if (major == 0) /* no device of its own: tmpfs, overlay, NFS */
		return false;
	(void)snprintf(sys, sizeof(sys), "sys/dev/block/%u:%u", major, minor);
	return disk_behind(d->root_fd, sys, ret_disk);
}

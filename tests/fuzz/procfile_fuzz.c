// SPDX-License-Identifier: Apache-2.0
/* Bytes as the files of /proc, /sys and cgroups: the same bytes stand under every name that the collectors read. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "collectors/fields.h"
#include "collectors/mount_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct collector collector_memory, collector_cpu, collector_disk, collector_netdev, collector_pressure,
	collector_cgroup;

static const struct collector *const all[] = { &collector_memory, &collector_cpu,      &collector_disk,
					       &collector_netdev, &collector_pressure, &collector_cgroup };
static const char *const names[] = {
	"proc/meminfo", "proc/vmstat", "proc/stat", "proc/diskstats", "proc/net/dev", "proc/net/softnet_stat",
	"proc/net/snmp", "proc/net/netstat", "proc/pressure/cpu", "sys/devices/system/cpu/online", "c/j/cpu.stat",
	"c/j/cpu.max", "c/j/memory.current", "c/j/memory.max", "c/j/memory.events", "c/j/memory.stat", "c/j/pids.max",
	"c/j/pids.events", "c/j/io.stat", "c/j/cgroup.events", "c/j/cpu.pressure", "v/j/memory.limit_in_bytes",
	"v/j/memory.stat", "v/j/memory.oom_control", "v/j/cgroup.procs",
};

static char root[] = "/tmp/why-fuzz-XXXXXX";
static int root_fd = -1, bytes_fd = -1;

static void write_file(const char *name, const void *data, size_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = strchr(path + sizeof(root), '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void remove_root(void)
{
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_root(void)
{
	static const char mounts[] = "cgroup2 /c cgroup2 rw 0 0\ncgroup /v cgroup rw,memory 0 0\n";
	char path[128], bytes[64];
	if (!mkdtemp(root))
		abort();
	(void)atexit(remove_root);
	write_file("bytes", "", 0);
	write_file("proc/mounts", mounts, sizeof(mounts) - 1);
	snprintf(bytes, sizeof(bytes), "%s/bytes", root);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		write_file(names[i], "", 0);
		snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		if (unlink(path) < 0 || link(bytes, path) < 0)
			abort();
	}
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bytes_fd = open(bytes, O_RDWR | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct graph *graph;
	static struct batch *batch;
	char *text = malloc(size + 1);
	struct mount_line line;
	uint64_t value;
	if (!text)
		return 0;
	memcpy(text, data, size);
	(void)fields_one(text, size, &value);
	text[size] = '\0';
	for (char *cursor = text; mount_table_next(&cursor, &line);)
		(void)mount_line_has_option(&line, "ro");
	free(text);
	if (root_fd < 0) {
		make_root();
		if (graph_new(4096, "n", &graph) < 0 || batch_new(graph, 8192, 64, 8192, &batch) < 0)
			abort();
	}
	if (ftruncate(bytes_fd, 0) < 0 || pwrite(bytes_fd, data, size, 0) != (ssize_t)size)
		abort();
	struct collect_env env = { .root_fd = root_fd, .fixture = true, .ticks_per_s = 100, .page_bytes = 4096 };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		void *state = NULL;
		if (all[i]->open(&env, &state) < 0)
			abort();
		for (unsigned tick = 1; tick <= 2; tick++) {
			batch_reset(batch, tick * NS_PER_S);
			(void)all[i]->collect(state, tick * NS_PER_S, batch);
		}
		all[i]->close(state);
	}
	(void)graph_expire(graph, UINT64_MAX, NULL, NULL);
	return 0;
}

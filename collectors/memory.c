// SPDX-License-Identifier: Apache-2.0
/* The node's memory: /proc/meminfo and /proc/vmstat, kept open and read again each tick. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/fields.h"

enum {
	TOTAL,
	FREE,
	AVAILABLE,
	CACHED,
	DIRTY,
	ANON,
	SHMEM,
	SWAP_TOTAL,
	SWAP_FREE,
	PGSCAN_DIRECT,
	PGSTEAL_DIRECT,
	SWAP_IN,
	SWAP_OUT,
	COMPACT_STALLS,
	OOM_KILLS,
	REFAULTS,
	N_METRICS,
};

#define GAUGE(name, help)   { name, METRIC_GAUGE, UNIT_BYTES, ENTITY_NODE, help, NULL, NULL }
#define COUNTER(name, help) { name, METRIC_COUNTER, UNIT_NONE, ENTITY_NODE, help, NULL, NULL }

static const struct metric_desc metrics[N_METRICS] = {
	[TOTAL] = GAUGE("node.memory.total", "Memory of the machine"),
	[FREE] = GAUGE("node.memory.free", "Memory that nothing uses; low is normal, the rest is cache"),
	[AVAILABLE] = GAUGE("node.memory.available", "Memory that programs can still get without swapping"),
	[CACHED] = GAUGE("node.memory.cached", "Page cache"),
	[DIRTY] = GAUGE("node.memory.dirty", "Page cache that waits to be written"),
	[ANON] = GAUGE("node.memory.anon", "Anonymous memory of processes"),
	[SHMEM] = GAUGE("node.memory.shmem", "Shared memory and tmpfs"),
	[SWAP_TOTAL] = GAUGE("node.memory.swap_total", "Swap space"),
	[SWAP_FREE] = GAUGE("node.memory.swap_free", "Unused swap space"),
	[PGSCAN_DIRECT] = COUNTER("node.memory.pgscan_direct", "Pages that processes had to look through to get memory"),
	[PGSTEAL_DIRECT] = COUNTER("node.memory.pgsteal_direct", "Pages that processes reclaimed themselves"),
	[SWAP_IN] = COUNTER("node.memory.swap_in", "Pages read back from swap"),
	[SWAP_OUT] = COUNTER("node.memory.swap_out", "Pages written to swap"),
	[COMPACT_STALLS] = COUNTER("node.memory.compact_stalls", "Allocations that waited for compaction"),
	[OOM_KILLS] = COUNTER("node.memory.oom_kills", "Processes killed for want of memory, of all cgroups"),
	[REFAULTS] = COUNTER("node.memory.refaults", "File pages read again soon after they were dropped"),
};

static const char *const meminfo_keys[] = { "MemTotal", "MemFree", "MemAvailable", "Cached",    "Dirty",
					    "AnonPages", "Shmem",   "SwapTotal",    "SwapFree" };
static const uint32_t meminfo_metrics[] = { TOTAL, FREE, AVAILABLE, CACHED, DIRTY, ANON, SHMEM, SWAP_TOTAL, SWAP_FREE };

/* Kernels before 5.9 write one workingset_refault; later ones split it. */
static const char *const vmstat_keys[] = { "pgscan_direct", "pgsteal_direct", "pswpin", "pswpout", "compact_stall",
					   "oom_kill", "workingset_refault_file", "workingset_refault" };
static const uint32_t vmstat_metrics[] = { PGSCAN_DIRECT, PGSTEAL_DIRECT, SWAP_IN,  SWAP_OUT, COMPACT_STALLS,
					   OOM_KILLS,     REFAULTS,       REFAULTS };

_Static_assert(ARRAY_LEN(meminfo_keys) == ARRAY_LEN(meminfo_metrics), "one metric a key");
_Static_assert(ARRAY_LEN(vmstat_keys) == ARRAY_LEN(vmstat_metrics), "one metric a key");

struct memory {
	int meminfo_fd, vmstat_fd;
	char text[16384];
};

static int memory_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/meminfo", R_OK, 0) == 0)
		return 0;
	int r = -errno;
	snprintf(ret_reason, size, "/proc/meminfo cannot be read (%s): is /proc mounted?", strerror(-r));
	return r;
}

static void memory_close(void *state)
{
	struct memory *m = state;
	if (!m)
		return;
	cleanup_close(&m->meminfo_fd);
	cleanup_close(&m->vmstat_fd);
	free(m);
}

static int memory_open(const struct collect_env *env, void **ret_state)
{
	struct memory *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->meminfo_fd = openat(env->root_fd, "proc/meminfo", O_RDONLY | O_CLOEXEC);
	m->vmstat_fd = openat(env->root_fd, "proc/vmstat", O_RDONLY | O_CLOEXEC);
	*ret_state = m;
	return 0;
}

static bool sample_file(struct memory *m, int fd, const char *const *keys, const uint32_t *ids, size_t n, double scale,
			struct batch *b)
{
	uint64_t values[16];
	size_t len;
	if (fd < 0 || file_reread(fd, m->text, sizeof(m->text), &len) < 0)
		return false;
	uint64_t found = fields_keyed(m->text, len, keys, n, values);
	for (size_t i = 0; i < n; i++)
		if (found & UINT64_C(1) << i)
			batch_sample(b, ids[i], graph_node(b->graph), (double)values[i] * scale);
	return true;
}

static int memory_collect(void *state, mono_ns_t now UNUSED, struct batch *out)
{
	struct memory *m = state;
	bool meminfo = sample_file(m, m->meminfo_fd, meminfo_keys, meminfo_metrics, ARRAY_LEN(meminfo_keys), 1024, out);
	bool vmstat = sample_file(m, m->vmstat_fd, vmstat_keys, vmstat_metrics, ARRAY_LEN(vmstat_keys), 1, out);
	return meminfo || vmstat ? 0 : -EIO;
}

const struct collector collector_memory = {
	.name = "memory",
	.help = "Memory of the node: how much is left, and what getting more costs",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = memory_probe,
	.open = memory_open,
	.collect = memory_collect,
	.close = memory_close,
};

// SPDX-License-Identifier: Apache-2.0
/* Whole disks from /proc/diskstats; a disk that never did anything is left out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/fields.h"

#define MAX_DISKS    256
#define NAME_BYTES   32
#define TEXT_BYTES   (256 * 1024)
#define SECTOR_BYTES 512 /* of diskstats, whatever the disk's own are */
#define GONE_TICKS   3   /* absent for so long: unplugged */

enum {
	READS,
	WRITES,
	READ_BYTES,
	WRITE_BYTES,
	READ_TIME,
	WRITE_TIME,
	IO_TIME,
	WEIGHTED_TIME,
	IN_FLIGHT,
	LATENCY,
	QUEUE,
	N_METRICS,
};

#define COUNTER(name, unit, help) { name, METRIC_COUNTER, unit, ENTITY_DISK, help, NULL, NULL }

static const struct metric_desc metrics[N_METRICS] = {
	[READS] = COUNTER("disk.reads", UNIT_NONE, "Reads completed"),
	[WRITES] = COUNTER("disk.writes", UNIT_NONE, "Writes completed"),
	[READ_BYTES] = COUNTER("disk.read_bytes", UNIT_BYTES, "Bytes read"),
	[WRITE_BYTES] = COUNTER("disk.write_bytes", UNIT_BYTES, "Bytes written"),
	[READ_TIME] = COUNTER("disk.read_time", UNIT_NS, "Time that reads took, summed over reads"),
	[WRITE_TIME] = COUNTER("disk.write_time", UNIT_NS, "Time that writes took, summed over writes"),
	[IO_TIME] = COUNTER("disk.io_time", UNIT_NS, "Time with at least one request under way"),
	[WEIGHTED_TIME] = COUNTER("disk.weighted_time", UNIT_NS, "Time times requests under way"),
	[IN_FLIGHT] = { "disk.in_flight", METRIC_GAUGE, UNIT_NONE, ENTITY_DISK, "Requests under way", NULL, NULL },
	[LATENCY] = { "disk.latency", METRIC_GAUGE, UNIT_NS, ENTITY_DISK,
		      "How long the reads and writes took that were completed since the last reading, on the average; "
		      "absent when none was",
		      NULL, NULL },
	[QUEUE] = { "disk.queue", METRIC_GAUGE, UNIT_NONE, ENTITY_DISK,
		    "Reads and writes under way on the average since the last reading: the time they took by wall time",
		    NULL, NULL },
};

struct known_disk {
	char name[NAME_BYTES];
	bool whole;          /* not a partition */
	unsigned last_tick;
	mono_ns_t at;        /* of the two below; 0: not read yet */
	uint64_t requests, time_ms;
};

struct disk {
	int root_fd, stats_fd;
	unsigned tick;
	size_t n_disks;
	struct known_disk disks[MAX_DISKS];
	char text[TEXT_BYTES];
};

static int disk_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	if (faccessat(env->root_fd, "proc/diskstats", R_OK, 0) == 0)
		return 0;
	int r = -errno;
	snprintf(ret_reason, size, "/proc/diskstats cannot be read (%s): the kernel may lack CONFIG_BLOCK",
		 strerror(-r));
	return r;
}

static void disk_close(void *state)
{
	struct disk *d = state;
	if (!d)
		return;
	cleanup_close(&d->stats_fd);
	free(d);
}

static int disk_open(const struct collect_env *env, void **ret_state)
{
	struct disk *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->root_fd = env->root_fd;
	d->stats_fd = openat(env->root_fd, "proc/diskstats", O_RDONLY | O_CLOEXEC);
	*ret_state = d;
	return 0;
}

/* A partition has the file `partition` in its folder. Where /sys is not there all names count as disks. */
static bool is_whole(int root_fd, const char *name)
{
	char path[NAME_BYTES + 64];
	snprintf(path, sizeof(path), "sys/class/block/%s/partition", name);
	return faccessat(root_fd, path, F_OK, 0) < 0;
}

static struct known_disk *find_disk(struct disk *d, const char *name)
{
	for (size_t i = 0; i < d->n_disks; i++)
		if (strcmp(d->disks[i].name, name) == 0)
			return &d->disks[i];
	if (d->n_disks == MAX_DISKS)
		return NULL;
	struct known_disk *k = &d->disks[d->n_disks++];
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->whole = is_whole(d->root_fd, name);
	return k;
}

/* A counter that fell belongs to another disk of that name. */
static void sample_latency(struct known_disk *k, entity_id disk, uint64_t requests, uint64_t time_ms, mono_ns_t now,
			   struct batch *b)
{
	double wall_ns = (double)mono_since(k->at, now), took_ns = (double)(time_ms - k->time_ms) * (double)NS_PER_MS;

	if (k->at && wall_ns > 0 && requests >= k->requests && time_ms >= k->time_ms) {
		batch_sample(b, QUEUE, disk, took_ns / wall_ns);
		if (requests > k->requests)
			batch_sample(b, LATENCY, disk, took_ns / (double)(requests - k->requests));
	}
	k->at = now;
	k->requests = requests;
	k->time_ms = time_ms;
}

static void sample_disk(struct disk *d, struct fields *line, mono_ns_t now, struct batch *b)
{
	char name[NAME_BYTES];
	uint64_t v[11];
	if (!fields_skip(line, 2) || !fields_copy(line, name, sizeof(name)) || strchr(name, '/'))
		return;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (!fields_u64(line, &v[i]))
			return;
	struct known_disk *k = find_disk(d, name);
	if (!k)
		return;
	k->last_tick = d->tick;
	if (!k->whole || (v[0] == 0 && v[4] == 0 && v[8] == 0))
		return;
	entity_id disk = batch_entity(b, ENTITY_DISK, name);
	batch_sample(b, READS, disk, (double)v[0]);
	batch_sample(b, READ_BYTES, disk, (double)v[2] * SECTOR_BYTES);
	batch_sample(b, READ_TIME, disk, (double)v[3] * (double)NS_PER_MS);
	batch_sample(b, WRITES, disk, (double)v[4]);
	batch_sample(b, WRITE_BYTES, disk, (double)v[6] * SECTOR_BYTES);
	batch_sample(b, WRITE_TIME, disk, (double)v[7] * (double)NS_PER_MS);
	batch_sample(b, IN_FLIGHT, disk, (double)v[8]);
	batch_sample(b, IO_TIME, disk, (double)v[9] * (double)NS_PER_MS);
	batch_sample(b, WEIGHTED_TIME, disk, (double)v[10] * (double)NS_PER_MS);
	sample_latency(k, disk, v[0] + v[4], v[3] + v[7], now, b);
}

static void forget_gone(struct disk *d, struct batch *b)
{
	for (size_t i = 0; i < d->n_disks;) {
		if (d->tick - d->disks[i].last_tick < GONE_TICKS) {
			i++;
			continue;
		}
		entity_id disk = graph_find(b->graph, ENTITY_DISK, d->disks[i].name);
		if (d->disks[i].whole && disk != ENTITY_NONE)
			batch_gone(b, disk);
		d->disks[i] = d->disks[--d->n_disks];
	}
}

static int disk_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct disk *d = state;
	size_t len;
	if (d->stats_fd < 0)
		return -ENOENT;
	int r = file_reread(d->stats_fd, d->text, sizeof(d->text), &len);
	if (r == -EFBIG)
		len = strlen(d->text);
	else if (r < 0)
		return r;
	d->tick++;
	struct fields rest = fields_of(d->text, len), line;
	while (fields_line(&rest, &line))
		sample_disk(d, &line, now, out);
	forget_gone(d, out);
	return 0;
}

const struct collector collector_disk = {
	.name = "disk",
	.help = "Whole disks: operations, bytes, time and requests under way",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = disk_probe,
	.open = disk_open,
	.collect = disk_collect,
	.close = disk_close,
};

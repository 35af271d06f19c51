// SPDX-License-Identifier: Apache-2.0
/* Use and limits of each cgroup: CPU time and throttling, memory and its events, pids, I/O; v1 and v2.
 *
 * What decides a diagnosis (throttling, memory events, rejected forks) is read each second for cgroups that hold
 * tasks, the rest every five seconds (ten above 1,000 active ones ...), spread over the ticks. Above STRIDE_AT active
 * cgroups each is read every 2nd, 3rd ... second, so that the cost of a tick stays the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/cgroup_io.h"
#include "collectors/cgroup_tree.h"
#include "collectors/collector.h"
#include "collectors/fields.h"

#define MAX_SAMPLED 4096 /* a tick; leaves first */
#define MAX_FDS     2048
#define STRIDE_AT   500
#define SLOW_TICKS  5
#define SLOWER_AT   1000 /* for each so many active cgroups the slow round takes its time once more */
#define YOUNG_TICKS 30   /* an empty cgroup that was just made is looked at each tick: somebody is about to move in */
#define RETRY_SLOW  12   /* a file that is not there is looked for again after so many slow rounds */
#define TEXT_BYTES  32768
#define V1_NO_LIMIT (UINT64_C(1) << 62)

#define FD_UNOPENED (-1)
#define FD_ABSENT   (-2)

enum {
	CPU_USAGE,
	CPU_PERIODS,
	CPU_THROTTLED_PERIODS,
	CPU_THROTTLED_TIME,
	CPU_LIMIT,
	MEMORY_CURRENT,
	MEMORY_LIMIT,
	MEMORY_HIGH,
	MEMORY_ANON,
	MEMORY_FILE,
	MEMORY_HIGH_EVENTS,
	MEMORY_MAX_EVENTS,
	MEMORY_OOM_EVENTS,
	MEMORY_OOM_KILLS,
	MEMORY_REFAULTS,
	PIDS_CURRENT,
	PIDS_LIMIT,
	PIDS_REJECTED,
	IO_READ_BYTES,
	IO_WRITE_BYTES,
	IO_LIMIT_USED,
	IO_LIMIT_BYTES,
	IO_LIMIT_OPS,
	NODE_COUNT,
	NODE_UNWATCHED,
	NODE_REFUSED,
	N_METRICS,
};

#define G(name, unit, help) { "cgroup." name, METRIC_GAUGE, unit, ENTITY_CGROUP, help, NULL, NULL }
#define C(name, unit, help) { "cgroup." name, METRIC_COUNTER, unit, ENTITY_CGROUP, help, NULL, NULL }
#define N(name, help)       { "node.cgroup." name, METRIC_GAUGE, UNIT_NONE, ENTITY_NODE, help, NULL, NULL }

static const struct metric_desc metrics[N_METRICS] = {
	[CPU_USAGE] = C("cpu.usage", UNIT_NS, "CPU time used"),
	[CPU_PERIODS] = C("cpu.periods", UNIT_NONE, "Quota periods in which it wanted CPU"),
	[CPU_THROTTLED_PERIODS] = C("cpu.throttled_periods", UNIT_NONE, "Periods in which it was stopped by its quota"),
	[CPU_THROTTLED_TIME] = C("cpu.throttled_time", UNIT_NS, "Time it was stopped by its quota, summed over CPUs"),
	[CPU_LIMIT] = G("cpu.limit", UNIT_CPUS, "CPU quota; absent when there is none"),
	[MEMORY_CURRENT] = G("memory.current", UNIT_BYTES, "Memory charged to it, page cache included"),
	[MEMORY_LIMIT] = G("memory.limit", UNIT_BYTES, "Memory above which it is OOM-killed; absent when there is none"),
	[MEMORY_HIGH] = G("memory.high", UNIT_BYTES, "Memory above which it is slowed down; absent when there is none"),
	[MEMORY_ANON] = G("memory.anon", UNIT_BYTES, "Anonymous memory, which cannot be dropped"),
	[MEMORY_FILE] = G("memory.file", UNIT_BYTES, "Page cache, tmpfs included"),
	[MEMORY_HIGH_EVENTS] = C("memory.high_events", UNIT_NONE, "Times it was slowed down for passing memory.high"),
	[MEMORY_MAX_EVENTS] = C("memory.max_events", UNIT_NONE, "Times it met its memory limit"),
	[MEMORY_OOM_EVENTS] = C("memory.oom_events", UNIT_NONE, "Times reclaim at the limit failed"),
	[MEMORY_OOM_KILLS] = C("memory.oom_kills", UNIT_NONE, "Its processes that the OOM killer ended"),
	[MEMORY_REFAULTS] = C("memory.refaults", UNIT_NONE, "File pages read again soon after they were dropped"),
	[PIDS_CURRENT] = G("pids.current", UNIT_NONE, "Processes and threads in it"),
	[PIDS_LIMIT] = G("pids.limit", UNIT_NONE, "Most processes and threads it may have; absent when there is none"),
	[PIDS_REJECTED] = C("pids.rejected", UNIT_NONE, "Forks refused by the limit"),
	[IO_READ_BYTES] = C("io.read_bytes", UNIT_BYTES, "Bytes read from disks"),
	[IO_WRITE_BYTES] = C("io.write_bytes", UNIT_BYTES, "Bytes written to disks"),
	[IO_LIMIT_USED] = G("io.limit_used_ratio", UNIT_RATIO,
			    "How much it uses of the I/O limit that is used most, of any device; absent without limits"),
	[IO_LIMIT_BYTES] = G("io.limit_bytes", UNIT_BYTES, "That limit, when it is one of bytes a second"),
	[IO_LIMIT_OPS] = G("io.limit_operations", UNIT_NONE, "That limit, when it is one of operations a second"),
	[NODE_COUNT] = N("count", "Cgroups of the node"),
	[NODE_UNWATCHED] = N("unwatched", "Cgroups known but not read because there are too many"),
	[NODE_REFUSED] = { "node.cgroup.refused", METRIC_COUNTER, UNIT_NONE, ENTITY_NODE,
			   "Times a cgroup was not taken in because there are too many", NULL, NULL },
};

enum file {
	F_CPU_STAT,
	F_CPUACCT_USAGE,
	F_MEMORY_CURRENT,
	F_MEMORY_EVENTS,
	F_OOM_CONTROL,
	F_PIDS_CURRENT,
	F_PIDS_EVENTS,
	N_HOT, /* the files above are read each tick, those below in the slow round */
	F_CPU_MAX = N_HOT,
	F_CPU_PERIOD,
	F_MEMORY_MAX,
	F_MEMORY_HIGH,
	F_MEMORY_STAT,
	F_PIDS_MAX,
	F_IO_STAT,
	F_IO_OPS,
	F_IO_MAX,
	F_IO_MAX_V1, /* CGROUP_IO_KINDS of them */
	F_POPULATED = F_IO_MAX_V1 + CGROUP_IO_KINDS,
	N_FILES,
};

/* Name in a v2 folder and in the v1 hierarchy; NULL: there is none. */
static const struct {
	enum cgroup_hier hier;
	const char *v2, *v1;
} files[N_FILES] = {
	[F_CPU_STAT] = { CGROUP_HIER_CPU, "cpu.stat", "cpu.stat" },
	[F_CPUACCT_USAGE] = { CGROUP_HIER_CPUACCT, NULL, "cpuacct.usage" },
	[F_MEMORY_CURRENT] = { CGROUP_HIER_MEMORY, "memory.current", "memory.usage_in_bytes" },
	[F_MEMORY_EVENTS] = { CGROUP_HIER_MEMORY, "memory.events", "memory.failcnt" },
	[F_OOM_CONTROL] = { CGROUP_HIER_MEMORY, NULL, "memory.oom_control" },
	[F_PIDS_CURRENT] = { CGROUP_HIER_PIDS, "pids.current", "pids.current" },
	[F_PIDS_EVENTS] = { CGROUP_HIER_PIDS, "pids.events", "pids.events" },
	[F_CPU_MAX] = { CGROUP_HIER_CPU, "cpu.max", "cpu.cfs_quota_us" },
	[F_CPU_PERIOD] = { CGROUP_HIER_CPU, NULL, "cpu.cfs_period_us" },
	[F_MEMORY_MAX] = { CGROUP_HIER_MEMORY, "memory.max", "memory.limit_in_bytes" },
	[F_MEMORY_HIGH] = { CGROUP_HIER_MEMORY, "memory.high", NULL },
	[F_MEMORY_STAT] = { CGROUP_HIER_MEMORY, "memory.stat", "memory.stat" },
	[F_PIDS_MAX] = { CGROUP_HIER_PIDS, "pids.max", "pids.max" },
	[F_IO_STAT] = { CGROUP_HIER_BLKIO, "io.stat", "blkio.throttle.io_service_bytes_recursive" },
	[F_IO_OPS] = { CGROUP_HIER_BLKIO, NULL, "blkio.throttle.io_serviced_recursive" },
	[F_IO_MAX] = { CGROUP_HIER_BLKIO, "io.max", NULL },
	[F_IO_MAX_V1 + CGROUP_IO_READ_BYTES] = { CGROUP_HIER_BLKIO, NULL, "blkio.throttle.read_bps_device" },
	[F_IO_MAX_V1 + CGROUP_IO_WRITE_BYTES] = { CGROUP_HIER_BLKIO, NULL, "blkio.throttle.write_bps_device" },
	[F_IO_MAX_V1 + CGROUP_IO_READ_OPS] = { CGROUP_HIER_BLKIO, NULL, "blkio.throttle.read_iops_device" },
	[F_IO_MAX_V1 + CGROUP_IO_WRITE_OPS] = { CGROUP_HIER_BLKIO, NULL, "blkio.throttle.write_iops_device" },
	[F_POPULATED] = { CGROUP_HIER_UNIFIED, "cgroup.events", NULL },
};

/* What is kept beside each slot of the tree. */
struct watch {
	uint32_t birth; /* 0: unused */
	uint32_t next_slow;
	uint16_t slow_rounds;
	bool active, limited, lone; /* lone: its tasks are in a v1 hierarchy that nobody else tells of */
	uint64_t throttled_periods;
	uint32_t young_until; /* tick; 0: it was there before the agent */
	struct cgroup_io *io; /* NULL: no limit of I/O */
	double cpu_limit, memory_limit, memory_high, pids_limit; /* 0: none */
	int fds[N_FILES];
};

struct cgroup {
	struct cgroup_tree *tree;
	uint32_t tick, slow_ticks;
	mono_ns_t now;
	int root_fd;
	size_t n_fds, max_fds, n_active;
	struct watch watches[CGROUP_TREE_MAX_NODES];
	char text[TEXT_BYTES];
};

static int cgroup_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	struct cgroup_tree *tree = NULL;
	int r = cgroup_tree_open(env, &tree);
	if (r < 0)
		snprintf(ret_reason, size, "no cgroup file system is mounted below the root (%s): mount /sys/fs/cgroup",
			 strerror(-r));
	cgroup_tree_close(&tree);
	return r;
}

static void watch_forget(struct cgroup *c, struct watch *w)
{
	for (size_t f = 0; w->birth && f < N_FILES; f++)
		if (w->fds[f] >= 0) {
			close(w->fds[f]);
			c->n_fds--;
		}
	free(w->io);
	memset(w, 0, sizeof(*w));
	for (size_t f = 0; f < N_FILES; f++)
		w->fds[f] = FD_UNOPENED;
}

static void cgroup_close(void *state)
{
	struct cgroup *c = state;
	if (!c)
		return;
	for (size_t i = 0; i < CGROUP_TREE_MAX_NODES; i++)
		watch_forget(c, &c->watches[i]);
	cgroup_tree_close(&c->tree);
	free(c);
}

static int cgroup_open(const struct collect_env *env, void **ret_state)
{
	struct rlimit limit;
	struct cgroup *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	int r = cgroup_tree_open(env, &c->tree);
	if (r < 0) {
		free(c);
		return r;
	}
	c->root_fd = env->root_fd;
	c->max_fds = MAX_FDS;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < MAX_FDS)
		c->max_fds = limit.rlim_cur / 4;
	*ret_state = c;
	return 0;
}

/* Reads the file into c->text. Kept open while there is room for descriptors, else opened for this once. */
static bool read_file(struct cgroup *c, const struct cgroup_node *n, enum file f, size_t *ret_len)
{
	int *kept = &c->watches[n->index].fds[f];
	const char *name = cgroup_tree_is_v2(c->tree, files[f].hier) ? files[f].v2 : files[f].v1;
	AUTO_CLOSE int once = -1;
	int fd = *kept;
	if (fd == FD_ABSENT || !name)
		return false;
	if (fd == FD_UNOPENED) {
		if (cgroup_tree_open_file(c->tree, n, files[f].hier, name, O_RDONLY | O_NONBLOCK, &fd) < 0) {
			*kept = FD_ABSENT;
			return false;
		}
		if (c->n_fds < c->max_fds) {
			*kept = fd;
			c->n_fds++;
		} else {
			once = fd;
		}
	}
	int r = file_reread(fd, c->text, sizeof(c->text), ret_len);
	if (r == -EFBIG) {
		*ret_len = strlen(c->text);
		return true;
	}
	return r == 0;
}

static bool read_one(struct cgroup *c, const struct cgroup_node *n, enum file f, uint64_t *ret_value)
{
	size_t len;
	return read_file(c, n, f, &len) && fields_one(c->text, len, ret_value);
}

static double read_cpu_limit(struct cgroup *c, const struct cgroup_node *n)
{
	uint64_t quota, period;
	size_t len;
	if (!read_file(c, n, F_CPU_MAX, &len))
		return 0;
	struct fields f = fields_of(c->text, len);
	if (!fields_u64(&f, &quota)) /* "max", or -1 with v1 */
		return 0;
	if (cgroup_tree_is_v2(c->tree, CGROUP_HIER_CPU) ? !fields_u64(&f, &period)
							: !read_one(c, n, F_CPU_PERIOD, &period))
		return 0;
	return period ? (double)quota / (double)period : 0;
}

static void sample_cpu(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	struct watch *w = &c->watches[n->index];
	static const char *const keys[] = { "usage_usec", "nr_periods", "nr_throttled", "throttled_usec",
					    "throttled_time" };
	static const uint32_t ids[] = { CPU_USAGE, CPU_PERIODS, CPU_THROTTLED_PERIODS, CPU_THROTTLED_TIME,
					CPU_THROTTLED_TIME };
	static const double scale[] = { (double)NS_PER_US, 1, 1, (double)NS_PER_US, 1 };
	uint64_t v[ARRAY_LEN(keys)], usage;
	size_t len;
	if (read_file(c, n, F_CPU_STAT, &len)) {
		uint64_t found = fields_keyed(c->text, len, keys, ARRAY_LEN(keys), v);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (found & UINT64_C(1) << i)
				batch_sample(b, ids[i], e, (double)v[i] * scale[i]);
		/* Somebody may have changed the quota that stops it now: the slow round would tell the old one. */
		if ((found & 4) && v[2] != w->throttled_periods) {
			w->throttled_periods = v[2];
			w->cpu_limit = read_cpu_limit(c, n);
		}
	}
	if (read_one(c, n, F_CPUACCT_USAGE, &usage))
		batch_sample(b, CPU_USAGE, e, (double)usage);
}

static void sample_memory(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	static const char *const events[] = { "high", "max", "oom", "oom_kill" };
	static const uint32_t ids[] = { MEMORY_HIGH_EVENTS, MEMORY_MAX_EVENTS, MEMORY_OOM_EVENTS, MEMORY_OOM_KILLS };
	uint64_t v[ARRAY_LEN(events)], value, found;
	size_t len;
	if (read_one(c, n, F_MEMORY_CURRENT, &value))
		batch_sample(b, MEMORY_CURRENT, e, (double)value);
	if (!cgroup_tree_is_v2(c->tree, CGROUP_HIER_MEMORY)) {
		if (read_one(c, n, F_MEMORY_EVENTS, &value))
			batch_sample(b, MEMORY_MAX_EVENTS, e, (double)value);
		if (read_file(c, n, F_OOM_CONTROL, &len) && fields_keyed(c->text, len, &events[3], 1, &value))
			batch_sample(b, MEMORY_OOM_KILLS, e, (double)value);
		return;
	}
	if (!read_file(c, n, F_MEMORY_EVENTS, &len))
		return;
	found = fields_keyed(c->text, len, events, ARRAY_LEN(events), v);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (found & UINT64_C(1) << i)
			batch_sample(b, ids[i], e, (double)v[i]);
}

static void sample_pids(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	static const char *const keys[] = { "max" };
	uint64_t value;
	size_t len;
	if (read_one(c, n, F_PIDS_CURRENT, &value))
		batch_sample(b, PIDS_CURRENT, e, (double)value);
	if (read_file(c, n, F_PIDS_EVENTS, &len) && fields_keyed(c->text, len, keys, 1, &value))
		batch_sample(b, PIDS_REJECTED, e, (double)value);
}

/* ---- the slow round ---- */

static double read_limit(struct cgroup *c, const struct cgroup_node *n, enum file f)
{
	uint64_t value;
	if (!read_one(c, n, f, &value) || value >= V1_NO_LIMIT)
		return 0;
	return value ? (double)value : 0.5; /* a limit of 0 is a limit; written as 0 */
}

/* Lists of tasks, which are dear to open and to read: while all tasks are looked over anyway, only to find those that
 * somebody put into one v1 hierarchy beside the others, once a minute. */
static bool has_lone_tasks(struct cgroup *c, const struct cgroup_node *n, bool others_tell)
{
	static const enum cgroup_hier v1[] = { CGROUP_HIER_MEMORY, CGROUP_HIER_CPU, CGROUP_HIER_CPUACCT,
					       CGROUP_HIER_BLKIO };
	struct watch *w = &c->watches[n->index];
	if (others_tell && w->slow_rounds % RETRY_SLOW != 1)
		return w->lone;
	w->lone = false;
	for (size_t i = 0; i < ARRAY_LEN(v1) && !w->lone; i++) {
		AUTO_CLOSE int fd = -1;
		char first;
		w->lone = !cgroup_tree_is_v2(c->tree, v1[i]) &&
			  cgroup_tree_open_file(c->tree, n, v1[i], "cgroup.procs", O_RDONLY | O_NONBLOCK, &fd) == 0 &&
			  read(fd, &first, 1) == 1;
	}
	return w->lone;
}

/* A v1 folder has no populated flag: pids.current tells it without building a list of tasks. */
static bool is_active(struct cgroup *c, const struct cgroup_node *n)
{
	static const char *const keys[] = { "populated" };
	uint64_t value;
	size_t len;
	bool others_tell;
	if (n->parent == n->index)
		return true;
	if (read_file(c, n, F_POPULATED, &len) && fields_keyed(c->text, len, keys, 1, &value) && value)
		return true;
	if (read_one(c, n, F_PIDS_CURRENT, &value) && value)
		return true;
	return cgroup_tree_has_tasks(c->tree, n, c->now, &others_tell) || has_lone_tasks(c, n, others_tell);
}

static void sample_memory_stat(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	/* v1 counts its own pages and, with total_, those of the cgroups below, which is what v2 shows. */
	static const char *const v2_keys[] = { "anon", "file", "workingset_refault_file", "workingset_refault" };
	static const char *const v1_keys[] = { "total_cache", "total_rss", "total_workingset_refault_file" };
	static const uint32_t v2_ids[] = { MEMORY_ANON, MEMORY_FILE, MEMORY_REFAULTS, MEMORY_REFAULTS };
	static const uint32_t v1_ids[] = { MEMORY_FILE, MEMORY_ANON, MEMORY_REFAULTS };
	bool v2 = cgroup_tree_is_v2(c->tree, CGROUP_HIER_MEMORY);
	const uint32_t *ids = v2 ? v2_ids : v1_ids;
	size_t n_keys = v2 ? ARRAY_LEN(v2_keys) : ARRAY_LEN(v1_keys), len;
	uint64_t v[ARRAY_LEN(v2_keys)];
	if (!read_file(c, n, F_MEMORY_STAT, &len))
		return;
	uint64_t found = fields_keyed(c->text, len, v2 ? v2_keys : v1_keys, n_keys, v);
	for (size_t i = 0; i < n_keys; i++)
		if (found & UINT64_C(1) << i)
			batch_sample(b, ids[i], e, (double)v[i]);
}

/* v2: "8:0 rbytes=1 wbytes=2 ..."; v1: "8:0 Read 1", "8:0 Write 2". */
static void sample_io(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	uint64_t value;
	double read_bytes = 0, write_bytes = 0;
	bool any = false;
	size_t len;
	if (!read_file(c, n, F_IO_STAT, &len))
		return;
	struct fields rest = fields_of(c->text, len), line;
	while (fields_line(&rest, &line)) {
		if (fields_assigned(line, "rbytes", &value)) {
			read_bytes += (double)value;
			any = true;
		}
		if (fields_assigned(line, "wbytes", &value)) {
			write_bytes += (double)value;
			any = true;
		}
		if (!fields_skip(&line, 1))
			continue;
		double *sum = fields_is(&line, "Read") ? &read_bytes : fields_is(&line, "Write") ? &write_bytes : NULL;
		if (sum && fields_u64(&line, &value)) {
			*sum += (double)value;
			any = true;
		}
	}
	if (!any)
		return;
	batch_sample(b, IO_READ_BYTES, e, read_bytes);
	batch_sample(b, IO_WRITE_BYTES, e, write_bytes);
}

static void read_io_limits(struct cgroup *c, const struct cgroup_node *n)
{
	struct watch *w = &c->watches[n->index];
	struct cgroup_io now = { .n = 0 };
	size_t len;

	if (read_file(c, n, F_IO_MAX, &len))
		cgroup_io_take_max(&now, c->text, len);
	for (unsigned k = 0; k < CGROUP_IO_KINDS; k++)
		if (read_file(c, n, (enum file)(F_IO_MAX_V1 + k), &len))
			cgroup_io_take_v1(&now, (enum cgroup_io_kind)k, c->text, len);
	if (now.n == 0) {
		free(w->io);
		w->io = NULL;
		return;
	}
	if (w->io)
		cgroup_io_keep_counts(&now, w->io);
	else
		w->io = calloc(1, sizeof(*w->io));
	if (w->io)
		*w->io = now;
}

static void sample_io_limit(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	struct cgroup_io *io = c->watches[n->index].io;
	const struct cgroup_io_limit *l;
	char text[CGROUP_IO_TEXT], name[CGROUP_IO_DEVICE];
	double ratio;
	size_t len;

	cgroup_io_count_begin(io, c->now);
	bool v2 = cgroup_tree_is_v2(c->tree, CGROUP_HIER_BLKIO);
	if (read_file(c, n, F_IO_STAT, &len)) {
		if (v2)
			cgroup_io_count_stat(io, c->text, len);
		else
			cgroup_io_count_v1(io, false, c->text, len);
	}
	if (!v2 && cgroup_io_has_ops(io) && read_file(c, n, F_IO_OPS, &len))
		cgroup_io_count_v1(io, true, c->text, len);
	if (!cgroup_io_tightest(io, &l, &ratio))
		return;
	batch_sample(b, IO_LIMIT_USED, e, ratio);
	batch_sample(b, l->kind <= CGROUP_IO_WRITE_BYTES ? IO_LIMIT_BYTES : IO_LIMIT_OPS, e, (double)l->per_s);
	cgroup_io_describe(l, cgroup_io_device(c->root_fd, l, name) ? name : NULL, text);
	batch_attr(b, e, "io_limit", text);
}

static void slow_round(struct cgroup *c, const struct cgroup_node *n, entity_id e, struct batch *b)
{
	struct watch *w = &c->watches[n->index];
	w->next_slow = c->tick + c->slow_ticks;
	if (w->slow_rounds == 0) { /* spread the cgroups over the ticks */
		w->next_slow += n->index % SLOW_TICKS;
		w->young_until = c->tick > 1 ? c->tick + YOUNG_TICKS : 0;
	}
	if (++w->slow_rounds % RETRY_SLOW == 0)
		for (size_t f = 0; f < N_FILES; f++)
			if (w->fds[f] == FD_ABSENT)
				w->fds[f] = FD_UNOPENED;
	w->active = is_active(c, n);
	if (!w->active && c->tick < w->young_until)
		w->next_slow = c->tick + 1;
	w->cpu_limit = read_cpu_limit(c, n);
	w->memory_limit = read_limit(c, n, F_MEMORY_MAX);
	w->memory_high = read_limit(c, n, F_MEMORY_HIGH);
	w->pids_limit = read_limit(c, n, F_PIDS_MAX);
	read_io_limits(c, n);
	w->limited = w->cpu_limit > 0 || w->memory_limit > 0 || w->memory_high > 0 || w->pids_limit > 0 || w->io;
	if (!w->active && !w->limited)
		return;
	sample_memory_stat(c, n, e, b);
	sample_io(c, n, e, b);
}

/* ---- a tick ---- */

static void sample_limit(struct batch *b, uint32_t metric, entity_id e, double limit)
{
	if (limit > 0)
		batch_sample(b, metric, e, limit == 0.5 && metric != CPU_LIMIT ? 0 : limit);
}

static void sample_node(struct cgroup *c, const struct cgroup_node *n, size_t stride, struct batch *b)
{
	struct watch *w = &c->watches[n->index];
	entity_id e = cgroup_tree_entity_of_node(c->tree, n, b);
	bool slow = (int32_t)(c->tick - w->next_slow) >= 0;
	if (slow)
		slow_round(c, n, e, b);
	c->n_active += w->active;
	if (w->active ? !slow && (c->tick + n->index) % stride != 0 : !slow || !w->limited)
		return;
	sample_cpu(c, n, e, b);
	sample_memory(c, n, e, b);
	sample_pids(c, n, e, b);
	if (w->io)
		sample_io_limit(c, n, e, b);
	sample_limit(b, CPU_LIMIT, e, w->cpu_limit);
	sample_limit(b, MEMORY_LIMIT, e, w->memory_limit);
	sample_limit(b, MEMORY_HIGH, e, w->memory_high);
	sample_limit(b, PIDS_LIMIT, e, w->pids_limit);
}

static int cgroup_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct cgroup *c = state;
	size_t stride = 1 + c->n_active / STRIDE_AT, sampled = 0, left_out = 0;
	const struct cgroup_node *n;
	cgroup_tree_refresh(c->tree, now, out);
	c->now = now;
	c->tick++;
	c->slow_ticks = SLOW_TICKS * (1 + (uint32_t)(c->n_active / SLOWER_AT));
	c->n_active = 0;
	for (uint32_t i = 0; i < CGROUP_TREE_MAX_NODES; i++) {
		n = cgroup_tree_at(c->tree, i);
		if (c->watches[i].birth == (n ? n->birth : 0))
			continue;
		watch_forget(c, &c->watches[i]);
		c->watches[i].birth = n ? n->birth : 0;
	}
	for (int leaves = 1; leaves >= 0; leaves--) {
		size_t cursor = 0;
		while ((n = cgroup_tree_next(c->tree, &cursor))) {
			if ((n->n_children == 0) != leaves)
				continue;
			if (sampled == MAX_SAMPLED) {
				left_out++;
				continue;
			}
			sampled++;
			sample_node(c, n, stride, out);
		}
	}
	batch_sample(out, NODE_COUNT, graph_node(out->graph), (double)cgroup_tree_count(c->tree));
	batch_sample(out, NODE_UNWATCHED, graph_node(out->graph), (double)left_out);
	batch_sample(out, NODE_REFUSED, graph_node(out->graph), (double)cgroup_tree_refused(c->tree));
	return 0;
}

const struct collector collector_cgroup = {
	.name = "cgroup",
	.help = "Use, limits and limit events of each cgroup, v1 and v2",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_INLINE,
	.interval_ms = 1000,
	.probe = cgroup_probe,
	.open = cgroup_open,
	.collect = cgroup_collect,
	.close = cgroup_close,
};

// SPDX-License-Identifier: Apache-2.0
/* Room on mounted file systems. Local ones are asked together every five seconds; those that may hang (network, FUSE)
 * one a collect(), announced by the collect() before: see mounts_hung. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/file.h"

#include "collectors/collector.h"
#include "collectors/mount_table.h"

#define MAX_MOUNTS     256
#define MAX_SLAVES     4
#define TABLE_BYTES    (1024 * 1024)
#define LOCAL_NS       (5 * NS_PER_S)
#define MIN_TMPFS      (1024 * 1024)
#define NAME_BYTES     64
#define TARGET_BYTES   GRAPH_MAX_KEY

enum {
	BYTES_TOTAL,
	BYTES_FREE,
	BYTES_AVAILABLE,
	BYTES_USED_RATIO,
	INODES_TOTAL,
	INODES_FREE,
	INODES_USED_RATIO,
	READONLY,
	STALLED,
	N_METRICS,
};

static const char *const no_yes[] = { "no", "yes", NULL };
static const struct metric_field stalled_fields[] = {
	{ "waited_ns", 0, UNIT_NS, "How long it has not answered" },
	{ 0 },
};

#define GAUGE(name, unit, help) { "mount." name, METRIC_GAUGE, unit, ENTITY_MOUNT, help, NULL, NULL }

static const struct metric_desc metrics[N_METRICS] = {
	[BYTES_TOTAL] = GAUGE("bytes.total", UNIT_BYTES, "Size of the file system"),
	[BYTES_FREE] = GAUGE("bytes.free", UNIT_BYTES, "Free bytes, those reserved for root included"),
	[BYTES_AVAILABLE] = GAUGE("bytes.available", UNIT_BYTES, "Bytes that ordinary users can still write"),
	[BYTES_USED_RATIO] = GAUGE("bytes.used_ratio", UNIT_RATIO, "Used share of what ordinary users could have"),
	[INODES_TOTAL] = GAUGE("inodes.total", UNIT_NONE, "Files it can hold; absent when it has no such limit"),
	[INODES_FREE] = GAUGE("inodes.free", UNIT_NONE, "Files that can still be made"),
	[INODES_USED_RATIO] = GAUGE("inodes.used_ratio", UNIT_RATIO, "Used share of the files it can hold"),
	[READONLY] = { "mount.readonly", METRIC_STATE, UNIT_NONE, ENTITY_MOUNT,
		       "Whether it is mounted read-only", NULL, no_yes },
	[STALLED] = { "mount.statfs_stalled", METRIC_EVENT, UNIT_NONE, ENTITY_MOUNT,
		      "The file system does not answer how full it is", stalled_fields, NULL },
};

struct mount {
	char target[TARGET_BYTES], source[TARGET_BYTES], fstype[32];
	bool may_hang, readonly, seen;
};

struct mounts {
	int root_fd;
	bool fixture;
	mono_ns_t next_local;
	size_t n_mounts, turn; /* turn: where the search for the next one that may hang starts */
	char announced[TARGET_BYTES];
	struct mount mounts[MAX_MOUNTS];
	char table[TABLE_BYTES];
};

static const char *const local_types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs",
					   "reiserfs", "vfat", "exfat", "ntfs3", "ocfs2", "gfs2", "tmpfs" };
static const char *const remote_types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "gpfs", "beegfs", "afs",
					    "9p", "virtiofs", "glusterfs", "orangefs", "wekafs", "fuse", "fuseblk" };
/* FUSE file systems that only show something, and never fill. */
static const char *const hollow_types[] = { "fuse.lxcfs", "fuse.gvfsd-fuse", "fuse.portal", "fuse.sshfs-ctl" };

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static int mounts_probe(const struct collect_env *env, char *ret_reason, size_t size)
{
	AUTO_FREE char *table = malloc(TABLE_BYTES);
	if (!table)
		return -ENOMEM;
	int r = mount_table_read(env->root_fd, table, TABLE_BYTES);
	if (r < 0)
		snprintf(ret_reason, size, "the mount table cannot be read (%s): is /proc mounted?", strerror(-r));
	return r;
}

static int mounts_open(const struct collect_env *env, void **ret_state)
{
	struct mounts *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->root_fd = env->root_fd;
	m->fixture = env->fixture;
	*ret_state = m;
	return 0;
}

static void mounts_close(void *state)
{
	free(state);
}

/* ---- which mounts ---- */

/* Kubelet mounts one small tmpfs for each secret and token: they never fill, and there are hundreds. */
static bool is_secret(const char *target)
{
	return strstr(target, "/kubernetes.io~projected/") || strstr(target, "/kubernetes.io~secret/") ||
	       strstr(target, "/run/credentials/");
}

static bool wanted(const struct mount_line *line, bool *ret_may_hang)
{
	bool fuse = strncmp(line->fstype, "fuse.", 5) == 0;
	if (is_one_of(line->fstype, hollow_types, ARRAY_LEN(hollow_types)) || is_secret(line->target))
		return false;
	*ret_may_hang = fuse || is_one_of(line->fstype, remote_types, ARRAY_LEN(remote_types));
	if (strcmp(line->fstype, "overlay") == 0) /* a container's root, seen from inside */
		return strcmp(line->target, "/") == 0;
	return *ret_may_hang || is_one_of(line->fstype, local_types, ARRAY_LEN(local_types));
}

static struct mount *find_target(struct mounts *m, const char *target)
{
	for (size_t i = 0; i < m->n_mounts; i++)
		if (strcmp(m->mounts[i].target, target) == 0)
			return &m->mounts[i];
	return NULL;
}

/* A bind mount shows the same file system again: the first one stands for all. tmpfs all have the same source. */
static bool is_shown_already(const struct mounts *m, const struct mount_line *line)
{
	if (!strchr(line->source, '/'))
		return false;
	for (size_t i = 0; i < m->n_mounts; i++)
		if (m->mounts[i].seen && strcmp(m->mounts[i].source, line->source) == 0 &&
		    strcmp(m->mounts[i].target, line->target) != 0)
			return true;
	return false;
}

static void take_line(struct mounts *m, const struct mount_line *line)
{
	bool may_hang = false;
	if (strlen(line->target) >= TARGET_BYTES || !wanted(line, &may_hang) || is_shown_already(m, line))
		return;
	struct mount *mount = find_target(m, line->target);
	if (!mount) {
		if (m->n_mounts == MAX_MOUNTS)
			return;
		mount = &m->mounts[m->n_mounts++];
	}
	snprintf(mount->target, sizeof(mount->target), "%s", line->target);
	snprintf(mount->source, sizeof(mount->source), "%s", line->source);
	snprintf(mount->fstype, sizeof(mount->fstype), "%s", line->fstype);
	mount->may_hang = may_hang;
	mount->readonly = mount_line_has_option(line, "ro");
	mount->seen = true;
}

static int read_table(struct mounts *m, struct batch *b)
{
	struct mount_line line;
	char *cursor = m->table;
	int r = mount_table_read(m->root_fd, m->table, sizeof(m->table));
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->n_mounts; i++)
		m->mounts[i].seen = false;
	while (mount_table_next(&cursor, &line))
		take_line(m, &line);
	for (size_t i = 0; i < m->n_mounts;) {
		if (m->mounts[i].seen) {
			i++;
			continue;
		}
		entity_id gone = graph_find(b->graph, ENTITY_MOUNT, m->mounts[i].target);
		if (gone != ENTITY_NONE)
			batch_gone(b, gone);
		m->mounts[i] = m->mounts[--m->n_mounts];
	}
	return 0;
}

/* ---- what lies below ---- */

/* "vda1" -> "vda": a partition's folder stands in its disk's. */
static void disk_of_partition(int root_fd, char *name, size_t size)
{
	char path[NAME_BYTES + 64], link[512];
	snprintf(path, sizeof(path), "sys/class/block/%s/partition", name);
	if (faccessat(root_fd, path, F_OK, 0) < 0)
		return;
	snprintf(path, sizeof(path), "sys/class/block/%s", name);
	ssize_t n = readlinkat(root_fd, path, link, sizeof(link) - 1);
	if (n <= 0)
		return;
	link[n] = '\0';
	char *last = strrchr(link, '/');
	if (!last)
		return;
	*last = '\0';
	char *disk = strrchr(link, '/');
	if (disk && strlen(disk + 1) < size)
		memmove(name, disk + 1, strlen(disk + 1) + 1);
}

static void link_disk(struct mounts *m, entity_id mount, const char *name, struct batch *b)
{
	char disk[NAME_BYTES], path[NAME_BYTES + 64];
	snprintf(disk, sizeof(disk), "%s", name);
	disk_of_partition(m->root_fd, disk, sizeof(disk));
	snprintf(path, sizeof(path), "sys/class/block/%s", disk);
	if (faccessat(m->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		batch_link(b, EDGE_ON, mount, batch_entity(b, ENTITY_DISK, disk));
}

static void link_slaves(struct mounts *m, entity_id mount, const char *device, struct batch *b)
{
	char path[NAME_BYTES + 64];
	int fd;
	snprintf(path, sizeof(path), "sys/class/block/%s/slaves", device);
	if (file_open_dir_at(m->root_fd, path, &fd) < 0)
		return;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	size_t n = 0;
	for (struct dirent *d = readdir(dir); d && n < MAX_SLAVES; d = readdir(dir))
		if (d->d_name[0] != '.' && strlen(d->d_name) < NAME_BYTES) {
			link_disk(m, mount, d->d_name, b);
			n++;
		}
}

/* "/dev/mapper/data" -> "dm-0"; "/dev/vda1" -> "vda1". */
static bool device_of(const struct mounts *m, const char *source, char ret_name[NAME_BYTES])
{
	char link[512];
	if (strncmp(source, "/dev/", 5) != 0)
		return false;
	ssize_t n = readlinkat(m->root_fd, source + 1, link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = '\0';
		source = link;
	}
	const char *name = strrchr(source, '/');
	name = name ? name + 1 : source;
	if (!*name || strlen(name) >= NAME_BYTES)
		return false;
	memcpy(ret_name, name, strlen(name) + 1);
	return true;
}

static entity_id describe(struct mounts *m, const struct mount *mount, struct batch *b)
{
	char device[NAME_BYTES];
	bool known = graph_find(b->graph, ENTITY_MOUNT, mount->target) != ENTITY_NONE;
	entity_id e = batch_entity(b, ENTITY_MOUNT, mount->target);
	batch_attr(b, e, "fstype", mount->fstype);
	batch_attr(b, e, "source", mount->source);
	if (!device_of(m, mount->source, device))
		return e;
	batch_attr(b, e, "device", device);
	if (!known) {
		link_disk(m, e, device, b);
		link_slaves(m, e, device, b);
	}
	return e;
}

/* ---- asking ---- */

static void ask(struct mounts *m, const struct mount *mount, struct batch *b)
{
	struct statvfs fs;
	const char *below = mount->target[1] ? mount->target + 1 : ".";
	/* O_PATH: neither a permission nor an automount stands in the way. */
	AUTO_CLOSE int fd = openat(m->root_fd, below, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return;
	double block = (double)fs.f_frsize;
	if (strcmp(mount->fstype, "tmpfs") == 0 && (double)fs.f_blocks * block < MIN_TMPFS)
		return;
	entity_id e = describe(m, mount, b);
	batch_sample(b, READONLY, e, mount->readonly || fs.f_flag & ST_RDONLY ? 1 : 0);
	if (fs.f_blocks > 0) {
		double used = (double)(fs.f_blocks - MIN_OF(fs.f_bfree, fs.f_blocks)), could = used + (double)fs.f_bavail;
		batch_sample(b, BYTES_TOTAL, e, (double)fs.f_blocks * block);
		batch_sample(b, BYTES_FREE, e, (double)fs.f_bfree * block);
		batch_sample(b, BYTES_AVAILABLE, e, (double)fs.f_bavail * block);
		if (could > 0)
			batch_sample(b, BYTES_USED_RATIO, e, used / could);
	}
	if (fs.f_files > 0 && fs.f_ffree <= fs.f_files) {
		batch_sample(b, INODES_TOTAL, e, (double)fs.f_files);
		batch_sample(b, INODES_FREE, e, (double)fs.f_ffree);
		batch_sample(b, INODES_USED_RATIO, e, (double)(fs.f_files - fs.f_ffree) / (double)fs.f_files);
	}
}

/* The next one in turn that may hang; NULL when there is none. */
static const struct mount *next_in_turn(struct mounts *m)
{
	for (size_t i = 0; i < m->n_mounts; i++) {
		m->turn = (m->turn + 1) % m->n_mounts;
		if (m->mounts[m->turn].may_hang)
			return &m->mounts[m->turn];
	}
	return NULL;
}

static int mounts_collect(void *state, mono_ns_t now, struct batch *out)
{
	struct mounts *m = state;
	if (now >= m->next_local) {
		int r = read_table(m, out);
		if (r < 0)
			return r;
		for (size_t i = 0; i < m->n_mounts; i++)
			if (!m->mounts[i].may_hang)
				ask(m, &m->mounts[i], out);
		m->next_local = now + LOCAL_NS;
	}
	const struct mount *due = m->announced[0] ? find_target(m, m->announced) : NULL;
	if (due && due->may_hang)
		ask(m, due, out);
	const struct mount *next = next_in_turn(m);
	snprintf(m->announced, sizeof(m->announced), "%s", next ? next->target : "");
	entity_id self = batch_entity(out, ENTITY_COLLECTOR, "mounts");
	batch_attr(out, self, "next", next ? next->target : NULL);
	if (next)
		(void)describe(m, next, out);
	return 0;
}

/* A mount that hangs leaves no answer that could name it. So each collect() announces the mount that the *next* one asks:
 * attribute "next" of the collector's entity, which the agent has already. A path may hold blanks: no mark for it. */
static void mounts_hung(const char *doing UNUSED, uint64_t waited_ns, mono_ns_t now, struct batch *b)
{
	char waited[64];
	entity_id self = graph_find(b->graph, ENTITY_COLLECTOR, "mounts");
	const char *next = self == ENTITY_NONE ? NULL : graph_attr(b->graph, self, "next");
	const char *target = next ? next : "/";
	struct event *e = batch_event(b, STALLED, batch_entity(b, ENTITY_MOUNT, target), now, SEVERITY_WARNING, ETIMEDOUT);
	batch_value_number(b, e, 0, (double)waited_ns);
	clock_format_duration(waited_ns, waited, sizeof(waited));
	batch_message(b, e, "the file system mounted on %s has not answered for %s", target, waited);
}

const struct collector collector_mounts = {
	.name = "mounts",
	.help = "Room on mounted file systems, read-only ones, and those that do not answer",
	.metrics = metrics,
	.n_metrics = N_METRICS,
	.where = COLLECT_ISOLATED,
	.interval_ms = 1000,
	.deadline_ms = 5000,
	.probe = mounts_probe,
	.open = mounts_open,
	.collect = mounts_collect,
	.hung = mounts_hung,
	.close = mounts_close,
};

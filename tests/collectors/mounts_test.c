// SPDX-License-Identifier: Apache-2.0
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

#define MIB (1 << 20)

extern const struct collector collector_mounts;

static double mnt(struct harness *h, const char *metric, const char *target)
{
	return harness_value(h, metric, ENTITY_MOUNT, target);
}

/* ---- the real kernel ---- */

static void test_real_tmpfs_fills_up(void **unused)
{
	(void)unused;
	char folder[64], path[96];
	AUTO_FREE char *block = calloc(1, MIB);
	harness_folder(folder, sizeof(folder));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=4m,nr_inodes=64") < 0) {
		print_message("skipped: no tmpfs can be mounted here: %s\n", strerror(errno));
		harness_remove(folder);
		skip();
	}
	struct harness *h = harness_open(&collector_mounts, NULL);
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(mnt(h, "mount.bytes.total", folder) == 4 * MIB);
	assert_true(mnt(h, "mount.bytes.used_ratio", folder) < 0.05);
	assert_true(mnt(h, "mount.inodes.total", folder) == 64);
	assert_true(mnt(h, "mount.readonly", folder) == 0);
	snprintf(path, sizeof(path), "%s/fill", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, MIB) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
	for (unsigned i = 0;; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		if (mkdir(path, 0700) < 0)
			break;
	}
	assert_int_equal(errno, ENOSPC);
	assert_ok(harness_collect(h, 2 * NS_PER_S)); /* within five seconds: not asked again */
	assert_false(harness_has(h, "mount.bytes.used_ratio", ENTITY_MOUNT, folder));
	assert_ok(harness_collect(h, 6 * NS_PER_S));
	assert_true(mnt(h, "mount.bytes.used_ratio", folder) == 1);
	assert_true(mnt(h, "mount.bytes.free", folder) == 0);
	assert_true(mnt(h, "mount.inodes.free", folder) == 0);
	assert_true(mnt(h, "mount.inodes.used_ratio", folder) == 1);
	entity_id e = graph_find(h->graph, ENTITY_MOUNT, folder);
	assert_string_equal(graph_attr(h->graph, e, "fstype"), "tmpfs");
	assert_ok(mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m"));
	assert_ok(harness_collect(h, 12 * NS_PER_S));
	assert_true(mnt(h, "mount.readonly", folder) == 1);
	assert_ok(umount2(folder, MNT_DETACH));
	assert_ok(harness_collect(h, 18 * NS_PER_S));
	assert_true(graph_is_gone(h->graph, e, NULL));
	harness_close(&h);
	rmdir(folder);
}

static void test_real_root(void **unused)
{
	(void)unused;
	struct statvfs fs;
	struct harness *h = harness_open(&collector_mounts, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	if (!harness_has(h, "mount.bytes.total", ENTITY_MOUNT, "/")) {
		print_message("skipped: the root is on no real file system\n");
		harness_close(&h);
		skip();
	}
	assert_ok(statvfs("/", &fs));
	assert_true(mnt(h, "mount.bytes.total", "/") == (double)fs.f_blocks * (double)fs.f_frsize);
	assert_true(fabs(mnt(h, "mount.bytes.available", "/") - (double)fs.f_bavail * (double)fs.f_frsize) < 1e9);
	assert_false(harness_has(h, "mount.bytes.total", ENTITY_MOUNT, "/proc"));
	harness_close(&h);
}

/* ---- made roots ---- */

static void make_root(char *folder, size_t size)
{
	static const char *const targets[] = { "data", "bind", "shared", "fuse", "sq", "old" };
	char path[128];
	harness_folder(folder, size);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, targets[i]);
		assert_ok(mkdir(path, 0755));
	}
	harness_write(folder, "proc/mounts",
		      "/dev/sda1 / ext4 rw,errors=remount-ro 0 0\nproc /proc proc rw 0 0\n"
		      "/dev/mapper/vg-data /data xfs ro 0 0\n/dev/mapper/vg-data /bind xfs ro 0 0\n"
		      "/dev/loop3 /sq squashfs ro 0 0\nnas:/x /shared nfs4 rw 0 0\ns3 /fuse fuse.s3fs rw 0 0\n"
		      "lxcfs /old fuse.lxcfs rw 0 0\n"
		      "tmpfs /var/lib/kubelet/pods/u/volumes/kubernetes.io~projected/token tmpfs rw 0 0\n");
	snprintf(path, sizeof(path), "%s/dev", folder);
	assert_ok(mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/dev/mapper", folder);
	assert_ok(mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/dev/mapper/vg-data", folder);
	assert_ok(symlink("../dm-0", path));
	harness_write(folder, "sys/devices/pci/block/sda/size", "1\n");
	harness_write(folder, "sys/devices/pci/block/sda/sda1/partition", "1\n");
	harness_write(folder, "sys/class/block/dm-0/slaves/sda1/x", "");
	snprintf(path, sizeof(path), "%s/sys/class/block/sda", folder);
	assert_ok(symlink("../../devices/pci/block/sda", path));
	snprintf(path, sizeof(path), "%s/sys/class/block/sda1", folder);
	assert_ok(symlink("../../devices/pci/block/sda/sda1", path));
}

static bool is_on(struct harness *h, const char *target, const char *disk)
{
	entity_id found[8], wanted = graph_find(h->graph, ENTITY_DISK, disk);
	entity_id mount = graph_find(h->graph, ENTITY_MOUNT, target);
	size_t n = graph_neighbours(h->graph, mount, false, ENTITY_DISK, found, 8);
	for (size_t i = 0; wanted != ENTITY_NONE && i < n && i < 8; i++)
		if (found[i] == wanted)
			return true;
	return false;
}

static void test_which_mounts(void **unused)
{
	(void)unused;
	char folder[64];
	make_root(folder, sizeof(folder));
	struct harness *h = harness_open(&collector_mounts, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(mnt(h, "mount.readonly", "/") == 0); /* "remount-ro" is not "ro" */
	assert_true(mnt(h, "mount.readonly", "/data") == 1);
	assert_int_equal(graph_find(h->graph, ENTITY_MOUNT, "/bind"), ENTITY_NONE); /* the same file system again */
	assert_int_equal(graph_find(h->graph, ENTITY_MOUNT, "/sq"), ENTITY_NONE);   /* always full */
	assert_int_equal(graph_find(h->graph, ENTITY_MOUNT, "/old"), ENTITY_NONE);
	assert_int_equal(graph_find(h->graph, ENTITY_MOUNT, "/proc"), ENTITY_NONE);
	entity_id data = graph_find(h->graph, ENTITY_MOUNT, "/data");
	assert_string_equal(graph_attr(h->graph, data, "fstype"), "xfs");
	assert_string_equal(graph_attr(h->graph, data, "device"), "dm-0");
	assert_string_equal(graph_attr(h->graph, data, "source"), "/dev/mapper/vg-data");
	assert_true(is_on(h, "/", "sda"));
	assert_true(is_on(h, "/data", "sda")); /* through the partition below the volume */
	harness_close(&h);
	harness_remove(folder);
}

/* What may hang is asked one at a time, and named one collect() before. */
static void test_what_may_hang_is_announced(void **unused)
{
	(void)unused;
	char folder[64], announced[64] = "";
	unsigned asked = 0;
	make_root(folder, sizeof(folder));
	struct harness *h = harness_open(&collector_mounts, folder);
	for (unsigned tick = 1; tick <= 6; tick++) {
		assert_ok(harness_collect(h, tick * NS_PER_S));
		bool shared = harness_has(h, "mount.bytes.total", ENTITY_MOUNT, "/shared");
		bool fuse = harness_has(h, "mount.bytes.total", ENTITY_MOUNT, "/fuse");
		assert_false(shared && fuse);
		assert_int_equal(shared, strcmp(announced, "/shared") == 0);
		assert_int_equal(fuse, strcmp(announced, "/fuse") == 0);
		asked += shared + fuse;
		entity_id self = graph_find(h->graph, ENTITY_COLLECTOR, "mounts");
		snprintf(announced, sizeof(announced), "%s", graph_attr(h->graph, self, "next"));
	}
	assert_int_equal(asked, 5);
	batch_reset(h->batch, 7 * NS_PER_S);
	batch_set_metric_base(h->batch, h->first);
	collector_mounts.hung("", 9 * NS_PER_S, 7 * NS_PER_S, h->batch);
	const struct event *e = harness_event(h, "mount.statfs_stalled", 0);
	assert_string_equal(harness_event_key(h, e), announced);
	assert_true(harness_number(h, e, "waited_ns") == 9e9);
	assert_int_equal(e->code, ETIMEDOUT);
	harness_close(&h);
	harness_remove(folder);
}

static void test_too_many_and_none(void **unused)
{
	(void)unused;
	char folder[64];
	size_t size = 300 * 64, len = 0, n = 0, cursor = 0;
	AUTO_FREE char *table = malloc(size);
	harness_folder(folder, sizeof(folder));
	struct harness *h = harness_open(&collector_mounts, folder);
	assert_err(harness_probe(h), ENOENT);
	assert_err(harness_collect(h, NS_PER_S), ENOENT);
	for (unsigned i = 0; i < 300; i++)
		len += (size_t)snprintf(table + len, size - len, "/dev/d%u /m%u ext4 rw 0 0\n", i, i);
	harness_write(folder, "proc/mounts", table);
	for (unsigned i = 0; i < 300; i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/m%u", folder, i);
		assert_ok(mkdir(path, 0755));
	}
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	while (graph_next(h->graph, ENTITY_MOUNT, &cursor) != ENTITY_NONE)
		n++;
	assert_int_equal(n, 256);
	harness_close(&h);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_tmpfs_fills_up),
		cmocka_unit_test(test_real_root),
		cmocka_unit_test(test_which_mounts),
		cmocka_unit_test(test_what_may_hang_is_announced),
		cmocka_unit_test(test_too_many_and_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "tests/collectors/harness.h"

#define FIXTURES "tests/collectors/fixtures/"

extern const struct collector collector_disk;

static double disk(struct harness *h, const char *metric, const char *name)
{
	return harness_value(h, metric, ENTITY_DISK, name);
}

static void test_whole_disks_only(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_disk, FIXTURES "v2");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(disk(h, "disk.reads", "nvme0n1") == 1000);
	assert_true(disk(h, "disk.read_bytes", "nvme0n1") == 80000.0 * 512);
	assert_true(disk(h, "disk.read_time", "nvme0n1") == 500e6);
	assert_true(disk(h, "disk.writes", "nvme0n1") == 2000);
	assert_true(disk(h, "disk.write_bytes", "nvme0n1") == 160000.0 * 512);
	assert_true(disk(h, "disk.write_time", "nvme0n1") == 900e6);
	assert_true(disk(h, "disk.in_flight", "nvme0n1") == 3);
	assert_true(disk(h, "disk.io_time", "nvme0n1") == 700e6);
	assert_true(disk(h, "disk.weighted_time", "nvme0n1") == 1400e6);
	assert_true(disk(h, "disk.reads", "sda") == 5); /* an old kernel's line of 11 numbers */
	assert_int_equal(graph_find(h->graph, ENTITY_DISK, "nvme0n1p1"), ENTITY_NONE);
	assert_int_equal(graph_find(h->graph, ENTITY_DISK, "loop0"), ENTITY_NONE); /* never used */
	harness_close(&h);
}

static void test_unplugged(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/diskstats", "8 0 sda 1 0 8 1 0 0 0 0 0 1 1\n8 16 sdb 1 0 8 1 0 0 0 0 0 1 1\n");
	struct harness *h = harness_open(&collector_disk, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	entity_id sdb = graph_find(h->graph, ENTITY_DISK, "sdb");
	assert_int_not_equal(sdb, ENTITY_NONE);
	harness_write(folder, "proc/diskstats", "8 0 sda 2 0 8 1 0 0 0 0 0 1 1\n");
	for (unsigned i = 2; i < 8; i++)
		assert_ok(harness_collect(h, i * NS_PER_S));
	assert_true(graph_is_gone(h->graph, sdb, NULL));
	assert_true(disk(h, "disk.reads", "sda") == 2);
	harness_close(&h);
	harness_remove(folder);
}

static void write_stats(const char *folder, unsigned reads, unsigned read_ms, unsigned writes, unsigned write_ms)
{
	char text[160];
	snprintf(text, sizeof(text), "8 0 sda %u 0 80 %u %u 0 80 %u 1 50 90\n", reads, read_ms, writes, write_ms);
	harness_write(folder, "proc/diskstats", text);
}

static void test_latency_and_queue(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	write_stats(folder, 100, 1000, 50, 500);
	struct harness *h = harness_open(&collector_disk, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_false(harness_has(h, "disk.latency", ENTITY_DISK, "sda")); /* since the start of the machine is no answer */
	assert_false(harness_has(h, "disk.queue", ENTITY_DISK, "sda"));
	write_stats(folder, 110, 1800, 60, 1700);
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_true(disk(h, "disk.latency", "sda") == 100e6); /* 2000 ms for 20 requests, in 2 s */
	assert_true(disk(h, "disk.queue", "sda") == 1);
	assert_ok(harness_collect(h, 4 * NS_PER_S));
	assert_false(harness_has(h, "disk.latency", ENTITY_DISK, "sda")); /* none was completed */
	assert_true(disk(h, "disk.queue", "sda") == 0);
	write_stats(folder, 1, 1, 1, 1); /* another disk of that name */
	assert_ok(harness_collect(h, 5 * NS_PER_S));
	assert_false(harness_has(h, "disk.latency", ENTITY_DISK, "sda"));
	assert_false(harness_has(h, "disk.queue", ENTITY_DISK, "sda"));
	harness_close(&h);
	harness_remove(folder);
}

static void test_damaged(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_disk, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_equal(h->batch->n_samples, 0);
	harness_close(&h);
	h = harness_open(&collector_disk, FIXTURES "hybrid");
	assert_err(harness_probe(h), ENOENT);
	assert_non_null(strstr(h->reason, "/proc/diskstats"));
	assert_err(harness_collect(h, NS_PER_S), ENOENT);
	harness_close(&h);
}

/* What we write to a real file arrives on some real disk. */
static void test_real_writes_are_counted(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_disk, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	double before = 0, after = 0;
	size_t cursor = 0;
	entity_id e;
	while ((e = graph_next(h->graph, ENTITY_DISK, &cursor)) != ENTITY_NONE)
		before += disk(h, "disk.write_bytes", graph_key(h->graph, e));
	if (cursor == 0 || h->batch->n_samples == 0) {
		print_message("skipped: this machine shows no disk that was ever used\n");
		harness_close(&h);
		skip();
	}
	char path[] = "/var/tmp/why-test-XXXXXX";
	AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);
	AUTO_FREE char *block = malloc(4 << 20);
	assert_true(fd >= 0);
	memset(block, 0x5a, 4 << 20);
	assert_int_equal(write(fd, block, 4 << 20), 4 << 20);
	int synced = fsync(fd);
	unlink(path);
	assert_ok(synced);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	cursor = 0;
	while ((e = graph_next(h->graph, ENTITY_DISK, &cursor)) != ENTITY_NONE)
		after += disk(h, "disk.write_bytes", graph_key(h->graph, e));
	assert_true(after - before >= 4 << 20);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_disks_only),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_latency_and_queue),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_real_writes_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collectors/cgroup_io.h"
#include "tests/collectors/harness.h"
#include "tests/collectors/real_cgroup.h"

extern const struct collector collector_cgroup;

static void take_max(struct cgroup_io *io, const char *text)
{
	cgroup_io_take_max(io, text, strlen(text));
}

static void count_stat(struct cgroup_io *io, mono_ns_t now, const char *text)
{
	cgroup_io_count_begin(io, now);
	cgroup_io_count_stat(io, text, strlen(text));
}

static void v2_limits_and_what_is_used_of_them(void **state)
{
	struct cgroup_io io = { .n = 0 };
	const struct cgroup_io_limit *l = NULL;
	char text[CGROUP_IO_TEXT];
	double ratio = 7;

	(void)state;
	take_max(&io, "8:16 rbps=2097152 wbps=max riops=max wiops=120\n259:0 rbps=max wbps=max riops=max wiops=max\n");
	assert_int_equal(io.n, 2);
	assert_true(io.limits[0].kind == CGROUP_IO_READ_BYTES && io.limits[0].per_s == 2097152);
	assert_true(io.limits[1].kind == CGROUP_IO_WRITE_OPS && io.limits[1].per_s == 120);
	assert_true(cgroup_io_has_ops(&io));
	count_stat(&io, 1 * NS_PER_S, "8:16 rbytes=1000000 wbytes=5 rios=10 wios=1000 dbytes=0 dios=0\n");
	assert_false(cgroup_io_tightest(&io, &l, &ratio)); /* nothing to compare with */
	assert_null(l);
	assert_true(ratio == 7);
	count_stat(&io, 3 * NS_PER_S,
		   "259:0 rbytes=9 wbytes=9\n8:16 rbytes=5194304 wbytes=5 rios=20 wios=1060 dbytes=0 dios=0\n");
	assert_true(cgroup_io_tightest(&io, &l, &ratio));
	assert_true(fabs(ratio - 1.0) < 1e-6); /* 4 MiB in 2 s of 2 MiB a second; writes use a quarter of theirs */
	assert_ptr_equal(l, &io.limits[0]);
	cgroup_io_describe(l, "sdb", text);
	assert_string_equal(text, "reads from sdb: 2097152 bytes a second");
	count_stat(&io, 4 * NS_PER_S, "8:16 rbytes=5194304 wbytes=5 rios=20 wios=1120\n");
	assert_true(cgroup_io_tightest(&io, &l, &ratio));
	assert_true(fabs(ratio - 0.5) < 1e-6);
	cgroup_io_describe(l, NULL, text);
	assert_string_equal(text, "writes to 8:16: 120 operations a second");
	/* A counter that is not there is not zero, one that falls is not growth. */
	count_stat(&io, 5 * NS_PER_S, "");
	assert_false(cgroup_io_tightest(&io, &l, &ratio));
	count_stat(&io, 6 * NS_PER_S, "8:16 rbytes=0 wbytes=0 rios=0 wios=0\n");
	assert_false(cgroup_io_tightest(&io, &l, &ratio));
}

static void v1_limits_and_what_is_used_of_them(void **state)
{
	static const char limit[] = "254:0 1000000\n";
	static const char bytes[] = "254:0 Read 100\n254:0 Write 500\n254:0 Total 600\nTotal 600\n";
	static const char later[] = "254:0 Read 900100\n254:0 Write 900000500\nTotal 900900600\n";
	struct cgroup_io io = { .n = 0 };
	const struct cgroup_io_limit *l = NULL;
	double ratio = 0;

	(void)state;
	cgroup_io_take_v1(&io, CGROUP_IO_READ_BYTES, limit, strlen(limit));
	assert_int_equal(io.n, 1);
	assert_false(cgroup_io_has_ops(&io));
	cgroup_io_count_begin(&io, 1 * NS_PER_S);
	cgroup_io_count_v1(&io, false, bytes, strlen(bytes));
	/* Limits are read again: the counts stay with them. */
	struct cgroup_io again = { .n = 0 };
	cgroup_io_take_v1(&again, CGROUP_IO_READ_BYTES, limit, strlen(limit));
	cgroup_io_keep_counts(&again, &io);
	cgroup_io_count_begin(&again, 2 * NS_PER_S);
	cgroup_io_count_v1(&again, true, later, strlen(later)); /* operations are not bytes */
	cgroup_io_count_v1(&again, false, later, strlen(later));
	assert_true(cgroup_io_tightest(&again, &l, &ratio));
	assert_true(fabs(ratio - 0.9) < 1e-6); /* writes have no limit */
}

static void hostile_texts_make_no_limits(void **state)
{
	static const char *const texts[] = { "", "\n\n", "8:16", "8:16 rbps=", "8:16 rbps=-1", ":0 rbps=5", "8: rbps=5",
					     "816 rbps=5", "99999999999:1 rbps=5",
					     "8:16 rbps=99999999999999999999999", "8:16 rbps=0",
					     "8:16rbps=5" };
	struct cgroup_io io = { .n = 0 };
	char many[CGROUP_IO_MAX_LIMITS * 2 * 32] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		take_max(&io, texts[i]);
	assert_int_equal(io.n, 0);
	for (int i = 0; i < CGROUP_IO_MAX_LIMITS * 2; i++)
		(void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "8:%d rbps=5\n", i);
	take_max(&io, many);
	assert_int_equal(io.n, CGROUP_IO_MAX_LIMITS);
}

static int read_blocks(void *arg)
{
	static char block[65536] __attribute__((aligned(4096)));
	AUTO_CLOSE int fd = open(arg, O_RDONLY | O_DIRECT | O_CLOEXEC);

	for (;;)
		if (pread(fd, block, sizeof(block), 0) != sizeof(block))
			return 1;
}

/* A real limit, a real disk: who reads as much as it may is told to. */
static void a_real_limit_is_met(void **state)
{
	static char block[65536];
	struct real_cgroup c;
	char folder[128], path[160], limit[64];
	struct stat st;

	(void)state;
	(void)harness_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/data", folder);
	AUTO_CLOSE int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && write(fd, block, sizeof(block)) == (ssize_t)sizeof(block) && fsync(fd) == 0);
	assert_ok(fstat(fd, &st));
	if (!real_cgroup_make("blkio", &c) && !real_cgroup_make("io", &c)) {
		harness_remove(folder);
		skip();
	}
	(void)snprintf(limit, sizeof(limit), c.v2 ? "%u:%u rbps=1048576" : "%u:%u 1048576", major(st.st_dev),
		       minor(st.st_dev));
	if (!real_cgroup_write(&c, c.v2 ? "io.max" : "blkio.throttle.read_bps_device", limit)) {
		real_cgroup_remove(&c);
		harness_remove(folder);
		skip(); /* no block device: tmpfs, overlay */
	}
	struct harness *h = harness_open(&collector_cgroup, NULL);
	pid_t pid = real_cgroup_run(&c, read_blocks, path);
	usleep(200000); /* until it is in its cgroup */
	assert_ok(harness_collect(h, clock_mono_now()));
	usleep(200000);
	assert_ok(harness_collect(h, clock_mono_now()));
	usleep(3000000);
	assert_ok(harness_collect(h, clock_mono_now()));
	double ratio = harness_value(h, "cgroup.io.limit_used_ratio", ENTITY_CGROUP, c.key);
	assert_true(ratio > 0.7 && ratio < 1.5);
	assert_true(harness_value(h, "cgroup.io.limit_bytes", ENTITY_CGROUP, c.key) == 1048576);
	assert_false(harness_has(h, "cgroup.io.limit_operations", ENTITY_CGROUP, c.key));
	const char *text = graph_attr(h->graph, graph_find(h->graph, ENTITY_CGROUP, c.key), "io_limit");
	assert_non_null(text);
	assert_non_null(strstr(text, "reads from "));
	kill(pid, SIGKILL);
	(void)real_cgroup_wait(pid);
	harness_close(&h);
	real_cgroup_remove(&c);
	harness_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v2_limits_and_what_is_used_of_them),
		cmocka_unit_test(v1_limits_and_what_is_used_of_them),
		cmocka_unit_test(hostile_texts_make_no_limits),
		cmocka_unit_test(a_real_limit_is_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

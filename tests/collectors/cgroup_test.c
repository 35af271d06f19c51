// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"

#include "collectors/cgroup_tree.h"

#include "tests/collectors/harness.h"
#include "tests/collectors/real_cgroup.h"

#define FIXTURES "tests/collectors/fixtures/"
#define MIB      (1 << 20)

extern const struct collector collector_cgroup;

static double value(struct harness *h, const char *metric, const char *path)
{
	return harness_value(h, metric, ENTITY_CGROUP, path);
}

static bool has(struct harness *h, const char *metric, const char *path)
{
	return harness_has(h, metric, ENTITY_CGROUP, path);
}

static void test_v2(void **unused)
{
	(void)unused;
	static const char pod[] = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b.slice";
	char c[256];
	struct harness *h = harness_open(&collector_cgroup, FIXTURES "v2");
	snprintf(c, sizeof(c), "%s/cri-containerd-deadbeef.scope", pod);
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.cpu.usage", c) == 1234567e3);
	assert_true(value(h, "cgroup.cpu.periods", c) == 900);
	assert_true(value(h, "cgroup.cpu.throttled_periods", c) == 300);
	assert_true(value(h, "cgroup.cpu.throttled_time", c) == 45e9);
	assert_true(value(h, "cgroup.cpu.limit", c) == 2.5);
	assert_true(value(h, "cgroup.memory.current", c) == 1073741824.0);
	assert_true(value(h, "cgroup.memory.limit", c) == 2147483648.0);
	assert_false(has(h, "cgroup.memory.high", c)); /* "max" is no limit */
	assert_true(value(h, "cgroup.memory.anon", c) == 805306368);
	assert_true(value(h, "cgroup.memory.file", c) == 201326592);
	assert_true(value(h, "cgroup.memory.high_events", c) == 7);
	assert_true(value(h, "cgroup.memory.max_events", c) == 41);
	assert_true(value(h, "cgroup.memory.oom_events", c) == 3);
	assert_true(value(h, "cgroup.memory.oom_kills", c) == 2);
	assert_true(value(h, "cgroup.memory.refaults", c) == 777);
	assert_true(value(h, "cgroup.pids.current", c) == 33);
	assert_true(value(h, "cgroup.pids.limit", c) == 1024);
	assert_true(value(h, "cgroup.pids.rejected", c) == 12);
	assert_true(value(h, "cgroup.io.read_bytes", c) == 4196);
	assert_true(value(h, "cgroup.io.write_bytes", c) == 8392);
	/* an inner cgroup's limit; an empty one without limits is left alone, one with a limit is not */
	assert_true(value(h, "cgroup.memory.limit", pod) == 4294967296.0);
	assert_false(has(h, "cgroup.memory.limit", "/kubepods.slice"));
	assert_false(has(h, "cgroup.memory.current", "/system.slice/idle.service"));
	assert_true(value(h, "cgroup.memory.current", "/system.slice/empty-limited.service") == 4096);
	assert_true(value(h, "cgroup.memory.limit", "/system.slice/empty-limited.service") == 0);
	assert_true(harness_node(h, "node.cgroup.count") == 8);
	assert_true(harness_node(h, "node.cgroup.unwatched") == 0);
	/* the next tick reads what decides, and says the limits again */
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(value(h, "cgroup.cpu.throttled_time", c) == 45e9);
	assert_true(value(h, "cgroup.memory.limit", c) == 2147483648.0);
	assert_false(has(h, "cgroup.memory.anon", c));
	harness_close(&h);
}

static void test_v1(void **unused)
{
	(void)unused;
	static const char c[] = "/docker/aaaa";
	struct harness *h = harness_open(&collector_cgroup, FIXTURES "v1");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.cpu.usage", c) == 9876543210.0);
	assert_true(value(h, "cgroup.cpu.throttled_periods", c) == 20);
	assert_true(value(h, "cgroup.cpu.throttled_time", c) == 123456789);
	assert_true(value(h, "cgroup.cpu.limit", c) == 1.5);
	assert_true(value(h, "cgroup.memory.current", c) == 5242880);
	assert_true(value(h, "cgroup.memory.limit", c) == 10485760);
	assert_true(value(h, "cgroup.memory.max_events", c) == 19);
	assert_true(value(h, "cgroup.memory.oom_kills", c) == 4);
	assert_true(value(h, "cgroup.memory.anon", c) == 4194304);
	assert_true(value(h, "cgroup.memory.file", c) == 1048576);
	assert_true(value(h, "cgroup.memory.refaults", c) == 31);
	assert_true(value(h, "cgroup.pids.rejected", c) == 1);
	assert_false(has(h, "cgroup.pids.limit", c));
	assert_true(value(h, "cgroup.io.read_bytes", c) == 1001);
	assert_true(value(h, "cgroup.io.write_bytes", c) == 2002);
	assert_false(has(h, "cgroup.memory.oom_events", c)); /* v1 does not count them */
	assert_true(value(h, "cgroup.memory.current", "/free") == 4096);
	assert_false(has(h, "cgroup.memory.limit", "/free")); /* v1 writes "no limit" as a huge number */
	harness_close(&h);
}

static void test_hybrid_and_damaged(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_cgroup, FIXTURES "hybrid");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.memory.limit", "/job") == 2000);
	assert_string_equal(graph_attr(h->graph, graph_find(h->graph, ENTITY_CGROUP, "/job"), "hierarchy"), "hybrid");
	harness_close(&h);
	h = harness_open(&collector_cgroup, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.cpu.throttled_periods", "/bad") == 7);
	assert_false(has(h, "cgroup.cpu.periods", "/bad"));
	assert_false(has(h, "cgroup.cpu.limit", "/bad")); /* a period of 0 */
	assert_false(has(h, "cgroup.memory.limit", "/bad"));
	assert_false(has(h, "cgroup.memory.current", "/bad"));
	assert_false(has(h, "cgroup.memory.oom_kills", "/bad"));
	assert_false(has(h, "cgroup.pids.limit", "/bad"));
	assert_false(has(h, "cgroup.io.read_bytes", "/bad"));
	harness_close(&h);
	h = harness_new(&collector_cgroup, FIXTURES "cloud");
	assert_err(harness_probe(h), ENOENT);
	assert_non_null(strstr(h->reason, "cgroup"));
	assert_err(harness_start(h), ENOENT);
	harness_close(&h);
}

/* 4,500 cgroups with tasks: 4,096 are read at most, leaves before their parents, descriptors stay bounded. */
static void test_many(void **unused)
{
	(void)unused;
	char folder[64], path[96];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "cgroup2 /c cgroup2 rw 0 0\n");
	for (unsigned i = 0; i < 4500; i++) {
		snprintf(path, sizeof(path), "c/top/x%u/cgroup.events", i);
		harness_write(folder, path, "populated 1\n");
		snprintf(path, sizeof(path), "c/top/x%u/memory.current", i);
		harness_write(folder, path, "7\n");
	}
	struct harness *h = harness_open(&collector_cgroup, folder);
	for (unsigned tick = 1; tick <= 4; tick++)
		assert_ok(harness_collect(h, tick * NS_PER_S));
	assert_true(harness_node(h, "node.cgroup.count") == 4502);
	assert_true(harness_node(h, "node.cgroup.unwatched") == 406);
	assert_false(has(h, "cgroup.memory.current", "/top"));
	size_t n = 0;
	uint32_t current = metrics_find(h->metrics, "cgroup.memory.current");
	for (size_t i = 0; i < h->batch->n_samples; i++)
		n += h->batch->samples[i].metric == current;
	assert_in_range(n, 400, 1400); /* 4,096 active are read every ninth tick, and some are in their slow round */
	harness_close(&h);
	harness_remove(folder);
}

/* Who looks over all tasks spares reading lists of them; those that only a list shows are found once a minute. */
static void test_tasks_by_hearsay(void **unused)
{
	(void)unused;
	struct cgroup_tree *tree;
	char folder[64], path[96];
	struct stat st;
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "cgroup /m cgroup rw,memory 0 0\n");
	harness_write(folder, "m/told/memory.usage_in_bytes", "7\n");
	harness_write(folder, "m/listed/memory.usage_in_bytes", "8\n");
	harness_write(folder, "m/listed/cgroup.procs", "1\n");
	struct harness *h = harness_open(&collector_cgroup, folder);
	assert_ok(cgroup_tree_open(&h->env, &tree));
	snprintf(path, sizeof(path), "%s/m/told", folder);
	assert_ok(stat(path, &st));
	unsigned tick = 1;
	for (; tick <= 12; tick++) {
		assert_ok(harness_collect(h, tick * NS_PER_S));
		assert_false(has(h, "cgroup.memory.current", "/told"));
		assert_true(value(h, "cgroup.memory.current", "/listed") == 8);
	}
	snprintf(path, sizeof(path), "%s/m/listed/cgroup.procs", folder);
	for (; tick <= 24; tick++) {
		cgroup_tree_saw_tasks(tree, CGROUP_HIER_MEMORY, st.st_ino, tick * NS_PER_S);
		assert_ok(harness_collect(h, tick * NS_PER_S));
		assert_true(value(h, "cgroup.memory.current", "/listed") == 8);
	}
	assert_true(value(h, "cgroup.memory.current", "/told") == 7);
	assert_ok(unlink(path)); /* empty */
	for (; tick <= 24 + 70; tick++) {
		cgroup_tree_saw_tasks(tree, CGROUP_HIER_MEMORY, st.st_ino, tick * NS_PER_S);
		assert_ok(harness_collect(h, tick * NS_PER_S));
		assert_true(value(h, "cgroup.memory.current", "/told") == 7);
	}
	assert_false(has(h, "cgroup.memory.current", "/listed"));
	/* nobody tells any more: the lists again */
	for (; tick <= 24 + 90; tick++)
		assert_ok(harness_collect(h, tick * NS_PER_S));
	assert_false(has(h, "cgroup.memory.current", "/told"));
	cgroup_tree_close(&tree);
	harness_close(&h);
	harness_remove(folder);
}

/* ---- the real kernel ---- */

static int burn(void *arg)
{
	(void)arg;
	for (volatile unsigned long i = 0; i < 1000000000000UL; i++)
		;
	return 0;
}

static void test_real_throttling(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	if (!real_cgroup_make("cpu", &c))
		skip();
	assert_true(c.v2 ? real_cgroup_write(&c, "cpu.max", "5000 50000")
			 : real_cgroup_write(&c, "cpu.cfs_period_us", "50000") &&
				   real_cgroup_write(&c, "cpu.cfs_quota_us", "5000"));
	const char *key = c.v2 ? "throttled_usec" : "throttled_time";
	double scale = c.v2 ? 1e3 : 1;
	struct harness *h = harness_open(&collector_cgroup, NULL);
	pid_t pid = real_cgroup_run(&c, burn, NULL);
	for (unsigned i = 0; i < 200 && real_cgroup_read(&c, "cpu.stat", "nr_throttled") < 3; i++)
		usleep(20000);
	assert_ok(harness_collect(h, NS_PER_S));
	double first = value(h, "cgroup.cpu.throttled_time", c.key);
	assert_true(first > 0);
	assert_true(value(h, "cgroup.cpu.limit", c.key) == 0.1);
	/* The quota that stops it now is told at once, not in the next slow round. */
	assert_true(c.v2 ? real_cgroup_write(&c, "cpu.max", "2500 50000")
			 : real_cgroup_write(&c, "cpu.cfs_quota_us", "2500"));
	for (unsigned i = 0; i < 200 && real_cgroup_read(&c, "cpu.stat", key) * scale < first + 1e8; i++)
		usleep(20000);
	assert_ok(harness_collect(h, NS_PER_S + NS_PER_S / 2));
	assert_true(value(h, "cgroup.cpu.limit", c.key) == 0.05);
	kill(pid, SIGKILL);
	assert_int_equal(real_cgroup_wait(pid), 128 + SIGKILL);
	double truth = real_cgroup_read(&c, "cpu.stat", key) * scale; /* nobody runs there any more: it stands */
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(value(h, "cgroup.cpu.throttled_time", c.key) == truth);
	assert_true(truth > first);
	assert_true(value(h, "cgroup.cpu.throttled_periods", c.key) == real_cgroup_read(&c, "cpu.stat", "nr_throttled"));
	real_cgroup_remove(&c);
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_false(has(h, "cgroup.cpu.throttled_time", c.key));
	harness_close(&h);
}

/* Made first, moved into later: what it does is told from then on, not from some slow round on. */
static void test_a_cgroup_that_fills_up_is_noticed(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	struct harness *h = harness_open(&collector_cgroup, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	if (!real_cgroup_make("cpu", &c)) {
		harness_close(&h);
		skip();
	}
	for (unsigned i = 2; i < 5; i++)
		assert_ok(harness_collect(h, i * NS_PER_S));
	assert_false(has(h, "cgroup.cpu.periods", c.key));
	pid_t pid = real_cgroup_run(&c, burn, NULL);
	for (unsigned i = 0; i < 500 && !real_cgroup_holds(&c, pid); i++)
		usleep(20000);
	assert_ok(harness_collect(h, 5 * NS_PER_S));
	assert_true(has(h, "cgroup.cpu.periods", c.key));
	kill(pid, SIGKILL);
	(void)real_cgroup_wait(pid);
	real_cgroup_remove(&c);
	harness_close(&h);
}

static int pipe_to_parent[2];

static int hold_memory(void *arg)
{
	size_t bytes = *(size_t *)arg;
	char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < bytes; i += 4096)
		block[i] = 1;
	(void)!write(pipe_to_parent[1], "x", 1);
	pause();
	return 0;
}

static void test_real_memory(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	char byte;
	size_t bytes = 24 * MIB, too_much = 128 * MIB;
	if (!real_cgroup_make("memory", &c))
		skip();
	assert_true(real_cgroup_write(&c, c.v2 ? "memory.max" : "memory.limit_in_bytes", "67108864"));
	assert_ok(pipe(pipe_to_parent));
	struct harness *h = harness_open(&collector_cgroup, NULL);
	pid_t pid = real_cgroup_run(&c, hold_memory, &bytes);
	assert_int_equal(read(pipe_to_parent[0], &byte, 1), 1);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.memory.limit", c.key) == 64 * MIB);
	double current = value(h, "cgroup.memory.current", c.key);
	assert_true(current >= 24 * MIB && current <= 40 * MIB);
	assert_true(value(h, "cgroup.memory.anon", c.key) >= 20 * MIB);
	assert_true(value(h, "cgroup.memory.oom_kills", c.key) == 0);
	kill(pid, SIGKILL);
	(void)real_cgroup_wait(pid);
	pid = real_cgroup_run(&c, hold_memory, &too_much);
	assert_int_equal(real_cgroup_wait(pid), 128 + SIGKILL); /* by the kernel */
	assert_ok(harness_collect(h, 20 * NS_PER_S));
	assert_true(value(h, "cgroup.memory.oom_kills", c.key) == 1);
	assert_true(value(h, "cgroup.memory.max_events", c.key) > 0);
	close(pipe_to_parent[0]);
	close(pipe_to_parent[1]);
	real_cgroup_remove(&c);
	harness_close(&h);
}

static int fork_until_refused(void *arg)
{
	int refused = 0;
	(void)arg;
	for (unsigned i = 0; i < 8; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		refused += pid < 0 && errno == EAGAIN;
	}
	char byte = (char)refused;
	(void)!write(pipe_to_parent[1], &byte, 1);
	pause();
	return 0;
}

static void test_real_pids(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	char refused = 0;
	if (!real_cgroup_make("pids", &c))
		skip();
	assert_true(real_cgroup_write(&c, "pids.max", "4"));
	assert_ok(pipe(pipe_to_parent));
	struct harness *h = harness_open(&collector_cgroup, NULL);
	(void)real_cgroup_run(&c, fork_until_refused, NULL);
	assert_int_equal(read(pipe_to_parent[0], &refused, 1), 1);
	assert_int_equal(refused, 5);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(value(h, "cgroup.pids.limit", c.key) == 4);
	assert_true(value(h, "cgroup.pids.current", c.key) == 4);
	assert_true(value(h, "cgroup.pids.rejected", c.key) == 5);
	close(pipe_to_parent[0]);
	close(pipe_to_parent[1]);
	real_cgroup_remove(&c);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_hybrid_and_damaged),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_tasks_by_hearsay),
		cmocka_unit_test(test_real_throttling),
		cmocka_unit_test(test_a_cgroup_that_fills_up_is_noticed),
		cmocka_unit_test(test_real_memory),
		cmocka_unit_test(test_real_pids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

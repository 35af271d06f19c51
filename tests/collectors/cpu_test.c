// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

#include "tests/collectors/harness.h"

#define FIXTURES "tests/collectors/fixtures/"

extern const struct collector collector_cpu;

static void test_shares_of_the_growth(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/stat", "cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 100 0 100 1000 0 0 0 0 0 0\n");
	struct harness *h = harness_open(&collector_cpu, folder);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_false(harness_has(h, "node.cpu.user_ratio", ENTITY_NODE, HARNESS_NODE)); /* no growth known yet */
	/* +20 user, +10 nice, +10 system, +30 idle, +10 iowait, +5 irq, +10 softirq, +5 steal; the guest's 20 are in user */
	harness_write(folder, "proc/stat", "cpu  120 10 110 1030 10 5 10 5 20 0\ncpu0 120 10 110 1030 10 5 10 5 20 0\n");
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(fabs(harness_node(h, "node.cpu.user_ratio") - 0.30) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.system_ratio") - 0.10) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.idle_ratio") - 0.30) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.iowait_ratio") - 0.10) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.irq_ratio") - 0.05) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.softirq_ratio") - 0.10) < 1e-9);
	assert_true(fabs(harness_node(h, "node.cpu.steal_ratio") - 0.05) < 1e-9);
	assert_true(fabs(harness_value(h, "cpu.busy_ratio", ENTITY_CPU, "0") - 0.60) < 1e-9);
	assert_true(fabs(harness_value(h, "cpu.steal_ratio", ENTITY_CPU, "0") - 0.05) < 1e-9);
	/* iowait fell, as kernels let it: no growth, and no negative share */
	harness_write(folder, "proc/stat", "cpu  130 10 110 1030 4 5 10 5 20 0\ncpu0 130 10 110 1030 4 5 10 5 20 0\n");
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_true(harness_node(h, "node.cpu.user_ratio") == 1);
	assert_true(harness_node(h, "node.cpu.iowait_ratio") == 0);
	harness_close(&h);
	harness_remove(folder);
}

static void test_levels(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_cpu, FIXTURES "v2");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "node.cpu.count") == 2);
	assert_true(harness_node(h, "node.cpu.online") == 2);
	assert_true(harness_node(h, "node.load.runnable") == 17);
	assert_true(harness_node(h, "node.tasks.blocked") == 3);
	assert_true(harness_node(h, "node.forks") == 4242);
	harness_close(&h);
	h = harness_open(&collector_cpu, FIXTURES "cloud"); /* holes in the list, a kernel without steal */
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "node.cpu.online") == 5);
	assert_true(harness_node(h, "node.cpu.count") == 2);
	harness_close(&h);
}

static void test_damaged(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_cpu, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_false(harness_has(h, "node.cpu.online", ENTITY_NODE, HARNESS_NODE));
	assert_false(harness_has(h, "node.forks", ENTITY_NODE, HARNESS_NODE));
	assert_false(harness_has(h, "node.load.runnable", ENTITY_NODE, HARNESS_NODE));
	assert_false(harness_has(h, "cpu.busy_ratio", ENTITY_CPU, "0"));
	harness_close(&h);
	h = harness_open(&collector_cpu, FIXTURES "hybrid");
	assert_err(harness_probe(h), ENOENT);
	assert_err(harness_collect(h, NS_PER_S), EIO);
	harness_close(&h);
}

static void test_real_machine_is_busy(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_cpu, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	volatile unsigned burn = 0;
	for (unsigned i = 0; i < 300000000; i++)
		burn += i;
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.cpu.online") == (double)sysconf(_SC_NPROCESSORS_ONLN));
	double user = harness_node(h, "node.cpu.user_ratio"), idle = harness_node(h, "node.cpu.idle_ratio");
	double sum = user + idle + harness_node(h, "node.cpu.system_ratio") + harness_node(h, "node.cpu.iowait_ratio") +
		     harness_node(h, "node.cpu.irq_ratio") + harness_node(h, "node.cpu.softirq_ratio") +
		     harness_node(h, "node.cpu.steal_ratio");
	assert_true(fabs(sum - 1) < 1e-9);
	assert_true(user > 0.5 / (double)sysconf(_SC_NPROCESSORS_ONLN));
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_of_the_growth),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_real_machine_is_busy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

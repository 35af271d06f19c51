// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "tests/test.h"

#include "tests/collectors/harness.h"

#define FIXTURES "tests/collectors/fixtures/"

extern const struct collector collector_memory;

static void test_fixture(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_memory, FIXTURES "v2");
	assert_ok(harness_probe(h));
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "node.memory.total") == 527962344.0 * 1024);
	assert_true(harness_node(h, "node.memory.available") == 400000000.0 * 1024);
	assert_true(harness_node(h, "node.memory.cached") == 300000000.0 * 1024); /* not SwapCached */
	assert_true(harness_node(h, "node.memory.swap_free") == 8388600.0 * 1024);
	assert_true(harness_node(h, "node.memory.pgscan_direct") == 33);
	assert_true(harness_node(h, "node.memory.pgsteal_direct") == 44);
	assert_true(harness_node(h, "node.memory.swap_in") == 11);
	assert_true(harness_node(h, "node.memory.swap_out") == 22);
	assert_true(harness_node(h, "node.memory.refaults") == 55);
	assert_true(harness_node(h, "node.memory.oom_kills") == 66);
	assert_true(harness_node(h, "node.memory.compact_stalls") == 77);
	harness_close(&h);
}

static void test_absent_is_not_zero(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_memory, FIXTURES "v1");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "node.memory.refaults") == 5); /* the name of old kernels */
	assert_false(harness_has(h, "node.memory.available", ENTITY_NODE, HARNESS_NODE));
	assert_false(harness_has(h, "node.memory.oom_kills", ENTITY_NODE, HARNESS_NODE));
	harness_close(&h);
	h = harness_open(&collector_memory, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_int_equal(h->batch->n_samples, 1);
	assert_true(harness_node(h, "node.memory.cached") == 7 * 1024);
	harness_close(&h);
}

static void test_nothing_to_read(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_memory, FIXTURES "hybrid");
	assert_err(harness_probe(h), ENOENT);
	assert_non_null(strstr(h->reason, "/proc/meminfo"));
	assert_err(harness_collect(h, NS_PER_S), EIO);
	harness_close(&h);
}

static void test_real_machine(void **unused)
{
	(void)unused;
	struct sysinfo info;
	struct harness *h = harness_open(&collector_memory, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_ok(sysinfo(&info));
	assert_true(harness_node(h, "node.memory.total") == (double)info.totalram * info.mem_unit);
	assert_true(harness_node(h, "node.memory.available") < harness_node(h, "node.memory.total"));
	double before = harness_node(h, "node.memory.anon");
	void *block = mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	assert_true(block != MAP_FAILED);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "node.memory.anon") - before > 128 << 20);
	munmap(block, 256 << 20);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixture),
		cmocka_unit_test(test_absent_is_not_zero),
		cmocka_unit_test(test_nothing_to_read),
		cmocka_unit_test(test_real_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "collectors/self.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/file.h"

#include "tests/collectors/harness.h"

extern const struct collector collector_self;

static void test_cost_is_ours(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_self, NULL);
	int fds[8];
	char text[128];
	unsigned long long pages = 0;
	assert_ok(harness_collect(h, 100 * NS_PER_S));
	assert_false(harness_has(h, "whyd.cpu_ratio", ENTITY_NODE, HARNESS_NODE)); /* one reading gives no rate */
	double before = harness_node(h, "whyd.fds");
	for (size_t i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	volatile unsigned burn = 0;
	for (unsigned i = 0; i < 200000000; i++)
		burn += i;
	assert_ok(harness_collect(h, 110 * NS_PER_S));
	assert_true(harness_node(h, "whyd.cpu_ratio") > 0.001);
	assert_true(harness_node(h, "whyd.fds") == before + 8);
	assert_ok(file_read_at(h->root_fd, "/proc/self/statm", text, sizeof(text), NULL));
	assert_int_equal(sscanf(text, "%*u %llu", &pages), 1);
	double expected = (double)pages * (double)sysconf(_SC_PAGESIZE);
	assert_true(fabs(harness_node(h, "whyd.memory") - expected) < 8e6);
	for (size_t i = 0; i < 8; i++)
		close(fds[i]);
	harness_close(&h);
}

static void test_free_space_of_the_state_folder(void **unused)
{
	(void)unused;
	char folder[64];
	struct harness *h = harness_open(&collector_self, NULL);
	assert_ok(harness_collect(h, NS_PER_S));
	assert_false(harness_has(h, "whyd.state_dir_free_ratio", ENTITY_NODE, HARNESS_NODE));
	harness_folder(folder, sizeof(folder));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=4m") < 0) {
		print_message("skipped: cannot mount a tmpfs: %s\n", strerror(errno));
		harness_close(&h);
		harness_remove(folder);
		skip();
	}
	self_set_state_dir(folder);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_node(h, "whyd.state_dir_free_ratio") > 0.99);
	char path[96], *block = calloc(1, 3 * 1024 * 1024);
	snprintf(path, sizeof(path), "%s/fill", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, block, 3 * 1024 * 1024), 3 * 1024 * 1024);
	close(fd);
	free(block);
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_true(fabs(harness_node(h, "whyd.state_dir_free_ratio") - 0.25) < 0.01);
	self_set_state_dir(NULL);
	umount2(folder, MNT_DETACH);
	rmdir(folder);
	harness_close(&h);
}

static void test_counters_are_sampled(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_self, NULL);
	struct self_counters before = *self_counters();
	self_counters()->bpf_drops += 7;
	self_counters()->state_errors += 2;
	assert_ok(harness_collect(h, NS_PER_S));
	assert_true(harness_node(h, "whyd.bpf_drops") == (double)before.bpf_drops + 7);
	assert_true(harness_node(h, "whyd.state_errors") == (double)before.state_errors + 2);
	assert_true(harness_node(h, "whyd.dropped_events") == (double)before.dropped_events);
	harness_close(&h);
}

static void test_blind_events(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_self, NULL);
	const struct event *e;
	batch_reset(h->batch, 5);
	self_emit_failed(h->batch, h->first, "nvml", 5, -EIO, NULL);
	self_emit_stalled(h->batch, h->first, "mounts", 6, 9 * NS_PER_S, 5 * NS_PER_S);
	self_emit_recovered(h->batch, h->first, "mounts", 7);
	self_emit_rule_rejected(h->batch, h->first, 8, "a.why.yaml:3:4", "gpu.slow", "no such metric");
	self_emit_state_full(h->batch, h->first, 9, ENOSPC);
	e = harness_event(h, "whyd.collector.failed", 0);
	assert_non_null(e);
	assert_int_equal(e->code, EIO);
	assert_string_equal(harness_event_key(h, e), "nvml");
	assert_string_equal(e->message, "collector nvml failed: Input/output error");
	e = harness_event(h, "whyd.collector.stalled", 0);
	assert_true(harness_number(h, e, "waited_ns") == 9e9);
	assert_true(harness_number(h, e, "deadline_ns") == 5e9);
	e = harness_event(h, "whyd.collector.recovered", 0);
	assert_string_equal(harness_event_key(h, e), "mounts");
	assert_int_equal(e->at, 7);
	e = harness_event(h, "whyd.rule_rejected", 0);
	assert_string_equal(harness_text(h, e, "rule"), "gpu.slow");
	assert_string_equal(harness_event_key(h, e), HARNESS_NODE);
	e = harness_event(h, "whyd.state_full", 0);
	assert_int_equal(e->code, ENOSPC);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost_is_ours),
		cmocka_unit_test(test_free_space_of_the_state_folder),
		cmocka_unit_test(test_counters_are_sampled),
		cmocka_unit_test(test_blind_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

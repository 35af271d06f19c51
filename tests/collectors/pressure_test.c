// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/clock.h"

#include "tests/collectors/harness.h"
#include "tests/collectors/real_cgroup.h"

#define FIXTURES "tests/collectors/fixtures/"

extern const struct collector collector_pressure;

static void write_pressure(const char *folder, const char *path, unsigned long some, unsigned long full)
{
	char text[256];
	snprintf(text, sizeof(text), "some avg10=9.99 avg60=0.00 avg300=0.00 total=%lu\n"
				     "full avg10=0.00 avg60=0.00 avg300=0.00 total=%lu\n", some, full);
	harness_write(folder, path, text);
}

static void test_shares_of_wall_time(void **unused)
{
	(void)unused;
	char folder[64];
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "cgroup2 /c cgroup2 rw 0 0\n");
	write_pressure(folder, "proc/pressure/memory", 1000000, 500000);
	write_pressure(folder, "c/job/io.pressure", 0, 0);
	harness_write(folder, "proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"); /* before 5.13 */
	struct harness *h = harness_open(&collector_pressure, folder);
	assert_ok(harness_collect(h, 10 * NS_PER_S));
	assert_int_equal(h->batch->n_samples, 0);
	write_pressure(folder, "proc/pressure/memory", 1400000, 600000);
	write_pressure(folder, "c/job/io.pressure", 1500000, 0);
	harness_write(folder, "proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n");
	assert_ok(harness_collect(h, 12 * NS_PER_S));
	assert_true(fabs(harness_node(h, "node.psi.memory.some_ratio") - 0.2) < 1e-9);
	assert_true(fabs(harness_node(h, "node.psi.memory.full_ratio") - 0.05) < 1e-9);
	assert_true(harness_node(h, "node.psi.cpu.some_ratio") == 1); /* never above the whole */
	assert_false(harness_has(h, "node.psi.cpu.full_ratio", ENTITY_NODE, HARNESS_NODE));
	assert_false(harness_has(h, "node.psi.io.some_ratio", ENTITY_NODE, HARNESS_NODE));
	assert_true(fabs(harness_value(h, "cgroup.psi.io.some_ratio", ENTITY_CGROUP, "/job") - 0.75) < 1e-9);
	assert_true(harness_value(h, "cgroup.psi.io.full_ratio", ENTITY_CGROUP, "/job") == 0);
	/* a counter that fell: nothing is said, the next growth counts from there */
	write_pressure(folder, "proc/pressure/memory", 5, 5);
	assert_ok(harness_collect(h, 13 * NS_PER_S));
	assert_false(harness_has(h, "node.psi.memory.some_ratio", ENTITY_NODE, HARNESS_NODE));
	harness_close(&h);
	harness_remove(folder);
}

/* A cgroup calm for half a minute is read every third second, until it shows pressure. */
static void test_calm_cgroups_are_read_rarely(void **unused)
{
	(void)unused;
	char folder[64];
	unsigned n = 0;
	harness_folder(folder, sizeof(folder));
	harness_write(folder, "proc/mounts", "cgroup2 /c cgroup2 rw 0 0\n");
	write_pressure(folder, "c/job/io.pressure", 0, 0);
	struct harness *h = harness_open(&collector_pressure, folder);
	for (unsigned s = 1; s <= 40; s++)
		assert_ok(harness_collect(h, s * NS_PER_S));
	for (unsigned s = 41; s <= 46; s++) {
		assert_ok(harness_collect(h, s * NS_PER_S));
		n += harness_has(h, "cgroup.psi.io.some_ratio", ENTITY_CGROUP, "/job");
	}
	assert_int_equal(n, 2);
	write_pressure(folder, "c/job/io.pressure", 3000000, 0);
	for (unsigned s = 47; s <= 49; s++)
		assert_ok(harness_collect(h, s * NS_PER_S));
	n = 0;
	for (unsigned s = 50; s <= 52; s++) {
		assert_ok(harness_collect(h, s * NS_PER_S));
		n += harness_has(h, "cgroup.psi.io.some_ratio", ENTITY_CGROUP, "/job");
	}
	assert_int_equal(n, 3);
	harness_close(&h);
	harness_remove(folder);
}

static void test_fixtures(void **unused)
{
	(void)unused;
	struct harness *h = harness_open(&collector_pressure, FIXTURES "hybrid");
	assert_err(harness_probe(h), ENOENT);
	assert_non_null(strstr(h->reason, "CONFIG_PSI"));
	assert_int_equal(h->collector->event_fd(h->state), -1); /* no kernel hooks on a fixture */
	assert_ok(harness_collect(h, NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_value(h, "cgroup.psi.memory.some_ratio", ENTITY_CGROUP, "/job") == 0);
	assert_false(harness_has(h, "cgroup.psi.memory.some_ratio", ENTITY_CGROUP, "/other"));
	harness_close(&h);
	h = harness_open(&collector_pressure, FIXTURES "broken");
	assert_ok(harness_collect(h, NS_PER_S));
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_int_equal(h->batch->n_samples, 0);
	harness_close(&h);
}

/* ---- the real kernel ---- */

static pid_t hogs[8];

static int hog(void *arg)
{
	cpu_set_t one;
	(void)arg;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	for (volatile unsigned long i = 0; i < 1000000000000UL; i++)
		;
	return 0;
}

static void stop_hogs(void)
{
	for (size_t i = 0; i < sizeof(hogs) / sizeof(hogs[0]); i++) {
		kill(hogs[i], SIGKILL);
		while (waitpid(hogs[i], NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static void say_trigger(void *arg, const char *hook, int error, const char *reason)
{
	if (strcmp(hook, "kernel pressure triggers") == 0) {
		*(int *)arg = error;
		if (error)
			print_message("%s: %s (%s)\n", hook, strerror(-error), reason);
	}
}

static const struct event *wait_for(struct harness *h, const char *metric, const char *resource, const char *key)
{
	for (unsigned i = 0; i < 100; i++) {
		if (!harness_wait(h, 100))
			continue;
		assert_true(harness_drain(h, 64, clock_mono_now()) >= 0);
		for (size_t k = 0; k < harness_events(h, metric); k++) {
			const struct event *e = harness_event(h, metric, k);
			if (strcmp(harness_text(h, e, "resource"), resource) == 0 &&
			    strcmp(harness_event_key(h, e), key) == 0)
				return e;
		}
	}
	return NULL;
}

/* Eight busy processes on one CPU: the kernel itself says that tasks wait, of the node and of their cgroup. */
static void test_real_triggers_fire(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	int error = -ENOENT;
	struct harness *h = harness_new(&collector_pressure, NULL);
	if (harness_probe(h) < 0) {
		print_message("skipped: %s\n", h->reason);
		harness_close(&h);
		skip();
	}
	assert_ok(harness_start(h));
	h->collector->hooks(h->state, say_trigger, &error);
	if (error) {
		print_message("skipped: the kernel refuses pressure triggers: %s\n", strerror(-error));
		harness_close(&h);
		skip();
	}
	bool in_cgroup = real_cgroup_make("", &c);
	assert_ok(harness_collect(h, clock_mono_now()));
	for (size_t i = 0; i < sizeof(hogs) / sizeof(hogs[0]); i++) {
		hogs[i] = in_cgroup ? real_cgroup_run(&c, hog, NULL) : fork();
		if (hogs[i] == 0)
			_exit(hog(NULL));
	}
	const struct event *e = wait_for(h, "node.psi.trigger", "cpu", HARNESS_NODE);
	assert_non_null(e);
	assert_string_equal(harness_text(h, e, "kind"), "some");
	assert_true(fabs(harness_number(h, e, "threshold_ratio") - 0.15) < 1e-9);
	if (in_cgroup) { /* its pressure shows, which arms its own trigger */
		bool fired = false, shown = false;
		for (unsigned i = 0; i < 10 && !fired; i++) {
			assert_ok(harness_collect(h, clock_mono_now()));
			shown = shown || harness_get(h, "cgroup.psi.cpu.some_ratio", ENTITY_CGROUP, c.key) > 0.5;
			fired = wait_for(h, "cgroup.psi.trigger", "cpu", c.key) != NULL;
		}
		assert_true(shown);
		assert_true(fired);
	}
	stop_hogs();
	if (in_cgroup)
		real_cgroup_remove(&c);
	assert_ok(harness_collect(h, clock_mono_now()));
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_of_wall_time),
		cmocka_unit_test(test_calm_cgroups_are_read_rarely),
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_real_triggers_fire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Lines of NVIDIA's driver through the collector kernlog: events, processes, storms, forgery. */
#include "collectors/gpu_log.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "collectors/proc_facts.h"
#include "tests/collectors/harness.h"

extern const struct collector collector_kernlog;

static char folder[64], path[96];

static int setup(void **unused)
{
	(void)unused;
	harness_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/kmsg", folder);
	harness_write(folder, "kmsg", "");
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	harness_remove(folder);
	return 0;
}

static void append(const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static struct harness *open_on(const char *root)
{
	struct harness *h = harness_new(&collector_kernlog, root);
	h->env.kmsg_path = path;
	h->env.kmsg_resume_seq = UINT64_MAX;
	assert_ok(harness_start(h));
	return h;
}

/* One line, and the only event of that metric that came of it. */
static const struct event *one(struct harness *h, const char *line, const char *metric)
{
	append("4,1,9,-;");
	append(line);
	append("\n");
	assert_int_equal(harness_drain(h, 64, 100 * NS_PER_S), 1);
	assert_int_equal(harness_events(h, metric), 1);
	return harness_event(h, metric, 0);
}

static void test_what_a_number_means(void **unused)
{
	(void)unused;
	struct harness *h = open_on(NULL);
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5E:00): 48, pid='<unknown>', name=<unknown>, DBE "
		"(double bit error) at x",
				    "gpu.xid");
	assert_string_equal(harness_event_key(h, e), "0000:5e:00.0");
	assert_int_equal(e->code, 48);
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	assert_int_equal(e->simulated, 1);
	assert_string_equal(harness_text(h, e, "name"), "GPU_ECC_DBE");
	assert_string_equal(harness_text(h, e, "suspect"), "hardware");
	assert_string_equal(harness_text(h, e, "advice"), "reset_gpu");
	assert_string_equal(harness_text(h, e, "detail"), "DBE (double bit error) at x");
	assert_null(harness_text(h, e, "comm"));
	assert_true(isnan(harness_number(h, e, "pid")));
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 13, pid=7, name=a, Graphics SM Warp Exception on (GPC 2, TPC 3, "
		"SM 1): x", "gpu.xid");
	assert_string_equal(harness_text(h, e, "suspect"), "application");
	assert_string_equal(harness_text(h, e, "unit"), "GPC 2 TPC 3");
	assert_int_equal(e->severity, SEVERITY_WARNING);
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 31, pid=7, name=a, Ch 8, intr 0. MMU Fault: ENGINE GRAPHICS "
		"GPCCLIENT_T1_0 faulted", "gpu.xid");
	assert_string_equal(harness_text(h, e, "unit"), "GRAPHICS");
	e = one(h, "NVRM: Xid (PCI:0000:5e:00 GPU-I:05): 94, pid=7, name=a, Contained: SM (0x1)", "gpu.xid");
	assert_string_equal(harness_text(h, e, "unit"), "GPU-I:05");
	assert_string_equal(harness_text(h, e, "advice"), "restart_app");
	harness_close(&h);
}

static void test_an_unknown_number_is_told_as_that(void **unused)
{
	(void)unused;
	struct harness *h = open_on(NULL);
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 4711, pid=7, name=a, news", "gpu.xid");
	assert_int_equal(e->code, 4711);
	assert_string_equal(harness_text(h, e, "name"), "unknown");
	assert_string_equal(harness_text(h, e, "suspect"), "unknown");
	assert_string_equal(harness_text(h, e, "advice"), "contact_vendor");
	assert_int_equal(e->severity, SEVERITY_WARNING);
	harness_close(&h);
}

static void test_what_the_driver_asks_for(void **unused)
{
	(void)unused;
	struct harness *h = open_on(NULL);
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 154, GPU recovery action changed from 0x0 "
		"(None) to 0x2 (Node Reboot "
				       "Required)", "gpu.xid");
	assert_string_equal(harness_text(h, e, "advice"), "reboot_node");
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 154, GPU recovery action changed from 0x2 (Node Reboot Required) "
		"to 0x0 (None)",
		"gpu.xid");
	assert_string_equal(harness_text(h, e, "advice"), "nothing");
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 154, something else", "gpu.xid");
	assert_string_equal(harness_text(h, e, "advice"), "unknown");
	harness_close(&h);
}

static void test_nvlink_registers_by_driver(void **unused)
{
	(void)unused;
	static const char line[] = "NVRM: Xid (PCI:0018:01:00): 145, RLW_REMAP Fatal XC0 i0 Link 03 (0x00000082 "
		"0x00000100 0x0 0x0)";
	harness_write(folder, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  "
		"570.86.15  Fri\n");
	struct harness *h = open_on(folder);
	const struct event *e = one(h, line, "gpu.xid");
	assert_string_equal(harness_text(h, e, "unit"), "RLW_REMAP");
	assert_true(harness_number(h, e, "link") == 3);
	assert_string_equal(harness_text(h, e, "advice"), "nothing"); /* by the table, for a driver before R575 */
	/* The driver is changed under us: the same registers have another meaning,
		here none; then the line's own word holds. */
	e = one(h, "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build",
		"kernlog.gpu_driver");
	assert_string_equal(harness_text(h, e, "state"), "loaded");
	assert_string_equal(harness_text(h, e, "detail"), "580.65.06");
	e = one(h, line, "gpu.xid");
	assert_string_equal(harness_text(h, e, "advice"), "reset_gpu");
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	harness_close(&h);
}

static void test_switches(void **unused)
{
	(void)unused;
	struct harness *h = open_on(NULL);
	const struct event *e = one(h, "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM "
		"Fault Up", "kernlog.sxid");
	assert_int_equal(e->code, 20034);
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	assert_string_equal(harness_text(h, e, "switch"), "0000:c1:00.0");
	assert_string_equal(harness_text(h, e, "reach"), "fatal");
	assert_string_equal(harness_text(h, e, "advice"), "reset_gpu");
	assert_true(harness_number(h, e, "link") == 30);
	e = one(h, "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 11012, Non-fatal, Link 30 ECC", "kernlog.sxid");
	assert_string_equal(harness_text(h, e, "reach"), "nonfatal");
	assert_int_equal(e->severity, SEVERITY_INFO);
	/* the line outranks the table, both ways */
	e = one(h, "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 11012, Fatal, Link 30 ECC", "kernlog.sxid");
	assert_string_equal(harness_text(h, e, "reach"), "fatal");
	assert_string_equal(harness_text(h, e, "advice"), "reset_gpu");
	e = one(h, "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Non-fatal, Link 30 LTSSM Fault Up", "kernlog.sxid");
	assert_string_equal(harness_text(h, e, "reach"), "nonfatal");
	e = one(h, "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 77777, Link 30 news", "kernlog.sxid");
	assert_string_equal(harness_text(h, e, "reach"), "unknown");
	harness_close(&h);
}

static void test_three_lines_and_who_it_was(void **unused)
{
	(void)unused;
	struct harness *h = open_on(NULL);
	append("4,1,9,-;NVRM: GPU at PCI:0000:9b:00: GPU-63feeb45\n4,2,9,-;NVRM: GPU Board Serial Number: 165452\n"
	       "4,3,9,-;NVRM: The NVIDIA GPU 0000:9b:00.0\n4,4,9,-;NVRM: (PCI ID: 10de:2330) installed in this "
		"system has\n"
	       "4,5,9,-;NVRM: fallen off the bus and is not responding to commands.\n");
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 5);
	assert_int_equal(harness_events(h, "gpu.xid"), 1);
	const struct event *e = harness_event(h, "gpu.xid", 0);
	assert_int_equal(e->code, 79);
	assert_string_equal(harness_event_key(h, e), "0000:9b:00.0");
	assert_string_equal(graph_attr(h->graph, e->entity, "uuid"), "GPU-63feeb45");
	assert_string_equal(graph_attr(h->graph, e->entity, "serial"), "165452");
	/* the last of three long after: nobody knows of which GPU it speaks */
	append("4,6,9,-;NVRM: fallen off the bus and is not responding to commands.\n");
	assert_int_equal(harness_drain(h, 64, 60 * NS_PER_S), 1);
	assert_int_equal(harness_events(h, "gpu.xid"), 0);
	harness_close(&h);
}

static bool uses(struct harness *h, entity_id process, entity_id gpu)
{
	entity_id ids[8];
	size_t n = graph_neighbours(h->graph, process, false, ENTITY_GPU, ids, 8);

	for (size_t i = 0; i < MIN_OF(n, (size_t)8); i++)
		if (ids[i] == gpu)
			return true;
	return false;
}

static void test_the_process_is_known_when_it_is_gone(void **unused)
{
	(void)unused;
	char line[256], key[64];
	struct proc_stat stat;
	struct harness *h = open_on(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_ok(proc_facts_glance(h->root_fd, (uint32_t)pid, &stat));
	snprintf(key, sizeof(key), "%d/%llu", (int)pid, (unsigned long long)stat.start_ticks);
	snprintf(line, sizeof(line), "NVRM: Xid (PCI:0000:5e:00): 31, pid=%d, name=python3, Ch 8", (int)pid);
	const struct event *e = one(h, line, "gpu.xid");
	entity_id gpu = e->entity, process = graph_find(h->graph, ENTITY_PROCESS, key);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_not_equal(process, ENTITY_NONE);
	assert_true(uses(h, process, gpu));
	assert_string_equal(graph_attr(h->graph, process, "comm"), stat.comm);
	harness_close(&h);
}

/* Whose container it was is known by its cgroup, which another collector keeps. */
static void test_its_cgroup_is_known_too(void **unused)
{
	(void)unused;
	static const char stat[] = "4242 (python3) S 7 4242 4242 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 500 1000 10 "
				   "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
	entity_id cgroup, found[4];
	harness_write(folder, "proc/4242/stat", stat);
	harness_write(folder, "proc/4242/cgroup", "0::/kubepods/pod1/c1\n");
	struct harness *h = open_on(folder);
	assert_ok(graph_entity(h->graph, ENTITY_CGROUP, "/kubepods/pod1/c1", NS_PER_S, &cgroup));
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 94, pid=4242, name=python3, Contained: SM", "gpu.xid");
	entity_id process = graph_find(h->graph, ENTITY_PROCESS, "4242/500");
	assert_int_not_equal(process, ENTITY_NONE);
	assert_true(uses(h, process, e->entity));
	assert_string_equal(graph_attr(h->graph, process, "comm"), "python3");
	assert_string_equal(graph_attr(h->graph, process, "ppid"), "7");
	assert_int_equal(graph_neighbours(h->graph, process, false, ENTITY_CGROUP, found, 4), 1);
	assert_int_equal(found[0], cgroup);
	harness_close(&h);
}

/* It had ended when its line was read; another collector tells of it in the same turn, or a moment later. */
static void test_the_process_ended_first(void **unused)
{
	(void)unused;
	struct harness *h = open_on(folder); /* a root without processes */
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 31, pid=4242, name=python3, Ch 8", "gpu.xid");
	entity_id gpu = e->entity, other, process;
	assert_ok(graph_entity(h->graph, ENTITY_PROCESS, "4243/9", NS_PER_S, &other));
	harness_settle(h);
	assert_false(uses(h, other, gpu));
	assert_ok(graph_entity(h->graph, ENTITY_PROCESS, "4242/9", NS_PER_S, &process));
	assert_ok(graph_gone(h->graph, process, 100 * NS_PER_S));
	harness_settle(h);
	assert_true(uses(h, process, gpu));
	assert_false(uses(h, other, gpu));
	harness_close(&h);
}

static void test_a_pid_that_is_used_again(void **unused)
{
	(void)unused;
	struct harness *h = open_on(folder);
	entity_id old, now;
	assert_ok(graph_entity(h->graph, ENTITY_PROCESS, "4242/9", NS_PER_S, &old));
	assert_ok(graph_gone(h->graph, old, 2 * NS_PER_S)); /* a minute and more ago */
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 31, pid=4242, name=python3, Ch 8", "gpu.xid");
	harness_settle(h);
	assert_false(uses(h, old, e->entity));
	assert_ok(graph_entity(h->graph, ENTITY_PROCESS, "4242/800", NS_PER_S, &now));
	harness_settle(h);
	assert_true(uses(h, now, e->entity));
	assert_false(uses(h, old, e->entity));
	harness_close(&h);
}

static void test_other_programs_in_the_same_place(void **unused)
{
	(void)unused;
	struct harness *h = open_on(folder);
	const struct event *e = one(h, "NVRM: Xid (PCI:0000:5e:00): 13, pid=1, name=a, Exception on (GPC 2, TPC "
		"3, SM 1): x", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 1);
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 13, pid=1, name=a, Exception on (GPC 2, TPC 3, SM 0): x", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 1); /* the same program again */
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 13, pid=2, name=b, Exception on (GPC 0, TPC 1, SM 0): x", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 1); /* elsewhere in the chip */
	e = one(h, "NVRM: Xid (PCI:0000:5f:00): 13, pid=3, name=c, Exception on (GPC 2, TPC 3, SM 0): x", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 1); /* another GPU */
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 13, pid=4, name=d, Exception on (GPC 2, TPC 3, SM 0): x", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 2);
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 31, pid=4, name=d, Ch 8", "gpu.xid");
	assert_true(harness_number(h, e, "programs") == 1); /* another number */
	e = one(h, "NVRM: Xid (PCI:0000:5e:00): 43, pid=4, name=d, Ch 8", "gpu.xid");
	assert_true(isnan(harness_number(h, e, "programs")));
	harness_close(&h);
}

/* As one node wrote 800,000 of them; here 30,000, and another number among them. */
static void test_a_storm_is_a_few_events_and_a_count(void **unused)
{
	(void)unused;
	const unsigned n_lines = 30000;
	AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_non_null(f);
	for (unsigned i = 0; i < n_lines; i++)
		fprintf(f, "4,%u,9,-;NVRM: Xid (PCI:0000:5e:00): %u, pid=%u, name=a, Uncontained %u\n", i + 1,
			i == 12345 ? 79 : 95, i % 900 + 1, i);
	assert_int_equal(fflush(f), 0);
	struct harness *h = open_on(folder);
	double lines = 0;
	unsigned events = 0, fell = 0, taken = 0;
	for (unsigned tick = 1; taken < n_lines && tick < 10; tick++) {
		for (int n; (n = harness_drain(h, 1000, tick * NS_PER_S)) > 0;) {
			taken += (unsigned)n;
			for (size_t i = 0; i < harness_events(h, "gpu.xid"); i++, events++) {
				lines += harness_number(h, harness_event(h, "gpu.xid", i), "lines");
				fell += harness_event(h, "gpu.xid", i)->code == 79;
			}
		}
		assert_ok(harness_collect(h, tick * NS_PER_S));
		for (size_t i = 0; i < harness_events(h, "gpu.xid"); i++, events++) {
			assert_int_equal(harness_event(h, "gpu.xid", i)->code, 95);
			lines += harness_number(h, harness_event(h, "gpu.xid", i), "lines");
		}
		assert_int_equal(harness_events(h, "kernlog.suppressed"), 0);
	}
	assert_int_equal(taken, n_lines);
	assert_true(lines == n_lines); /* none is left out */
	assert_int_equal(fell, 1);     /* nor hidden */
	assert_in_range(events, 3, 2 * 9 + 1);
	assert_true(harness_value(h, "gpu.xid_lines", ENTITY_GPU, "0000:5e:00.0") == n_lines);
	harness_close(&h);
}

static void test_many_gpus_at_once_are_bounded(void **unused)
{
	(void)unused;
	AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_non_null(f);
	for (unsigned i = 0; i < 3000; i++)
		fprintf(f, "4,%u,9,-;NVRM: Xid (PCI:%04x:5e:00): 95, x\n", i + 1, i);
	assert_int_equal(fflush(f), 0);
	struct harness *h = open_on(folder);
	unsigned events = 0;
	while (harness_drain(h, 100, NS_PER_S) > 0)
		events += (unsigned)harness_events(h, "gpu.xid");
	assert_int_equal(events, GPU_LOG_EVENTS);
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_number(h, harness_event(h, "kernlog.suppressed", 0), "count") == 3000 - GPU_LOG_EVENTS);
	harness_close(&h);
}

static void test_what_a_process_wrote_is_refused(void **unused)
{
	(void)unused;
	static const char *const lines[] = {
		"NVRM: Xid (PCI:0000:5e:00): 79, pid=1, name=a, GPU has fallen off the bus.",
		"nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
		"NVRM: GPU at PCI:0000:5e:00: GPU-forged",
		"nvidia-nvlink: Unregistered Nvlink Core, major device number 236",
		"NVRM: Xid (PCI:0000:5e:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot "
			"Required)",
	};
	char text[256];
	struct harness *h = open_on(folder);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		snprintf(text, sizeof(text), "12,%zu,9,-;%s\n", i, lines[i]);
		append(text);
		assert_int_equal(harness_drain(h, 64, NS_PER_S), 1);
		assert_int_equal(h->batch->n_events, 1);
		assert_non_null(harness_event(h, "kernlog.forged", 0));
	}
	assert_int_equal(graph_find(h->graph, ENTITY_GPU, "0000:5e:00.0"), ENTITY_NONE);
	append("12,9,9,-;NVRM: nothing that means anything\n");
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 1);
	assert_int_equal(h->batch->n_events, 0);
	harness_close(&h);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_number_means),
		TEST(test_an_unknown_number_is_told_as_that),
		TEST(test_what_the_driver_asks_for),
		TEST(test_nvlink_registers_by_driver),
		TEST(test_switches),
		TEST(test_three_lines_and_who_it_was),
		TEST(test_the_process_is_known_when_it_is_gone),
		TEST(test_its_cgroup_is_known_too),
		TEST(test_the_process_ended_first),
		TEST(test_a_pid_that_is_used_again),
		TEST(test_other_programs_in_the_same_place),
		TEST(test_a_storm_is_a_few_events_and_a_count),
		TEST(test_many_gpus_at_once_are_bounded),
		TEST(test_what_a_process_wrote_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include "tests/collectors/harness.h"
#include "tests/collectors/real_cgroup.h"

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

static struct harness *open_on(const char *kmsg, uint64_t resume)
{
	struct harness *h = harness_new(&collector_kernlog, NULL);
	h->env.kmsg_path = kmsg;
	h->env.kmsg_resume_seq = resume;
	assert_ok(harness_start(h));
	return h;
}

#define CONTEXT "4,1,9,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/job," \
		"task_memcg=/job/rank,3,task=python3,pid=4242,uid=0\n"
#define KILL "3,2,9,-;Memory cgroup out of memory: Killed process 4242 (python3) total-vm:2048kB, anon-rss:1024kB, " \
	     "file-rss:4kB, shmem-rss:8kB, UID:0 pgtables:100kB oom_score_adj:0\n"

static void test_oom_report_is_one_event(void **unused)
{
	(void)unused;
	struct harness *h = open_on(path, UINT64_MAX);
	append("4,0,8,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n" CONTEXT);
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 2);
	assert_int_equal(h->batch->n_events, 0); /* the kill is still to come */
	append("6,7,9,-;something else in between\n" KILL "4,3,9,-;oom_reaper: reaped process 4242 (python3), "
	  "now anon-rss:0kB\n");
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 3);
	assert_int_equal(h->batch->n_events, 1);
	const struct event *e = harness_event(h, "kernlog.oom", 0);
	assert_string_equal(harness_text(h, e, "constraint"), "memcg");
	assert_true(harness_number(h, e, "victim_pid") == 4242);
	assert_string_equal(harness_text(h, e, "victim_comm"), "python3");
	assert_string_equal(harness_text(h, e, "cgroup"), "/job");
	assert_string_equal(harness_text(h, e, "task_cgroup"), "/job/rank,3"); /* a comma is a letter of a path */
	assert_true(harness_number(h, e, "total_vm") == 2048 * 1024);
	assert_true(harness_number(h, e, "anon_rss") == 1024 * 1024);
	assert_true(harness_number(h, e, "file_rss") == 4096);
	assert_true(harness_number(h, e, "shmem_rss") == 8192);
	assert_int_equal(e->severity, SEVERITY_CRITICAL);
	harness_close(&h);
}

static void test_oom_report_with_holes(void **unused)
{
	(void)unused;
	struct harness *h = open_on(path, UINT64_MAX);
	/* only the kill: an old kernel, or a lost line */
	append("3,1,9,-;Out of memory: Killed process 77 (a (b) c) total-vm:16kB, anon-rss:8kB, file-rss:0kB\n");
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 1);
	const struct event *e = harness_event(h, "kernlog.oom", 0);
	assert_string_equal(harness_text(h, e, "constraint"), "none");
	assert_string_equal(harness_text(h, e, "victim_comm"), "a (b) c");
	assert_true(harness_number(h, e, "anon_rss") == 8192);
	assert_null(harness_text(h, e, "cgroup"));
	assert_true(isnan(harness_number(h, e, "shmem_rss"))); /* absent is not zero */
	/* only the context: it is said after a while */
	append("4,2,9,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
	       "task_memcg=/etl,task=spark,pid=5,uid=0\n");
	assert_int_equal(harness_drain(h, 64, 10 * NS_PER_S), 1);
	assert_int_equal(h->batch->n_events, 0);
	assert_ok(harness_collect(h, 11 * NS_PER_S));
	assert_int_equal(h->batch->n_events, 0);
	assert_ok(harness_collect(h, 13 * NS_PER_S));
	e = harness_event(h, "kernlog.oom", 0);
	assert_non_null(e);
	assert_string_equal(harness_text(h, e, "constraint"), "none");
	assert_string_equal(harness_text(h, e, "task_cgroup"), "/etl");
	assert_true(isnan(harness_number(h, e, "total_vm")));
	assert_int_equal(e->at, 10 * NS_PER_S);
	assert_ok(harness_collect(h, 14 * NS_PER_S));
	assert_int_equal(h->batch->n_events, 0);
	harness_close(&h);
}

static void test_continued_lines(void **unused)
{
	(void)unused;
	struct harness *h = open_on(path, UINT64_MAX);
	append("4,1,9,-;NVRM: Xid (PCI:0000:5e:00): \n4,2,9,c;48, pid=9, name=x, DBE\n4,3,9,c; and "
	  "more\n4,4,9,-;48, no\n");
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 4);
	assert_int_equal(h->batch->n_events, 1);
	assert_int_equal(harness_event(h, "gpu.xid", 0)->code, 48);
	harness_close(&h);
}

static void test_too_many_of_a_kind(void **unused)
{
	(void)unused;
	struct harness *h = open_on(path, UINT64_MAX);
	for (unsigned i = 0; i < 100; i++)
		append("4,1,9,-;nfs: server a not responding, still trying\n");
	append("4,1,9,-;nfs: server a OK\n");
	unsigned taken = 0, events = 0, ok = 0;
	for (int n; (n = harness_drain(h, 7, NS_PER_S)) > 0;) { /* never more than asked for */
		assert_in_range(n, 1, 7);
		taken += (unsigned)n;
		events += (unsigned)harness_events(h, "kernlog.nfs_unresponsive");
		ok += (unsigned)harness_events(h, "kernlog.nfs_ok");
	}
	assert_int_equal(taken, 101);
	assert_int_equal(events, 32);
	assert_int_equal(ok, 1); /* a flood of one kind takes nothing from another */
	assert_ok(harness_collect(h, 2 * NS_PER_S));
	assert_true(harness_number(h, harness_event(h, "kernlog.suppressed", 0), "count") == 68);
	assert_true(harness_node(h, "kernlog.records") == 101);
	assert_ok(harness_collect(h, 3 * NS_PER_S));
	assert_int_equal(harness_events(h, "kernlog.suppressed"), 0);
	harness_close(&h);
}

static void test_a_storm_about_one_gpu_does_not_hide_another(void **unused)
{
	(void)unused;
	struct harness *h = open_on(path, UINT64_MAX);
	for (unsigned i = 0; i < 60; i++)
		append("4,1,9,-;NVRM: Xid (PCI:0000:5e:00): 95, pid=1, name=a, Uncontained\n");
	append("4,1,9,-;NVRM: Xid (PCI:0000:5f:00): 79, pid=1, name=a, GPU has fallen off the bus.\n");
	unsigned events = 0;
	while (harness_drain(h, 100, NS_PER_S) > 0)
		events += (unsigned)harness_events(h, "gpu.xid");
	assert_int_equal(events, 8 + 1); /* told one by one; the others at the next tick as one */
	harness_close(&h);
}

static void test_position_survives_a_restart(void **unused)
{
	(void)unused;
	append("4,5,9,-;nfs: server a OK\n");
	struct harness *h = open_on(path, UINT64_MAX);
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 1);
	assert_int_equal(h->collector->position(h->state), 6);
	append("4,6,9,-;nfs: server b OK\n");
	h->env.kmsg_resume_seq = 6;
	assert_ok(harness_restart(h));
	assert_int_equal(harness_drain(h, 64, NS_PER_S), 1);
	assert_string_equal(harness_text(h, harness_event(h, "kernlog.nfs_ok", 0), "server"), "b");
	harness_close(&h);
}

/* A writer that pours 200,000 lines into a fifo as fast as it can. */
static void test_flood_is_bounded(void **unused)
{
	(void)unused;
	const unsigned n_lines = 200000;
	unlink(path);
	assert_ok(mkfifo(path, 0600));
	struct harness *h = open_on(path, UINT64_MAX);
	pid_t writer = fork();
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		FILE *f = fopen(path, "we");
		for (unsigned i = 0; f && i < n_lines; i++)
			fprintf(f, "6,%u,%u,-;%s\n", i + 1, i, i % 1000 == 7 ? "nfs: server a OK" : "usb 1-1: "
	  "nothing of interest");
		_exit(f && fclose(f) == 0 ? 0 : 1);
	}
	uint64_t total = 0;
	size_t events = 0;
	unsigned ticks = 0;
	for (; total < n_lines && ticks < 1000; ticks++) {
		mono_ns_t now = (ticks + 1) * NS_PER_S;
		uint64_t of_tick = 0;
		assert_ok(harness_collect(h, now));
		while (of_tick < 20000 && harness_wait(h, 200)) {
			int n = harness_drain(h, 256, now);
			assert_in_range(n, 0, 256);
			of_tick += (uint64_t)n;
			events += harness_events(h, "kernlog.nfs_ok");
		}
		assert_true(of_tick <= 20000);
		if (of_tick == 20000) /* its share is used up: quiet until the next tick, although the fifo is full */
			assert_false(harness_wait(h, 0));
		total += of_tick;
	}
	assert_int_equal(total, n_lines);
	assert_int_equal(real_cgroup_wait(writer), 0);
	assert_true(ticks >= 10);
	assert_true(events > 0 && events <= 200);
	assert_ok(harness_collect(h, 2000 * NS_PER_S));
	assert_true(harness_node(h, "kernlog.records") == n_lines);
	harness_close(&h);
}

/* ---- the real log ---- */

static struct harness *open_real(uint64_t resume)
{
	struct harness *h = harness_new(&collector_kernlog, NULL);
	if (harness_probe(h) < 0 || access("/dev/kmsg", W_OK) < 0) {
		print_message("skipped: %s\n", h->reason[0] ? h->reason : "/dev/kmsg cannot be written");
		harness_close(&h);
		return NULL;
	}
	h->env.kmsg_resume_seq = resume;
	assert_ok(harness_start(h));
	return h;
}

static void write_kmsg(const char *text)
{
	AUTO_CLOSE int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Drains until nothing is there; how many events of the metric hold `part`. */
static unsigned drain_for(struct harness *h, const char *metric, const char *part, bool *ret_simulated)
{
	unsigned n = 0;
	while (harness_wait(h, 300)) {
		if (harness_drain(h, 256, clock_mono_now()) <= 0)
			break;
		for (size_t i = 0; i < harness_events(h, metric); i++) {
			const struct event *e = harness_event(h, metric, i);
			if (!strstr(e->message, part))
				continue;
			n++;
			*ret_simulated = e->simulated;
		}
	}
	return n;
}

static void test_real_forgery_is_refused(void **unused)
{
	(void)unused;
	char text[128], part[32];
	bool simulated = true;
	struct harness *h = open_real(0);
	if (!h)
		skip();
	(void)harness_drain(h, 256, clock_mono_now());
	assert_ok(harness_collect(h, clock_mono_now()));
	double before = harness_node(h, "kernlog.records");
	snprintf(part, sizeof(part), "why-test-%d", (int)getpid());
	/* without its newline the kernel would hold the line back */
	snprintf(text, sizeof(text), "<4>NVRM: Xid (PCI:0000:5e:00): 79, %s\n", part);
	write_kmsg(text);
	assert_int_equal(drain_for(h, "kernlog.forged", part, &simulated), 1);
	assert_false(simulated);
	assert_int_equal(graph_find(h->graph, ENTITY_GPU, "0000:5e:00.0"), ENTITY_NONE);
	assert_ok(harness_collect(h, clock_mono_now()));
	assert_true(harness_node(h, "kernlog.records") > before);
	harness_close(&h);
}

static void test_real_resume(void **unused)
{
	(void)unused;
	char text[128], part[48];
	bool simulated = true;
	struct harness *h = open_real(0);
	if (!h)
		skip();
	assert_true(h->collector->position(h->state) > 0); /* known without waiting for a record */
	h->env.kmsg_resume_seq = h->collector->position(h->state);
	snprintf(part, sizeof(part), "why-test-resume-%d", (int)getpid());
	/* without its newline the kernel would hold the line back */
	snprintf(text, sizeof(text), "<4>NVRM: Xid (PCI:0000:5e:00): 79, %s\n", part);
	write_kmsg(text); /* while the collector is away */
	assert_ok(harness_restart(h));
	assert_int_equal(drain_for(h, "kernlog.forged", part, &simulated), 1);
	assert_int_equal(harness_events(h, "kernlog.lost"), 0);
	h->env.kmsg_resume_seq = h->collector->position(h->state);
	assert_ok(harness_restart(h));
	assert_int_equal(drain_for(h, "kernlog.forged", part, &simulated), 0); /* not read twice */
	harness_close(&h);
}

static bool set_devkmsg(const char *word, char *ret_old, size_t size)
{
	static const char knob[] = "/proc/sys/kernel/printk_devkmsg";
	AUTO_FCLOSE FILE *f = fopen(knob, "re");
	if (!f || (ret_old && !fgets(ret_old, (int)size, f)))
		return false;
	AUTO_CLOSE int fd = open(knob, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);
}

/* More than the kernel's buffer holds, written while nobody reads: the gap is counted. */
static void test_real_overrun_is_counted(void **unused)
{
	(void)unused;
	char old[32] = "";
	int size = klogctl(10 /* size of the buffer */, NULL, 0);
	AUTO_CLOSE int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	AUTO_FREE char *filler = malloc(900);
	struct harness *h = open_real(0);
	if (!h)
		skip();
	if (size <= 0 || size > 4 << 20 || fd < 0 || !set_devkmsg("on\n", old, sizeof(old))) {
		print_message("skipped: the kernel's buffer is of %d bytes, or writers of its log are "
	  "limited\n", size);
		harness_close(&h);
		skip();
	}
	memset(filler, 'x', 900);
	memcpy(filler, "<7>why-test ", 12);
	filler[899] = '\n';
	unsigned n = (unsigned)size / 900 * 2;
	bool whole = true;
	for (unsigned i = 0; i < n; i++)
		whole = whole && write(fd, filler, 900) == 900;
	(void)set_devkmsg(old, NULL, 0);
	assert_true(whole);
	double lost = 0, read_records = 0;
	while (harness_wait(h, 200)) {
		int taken = harness_drain(h, 256, clock_mono_now());
		assert_true(taken > 0);
		read_records += taken;
		if (harness_events(h, "kernlog.lost"))
			lost += harness_number(h, harness_event(h, "kernlog.lost", 0), "lost");
		if (read_records > 15000)
			break;
	}
	assert_true(lost > 0 && read_records > 0);
	assert_true(lost + read_records >= n);
	harness_close(&h);
}

/* The kernel's own lines, facility 0: a crash, and an OOM kill in a cgroup. */
static void test_real_segfault(void **unused)
{
	(void)unused;
	struct harness *h = open_real(0);
	if (!h)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "why-segfault");
		signal(SIGSEGV, SIG_DFL);
		char *volatile nowhere = (char *)(uintptr_t)getuid() + 16;
		*nowhere = 1;
		_exit(0);
	}
	if (real_cgroup_wait(pid) != 128 + SIGSEGV) {
		print_message("skipped: under a sanitizer the crash is caught before the kernel sees it\n");
		harness_close(&h);
		skip();
	}
	const struct event *e = NULL;
	while (!e && harness_wait(h, 500)) {
		assert_true(harness_drain(h, 256, clock_mono_now()) > 0);
		for (size_t i = 0; i < harness_events(h, "kernlog.segfault"); i++)
			if (harness_number(h, harness_event(h, "kernlog.segfault", i), "pid") == pid)
				e = harness_event(h, "kernlog.segfault", i);
	}
	if (!e) {
		print_message("skipped: this kernel does not log crashes (debug.exception-trace)\n");
		harness_close(&h);
		skip();
	}
	assert_string_equal(harness_text(h, e, "comm"), "why-segfault");
	assert_string_equal(harness_text(h, e, "address"), "10");
	assert_int_equal(e->simulated, 0);
	harness_close(&h);
}

static int eat(void *arg)
{
	(void)arg;
	size_t bytes = 64 << 20;
	char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; block != MAP_FAILED && i < bytes; i += 4096)
		block[i] = 1;
	return 0;
}

static void test_real_oom(void **unused)
{
	(void)unused;
	struct real_cgroup c;
	struct harness *h = open_real(0);
	if (!h)
		skip();
	if (!real_cgroup_make("memory", &c)) {
		harness_close(&h);
		skip();
	}
	assert_true(real_cgroup_write(&c, c.v2 ? "memory.max" : "memory.limit_in_bytes", "16777216"));
	pid_t pid = real_cgroup_run(&c, eat, NULL);
	assert_int_equal(real_cgroup_wait(pid), 128 + SIGKILL);
	const struct event *e = NULL;
	while (!e && harness_wait(h, 1000)) {
		assert_true(harness_drain(h, 256, clock_mono_now()) > 0);
		for (size_t i = 0; i < harness_events(h, "kernlog.oom"); i++)
			if (harness_number(h, harness_event(h, "kernlog.oom", i), "victim_pid") == pid)
				e = harness_event(h, "kernlog.oom", i);
	}
	assert_non_null(e);
	assert_string_equal(harness_text(h, e, "constraint"), "memcg");
	assert_string_equal(harness_text(h, e, "cgroup"), c.key);
	assert_string_equal(harness_text(h, e, "task_cgroup"), c.key);
	assert_true(harness_number(h, e, "anon_rss") >= 8 << 20);
	real_cgroup_remove(&c);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_oom_report_is_one_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oom_report_with_holes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_continued_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_of_a_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_storm_about_one_gpu_does_not_hide_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_position_survives_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_is_bounded, setup, teardown),
		cmocka_unit_test(test_real_forgery_is_refused),
		cmocka_unit_test(test_real_resume),
		cmocka_unit_test(test_real_segfault),
		cmocka_unit_test(test_real_oom),
		cmocka_unit_test(test_real_overrun_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

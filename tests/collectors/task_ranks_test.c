/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/tasks.h"
#include "collectors/task_ranks.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_tasks;

#define JOB "torchrun:trial"

static void rest(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void collect(struct harness *h)
{
	assert_ok(harness_collect(h, clock_mono_now()));
}

static entity_id process_of(struct harness *h, pid_t pid)
{
	char key[64];

	scene_key(pid, key, sizeof(key));
	return batch_entity(h->batch, ENTITY_PROCESS, key);
}

/* Process OF rank OF job, as collectors/workload.c writes it. */
static void make_rank(struct harness *h, const char *member, pid_t pid)
{
	char key[64];

	(void)snprintf(key, sizeof(key), JOB "/%s", member);
	entity_id rank = batch_entity(h->batch, ENTITY_RANK, key), job = batch_entity(h->batch, ENTITY_JOB, JOB);
	batch_link(h->batch, EDGE_OF, rank, job);
	batch_link(h->batch, EDGE_OF, process_of(h, pid), rank);
}

static double of_rank(struct harness *h, const char *metric, const char *member)
{
	char key[64];

	(void)snprintf(key, sizeof(key), JOB "/%s", member);
	return harness_value(h, metric, ENTITY_RANK, key);
}

static double of_job(struct harness *h, const char *metric)
{
	return harness_value(h, metric, ENTITY_JOB, JOB);
}

/* Two ticks to begin with, then one of `ms`. */
static void watch(struct harness *h, long ms)
{
	collect(h);
	rest(60);
	collect(h);
	rest(ms);
	collect(h);
}

static int vfork_body(void *arg)
{
	(void)arg;
	/* The parent of a vfork waits uninterruptible, as for a disk that does not answer, until the child is gone. */
	pid_t pid = vfork();
	if (pid == 0) {
		struct timespec t = { .tv_sec = 30 };
		(void)nanosleep(&t, NULL);
		_exit(0);
	}
	return 0;
}

/* One of each: what distinguishes them is what they do. */
static void four_ranks_are_told_apart(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	pid_t busy = scene_spawn("rk-busy", scene_spin, NULL), idle = scene_spawn("rk-idle", scene_sleep, NULL);
	pid_t stopped = scene_spawn("rk-stopped", scene_spin, NULL), io = scene_spawn("rk-io", vfork_body, NULL);

	(void)state;
	make_rank(h, "0", busy);
	make_rank(h, "1", idle);
	make_rank(h, "2", stopped);
	make_rank(h, "3", io);
	assert_ok(kill(stopped, SIGSTOP));
	watch(h, 1000);
	assert_true(of_rank(h, "rank.cpu", "0") > 0.1);
	assert_true(of_rank(h, "rank.idle_ratio", "0") < 0.2);
	assert_true(of_rank(h, "rank.io_wait_ratio", "0") < 0.2);
	assert_true(of_rank(h, "rank.stopped_time", "0") == 0);

	assert_true(of_rank(h, "rank.cpu", "1") < 0.01);
	assert_true(of_rank(h, "rank.idle_ratio", "1") > 0.95);
	assert_true(of_rank(h, "rank.held_ratio", "1") < 0.05);

	assert_true(of_rank(h, "rank.cpu", "2") < 0.01);
	assert_true(of_rank(h, "rank.held_ratio", "2") > 0.95);
	assert_true(of_rank(h, "rank.idle_ratio", "2") < 0.05);
	assert_true(of_rank(h, "rank.stopped_time", "2") >= 900e6);

	assert_true(of_rank(h, "rank.io_wait_ratio", "3") > 0.95);
	assert_true(of_rank(h, "rank.held_ratio", "3") > 0.95);
	assert_true(of_rank(h, "rank.stopped_time", "3") == 0);
	assert_true(of_rank(h, "rank.processes", "3") == 1);

	assert_true(of_job(h, "job.ranks") == 4);
	assert_true(of_job(h, "job.ranks_idle") == 1);
	assert_true(of_job(h, "job.ranks_held") >= 2); /* the busy one may wait for a CPU on this machine */

	double before = of_rank(h, "rank.stopped_time", "2");
	rest(100);
	collect(h);
	assert_true(of_rank(h, "rank.stopped_time", "2") >= before + 100e6);
	assert_ok(kill(stopped, SIGCONT));
	rest(200);
	collect(h);
	rest(200);
	collect(h);
	assert_true(of_rank(h, "rank.stopped_time", "2") == 0);
	assert_true(of_rank(h, "rank.cpu", "2") > 0.05);
	(void)scene_end(busy);
	(void)scene_end(idle);
	(void)scene_end(stopped);
	(void)scene_end(io);
	harness_close(&h);
}

static void a_quota_holds_a_rank(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX];

	(void)state;
	if (!scene_cgroup("cpu", "whyrank", folder, path))
		skip();
	struct harness *h = scene_harness(&collector_tasks);
	pid_t pid = scene_spawn("rk-quota", scene_spin, NULL);
	if (scene_cgroup_has(folder, "cpu.max"))
		scene_cgroup_set(folder, "cpu.max", "10000 100000");
	else
		scene_cgroup_set(folder, "cpu.cfs_quota_us", "10000");
	scene_cgroup_enter(folder, pid);
	make_rank(h, "0", pid);
	watch(h, 1000);
	assert_true(of_rank(h, "rank.cpu", "0") < 0.25);
	assert_true(of_rank(h, "rank.held_ratio", "0") > 0.7);
	assert_true(of_rank(h, "rank.run_delay_ratio", "0") > 0.7);
	assert_true(of_rank(h, "rank.idle_ratio", "0") < 0.2);
	assert_true(of_rank(h, "rank.io_wait_ratio", "0") < 0.1);
	(void)scene_end(pid);
	harness_close(&h);
	scene_cgroup_remove(folder);
}

/* What a data loader does is what its rank does. */
static void children_count_to_their_rank(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	pid_t parent = scene_spawn("rk-parent", scene_sleep, NULL), child = scene_spawn("rk-loader", scene_spin, NULL);

	(void)state;
	make_rank(h, "0", parent);
	watch(h, 300);
	assert_true(of_rank(h, "rank.idle_ratio", "0") > 0.9);
	make_rank(h, "0", child);
	watch(h, 500);
	assert_true(of_rank(h, "rank.processes", "0") == 2);
	assert_true(of_rank(h, "rank.cpu", "0") > 0.1);
	assert_true(of_rank(h, "rank.idle_ratio", "0") < 0.2);
	/* It ends: the rank goes on without it. */
	entity_id gone = process_of(h, child);
	(void)scene_end(child);
	batch_gone(h->batch, gone);
	watch(h, 300);
	assert_true(of_rank(h, "rank.processes", "0") == 1);
	assert_true(of_rank(h, "rank.idle_ratio", "0") > 0.9);
	(void)scene_end(parent);
	harness_close(&h);
}

static int write_much(void *arg)
{
	static char block[1 << 20];
	AUTO_CLOSE int fd = open(arg, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)raise(SIGSTOP);
	for (int i = 0; i < 4; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			return 1;
	(void)fsync(fd);
	(void)raise(SIGSTOP);
	return 0;
}

static void bytes_are_counted(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	char folder[128], path[160];
	int status;

	(void)state;
	(void)harness_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/data", folder);
	pid_t pid = scene_spawn("rk-write", write_much, path);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	make_rank(h, "0", pid);
	watch(h, 50);
	double before = of_rank(h, "rank.io.written", "0");
	(void)kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	collect(h);
	assert_true(of_rank(h, "rank.io.written", "0") - before >= 4 << 20);
	assert_true(of_rank(h, "rank.io.written", "0") - before < 8 << 20);
	(void)scene_end(pid);
	harness_close(&h);
	harness_remove(folder);
}

/* A launcher moves the process after it was made; the newest cgroup is the one that it is in. */
static void a_moved_process_is_in_its_new_cgroup(void **state)
{
	char one[SCENE_PATH_MAX], one_path[SCENE_PATH_MAX], two[SCENE_PATH_MAX], two_path[SCENE_PATH_MAX];
	entity_id found[4];

	(void)state;
	if (!scene_cgroup("cpu", "whyone", one, one_path) || !scene_cgroup("cpu", "whytwo", two, two_path))
		skip();
	struct harness *h = scene_harness(&collector_tasks);
	pid_t pid = scene_spawn("rk-moved", scene_sleep, NULL);
	scene_cgroup_enter(one, pid);
	make_rank(h, "0", pid);
	watch(h, 20);
	entity_id id = process_of(h, pid);
	assert_int_equal(graph_neighbours(h->graph, id, false, ENTITY_CGROUP, found, 4), 1);
	assert_string_equal(graph_key(h->graph, found[0]), one_path);
	scene_cgroup_enter(two, pid);
	collect(h);
	assert_int_equal(graph_neighbours(h->graph, id, false, ENTITY_CGROUP, found, 4), 1);
	assert_string_equal(graph_key(h->graph, found[0]), two_path);
	(void)scene_end(pid);
	harness_close(&h);
	scene_cgroup_remove(one);
	scene_cgroup_remove(two);
}

/* The kernel half is asked for the process that the key names, and a pid alone is not one. */
static void a_rank_without_a_living_process_is_not_told(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	pid_t pid = scene_spawn("rk-short", scene_sleep, NULL);

	(void)state;
	make_rank(h, "0", pid);
	watch(h, 50);
	assert_true(harness_has(h, "rank.idle_ratio", ENTITY_RANK, JOB "/0"));
	entity_id id = process_of(h, pid);
	(void)scene_end(pid);
	batch_gone(h->batch, id);
	rest(20);
	collect(h);
	assert_false(harness_has(h, "rank.idle_ratio", ENTITY_RANK, JOB "/0"));
	assert_false(harness_has(h, "job.ranks", ENTITY_JOB, JOB));
	harness_close(&h);
}

/* More than fit are counted, and what fits is still told. */
static void more_processes_than_fit_are_counted(void **state)
{
	static const struct task_ranks_maps none = { -1, -1, -1, -1, -1 };
	struct harness *h = scene_harness(&collector_tasks);
	struct tasks_control control = { 0 };
	struct task_ranks *t = NULL;

	(void)state;
	for (int i = 0; i < TASKS_MAX_RANKS + 3; i++) {
		char rank[64], process[64];
		(void)snprintf(rank, sizeof(rank), JOB "/%d", i);
		(void)snprintf(process, sizeof(process), "%d/77", 5000000 + i);
		batch_link(h->batch, EDGE_OF, batch_entity(h->batch, ENTITY_PROCESS, process),
			   batch_entity(h->batch, ENTITY_RANK, rank));
	}
	assert_ok(task_ranks_new(&none, 100, 0, &t));
	task_ranks_ask(t, h->graph, &control);
	assert_int_equal(task_ranks_untold(t), 3);
	task_ranks_free(&t);
	assert_null(t);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_ranks_are_told_apart),
		cmocka_unit_test(a_quota_holds_a_rank),
		cmocka_unit_test(children_count_to_their_rank),
		cmocka_unit_test(bytes_are_counted),
		cmocka_unit_test(a_moved_process_is_in_its_new_cgroup),
		cmocka_unit_test(a_rank_without_a_living_process_is_not_told),
		cmocka_unit_test(more_processes_than_fit_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

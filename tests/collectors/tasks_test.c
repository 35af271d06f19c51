/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_tasks;

static void rest(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static mono_ns_t collect(struct harness *h)
{
	mono_ns_t now = clock_mono_now();

	assert_ok(harness_collect(h, now));
	return now;
}

/* CPU time of a living process as the kernel accounts it. */
static double cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	assert_ok(clock_getcpuclockid(pid, &clock));
	assert_ok(clock_gettime(clock, &t));
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void a_spinning_cgroup_uses_what_its_task_uses(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX];

	(void)state;
	if (!scene_cgroup("cpu", "whytasks", folder, path))
		skip();
	struct harness *h = scene_harness(&collector_tasks);
	pid_t pid = scene_spawn("tk-spin", scene_spin, NULL);
	scene_cgroup_enter(folder, pid);
	(void)collect(h);
	double used = cpu_ns(pid);
	mono_ns_t from = collect(h);
	double before = harness_value(h, "cgroup.sched.run_time", ENTITY_CGROUP, path);
	rest(1000);
	mono_ns_t to = collect(h);
	used = cpu_ns(pid) - used;
	double run = harness_value(h, "cgroup.sched.run_time", ENTITY_CGROUP, path) - before;
	double rate = harness_value(h, "cgroup.sched.run", ENTITY_CGROUP, path);
	double demand = harness_value(h, "cgroup.sched.demand", ENTITY_CGROUP, path);
	/* Two ticks of the scheduler, and the reading itself, may lie between the two ways of asking. */
	assert_true(fabs(run - used) < 0.2 * used + 20e6);
	assert_true(fabs(rate - run / (double)(to - from)) < 0.001);
	assert_true(demand >= rate);
	assert_true(harness_value(h, "cgroup.sched.run_delay_ratio", ENTITY_CGROUP, path) <= 1);
	assert_true(harness_value(h, "cgroup.tasks.processes", ENTITY_CGROUP, path) == 1);
	assert_true(harness_value(h, "cgroup.tasks.threads", ENTITY_CGROUP, path) == 1);
	assert_true(harness_value(h, "cgroup.tasks.runnable", ENTITY_CGROUP, path) == 1);
	assert_true(harness_value(h, "cgroup.cpus_allowed", ENTITY_CGROUP, path) >= 1);
	assert_true(harness_node(h, "node.sched.demand") >= demand - 0.001);
	(void)scene_end(pid);
	/* Its counters do not fall when it is gone, and it has no tasks then. */
	(void)collect(h);
	assert_true(harness_value(h, "cgroup.sched.run_time", ENTITY_CGROUP, path) >= before + run);
	assert_true(harness_value(h, "cgroup.tasks.threads", ENTITY_CGROUP, path) == 0);
	harness_close(&h);
	scene_cgroup_remove(folder);
}

static int spin_a_little(void *arg)
{
	struct timespec t;

	do {
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < *(long *)arg);
	return 0;
}

static int run_short_ones(void *arg)
{
	long ms = 40;

	rest(200); /* until it is in its cgroup */
	for (int i = 0; i < *(int *)arg; i++)
		(void)scene_wait(scene_spawn("tk-short", spin_a_little, &ms));
	return 0;
}

/* Tasks that live between two looks are counted when they exit. */
static void short_lived_tasks_count(void **state)
{
	char folder[SCENE_PATH_MAX], path[SCENE_PATH_MAX];
	int n = 10;

	(void)state;
	if (!scene_cgroup("cpu", "whyshort", folder, path))
		skip();
	struct harness *h = scene_harness(&collector_tasks);
	(void)collect(h);
	pid_t pid = scene_spawn("tk-parent", run_short_ones, &n);
	scene_cgroup_enter(folder, pid);
	(void)collect(h);
	double before = harness_value(h, "cgroup.sched.run_time", ENTITY_CGROUP, path);
	(void)scene_wait(pid);
	(void)collect(h);
	double run = harness_value(h, "cgroup.sched.run_time", ENTITY_CGROUP, path) - before;
	assert_true(run >= 0.9 * 10 * 40e6);
	assert_true(run < 3.0 * 10 * 40e6);
	harness_close(&h);
	scene_cgroup_remove(folder);
}

/* A body: the first of a session that has a terminal. */
static int terminal_body(void *arg)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || setsid() < 0 || open(ptsname(fd), O_RDWR | O_CLOEXEC) < 0)
		return 1;
	return scene_sleep(arg);
}

/* A body: a session that has none. */
static int session_body(void *arg)
{
	(void)setsid();
	return scene_sleep(arg);
}

/* What a shell's job control holds is told apart. */
static void a_stopped_process_tells_its_terminal(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	pid_t with = scene_spawn("tk-tty", terminal_body, NULL), without = scene_spawn("tk-notty", session_body, NULL);
	char with_key[64], without_key[64];

	(void)state;
	rest(100);
	scene_key(with, with_key, sizeof(with_key));
	scene_key(without, without_key, sizeof(without_key));
	assert_ok(kill(with, SIGSTOP));
	assert_ok(kill(without, SIGSTOP));
	rest(50);
	(void)collect(h);
	rest(50);
	(void)collect(h);
	const char *terminal = graph_attr(h->graph, graph_find(h->graph, ENTITY_PROCESS, with_key), "terminal");
	assert_non_null(terminal);
	assert_string_equal(terminal, "yes");
	terminal = graph_attr(h->graph, graph_find(h->graph, ENTITY_PROCESS, without_key), "terminal");
	assert_non_null(terminal);
	assert_string_equal(terminal, "no");
	(void)scene_end(with);
	(void)scene_end(without);
	harness_close(&h);
}

static void a_stopped_process_is_told_until_it_goes_on(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	pid_t pid = scene_spawn("tk-stopped", scene_sleep, NULL);
	char key[64];

	(void)state;
	scene_key(pid, key, sizeof(key));
	(void)collect(h);
	double stopped = harness_node(h, "node.tasks.stopped");
	assert_ok(kill(pid, SIGSTOP));
	rest(50);
	mono_ns_t from = collect(h);
	assert_true(harness_node(h, "node.tasks.stopped") >= stopped + 1);
	rest(100);
	mono_ns_t to = collect(h);
	assert_true(harness_value(h, "proc.state.stopped_time", ENTITY_PROCESS, key) == (double)(to - from));
	entity_id id = graph_find(h->graph, ENTITY_PROCESS, key);
	assert_string_equal(graph_attr(h->graph, id, "comm"), "tk-stopped");
	entity_id cgroup;
	assert_int_equal(graph_neighbours(h->graph, id, false, ENTITY_CGROUP, &cgroup, 1), 1);
	assert_ok(kill(pid, SIGCONT));
	rest(50);
	(void)collect(h);
	assert_true(harness_value(h, "proc.state.stopped_time", ENTITY_PROCESS, key) == 0);
	(void)collect(h);
	assert_false(harness_has(h, "proc.state.stopped_time", ENTITY_PROCESS, key));
	(void)scene_end(pid);
	harness_close(&h);
}

static int open_many(void *arg)
{
	const struct rlimit limit = { .rlim_cur = 100, .rlim_max = 100 };

	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)close_range(3, ~0U, 0);
	for (int i = 3; i < *(int *)arg; i++)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return 1;
	(void)raise(SIGSTOP);
	(void)close_range(10, ~0U, 0);
	(void)raise(SIGSTOP);
	return 0;
}

static void a_nearly_full_descriptor_table_is_told(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	char key[64], low_key[64];
	int n = 90, few = 30, status;

	(void)state;
	pid_t pid = scene_spawn("tk-fds", open_many, &n), low = scene_spawn("tk-few", open_many, &few);
	scene_key(pid, key, sizeof(key));
	scene_key(low, low_key, sizeof(low_key));
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(waitpid(low, &status, WUNTRACED), low);
	(void)collect(h);
	assert_true(fabs(harness_value(h, "proc.fd.used_ratio", ENTITY_PROCESS, key) - 0.9) < 1e-9);
	assert_true(harness_value(h, "proc.fd.limit", ENTITY_PROCESS, key) == 100);
	assert_false(harness_has(h, "proc.fd.used_ratio", ENTITY_PROCESS, low_key));
	/* It closes most of them: told once more, with the lower value. */
	(void)kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	(void)collect(h);
	assert_true(fabs(harness_value(h, "proc.fd.used_ratio", ENTITY_PROCESS, key) - 0.1) < 1e-9);
	(void)collect(h);
	assert_false(harness_has(h, "proc.fd.used_ratio", ENTITY_PROCESS, key));
	(void)scene_end(pid);
	(void)scene_end(low);
	harness_close(&h);
}

static int leave_zombies(void *arg)
{
	(void)arg;
	for (int i = 0; i < 12; i++)
		if (fork() == 0)
			_exit(0);
	rest(200);
	(void)raise(SIGSTOP);
	while (waitpid(-1, NULL, 0) > 0)
		;
	(void)raise(SIGSTOP);
	return 0;
}

static void a_parent_of_zombies_is_told(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	char key[64];
	int status;

	(void)state;
	pid_t pid = scene_spawn("tk-parent", leave_zombies, NULL);
	scene_key(pid, key, sizeof(key));
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	(void)collect(h);
	assert_true(harness_value(h, "proc.zombie_children", ENTITY_PROCESS, key) == 12);
	assert_true(harness_node(h, "node.tasks.zombie") >= 12);
	(void)kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	(void)collect(h);
	assert_true(harness_value(h, "proc.zombie_children", ENTITY_PROCESS, key) == 0);
	(void)scene_end(pid);
	harness_close(&h);
}

static int make_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++)
		(void)scene_spawn("tk-many", scene_sleep, NULL);
	(void)kill(0, SIGSTOP); /* the whole group, itself included */
	return 0;
}

static int lead_group(void *arg)
{
	(void)setpgid(0, 0);
	return make_many(arg);
}

/* More than fit are counted, not written past the end. */
static void more_stuck_processes_than_fit_are_counted(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	int status;

	(void)state;
	(void)collect(h);
	double untold = harness_node(h, "node.tasks.untold");
	pid_t pid = scene_spawn("tk-group", lead_group, NULL);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	rest(100);
	(void)collect(h);
	rest(20);
	(void)collect(h);
	assert_true(harness_node(h, "node.tasks.stopped") >= 41);
	assert_true(harness_node(h, "node.tasks.untold") > untold);
	(void)kill(-pid, SIGKILL);
	(void)scene_wait(pid);
	harness_close(&h);
}

static void the_same_now_twice_reads_once(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	mono_ns_t now = collect(h);

	(void)state;
	assert_ok(harness_collect(h, now));
	assert_int_equal(h->batch->n_samples, 0);
	harness_close(&h);
}

static void say_check(void *arg, const char *hook, int error, const char *reason)
{
	assert_int_equal(error, 0);
	assert_string_equal(reason, "");
	assert_null(strstr(hook, "sched_switch"));
	(*(int *)arg)++;
}

static void hooks_are_the_iterator_the_exit_and_the_looker(void **state)
{
	struct harness *h = scene_harness(&collector_tasks);
	int n = 0;

	(void)state;
	collector_tasks.hooks(h->state, say_check, &n);
	assert_int_equal(n, 3);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spinning_cgroup_uses_what_its_task_uses),
		cmocka_unit_test(short_lived_tasks_count),
		cmocka_unit_test(a_stopped_process_tells_its_terminal),
		cmocka_unit_test(a_stopped_process_is_told_until_it_goes_on),
		cmocka_unit_test(a_nearly_full_descriptor_table_is_told),
		cmocka_unit_test(a_parent_of_zombies_is_told),
		cmocka_unit_test(more_stuck_processes_than_fit_are_counted),
		cmocka_unit_test(the_same_now_twice_reads_once),
		cmocka_unit_test(hooks_are_the_iterator_the_exit_and_the_looker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

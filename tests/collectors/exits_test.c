/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/exits.h"
#include "bpf/exits.skel.h"
#include "collectors/kernel_half.h"
#include "tests/collectors/scene.h"

extern const struct collector collector_exits;

static int kill_body(void *arg)
{
	return kill(*(pid_t *)arg, SIGKILL);
}

static int stop_body(void *arg)
{
	return kill(*(pid_t *)arg, SIGSTOP);
}

static int fault_body(void *arg)
{
	volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer may have taken it */
	*p = 1;
	return 0;
}

static int fail_body(void *arg)
{
	(void)usleep(1100000);
	return *(int *)arg;
}

static int quick_body(void *arg)
{
	return *(int *)arg;
}

static void sigkill_names_its_sender(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	pid_t victim = scene_spawn("ex-victim", scene_sleep, NULL), killer;
	char key[64], wanted[64];

	(void)state;
	scene_key(victim, key, sizeof(key));
	(void)snprintf(wanted, sizeof(wanted), "%u", geteuid());
	killer = scene_spawn("ex-killer", kill_body, &victim);
	const struct event *e = scene_await(h, "proc.signal.fatal", key);
	assert_non_null(e);
	assert_int_equal(e->code, SIGKILL);
	assert_string_equal(harness_text(h, e, "comm"), "ex-victim");
	assert_string_equal(harness_text(h, e, "sender_comm"), "ex-killer");
	assert_true(harness_number(h, e, "sender_pid") == killer);
	assert_true(harness_number(h, e, "sender_uid") == geteuid());
	assert_true(harness_number(h, e, "by_kernel") == 0);
	assert_true(harness_number(h, e, "same_process") == 0);
	assert_true(harness_number(h, e, "sender_above") == 0); /* a sibling */
	assert_non_null(harness_text(h, e, "cgroup"));
	assert_int_equal(harness_text(h, e, "cgroup")[0], '/');
	char pid_text[16];
	(void)snprintf(pid_text, sizeof(pid_text), "%d", victim);
	entity_id id = graph_find(h->graph, ENTITY_PROCESS, key);
	assert_string_equal(graph_attr(h->graph, id, "pid"), pid_text);
	assert_string_equal(graph_attr(h->graph, id, "comm"), "ex-victim");
	assert_string_equal(graph_attr(h->graph, id, "uid"), wanted);
	(void)scene_wait(killer);
	/* The death itself, unless it came in the same drain. */
	if (harness_events(h, "proc.exit") == 0)
		e = scene_await(h, "proc.exit", key);
	else
		e = harness_event(h, "proc.exit", 0);
	assert_non_null(e);
	assert_true(harness_number(h, e, "signal") == SIGKILL);
	assert_true(graph_is_gone(h->graph, id, NULL));
	(void)scene_wait(victim);
	harness_close(&h);
}

static void a_fault_is_by_the_kernel_and_by_itself(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	char prefix[16];

	(void)state;
	pid_t pid = scene_spawn("ex-fault", fault_body, NULL);
	(void)snprintf(prefix, sizeof(prefix), "%d/", pid);
	const struct event *e = NULL;
	for (int i = 0; i < 20 && !e; i++) {
		e = scene_await(h, "proc.signal.fatal", NULL);
		if (e && strncmp(harness_event_key(h, e), prefix, strlen(prefix)) != 0)
			e = NULL;
	}
	assert_non_null(e);
	assert_int_equal(e->code, SIGSEGV);
	assert_true(harness_number(h, e, "by_kernel") == 1);
	assert_true(harness_number(h, e, "same_process") == 1);
	assert_string_equal(harness_text(h, e, "sender_comm"), "kernel");
	(void)scene_wait(pid);
	harness_close(&h);
}

static void a_stop_is_reported_with_its_sender(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	pid_t victim = scene_spawn("ex-stopped", scene_sleep, NULL), sender;
	char key[64];

	(void)state;
	scene_key(victim, key, sizeof(key));
	sender = scene_spawn("ex-stopper", stop_body, &victim);
	const struct event *e = scene_await(h, "proc.signal.stop", key);
	assert_non_null(e);
	assert_int_equal(e->code, SIGSTOP);
	assert_string_equal(harness_text(h, e, "sender_comm"), "ex-stopper");
	assert_true(harness_number(h, e, "sender_pid") == sender);
	(void)scene_wait(sender);
	(void)scene_end(victim);
	harness_close(&h);
}

static void a_failure_is_told_when_it_lived(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	char key[64];
	int code = 37;

	(void)state;
	pid_t pid = scene_spawn("ex-fails", fail_body, &code);
	scene_key(pid, key, sizeof(key));
	const struct event *e = scene_await(h, "proc.exit", key);
	assert_non_null(e);
	assert_int_equal(e->code, 37);
	assert_true(harness_number(h, e, "exit_code") == 37);
	assert_true(harness_number(h, e, "signal") == 0);
	assert_true(harness_number(h, e, "lifetime") > 1.0e9 && harness_number(h, e, "lifetime") < 60.0e9);
	(void)scene_wait(pid);
	harness_close(&h);
}

/* Successful short processes are counted in the kernel and sent nowhere. */
static void ordinary_ends_are_only_counted(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	int codes[2] = { 0, 1 };

	(void)state;
	assert_ok(harness_collect(h, clock_mono_now()));
	double exits = harness_node(h, "node.proc.exits"), abnormal = harness_node(h, "node.proc.abnormal_exits");
	for (int i = 0; i < 50; i++)
		(void)scene_wait(scene_spawn("ex-quick", quick_body, &codes[i % 2]));
	assert_ok(harness_collect(h, clock_mono_now()));
	assert_true(harness_node(h, "node.proc.exits") >= exits + 50);
	assert_true(harness_node(h, "node.proc.abnormal_exits") >= abnormal + 25);
	while (harness_drain(h, 64, clock_mono_now()) > 0)
		for (size_t i = 0; i < harness_events(h, "proc.exit"); i++)
			assert_string_not_equal(harness_text(h, harness_event(h, "proc.exit", i), "comm"), "ex-quick");
	harness_close(&h);
}

/* A process that somebody made an entity for is followed to its end, also when that is a good one. */
static void a_known_process_is_gone_when_it_ends(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	pid_t pid = scene_spawn("ex-known", scene_sleep, NULL), stale = scene_spawn("ex-stale", scene_sleep, NULL);
	char key[64], stale_key[64];

	(void)state;
	scene_key(pid, key, sizeof(key));
	scene_key(stale, stale_key, sizeof(stale_key));
	(void)scene_end(stale);
	while (harness_drain(h, 64, clock_mono_now()) > 0)
		;
	harness_collect(h, clock_mono_now());
	entity_id id = batch_entity(h->batch, ENTITY_PROCESS, key), gone = batch_entity(h->batch, ENTITY_PROCESS, stale_key);
	assert_ok(harness_collect(h, clock_mono_now()));
	assert_false(graph_is_gone(h->graph, id, NULL));
	assert_true(graph_is_gone(h->graph, gone, NULL)); /* was dead when it was made */
	(void)kill(pid, SIGTERM);
	(void)scene_wait(pid);
	for (int i = 0; i < 50 && !graph_is_gone(h->graph, id, NULL); i++)
		if (harness_wait(h, 100))
			(void)harness_drain(h, 64, clock_mono_now());
	assert_true(graph_is_gone(h->graph, id, NULL));
	harness_close(&h);
}

/* A flood is bounded, counted, and cannot silence a fatal signal that comes after it. */
static void a_flood_is_counted_as_missed(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	pid_t victim = scene_spawn("ex-after", scene_sleep, NULL);
	char key[64];
	int code = 127;

	(void)state;
	assert_ok(harness_collect(h, clock_mono_now()));
	double missed = harness_node(h, "node.proc.missed");
	for (int i = 0; i < 600; i++)
		(void)scene_wait(scene_spawn("ex-flood", quick_body, &code));
	scene_key(victim, key, sizeof(key));
	(void)kill(victim, SIGKILL);
	assert_non_null(scene_await(h, "proc.signal.fatal", key));
	assert_ok(harness_collect(h, clock_mono_now()));
	assert_true(harness_node(h, "node.proc.missed") > missed);
	(void)scene_wait(victim);
	harness_close(&h);
}

/* What the agent does to its own children is no news of the node; their end still is the end of their entity. */
static void the_agents_own_children_are_left_out(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	char key[64], other_key[64];

	(void)state;
	h->env.self_pid = (uint32_t)getpid();
	assert_ok(harness_restart(h));
	pid_t own = scene_spawn("ex-own", scene_sleep, NULL), other = scene_spawn("ex-other", scene_sleep, NULL);
	scene_key(own, key, sizeof(key));
	scene_key(other, other_key, sizeof(other_key));
	(void)harness_drain(h, 64, clock_mono_now());
	entity_id id = batch_entity(h->batch, ENTITY_PROCESS, key);
	assert_ok(harness_collect(h, clock_mono_now()));
	(void)scene_end(own);
	pid_t killer = scene_spawn("ex-killer", kill_body, &other);
	const struct event *e = scene_await(h, "proc.signal.fatal", NULL);
	for (int i = 0; i < 20 && e && strcmp(harness_event_key(h, e), other_key) != 0; i++) {
		assert_string_not_equal(harness_event_key(h, e), key);
		e = scene_await(h, "proc.signal.fatal", other_key);
	}
	assert_non_null(e);
	assert_true(graph_is_gone(h->graph, id, NULL));
	(void)scene_wait(killer);
	(void)scene_wait(other);
	harness_close(&h);
}

/* Tells its child's pid, and waits. */
static int middle_body(void *arg)
{
	pid_t child = scene_spawn("ex-grandchild", scene_sleep, NULL);

	if (write(*(int *)arg, &child, sizeof(child)) != sizeof(child))
		return 1;
	return scene_sleep(NULL);
}

/* A test runner that kills the whole tree below it is no stranger. */
static void a_grandparent_is_known_to_be_above(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	char key[64];
	pid_t child;
	int ends[2];

	(void)state;
	assert_ok(pipe(ends));
	pid_t middle = scene_spawn("ex-middle", middle_body, &ends[1]);
	assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
	scene_key(child, key, sizeof(key));
	(void)kill(child, SIGKILL);
	const struct event *e = scene_await(h, "proc.signal.fatal", key);
	assert_non_null(e);
	assert_true(harness_number(h, e, "sender_above") == 1);
	(void)scene_end(middle);
	(void)close(ends[0]);
	(void)close(ends[1]);
	harness_close(&h);
}

/* The first process of a pid namespace, as a container has one: it forks the other, and waits. */
static int container_body(void *arg)
{
	if (unshare(CLONE_NEWPID) < 0)
		return 1;
	pid_t first = fork();
	if (first != 0)
		return first < 0 || waitpid(first, NULL, 0) < 0;
	pid_t other = fork();
	if (other == 0)
		(void)prctl(PR_SET_NAME, "ex-inside");
	if (write(*(int *)arg, &other, sizeof(other)) != sizeof(other))
		return 1;
	return scene_sleep(NULL);
}

/* Who deletes a pod kills its first process; the kernel then kills all others: nobody meant those, and nothing failed. */
static void who_ends_with_his_container_was_not_chosen(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	const struct event *e, *found = NULL;
	char children[64], path[96];
	AUTO_CLOSE int fd = -1;
	pid_t inside;
	int ends[2];

	(void)state;
	assert_ok(pipe(ends));
	pid_t shim = scene_spawn("ex-shim", container_body, &ends[1]);
	assert_int_equal(read(ends[0], &inside, sizeof(inside)), sizeof(inside));
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", shim, shim);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, children, sizeof(children) - 1);
	if (n <= 0)
		skip();
	children[n] = '\0';
	(void)usleep(50000); /* the other gives itself its name */
	(void)kill(atoi(children), SIGKILL);
	for (int i = 0; i < 50 && !found && (e = scene_await(h, "proc.signal.fatal", NULL)) != NULL; i++)
		for (size_t k = 0; k < harness_events(h, "proc.signal.fatal"); k++) {
			e = harness_event(h, "proc.signal.fatal", k);
			if (strcmp(harness_text(h, e, "comm"), "ex-inside") == 0)
				found = e;
		}
	assert_non_null(found);
	assert_true(harness_number(h, found, "by_kernel") == 1);
	assert_true(harness_number(h, found, "sender_above") == 1);
	assert_non_null(strstr(found->message, "the first process of its pid namespace, has ended"));
	(void)scene_wait(shim);
	(void)close(ends[0]);
	(void)close(ends[1]);
	harness_close(&h);
}

static void *wait_for_the_end(void *arg)
{
	(void)pause();
	return arg;
}

static int crowd_body(void *arg)
{
	pthread_t thread;

	for (int i = 0; i < 60; i++)
		if (pthread_create(&thread, NULL, wait_for_the_end, NULL) != 0)
			return 1;
	return scene_sleep(arg);
}

#define CROWDS 10

static void end_crowds(void)
{
	for (int round = 0; round < CROWDS; round++) {
		pid_t pid = scene_spawn("ex-crowd", crowd_body, NULL);
		(void)usleep(20000);
		(void)scene_end(pid);
	}
	(void)usleep(100000);
}

/* Threads that are killed together all find that no other one is left: still one process died. */
static void the_end_of_many_threads_is_one_death(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	size_t deaths = 0;

	(void)state;
	end_crowds();
	while (harness_drain(h, 64, clock_mono_now()) > 0)
		for (size_t i = 0; i < harness_events(h, "proc.exit"); i++)
			deaths += strcmp(harness_text(h, harness_event(h, "proc.exit", i), "comm"), "ex-crowd") == 0;
	assert_int_equal(deaths, CROWDS);
	harness_close(&h);
}

KERNEL_HALF_WRAP(exits)

static void set_without_group_dead(void *skel, const struct collect_env *env, void *arg)
{
	(void)env;
	(void)arg;
	((struct exits_bpf *)skel)->rodata->without_group_dead = 1;
}

static const struct kernel_half_ops older = { exits_kernel_half_open, exits_kernel_half_destroy, set_without_group_dead };

static int count_crowd(void *arg, const void *data, size_t size)
{
	const struct exits_event *e = data;

	assert_int_equal(size, sizeof(*e));
	*(size_t *)arg += e->what == EXITS_EXIT && strcmp(e->task.comm, "ex-crowd") == 0;
	return 0;
}

/* As on kernels whose hook does not tell which thread was the last. */
static void so_it_is_on_older_kernels(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	struct kernel_half k = { 0 };
	struct kernel_ring ring = { 0 };
	size_t deaths = 0;

	(void)state;
	assert_ok(kernel_half_open(&k, &older, &h->env, NULL));
	struct exits_bpf *skel = k.skel;
	assert_ok(kernel_ring_open(&ring, bpf_map__fd(skel->maps.deaths), count_crowd, &deaths));
	end_crowds();
	while (kernel_ring_drain(&ring, 64) > 0)
		;
	assert_int_equal(deaths, CROWDS);
	kernel_ring_close(&ring);
	kernel_half_close(&k);
	harness_close(&h);
}

static void a_fixture_root_is_refused_with_a_reason(void **state)
{
	struct harness *h = harness_new(&collector_exits, "/tmp");

	(void)state;
	assert_err(harness_probe(h), ENOSYS);
	assert_non_null(strstr(h->reason, "root prefix"));
	harness_close(&h);
}

static void say_count(void *arg, const char *hook, int error, const char *reason)
{
	(void)reason;
	assert_null(strstr(hook, "sched_switch"));
	if (!error)
		(*(int *)arg)++;
}

static void every_hook_is_reported(void **state)
{
	struct harness *h = scene_harness(&collector_exits);
	int n = 0;

	(void)state;
	collector_exits.hooks(h->state, say_count, &n);
	assert_int_equal(n, 3);
	harness_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigkill_names_its_sender),
		cmocka_unit_test(a_fault_is_by_the_kernel_and_by_itself),
		cmocka_unit_test(a_stop_is_reported_with_its_sender),
		cmocka_unit_test(a_failure_is_told_when_it_lived),
		cmocka_unit_test(ordinary_ends_are_only_counted),
		cmocka_unit_test(a_known_process_is_gone_when_it_ends),
		cmocka_unit_test(a_flood_is_counted_as_missed),
		cmocka_unit_test(the_agents_own_children_are_left_out),
		cmocka_unit_test(a_grandparent_is_known_to_be_above),
		cmocka_unit_test(who_ends_with_his_container_was_not_chosen),
		cmocka_unit_test(the_end_of_many_threads_is_one_death),
		cmocka_unit_test(so_it_is_on_older_kernels),
		cmocka_unit_test(a_fixture_root_is_refused_with_a_reason),
		cmocka_unit_test(every_hook_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
